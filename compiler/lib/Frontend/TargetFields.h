//===- TargetFields.h - What specifications ask of the target --------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_TARGETFIELDS_H
#define LIGHTHOUSE_LIB_FRONTEND_TARGETFIELDS_H

#include "Value.h"
#include "lighthouse/Dialect/Tile/IR/Target.h"

namespace lighthouse::frontend {

/// `target.NAME`: a compile-time int or bool.
struct TargetField {
  llvm::StringLiteral name;
  Value (*get)(const tile::TargetInfo &target);
};

/// All of them, in the order of the language reference.
ArrayRef<TargetField> targetFields();

/// The field of that name; null if there is none.
const TargetField *findTargetField(StringRef name);

/// What may stand behind `target` in a kernel: levels of the host are no names of the language.
llvm::SmallVector<StringRef> targetClauses();

/// Whether `kernel` may serve stages of code for `target`. Null: only one for all targets may.
bool isFor(const KernelDecl &kernel, const tile::TargetInfo *target);

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_TARGETFIELDS_H
