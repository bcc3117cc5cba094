//===- Programs.h - Programs of the C interface -----------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_CAPI_PROGRAMS_H
#define LIGHTHOUSE_RUNTIME_LIB_CAPI_PROGRAMS_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/lighthouse.h"

namespace lighthouse::runtime {

/// Loads `artifact` and gives the program a handle. `options` are whole.
Result<lh_program> addProgram(const Artifact &artifact, const lh_load_options &options);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_CAPI_PROGRAMS_H
