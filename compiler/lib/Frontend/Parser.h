//===- Parser.h - Builds the syntax tree of one file -----------------------*- C++ -*-===//
//
// Recursive descent. A construct that cannot be parsed is reported and yields nullptr; parsing goes
// on after the next ';' or '}' of its block, or at the next definition.
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_PARSER_H
#define LIGHTHOUSE_LIB_FRONTEND_PARSER_H

#include "AST.h"
#include "Token.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace lighthouse::frontend {

class Diagnostic;
class Diagnostics;

struct ParsedFile {
  std::vector<ImportDecl> imports;
  std::vector<const Decl *> decls;
};

class Parser {
public:
  Parser(StringRef source, SyntaxTree &tree, Diagnostics &diagnostics);

  ParsedFile parseFile();

private:
  // Definitions (ParseDecl.cpp)
  std::optional<ImportDecl> parseImport();
  const Decl *parseKernel();
  const Decl *parsePipeline();
  const Decl *parseStage();
  const Decl *parseFunction();
  bool parseSignature(GenericDecl &decl);
  bool parseParams(ArrayRef<ParamDecl> &params);
  bool parseParam(llvm::SmallVectorImpl<ParamDecl> &params);
  bool parseArgs(ArrayRef<ArgDecl> &args, const char *what);
  bool parseRequires(llvm::SmallVectorImpl<RequiresClause> &requirements);
  /// Reports a clause at `word` that was given before, at `first`; null.
  const Decl *refuseSecond(SMLoc word, SMLoc first, const char *message);
  /// Whether the definition of a stage begins here; `stage` is no reserved word.
  bool atStage() const;
  void skipToDecl();

  // Statements (ParseStmt.cpp)
  bool parseBlock(Block &block);
  const Stmt *parseStmt();
  const Stmt *parseDeclare();
  const Stmt *parseAssign();
  const Stmt *parseFor(SMLoc loc, bool isStatic);
  const Stmt *parseIf(SMLoc loc, bool isStatic);
  const Stmt *parseWhile();
  const Stmt *parseReturn();
  const Stmt *parseRoles(); // ParseRoles.cpp
  bool parseRole(llvm::SmallVectorImpl<Role> &roles);
  bool parseNames(ArrayRef<Name> &names);
  void skipStmt();

  // Expressions (ParseExpr.cpp)
  const Expr *parseExpr() { return parseBinary(0); }
  /// An expression in which a top-level `>` ends the enclosing angle brackets.
  const Expr *parseAngleExpr();
  const Expr *parseBinary(unsigned minPrecedence);
  const Expr *parseUnary();
  const Expr *parsePostfix();
  const Expr *parsePrimary();
  const Expr *parseNumber();
  const Expr *parseCall(Name callee);
  const Expr *parseSubscripts(const Expr *base);
  const Expr *parseList();
  bool parseNamedArg(llvm::SmallVectorImpl<NamedArg> &named, bool angle);
  bool checkHeight(const Expr *e);

  // Tokens
  const Token &token(unsigned ahead = 0) const {
    return tokens[std::min<size_t>(position + ahead, tokens.size() - 1)];
  }
  bool at(TokenKind kind) const { return token().is(kind); }
  /// Whether the next token is the identifier `word`, a keyword only in its place.
  bool atWord(StringRef word) const;
  SMLoc loc() const { return token().loc(); }
  Token take();
  bool accept(TokenKind kind);
  /// Takes a token of `kind` or reports `expected ..., found ...`; `context` ends the message.
  bool expect(TokenKind kind, StringRef context = "");
  bool expectName(Name &name, StringRef what);
  /// Reports that the next token is not `what`.
  Diagnostic &unexpected(const llvm::Twine &what);
  /// Takes `close`, the counterpart of the bracket at `open`.
  bool expectClose(TokenKind close, SMLoc open);
  /// Items separated by commas up to `close`; a comma may follow the last one.
  template <typename ParseItem>
  bool parseCommaList(TokenKind close, SMLoc open, ParseItem parseItem);

  /// Counts one level of nesting while alive; `ok` is false where the limit is exceeded.
  struct Nested {
    explicit Nested(Parser &parser);
    ~Nested() { --parser.depth; }
    Parser &parser;
    bool ok;
  };

  SyntaxTree &tree;
  Diagnostics &diagnostics;
  std::vector<Token> tokens;
  size_t position = 0;
  unsigned depth = 0;
  /// Whether '>' ends the list being parsed.
  bool inAngle = false;
};

template <typename ParseItem>
bool Parser::parseCommaList(TokenKind close, SMLoc open, ParseItem parseItem) {
  while (!at(close)) {
    if (!parseItem())
      return false;
    if (!accept(TokenKind::Comma))
      break;
  }
  return expectClose(close, open);
}

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_PARSER_H
