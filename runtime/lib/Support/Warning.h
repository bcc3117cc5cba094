//===- Warning.h - Where warnings go by default -----------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_SUPPORT_WARNING_H
#define LIGHTHOUSE_RUNTIME_LIB_SUPPORT_WARNING_H

#include <string_view>

namespace lighthouse::runtime {

/// Prints a line on stderr; the same message only once in a process, however many objects give it.
void warnOnStderr(std::string_view message);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_SUPPORT_WARNING_H
