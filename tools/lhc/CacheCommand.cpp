//===- CacheCommand.cpp - lhc cache -----------------------------------------------------------===//

#include "Command.h"

#include "lighthouse/runtime/Cache.h"

#include "llvm/Support/Chrono.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

namespace {

class CacheCommand : public Command {
public:
  CacheCommand() : Command("cache", "List, prune or clear the cache of compiled artifacts") {}

  int run() override {
    runtime::Cache cache;
    if (action == "ls")
      return list(cache);
    if (action == "path")
      return showPath(cache);
    if (action == "prune")
      return showRemoved(cache.prune(
          limit.getNumOccurrences() ? std::optional<uint64_t>(limit.getValue()) : std::nullopt));
    if (action == "clear")
      return showRemoved(cache.clear());
    printError("lhc cache expects ls, path, prune or clear, found '" + action + "'");
    return Usage;
  }

private:
  int list(runtime::Cache &cache) {
    Result<std::vector<runtime::CacheEntry>> entries = cache.list();
    if (!entries)
      return failRun(entries.status());
    llvm::json::Array all;
    uint64_t bytes = 0;
    for (const runtime::CacheEntry &entry : *entries) {
      bytes += entry.bytes;
      llvm::sys::TimePoint<> used{std::chrono::nanoseconds(entry.lastUsed)};
      if (json)
        all.push_back(llvm::json::Object{{"digest", entry.digest},
                                         {"bytes", int64_t(entry.bytes)},
                                         {"last_used_ns", entry.lastUsed}});
      else
        llvm::outs() << llvm::formatv("{0}  {1,10}  {2:%Y-%m-%d %H:%M:%S}\n", entry.digest,
                                      entry.bytes, used);
    }
    if (json)
      printJson(llvm::json::Object{{"entries", std::move(all)}, {"bytes", int64_t(bytes)}});
    else
      llvm::errs() << entries->size() << " entries, " << bytes << " bytes\n";
    return Ok;
  }

  int showPath(const runtime::Cache &cache) {
    if (json)
      printJson(llvm::json::Object{{"path", cache.path()}});
    else
      llvm::outs() << cache.path() << "\n";
    return Ok;
  }

  int showRemoved(const Result<uint64_t> &removed) {
    if (!removed)
      return failRun(removed.status());
    if (json)
      printJson(llvm::json::Object{{"removed", int64_t(*removed)}});
    else
      llvm::outs() << "removed " << *removed << " entries\n";
    return Ok;
  }

  cl::opt<std::string> action{cl::Positional, cl::Required, cl::desc("ls|path|prune|clear"),
                              cl::sub(sub)};
  cl::opt<uint64_t> limit{"limit", cl::desc("prune: bytes to keep (default: the cache's limit)"),
                          cl::value_desc("bytes"), cl::sub(sub)};
};

} // namespace

std::unique_ptr<Command> lhc::makeCacheCommand() { return std::make_unique<CacheCommand>(); }
