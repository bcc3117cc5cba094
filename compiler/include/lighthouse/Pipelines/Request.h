//===- Request.h - What to compile --------------------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_PIPELINES_REQUEST_H
#define LIGHTHOUSE_PIPELINES_REQUEST_H

#include "lighthouse/runtime/DType.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lighthouse {

/// Type of a tensor argument: what a plan is specialised to.
struct ArgumentType {
  std::string name;
  runtime::DType dtype = runtime::DType::F32;
  std::vector<int64_t> shape;
};

/// One instance of a definition of a specification.
struct Request {
  enum class Kind { Pipeline, Kernel };

  Kind kind = Kind::Pipeline;
  /// Name of the pipeline or kernel.
  std::string name;
  /// Values of parameters as they are written in a specification: {"L", "3"}, {"T", "bf16"}.
  std::vector<std::pair<std::string, std::string>> settings;
  /// Types of the arguments, in any order. A kernel needs them only where a parameter is to be
  /// deduced from one. With `gradient` those of cotangents may be among them, to be checked.
  std::vector<ArgumentType> arguments;
  /// Host code: what it may use of the processor: "x86-64-v2", "x86-64-v3" or "x86-64-v4".
  std::string level;
  /// CUDA code: its architecture, "sm_90a" and so on; empty for host code.
  std::string arch;
  /// Name of the device whose measured settings are wanted, "NVIDIA H200"; empty: any.
  std::string device;
  /// CUDA code: bytes to which the caller's tensors and their rows are aligned, a power of two up to
  /// 16. What is narrower takes narrower accesses.
  int64_t alignment = 16;
  /// Adds a result `selection.0`, `selection.1`, ... for every selection that the pipeline makes and
  /// does not return, so that its output can be judged given the selection.
  bool exposeSelections = false;
  /// Forward and backward pass in one: the cotangent of every float result is a further argument
  /// (`do` for `o`), the gradient of every float argument a further result (`dq` for `q`).
  bool gradient = false;
  /// With `gradient`: the two passes are entry points of their own, NAME_fwd and NAME_bwd, beside
  /// NAME without a gradient. The forward pass has the values that the backward pass needs as further
  /// results, the backward pass takes the cotangents and those values.
  bool separate = false;
  /// Gradients that are equal, bit by bit, from run to run. On the host they always are.
  bool deterministic = false;

  bool isCuda() const { return !arch.empty(); }
  /// What code is for, as tables of measured settings name it.
  const std::string &target() const { return isCuda() ? arch : level; }
};

/// The inputs and outputs of a request, in the order of its program.
struct Signature {
  std::vector<ArgumentType> inputs, outputs;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_PIPELINES_REQUEST_H
