//===- Target.cpp - What code is made for -----------------------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/Target.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <tuple>

using namespace mlir;
using namespace lighthouse::tile;

using Kind = TargetInfo::Kind;
using MatrixUnit = TargetInfo::MatrixUnit;

/// The stack that the calling convention of the host promises (see the runtime's README), less
/// 64 KiB for what the code generator adds.
static constexpr int64_t hostStackBytes = (4 << 20) - (64 << 10);

/// Shared memory of a block, which gets 1 KiB less than the multiprocessor has.
static constexpr int64_t blockBytes(int64_t multiprocessorKiB) {
  return (multiprocessorKiB - 1) << 10;
}

// What an architecture has, its successors of the table have, too, but for what is specific to it.
static constexpr TargetInfo table[] = {
    {.name = "x86-64-v2",
     .kind = Kind::Host,
     .sharedBytes = hostStackBytes,
     .vectorBits = 128,
     .vectorRegisters = 16},
    {.name = "x86-64-v3",
     .kind = Kind::Host,
     .sharedBytes = hostStackBytes,
     .vectorBits = 256,
     .vectorRegisters = 16,
     .fusedMultiplyAdd = true,
     .halfConversions = true},
    {.name = "x86-64-v4",
     .kind = Kind::Host,
     .sharedBytes = hostStackBytes,
     .vectorBits = 512,
     .vectorRegisters = 32,
     .fusedMultiplyAdd = true,
     .halfConversions = true},
    {.name = "sm_80",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(164),
     .major = 8,
     .minor = 0,
     .ptxVersion = 70,
     .multiprocessorThreads = 2048,
     .multiprocessorBlocks = 32,
     .matrixUnit = MatrixUnit::MmaSync},
    {.name = "sm_86",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(100),
     .major = 8,
     .minor = 6,
     .ptxVersion = 71,
     .multiprocessorThreads = 1536,
     .multiprocessorBlocks = 16,
     .matrixUnit = MatrixUnit::MmaSync},
    {.name = "sm_89",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(100),
     .major = 8,
     .minor = 9,
     .ptxVersion = 78,
     .multiprocessorThreads = 1536,
     .multiprocessorBlocks = 24,
     .matrixUnit = MatrixUnit::MmaSync},
    {.name = "sm_90",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(228),
     .major = 9,
     .minor = 0,
     .ptxVersion = 81,
     .multiprocessorThreads = 2048,
     .multiprocessorBlocks = 32,
     .matrixUnit = MatrixUnit::MmaSync,
     .vectorAtomics = true,
     .bulkCopies = true,
     .clusters = true},
    {.name = "sm_90a",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(228),
     .major = 9,
     .minor = 0,
     .isArchSpecific = true,
     .ptxVersion = 81,
     .multiprocessorThreads = 2048,
     .multiprocessorBlocks = 32,
     .matrixUnit = MatrixUnit::Wgmma,
     .vectorAtomics = true,
     .bulkCopies = true,
     .clusters = true,
     .registerBudgets = true},
    {.name = "sm_100",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(228),
     .major = 10,
     .minor = 0,
     .ptxVersion = 86,
     .multiprocessorThreads = 2048,
     .multiprocessorBlocks = 32,
     .matrixUnit = MatrixUnit::MmaSync,
     .vectorAtomics = true,
     .bulkCopies = true,
     .clusters = true},
    {.name = "sm_120",
     .kind = Kind::Cuda,
     .sharedBytes = blockBytes(100),
     .major = 12,
     .minor = 0,
     .ptxVersion = 87,
     .multiprocessorThreads = 1536,
     .multiprocessorBlocks = 24,
     .matrixUnit = MatrixUnit::MmaSync,
     .vectorAtomics = true,
     .bulkCopies = true,
     .clusters = true},
};

/// Whether PTX for `target` runs on a device of that compute capability.
static bool ptxRunsOn(const TargetInfo &target, int major, int minor) {
  auto needed = std::tie(target.major, target.minor);
  auto given = std::tie(major, minor);
  return target.isArchSpecific ? needed == given : needed <= given;
}

bool TargetInfo::includes(const TargetInfo &other) const {
  if (kind != other.kind)
    return false;
  if (isHost())
    return vectorBits >= other.vectorBits;
  return ptxRunsOn(other, major, minor) && (isArchSpecific || !other.isArchSpecific);
}

ArrayRef<TargetInfo> lighthouse::tile::targets() { return table; }

const TargetInfo *lighthouse::tile::findTarget(StringRef name) {
  const auto *found =
      llvm::find_if(table, [&](const TargetInfo &info) { return info.name == name; });
  return found == std::end(table) ? nullptr : found;
}

std::string lighthouse::tile::listTargets() {
  return llvm::join(llvm::map_range(table, [](const TargetInfo &info) { return info.name; }), ", ");
}

const TargetInfo *lighthouse::tile::nearestTarget(int major, int minor) {
  for (const TargetInfo &info : llvm::reverse(table))
    if (info.isCuda() && ptxRunsOn(info, major, minor))
      return &info;
  return nullptr;
}

const TargetInfo *lighthouse::tile::targetOf(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto target = op->getAttrOfType<TargetAttr>(TileDialect::getTargetAttrName()))
      return &target.getInfo();
  return nullptr;
}

const TargetInfo *lighthouse::tile::targetOf(Operation *op, Kind kind) {
  const TargetInfo *target = targetOf(op);
  if (!target)
    return llvm::find_if(table, [&](const TargetInfo &info) { return info.kind == kind; });
  if (target->kind == kind)
    return target;
  emitError(op->getLoc()) << "a module for " << target->name << " has no code for "
                          << (kind == Kind::Host ? "the host" : "a GPU");
  return nullptr;
}

void lighthouse::tile::setTarget(ModuleOp module, const TargetInfo &target) {
  module->setAttr(TileDialect::getTargetAttrName(),
                  TargetAttr::get(module.getContext(), target.name));
}

//===----------------------------------------------------------------------------------------------===//
// Attribute
//===----------------------------------------------------------------------------------------------===//

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name) {
  if (findTarget(name))
    return success();
  return emitError() << "unknown target '" << name << "'; the targets are " << listTargets()
                     << " [target_c1]";
}

const TargetInfo &TargetAttr::getInfo() const { return *findTarget(getName()); }

LogicalResult TileDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != getTargetAttrName())
    return success();
  if (!isa<ModuleOp>(op))
    return op->emitOpError() << "'" << attribute.getName().getValue()
                             << "' belongs to a module [target_c2]";
  if (!isa<TargetAttr>(attribute.getValue()))
    return op->emitOpError() << "'" << attribute.getName().getValue()
                             << "' must be a #tile.target, got " << attribute.getValue()
                             << " [target_c3]";
  return success();
}
