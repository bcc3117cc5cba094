//===- Inputs.h - What --arg stands for ---------------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TOOLS_LHC_INPUTS_H
#define LIGHTHOUSE_TOOLS_LHC_INPUTS_H

#include "Execution.h"

#include "lighthouse/Pipelines/Request.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace lhc {

/// One `--arg NAME=...`: the type alone, a file, or random numbers.
struct ArgumentSource {
  enum class Kind { Type, File, Random };
  std::string name;
  Kind kind = Kind::Type;
  /// Of a file: what its elements must be, if said.
  std::optional<lighthouse::runtime::DType> dtype;
  std::vector<int64_t> shape;
  std::string path;
};

/// Values of the extents that arguments may name instead of giving a number.
using Extents = llvm::StringMap<int64_t>;

/// Reads `q=f32[1,4096,8,64]`, `q=q.npy`, `q=bf16:q.npy` or `q=random:f32[1,4096,8,64]`; the names
/// of `extents` may stand for numbers.
Result<ArgumentSource> parseArgument(llvm::StringRef text, const Extents &extents = {});

/// Reads or makes the arrays that `sources` name. Random ones follow CounterRandom.h: a tensor of
/// rank 4 is tensor number `position` of `seed`; other ranks count as [1, 1, rows, last dim].
Result<std::vector<NamedArray>> makeArrays(const std::vector<ArgumentSource> &sources,
                                           uint64_t seed);

/// Types of `arrays` as arguments of a request.
std::vector<lighthouse::ArgumentType> typesOf(const std::vector<NamedArray> &arrays);

} // namespace lhc

#endif // LIGHTHOUSE_TOOLS_LHC_INPUTS_H
