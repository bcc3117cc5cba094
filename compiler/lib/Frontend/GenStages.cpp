//===- GenStages.cpp - Calls of stages in pipelines -------------------------------------===//
#include "PipelineGen.h"

#include "mlir/IR/Verifier.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

/// Whether `type` is what a stage takes for an operand.
static bool isOperand(lh::StageOperand kind, mlir::Type type) {
  switch (kind) {
  case lh::StageOperand::Heads: {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    return tensor && tensor.getRank() == 4 &&
           (tensor.getElementType().isF32() || tensor.getElementType().isF16() ||
            tensor.getElementType().isBF16());
  }
  case lh::StageOperand::Tensor:
    return mlir::isa<mlir::RankedTensorType>(type);
  case lh::StageOperand::Pyramid:
    return mlir::isa<lh::PyramidType>(type);
  case lh::StageOperand::Scores:
    return mlir::isa<lh::ScoresType>(type);
  case lh::StageOperand::Selection:
    return mlir::isa<lh::SelectionType>(type);
  }
  return false;
}

static StringRef spellOperand(lh::StageOperand kind) {
  switch (kind) {
  case lh::StageOperand::Heads:
    return "a tensor of rank 4 of f32, f16 or bf16";
  case lh::StageOperand::Tensor:
    return "a tensor";
  case lh::StageOperand::Pyramid:
    return "a pyramid";
  case lh::StageOperand::Scores:
    return "scores";
  case lh::StageOperand::Selection:
    return "a selection";
  }
  return "";
}

FailureOr<mlir::SmallVector<mlir::Value>> PipelineGen::stageOperands(const lh::StageInfo &stage,
                                                                     const CallExpr *e) {
  mlir::ArrayRef<lh::StageOperand> kinds = stage.signature->operands;
  FailureOr<mlir::SmallVector<Value>> args = evalArgs(e);
  if (failed(args))
    return failure();
  if (args->size() == 1 && args->front().isTuple() && kinds.size() > 1) {
    mlir::ArrayRef<Value> spread = args->front().getTuple();
    args = mlir::SmallVector<Value>(spread.begin(), spread.end());
  }
  if (stage.signature->isFirstOptional && args->size() + 1 == kinds.size())
    kinds = kinds.drop_front();
  if (args->size() != kinds.size()) {
    error(e->loc, "'" + e->callee + "' expects " + Twine(kinds.size()) + " argument" +
                      (kinds.size() == 1 ? "" : "s") + ", found " + Twine(args->size()));
    return failure();
  }
  static constexpr llvm::StringLiteral ordinals[] = {" first",  " second", " third",
                                                  " fourth", " fifth",  " sixth"};
  mlir::SmallVector<mlir::Value> operands;
  for (auto [i, value] : llvm::enumerate(*args)) {
    if (!value.isRuntime()) {
      if (!value.isPoison())
        error(e->loc, "'" + e->callee + "' expects tensors or results of stages, found " +
                          describe(value));
      return failure();
    }
    mlir::Type type = value.getSSA().getType();
    if (!isOperand(kinds[i], type)) {
      error(e->loc, "'" + e->callee + "' expects " + spellOperand(kinds[i]) +
                        (kinds.size() == 1 ? StringRef() : StringRef(ordinals[i])) + ", found " +
                        spell(type));
      return failure();
    }
    operands.push_back(value.getSSA());
  }
  return operands;
}

FailureOr<mlir::Attribute> PipelineGen::stageOption(const lh::StageOption &option,
                                                    const CallExpr *e) {
  using Kind = lh::StageOption::Kind;
  auto *arg = llvm::find_if(
      e->named, [&](const NamedArg &candidate) { return candidate.name.text == option.name; });
  bool isGiven = arg != e->named.end();
  if (option.kind == Kind::Flag) {
    FailureOr<bool> flag =
        isGiven ? evalBool(arg->value, "'" + option.name + "'") : FailureOr<bool>(option.fallback);
    if (failed(flag))
      return failure();
    return *flag ? mlir::Attribute(builder.getUnitAttr()) : mlir::Attribute();
  }
  if (!isGiven) {
    if (!option.isRequired)
      return mlir::Attribute();
    error(e->loc,
          "'" + e->callee + "' needs the option '" + option.name + "', as in " + option.name + " = 4");
    return failure();
  }
  if (option.kind == Kind::Int) {
    FailureOr<int64_t> value = evalInt(arg->value, "'" + option.name + "'");
    if (failed(value))
      return failure();
    return mlir::Attribute(builder.getI64IntegerAttr(*value));
  }
  Result value = eval(arg->value);
  if (failed(value))
    return failure();
  mlir::Attribute attr = constantAttr(*value, builder.getF32Type(), arg->value->loc);
  if (!attr)
    return failure();
  return attr;
}

FailureOr<mlir::DictionaryAttr> PipelineGen::stageOptions(const lh::StageInfo &stage,
                                                          const CallExpr *e) {
  mlir::NamedAttrList attributes;
  bool ok = true;
  for (const lh::StageOption &option : stage.signature->options) {
    FailureOr<mlir::Attribute> value = stageOption(option, e);
    ok &= mlir::succeeded(value);
    if (ok && *value)
      attributes.set(option.name, *value);
  }
  if (!ok)
    return failure();
  return attributes.getDictionary(context);
}

Result PipelineGen::callStage(const lh::StageInfo &stage, const CallExpr *e) {
  FailureOr<mlir::SmallVector<mlir::Value>> operands = stageOperands(stage, e);
  FailureOr<mlir::DictionaryAttr> options = stageOptions(stage, e);
  if (failed(operands) || failed(options))
    return failure();
  FailureOr<mlir::Operation *> op = stage.build(builder, location(e->loc), *operands, *options);
  if (failed(op) || failed(mlir::verify(*op)))
    return failure();
  return resultsOf(*op);
}
