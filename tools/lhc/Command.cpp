//===- Command.cpp - What the subcommands of lhc share ----------------------------------------===//

#include "Command.h"

#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;

void lhc::printError(const llvm::Twine &message) { llvm::WithColor::error() << message << "\n"; }

void lhc::printNote(const llvm::Twine &message) { llvm::WithColor::note() << message << "\n"; }

int lhc::failCompile(const Status &status) {
  llvm::StringRef text(status.message());
  llvm::errs() << text << (text.ends_with("\n") ? "" : "\n");
  return status.code() == StatusCode::Internal ? CompileFailed : InvalidInput;
}

int lhc::failRun(const Status &status) {
  printError(status.message());
  switch (status.code()) {
  case StatusCode::InvalidArgument:
  case StatusCode::NotFound:
  case StatusCode::Corrupt:
    return InvalidInput;
  default:
    return RunFailed;
  }
}

void lhc::printJson(const llvm::json::Value &value) {
  llvm::outs() << llvm::formatv("{0:2}", value) << "\n";
}
