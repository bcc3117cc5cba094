//===- Parser.cpp - Files and tokens ----------------------------------------------------===//
#include "Parser.h"

#include "Lexer.h"
#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Frontend/Limits.h"

using namespace lighthouse::frontend;

Parser::Parser(StringRef source, SyntaxTree &tree, Diagnostics &diagnostics)
    : tree(tree), diagnostics(diagnostics), tokens(tokenize(source, diagnostics)) {}

ParsedFile Parser::parseFile() {
  ParsedFile file;
  while (!at(TokenKind::End) && !diagnostics.full()) {
    const Decl *decl = nullptr;
    switch (token().kind) {
    case TokenKind::kw_import:
      if (std::optional<ImportDecl> import = parseImport())
        file.imports.push_back(*import);
      else
        skipToDecl();
      continue;
    case TokenKind::kw_kernel:
      decl = parseKernel();
      break;
    case TokenKind::kw_fn:
      decl = parseFunction();
      break;
    case TokenKind::kw_pipeline:
      decl = parsePipeline();
      break;
    default:
      if (atWord("stage")) {
        decl = parseStage();
        break;
      }
      unexpected("'kernel', 'stage', 'fn', 'pipeline' or 'import'");
      take();
      break;
    }
    if (decl)
      file.decls.push_back(decl);
    else
      skipToDecl();
  }
  return file;
}

void Parser::skipToDecl() {
  while (!at(TokenKind::End) && !at(TokenKind::kw_kernel) && !at(TokenKind::kw_fn) &&
         !at(TokenKind::kw_pipeline) && !at(TokenKind::kw_import) && !atStage())
    take();
}

bool Parser::atStage() const {
  // Nowhere else does one name follow another.
  return atWord("stage") && token(1).is(TokenKind::Identifier);
}

bool Parser::atWord(StringRef word) const {
  return at(TokenKind::Identifier) && token().text == word;
}

Token Parser::take() {
  Token taken = token();
  if (position + 1 < tokens.size())
    ++position;
  return taken;
}

bool Parser::accept(TokenKind kind) {
  if (!at(kind))
    return false;
  take();
  return true;
}

/// A token in a message.
static std::string asFound(const Token &token) {
  bool asWritten =
      token.is(TokenKind::Identifier) || token.is(TokenKind::Integer) || token.is(TokenKind::Float);
  return asWritten ? ("'" + token.text.take_front(40) + "'").str() : describe(token.kind).str();
}

Diagnostic &Parser::unexpected(const llvm::Twine &what) {
  if (at(TokenKind::Invalid))
    return diagnostics.silent(); // the lexer reported it
  return diagnostics.error(loc(), "expected " + what + ", found " + asFound(token()));
}

bool Parser::expect(TokenKind kind, StringRef context) {
  if (accept(kind))
    return true;
  // A missing ';' belongs behind what comes before, not at the next statement.
  if (kind == TokenKind::Semicolon && position > 0 && !at(TokenKind::Invalid)) {
    StringRef before = tokens[position - 1].text;
    diagnostics.error(SMLoc::getFromPointer(before.end()),
                      "expected ';' " + context + ", found " + asFound(token()));
    return false;
  }
  unexpected(describe(kind) + (context.empty() ? "" : " ") + context);
  return false;
}

bool Parser::expectName(Name &name, StringRef what) {
  if (!at(TokenKind::Identifier)) {
    unexpected(what);
    return false;
  }
  Token taken = take();
  name = {taken.text, taken.loc()};
  return true;
}

bool Parser::expectClose(TokenKind close, SMLoc open) {
  if (accept(close))
    return true;
  unexpected(describe(close) + (close == TokenKind::RBrace ? "" : " or ','"))
      .note(open, "the bracket opened here is not closed");
  return false;
}

Parser::Nested::Nested(Parser &parser) : parser(parser), ok(++parser.depth <= limits::nesting) {
  if (!ok)
    parser.diagnostics.error(parser.loc(),
                             "more than " + llvm::Twine(limits::nesting) + " levels of nesting");
}
