//===- KernelGen.cpp - Kernels and their control flow -----------------------------------===//
#include "KernelGen.h"

#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/SetVector.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

KernelGen::KernelGen(const Definitions &definitions, const KernelDecl &decl, const Binding &binding,
                     mlir::ModuleOp module, Diagnostics &diagnostics)
    : Evaluator(module, diagnostics), definitions(definitions), decl(decl), binding(binding),
      module(module), builder(module.getContext(), this) {}

FailureOr<tile::KernelOp> KernelGen::run(StringRef symbol) {
  builder.setInsertionPointToEnd(module.getBody());
  tile::KernelOp kernel = makeKernel(symbol);
  if (!kernel)
    return failure();

  for (auto [param, value] : llvm::zip_equal(decl.params, binding.params))
    declare({param.name, /*isVar=*/false, value});
  mlir::Block &entry = kernel.getBody().front();
  builder.setInsertionPointToEnd(&entry);
  setInitialValues(kernel);
  auto args = llvm::concat<const ArgDecl>(decl.args, decl.results);
  for (auto [arg, value] : llvm::zip(args, entry.getArguments()))
    declare({arg.name, /*isVar=*/false, SSA(value)});

  execBlock(decl.body);
  tile::ReturnOp::create(builder, location(decl.name.loc));
  checkInitialValues(kernel);
  checkProducts(kernel);
  checkBarriers(kernel);
  if (tooManyOperations)
    error(decl.name.loc, "kernel '" + decl.name.text + "' becomes more than " +
                             Twine(limits::operations) + " operations");
  if (!hasFailed())
    return kernel;
  kernel.erase();
  return failure();
}

void KernelGen::notifyOperationInserted(mlir::Operation *, mlir::OpBuilder::InsertPoint) {
  if (++operations > limits::operations && !tooManyOperations) {
    tooManyOperations = true;
    stop();
  }
}

tile::KernelOp KernelGen::makeKernel(StringRef symbol) {
  mlir::SmallVector<mlir::Type> types;
  mlir::SmallVector<mlir::Attribute> argAttrs;
  mlir::SmallVector<mlir::NamedAttribute> dimExprs;
  // Extents of results that are expressions over dims become dims of their own.
  Binding extended = binding;
  mlir::SmallVector<std::pair<StringRef, mlir::AffineExpr>> computed;
  DimEvaluator dims(binding, module, diagnostics);
  bool ok = true;

  for (const ArgDecl &arg : llvm::concat<const ArgDecl>(decl.args, decl.results)) {
    argAttrs.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr("tile.name", builder.getStringAttr(arg.name.text))));
    mlir::Type element = elementType(arg, binding, context);
    if (!arg.isTensor) {
      types.push_back(element);
      continue;
    }
    mlir::SmallVector<mlir::Attribute> extents;
    for (auto [d, dim] : llvm::enumerate(arg.dims)) {
      auto *name = llvm::dyn_cast<NameExpr>(dim);
      if (name && binding.dims.contains(name->name)) {
        extents.push_back(builder.getStringAttr(name->name));
        continue;
      }
      FailureOr<mlir::AffineExpr> extent = dims.eval(dim, "an extent");
      if (failed(extent)) {
        ok = false;
        continue;
      }
      if (auto constant = mlir::dyn_cast<mlir::AffineConstantExpr>(*extent)) {
        if (constant.getValue() < 1 || constant.getValue() > limits::tensorDim) {
          error(dim->loc, "extent of '" + arg.name.text + "' is " + Twine(constant.getValue()) +
                              "; expected 1 to " + Twine(limits::tensorDim));
          ok = false;
        }
        extents.push_back(builder.getI64IntegerAttr(constant.getValue()));
        continue;
      }
      auto dimName = builder.getStringAttr(arg.name.text + "." + Twine(d));
      extents.push_back(dimName);
      extended.dims.insert({dimName.getValue(), mlir::ShapedType::kDynamic});
      computed.push_back({dimName.getValue(), *extent});
    }
    if (ok)
      types.push_back(tile::ViewType::get(context, extents, element));
  }

  // Grid extents are over the dims as written; the added dims are further, unused symbols.
  mlir::SmallVector<mlir::AffineExpr> grid;
  for (const Expr *e : decl.grid) {
    FailureOr<mlir::AffineExpr> extent = dims.eval(e, "a grid extent");
    ok &= mlir::succeeded(extent);
    grid.push_back(mlir::succeeded(extent) ? *extent : mlir::AffineExpr());
  }
  mlir::IntegerAttr warps;
  if (decl.warps) {
    FailureOr<mlir::AffineExpr> count = dims.eval(decl.warps, "the number of warps");
    ok &= mlir::succeeded(count);
    auto constant = ok ? mlir::dyn_cast<mlir::AffineConstantExpr>(*count) : nullptr;
    int64_t value = constant ? constant.getValue() : 0;
    if (ok && (value < 1 || value > 32 || !llvm::isPowerOf2_64(value))) {
      error(decl.warps->loc, "expected 1, 2, 4, 8, 16 or 32 warps" +
                                 (constant ? ", found " + Twine(value)
                                           : Twine(" known at compile time")));
      ok = false;
    }
    warps = builder.getI64IntegerAttr(value);
  }
  if (!ok)
    return {};
  grid.resize(3, builder.getAffineConstantExpr(1));
  unsigned symbols = extended.dims.size();
  for (auto [name, expr] : computed)
    dimExprs.push_back(builder.getNamedAttr(
        name, mlir::AffineMapAttr::get(mlir::AffineMap::get(0, symbols, expr))));

  mlir::SmallVector<mlir::Attribute> dimNames;
  for (auto &[name, extent] : extended.dims)
    dimNames.push_back(builder.getStringAttr(name));

  mlir::OperationState state(location(decl.name.loc), tile::KernelOp::getOperationName());
  tile::KernelOp::Properties &properties = state.getOrAddProperties<tile::KernelOp::Properties>();
  properties.sym_name = builder.getStringAttr(symbol);
  properties.function_type = mlir::TypeAttr::get(builder.getFunctionType(types, {}));
  properties.arg_attrs = builder.getArrayAttr(argAttrs);
  properties.inputs = builder.getI64IntegerAttr(decl.args.size());
  properties.dims = builder.getArrayAttr(dimNames);
  properties.grid = mlir::AffineMapAttr::get(mlir::AffineMap::get(0, symbols, grid, context));
  if (!dimExprs.empty())
    properties.dim_exprs = builder.getDictionaryAttr(dimExprs);
  properties.warps = warps;
  properties.params = paramsAttr(binding, context);
  if (!decl.stage.text.empty())
    properties.stage = builder.getStringAttr(decl.stage.text);
  if (!decl.stageParams.empty()) {
    mlir::NamedAttrList stageParams;
    for (const StageParam &param : decl.stageParams)
      stageParams.set(param.stageName.text, properties.params.get(param.name.text));
    properties.stage_params = stageParams.getDictionary(context);
  }
  mlir::Region *body = state.addRegion();
  mlir::Block &entry = body->emplaceBlock();
  for (auto [arg, type] : llvm::zip(llvm::concat<const ArgDecl>(decl.args, decl.results), types))
    entry.addArgument(type, location(arg.name.loc));
  auto kernel = mlir::cast<tile::KernelOp>(builder.create(state));
  if (decl.persistent)
    kernel->setAttr("tile.persistent", builder.getUnitAttr());
  return kernel;
}

void KernelGen::setInitialValues(tile::KernelOp kernel) {
  for (auto [i, result] : llvm::enumerate(decl.results)) {
    if (!result.initialValue)
      continue;
    Result value = eval(result.initialValue);
    if (failed(value))
      continue;
    if (mlir::TypedAttr attr = constantAttr(*value, elementType(result, binding, context),
                                            result.initialValue->loc))
      kernel.setArgAttr(decl.args.size() + i, "tile.init", attr);
  }
}

void KernelGen::needInitialValue(SSA view, const CallExpr *call) {
  initialised.insert({mlir::cast<mlir::BlockArgument>(view).getArgNumber(), call});
}

void KernelGen::checkInitialValues(tile::KernelOp kernel) {
  // Whether stores come first and reach the same elements is the kernel's affair.
  for (auto [index, call] : initialised) {
    mlir::Value view = kernel.getBody().getArgument(index);
    auto stores = [](mlir::Operation *user) {
      auto bulk = llvm::dyn_cast<tile::StoreBulkOp>(user);
      return bulk ? !bulk.getCombine() : llvm::isa<tile::StoreOp>(user);
    };
    if (kernel.getArgAttr(index, "tile.init") || llvm::any_of(view.getUsers(), stores))
      continue;
    Name result = decl.results[index - decl.args.size()].name;
    bool isWait = call->callee == "wait_until";
    error(result.loc, "'" + result.text + "' has no value that '" + call->callee + "' could " +
                          (isWait ? "wait for" : "combine with") +
                          "; expected an initial value, as in y: " + (isWait ? "i32" : "f32") +
                          "[N] = 0")
        .note(call->loc, "'" + call->callee + "' is called here");
  }
}

mlir::DictionaryAttr KernelGen::paramsAttr(const Binding &binding, mlir::MLIRContext *context) {
  mlir::Builder builder(context);
  mlir::SmallVector<mlir::NamedAttribute> params;
  for (auto [param, value] : llvm::zip_equal(binding.decl->params, binding.params)) {
    mlir::Attribute attr = value.isInt()    ? builder.getI64IntegerAttr(value.getInt())
                           : value.isBool() ? mlir::Attribute(builder.getBoolAttr(value.getBool()))
                                            : mlir::TypeAttr::get(value.getType());
    params.push_back(builder.getNamedAttr(param.name.text, attr));
  }
  return builder.getDictionaryAttr(params);
}

Result KernelGen::evalName(const NameExpr *e) {
  // A dim that is no parameter is a run-time value; parameters and variables go first.
  if (!scopes.find(e->name) && binding.dims.contains(e->name) && !isInlining())
    return Value(tile::DimOp::create(builder, location(e->loc), builder.getI32Type(),
                                     builder.getStringAttr(e->name)));
  return Evaluator::evalName(e);
}

//===------------------------------------------------------------------------------------===//
// Variables
//===------------------------------------------------------------------------------------===//

Result KernelGen::storable(Value value, SMLoc loc, const Variable *previous) {
  mlir::Type expected = previous ? previous->value.getSSA().getType() : mlir::Type();
  FailureOr<SSA> stored =
      toSSA(value, loc, expected ? mlir::getElementTypeOrSelf(expected) : mlir::Type());
  if (failed(stored))
    return failure();
  mlir::Type type = stored->getType();
  if (!expected || type == expected)
    return Value(*stored);
  // A scalar constant fills a tile: `acc = 0.0;`
  auto tile = mlir::dyn_cast<mlir::RankedTensorType>(expected);
  if (tile && value.isConstant() && type == tile.getElementType()) {
    FailureOr<SSA> filled = broadcastTo(*stored, tile.getShape(), loc, "'='");
    if (failed(filled))
      return failure();
    return Value(*filled);
  }
  error(loc, "expected " + spell(expected) + ", the type of '" + previous->name.text + "', found " +
                 spell(type))
      .note(previous->name.loc, "'" + previous->name.text + "' is declared here");
  return failure();
}

namespace {

/// Adds the names that a block assigns without declaring them itself.
void collectAssigned(Block block, llvm::SetVector<StringRef> &names) {
  llvm::SetVector<StringRef> inner;
  llvm::DenseSet<StringRef> declared;
  auto addInner = [&](llvm::SetVector<StringRef> &from) {
    for (StringRef name : from)
      if (!declared.contains(name))
        names.insert(name);
    from.clear();
  };
  for (const Stmt *stmt : block) {
    switch (stmt->kind) {
    case Stmt::Kind::Declare:
      for (const Name &name : llvm::cast<DeclareStmt>(stmt)->names)
        declared.insert(name.text);
      continue;
    case Stmt::Kind::Assign:
      for (const Name &target : llvm::cast<AssignStmt>(stmt)->targets)
        inner.insert(target.text);
      break;
    case Stmt::Kind::For:
      collectAssigned(llvm::cast<ForStmt>(stmt)->body, inner);
      inner.remove(llvm::cast<ForStmt>(stmt)->variable.text);
      break;
    case Stmt::Kind::If:
      collectAssigned(llvm::cast<IfStmt>(stmt)->thenBlock, inner);
      collectAssigned(llvm::cast<IfStmt>(stmt)->elseBlock, inner);
      break;
    case Stmt::Kind::While:
      collectAssigned(llvm::cast<WhileStmt>(stmt)->body, inner);
      break;
    case Stmt::Kind::Expr:
    case Stmt::Kind::Return:
    case Stmt::Kind::Roles: // assign no variables of others
      continue;
    }
    addInner(inner);
  }
}

} // namespace

mlir::SmallVector<Variable *> KernelGen::carriedBy(mlir::ArrayRef<Block> blocks) {
  llvm::SetVector<Variable *> carried;
  for (Block block : blocks) {
    auto [it, inserted] = assigned.try_emplace(block.data());
    if (inserted) {
      llvm::SetVector<StringRef> names;
      collectAssigned(block, names);
      it->second.assign(names.begin(), names.end());
    }
    for (StringRef name : it->second) {
      Variable *variable = scopes.find(name);
      if (variable && variable->isVar && variable->value.isRuntime())
        carried.insert(variable);
    }
  }
  return mlir::SmallVector<Variable *>(carried.begin(), carried.end());
}

mlir::SmallVector<mlir::Value> KernelGen::valuesOf(mlir::ArrayRef<Variable *> variables) {
  return llvm::map_to_vector(variables, [](Variable *v) { return v->value.getSSA(); });
}

void KernelGen::setValues(mlir::ArrayRef<Variable *> variables, mlir::ValueRange values) {
  for (auto [variable, value] : llvm::zip_equal(variables, values))
    variable->value = Value(value);
}

//===------------------------------------------------------------------------------------===//
// Control flow
//===------------------------------------------------------------------------------------===//

void KernelGen::execRuntime(const Stmt *stmt) {
  switch (stmt->kind) {
  case Stmt::Kind::For:
    return genFor(llvm::cast<ForStmt>(stmt));
  case Stmt::Kind::If:
    return genIf(llvm::cast<IfStmt>(stmt));
  case Stmt::Kind::While:
    return genWhile(llvm::cast<WhileStmt>(stmt));
  case Stmt::Kind::Roles:
    return genRoles(llvm::cast<RolesStmt>(stmt));
  case Stmt::Kind::Expr: {
    const Expr *e = llvm::cast<ExprStmt>(stmt)->value;
    Result result = eval(e);
    if (mlir::succeeded(result) && result->kind() != Value::Kind::None)
      error(e->loc, "expected a call without result; this one yields " + describe(*result) +
                        ", which is not used");
    return;
  }
  default:
    return Evaluator::execRuntime(stmt);
  }
}

void KernelGen::genYieldingBlock(Block block, mlir::Block *target,
                                 mlir::ArrayRef<Variable *> carried, SMLoc loc) {
  mlir::OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(target);
  execBlock(block);
  mlir::scf::YieldOp::create(builder, location(loc), valuesOf(carried));
}

void KernelGen::genFor(const ForStmt *stmt) {
  mlir::Type i32 = builder.getI32Type();
  FailureOr<SSA> start = stmt->start ? evalScalar(stmt->start, i32, "the start of a range")
                                     : FailureOr<SSA>(intConstant(0, stmt->loc));
  FailureOr<SSA> end = evalScalar(stmt->end, i32, "the end of a range");
  FailureOr<SSA> step = failure();
  if (!stmt->step) {
    step = intConstant(1, stmt->loc);
  } else if (Result value = eval(stmt->step); mlir::succeeded(value)) {
    if (value->isInt() && value->getInt() <= 0)
      error(stmt->step->loc, "expected a positive step, found " + Twine(value->getInt()));
    else
      step = toScalar(*value, stmt->step->loc, i32, "the step of a range");
    // Otherwise the loop might never end.
    if (mlir::succeeded(step) && !isKnownPositive(*step))
      step = SSA(mlir::arith::MaxSIOp::create(builder, location(stmt->step->loc), *step,
                                              intConstant(1, stmt->step->loc)));
  }
  FailureOr<int64_t> stages = int64_t(0);
  if (stmt->stages) {
    stages = evalInt(stmt->stages, "the depth of a pipelined loop");
    if (mlir::succeeded(stages) && (*stages < 1 || *stages > 16)) {
      error(stmt->stages->loc, "expected a depth of 1 to 16, found " + Twine(*stages));
      stages = failure();
    }
  }
  if (failed(start) || failed(end) || failed(step) || failed(stages))
    return;

  mlir::SmallVector<Variable *> carried = carriedBy(stmt->body);
  auto loop = mlir::scf::ForOp::create(builder, location(stmt->loc), *start, *end, *step,
                                       valuesOf(carried));
  if (stmt->stages)
    loop->setAttr("tile.pipelined", builder.getI64IntegerAttr(*stages));
  // With nothing carried the builder already made a yield.
  loop.getBody()->clear();
  setValues(carried, loop.getRegionIterArgs());
  size_t mark = scopes.mark();
  declare({stmt->variable, /*isVar=*/false, Value(loop.getInductionVar())});
  genYieldingBlock(stmt->body, loop.getBody(), carried, stmt->loc);
  scopes.cut(mark);
  setValues(carried, loop.getResults());
}

void KernelGen::genIf(const IfStmt *stmt) {
  Result condition = eval(stmt->condition);
  if (failed(condition))
    return;
  if (condition->isBool()) // decided at compile time: only one branch is part of the program
    return execBlock(condition->getBool() ? stmt->thenBlock : stmt->elseBlock);
  FailureOr<SSA> flag =
      toScalar(*condition, stmt->condition->loc, builder.getI1Type(), "the condition of an if");
  if (failed(flag))
    return;
  mlir::SmallVector<Variable *> carried = carriedBy({stmt->thenBlock, stmt->elseBlock});
  mlir::SmallVector<SSA> before = valuesOf(carried);
  bool needsElse = !stmt->elseBlock.empty() || !carried.empty();
  auto branch = mlir::scf::IfOp::create(builder, location(stmt->loc),
                                        mlir::ValueRange(before).getTypes(), *flag,
                                        /*addThenBlock=*/true, /*addElseBlock=*/needsElse);
  genYieldingBlock(stmt->thenBlock, branch.thenBlock(), carried, stmt->loc);
  if (needsElse) {
    setValues(carried, before);
    genYieldingBlock(stmt->elseBlock, branch.elseBlock(), carried, stmt->loc);
  }
  setValues(carried, branch.getResults());
}

void KernelGen::genWhile(const WhileStmt *stmt) {
  mlir::SmallVector<Variable *> carried = carriedBy(stmt->body);
  mlir::SmallVector<SSA> initial = valuesOf(carried);
  mlir::SmallVector<mlir::Type> types(mlir::ValueRange(initial).getTypes());
  mlir::Location loc = location(stmt->loc);
  auto loop = mlir::scf::WhileOp::create(builder, loc, types, initial);
  mlir::SmallVector<mlir::Location> locs(types.size(), loc);
  {
    mlir::OpBuilder::InsertionGuard guard(builder);
    mlir::Block *before = builder.createBlock(&loop.getBefore(), {}, types, locs);
    setValues(carried, before->getArguments());
    FailureOr<SSA> condition =
        evalScalar(stmt->condition, builder.getI1Type(), "the condition of a while");
    if (mlir::succeeded(condition))
      mlir::scf::ConditionOp::create(builder, loc, *condition, before->getArguments());
    mlir::Block *after = builder.createBlock(&loop.getAfter(), {}, types, locs);
    setValues(carried, after->getArguments());
    genYieldingBlock(stmt->body, after, carried, stmt->loc);
  }
  setValues(carried, loop.getResults());
}
