//===- Differentiate.cpp - derive the backward pass of functions of stages --------------------===//

#include "lighthouse/Transforms/Passes.h"
#include "mlir/IR/IRMapping.h"

namespace lighthouse {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "lighthouse/Transforms/Passes.h.inc"
} // namespace lighthouse

using namespace mlir;
using namespace lighthouse;

namespace {

constexpr StringLiteral nameAttr = lh::LighthouseDialect::getNameAttrName();

bool hasGradient(Value value) {
  return isa<RankedTensorType>(value.getType()) && !lh::getCotangentTypes(value.getType()).empty();
}

/// A function with its backward pass behind it: the cotangents of its float results follow its
/// arguments, the gradients of its float arguments its results.
class JointFunction {
public:
  JointFunction(func::FuncOp function, bool deterministic)
      : function(function), builder(function.getContext()), cotangents(builder),
        deterministic(deterministic), numArguments(function.getNumArguments()),
        numResults(function.getNumResults()) {}

  /// Appends the backward pass.
  LogicalResult build();
  /// Puts the two passes into functions of their own, beside the joint one.
  LogicalResult split();

  int64_t numAdjoints = 0;

private:
  /// A value of the forward pass that the backward pass needs.
  struct Saved {
    Value value;
    StringAttr name;
    /// Which result of the function it is; none: it is an argument or a further one.
    std::optional<unsigned> result;
  };

  Operation *terminator() { return function.front().getTerminator(); }
  StringAttr nameOf(unsigned index, bool isResult);
  LogicalResult addCotangents();
  LogicalResult addAdjoints();
  LogicalResult addGradients();
  LogicalResult addName(StringAttr name, Location loc);
  FailureOr<SmallVector<Saved>> collectSaved();
  func::FuncOp createFunction(StringRef suffix, TypeRange arguments, ArrayRef<StringAttr> argNames,
                              ArrayRef<Location> locations);
  void finish(func::FuncOp made, ValueRange results, ArrayRef<StringAttr> names);
  void makeForward(ArrayRef<Saved> saved);
  void makeBackward(ArrayRef<Saved> saved);

  func::FuncOp function;
  OpBuilder builder;
  lh::Cotangents cotangents;
  bool deterministic;
  unsigned numArguments, numResults;
  /// The last op of the forward pass; null if it has none.
  Operation *lastForward = nullptr;
  llvm::DenseSet<StringAttr> names;
};

StringAttr JointFunction::nameOf(unsigned index, bool isResult) {
  auto name = isResult ? function.getResultAttrOfType<StringAttr>(index, nameAttr)
                       : function.getArgAttrOfType<StringAttr>(index, nameAttr);
  return name ? name : builder.getStringAttr((isResult ? "result" : "arg") + Twine(index));
}

LogicalResult JointFunction::addName(StringAttr name, Location loc) {
  if (names.insert(name).second)
    return success();
  return emitError(loc) << "the gradient needs the name '" << name.getValue()
                        << "', which an argument or result has already";
}

LogicalResult JointFunction::addCotangents() {
  for (unsigned i = 0; i < numArguments; ++i)
    names.insert(nameOf(i, /*isResult=*/false));
  for (unsigned i = 0; i < numResults; ++i)
    names.insert(nameOf(i, /*isResult=*/true));
  bool any = false;
  for (auto [i, value] : llvm::enumerate(terminator()->getOperands())) {
    if (!hasGradient(value))
      continue;
    any = true;
    StringAttr name = builder.getStringAttr("d" + nameOf(i, /*isResult=*/true).getValue());
    if (failed(addName(name, value.getLoc())))
      return failure();
    unsigned position = function.getNumArguments();
    (void)function.insertArgument(
        position, value.getType(),
        builder.getDictionaryAttr(builder.getNamedAttr(nameAttr, name)), value.getLoc());
    cotangents.add(value, function.getArgument(position), value.getLoc());
  }
  if (!any)
    return emitError(function.getLoc())
           << "'" << function.getSymName() << "' has no float result to differentiate";
  return success();
}

LogicalResult JointFunction::addAdjoints() {
  for (Operation *op = lastForward; op; op = op->getPrevNode()) {
    if (llvm::none_of(op->getResults(), [&](Value result) { return cotangents.isNonzero(result); }))
      continue;
    if (auto stage = dyn_cast<lh::StageOpInterface>(op)) {
      if (failed(stage.buildAdjoint(builder, cotangents, deterministic)))
        return failure();
      ++numAdjoints;
      continue;
    }
    InFlightDiagnostic diagnostic = emitError(op->getLoc());
    if (auto launch = dyn_cast<lh::LaunchOp>(op))
      return diagnostic << "kernel '" << launch.getKernel()
                        << "' has no adjoint, but a gradient flows into its results; declare a "
                           "stage that it implements and give that one with 'adjoint NAME'";
    return diagnostic << "'" << op->getName().getStringRef()
                      << "' has no adjoint, but a gradient flows into its results";
  }
  return success();
}

LogicalResult JointFunction::addGradients() {
  for (unsigned i = 0; i < numArguments; ++i) {
    BlockArgument argument = function.getArgument(i);
    if (!hasGradient(argument))
      continue;
    StringAttr name = builder.getStringAttr("d" + nameOf(i, /*isResult=*/false).getValue());
    if (failed(addName(name, argument.getLoc())))
      return failure();
    Value gradient = cotangents.getRounded(argument, argument.getLoc());
    unsigned position = function.getNumResults();
    (void)function.insertResult(
        position, gradient.getType(),
        builder.getDictionaryAttr(builder.getNamedAttr(nameAttr, name)));
    terminator()->insertOperands(position, gradient);
  }
  return success();
}

LogicalResult JointFunction::build() {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have one block to be differentiated");
  lastForward = terminator()->getPrevNode();
  builder.setInsertionPoint(terminator());
  return success(succeeded(addCotangents()) && succeeded(addAdjoints()) &&
                 succeeded(addGradients()));
}

//===------------------------------------------------------------------------------------------===//
// Two functions of one
//===------------------------------------------------------------------------------------------===//

FailureOr<SmallVector<JointFunction::Saved>> JointFunction::collectSaved() {
  SmallVector<Saved> saved;
  auto isForward = [&](Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getArgNumber() < numArguments;
    Operation *op = value.getDefiningOp();
    return op == lastForward || (lastForward && op->isBeforeInBlock(lastForward));
  };
  auto results = terminator()->getOperands().take_front(numResults);
  unsigned further = 0;
  Operation *first = lastForward ? lastForward->getNextNode() : &function.front().front();
  for (Operation *op = first; op != terminator(); op = op->getNextNode())
    for (Value operand : op->getOperands()) {
      if (!isForward(operand) ||
          llvm::any_of(saved, [&](const Saved &other) { return other.value == operand; }))
        continue;
      if (!isa<RankedTensorType, lh::SelectionType>(operand.getType()))
        return op->emitError() << "the backward pass needs a value of type " << operand.getType()
                               << ", which cannot be saved";
      // A selection is what its list of entries says.
      auto result = llvm::find_if(results, [&](Value value) {
        auto indices = value.getDefiningOp<lh::IndicesOp>();
        return value == operand || (indices && indices.getSelection() == operand);
      });
      if (result != results.end()) {
        unsigned index = result - results.begin();
        saved.push_back({operand, nameOf(index, /*isResult=*/true), index});
      } else if (auto argument = dyn_cast<BlockArgument>(operand)) {
        saved.push_back(
            {operand, nameOf(argument.getArgNumber(), /*isResult=*/false), std::nullopt});
      } else {
        StringAttr name = builder.getStringAttr("saved." + Twine(further++));
        saved.push_back({operand, name, std::nullopt});
      }
    }
  return saved;
}

func::FuncOp JointFunction::createFunction(StringRef suffix, TypeRange arguments,
                                           ArrayRef<StringAttr> argNames,
                                           ArrayRef<Location> locations) {
  builder.setInsertionPoint(function);
  auto made = func::FuncOp::create(builder, function.getLoc(),
                                   (function.getSymName() + suffix).str(),
                                   builder.getFunctionType(arguments, {}));
  Block &block = made.getBody().emplaceBlock();
  block.addArguments(arguments, locations);
  for (auto [i, name] : llvm::enumerate(argNames))
    made.setArgAttr(i, nameAttr, name);
  builder.setInsertionPointToEnd(&block);
  return made;
}

void JointFunction::finish(func::FuncOp made, ValueRange results, ArrayRef<StringAttr> resultNames) {
  func::ReturnOp::create(builder, function.getLoc(), results);
  made.setType(builder.getFunctionType(made.getArgumentTypes(), results.getTypes()));
  for (auto [i, name] : llvm::enumerate(resultNames))
    made.setResultAttr(i, nameAttr, name);
}

void JointFunction::makeForward(ArrayRef<Saved> saved) {
  SmallVector<StringAttr> argNames, resultNames;
  SmallVector<Location> locations;
  for (unsigned i = 0; i < numArguments; ++i) {
    argNames.push_back(nameOf(i, /*isResult=*/false));
    locations.push_back(function.getArgument(i).getLoc());
  }
  func::FuncOp forward = createFunction(
      "_fwd", function.getArgumentTypes().take_front(numArguments), argNames, locations);
  IRMapping mapping;
  mapping.map(function.getArguments().take_front(numArguments), forward.getArguments());
  if (lastForward)
    for (Operation &op :
         llvm::make_range(function.front().begin(), std::next(lastForward->getIterator())))
      builder.clone(op, mapping);
  SmallVector<Value> results;
  for (unsigned i = 0; i < numResults; ++i) {
    results.push_back(mapping.lookup(terminator()->getOperand(i)));
    resultNames.push_back(nameOf(i, /*isResult=*/true));
  }
  for (const Saved &value : saved) {
    if (value.result || isa<BlockArgument>(value.value))
      continue;
    Value own = mapping.lookup(value.value);
    if (isa<lh::SelectionType>(own.getType()))
      own = lh::IndicesOp::create(builder, own.getLoc(), own);
    results.push_back(own);
    resultNames.push_back(value.name);
  }
  finish(forward, results, resultNames);
}

void JointFunction::makeBackward(ArrayRef<Saved> saved) {
  SmallVector<Type> types;
  SmallVector<StringAttr> argNames, resultNames;
  SmallVector<Location> locations;
  for (unsigned i = numArguments; i < function.getNumArguments(); ++i) {
    types.push_back(function.getArgumentTypes()[i]);
    argNames.push_back(nameOf(i, /*isResult=*/false));
    locations.push_back(function.getArgument(i).getLoc());
  }
  for (const Saved &value : saved) {
    auto selection = dyn_cast<lh::SelectionType>(value.value.getType());
    types.push_back(selection ? selection.getIndicesType() : value.value.getType());
    argNames.push_back(value.name);
    locations.push_back(value.value.getLoc());
  }
  func::FuncOp backward = createFunction("_bwd", types, argNames, locations);
  IRMapping mapping;
  auto arguments = backward.getArguments();
  unsigned numCotangents = function.getNumArguments() - numArguments;
  mapping.map(function.getArguments().drop_front(numArguments),
              arguments.take_front(numCotangents));
  for (auto [value, argument] : llvm::zip_equal(saved, arguments.drop_front(numCotangents))) {
    Value own = argument;
    if (isa<lh::SelectionType>(value.value.getType()))
      own = lh::MakeSelectionOp::create(builder, own.getLoc(), value.value.getType(), own);
    mapping.map(value.value, own);
  }
  Block &body = function.front();
  auto first = lastForward ? std::next(lastForward->getIterator()) : body.begin();
  for (Operation &op : llvm::make_range(first, terminator()->getIterator()))
    builder.clone(op, mapping);
  SmallVector<Value> results;
  for (unsigned i = numResults; i < function.getNumResults(); ++i) {
    results.push_back(mapping.lookup(terminator()->getOperand(i)));
    resultNames.push_back(nameOf(i, /*isResult=*/true));
  }
  finish(backward, results, resultNames);
}

LogicalResult JointFunction::split() {
  FailureOr<SmallVector<Saved>> saved = collectSaved();
  if (failed(saved))
    return failure();
  makeForward(*saved);
  makeBackward(*saved);
  return success();
}

struct DifferentiatePass : lighthouse::impl::DifferentiatePassBase<DifferentiatePass> {
  using DifferentiatePassBase::DifferentiatePassBase;

  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      // What is private is the adjoint of a stage.
      if (function.isExternal() || function.isPrivate())
        continue;
      // If its passes become functions of their own the function itself stays what it is.
      func::FuncOp built = function;
      if (!joint)
        built = cast<func::FuncOp>(OpBuilder(function).clone(*function));
      JointFunction both(built, deterministic);
      if (failed(both.build()) || (!joint && failed(both.split())))
        return signalPassFailure();
      if (!joint)
        built.erase();
      numAdjoints += both.numAdjoints;
    }
  }
};

} // namespace
