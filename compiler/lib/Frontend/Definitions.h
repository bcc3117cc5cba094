//===- Definitions.h - The definitions of a specification by name ----------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_DEFINITIONS_H
#define LIGHTHOUSE_LIB_FRONTEND_DEFINITIONS_H

#include "AST.h"
#include "llvm/ADT/MapVector.h"

namespace lighthouse::frontend {

/// All definitions of all files, in the order of the files.
using Definitions = llvm::MapVector<StringRef, const Decl *>;

/// The definition of that name and class, null if there is none.
template <typename DeclT> const DeclT *find(const Definitions &definitions, StringRef name) {
  return llvm::dyn_cast_if_present<DeclT>(definitions.lookup(name));
}

/// A function that kernels may call; see Builtins.def.
struct Builtin {
  StringRef name;
  unsigned minArgs, maxArgs;
  StringRef named; ///< names of the named arguments, separated by commas
};
/// The builtin function of that name, null if there is none.
const Builtin *findBuiltin(StringRef name);

/// Whether `name` is in a list separated by commas.
bool isListed(StringRef list, StringRef name);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_DEFINITIONS_H
