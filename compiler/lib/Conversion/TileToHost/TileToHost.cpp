//===- TileToHost.cpp - the tile-to-host pass -----------------------------------------------------===//

#include "KernelLowering.h"
#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Dialect/Tile/IR/TargetSupport.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace lighthouse {
#define GEN_PASS_DEF_TILETOHOST
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

KernelLowering::KernelLowering(tile::KernelOp kernel, VectorUnit unit)
    : kernel(kernel), unit(unit), b(kernel.getLoc(), kernel), allocas(kernel.getContext()) {}

void KernelLowering::unpackArguments(func::FuncOp function) {
  auto pointerType = LLVM::LLVMPointerType::get(b.getContext());
  Value words = function.getArgument(0);
  int32_t nextWord = 0;
  auto word = [&](Type type) -> Value {
    Value address = LLVM::GEPOp::create(b, pointerType, b.getI64Type(), words,
                                        ArrayRef<LLVM::GEPArg>{nextWord++});
    return LLVM::LoadOp::create(b, type, address);
  };
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    auto view = dyn_cast<tile::ViewType>(argument.getType());
    if (!view) {
      // A scalar fills the low bytes of its word (little endian).
      scalars.map(argument, argument.getType().isInteger(1)
                                ? arith::TruncIOp::create(b, b.getI1Type(), word(b.getI8Type()))
                                : word(argument.getType()));
      continue;
    }
    Argument &unpacked = arguments[argument];
    unpacked.pointer = word(pointerType);
    for (int64_t d = 0; d < view.getRank(); ++d)
      unpacked.strides.push_back(word(b.getI64Type()));
  }
  for (StringRef name : kernel.getDims().getAsValueRange<StringAttr>())
    dims[name] = word(b.getI32Type());
}

LogicalResult KernelLowering::run() {
  auto pointerType = LLVM::LLVMPointerType::get(b.getContext());
  Type i64Type = b.getI64Type(), i32Type = b.getI32Type();
  auto function = func::FuncOp::create(
      b, kernel.getSymName(), b.getFunctionType({pointerType, pointerType, i64Type, i64Type}, {}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  unpackArguments(function);
  for (int32_t axis = 0; axis < 3; ++axis) {
    Value address = LLVM::GEPOp::create(b, pointerType, i32Type, function.getArgument(1),
                                        ArrayRef<LLVM::GEPArg>{axis});
    numPrograms[axis] = LLVM::LoadOp::create(b, i32Type, address);
  }
  auto loop = scf::ForOp::create(b, function.getArgument(2), function.getArgument(3), i64(1));
  auto end = func::ReturnOp::create(b);
  allocas.setInsertionPointToStart(entry);

  b.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getInductionVar();
  for (int axis = 0; axis < 3; ++axis) {
    Value extent = arith::ExtUIOp::create(b, i64Type, numPrograms[axis]);
    Value id = axis == 2 ? rest : arith::RemUIOp::create(b, rest, extent).getResult();
    programIds[axis] = arith::TruncIOp::create(b, i32Type, id);
    if (axis != 2)
      rest = arith::DivUIOp::create(b, rest, extent);
  }
  if (!kernel.getBody().hasOneBlock())
    return kernel.emitOpError("has control flow that is not structured");
  expandVotes();
  if (failed(lowerBlock(kernel.getBody().front())))
    return failure();
  if (hasStreamingStores) {
    // They are weakly ordered: make them visible before the instances count as done.
    b.setInsertionPoint(end);
    LLVM::FenceOp::create(b, LLVM::AtomicOrdering::seq_cst);
  }
  return success();
}

LogicalResult KernelLowering::lowerBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    b.setLoc(op.getLoc());
    current = &op;
    if (failed(lowerOp(&op)))
      return failure();
  }
  current = block.getTerminator();
  b.setLoc(block.getTerminator()->getLoc());
  return success();
}

/// A tile that is not lazy gets its buffer where it is defined.
void KernelLowering::lowerTileResult(Operation *op) {
  Value result = op->getResult(0);
  if (!isLazy(op))
    materialize(result);
  else if (!isLeaf(result) && (result.hasOneUse() || isCheapReload(op)))
    pending.insert(result);
}

/// Refuses what the host has neither an instruction nor a polynomial for. These are faults of the
/// kernel: the messages do not begin with an op, as those about the compiler's own do.
static LogicalResult checkSupported(Operation *op) {
  for (Type type : op->getResultTypes())
    if (auto tile = dyn_cast<TensorType>(type);
        tile && (!tile.hasStaticShape() || tile.getRank() == 0 || tile.getNumElements() == 0))
      return op->emitOpError() << "has no lowering to the host: " << type << " is not a tile";
  if (isa<arith::RemFOp>(op))
    return emitError(op->getLoc()) << "the remainder of floats is not supported on the host; for x and y >= 0 "
                                      "write x - floor(x / y) * y";
  if (isa<math::ExpOp, math::Exp2Op, math::LogOp, math::Log2Op>(op) &&
      getElementTypeOrSelf(op->getResult(0)).isF64())
    return emitError(op->getLoc()) << op->getName().stripDialect()
                                   << " of f64 is not supported on the host; convert to f32";
  return success();
}

LogicalResult KernelLowering::lowerOp(Operation *op) {
  if (failed(checkSupported(op)))
    return failure();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](scf::ForOp loop) { return lowerFor(loop); })
      .Case([&](scf::IfOp branch) { return lowerIf(branch); })
      .Case([&](scf::WhileOp loop) { return lowerWhile(loop); })
      .Case([&](tile::ProgramIdOp id) {
        scalars.map(id.getResult(), programIds[id.getAxis()]);
        return success();
      })
      .Case([&](tile::NumProgramsOp count) {
        scalars.map(count.getResult(), numPrograms[count.getAxis()]);
        return success();
      })
      .Case([&](tile::DimOp dim) {
        scalars.map(dim.getResult(), dims.lookup(dim.getName()));
        return success();
      })
      .Case([&](tile::StoreOp store) {
        lowerStore(store);
        return success();
      })
      .Case([&](tile::AtomicRMWOp atomic) {
        lowerAtomic(atomic);
        return success();
      })
      .Case([&](tile::ReduceOp reduce) {
        lowerReduce(reduce);
        return success();
      })
      .Case([&](tile::ReducePartialOp reduce) {
        lowerReducePartial(reduce);
        return success();
      })
      .Case([&](tile::ScanOp scan) {
        lowerScan(scan);
        return success();
      })
      .Case([&](tile::DotOp dot) {
        lowerDot(dot);
        return success();
      })
      .Case([&](tile::AllocSharedOp alloc) {
        buffers[alloc.getResult()] =
            allocate(alloc.getType().getShape(), alloc.getType().getElementType());
        return success();
      })
      .Case([&](tile::SlotOp slot) {
        buffers[slot.getResult()] = slotOf(slot);
        return success();
      })
      .Case([&](tile::CopyAsyncOp copy) {
        lowerCopy(copy);
        return success();
      })
      .Case([&](tile::BufferLoadOp load) {
        // A copy: the buffer may be refilled while the tile is in use.
        Value source = buffers.lookup(load.getBuffer());
        auto type = cast<RankedTensorType>(load.getType());
        Value copy = allocate(type.getShape(), type.getElementType());
        int64_t width = vectorWidth(type.getShape().back());
        loopNest(type.getShape(), width, [&](Indices indices) {
          writeBuffer(readBuffer(source, indices, width), copy, indices);
        });
        buffers[load.getResult()] = copy;
        return success();
      })
      .Case([&](tile::BufferStoreOp store) {
        writeTo(buffers.lookup(store.getBuffer()), store.getValue());
        return success();
      })
      .Case<tile::BarrierOp, tile::CommitOp, tile::WaitOp>([&](Operation *) {
        // One thread runs the instance, and copies are not deferred.
        return success();
      })
      .Case([&](tile::LoadOp load) {
        if (isTile(load.getResult()))
          lowerTileResult(load);
        else
          scalars.map(load.getResult(), evaluateLoad(load, {}, 1));
        return success();
      })
      .Default([&](Operation *other) -> LogicalResult {
        if (auto constant = dyn_cast<arith::ConstantOp>(other)) {
          auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
          if (dense && !dense.isSplat())
            return other->emitOpError("is a tile constant with different elements, which has no "
                                      "lowering to the host");
        }
        bool elementwise = OpTrait::hasElementwiseMappableTraits(other);
        bool shape = isa<tile::BroadcastOp, tile::ReshapeOp, tile::TransposeOp, tile::RangeOp,
                         tensor::SplatOp, arith::ConstantOp>(other);
        if (other->getNumResults() != 1 || other->getNumRegions() != 0 || (!elementwise && !shape))
          return other->emitOpError("has no lowering to the host");
        if (isTile(other->getResult(0)))
          lowerTileResult(other);
        else
          b.clone(*other, scalars);
        return success();
      });
}

namespace {
struct TileToHostPass : lighthouse::impl::TileToHostBase<TileToHostPass> {
  using TileToHostBase::TileToHostBase;

  void runOnOperation() override {
    const tile::TargetInfo *target = tile::targetOf(getOperation(), tile::TargetInfo::Kind::Host);
    if (!target)
      return signalPassFailure();
    VectorUnit unit{target->vectorBits, target->vectorRegisters};
    for (tile::KernelOp kernel : llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>())) {
      KernelLowering lowering(kernel, unit);
      if (failed(tile::checkTargetSupport(kernel, *target)) || failed(lowering.run()))
        return signalPassFailure();
      if (lowering.stackBytes > uint64_t(target->sharedBytes)) {
        emitError(kernel.getLoc())
            << "kernel '" << kernel.getSymName() << "' needs " << lowering.stackBytes
            << " bytes of stack for its tiles, the limit is " << target->sharedBytes
            << "; use smaller tiles";
        return signalPassFailure();
      }
      numBuffers += lowering.numBuffers;
      numInPlace += lowering.numInPlace;
      kernel.erase();
    }
  }
};
} // namespace
