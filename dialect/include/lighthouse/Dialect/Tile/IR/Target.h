//===- Target.h - What code is made for -------------------------------------------------*- C++ -*-===//
//
// The one table of targets. A module names its target with the attribute `tile.target`; passes, the
// choice among kernels and specifications ask what it is.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_TILE_IR_TARGET_H
#define LIGHTHOUSE_DIALECT_TILE_IR_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace mlir {
class ModuleOp;
class Operation;
} // namespace mlir

namespace lighthouse::tile {

/// Something that code can be made for. What a kind of target does not have is 0 or false.
struct TargetInfo {
  enum class Kind { Host, Cuda };
  /// The best unit for products of tiles; each has what those before it have.
  enum class MatrixUnit { None, MmaSync, Wgmma };

  llvm::StringLiteral name; ///< "x86-64-v3", "sm_90a"
  Kind kind;
  /// The most bytes that the buffers of a program instance may take: the shared memory of a block.
  /// The host has buffers and tiles on one stack.
  int64_t sharedBytes;

  // Host
  unsigned vectorBits = 0;       ///< Width of a vector register.
  unsigned vectorRegisters = 0;  ///< How many there are.
  bool fusedMultiplyAdd = false; ///< Has an instruction for it.
  bool halfConversions = false;  ///< Has instructions from and to f16.

  // CUDA. Limits are those of the CUDA programming guide, "Technical Specifications per Compute
  // Capability".
  int major = 0, minor = 0;           ///< Compute capability.
  bool isArchSpecific = false;        ///< Runs on that very capability, and has all of it.
  unsigned ptxVersion = 0;            ///< The lowest PTX version that serves, as 80 for 8.0.
  unsigned multiprocessorThreads = 0; ///< Most threads on a multiprocessor at once.
  unsigned multiprocessorBlocks = 0;  ///< Most blocks.
  MatrixUnit matrixUnit = MatrixUnit::None;
  bool vectorAtomics = false;   ///< `red` takes vectors of f32.
  bool bulkCopies = false;      ///< Tensor maps, and barriers that count bytes.
  bool clusters = false;        ///< Blocks that share their shared memory.
  bool registerBudgets = false; ///< `setmaxnreg`.

  bool isHost() const { return kind == Kind::Host; }
  bool isCuda() const { return kind == Kind::Cuda; }

  /// Whether what is written for `other` may be compiled for this target, as it has all that
  /// `other` has. For GPUs that is the rule of PTX: a later capability includes an earlier one, and
  /// what is specific to an architecture is for that alone.
  bool includes(const TargetInfo &other) const;
};

/// All targets: the levels of the host, lowest first, then the architectures, oldest first.
llvm::ArrayRef<TargetInfo> targets();

/// The target of that name; null if there is none.
const TargetInfo *findTarget(llvm::StringRef name);

/// The names of all targets, for messages.
std::string listTargets();

/// The best architecture whose PTX runs on a device of that compute capability; null if the device
/// is older than all.
const TargetInfo *nearestTarget(int major, int minor);

/// The target of the code that `op` is part of: what the nearest module around it, or `op` itself,
/// has as `tile.target`. Null if there is none.
const TargetInfo *targetOf(mlir::Operation *op);

/// The same where code of `kind` is made. Where no module says it, that is the lowest target of
/// `kind`, as its code runs on all others; null after an error if the module is for the other kind.
const TargetInfo *targetOf(mlir::Operation *op, TargetInfo::Kind kind);

/// Makes `target` that of `module`.
void setTarget(mlir::ModuleOp module, const TargetInfo &target);

} // namespace lighthouse::tile

#endif // LIGHTHOUSE_DIALECT_TILE_IR_TARGET_H
