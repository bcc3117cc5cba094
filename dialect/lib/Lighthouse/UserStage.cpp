//===- UserStage.cpp - the stages that specifications declare ---------------------------------===//
//
// One op for all of them. Its adjoint is a function that the op refers to: names say which tensors
// the function gets, and whose gradients it gives.
//
//===------------------------------------------------------------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace lighthouse::lh;

const StageSignature &UserStageOp::getStageSignature() {
  static constexpr StageSignature signature{
      .isDeclared = true, .isCallable = false, .operands = {}, .options = {}, .parameters = {}};
  return signature;
}

StringRef UserStageOp::getStageName() { return getStage(); }

SmallVector<NamedAttribute> UserStageOp::getStageParameters() {
  DictionaryAttr parameters = getParametersAttr();
  return parameters ? llvm::to_vector(parameters.getValue()) : SmallVector<NamedAttribute>();
}

//===------------------------------------------------------------------------------------------===//
// Names
//===------------------------------------------------------------------------------------------===//

static bool isDifferentiable(Value tensor) { return !getCotangentTypes(tensor.getType()).empty(); }

SmallVector<UserStageOp::AdjointArgument> UserStageOp::findAdjointArguments(StringRef name) {
  SmallVector<AdjointArgument> found;
  for (auto [own, input] :
       llvm::zip_equal(getInputNames().getAsValueRange<StringAttr>(), getInputs()))
    if (own == name)
      found.push_back({input});
  for (auto [own, output] :
       llvm::zip_equal(getOutputNames().getAsValueRange<StringAttr>(), getOutputs())) {
    if (own == name)
      found.push_back({output});
    if (name.starts_with("d") && own == name.drop_front() && isDifferentiable(output))
      found.push_back({output, /*isCotangent=*/true});
  }
  return found;
}

Value UserStageOp::findGradientInput(StringRef name) {
  for (auto [own, input] :
       llvm::zip_equal(getInputNames().getAsValueRange<StringAttr>(), getInputs()))
    if (name.starts_with("d") && own == name.drop_front() && isDifferentiable(input))
      return input;
  return {};
}

//===------------------------------------------------------------------------------------------===//
// Verification
//===------------------------------------------------------------------------------------------===//

LogicalResult UserStageOp::verify() {
  if (getInputNames().size() != getInputs().size() ||
      getOutputNames().size() != getOutputs().size())
    return emitOpError() << "has " << getInputs().size() << " inputs and " << getOutputs().size()
                         << " outputs, but " << getInputNames().size() << " and "
                         << getOutputNames().size() << " names [user_stage_c1]";
  llvm::DenseSet<Attribute> names;
  for (Attribute name : llvm::concat<const Attribute>(getInputNames(), getOutputNames()))
    if (!names.insert(name).second)
      return emitOpError() << "has the name " << name << " twice [user_stage_c1]";
  for (Attribute scalar : getScalars())
    if (!isa<IntegerAttr, FloatAttr>(scalar))
      return emitOpError() << "has the scalar " << scalar
                           << ", which is no number [user_stage_c5]";
  if (IntegerAttr flops = getFlopsAttr(); flops && flops.getInt() < 0)
    return emitOpError() << "has " << flops.getInt() << " flops [user_stage_c5]";
  return success();
}

static StringRef nameOf(StringAttr name) { return name ? name.getValue() : StringRef(); }

StringRef lighthouse::lh::getArgumentName(FunctionOpInterface function, unsigned index) {
  return nameOf(
      function.getArgAttrOfType<StringAttr>(index, LighthouseDialect::getNameAttrName()));
}

StringRef lighthouse::lh::getResultName(FunctionOpInterface function, unsigned index) {
  return nameOf(
      function.getResultAttrOfType<StringAttr>(index, LighthouseDialect::getNameAttrName()));
}

LogicalResult UserStageOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  FlatSymbolRefAttr symbol = getAdjointAttr();
  if (!symbol)
    return success();
  auto function = symbolTable.lookupNearestSymbolFrom<FunctionOpInterface>(*this, symbol);
  if (!function || !llvm::hasSingleElement(function.getFunctionBody()))
    return emitOpError() << "has the adjoint " << symbol
                         << ", which is not a function of the module with one block "
                            "[user_stage_c2]";
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    StringRef name = getArgumentName(function, i);
    SmallVector<AdjointArgument> found = findAdjointArguments(name);
    if (found.size() != 1)
      return emitOpError() << "has an adjoint with the argument '" << name << "', which names "
                           << (found.empty() ? "nothing" : "more than one thing")
                           << " [user_stage_c3]";
    if (Type expected = found.front().value.getType(); type != expected)
      return emitOpError() << "has an adjoint with the argument '" << name << "' of type " << type
                           << "; expected " << expected << " [user_stage_c3]";
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    StringRef name = getResultName(function, i);
    Value input = findGradientInput(name);
    if (!input)
      return emitOpError() << "has an adjoint with the result '" << name
                           << "', which is the gradient of no input [user_stage_c4]";
    auto expected = cast<RankedTensorType>(input.getType());
    if (type != expected && type != expected.clone(Float32Type::get(getContext())))
      return emitOpError() << "has an adjoint with the result '" << name << "' of type " << type
                           << "; expected " << expected << " or the same of f32 [user_stage_c4]";
  }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Adjoint
//===------------------------------------------------------------------------------------------===//

LogicalResult UserStageOp::buildAdjoint(OpBuilder &builder, Cotangents &cotangents, bool) {
  if (!getAdjointAttr()) {
    InFlightDiagnostic diagnostic =
        mlir::emitError(getLoc())
        << "stage '" << getStage()
        << "' has no adjoint, but a gradient flows into its results; give it one with 'adjoint "
           "NAME'";
    if (auto fused = dyn_cast<FusedLoc>(getLoc()))
      if (auto declared = dyn_cast_if_present<LocationAttr>(fused.getMetadata()))
        diagnostic.attachNote(declared) << "stage '" << getStage() << "' is declared here";
    return diagnostic;
  }
  auto function =
      SymbolTable::lookupNearestSymbolFrom<FunctionOpInterface>(*this, getAdjointAttr());
  Block &body = function.getFunctionBody().front();
  IRMapping mapping;
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    AdjointArgument own = findAdjointArguments(getArgumentName(function, i)).front();
    mapping.map(argument,
                own.isCotangent ? cotangents.getRounded(own.value, getLoc()) : own.value);
  }
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  for (auto [i, gradient] : llvm::enumerate(body.getTerminator()->getOperands()))
    cotangents.add(findGradientInput(getResultName(function, i)), mapping.lookupOrDefault(gradient),
                   getLoc());
  return success();
}
