//===- Check.cpp ------------------------------------------------------------------------===//
#include "Check.h"

#include "ConstFold.h"
#include "Scope.h"
#include "TargetFields.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <optional>

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;

namespace {

bool isElementType(StringRef name) { return llvm::is_contained(elementTypeNames(), name); }

/// A list separated by commas, for messages.
std::string spellList(StringRef list) {
  llvm::SmallVector<StringRef> names;
  list.split(names, ',');
  return llvm::join(names, ", ");
}

class Checker {
public:
  Checker(const Definitions &definitions, Diagnostics &diagnostics)
      : definitions(definitions), diagnostics(diagnostics) {}

  void check(const Decl &decl);
  void checkRecursion();

private:
  enum class Where { Kernel, Function, Pipeline, Constant };

  void checkName(const Decl &decl);
  void checkGeneric(const GenericDecl &decl);
  /// Puts the named dims of arguments and results in scope.
  void declareDims(const GenericDecl &decl);
  void checkArgs(const GenericDecl &decl);
  void checkKernel(const KernelDecl &decl);
  void checkStage(const StageDecl &decl);
  void checkAdjoint(const StageDecl &stage, const GenericDecl &adjoint);
  void checkDim(const GenericDecl &decl, const Expr *dim, bool isResult);
  void checkBlock(Block block, bool topLevel);
  void checkStmt(const Stmt *stmt, bool topLevel);
  void checkAssign(const AssignStmt *stmt);
  void checkRoles(const RolesStmt *stmt);
  /// Whether roles may stand where this statement is; reports it if not.
  bool isPlaceOfRoles(const RolesStmt *stmt);
  void checkRole(const Role &role);
  void checkExpr(const Expr *e);
  void checkCall(const CallExpr *e);
  void checkImplements(const KernelDecl &decl);
  void checkNamed(const CallExpr *e, StringRef allowed);
  void checkCount(const CallExpr *e, size_t least, size_t most, const Decl *callee);
  Diagnostic &unknown(StringRef what, StringRef name, SMLoc loc,
                      llvm::ArrayRef<StringRef> further = {});
  void declare(Name name, bool isVar = false) { scopes.declare({name, isVar, Value()}); }
  void declareNew(Name name, bool isVar, size_t blockMark);

  const Definitions &definitions;
  Diagnostics &diagnostics;
  ScopeStack scopes;
  Where where = Where::Constant;
  size_t blockMark = 0;
  /// While a role is checked: what was declared before is not its own.
  std::optional<size_t> roleMark;
  /// Functions that the one being checked calls.
  llvm::DenseMap<const Decl *, llvm::SmallVector<std::pair<const Decl *, SMLoc>>> callees;
  const Decl *current = nullptr;
};

Diagnostic &Checker::unknown(StringRef what, StringRef name, SMLoc loc,
                             llvm::ArrayRef<StringRef> further) {
  // The nearest visible name, if it is near enough to be meant.
  unsigned best = std::min<size_t>(2, name.size() / 3) + 1;
  StringRef nearest;
  auto consider = [&](StringRef candidate) {
    if (name.size() > 64 || candidate.size() > 64)
      return;
    unsigned distance = name.edit_distance(candidate, /*AllowReplacements=*/true, best);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  };
  for (StringRef candidate : further)
    consider(candidate);
  if (further.empty())
    for (StringRef candidate : scopes.names())
      consider(candidate);
  return diagnostics.error(loc,
                           "unknown " + what + " '" + name + "'" +
                               (nearest.empty() ? Twine("") : "; did you mean '" + nearest + "'?"));
}

void Checker::checkName(const Decl &decl) {
  StringRef name = decl.name.text;
  if (decl.kind != Decl::Kind::Pipeline && (findBuiltin(name) || isElementType(name))) {
    diagnostics.error(decl.name.loc, "'" + name + "' is built in; expected another name");
    return;
  }
  auto *kernel = llvm::dyn_cast<KernelDecl>(&decl);
  // Kernels implement what only passes call, too, so no stage may hide it.
  if (const lh::StageInfo *stage = lh::findStage(name);
      stage && (stage->signature->isCallable || decl.kind == Decl::Kind::Stage) &&
      decl.kind != Decl::Kind::Function && (!kernel || kernel->stage.text != name))
    diagnostics.error(decl.name.loc, "'" + name + "' is a stage; expected another name" +
                                         (kernel ? ", or 'implements " + name + "'" : Twine("")));
}

void Checker::check(const Decl &decl) {
  current = &decl;
  checkName(decl);
  scopes.cut(0);
  switch (decl.kind) {
  case Decl::Kind::Function: {
    where = Where::Function;
    for (Name arg : llvm::cast<FunctionDecl>(decl).args)
      declareNew(arg, /*isVar=*/false, 0);
    break;
  }
  case Decl::Kind::Kernel:
    checkGeneric(llvm::cast<GenericDecl>(decl));
    checkKernel(llvm::cast<KernelDecl>(decl));
    where = Where::Kernel;
    break;
  case Decl::Kind::Stage:
    checkGeneric(llvm::cast<GenericDecl>(decl));
    return checkStage(llvm::cast<StageDecl>(decl));
  case Decl::Kind::Pipeline: {
    checkGeneric(llvm::cast<GenericDecl>(decl));
    where = Where::Pipeline;
    auto &pipeline = llvm::cast<PipelineDecl>(decl);
    if (decl.body.empty() || decl.body.back()->kind != Stmt::Kind::Return)
      diagnostics.error(decl.body.empty() ? decl.name.loc : decl.body.back()->loc,
                        "pipeline '" + decl.name.text + "' does not end with 'return'");
    if (pipeline.results.empty())
      diagnostics.error(decl.name.loc, "pipeline '" + decl.name.text +
                                           "' has no results; expected '-> (name: type)'");
    break;
  }
  }
  checkBlock(decl.body, /*topLevel=*/true);
}

void Checker::checkGeneric(const GenericDecl &decl) {
  where = Where::Constant;
  for (const ParamDecl &param : decl.params) {
    if (isElementType(param.name.text))
      diagnostics.error(param.name.loc,
                        "'" + param.name.text + "' is built in; expected another name");
    // Choices are constants, a default may mention the parameters before it and the dims.
    size_t outer = scopes.mark();
    if (param.defaultValue) {
      declareDims(decl);
      checkExpr(param.defaultValue);
      scopes.cut(outer);
    }
    for (const Expr *choice : param.choices)
      checkExpr(choice);
    scopes.cut(outer);
    declareNew(param.name, /*isVar=*/false, 0);
  }
  checkArgs(decl);
  for (const RequiresClause &clause : decl.requirements)
    checkExpr(clause.condition);
}

void Checker::declareDims(const GenericDecl &decl) {
  auto isParam = [&](StringRef name) {
    return llvm::any_of(decl.params,
                        [&](const ParamDecl &param) { return param.name.text == name; });
  };
  for (const ArgDecl &arg : llvm::concat<const ArgDecl>(decl.args, decl.results))
    for (const Expr *dim : arg.dims)
      if (auto *name = llvm::dyn_cast<NameExpr>(dim); name && !isParam(name->name))
        declare({name->name, dim->loc});
}

void Checker::checkArgs(const GenericDecl &decl) {
  auto isTypeParam = [&](StringRef name) {
    return llvm::any_of(decl.params, [&](const ParamDecl &param) {
      return param.name.text == name &&
             (param.kind == ParamKind::Float || param.kind == ParamKind::Type);
    });
  };
  size_t numArgs = decl.args.size();
  for (auto [i, arg] : llvm::enumerate(llvm::concat<const ArgDecl>(decl.args, decl.results))) {
    bool isResult = i >= numArgs;
    if (!isElementType(arg.elementType.text) && !isTypeParam(arg.elementType.text)) {
      llvm::SmallVector<StringRef> types(elementTypeNames());
      for (const ParamDecl &param : decl.params)
        types.push_back(param.name.text);
      unknown("element type", arg.elementType.text, arg.elementType.loc, types);
    }
    if (!arg.isTensor && isResult)
      diagnostics.error(arg.name.loc, "'" + arg.name.text +
                                          "': expected a tensor; a result has dims, as in " +
                                          arg.elementType.text + "[N]");
    for (const Expr *dim : arg.dims)
      checkDim(decl, dim, isResult);
    if (!arg.initialValue)
      continue;
    if (!isResult || decl.kind != Decl::Kind::Kernel)
      diagnostics.error(arg.initialValue->loc,
                        "'" + arg.name.text + "': only a result of a kernel has an initial value");
    checkExpr(arg.initialValue);
  }
  for (const ArgDecl &arg : llvm::concat<const ArgDecl>(decl.args, decl.results))
    declareNew(arg.name, /*isVar=*/false, 0);
}

void Checker::checkDim(const GenericDecl &decl, const Expr *dim, bool isResult) {
  if (auto *literal = llvm::dyn_cast<IntExpr>(dim)) {
    if (literal->value < 1 || literal->value > limits::tensorDim)
      diagnostics.error(dim->loc, "expected an extent of 1 to " + Twine(limits::tensorDim) +
                                      ", found " + Twine(literal->value));
    return;
  }
  if (auto *name = llvm::dyn_cast<NameExpr>(dim)) {
    for (const ParamDecl &param : decl.params)
      if (param.name.text == name->name && param.kind != ParamKind::Int)
        diagnostics
            .error(dim->loc, "expected an int parameter as an extent, found '" + name->name +
                                 "' of kind " + spelling(param.kind))
            .note(param.name.loc, "'" + name->name + "' is declared here");
    if (isElementType(name->name))
      diagnostics.error(dim->loc, "expected an extent, found the type " + name->name);
    else if (isResult && decl.kind == Decl::Kind::Stage && !scopes.find(name->name))
      diagnostics.error(dim->loc, "no argument or parameter of stage '" + decl.name.text +
                                      "' gives the extent '" + name->name +
                                      "'; expected an expression over those that do");
    else if (!scopes.find(name->name))
      declare({name->name, dim->loc});
    return;
  }
  if (!isResult) {
    diagnostics.error(dim->loc, "expected a name or an int as the extent of an argument; only "
                                "results have extents that are expressions");
    return;
  }
  checkExpr(dim);
}

void Checker::checkKernel(const KernelDecl &decl) {
  for (const Expr *extent : decl.grid)
    checkExpr(extent);
  if (decl.warps)
    checkExpr(decl.warps);
  if (llvm::SmallVector<StringRef> known = targetClauses();
      !decl.target.text.empty() && !llvm::is_contained(known, decl.target.text))
    unknown("target", decl.target.text, decl.target.loc, known)
        .note(decl.target.loc, "the targets are " + llvm::join(known, ", "));
  if (!decl.stage.text.empty())
    checkImplements(decl);
}

/// The names of the parameters of a definition.
llvm::SmallVector<StringRef> namesOf(ArrayRef<ParamDecl> params) {
  return llvm::map_to_vector(params, [](const ParamDecl &param) { return param.name.text; });
}

void Checker::checkImplements(const KernelDecl &decl) {
  const lh::StageInfo *stage = lh::findStage(decl.stage.text);
  auto *declared = find<StageDecl>(definitions, decl.stage.text);
  if (!declared && (!stage || !stage->signature->hasKernel)) {
    llvm::SmallVector<StringRef> known;
    for (const lh::StageInfo &info : lh::getStages())
      if (info.signature->hasKernel)
        known.push_back(info.name);
    for (auto &[name, other] : definitions)
      if (other->kind == Decl::Kind::Stage)
        known.push_back(name);
    unknown("stage", decl.stage.text, decl.stage.loc, known);
    return;
  }
  llvm::SmallVector<StringRef> parameters =
      declared ? namesOf(declared->params)
               : llvm::to_vector_of<StringRef>(stage->signature->parameters);
  llvm::SmallVector<StringRef> own = namesOf(decl.params);
  for (const StageParam &param : decl.stageParams) {
    if (!llvm::is_contained(parameters, param.stageName.text))
      unknown("parameter of stage '" + decl.stage.text.str() + "'", param.stageName.text,
              param.stageName.loc, parameters);
    if (!llvm::is_contained(own, param.name.text))
      unknown("parameter", param.name.text, param.name.loc, own);
  }
}

void Checker::checkStage(const StageDecl &decl) {
  if (decl.results.empty())
    diagnostics.error(decl.name.loc, "stage '" + decl.name.text +
                                         "' has no results; expected '-> (name: type)'");
  if (decl.flops)
    checkExpr(decl.flops);
  if (decl.adjoint.text.empty())
    return;
  const Decl *adjoint = definitions.lookup(decl.adjoint.text);
  if (auto *generic = llvm::dyn_cast_if_present<GenericDecl>(adjoint))
    return checkAdjoint(decl, *generic);
  if (adjoint) {
    diagnostics
        .error(decl.adjoint.loc, "expected a pipeline, a kernel or a stage as adjoint, found "
                                 "the function '" +
                                     decl.adjoint.text + "'")
        .note(adjoint->name.loc, "'" + decl.adjoint.text + "' is declared here");
    return;
  }
  llvm::SmallVector<StringRef> known;
  for (auto &[name, other] : definitions)
    if (llvm::isa<GenericDecl>(other))
      known.push_back(name);
  unknown("pipeline, kernel or stage", decl.adjoint.text, decl.adjoint.loc, known);
}

void Checker::checkAdjoint(const StageDecl &stage, const GenericDecl &adjoint) {
  std::string title = (spelling(adjoint.kind) + " '" + adjoint.name.text + "'").str();
  auto error = [&](const ArgDecl &arg, const Twine &message) {
    diagnostics.error(arg.name.loc, "'" + arg.name.text + "' of " + title + message)
        .note(stage.adjoint.loc, "adjoint of stage '" + stage.name.text + "' here");
  };
  auto listed = [](ArrayRef<std::string> names) { return llvm::join(names, ", "); };
  // Arguments, results and cotangents of results; gradients of arguments.
  llvm::SmallVector<std::string> given, gradients;
  for (const ArgDecl &own : llvm::concat<const ArgDecl>(stage.args, stage.results))
    given.push_back(own.name.text.str());
  for (const ArgDecl &result : stage.results)
    given.push_back("d" + result.name.text.str());
  for (const ArgDecl &arg : stage.args)
    if (arg.isTensor)
      gradients.push_back("d" + arg.name.text.str());
  auto isScalar = [&](StringRef name) {
    return llvm::any_of(stage.args, [&](const ArgDecl &own) {
      return own.name.text == name && !own.isTensor;
    });
  };

  for (const ArgDecl &arg : adjoint.args) {
    auto uses = llvm::count(given, arg.name.text);
    if (uses == 0)
      error(arg, " is nothing that the adjoint of stage '" + stage.name.text +
                     "' gets; expected one of " + listed(given));
    else if (uses > 1)
      error(arg, " is a name that stage '" + stage.name.text +
                     "' has and that of a cotangent; give one of them another name");
    else if (arg.isTensor == isScalar(arg.name.text))
      error(arg, Twine(": expected a ") + (arg.isTensor ? "scalar" : "tensor") +
                     ", as that of stage '" + stage.name.text + "' is");
  }
  if (adjoint.results.empty())
    diagnostics
        .error(stage.adjoint.loc, title + " has no results; the adjoint of stage '" +
                                      stage.name.text + "' gives one of " + listed(gradients))
        .note(adjoint.name.loc, "'" + adjoint.name.text + "' is declared here");
  for (const ArgDecl &result : adjoint.results)
    if (!llvm::is_contained(gradients, result.name.text))
      error(result, " is the gradient of no argument of stage '" + stage.name.text +
                        "'; expected one of " + listed(gradients));
}

void Checker::declareNew(Name name, bool isVar, size_t mark) {
  if (Variable *previous = scopes.findSince(name.text, mark))
    diagnostics.error(name.loc, "'" + name.text + "' is declared twice")
        .note(previous->name.loc, "first declared here");
  else
    declare(name, isVar);
}

void Checker::checkBlock(Block block, bool topLevel) {
  size_t mark = scopes.mark();
  size_t saved = std::exchange(blockMark, mark);
  for (auto [i, stmt] : llvm::enumerate(block)) {
    if (diagnostics.full())
      break;
    checkStmt(stmt, topLevel);
    if (stmt->kind == Stmt::Kind::Return && i + 1 < block.size()) {
      diagnostics.error(block[i + 1]->loc, "this statement is never reached")
          .note(stmt->loc, "the block returns here");
      break;
    }
  }
  scopes.cut(mark);
  blockMark = saved;
}

void Checker::checkStmt(const Stmt *stmt, bool topLevel) {
  auto runtimeOnly = [&](StringRef what) {
    if (where == Where::Pipeline)
      diagnostics.error(stmt->loc, "a pipeline has no " + what +
                                       "; expected 'let', 'return', 'static for' or 'static if'");
  };
  switch (stmt->kind) {
  case Stmt::Kind::Declare: {
    auto *declare = llvm::cast<DeclareStmt>(stmt);
    if (declare->isVar)
      runtimeOnly("'var'");
    checkExpr(declare->value);
    for (Name name : declare->names)
      declareNew(name, declare->isVar, blockMark);
    return;
  }
  case Stmt::Kind::Assign:
    return checkAssign(llvm::cast<AssignStmt>(stmt));
  case Stmt::Kind::Expr:
    return checkExpr(llvm::cast<ExprStmt>(stmt)->value);
  case Stmt::Kind::For: {
    auto *loop = llvm::cast<ForStmt>(stmt);
    if (!loop->isStatic)
      runtimeOnly("run-time loops");
    for (const Expr *e : {loop->start, loop->end, loop->step, loop->stages})
      if (e)
        checkExpr(e);
    size_t mark = scopes.mark();
    declare(loop->variable);
    checkBlock(loop->body, /*topLevel=*/false);
    scopes.cut(mark);
    return;
  }
  case Stmt::Kind::If: {
    auto *branch = llvm::cast<IfStmt>(stmt);
    if (!branch->isStatic)
      runtimeOnly("run-time branches");
    checkExpr(branch->condition);
    checkBlock(branch->thenBlock, topLevel && branch->isStatic);
    checkBlock(branch->elseBlock, topLevel && branch->isStatic);
    return;
  }
  case Stmt::Kind::While: {
    auto *loop = llvm::cast<WhileStmt>(stmt);
    runtimeOnly("run-time loops");
    checkExpr(loop->condition);
    checkBlock(loop->body, /*topLevel=*/false);
    return;
  }
  case Stmt::Kind::Return:
    if (where == Where::Kernel)
      diagnostics.error(stmt->loc, "a kernel returns nothing; its results are written with store");
    else if (!topLevel)
      diagnostics.error(stmt->loc, "expected 'return' outside of loops and run-time branches");
    for (const Expr *e : llvm::cast<ReturnStmt>(stmt)->values)
      checkExpr(e);
    return;
  case Stmt::Kind::Roles:
    return checkRoles(llvm::cast<RolesStmt>(stmt));
  }
}

void Checker::checkAssign(const AssignStmt *stmt) {
  checkExpr(stmt->value);
  for (Name target : stmt->targets) {
    Variable *variable = scopes.find(target.text);
    if (!variable) {
      unknown("name", target.text, target.loc);
      continue;
    }
    bool isOutside = roleMark && !scopes.findSince(target.text, *roleMark);
    if (variable->isVar && !isOutside)
      continue;
    diagnostics
        .error(target.loc, "cannot assign to '" + target.text + "'" +
                               (variable->isVar ? ": it is declared outside of the role, and the "
                                                  "roles run at the same time"
                                                : "; expected a name declared with 'var'"))
        .note(variable->name.loc, "'" + target.text + "' is declared here");
  }
}

bool Checker::isPlaceOfRoles(const RolesStmt *stmt) {
  if (where != Where::Kernel) {
    diagnostics.error(stmt->loc, "roles belong in a kernel, found them in " +
                                     Twine(where == Where::Function ? "a function" : "a pipeline"));
    return false;
  }
  if (roleMark) {
    diagnostics.error(stmt->loc, "a role has no roles of its own");
    return false;
  }
  auto *place = llvm::find(current->body, stmt);
  if (place == current->body.end()) {
    diagnostics.error(stmt->loc, "expected roles in the body of the kernel itself, outside of "
                                 "loops and branches");
    return false;
  }
  if (++place == current->body.end())
    return true;
  diagnostics.error((*place)->loc, "expected the end of the kernel after its roles")
      .note(stmt->loc, "the roles begin here");
  return false;
}

void Checker::checkRoles(const RolesStmt *stmt) {
  if (!isPlaceOfRoles(stmt))
    return;
  if (stmt->roles.empty())
    diagnostics.error(stmt->loc, "expected at least one role, as in role consumer(warps = 4) { }");
  if (const Expr *warps = llvm::cast<KernelDecl>(current)->warps)
    diagnostics
        .error(warps->loc, "a kernel with roles has no 'warps': each role says how many it has")
        .note(stmt->loc, "the roles begin here");
  llvm::StringMap<SMLoc> names;
  for (const Role &role : stmt->roles) {
    auto [previous, isNew] = names.insert({role.name.text, role.name.loc});
    if (!isNew)
      diagnostics.error(role.name.loc, "role '" + role.name.text + "' is declared twice")
          .note(previous->second, "first declared here");
    checkRole(role);
  }
}

void Checker::checkRole(const Role &role) {
  constexpr StringRef allowed = "warps,instances,registers";
  bool hasWarps = false;
  for (const NamedArg &option : role.options) {
    hasWarps |= option.name.text == "warps";
    if (!isListed(allowed, option.name.text))
      diagnostics.error(option.name.loc, "role '" + role.name.text + "' has no option '" +
                                             option.name.text + "'; it has " + spellList(allowed));
    checkExpr(option.value);
  }
  if (!hasWarps)
    diagnostics.error(role.name.loc,
                      "role '" + role.name.text +
                          "' does not say how many warps it has; expected (warps = 4)");
  roleMark = scopes.mark();
  if (!role.instance.text.empty())
    declare(role.instance);
  checkBlock(role.body, /*topLevel=*/false);
  scopes.cut(*roleMark);
  roleMark.reset();
}

void Checker::checkExpr(const Expr *e) {
  switch (e->kind) {
  case Expr::Kind::Int:
  case Expr::Kind::Float:
  case Expr::Kind::Bool:
  case Expr::Kind::String:
    return;
  case Expr::Kind::Name: {
    StringRef name = llvm::cast<NameExpr>(e)->name;
    if (scopes.find(name) || isElementType(name))
      return;
    if (definitions.contains(name) || findBuiltin(name) || lh::findStage(name))
      diagnostics.error(e->loc, "expected a value, found the function '" + name +
                                    "'; it is called as " + name + "(...)");
    else
      unknown("name", name, e->loc);
    return;
  }
  case Expr::Kind::TargetField: {
    Name field = llvm::cast<TargetFieldExpr>(e)->field;
    if (findTargetField(field.text))
      return;
    auto known = llvm::map_to_vector(
        targetFields(), [](const TargetField &known) { return StringRef(known.name); });
    unknown("field of the target", field.text, field.loc, known)
        .note(field.loc, "its fields are " + llvm::join(known, ", "));
    return;
  }
  case Expr::Kind::Unary:
    return checkExpr(llvm::cast<UnaryExpr>(e)->operand);
  case Expr::Kind::Binary:
    checkExpr(llvm::cast<BinaryExpr>(e)->lhs);
    return checkExpr(llvm::cast<BinaryExpr>(e)->rhs);
  case Expr::Kind::Call:
    return checkCall(llvm::cast<CallExpr>(e));
  case Expr::Kind::Subscript:
    checkExpr(llvm::cast<SubscriptExpr>(e)->base);
    for (const Subscript &s : llvm::cast<SubscriptExpr>(e)->subscripts)
      for (const Expr *inner : {s.start, s.length})
        if (inner)
          checkExpr(inner);
    return;
  case Expr::Kind::List:
    for (const Expr *inner : llvm::cast<ListExpr>(e)->elements)
      checkExpr(inner);
    return;
  }
}

void Checker::checkNamed(const CallExpr *e, StringRef allowed) {
  for (const NamedArg &arg : e->named)
    if (!isListed(allowed, arg.name.text))
      diagnostics.error(arg.name.loc,
                        "'" + e->callee + "' has no option '" + arg.name.text + "'" +
                            (allowed.empty() ? "" : "; it has " + spellList(allowed)));
}

void Checker::checkCount(const CallExpr *e, size_t least, size_t most, const Decl *callee) {
  size_t found = e->args.size();
  if (found >= least && found <= most)
    return;
  Diagnostic &diagnostic = diagnostics.error(
      e->loc, "'" + e->callee + "' expects " + Twine(least) +
                  (most != least ? " to " + Twine(most) : Twine("")) + " argument" +
                  (most == 1 ? "" : "s") + ", found " + Twine(found));
  if (callee)
    diagnostic.note(callee->name.loc, "'" + e->callee + "' is declared here");
}

void Checker::checkCall(const CallExpr *e) {
  for (const Expr *arg : e->args)
    checkExpr(arg);
  for (const NamedArg &arg : llvm::concat<const NamedArg>(e->settings, e->named))
    checkExpr(arg.value);

  const Decl *callee = definitions.lookup(e->callee);
  auto *generic = llvm::dyn_cast_if_present<GenericDecl>(callee);
  if (!e->settings.empty() && (where != Where::Pipeline || !generic))
    diagnostics.error(e->settings.front().name.loc,
                      "only calls of kernels, pipelines and declared stages in a pipeline take "
                      "parameters in <>");

  if (scopes.find(e->callee) || isElementType(e->callee)) {
    // T(x) for a type parameter; whether it holds a type is known per instance.
    checkNamed(e, "");
    return checkCount(e, 1, 1, nullptr);
  }
  if (unsigned count = numFoldableArgs(e->callee);
      count != 0 && where != Where::Kernel && where != Where::Function) {
    checkNamed(e, "");
    return checkCount(e, count, count, nullptr);
  }
  if (where == Where::Pipeline) {
    // A stage may get the results of one call as its arguments.
    bool spread = e->args.size() == 1 && llvm::isa<CallExpr, NameExpr>(e->args.front());
    if (const lh::StageInfo *stage = lh::findStage(e->callee);
        stage && stage->signature->isCallable) {
      checkNamed(e, llvm::join(llvm::map_range(stage->signature->options,
                                               [](const lh::StageOption &option) {
                                                 return StringRef(option.name);
                                               }),
                               ","));
      unsigned count = stage->signature->operands.size();
      if (!spread)
        checkCount(e, count - stage->signature->isFirstOptional, count, nullptr);
      return;
    }
    if (generic) {
      checkNamed(e, "");
      if (!spread)
        checkCount(e, generic->args.size(), generic->args.size(), callee);
      return;
    }
    if (e->callee == "static_assert") {
      checkNamed(e, "");
      return checkCount(e, 2, 2, nullptr);
    }
    if (callee || findBuiltin(e->callee)) {
      diagnostics.error(e->loc, "expected a stage, a kernel or a pipeline, found '" + e->callee +
                                    "', which is for kernels");
      return;
    }
  } else if (where == Where::Kernel || where == Where::Function) {
    if (const Builtin *builtin = findBuiltin(e->callee)) {
      checkNamed(e, builtin->named);
      return checkCount(e, builtin->minArgs, builtin->maxArgs, nullptr);
    }
    if (auto *function = llvm::dyn_cast_if_present<FunctionDecl>(callee)) {
      callees[current].push_back({callee, e->loc});
      checkNamed(e, "");
      return checkCount(e, function->args.size(), function->args.size(), callee);
    }
    if (callee || lh::findStage(e->callee)) {
      Diagnostic &diagnostic = diagnostics.error(
          e->loc, "'" + e->callee + "' is called by pipelines only; expected a function");
      if (callee)
        diagnostic.note(callee->name.loc, "'" + e->callee + "' is declared here");
      return;
    }
  } else if (callee || findBuiltin(e->callee)) {
    diagnostics.error(e->loc, "expected a compile-time value, found a call of '" + e->callee + "'");
    return;
  }

  llvm::SmallVector<StringRef> known{"cdiv", "min",  "max",        "ilog",
                                      "pow",  "sqrt", "num_scores", "where"};
  for (auto &[name, decl] : definitions)
    known.push_back(name);
#define BUILTIN(name, ...)                                                                         \
  if (where != Where::Pipeline && where != Where::Constant)                                        \
    known.push_back(#name);
#include "Builtins.def"
  if (where == Where::Pipeline)
    for (const lh::StageInfo &stage : lh::getStages())
      if (stage.signature->isCallable)
        known.push_back(stage.name);
  unknown("function", e->callee, e->loc, known);
}

void Checker::checkRecursion() {
  // Depth-first over the calls of functions, without recursion of our own.
  enum class State { New, Open, Done };
  llvm::DenseMap<const Decl *, State> states;
  for (auto &[name, root] : definitions) {
    if (root->kind != Decl::Kind::Function || states.lookup(root) != State::New)
      continue;
    llvm::SmallVector<std::pair<const Decl *, size_t>> stack{{root, 0}};
    states[root] = State::Open;
    while (!stack.empty()) {
      auto &[decl, next] = stack.back();
      auto &calls = callees[decl];
      if (next == calls.size()) {
        states[decl] = State::Done;
        stack.pop_back();
        continue;
      }
      auto [callee, loc] = calls[next++];
      State &state = states[callee];
      if (state == State::Open)
        diagnostics
            .error(loc, "function '" + callee->name.text + "' calls itself; expected no recursion")
            .note(callee->name.loc, "'" + callee->name.text + "' is declared here");
      if (state != State::New)
        continue;
      state = State::Open;
      stack.push_back({callee, 0});
    }
  }
}

} // namespace

void lighthouse::frontend::checkDefinitions(const Definitions &definitions,
                                            Diagnostics &diagnostics) {
  Checker checker(definitions, diagnostics);
  for (auto &[name, decl] : definitions) {
    if (diagnostics.full())
      return;
    checker.check(*decl);
  }
  checker.checkRecursion();
}
