//===- Lexer.cpp ------------------------------------------------------------------------===//
#include "Lexer.h"

#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace lighthouse::frontend;
using llvm::SMLoc;
using llvm::StringRef;

StringRef lighthouse::frontend::describe(TokenKind kind) {
  switch (kind) {
#define TOKEN(name, spelling)                                                                      \
  case TokenKind::name:                                                                            \
    return spelling;
#define KEYWORD(name)                                                                              \
  case TokenKind::kw_##name:                                                                       \
    return "'" #name "'";
#include "Tokens.def"
  }
  return "";
}

namespace {

bool isWordStart(char c) { return llvm::isAlpha(c) || c == '_'; }
bool isWord(char c) { return llvm::isAlnum(c) || c == '_'; }

class Lexer {
public:
  Lexer(StringRef rest, Diagnostics &diagnostics) : rest(rest), diagnostics(diagnostics) {}

  Token next() {
    skipBlanks();
    if (rest.empty() || diagnostics.full())
      return Token{TokenKind::End, rest.take_front(0)};
    char c = rest.front();
    if (isWordStart(c))
      return word();
    if (llvm::isDigit(c))
      return number();
    if (c == '"')
      return string();
#define PUNCTUATION(name, text)                                                                    \
  if (rest.starts_with(text))                                                                      \
    return take(TokenKind::name, sizeof(text) - 1);
#include "Tokens.def"
    return invalid();
  }

private:
  Token take(TokenKind kind, size_t length) {
    Token token{kind, rest.take_front(length)};
    rest = rest.drop_front(length);
    return token;
  }

  void skipBlanks() {
    for (;;) {
      rest = rest.ltrim(" \t\r\n");
      if (!rest.starts_with("//"))
        return;
      rest = rest.drop_until([](char c) { return c == '\n'; });
    }
  }

  Token word() {
    StringRef text = rest.take_while(isWord);
    TokenKind kind = llvm::StringSwitch<TokenKind>(text)
#define KEYWORD(name) .Case(#name, TokenKind::kw_##name)
#include "Tokens.def"
                         .Default(TokenKind::Identifier);
    if (text.size() > limits::identifier)
      diagnostics.error(here(), "identifier of " + llvm::Twine(text.size()) +
                                    " characters; at most " + llvm::Twine(limits::identifier) +
                                    " are allowed");
    return take(kind, text.size());
  }

  Token number() {
    size_t length = 0;
    TokenKind kind = TokenKind::Integer;
    auto digits = [&](bool (*accept)(char)) {
      while (length < rest.size() && accept(rest[length]))
        ++length;
    };
    auto peek = [&](size_t ahead) {
      return length + ahead < rest.size() ? rest[length + ahead] : 0;
    };
    if (rest.starts_with("0x") || rest.starts_with("0X")) {
      length = 2;
      digits([](char c) { return llvm::isHexDigit(c); });
    } else {
      digits([](char c) { return llvm::isDigit(c); });
      if (peek(0) == '.' && llvm::isDigit(peek(1))) {
        kind = TokenKind::Float;
        ++length;
        digits([](char c) { return llvm::isDigit(c); });
      }
      size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if ((peek(0) == 'e' || peek(0) == 'E') && llvm::isDigit(peek(1 + sign))) {
        kind = TokenKind::Float;
        length += 1 + sign;
        digits([](char c) { return llvm::isDigit(c); });
      }
    }
    size_t end = length;
    digits(isWord);
    bool isPrefixAlone = end == 2 && !llvm::isDigit(rest[1]) && rest[1] != '.';
    if (end == length && !isPrefixAlone)
      return take(kind, length);
    diagnostics.error(here(),
                      "malformed number '" + rest.take_front(std::min<size_t>(length, 40)) + "'");
    // Goes on with the part that is a number, so that this is the only error.
    Token number{kind, rest.take_front(isPrefixAlone ? 1 : end)};
    rest = rest.drop_front(length);
    return number;
  }

  Token string() {
    for (size_t i = 1; i < rest.size() && rest[i] != '\n'; ++i) {
      if (rest[i] == '"')
        return take(TokenKind::String, i + 1);
      if (rest[i] != '\\')
        continue;
      char escaped = i + 1 < rest.size() ? rest[i + 1] : '\n';
      if (escaped != '"' && escaped != '\\' && escaped != 'n') {
        diagnostics.error(SMLoc::getFromPointer(rest.data() + i),
                          "unknown escape in a string; expected \\\", \\\\ or \\n");
        if (escaped == '\n')
          continue;
      }
      ++i;
    }
    diagnostics.error(here(), "string without a closing '\"' on its line");
    return take(TokenKind::Invalid, rest.take_until([](char c) { return c == '\n'; }).size());
  }

  Token invalid() {
    auto startsToken = [](char c) {
      return isWord(c) || StringRef(" \t\r\n\"()[]{}<>,;:=+-*/%!&|^").contains(c);
    };
    unsigned char c = rest.front();
    std::string shown = llvm::isPrint(c) ? std::string("'") + rest.front() + "'"
                                         : "byte 0x" + llvm::utohexstr(c, /*LowerCase=*/false, 2);
    diagnostics.error(here(), "unexpected " + shown);
    return take(TokenKind::Invalid, std::max<size_t>(1, rest.take_until(startsToken).size()));
  }

  SMLoc here() const { return SMLoc::getFromPointer(rest.data()); }

  StringRef rest;
  Diagnostics &diagnostics;
};

} // namespace

std::vector<Token> lighthouse::frontend::tokenize(StringRef source, Diagnostics &diagnostics) {
  Lexer lexer(source, diagnostics);
  std::vector<Token> tokens;
  do
    tokens.push_back(lexer.next());
  while (!tokens.back().is(TokenKind::End));
  return tokens;
}

std::string lighthouse::frontend::stringValue(const Token &token) {
  std::string value;
  StringRef inner = token.text.drop_front().drop_back();
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\') {
      value += inner[i];
      continue;
    }
    ++i;
    value += inner[i] == 'n' ? '\n' : inner[i];
  }
  return value;
}
