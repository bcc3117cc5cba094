//===- Linker.h - PTX to cubin, by the driver -------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_DRIVER_LINKER_H
#define LIGHTHOUSE_RUNTIME_LIB_DRIVER_LINKER_H

#include "Driver.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lighthouse::runtime {

/// Compiles PTX for the device of the current context. `name` is what the driver's messages call
/// it. On failure the message ends with the driver's log.
Result<std::vector<std::uint8_t>> linkPtx(const Driver &driver, std::span<const std::uint8_t> ptx,
                                          const std::string &name);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_LINKER_H
