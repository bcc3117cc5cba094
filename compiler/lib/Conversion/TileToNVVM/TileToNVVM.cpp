//===- TileToNVVM.cpp - the tile-to-nvvm pass -------------------------------------------------===//

#include "KernelLowering.h"
#include "SinkLoads.h"

#include "../TileLayouts/Access.h"
#include "../TileLayouts/Elementwise.h"

#include "lighthouse/Conversion/Passes.h"
#include "lighthouse/Dialect/Tile/IR/TargetSupport.h"
#include "lighthouse/runtime/Plan.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"

namespace lighthouse {
#define GEN_PASS_DEF_TILETONVVM
#include "lighthouse/Conversion/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

static constexpr int64_t mostParameterBytes = runtime::PlanLimits::cudaParameterBytes;

KernelLowering::KernelLowering(tile::KernelOp kernel, const tile::TargetInfo &target)
    : kernel(kernel), target(target), shared(kernel), b(kernel.getLoc(), kernel),
      group(kernel.getContext(), /*role=*/{}, /*firstWarp=*/0, kernel.getNumWarps()),
      maps(tensorMapsOf(kernel)) {}

//===------------------------------------------------------------------------------------------===//
// The function
//===------------------------------------------------------------------------------------------===//

/// Words that a launch passes: see "CUDA kernels" in the runtime's README.
static int64_t numWords(tile::KernelOp kernel) {
  int64_t words = kernel.getDims().size() + runtime::cudaGridWords;
  for (Type type : kernel.getArgumentTypes()) {
    auto view = dyn_cast<tile::ViewType>(type);
    words += 1 + (view ? view.getRank() : 0);
  }
  return words;
}

LLVM::LLVMFuncOp KernelLowering::createFunction() {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), pointer);
  auto function = LLVM::LLVMFuncOp::create(b, kernel.getSymName(), type);
  function.setCConv(LLVM::CConv::PTX_Kernel);
  auto words = LLVM::LLVMArrayType::get(b.getI64Type(),
                                        numWords(kernel) + maps.size() * mapBytes / 8);
  function.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(words));
  function.setArgAttr(0, LLVM::LLVMDialect::getAlignAttrName(),
                      b.getI64IntegerAttr(maps.empty() ? 8 : 64));
  auto pair = [&](StringRef name, int64_t value) {
    return b.getStrArrayAttr({name, std::to_string(value)});
  };
  // Without a number of blocks ptxas spills registers for the sake of an occupancy of its own choice.
  SmallVector<Attribute> properties{pair("nvvm.maxntid", 32 * kernel.getNumWarps()),
                                    pair("nvvm.minctasm", 1),
                                    pair("lighthouse.shared", shared.size())};
  if (kernel->hasAttr("tile.resident"))
    properties.push_back(pair("lighthouse.resident", 1));
  function.setPassthroughAttr(b.getArrayAttr(properties));
  return function;
}

void KernelLowering::unpackArguments(Value words) {
  auto pointerType = LLVM::LLVMPointerType::get(b.getContext());
  auto globalType = LLVM::LLVMPointerType::get(b.getContext(), /*addressSpace=*/1);
  int32_t nextWord = maps.size() * mapBytes / 8;
  auto word = [&](Type type) -> Value {
    Value address = LLVM::GEPOp::create(b, pointerType, b.getI64Type(), words,
                                        ArrayRef<LLVM::GEPArg>{nextWord++});
    return LLVM::LoadOp::create(b, type, address);
  };
  for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments())) {
    auto view = dyn_cast<tile::ViewType>(argument.getType());
    if (!view) {
      // A scalar fills the low bytes of its word (little endian).
      scalars.map(argument, fromMemory(word(memoryType(argument.getType())), argument.getType()));
      continue;
    }
    Argument &unpacked = arguments[argument];
    unpacked.pointer = LLVM::AddrSpaceCastOp::create(b, globalType, word(pointerType));
    auto known = kernel.getArgAttrOfType<DenseI64ArrayAttr>(i, "tile.strides");
    int64_t bytes = tile::getMemoryBytes(view.getElementType());
    for (int64_t d = 0; d < view.getRank(); ++d) {
      Value stride = word(b.getI64Type());
      bool isKnown = known && !ShapedType::isDynamic(known[d]);
      unpacked.strides.push_back(d + 1 == view.getRank() ? i64(bytes)
                                 : isKnown               ? i64(known[d] * bytes)
                                                         : stride);
    }
  }
  for (StringRef name : kernel.getDims().getAsValueRange<StringAttr>())
    dims[name] = word(b.getI32Type());
  findPrograms(word);
}

void KernelLowering::findPrograms(llvm::function_ref<Value(Type)> word) {
  for (int axis = 0; axis < 3; ++axis) {
    Value extent = word(b.getI32Type());
    auto known = dyn_cast<AffineConstantExpr>(kernel.getGrid().getResult(axis));
    numPrograms[axis] = known ? i32(known.getValue()) : extent;
  }
  std::array<Value, 2> divisions = {word(b.getI64Type()), word(b.getI64Type())};
  // The grid is launched as a line, whose length is limited by 2^31 and not by 2^16.
  Value rest = readBlockIndex();
  int last = 2;
  while (last > 0 && matchPattern(numPrograms[last], m_One()))
    programIds[last--] = i32(0);
  for (int axis = 0; axis < last; ++axis) {
    Value quotient;
    if (matchPattern(numPrograms[axis], m_Constant())) {
      quotient = arith::DivUIOp::create(b, rest, numPrograms[axis]);
    } else {
      // The launch knows by what to multiply: a division takes as long as a load from memory.
      Value multiplier = arith::AndIOp::create(b, divisions[axis], i64(0xffffffff));
      Value shift = arith::ShRUIOp::create(b, divisions[axis], i64(32));
      Value product = arith::MulIOp::create(
          b, arith::ExtUIOp::create(b, b.getI64Type(), rest), multiplier);
      quotient = arith::TruncIOp::create(b, b.getI32Type(),
                                         arith::ShRUIOp::create(b, product, shift));
    }
    programIds[axis] =
        arith::SubIOp::create(b, rest, arith::MulIOp::create(b, quotient, numPrograms[axis]));
    rest = quotient;
  }
  programIds[last] = rest;
}

void KernelLowering::identifyThread() {
  // LLVM would take the register itself for what was read before.
  group.thread = inlineAsm("mov.u32 $0, %tid.x;", "=r", b.getI32Type(), {});
  group.lane = arith::AndIOp::create(b, group.thread, i32(31));
  // The same in all lanes, which only a shuffle tells the assembler.
  group.warp = shuffleLanes(Shuffle::Index, arith::ShRUIOp::create(b, group.thread, i32(5)), i32(0));
  if (group.role) {
    Value warp = arith::SubIOp::create(b, group.warp, i32(group.firstWarp));
    group.instance = group.role.getInstances() == 1
                         ? i32(0)
                         : Value(arith::ShRUIOp::create(b, warp, i32(llvm::Log2_64(group.numWarps))));
    group.warp = arith::AndIOp::create(b, warp, i32(group.numWarps - 1));
    group.thread = arith::OrIOp::create(b, arith::ShLIOp::create(b, group.warp, i32(5)), group.lane);
  }
  group.threadCoordinates.clear();
  group.owners.clear();
  // What depends on the thread alone is computed once, here.
  group.entry.setInsertionPoint(i32(0).getDefiningOp());
}

LogicalResult KernelLowering::run() {
  if (int64_t bytes = numWords(kernel) * 8 + maps.size() * mapBytes; bytes > mostParameterBytes)
    return emitError(kernel.getLoc())
           << "kernel '" << kernel.getSymName() << "' takes " << bytes
           << " bytes of parameters, the limit is " << mostParameterBytes;
  if (!kernel.getBody().hasOneBlock())
    return kernel.emitOpError("has control flow that is not structured");
  LLVM::LLVMFuncOp function = createFunction();
  Block *block = function.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  parameters = function.getArgument(0);
  unpackArguments(parameters);
  b.setInsertionPoint(LLVM::ReturnOp::create(b, ValueRange()));
  identifyThread();
  if (failed(lowerBlock(kernel.getBody().front())) || failed(checkEnded(kernel)) || hasErrors)
    return failure();
  sinkMatrixLoads(*block);
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The walk
//===------------------------------------------------------------------------------------------===//

LogicalResult KernelLowering::lowerBlock(Block &block) {
  bool isBehindLoop = false;
  for (Operation &op : block.without_terminator()) {
    b.setLoc(op.getLoc());
    if (failed(lowerOp(&op)))
      return failure();
    isBehindLoop |= isa<LoopLikeOpInterface>(op) && isa<tile::KernelOp, tile::RoleOp>(op.getParentOp()) &&
                    !group.isOneThread;
    // What is computed for the code behind a loop need not occupy registers in the loop. A wait for the
    // loop's products goes first: ptxas serialises them where it finds anything before it.
    if (isBehindLoop && !isa<tile::DotWaitOp>(op.getNextNode())) {
      identifyThread();
      isBehindLoop = false;
    }
  }
  b.setLoc(block.getTerminator()->getLoc());
  return success();
}

void KernelLowering::lowerRange(tile::RangeOp op) {
  // Of a bulk copy's range the start is all that counts.
  if (!op.getType().getEncoding())
    return;
  Value first = add(scalars.lookup(op.getStart()), threadCoordinate(layoutOf(op), 0));
  Registers &registers = tiles[op];
  for (const Coordinates &c : layoutOf(op).registerCoordinates(shapeOf(op)))
    registers.push_back(add(first, i32(c[0])));
}

void KernelLowering::lowerBroadcast(tile::BroadcastOp op) {
  ArrayRef<int64_t> from = shapeOf(op.getSource());
  auto index = registerIndex(layoutOf(op.getSource()), from);
  const Registers &source = registersOf(op.getSource());
  Registers registers;
  for (Coordinates c : layoutOf(op).registerCoordinates(shapeOf(op))) {
    for (auto [coordinate, extent] : llvm::zip_equal(c, from))
      if (extent == 1)
        coordinate = 0;
    registers.push_back(source[index.at(c)]);
  }
  tiles[op] = registers;
}

LogicalResult KernelLowering::lowerElementwise(Operation *op) {
  Type element = getElementTypeOrSelf(op->getResult(0));
  if (isa<math::ExpOp, math::Exp2Op, math::LogOp, math::Log2Op, math::RsqrtOp>(op) &&
      element.isF64())
    return emitError(op->getLoc()) << op->getName().stripDialect()
                                   << " of f64 is not supported on a GPU; convert to f32";
  bool isMath = isa<math::MathDialect>(op->getDialect()) && isa<FloatType>(element);
  auto compute = [&](ValueRange operands) -> Value {
    if (isMath)
      return lowerMath(op, operands);
    return b
        .create(b.getLoc(), op->getName().getIdentifier(), operands, TypeRange(element),
                op->getAttrDictionary().getValue())
        ->getResult(0);
  };
  auto operandsAt = [&](unsigned reg) {
    return llvm::map_to_vector(op->getOperands(), [&](Value operand) {
      return isTile(operand) ? registersOf(operand)[reg] : scalars.lookup(operand);
    });
  };
  if (!isTile(op->getResult(0))) {
    scalars.map(op->getResult(0), compute(operandsAt(0)));
    if (llvm::any_of(op->getOperands(), [&](Value value) { return isDivergent(value); }))
      divergent.insert(op->getResult(0));
    return success();
  }
  Registers registers;
  for (int64_t i = 0, n = layoutOf(op->getResult(0)).numRegisters(shapeOf(op->getResult(0))); i < n;
       ++i)
    registers.push_back(compute(operandsAt(i)));
  tiles[op->getResult(0)] = registers;
  return success();
}

LogicalResult KernelLowering::lowerOp(Operation *op) {
  auto splat = [&](Value result, Value scalar) {
    tiles[result] = Registers(layoutOf(result).numRegisters(shapeOf(result)), scalar);
  };
  if (isElementwise(op))
    return lowerElementwise(op);
  if (isa<scf::ForOp, scf::IfOp, scf::WhileOp>(op)) {
    // What an iteration reads may come before what the next one writes; barriers inside may be passed
    // by.
    noteReadsIn(op);
    llvm::DenseSet<Value> read = group.viewsRead;
    LogicalResult lowered = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                                .Case([&](scf::ForOp loop) { return lowerFor(loop); })
                                .Case([&](scf::IfOp branch) { return lowerIf(branch); })
                                .Case([&](scf::WhileOp loop) { return lowerWhile(loop); });
    group.viewsRead = std::move(read);
    return success(succeeded(lowered) && succeeded(checkEnded(op)));
  }
  if (auto roles = dyn_cast<tile::RolesOp>(op))
    return lowerRoles(roles);
  if (auto dot = dyn_cast<tile::DotAsyncOp>(op))
    return lowerDotAsync(dot);
  if (isa<tile::CopyBulkOp, tile::MBarrierWaitOp, tile::MBarrierArriveOp>(op))
    openBarriers();
  bool isKnown = true;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](tile::ProgramIdOp id) { scalars.map(id.getResult(), programIds[id.getAxis()]); })
      .Case([&](tile::NumProgramsOp count) {
        scalars.map(count.getResult(), numPrograms[count.getAxis()]);
      })
      .Case([&](tile::NumBlocksOp count) { scalars.map(count.getResult(), readNumBlocks()); })
      .Case([&](tile::DimOp dim) { scalars.map(dim.getResult(), dims.lookup(dim.getName())); })
      .Case([&](arith::ConstantOp constant) {
        if (!isTile(constant))
          b.clone(*constant, scalars);
        else
          splat(constant, arith::ConstantOp::create(
                              b, cast<DenseElementsAttr>(constant.getValue())
                                     .getSplatValue<TypedAttr>()));
      })
      .Case([&](tensor::SplatOp op) { splat(op, scalars.lookup(op.getInput())); })
      .Case([&](tile::RangeOp range) { lowerRange(range); })
      .Case([&](tile::BroadcastOp broadcast) { lowerBroadcast(broadcast); })
      .Case([&](tile::ReshapeOp reshape) { lowerReshape(reshape); })
      .Case([&](tile::TransposeOp transpose) {
        Value source = transpose.getSource();
        tiles[transpose] = transposed(registersOf(source), layoutOf(source), shapeOf(source));
      })
      .Case([&](tile::ConvertLayoutOp convert) { lowerConvert(convert); })
      .Case([&](tile::ReduceOp reduce) { lowerReduce(reduce); })
      .Case([&](tile::ReducePartialOp reduce) { lowerReducePartial(reduce); })
      .Case([&](tile::VoteOp vote) { lowerVote(vote); })
      .Case([&](tile::ScanOp scan) { lowerScan(scan); })
      .Case([&](tile::DotOp dot) { lowerDot(dot); })
      .Case([&](tile::LoadOp load) { lowerLoad(load); })
      .Case([&](tile::StoreOp store) { lowerStore(store); })
      .Case([&](tile::AtomicRMWOp atomic) { lowerAtomic(atomic); })
      .Case([&](tile::AllocSharedOp alloc) {
        if (group.role)
          report("instances of a role would share this buffer; expected it before the roles");
        if (shared.isReused(alloc))
          barrier();
        buffers[alloc] = i32(shared.offsetOf(alloc));
      })
      .Case([&](tile::SlotOp slot) { buffers[slot] = slotOf(slot); })
      .Case([&](tile::BufferLoadOp load) { lowerBufferLoad(load); })
      .Case([&](tile::BufferStoreOp store) { lowerBufferStore(store); })
      .Case([&](tile::CopyAsyncOp copy) { lowerCopy(copy); })
      .Case([&](tile::CommitOp) { commitCopies(); })
      .Case([&](tile::WaitOp wait) {
        waitForCopies(wait.getPending());
        if (shared.isReadAsynchronously())
          fenceForCopyEngine();
        barrier();
      })
      .Case([&](tile::BarrierOp) { barrier(); })
      .Case([&](tile::AllocMBarrierOp alloc) { lowerAllocMBarrier(alloc); })
      .Case([&](tile::MBarrierWaitOp wait) { lowerMBarrierWait(wait); })
      .Case([&](tile::MBarrierArriveOp arrive) { lowerMBarrierArrive(arrive); })
      .Case([&](tile::AllocNamedBarrierOp alloc) {
        namedBarriers[alloc] = {takeBarriers(alloc.getType().getCount()), alloc.getThreads()};
      })
      .Case([&](tile::NamedSyncOp sync) { lowerNamedSync(sync); })
      .Case([&](tile::NamedArriveOp arrive) { lowerNamedArrive(arrive); })
      .Case([&](tile::CopyBulkOp copy) { lowerCopyBulk(copy); })
      .Case([&](tile::StoreBulkOp store) { lowerStoreBulk(store); })
      .Case([&](tile::WaitUntilOp wait) { lowerWaitUntil(wait); })
      .Case([&](tile::StoreReleaseOp store) { lowerStoreRelease(store); })
      .Case([&](tile::WaitBulkOp wait) {
        waitForBulkStores(wait.getPending(), wait.getWritten());
        barrier();
      })
      .Case([&](tile::DotWaitOp wait) { lowerDotWait(wait); })
      .Default([&](Operation *) { isKnown = false; });
  return isKnown ? success() : op->emitOpError("has no lowering to a GPU");
}

namespace {

struct TileToNVVMPass : lighthouse::impl::TileToNVVMBase<TileToNVVMPass> {
  using TileToNVVMBase::TileToNVVMBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    const tile::TargetInfo *target = tile::targetOf(module, tile::TargetInfo::Kind::Cuda);
    if (!target)
      return signalPassFailure();
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    LLVM::GlobalOp::create(builder, module.getLoc(), LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                           /*isConstant=*/false, LLVM::Linkage::External, "lighthouse_shared",
                           Attribute(), /*alignment=*/1024, /*addrSpace=*/3);
    for (auto kernel : llvm::make_early_inc_range(module.getOps<tile::KernelOp>())) {
      if (failed(tile::checkTargetSupport(kernel, *target)))
        return signalPassFailure();
      KernelLowering lowering(kernel, *target);
      if (lowering.sharedBytes() > target->sharedBytes) {
        emitError(kernel.getLoc())
            << "kernel '" << kernel.getSymName() << "' needs " << lowering.sharedBytes()
            << " bytes of shared memory, the limit of the target is " << target->sharedBytes
            << "; use smaller tiles or fewer stages";
        return signalPassFailure();
      }
      if (failed(lowering.run()))
        return signalPassFailure();
      kernel.erase();
    }
  }
};

} // namespace
