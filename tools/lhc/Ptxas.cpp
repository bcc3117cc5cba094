//===- Ptxas.cpp - NVIDIA's assembler, where there is one -------------------------------------===//

#include "Ptxas.h"
#include "Subprocess.h"
#include "support/Files.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <algorithm>
#include <thread>
#include <vector>

using namespace lhc;
using lighthouse::runtime::Result;
using lighthouse::runtime::Status;
using lighthouse::runtime::StatusCode;

/// How long the assembler may take, in seconds.
static constexpr unsigned patience = 120;

/// Runs `path`; what it prints goes to `log`. False if it fails.
static bool execute(const std::string &path, llvm::ArrayRef<llvm::StringRef> arguments,
                    std::string &log) {
  llvm::SmallString<128> logFile;
  if (llvm::sys::fs::createTemporaryFile("lighthouse", "log", logFile)) {
    log = "no file for its output";
    return false;
  }
  llvm::FileRemover remover(logFile);
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

Result<llvm::StringMap<PtxasKernel>> lhc::runPtxas(const std::string &path,
                                                   llvm::ArrayRef<llvm::StringRef> sources,
                                                   llvm::StringRef arch) {
  llvm::SmallString<128> folder;
  if (std::error_code error = llvm::sys::fs::createUniqueDirectory("lighthouse-ptxas", folder))
    return Status(StatusCode::SystemError,
                  "cannot make a directory for temporary files: " + error.message());
  llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(folder); });
  std::vector<Subprocess> processes;
  for (auto [i, ptx] : llvm::enumerate(sources)) {
    std::string file = (folder + "/" + llvm::Twine(i)).str();
    if (Status status = lighthouse::support::writeFile(file + ".ptx", {ptx}); !status.ok())
      return status;
    processes.push_back({path,
                         {path, "-v", ("--gpu-name=" + arch).str(), "-o", file + ".cubin",
                          file + ".ptx"},
                         file + ".log"});
  }
  Status failed;
  llvm::StringMap<PtxasKernel> kernels;
  runAll(processes, std::max(1u, std::thread::hardware_concurrency()), patience,
         [&](size_t i, const std::string &reason) {
           std::string log;
           if (auto buffer = llvm::MemoryBuffer::getFile(processes[i].log))
             log = (*buffer)->getBuffer().trim().str();
           if (!reason.empty())
             failed = Status(StatusCode::Unsupported, path + " failed: " + reason + ": " + log);
           else
             for (const auto &kernel : parsePtxasLog(log))
               kernels[kernel.getKey()] = kernel.getValue();
         });
  if (!failed.ok())
    return failed;
  return kernels;
}
