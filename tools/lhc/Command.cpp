//===- Command.cpp - What the subcommands of lhc share ----------------------------------------===//

#include "Command.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Chrono.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>

using namespace lhc;

static std::string &theCommandLine() {
  static std::string text;
  return text;
}

void lhc::setCommandLine(int argc, const char *const *argv) {
  theCommandLine() = llvm::join(llvm::ArrayRef(argv, size_t(argc)), " ");
}

const std::string &lhc::commandLine() { return theCommandLine(); }

std::string lhc::dateText() {
  std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return llvm::formatv("{0:%Y-%m-%d %H:%M} UTC", llvm::sys::toUtcTime(now));
}

double lhc::secondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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

int lhc::failInput(const Status &status) {
  printError(status.message());
  return InvalidInput;
}

/// JSON has no words for infinities and NaN.
static void dropNonFinite(llvm::json::Value &value) {
  if (llvm::json::Object *object = value.getAsObject()) {
    for (auto &entry : *object)
      dropNonFinite(entry.second);
  } else if (llvm::json::Array *array = value.getAsArray()) {
    for (llvm::json::Value &element : *array)
      dropNonFinite(element);
  } else if (std::optional<double> number = value.getAsNumber();
             number && !std::isfinite(*number)) {
    value = nullptr;
  }
}

void lhc::printJson(llvm::json::Value value) {
  dropNonFinite(value);
  llvm::outs() << llvm::formatv("{0:2}", value) << "\n";
}
