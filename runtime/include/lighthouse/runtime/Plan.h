//===- Plan.h - What to launch, in which order, on which memory -*- C++ -*-===//
//
// A plan is a pipeline specialised to shapes: every size, grid and workspace offset is a constant.
// The compiler fills the structure, an artifact carries it as JSON, the runtime executes it.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_PLAN_H
#define LIGHTHOUSE_RUNTIME_PLAN_H

#include "lighthouse/runtime/DType.h"
#include "lighthouse/runtime/Status.h"
#include "lighthouse/runtime/Tensor.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lighthouse::runtime {

/// Alignment of the workspace and of every buffer in it, in bytes.
inline constexpr std::int64_t workspaceAlignment = 64;

/// The most stack a host kernel may use, in bytes.
inline constexpr std::int64_t maxKernelStackBytes = std::int64_t(4) << 20;

/// Limits a plan must keep; a decoder refuses more before it allocates anything for it.
struct PlanLimits {
  static constexpr std::size_t jsonBytes = std::size_t(64) << 20;
  /// Numbers, texts, lists, ... of the JSON form, together.
  static constexpr std::size_t jsonValues = std::size_t(1) << 22;
  static constexpr std::size_t nameBytes = 256;
  /// Of an artifact.
  static constexpr std::size_t plans = 256;
  static constexpr std::size_t images = 4096;
  static constexpr std::size_t tensors = 1024;
  static constexpr std::size_t buffers = 65536;
  static constexpr std::size_t kernels = 4096;
  static constexpr std::size_t launches = 65536;
  static constexpr std::size_t kernelArgs = 256;
  static constexpr std::size_t parameters = 256;
  /// Every dim of a tensor and every extent of a grid is at most this.
  static constexpr std::int64_t dim = (std::int64_t(1) << 31) - 1;
  static constexpr std::int64_t workspaceBytes = std::int64_t(1) << 46;
  /// Of a launch.
  static constexpr std::int64_t hostInstances = std::int64_t(1) << 62;
  /// Of a CUDA kernel. The limits on parameters and the grid are those of CUDA.
  static constexpr std::int64_t sharedBytes = std::int64_t(1) << 20;
  static constexpr std::int64_t threads = 1024;
  static constexpr std::int64_t cudaParameterBytes = 4096;
  static constexpr std::int64_t tensorMapRank = 5;
  static constexpr std::int64_t tensorMapBox = 256;
  static constexpr std::int64_t cluster = 16;
  static constexpr std::int64_t cudaBlocks = (std::int64_t(1) << 31) - 1;
};

/// Words of a CUDA kernel after those of its arguments and run-time dims: the extents of the grid,
/// then what divides by the first two of them.
inline constexpr std::size_t cudaGridWords = 5;

/// An input or output of a pipeline.
struct TensorSpec {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;

  bool operator==(const TensorSpec &) const = default;
};

/// A contiguous row-major tensor in the workspace. Buffers whose lifetimes do not meet may overlap.
struct BufferSpec {
  /// Bytes from the start of the workspace; a multiple of `workspaceAlignment`.
  std::int64_t offset = 0;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;

  bool operator==(const BufferSpec &) const = default;
};

/// A value that the caller gives at every run.
struct ParameterSpec {
  std::string name;
  DType dtype = DType::F32;

  bool operator==(const ParameterSpec &) const = default;
};

/// CUDA only: how a tensor becomes a tensor map (CUtensorMap), which the runtime encodes for the
/// tensor of each run and which the tensor memory accelerator reads. Names and limits are those of
/// cuTensorMapEncodeTiled in the CUDA driver API.
struct TensorMapSpec {
  /// Extent of the tile that one copy moves along each dimension of the tensor, 1 to 256. The bytes
  /// of the last are a multiple of 16.
  std::vector<std::int64_t> box;
  /// Bytes of the pattern in which a tile lies in shared memory: 0 (as it is), 32, 64 or 128.
  std::int64_t swizzle = 0;
  /// Bytes that are brought to the L2 cache for each access: 0, 64, 128 or 256.
  std::int64_t l2Promotion = 0;
  /// What is read outside of the tensor: NaN, or zero.
  bool fillNaN = false;

  bool operator==(const TensorMapSpec &) const = default;
};

/// What a kernel expects of one argument.
struct KernelArg {
  enum class Kind : std::uint8_t { Tensor, Scalar, TensorMap };

  Kind kind = Kind::Tensor;
  DType dtype = DType::F32;
  /// The number of dimensions; 0 for scalars.
  std::int64_t rank = 0;
  /// The kernel needs a stride of 1 in the last dimension; always true for tensor maps.
  bool innerContiguous = false;
  /// A power of two, 1 to 16; 16 for tensor maps, 1 for scalars. The address, and the bytes between
  /// neighbours of every dimension but the last that has more than one element, must be multiples
  /// of it.
  std::int64_t alignment = 1;
  /// Tensor maps only.
  TensorMapSpec map = {};

  bool operator==(const KernelArg &) const = default;
};

/// One compiled kernel.
struct KernelSpec {
  std::string name;
  /// Which image of the artifact holds its code.
  std::int64_t image = 0;
  /// Host only: offset of the entry point in the text of the image, in bytes.
  std::int64_t entry = 0;
  /// Host only: stack one call may use, in bytes; at most `maxKernelStackBytes`.
  std::int64_t stackBytes = 0;
  /// Inputs then results, in the order of the declaration.
  std::vector<KernelArg> args;
  /// Names of the run-time dims, in the order in which the kernel expects their values.
  std::vector<std::string> dims;
  /// CUDA only: threads of a block, a multiple of 32.
  std::int64_t threads = 0;
  /// CUDA only: dynamic shared memory of a block, in bytes.
  std::int64_t sharedBytes = 0;
  /// CUDA only: blocks of a cluster, 1 to 16; 1 means that there are no clusters. A grid is a line
  /// of blocks, so that a cluster is that many neighbours of it.
  std::int64_t cluster = 0;
  /// CUDA only: a block goes through program instances by itself, so a launch has no more blocks than
  /// the device holds at once.
  bool isResident = false;

  bool operator==(const KernelSpec &) const = default;
};

/// What a launch passes for one argument.
struct LaunchArg {
  /// A scalar is a constant of the plan, a parameter a value of the run.
  enum class Kind : std::uint8_t { Input, Output, Buffer, Scalar, Parameter };

  Kind kind = Kind::Input;
  /// Which input, output, buffer or parameter of the plan; 0 for a scalar.
  std::int64_t index = 0;
  /// The bits of a scalar, zero- or sign-extended to a word; else 0.
  std::uint64_t bits = 0;

  static LaunchArg input(std::int64_t index) { return {Kind::Input, index, 0}; }
  static LaunchArg output(std::int64_t index) { return {Kind::Output, index, 0}; }
  static LaunchArg buffer(std::int64_t index) { return {Kind::Buffer, index, 0}; }
  static LaunchArg scalar(std::uint64_t bits) { return {Kind::Scalar, 0, bits}; }
  static LaunchArg parameter(std::int64_t index) { return {Kind::Parameter, index, 0}; }

  bool operator==(const LaunchArg &) const = default;
};

/// The least work of a launch's stage, whatever its kernel does; for reports.
struct LaunchCost {
  /// Each input and output once.
  std::int64_t bytesRead = 0;
  std::int64_t bytesWritten = 0;
  /// Of matrix products.
  std::int64_t flops = 0;

  bool operator==(const LaunchCost &) const = default;
};

/// Before a launch, every element of one of its arguments becomes a value.
struct FillSpec {
  /// Which argument of the launch: an output or a buffer.
  std::int64_t arg = 0;
  /// The bits of the value, zero-extended.
  std::uint64_t bits = 0;

  bool operator==(const FillSpec &) const = default;
};

/// One launch of a kernel over a grid. Launches run in order, each after the one before is done.
/// On CUDA a grid is one-dimensional for the driver, and so has fewer than 2^31 program instances.
struct LaunchSpec {
  /// Index into `Plan::kernels`.
  std::int64_t kernel = 0;
  /// The stage this launch belongs to, for reports: "pool_score", "attend", ...
  std::string stage;
  /// Program instances along each axis; 0 anywhere means that nothing is run.
  std::array<std::int32_t, 3> grid = {1, 1, 1};
  /// As many as the kernel has arguments, of the same dtypes and ranks.
  std::vector<LaunchArg> args;
  /// Values of the kernel's run-time dims.
  std::vector<std::int64_t> dims;
  LaunchCost cost = {};
  /// What arguments hold when the kernel starts; done in order, also for an empty grid.
  std::vector<FillSpec> fills = {};

  bool operator==(const LaunchSpec &) const = default;
};

/// The whole plan. See the file comment.
struct Plan {
  /// Name of the pipeline.
  std::string name;
  /// "host" or "cuda".
  std::string target = "host";
  /// Host only: what the code needs of the processor: "x86-64-v2", "x86-64-v3" or "x86-64-v4".
  std::string cpuLevel;
  /// CUDA only: what the code is compiled for: "sm_80", "sm_90a", ...
  std::string arch;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  /// Scalars of the caller.
  std::vector<ParameterSpec> parameters;
  std::vector<BufferSpec> buffers;
  /// Bytes of workspace the caller must give, aligned to `workspaceAlignment`.
  std::int64_t workspaceBytes = 0;
  std::vector<KernelSpec> kernels;
  std::vector<LaunchSpec> launches;

  bool operator==(const Plan &) const = default;

  /// Checks every bound and cross reference of the plan. The message names the place as a JSON
  /// pointer ("/launches/2/args/0: ..."). A plan that passes is safe to execute, given that its
  /// kernels are what it says they are.
  Status verify() const;

  /// The plan as JSON, indented by two spaces, with a fixed order of fields. Precondition:
  /// `verify()`.
  std::string toJson() const;

  /// Reads what `toJson` wrote and verifies it. Unknown, missing, repeated and mistyped fields are
  /// errors; messages have the line and column, or the JSON pointer of the place.
  static Result<Plan> fromJson(std::string_view text);
};

/// The plans of an artifact as a JSON list, each as `Plan::toJson` gives it. Precondition: each
/// passes `verify()`.
std::string plansToJson(const std::vector<Plan> &plans);

/// Reads what `plansToJson` wrote, as `Plan::fromJson` does.
Result<std::vector<Plan>> plansFromJson(std::string_view text);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_PLAN_H
