//===- AST.h - The syntax tree of a specification --------------------------*- C++ -*-===//
//
// Nodes live in the arena of a SyntaxTree, refer to the source text and are never destroyed one by
// one, so that the depth of a tree costs no stack when it goes away.
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_AST_H
#define LIGHTHOUSE_LIB_FRONTEND_AST_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/Casting.h"
#include "llvm/Support/SMLoc.h"

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace lighthouse::frontend {

using llvm::ArrayRef;
using llvm::SMLoc;
using llvm::StringRef;

/// A name and where it stands.
struct Name {
  StringRef text;
  SMLoc loc;
};

//===------------------------------------------------------------------------------------===//
// Expressions
//===------------------------------------------------------------------------------------===//

enum class UnaryOp : uint8_t { Negate, Not };
enum class BinaryOp : uint8_t {
  Mul,
  Div,
  Rem,
  Add,
  Sub,
  Shl,
  Shr,
  LT,
  LE,
  GT,
  GE,
  EQ,
  NE,
  And,
  Xor,
  Or,
  LogicalAnd,
  LogicalOr
};
/// The operator as written.
StringRef spelling(BinaryOp op);
inline bool isComparison(BinaryOp op) { return op >= BinaryOp::LT && op <= BinaryOp::NE; }
inline bool isLogical(BinaryOp op) { return op >= BinaryOp::LogicalAnd; }

struct Expr {
  enum class Kind : uint8_t {
    Int,
    Float,
    Bool,
    String,
    Name,
    TargetField,
    Unary,
    Binary,
    Call,
    Subscript,
    List
  };
  Expr(Kind kind, SMLoc loc, unsigned height = 1) : kind(kind), height(height), loc(loc) {}

  const Kind kind;
  /// Longest way down to a leaf.
  unsigned height;
  /// Where messages about the expression point: its first token, or the operator of a binary one.
  SMLoc loc;
};

template <Expr::Kind K> struct ExprBase : Expr {
  ExprBase(SMLoc loc, unsigned height = 1) : Expr(K, loc, height) {}
  static bool classof(const Expr *e) { return e->kind == K; }
};

struct IntExpr : ExprBase<Expr::Kind::Int> {
  IntExpr(SMLoc loc, int64_t value) : ExprBase(loc), value(value) {}
  int64_t value;
};
struct FloatExpr : ExprBase<Expr::Kind::Float> {
  FloatExpr(SMLoc loc, double value) : ExprBase(loc), value(value) {}
  double value;
};
struct BoolExpr : ExprBase<Expr::Kind::Bool> {
  BoolExpr(SMLoc loc, bool value) : ExprBase(loc), value(value) {}
  bool value;
};
/// Only as an argument that is a message.
struct StringExpr : ExprBase<Expr::Kind::String> {
  StringExpr(SMLoc loc, StringRef value) : ExprBase(loc), value(value) {}
  StringRef value;
};
struct NameExpr : ExprBase<Expr::Kind::Name> {
  NameExpr(Name name) : ExprBase(name.loc), name(name.text) {}
  StringRef name;
};
/// `target.field`
struct TargetFieldExpr : ExprBase<Expr::Kind::TargetField> {
  TargetFieldExpr(SMLoc loc, Name field) : ExprBase(loc), field(field) {}
  Name field;
};
struct UnaryExpr : ExprBase<Expr::Kind::Unary> {
  UnaryExpr(SMLoc loc, UnaryOp op, const Expr *operand)
      : ExprBase(loc, operand->height + 1), op(op), operand(operand) {}
  UnaryOp op;
  const Expr *operand;
};
struct BinaryExpr : ExprBase<Expr::Kind::Binary> {
  BinaryExpr(SMLoc loc, BinaryOp op, const Expr *lhs, const Expr *rhs)
      : ExprBase(loc, std::max(lhs->height, rhs->height) + 1), op(op), lhs(lhs), rhs(rhs) {}
  BinaryOp op;
  const Expr *lhs, *rhs;
};
/// `name = value` in a call or between the angle brackets after a kernel's name.
struct NamedArg {
  Name name;
  const Expr *value;
};
/// `callee<settings>(args, named)`.
struct CallExpr : ExprBase<Expr::Kind::Call> {
  CallExpr(Name callee, unsigned height) : ExprBase(callee.loc, height), callee(callee.text) {}
  StringRef callee;
  ArrayRef<NamedArg> settings;
  ArrayRef<const Expr *> args;
  ArrayRef<NamedArg> named;
};
/// One subscript: `e`, `start :+ length`, `:` or `None`.
struct Subscript {
  enum class Kind : uint8_t { Index, Range, All, NewDim };
  Kind kind;
  SMLoc loc;
  const Expr *start = nullptr;
  const Expr *length = nullptr;
};
struct SubscriptExpr : ExprBase<Expr::Kind::Subscript> {
  SubscriptExpr(const Expr *base, ArrayRef<Subscript> subscripts, unsigned height)
      : ExprBase(base->loc, height), base(base), subscripts(subscripts) {}
  const Expr *base;
  ArrayRef<Subscript> subscripts;
};
struct ListExpr : ExprBase<Expr::Kind::List> {
  ListExpr(SMLoc loc, ArrayRef<const Expr *> elements, unsigned height)
      : ExprBase(loc, height), elements(elements) {}
  ArrayRef<const Expr *> elements;
};

/// The shortest decimal form that reads back as the same number.
std::string spell(double value);
/// An expression as it could be written.
std::string spell(const Expr *e);

//===------------------------------------------------------------------------------------===//
// Statements
//===------------------------------------------------------------------------------------===//

struct Stmt {
  enum class Kind : uint8_t { Declare, Assign, Expr, For, If, While, Return, Roles };
  Stmt(Kind kind, SMLoc loc) : kind(kind), loc(loc) {}
  const Kind kind;
  SMLoc loc;
};

template <Stmt::Kind K> struct StmtBase : Stmt {
  StmtBase(SMLoc loc) : Stmt(K, loc) {}
  static bool classof(const Stmt *s) { return s->kind == K; }
};

using Block = ArrayRef<const Stmt *>;

/// `let x = e;`, `var x = e;`, `let (a, b) = e;`
struct DeclareStmt : StmtBase<Stmt::Kind::Declare> {
  using StmtBase::StmtBase;
  bool isVar = false;
  ArrayRef<Name> names;
  const frontend::Expr *value = nullptr;
};
/// `x = e;`, `(a, b) = e;`, `x += e;`
struct AssignStmt : StmtBase<Stmt::Kind::Assign> {
  using StmtBase::StmtBase;
  ArrayRef<Name> targets;
  /// For `x op= e` the expression is `x op e`.
  const frontend::Expr *value = nullptr;
};
struct ExprStmt : StmtBase<Stmt::Kind::Expr> {
  ExprStmt(const frontend::Expr *value) : StmtBase(value->loc), value(value) {}
  const frontend::Expr *value;
};
/// `[static] for name in range(start, end, step) [pipelined(stages)] { body }`
struct ForStmt : StmtBase<Stmt::Kind::For> {
  using StmtBase::StmtBase;
  bool isStatic = false;
  Name variable;
  const frontend::Expr *start = nullptr; // 0 if absent
  const frontend::Expr *end = nullptr;
  const frontend::Expr *step = nullptr;   // 1 if absent
  const frontend::Expr *stages = nullptr; // not pipelined if absent
  Block body;
};
struct IfStmt : StmtBase<Stmt::Kind::If> {
  using StmtBase::StmtBase;
  bool isStatic = false;
  const frontend::Expr *condition = nullptr;
  Block thenBlock, elseBlock;
};
struct WhileStmt : StmtBase<Stmt::Kind::While> {
  using StmtBase::StmtBase;
  const frontend::Expr *condition = nullptr;
  Block body;
};
struct ReturnStmt : StmtBase<Stmt::Kind::Return> {
  using StmtBase::StmtBase;
  ArrayRef<const frontend::Expr *> values;
};
/// `role name(options) [as instance] { body }`
struct Role {
  Name name;
  ArrayRef<NamedArg> options;
  Name instance; // empty if the body does not see its number
  Block body;
};
/// `roles { role ... }`
struct RolesStmt : StmtBase<Stmt::Kind::Roles> {
  using StmtBase::StmtBase;
  ArrayRef<Role> roles;
};

//===------------------------------------------------------------------------------------===//
// Definitions
//===------------------------------------------------------------------------------------===//

enum class ParamKind : uint8_t { Int, Bool, Float, Type };
StringRef spelling(ParamKind kind);

/// `NAME: kind [= default] [in {choices}]`
struct ParamDecl {
  Name name;
  ParamKind kind;
  const Expr *defaultValue = nullptr;
  ArrayRef<const Expr *> choices;
};
/// `name: T` or `name: T[dims] [= initialValue]`, as argument or result.
struct ArgDecl {
  Name name;
  Name elementType;
  bool isTensor = false;
  ArrayRef<const Expr *> dims;
  /// Of every element before the kernel runs; null: undefined. Valid for results of kernels only.
  const Expr *initialValue = nullptr;
};
/// `requires condition[, "message"]`
struct RequiresClause {
  const Expr *condition;
  StringRef message;
};

struct Decl {
  enum class Kind : uint8_t { Kernel, Function, Pipeline, Stage };
  Decl(Kind kind, Name name) : kind(kind), name(name) {}
  const Kind kind;
  Name name;
  Block body;
};

StringRef spelling(Decl::Kind kind);

/// `levels = L` after `implements STAGE`: the parameter that takes the stage's.
struct StageParam {
  Name stageName, name;
};

/// What kernels, pipelines and stages have in common.
struct GenericDecl : Decl {
  using Decl::Decl;
  ArrayRef<ParamDecl> params;
  ArrayRef<ArgDecl> args, results;
  ArrayRef<RequiresClause> requirements;
  static bool classof(const Decl *d) { return d->kind != Kind::Function; }
};
struct KernelDecl : GenericDecl {
  KernelDecl(Name name) : GenericDecl(Kind::Kernel, name) {}
  Name stage; // empty if the kernel implements none
  ArrayRef<StageParam> stageParams;
  Name target; // whose stages the kernel serves; empty: those of all
  SMLoc gridLoc;
  ArrayRef<const Expr *> grid;
  bool persistent = false;     // a block may run several instances
  const Expr *warps = nullptr; // of a program instance on a GPU; null: the default
  static bool classof(const Decl *d) { return d->kind == Kind::Kernel; }
};
struct PipelineDecl : GenericDecl {
  PipelineDecl(Name name) : GenericDecl(Kind::Pipeline, name) {}
  static bool classof(const Decl *d) { return d->kind == Kind::Pipeline; }
};
/// A stage of the user: what kernels implement. It has no body.
struct StageDecl : GenericDecl {
  StageDecl(Name name) : GenericDecl(Kind::Stage, name) {}
  Name adjoint;                // what computes its gradients; empty if nothing does
  const Expr *flops = nullptr; // floating-point operations of a call; null: not said
  static bool classof(const Decl *d) { return d->kind == Kind::Stage; }
};
struct FunctionDecl : Decl {
  FunctionDecl(Name name) : Decl(Kind::Function, name) {}
  ArrayRef<Name> args;
  static bool classof(const Decl *d) { return d->kind == Kind::Function; }
};

/// `import "path";`
struct ImportDecl {
  SMLoc loc;
  StringRef path;
};

/// Owns the nodes of all files of a specification.
class SyntaxTree {
public:
  template <typename Node, typename... Args> Node *make(Args &&...args) {
    static_assert(std::is_trivially_destructible_v<Node>);
    return new (arena.Allocate<Node>()) Node(std::forward<Args>(args)...);
  }
  template <typename Range> auto copy(const Range &range) {
    using Element = std::remove_cvref_t<decltype(*range.begin())>;
    return ArrayRef<Element>(range).copy(arena);
  }
  StringRef save(StringRef text) {
    ArrayRef<char> copied = ArrayRef<char>(text.data(), text.size()).copy(arena);
    return {copied.data(), copied.size()};
  }

private:
  llvm::BumpPtrAllocator arena;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_AST_H
