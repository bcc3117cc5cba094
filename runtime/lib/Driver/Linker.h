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

/// Whether PTX must be compiled as a whole. What the driver's linker compiles may be linked with more,
/// and for such code it ignores budgets of registers and lets asynchronous products run one after the
/// other (messages C7504 and C7509 of ptxas).
bool needsWholeProgram(std::span<const std::uint8_t> ptx);

/// Compiles PTX as a whole and loads it; the driver alone keeps the machine code, in its own cache.
/// Messages are those of `linkPtx`.
Status loadWholeProgram(const Driver &driver, std::span<const std::uint8_t> ptx,
                        const std::string &name, CUmodule *module);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_DRIVER_LINKER_H
