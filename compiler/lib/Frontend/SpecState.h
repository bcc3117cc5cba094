//===- SpecState.h - What a specification holds ----------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_SPECSTATE_H
#define LIGHTHOUSE_LIB_FRONTEND_SPECSTATE_H

#include "Definitions.h"
#include "lighthouse/Frontend/Frontend.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace lighthouse::frontend {

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
  /// Shared memory that instances of kernels ask for in bytes, by kernel, parameters and
  /// target.
  llvm::StringMap<int64_t> sharedBytes;
  llvm::StringSet<> files;  ///< names of the buffers loaded
  unsigned numRepeated = 0; ///< errors about names declared twice
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_SPECSTATE_H
