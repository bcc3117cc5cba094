//===- SpecState.h - What a specification holds ----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_SPECSTATE_H
#define LIGHTHOUSE_LIB_FRONTEND_SPECSTATE_H

#include "Definitions.h"
#include "lighthouse/Frontend/Frontend.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace lighthouse::frontend {

/// What an instance of a kernel asks of a target and of its tensors.
struct KernelNeeds {
  int64_t sharedBytes = 0;
  bool bulkCopies = false;
};

struct Spec::State {
  explicit State(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  /// Parses a buffer and, first, what it imports.
  void load(unsigned bufferId, const ImportResolver &resolver, bool imported);
  void add(const Decl *decl, bool imported);

  Diagnostics &diagnostics;
  Tuner *tuner = nullptr;
  SyntaxTree tree;
  Definitions definitions;
  std::vector<DefinitionInfo> infos;
  /// By kernel, parameters and target.
  llvm::StringMap<KernelNeeds> needs;
  llvm::StringSet<> files;  ///< names of the buffers loaded
  unsigned numRepeated = 0; ///< errors about names declared twice
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_SPECSTATE_H
