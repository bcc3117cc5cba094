//===- BarrierTrace.cpp - what the roles of a kernel do at barriers ---------------------------===//
//
// The scalars of a kernel are computed by the folders of their ops. What follows from memory, tiles
// or arguments is unknown, and so is what loops and branches make of it. Where all that they may do
// at barriers is to wait at mbarriers, they are left out.
//
//===----------------------------------------------------------------------------------------------===//

#include "BarrierTrace.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lighthouse::tile;

std::optional<std::pair<Value, Value>> lighthouse::tile::findBarrier(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<std::pair<Value, Value>>>(op)
      .Case<MBarrierWaitOp, MBarrierArriveOp, CopyBulkOp, NamedSyncOp, NamedArriveOp>(
          [](auto use) { return std::pair<Value, Value>(use.getBarrier(), use.getIndex()); })
      .Default(std::nullopt);
}

namespace {

class Tracer {
public:
  Tracer(KernelOp kernel, int64_t extent, bool isLastProgram);

  std::optional<BarrierTraces> run();

private:
  static constexpr size_t mostSteps = 1 << 18;

  // False: who comes to which barrier is unknown.
  bool runBlock(Block &block);
  bool runOp(Operation *op);
  bool runFor(scf::ForOp loop);
  bool runIf(scf::IfOp branch);
  /// Of an op of which it is unknown which of its regions run, and how often.
  bool skip(Operation *op);
  void evaluate(Operation *op);

  /// What is in an op.
  enum class Uses { None, WaitsAlone, Any };
  Uses usesIn(Operation *op);
  std::optional<int64_t> intOf(Value value) const {
    auto attr = dyn_cast_or_null<IntegerAttr>(known.lookup(value));
    return attr ? std::optional(attr.getValue().getSExtValue()) : std::nullopt;
  }
  void set(Value value, Attribute attr) {
    if (attr)
      known[value] = attr;
    else
      known.erase(value);
  }
  void setAll(ValueRange values, ValueRange from) {
    SmallVector<Attribute> attrs =
        llvm::map_to_vector(from, [&](Value value) { return known.lookup(value); });
    for (auto [value, attr] : llvm::zip_equal(values, attrs))
      set(value, attr);
  }
  void forget(ValueRange values) {
    for (Value value : values)
      known.erase(value);
  }
  Attribute word(int64_t value) const {
    return llvm::isInt<32>(value) ? Builder(kernel->getContext()).getI32IntegerAttr(value)
                                  : Attribute();
  }
  Attribute extentOf(AffineExpr expr) const {
    auto constant = dyn_cast<AffineConstantExpr>(
        simplifyAffineExpr(expr.replaceSymbols(extents), 0, extents.size()));
    return constant ? word(constant.getValue()) : Attribute();
  }

  KernelOp kernel;
  bool isLastProgram;
  /// Of the named dims; what has no value is the symbol.
  SmallVector<AffineExpr> extents;
  DenseMap<Value, Attribute> known;
  DenseMap<Operation *, Uses> knownUses;
  BarrierTraces traces;
  BarrierTrace *trace = nullptr;
  size_t numSteps = 0;
};

} // namespace

Tracer::Tracer(KernelOp kernel, int64_t extent, bool isLastProgram)
    : kernel(kernel), isLastProgram(isLastProgram) {
  // What inputs have may be anything; other extents follow from them or from what the caller knows.
  llvm::StringSet<> ofInputs;
  for (Type type : kernel.getArgumentTypes().take_front(kernel.getInputs()))
    if (auto view = dyn_cast<ViewType>(type))
      for (int64_t d = 0; d < view.getRank(); ++d)
        ofInputs.insert(view.getDimName(d));
  MLIRContext *context = kernel.getContext();
  for (auto [i, name] : llvm::enumerate(kernel.getDims().getAsValueRange<StringAttr>()))
    extents.push_back(ofInputs.contains(name) ? getAffineConstantExpr(extent, context)
                                              : getAffineSymbolExpr(i, context));
  DictionaryAttr exprs = kernel.getDimExprsAttr();
  if (!exprs)
    return;
  SmallVector<AffineExpr> ofInputsAlone = extents;
  for (NamedAttribute entry : exprs)
    extents[kernel.getDimIndex(entry.getName())] =
        cast<AffineMapAttr>(entry.getValue()).getValue().getResult(0).replaceSymbols(ofInputsAlone);
}

Tracer::Uses Tracer::usesIn(Operation *op) {
  auto [place, isNew] = knownUses.try_emplace(op, Uses::None);
  if (isNew)
    op->walk([&uses = place->second](Operation *inner) {
      if (findBarrier(inner))
        uses = std::max(uses, isa<MBarrierWaitOp>(inner) ? Uses::WaitsAlone : Uses::Any);
    });
  return place->second;
}

bool Tracer::skip(Operation *op) {
  forget(op->getResults());
  Uses uses = usesIn(op);
  traces.omitsWaits |= uses == Uses::WaitsAlone;
  return uses != Uses::Any;
}

void Tracer::evaluate(Operation *op) {
  forget(op->getResults());
  if (op->getNumResults() == 0 || !isMemoryEffectFree(op) ||
      !llvm::all_of(op->getResultTypes(), [](Type type) { return type.isIntOrFloat(); }))
    return;
  if (auto dim = dyn_cast<DimOp>(op))
    return set(dim,
               extentOf(getAffineSymbolExpr(kernel.getDimIndex(dim.getName()), op->getContext())));
  if (auto count = dyn_cast<NumProgramsOp>(op))
    return set(count, extentOf(kernel.getGrid().getResult(count.getAxis())));
  if (auto id = dyn_cast<ProgramIdOp>(op)) {
    auto count = dyn_cast_or_null<IntegerAttr>(extentOf(kernel.getGrid().getResult(id.getAxis())));
    if (count && count.getInt() > 0)
      set(id, word(isLastProgram ? count.getInt() - 1 : 0));
    return;
  }
  // So many that a block runs three instances.
  if (auto blocks = dyn_cast<NumBlocksOp>(op)) {
    AffineExpr programs = getAffineConstantExpr(1, op->getContext());
    for (AffineExpr extent : kernel.getGrid().getResults())
      programs = programs * extent;
    return set(blocks, extentOf(programs.ceilDiv(3)));
  }
  SmallVector<Attribute> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value value) { return known.lookup(value); });
  SmallVector<OpFoldResult> results;
  if (!llvm::all_of(operands, [](Attribute attr) { return attr; }) ||
      failed(op->fold(operands, results)) || results.size() != op->getNumResults())
    return;
  for (auto [result, folded] : llvm::zip_equal(op->getResults(), results))
    set(result,
        isa<Attribute>(folded) ? cast<Attribute>(folded) : known.lookup(cast<Value>(folded)));
}

bool Tracer::runFor(scf::ForOp loop) {
  std::optional<int64_t> lower = intOf(loop.getLowerBound()), upper = intOf(loop.getUpperBound()),
                         step = intOf(loop.getStep());
  if (usesIn(loop) == Uses::None || !lower || !upper || !step || *step < 1)
    return skip(loop);
  setAll(loop.getRegionIterArgs(), loop.getInits());
  for (int64_t i = *lower; i < *upper; i += *step) {
    set(loop.getInductionVar(), IntegerAttr::get(loop.getInductionVar().getType(), i));
    if (!runBlock(*loop.getBody()))
      return false;
    setAll(loop.getRegionIterArgs(), loop.getYieldedValues());
  }
  setAll(loop.getResults(), loop.getRegionIterArgs());
  return true;
}

bool Tracer::runIf(scf::IfOp branch) {
  std::optional<int64_t> condition = intOf(branch.getCondition());
  if (!condition)
    return skip(branch);
  Region &region = *condition ? branch.getThenRegion() : branch.getElseRegion();
  if (region.empty())
    return true;
  if (!runBlock(region.front()))
    return false;
  setAll(branch.getResults(), region.front().getTerminator()->getOperands());
  return true;
}

bool Tracer::runOp(Operation *op) {
  if (++numSteps > mostSteps)
    return false;
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return runFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return runIf(branch);
  if (auto use = findBarrier(op)) {
    std::optional<int64_t> index = intOf(use->second);
    if (!trace || (!index && !isa<MBarrierWaitOp>(op)))
      return false;
    if (index)
      trace->uses.push_back({op, use->first, *index});
    else
      traces.omitsWaits = true;
    return true;
  }
  if (op->getNumRegions() != 0)
    return skip(op);
  evaluate(op);
  return true;
}

bool Tracer::runBlock(Block &block) {
  return llvm::all_of(block, [&](Operation &op) { return runOp(&op); });
}

std::optional<BarrierTraces> Tracer::run() {
  RolesOp roles = kernel.getRoles();
  if (!roles)
    trace = &traces.instances.emplace_back(BarrierTrace{RoleOp(), kernel.getNumWarps(), {}});
  for (Operation &op : kernel.getBody().front())
    if (&op != roles.getOperation() && !runOp(&op))
      return std::nullopt;
  if (!roles)
    return std::move(traces);
  for (RoleOp role : roles.getBody().getOps<RoleOp>())
    for (int64_t i = 0, n = role.getInstances(); i < n; ++i) {
      trace = &traces.instances.emplace_back(BarrierTrace{role, int64_t(role.getWarps()), {}});
      set(role.getBody().getArgument(0), word(i));
      if (!runBlock(role.getBody().front()))
        return std::nullopt;
    }
  return std::move(traces);
}

std::optional<BarrierTraces>
lighthouse::tile::traceBarriers(KernelOp kernel, int64_t extent, bool isLastProgram) {
  return Tracer(kernel, extent, isLastProgram).run();
}
