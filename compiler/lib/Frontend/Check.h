//===- Check.h - Checks of definitions that need no instance ---------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_CHECK_H
#define LIGHTHOUSE_LIB_FRONTEND_CHECK_H

#include "Definitions.h"

namespace lighthouse::frontend {

class Diagnostics;

/// Checks names, numbers of arguments and the place of statements in all definitions, so that also
/// what is never instantiated gets its errors. Types are checked per instance.
void checkDefinitions(const Definitions &definitions, Diagnostics &diagnostics);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_CHECK_H
