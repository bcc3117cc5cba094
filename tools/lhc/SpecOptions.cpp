//===- SpecOptions.cpp - Options of the commands that compile ---------------------------------===//

#include "SpecOptions.h"

#include "lighthouse/runtime/Cpu.h"

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

SpecOptions::SpecOptions(cl::SubCommand &sub)
    : spec(cl::Positional, cl::Required, cl::desc("SPEC"), cl::sub(sub)),
      pipeline("pipeline", cl::desc("The pipeline to use"), cl::value_desc("name"), cl::sub(sub)),
      kernel("kernel", cl::desc("The kernel to use"), cl::value_desc("name"), cl::sub(sub)),
      settings("set", cl::desc("Value of a parameter; may repeat"), cl::value_desc("NAME=VALUE"),
               cl::sub(sub)),
      arguments("arg",
                cl::desc("Argument: x=f32[1,4096], x=file.npy, x=bf16:file.npy or "
                         "x=random:f32[1,4096]; may repeat"),
                cl::value_desc("NAME=WHAT"), cl::sub(sub)),
      target("target", cl::desc("host, or host:x86-64-v2, -v3, -v4 (default: this processor)"),
             cl::init("host"), cl::value_desc("target"), cl::sub(sub)),
      dumpDir("dump-dir", cl::desc("Write every intermediate into this directory"),
              cl::value_desc("dir"), cl::sub(sub)),
      reproducerDir("reproducer-dir", cl::desc("Where a failing pass leaves its reproducer"),
                    cl::value_desc("dir"), cl::sub(sub)),
      verifyEach("verify-each", cl::desc("Verify the IR after every pass (default: on)"),
                 cl::init(true), cl::sub(sub)),
      timeLimit(
          "time-limit",
          cl::desc("Processor seconds that compiling may take, 0: no limit (default: 8)"),
          cl::init(8), cl::value_desc("seconds"), cl::sub(sub)),
      noCache("no-cache", cl::desc("Neither read nor fill the cache"), cl::sub(sub)) {}

Result<Compiler> SpecOptions::open() const {
  CompilerOptions options;
  options.dumpDirectory = dumpDir;
  options.reproducerDirectory = reproducerDir;
  options.verifyEach = verifyEach;
  options.limitSeconds = timeLimit;
  return Compiler::open(spec, std::move(options));
}

Result<std::string> SpecOptions::level() const {
  llvm::StringRef name = target;
  if (!name.consume_front("host") || !(name.empty() || name.consume_front(":")))
    return Status(StatusCode::InvalidArgument,
                  "unknown target '" + target + "'; expected host or host:LEVEL");
  if (name.empty()) {
    Result<runtime::CpuLevel> level = runtime::hostCpuLevel();
    return level ? Result<std::string>(std::string(runtime::cpuLevelName(*level))) : level.status();
  }
  std::string full = name.starts_with("x86-64-") ? name.str() : "x86-64-" + name.str();
  if (!runtime::parseCpuLevel(full))
    return Status(StatusCode::InvalidArgument, "unknown processor level '" + name.str() +
                                                   "'; expected x86-64-v2, x86-64-v3 or x86-64-v4");
  return full;
}

Result<Request> SpecOptions::request() const {
  if (!kernel.empty() && !pipeline.empty())
    return Status(StatusCode::InvalidArgument, "--kernel and --pipeline exclude each other");
  Request request;
  request.kind = kernel.empty() ? Request::Kind::Pipeline : Request::Kind::Kernel;
  request.name = kernel.empty() ? pipeline : kernel;
  for (const std::string &text : settings) {
    auto [name, value] = llvm::StringRef(text).split('=');
    if (name.empty() || value.empty())
      return Status(StatusCode::InvalidArgument, "--set expects NAME=VALUE, found '" + text + "'");
    request.settings.emplace_back(name.str(), value.str());
  }
  Result<std::string> level = this->level();
  if (!level)
    return level.status();
  request.level = *level;
  return request;
}

Result<std::vector<ArgumentSource>> SpecOptions::sources() const {
  std::vector<ArgumentSource> sources;
  for (const std::string &text : arguments) {
    Result<ArgumentSource> source = parseArgument(text);
    if (!source)
      return source.status();
    for (const ArgumentSource &other : sources)
      if (other.name == source->name)
        return Status(StatusCode::InvalidArgument, "--arg " + other.name + " is given twice");
    sources.push_back(*std::move(source));
  }
  return sources;
}
