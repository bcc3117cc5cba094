//===- SpecOptions.cpp - Options of the commands that compile ---------------------------------===//

#include "SpecOptions.h"

#include "lighthouse/runtime/Cuda.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

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
      target("target",
             cl::desc("host, host:x86-64-v2, -v3, -v4, cuda, cuda:ORDINAL, or an architecture such "
                      "as sm_90a to compile only (default: the first GPU, else this processor)"),
             cl::value_desc("target"), cl::sub(sub)),
      grad("grad",
           cl::desc("Forward and backward pass: the cotangent of every float result is an argument "
                    "(do for o), the gradient of every float argument a result (dq for q)"),
           cl::sub(sub)),
      deterministic("deterministic",
                    cl::desc("Gradients that are equal from run to run, on a GPU too"),
                    cl::sub(sub)),
      separate("separate",
               cl::desc("With --grad: forward and backward pass as entry points of their own, "
                        "NAME_fwd and NAME_bwd, beside NAME"),
               cl::sub(sub)),
      alignment(
          "alignment",
          cl::desc("Bytes to which tensors on a GPU and their rows are aligned (default: 16)"),
          cl::init(16), cl::value_desc("bytes"), cl::sub(sub)),
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
      noCache("no-cache", cl::desc("Neither read nor fill the cache"), cl::sub(sub)),
      tuning("tuning",
             cl::desc("Table of tuned settings, none: only the kernels' defaults (default: "
                      "LIGHTHOUSE_TUNING, else tuning.json beside the cache)"),
             cl::value_desc("file"), cl::sub(sub)) {}

bool lhc::isArtifact(const std::string &path) {
  if (!llvm::sys::fs::is_regular_file(path))
    return false;
  auto buffer = llvm::MemoryBuffer::getFileSlice(path, /*MapSize=*/8, /*Offset=*/0);
  return buffer && (*buffer)->getBuffer().starts_with("\x89LHA");
}

Result<Compiler> SpecOptions::open() const {
  if (isArtifact(spec))
    return Status(StatusCode::InvalidArgument,
                  "error: '" + spec + "' is a compiled artifact, not a specification");
  CompilerOptions options;
  options.crashRecovery = true;
  options.dumpDirectory = dumpDir;
  options.reproducerDirectory = reproducerDir;
  options.verifyEach = verifyEach;
  options.limitSeconds = timeLimit;
  if (tuning != "none")
    options.tuning = defaultTuning(tuningPath());
  return Compiler::open(spec, std::move(options));
}

Result<CompileTarget> SpecOptions::chooseTarget() const {
  if (!target.empty())
    return parseTarget(target.getValue());
  return parseTarget(runtime::cuda::isAvailable() ? "cuda" : "host");
}

Result<Request> SpecOptions::request() const {
  if (!kernel.empty() && !pipeline.empty())
    return Status(StatusCode::InvalidArgument, "--kernel and --pipeline exclude each other");
  if (!(timeLimit >= 0))
    return Status(StatusCode::InvalidArgument, "--time-limit must not be negative");
  Request request;
  request.kind = kernel.empty() ? Request::Kind::Pipeline : Request::Kind::Kernel;
  request.name = kernel.empty() ? pipeline : kernel;
  for (const std::string &text : settings) {
    auto [name, value] = llvm::StringRef(text).split('=');
    if (name.empty() || value.empty())
      return Status(StatusCode::InvalidArgument, "--set expects NAME=VALUE, found '" + text + "'");
    for (const auto &[other, otherValue] : request.settings)
      if (other == name)
        return Status(StatusCode::InvalidArgument, "--set " + other + " is given twice");
    request.settings.emplace_back(name.str(), value.str());
  }
  Result<CompileTarget> chosen = chooseTarget();
  if (!chosen)
    return chosen.status();
  request.level = chosen->level;
  request.arch = chosen->arch;
  request.device = chosen->deviceName;
  request.gradient = grad;
  request.deterministic = deterministic;
  request.separate = separate;
  if (deterministic && !grad)
    return Status(StatusCode::InvalidArgument, "--deterministic is for gradients; say --grad");
  if (separate && !grad)
    return Status(StatusCode::InvalidArgument, "--separate is for gradients; say --grad");
  request.alignment = alignment;
  if (alignment < 1 || alignment > 16 || !llvm::isPowerOf2_32(alignment))
    return Status(StatusCode::InvalidArgument, "--alignment expects 1, 2, 4, 8 or 16");
  return request;
}

Result<std::vector<ArgumentSource>> SpecOptions::sources(const Extents &extents) const {
  std::vector<ArgumentSource> sources;
  for (const std::string &text : arguments) {
    Result<ArgumentSource> source = parseArgument(text, extents);
    if (!source)
      return source.status();
    for (const ArgumentSource &other : sources)
      if (other.name == source->name)
        return Status(StatusCode::InvalidArgument, "--arg " + other.name + " is given twice");
    sources.push_back(*std::move(source));
  }
  return sources;
}

Result<std::vector<ArgumentType>> SpecOptions::types(llvm::StringRef command) const {
  Result<std::vector<ArgumentSource>> given = sources();
  if (!given)
    return given.status();
  std::vector<ArgumentType> types;
  for (const ArgumentSource &source : *given) {
    if (source.kind == ArgumentSource::Kind::File)
      return Status(StatusCode::InvalidArgument,
                    (command + " takes types: --arg " + source.name + "=f32[...]").str());
    types.push_back({source.name, *source.dtype, source.shape});
  }
  return types;
}
