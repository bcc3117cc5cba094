//===- ParseStmt.cpp - Statements -------------------------------------------------------===//
#include "Parser.h"

#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Frontend/Limits.h"

using namespace lighthouse::frontend;

bool Parser::parseBlock(Block &block) {
  Nested nested(*this);
  SMLoc open = loc();
  if (!nested.ok || !expect(TokenKind::LBrace))
    return false;
  llvm::SmallVector<const Stmt *> stmts;
  while (!at(TokenKind::RBrace) && !at(TokenKind::End) && !diagnostics.full()) {
    if (const Stmt *stmt = parseStmt())
      stmts.push_back(stmt);
    else
      skipStmt();
    // A definition inside a block: most likely the block was not closed.
    if (at(TokenKind::kw_kernel) || at(TokenKind::kw_fn) || at(TokenKind::kw_pipeline))
      break;
  }
  block = tree.copy(stmts);
  return expectClose(TokenKind::RBrace, open);
}

void Parser::skipStmt() {
  unsigned open = 0;
  for (;; take()) {
    switch (token().kind) {
    case TokenKind::End:
    case TokenKind::kw_kernel:
    case TokenKind::kw_fn:
    case TokenKind::kw_pipeline:
      return;
    case TokenKind::kw_let:
    case TokenKind::kw_var:
    case TokenKind::kw_for:
    case TokenKind::kw_if:
    case TokenKind::kw_while:
    case TokenKind::kw_return:
    case TokenKind::kw_static:
      // The start of the next statement, where a ';' is missing. Every statement that fails has
      // taken its first token, so this makes progress.
      if (open == 0)
        return;
      break;
    case TokenKind::LBrace:
      ++open;
      break;
    case TokenKind::RBrace:
      if (open == 0)
        return;
      if (--open == 0) {
        take();
        return;
      }
      break;
    case TokenKind::Semicolon:
      if (open == 0) {
        take();
        return;
      }
      break;
    default:
      break;
    }
  }
}

const Stmt *Parser::parseStmt() {
  SMLoc start = loc();
  switch (token().kind) {
  case TokenKind::kw_let:
  case TokenKind::kw_var:
    return parseDeclare();
  case TokenKind::kw_for:
    take();
    return parseFor(start, /*isStatic=*/false);
  case TokenKind::kw_if:
    take();
    return parseIf(start, /*isStatic=*/false);
  case TokenKind::kw_while:
    return parseWhile();
  case TokenKind::kw_return:
    return parseReturn();
  case TokenKind::kw_static:
    take();
    if (accept(TokenKind::kw_for))
      return parseFor(start, /*isStatic=*/true);
    if (accept(TokenKind::kw_if))
      return parseIf(start, /*isStatic=*/true);
    unexpected("'for' or 'if' after 'static'");
    return nullptr;
  case TokenKind::LParen:
    // `(a, b) = e;`
    if (token(1).is(TokenKind::Identifier) && token(2).is(TokenKind::Comma))
      return parseAssign();
    break;
  case TokenKind::Identifier:
    switch (token(1).kind) {
    case TokenKind::Equal:
    case TokenKind::PlusEqual:
    case TokenKind::MinusEqual:
    case TokenKind::StarEqual:
      return parseAssign();
    case TokenKind::LBrace:
      if (token().text == "roles")
        return parseRoles();
      break;
    case TokenKind::Comma:
      diagnostics.error(token(1).loc(), "expected '=' after the name, found ','; several names are "
                                        "written in brackets, as in (a, b) = f(x);");
      take();
      return nullptr;
    default:
      break;
    }
    break;
  case TokenKind::RParen:
  case TokenKind::RBracket:
  case TokenKind::Semicolon:
    unexpected("a statement");
    return nullptr;
  default:
    break;
  }
  const Expr *e = parseExpr();
  if (!e || !expect(TokenKind::Semicolon, "after the expression"))
    return nullptr;
  if (!llvm::isa<CallExpr>(e)) {
    diagnostics.error(e->loc, "expected a statement: the value of this expression is not used");
    return nullptr;
  }
  return tree.make<ExprStmt>(e);
}

bool Parser::parseNames(ArrayRef<Name> &names) {
  llvm::SmallVector<Name, 4> parsed;
  SMLoc open = loc();
  if (accept(TokenKind::LParen)) {
    if (!parseCommaList(TokenKind::RParen, open, [&] {
          if (parsed.size() >= limits::listLength) {
            diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " names");
            return false;
          }
          return expectName(parsed.emplace_back(), "a name");
        }))
      return false;
  } else if (!expectName(parsed.emplace_back(), "a name")) {
    return false;
  }
  if (parsed.empty()) {
    diagnostics.error(open, "expected at least one name between the brackets");
    return false;
  }
  names = tree.copy(parsed);
  return true;
}

const Stmt *Parser::parseDeclare() {
  auto *stmt = tree.make<DeclareStmt>(loc());
  stmt->isVar = take().is(TokenKind::kw_var);
  if (!parseNames(stmt->names) || !expect(TokenKind::Equal, "after the name"))
    return nullptr;
  stmt->value = parseExpr();
  return stmt->value && expect(TokenKind::Semicolon, "after the value") ? stmt : nullptr;
}

const Stmt *Parser::parseAssign() {
  auto *stmt = tree.make<AssignStmt>(loc());
  if (!parseNames(stmt->targets))
    return nullptr;
  Token op = take();
  BinaryOp combine;
  switch (op.kind) {
  case TokenKind::PlusEqual:
    combine = BinaryOp::Add;
    break;
  case TokenKind::MinusEqual:
    combine = BinaryOp::Sub;
    break;
  case TokenKind::StarEqual:
    combine = BinaryOp::Mul;
    break;
  case TokenKind::Equal:
    combine = BinaryOp::EQ;
    break;
  default:
    diagnostics.error(op.loc(), "expected '=' after the names");
    return nullptr;
  }
  bool compound = !op.is(TokenKind::Equal);
  if (compound && stmt->targets.size() != 1) {
    diagnostics.error(op.loc(), "expected '=': '" + op.text + "' assigns to one name");
    return nullptr;
  }
  const Expr *value = parseExpr();
  if (!value || !expect(TokenKind::Semicolon, "after the value"))
    return nullptr;
  if (compound) {
    value =
        tree.make<BinaryExpr>(op.loc(), combine, tree.make<NameExpr>(stmt->targets.front()), value);
    if (!checkHeight(value))
      return nullptr;
  }
  stmt->value = value;
  return stmt;
}

const Stmt *Parser::parseFor(SMLoc start, bool isStatic) {
  auto *stmt = tree.make<ForStmt>(start);
  stmt->isStatic = isStatic;
  if (!expectName(stmt->variable, "the name of the loop variable") ||
      !expect(TokenKind::kw_in, "after the loop variable"))
    return nullptr;
  SMLoc rangeLoc = loc();
  if (!atWord("range")) {
    unexpected("'range'");
    return nullptr;
  }
  take();
  SMLoc open = loc();
  if (!expect(TokenKind::LParen, "after 'range'"))
    return nullptr;
  llvm::SmallVector<const Expr *, 3> bounds;
  if (!parseCommaList(TokenKind::RParen, open,
                      [&] {
                        bounds.push_back(parseExpr());
                        return bounds.back() != nullptr && bounds.size() <= 3;
                      }) ||
      bounds.empty()) {
    if (bounds.empty() || (bounds.size() > 3 && bounds.back()))
      diagnostics.error(rangeLoc, "expected range(end), range(start, end) or "
                                  "range(start, end, step)");
    return nullptr;
  }
  stmt->start = bounds.size() > 1 ? bounds[0] : nullptr;
  stmt->end = bounds.size() > 1 ? bounds[1] : bounds[0];
  stmt->step = bounds.size() > 2 ? bounds[2] : nullptr;
  if (atWord("pipelined")) {
    SMLoc word = take().loc();
    if (isStatic) {
      diagnostics.error(word, "a static loop has no iterations to pipeline; expected '{'")
          .note(start, "the loop starts here");
      return nullptr;
    }
    SMLoc stagesOpen = loc();
    if (!expect(TokenKind::LParen, "after 'pipelined'"))
      return nullptr;
    stmt->stages = parseExpr();
    if (!stmt->stages || !expectClose(TokenKind::RParen, stagesOpen))
      return nullptr;
  }
  return parseBlock(stmt->body) ? stmt : nullptr;
}

const Stmt *Parser::parseIf(SMLoc start, bool isStatic) {
  auto *stmt = tree.make<IfStmt>(start);
  stmt->isStatic = isStatic;
  stmt->condition = parseExpr();
  if (!stmt->condition || !parseBlock(stmt->thenBlock))
    return nullptr;
  if (!accept(TokenKind::kw_else))
    return stmt;
  if (at(TokenKind::LBrace))
    return parseBlock(stmt->elseBlock) ? stmt : nullptr;

  // `else if`: an else block that holds one statement.
  Nested nested(*this);
  if (!nested.ok)
    return nullptr;
  SMLoc elseLoc = loc();
  bool elseStatic = accept(TokenKind::kw_static);
  if (!expect(TokenKind::kw_if, "or '{' after 'else'"))
    return nullptr;
  const Stmt *elseIf = parseIf(elseLoc, elseStatic);
  if (!elseIf)
    return nullptr;
  stmt->elseBlock = tree.copy(llvm::ArrayRef(elseIf));
  return stmt;
}

const Stmt *Parser::parseWhile() {
  auto *stmt = tree.make<WhileStmt>(take().loc());
  stmt->condition = parseExpr();
  return stmt->condition && parseBlock(stmt->body) ? stmt : nullptr;
}

const Stmt *Parser::parseReturn() {
  auto *stmt = tree.make<ReturnStmt>(take().loc());
  llvm::SmallVector<const Expr *, 4> values;
  do {
    values.push_back(parseExpr());
    if (!values.back())
      return nullptr;
    if (values.size() > limits::listLength) {
      diagnostics.error(stmt->loc, "more than " + llvm::Twine(limits::listLength) + " values");
      return nullptr;
    }
  } while (accept(TokenKind::Comma));
  stmt->values = tree.copy(values);
  return expect(TokenKind::Semicolon, "after the value") ? stmt : nullptr;
}
