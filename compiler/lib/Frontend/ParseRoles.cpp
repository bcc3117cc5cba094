//===- ParseRoles.cpp - Programs for warps ----------------------------------------------===//
#include "Parser.h"

#include "lighthouse/Frontend/Diagnostics.h"

using namespace lighthouse::frontend;

const Stmt *Parser::parseRoles() {
  auto *stmt = tree.make<RolesStmt>(take().loc());
  Nested nested(*this);
  if (!nested.ok)
    return nullptr;
  SMLoc open = take().loc();
  llvm::SmallVector<Role> roles;
  while (!at(TokenKind::RBrace) && !at(TokenKind::End) && !diagnostics.full()) {
    if (!atWord("role")) {
      // A definition: most likely the block was not closed.
      if (at(TokenKind::kw_kernel) || at(TokenKind::kw_fn) || at(TokenKind::kw_pipeline))
        break;
      unexpected("'role'");
      take();
      skipStmt();
    } else if (!parseRole(roles)) {
      skipStmt();
    }
  }
  stmt->roles = tree.copy(roles);
  return expectClose(TokenKind::RBrace, open) ? stmt : nullptr;
}

bool Parser::parseRole(llvm::SmallVectorImpl<Role> &roles) {
  take();
  Role role;
  llvm::SmallVector<NamedArg> options;
  if (!expectName(role.name, "the name of the role"))
    return false;
  SMLoc open = loc();
  if (!expect(TokenKind::LParen, "after the name of the role") ||
      !parseCommaList(TokenKind::RParen, open, [&] { return parseNamedArg(options, false); }))
    return false;
  if (atWord("as")) {
    take();
    if (!expectName(role.instance, "a name for the number of the instance"))
      return false;
  }
  role.options = tree.copy(options);
  if (!parseBlock(role.body))
    return false;
  roles.push_back(role);
  return true;
}
