//===- AST.cpp --------------------------------------------------------------------------===//
#include "AST.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdlib>

using namespace lighthouse::frontend;

StringRef lighthouse::frontend::spelling(BinaryOp op) {
  constexpr StringRef names[] = {"*", "/",  "%",  "+",  "-", "<<", ">>", "<",  "<=",
                                 ">", ">=", "==", "!=", "&", "^",  "|",  "&&", "||"};
  return names[static_cast<unsigned>(op)];
}

StringRef lighthouse::frontend::spelling(ParamKind kind) {
  constexpr StringRef names[] = {"int", "bool", "float", "type"};
  return names[static_cast<unsigned>(kind)];
}

StringRef lighthouse::frontend::spelling(Decl::Kind kind) {
  constexpr StringRef names[] = {"kernel", "function", "pipeline", "stage"};
  return names[static_cast<unsigned>(kind)];
}

std::string lighthouse::frontend::spell(double value) {
  for (int digits = 1;; ++digits) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.*g", digits, value);
    if (digits == 17 || std::isnan(value) || std::strtod(text.c_str(), nullptr) == value)
      return text;
  }
}

namespace {

std::string spellList(ArrayRef<const Expr *> exprs) {
  std::string text;
  for (const Expr *e : exprs)
    text += (text.empty() ? "" : ", ") + spell(e);
  return text;
}

std::string spellSubscript(const Subscript &s) {
  switch (s.kind) {
  case Subscript::Kind::All:
    return ":";
  case Subscript::Kind::NewDim:
    return "None";
  case Subscript::Kind::Index:
    return spell(s.start);
  case Subscript::Kind::Range:
    return spell(s.start) + " :+ " + spell(s.length);
  }
  return "";
}

} // namespace

std::string lighthouse::frontend::spell(const Expr *e) {
  auto operand = [](const Expr *inner) {
    return llvm::isa<BinaryExpr>(inner) ? "(" + spell(inner) + ")" : spell(inner);
  };
  switch (e->kind) {
  case Expr::Kind::Int:
    return std::to_string(llvm::cast<IntExpr>(e)->value);
  case Expr::Kind::Float:
    return spell(llvm::cast<FloatExpr>(e)->value);
  case Expr::Kind::Bool:
    return llvm::cast<BoolExpr>(e)->value ? "true" : "false";
  case Expr::Kind::String:
    return ("\"" + llvm::cast<StringExpr>(e)->value + "\"").str();
  case Expr::Kind::Name:
    return llvm::cast<NameExpr>(e)->name.str();
  case Expr::Kind::TargetField:
    return "target." + llvm::cast<TargetFieldExpr>(e)->field.text.str();
  case Expr::Kind::Unary: {
    auto *unary = llvm::cast<UnaryExpr>(e);
    return (unary->op == UnaryOp::Negate ? "-" : "!") + operand(unary->operand);
  }
  case Expr::Kind::Binary: {
    auto *binary = llvm::cast<BinaryExpr>(e);
    return operand(binary->lhs) + " " + spelling(binary->op).str() + " " + operand(binary->rhs);
  }
  case Expr::Kind::Call: {
    auto *call = llvm::cast<CallExpr>(e);
    std::string args = spellList(call->args);
    for (const NamedArg &arg : call->named)
      args += (args.empty() ? "" : ", ") + arg.name.text.str() + " = " + spell(arg.value);
    return call->callee.str() + "(" + args + ")";
  }
  case Expr::Kind::Subscript: {
    auto *subscripted = llvm::cast<SubscriptExpr>(e);
    std::string inner;
    for (const Subscript &s : subscripted->subscripts)
      inner += (inner.empty() ? "" : ", ") + spellSubscript(s);
    return spell(subscripted->base) + "[" + inner + "]";
  }
  case Expr::Kind::List:
    return "[" + spellList(llvm::cast<ListExpr>(e)->elements) + "]";
  }
  return "";
}
