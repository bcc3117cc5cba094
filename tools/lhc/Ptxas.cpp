//===- Ptxas.cpp - NVIDIA's assembler, where there is one -------------------------------------===//

#include "Ptxas.h"
#include "support/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace lhc;
using lighthouse::runtime::Result;
using lighthouse::runtime::Status;
using lighthouse::runtime::StatusCode;

/// How long the assembler may take, in seconds.
static constexpr unsigned patience = 120;

/// A file for temporary data, removed at the end of `remover`.
static std::string makeFile(llvm::StringRef suffix, llvm::FileRemover &remover) {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createTemporaryFile("lighthouse", suffix, path))
    return "";
  remover.setFile(path);
  return path.str().str();
}

/// Runs `path`; what it prints goes to `log`. False if it fails.
static bool execute(const std::string &path, llvm::ArrayRef<llvm::StringRef> arguments,
                    std::string &log) {
  llvm::FileRemover remover;
  std::string logFile = makeFile("log", remover);
  if (logFile.empty()) {
    log = "no file for its output";
    return false;
  }
  llvm::SmallVector<llvm::StringRef> words = {path};
  words.append(arguments.begin(), arguments.end());
  const std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), llvm::StringRef(logFile),
                                                      llvm::StringRef(logFile)};
  std::string error;
  int code = llvm::sys::ExecuteAndWait(path, words, /*Env=*/std::nullopt, redirects, patience,
                                       /*MemoryLimit=*/0, &error);
  if (auto buffer = llvm::MemoryBuffer::getFile(logFile))
    log = (*buffer)->getBuffer().str();
  log += error;
  return code == 0;
}

std::optional<std::string> lhc::findPtxas() {
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  if (auto found = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin", "/opt/cuda/bin"}))
    return *found;
  return std::nullopt;
}

std::string lhc::ptxasVersion(const std::string &path) {
  std::string log;
  if (!execute(path, {"--version"}, log))
    return "";
  size_t start = llvm::StringRef(log).find("release");
  return llvm::StringRef(log).substr(start).split('\n').first.str();
}

llvm::StringMap<PtxasKernel> lhc::parsePtxasLog(llvm::StringRef log) {
  llvm::StringMap<PtxasKernel> kernels;
  PtxasKernel *kernel = nullptr;
  llvm::SmallVector<llvm::StringRef> lines;
  log.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (size_t at = line.find("Compiling entry function '"); at != llvm::StringRef::npos) {
      kernel = &kernels[line.substr(at).split('\'').second.split('\'').first];
      continue;
    }
    if (!kernel)
      continue;
    // "ptxas info    : Used 32 registers, used 1 barriers, 512 bytes smem", and
    // "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads".
    const std::pair<llvm::StringLiteral, int *> amounts[] = {
        {"registers", &kernel->registers},
        {"bytes stack frame", &kernel->stackBytes},
        {"bytes spill stores", &kernel->spillStoreBytes},
        {"bytes spill loads", &kernel->spillLoadBytes},
        {"bytes smem", &kernel->staticSharedBytes}};
    llvm::SmallVector<llvm::StringRef> parts;
    line.split(parts, ',');
    for (llvm::StringRef part : parts)
      for (const auto &[unit, amount] : amounts) {
        llvm::StringRef before = part.trim();
        if (before.consume_back(unit))
          (void)before.rtrim().substr(before.rtrim().rfind(' ') + 1).getAsInteger(10, *amount);
      }
  }
  return kernels;
}

Result<llvm::StringMap<PtxasKernel>> lhc::runPtxas(const std::string &path, llvm::StringRef ptx,
                                                   llvm::StringRef arch) {
  llvm::FileRemover removers[2];
  std::string source = makeFile("ptx", removers[0]), cubin = makeFile("cubin", removers[1]);
  if (Status status = lighthouse::support::writeFile(source, {ptx}); !status.ok())
    return status;
  std::string log, archOption = ("--gpu-name=" + arch).str();
  if (!execute(path, {"-v", archOption, "-o", cubin, source}, log))
    return Status(StatusCode::Unsupported, path + " failed: " + llvm::StringRef(log).trim().str());
  return parsePtxasLog(log);
}
