//===- Definitions.cpp ------------------------------------------------------------------===//
#include "Definitions.h"

using namespace lighthouse::frontend;

const Builtin *lighthouse::frontend::findBuiltin(StringRef name) {
  static constexpr Builtin builtins[] = {
#define BUILTIN(name, handler, minArgs, maxArgs, named) {#name, minArgs, maxArgs, named},
#include "Builtins.def"
  };
  auto *it = llvm::find_if(builtins, [&](const Builtin &b) { return b.name == name; });
  return it == std::end(builtins) ? nullptr : it;
}

bool lighthouse::frontend::isListed(StringRef list, StringRef name) {
  while (!list.empty()) {
    auto [first, rest] = list.split(',');
    if (first == name)
      return true;
    list = rest;
  }
  return false;
}
