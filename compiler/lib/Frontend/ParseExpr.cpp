//===- ParseExpr.cpp - Expressions ------------------------------------------------------===//
#include "Parser.h"

#include "Lexer.h"
#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Error.h"

#include <limits>

using namespace lighthouse::frontend;

namespace {

struct BinaryInfo {
  BinaryOp op;
  /// Larger binds tighter; 0 for tokens that are no binary operator.
  unsigned precedence;
};

BinaryInfo binaryInfo(TokenKind kind) {
  switch (kind) {
  case TokenKind::Star:
    return {BinaryOp::Mul, 10};
  case TokenKind::Slash:
    return {BinaryOp::Div, 10};
  case TokenKind::Percent:
    return {BinaryOp::Rem, 10};
  case TokenKind::Plus:
    return {BinaryOp::Add, 9};
  case TokenKind::Minus:
    return {BinaryOp::Sub, 9};
  case TokenKind::ShiftLeft:
    return {BinaryOp::Shl, 8};
  case TokenKind::ShiftRight:
    return {BinaryOp::Shr, 8};
  case TokenKind::Less:
    return {BinaryOp::LT, 7};
  case TokenKind::LessEqual:
    return {BinaryOp::LE, 7};
  case TokenKind::Greater:
    return {BinaryOp::GT, 7};
  case TokenKind::GreaterEqual:
    return {BinaryOp::GE, 7};
  case TokenKind::EqualEqual:
    return {BinaryOp::EQ, 7};
  case TokenKind::NotEqual:
    return {BinaryOp::NE, 7};
  case TokenKind::And:
    return {BinaryOp::And, 6};
  case TokenKind::Xor:
    return {BinaryOp::Xor, 5};
  case TokenKind::Or:
    return {BinaryOp::Or, 4};
  case TokenKind::AndAnd:
    return {BinaryOp::LogicalAnd, 3};
  case TokenKind::OrOr:
    return {BinaryOp::LogicalOr, 2};
  default:
    return {BinaryOp::Mul, 0};
  }
}

bool startsWithGreater(TokenKind kind) {
  return kind == TokenKind::Greater || kind == TokenKind::GreaterEqual ||
         kind == TokenKind::ShiftRight;
}

template <typename Range> unsigned maxHeight(const Range &exprs) {
  unsigned height = 0;
  for (const Expr *e : exprs)
    height = std::max(height, e->height);
  return height;
}

} // namespace

bool Parser::checkHeight(const Expr *e) {
  if (e->height <= limits::expressionHeight)
    return true;
  diagnostics.error(e->loc, "expression with more than " + llvm::Twine(limits::expressionHeight) +
                                " operators one inside the other; split it with 'let'");
  return false;
}

const Expr *Parser::parseAngleExpr() {
  bool saved = std::exchange(inAngle, true);
  const Expr *e = parseExpr();
  inAngle = saved;
  return e;
}

const Expr *Parser::parseBinary(unsigned minPrecedence) {
  const Expr *lhs = parseUnary();
  const BinaryExpr *comparison = nullptr; // the one made last by this loop
  while (lhs) {
    const Token op = token();
    BinaryInfo info = binaryInfo(op.kind);
    if (info.precedence == 0 || info.precedence < minPrecedence ||
        (inAngle && startsWithGreater(op.kind)))
      return lhs;
    take();
    const Expr *rhs = parseBinary(info.precedence + 1);
    if (!rhs)
      return nullptr;
    if (comparison == lhs && isComparison(info.op)) {
      diagnostics.error(op.loc(), "comparisons do not chain; expected '&&' between two of them")
          .note(comparison->loc, "the first comparison is here");
      return nullptr;
    }
    auto *combined = tree.make<BinaryExpr>(op.loc(), info.op, lhs, rhs);
    if (!checkHeight(combined))
      return nullptr;
    if (isComparison(info.op))
      comparison = combined;
    lhs = combined;
  }
  return nullptr;
}

const Expr *Parser::parseUnary() {
  TokenKind kind = token().kind;
  if (kind != TokenKind::Minus && kind != TokenKind::Not)
    return parsePostfix();
  Nested nested(*this);
  if (!nested.ok)
    return nullptr;
  SMLoc at = take().loc();
  const Expr *operand = parseUnary();
  if (!operand)
    return nullptr;
  auto *e =
      tree.make<UnaryExpr>(at, kind == TokenKind::Minus ? UnaryOp::Negate : UnaryOp::Not, operand);
  return checkHeight(e) ? e : nullptr;
}

const Expr *Parser::parsePostfix() {
  const Expr *e = parsePrimary();
  while (e && at(TokenKind::LBracket)) {
    e = parseSubscripts(e);
    if (e && !checkHeight(e))
      return nullptr;
  }
  return e;
}

const Expr *Parser::parsePrimary() {
  switch (token().kind) {
  case TokenKind::Integer:
  case TokenKind::Float:
    return parseNumber();
  case TokenKind::kw_inf:
    return tree.make<FloatExpr>(take().loc(), std::numeric_limits<double>::infinity());
  case TokenKind::kw_nan:
    return tree.make<FloatExpr>(take().loc(), std::numeric_limits<double>::quiet_NaN());
  case TokenKind::kw_true:
    return tree.make<BoolExpr>(take().loc(), true);
  case TokenKind::kw_false:
    return tree.make<BoolExpr>(take().loc(), false);
  case TokenKind::String: {
    Token string = take();
    return tree.make<StringExpr>(string.loc(), tree.save(stringValue(string)));
  }
  case TokenKind::Identifier: {
    Token word = take();
    Name name{word.text, word.loc()};
    // `f<A = 1>(x)`: no comparison looks like `a < b =`.
    bool settings =
        at(TokenKind::Less) && token(1).is(TokenKind::Identifier) && token(2).is(TokenKind::Equal);
    if (settings || at(TokenKind::LParen))
      return parseCall(name);
    // Nothing else has fields, so `target` stays free as a name.
    if (name.text == "target" && accept(TokenKind::Dot)) {
      Name field;
      if (!expectName(field, "the name of a field of the target"))
        return nullptr;
      return tree.make<TargetFieldExpr>(name.loc, field);
    }
    return tree.make<NameExpr>(name);
  }
  case TokenKind::LParen: {
    Nested nested(*this);
    if (!nested.ok)
      return nullptr;
    SMLoc open = take().loc();
    bool saved = std::exchange(inAngle, false);
    const Expr *e = parseExpr();
    inAngle = saved;
    if (!e)
      return nullptr;
    if (!accept(TokenKind::RParen)) {
      unexpected("')'").note(open, "the bracket opened here is not closed");
      return nullptr;
    }
    return e;
  }
  case TokenKind::LBracket:
    return parseList();
  default:
    unexpected("an expression");
    return nullptr;
  }
}

const Expr *Parser::parseNumber() {
  Token number = take();
  if (number.is(TokenKind::Integer)) {
    StringRef digits = number.text;
    unsigned radix = digits.consume_front_insensitive("0x") ? 16 : 10;
    int64_t value = 0;
    if (digits.getAsInteger(radix, value)) {
      diagnostics.error(number.loc(), "integer does not fit in 64 bits");
      return nullptr;
    }
    return tree.make<IntExpr>(number.loc(), value);
  }
  llvm::APFloat value(llvm::APFloat::IEEEdouble());
  auto status = value.convertFromString(number.text, llvm::APFloat::rmNearestTiesToEven);
  if (!status || (*status & llvm::APFloat::opOverflow)) {
    llvm::consumeError(status.takeError());
    diagnostics.error(number.loc(), "number is too large for f64");
    return nullptr;
  }
  return tree.make<FloatExpr>(number.loc(), value.convertToDouble());
}

bool Parser::parseNamedArg(llvm::SmallVectorImpl<NamedArg> &named, bool angle) {
  NamedArg arg;
  if (!expectName(arg.name, "a name") || !expect(TokenKind::Equal, "after the name"))
    return false;
  for (const NamedArg &other : named)
    if (other.name.text == arg.name.text) {
      diagnostics.error(arg.name.loc, "'" + arg.name.text + "' is given twice")
          .note(other.name.loc, "first given here");
      return false;
    }
  arg.value = angle ? parseAngleExpr() : parseExpr();
  if (!arg.value)
    return false;
  named.push_back(arg);
  return true;
}

const Expr *Parser::parseCall(Name callee) {
  Nested nested(*this);
  if (!nested.ok)
    return nullptr;
  llvm::SmallVector<NamedArg> settings, named;
  llvm::SmallVector<const Expr *> args;
  if (at(TokenKind::Less)) {
    SMLoc open = take().loc();
    if (!parseCommaList(TokenKind::Greater, open, [&] { return parseNamedArg(settings, true); }))
      return nullptr;
  }
  SMLoc open = loc();
  if (!expect(TokenKind::LParen, "of the call"))
    return nullptr;
  bool saved = std::exchange(inAngle, false);
  llvm::scope_exit restore([&] { inAngle = saved; });
  bool parsed = parseCommaList(TokenKind::RParen, open, [&] {
    if (args.size() + named.size() >= limits::listLength) {
      diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " arguments");
      return false;
    }
    if (at(TokenKind::Identifier) && token(1).is(TokenKind::Equal))
      return parseNamedArg(named, false);
    if (!named.empty()) {
      diagnostics.error(loc(), "expected a named argument: positional ones come first")
          .note(named.front().name.loc, "the first named argument is here");
      return false;
    }
    const Expr *arg = parseExpr();
    if (arg)
      args.push_back(arg);
    return arg != nullptr;
  });
  if (!parsed)
    return nullptr;
  unsigned height = maxHeight(args);
  for (const NamedArg &arg : llvm::concat<NamedArg>(settings, named))
    height = std::max(height, arg.value->height);
  auto *call = tree.make<CallExpr>(callee, height + 1);
  call->settings = tree.copy(settings);
  call->args = tree.copy(args);
  call->named = tree.copy(named);
  return checkHeight(call) ? call : nullptr;
}

const Expr *Parser::parseSubscripts(const Expr *base) {
  Nested nested(*this);
  if (!nested.ok)
    return nullptr;
  SMLoc open = take().loc();
  bool saved = std::exchange(inAngle, false);
  llvm::scope_exit restore([&] { inAngle = saved; });
  llvm::SmallVector<Subscript, 4> subscripts;
  unsigned height = base->height;
  bool parsed = parseCommaList(TokenKind::RBracket, open, [&] {
    if (subscripts.size() >= limits::tensorRank) {
      diagnostics.error(loc(), "more than " + llvm::Twine(limits::tensorRank) + " subscripts");
      return false;
    }
    Subscript &s = subscripts.emplace_back(Subscript{Subscript::Kind::Index, loc()});
    if (accept(TokenKind::Colon)) {
      s.kind = Subscript::Kind::All;
      return true;
    }
    if (accept(TokenKind::kw_None)) {
      s.kind = Subscript::Kind::NewDim;
      return true;
    }
    s.start = parseExpr();
    if (!s.start)
      return false;
    height = std::max(height, s.start->height);
    if (!accept(TokenKind::ColonPlus))
      return true;
    s.kind = Subscript::Kind::Range;
    s.length = parseExpr();
    if (!s.length)
      return false;
    height = std::max(height, s.length->height);
    return true;
  });
  if (!parsed)
    return nullptr;
  if (subscripts.empty()) {
    diagnostics.error(open, "expected a subscript, found ']'");
    return nullptr;
  }
  return tree.make<SubscriptExpr>(base, tree.copy(subscripts), height + 1);
}

const Expr *Parser::parseList() {
  Nested nested(*this);
  if (!nested.ok)
    return nullptr;
  SMLoc open = take().loc();
  bool saved = std::exchange(inAngle, false);
  llvm::scope_exit restore([&] { inAngle = saved; });
  llvm::SmallVector<const Expr *> elements;
  bool parsed = parseCommaList(TokenKind::RBracket, open, [&] {
    if (elements.size() >= limits::listLength) {
      diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " elements");
      return false;
    }
    elements.push_back(parseExpr());
    return elements.back() != nullptr;
  });
  if (!parsed)
    return nullptr;
  auto *e = tree.make<ListExpr>(open, tree.copy(elements), maxHeight(elements) + 1);
  return checkHeight(e) ? e : nullptr;
}
