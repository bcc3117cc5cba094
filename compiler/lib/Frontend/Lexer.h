//===- Lexer.h - Splits a source file into tokens --------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_LEXER_H
#define LIGHTHOUSE_LIB_FRONTEND_LEXER_H

#include "Token.h"

#include <string>
#include <vector>

namespace lighthouse::frontend {

class Diagnostics;

/// The tokens of `source`, the last one being End. Bytes that start no token are reported and
/// become one Invalid token per run of them; stops early when `diagnostics` is full.
std::vector<Token> tokenize(llvm::StringRef source, Diagnostics &diagnostics);

/// The meaning of a string token, escapes replaced.
std::string stringValue(const Token &token);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_LEXER_H
