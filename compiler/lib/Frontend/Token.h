//===- Token.h - The words of the language ---------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_TOKEN_H
#define LIGHTHOUSE_LIB_FRONTEND_TOKEN_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/SMLoc.h"

#include <cstdint>

namespace lighthouse::frontend {

enum class TokenKind : uint8_t {
#define TOKEN(name, spelling) name,
#define KEYWORD(name) kw_##name,
#include "Tokens.def"
};

/// How a token kind is called in messages: `'kernel'`, `'+='`, `an identifier`.
llvm::StringRef describe(TokenKind kind);

struct Token {
  TokenKind kind = {};
  /// The source text; for strings with the quotes.
  llvm::StringRef text;

  llvm::SMLoc loc() const { return llvm::SMLoc::getFromPointer(text.data()); }
  bool is(TokenKind other) const { return kind == other; }
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_TOKEN_H
