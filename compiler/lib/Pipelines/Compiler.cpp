//===- Compiler.cpp - From a specification to IR, code and artifacts --------------------------===//

#include "lighthouse/Pipelines/Compiler.h"

#include "BundledKernels.h"
#include "Compilation.h"
#include "CompilerThread.h"
#include "Guard.h"
#include "Signature.h"
#include "TableTuner.h"

#include "lighthouse/Frontend/Limits.h"
#include "lighthouse/runtime/Environment.h"
#include "lighthouse/runtime/Sha256.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SaveAndRestore.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lighthouse;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Shared by the compiler and by guarded work, so that work that is given up keeps what it uses.
struct Compiler::State {
  explicit State(CompilerOptions options) : options(std::move(options)) {
    frontend::loadDialects(context);
  }

  CompilerOptions options;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  llvm::SourceMgr sources;
  frontend::Diagnostics diagnostics{sources};
  std::unique_ptr<frontend::Spec> spec;
  /// What the key of every request says of `sources`.
  std::string sourcesKey;
  KernelStores kernels;
  /// Processor seconds taken so far, out of options.limitSeconds.
  double spentSeconds = 0;
  /// The warnings so far: compilations for other shapes meet them again.
  llvm::StringSet<> warnings;
  /// Of work that needs no guard.
  CompilerThread thread;
  /// Work that crashed or ran out of time may have left anything behind, and may still be running.
  bool givenUp = false;

  /// Hands on what was not said before.
  void warn(const std::string &warning) {
    if (!warnings.insert(warning).second)
      return;
    if (options.remark)
      options.remark(warning);
    else
      llvm::errs() << warning << "\n";
  }

  // What guarded work hands back.
  std::string output;
  runtime::Artifact artifact;
  std::vector<runtime::Plan> plans;
  std::optional<Signature> signature;
  std::vector<ResultMeaning> meanings;
  std::vector<frontend::TunableUse> uses;

  static Result<Compiler> load(std::unique_ptr<llvm::MemoryBuffer> buffer, CompilerOptions options);
};

//===------------------------------------------------------------------------------------------===//
// Errors
//===------------------------------------------------------------------------------------------===//

static Status renderedError(const llvm::Twine &message,
                            StatusCode code = StatusCode::InvalidArgument) {
  return Status(code, ("error: " + message + "\n").str());
}

/// The errors collected so far, rendered, and forgotten.
static std::string takeErrors(frontend::Diagnostics &diagnostics) {
  std::string text;
  llvm::raw_string_ostream out(text);
  diagnostics.print(out);
  diagnostics.truncate(0);
  return text;
}

/// What a failed compilation has to say.
static Status failureOf(const Compilation &compilation, frontend::Diagnostics &diagnostics) {
  std::string text = takeErrors(diagnostics);
  if (text.empty())
    text = "error: the compiler failed without saying why\n";
  if (!compilation.failedInternally())
    return Status(StatusCode::InvalidArgument, text);
  text += "note: this is a fault of the compiler, not of the specification\n";
  const std::string &reproducer = compilation.reproducer();
  if (!reproducer.empty())
    text +=
        "note: replay the failing pass with: lighthouse-opt --run-reproducer " + reproducer + "\n";
  return Status(StatusCode::Internal, text);
}

/// What `outOfMemoryMessage` returns on this thread, made before, as memory cannot be taken then.
static thread_local const char *outOfMemory = "error: out of memory\n";

const char *lighthouse::outOfMemoryMessage() { return outOfMemory; }

/// Does work on a thread with a large stack, guarded if the options ask for a guard. Failures of its
/// own are rendered like all others, as errors at `loc`. After such a failure no more work is taken.
template <typename StateT>
static Status runGuardedWork(std::shared_ptr<StateT> state, llvm::SMLoc loc,
                             std::function<void()> work) {
  if (state->givenUp)
    return renderedError("the compiler was given up before", StatusCode::Internal);
  // Rendered before the work starts, which may outlast this call and uses the diagnostics.
  state->diagnostics.error(loc, "");
  std::string place = takeErrors(state->diagnostics);
  auto [head, caret] = llvm::StringRef(place).split('\n');
  auto render = [&, head = head, caret = caret](const llvm::Twine &message) {
    return (head + message + "\n" + caret).str();
  };
  auto body = [work = std::move(work), message = render("out of memory")] {
    llvm::SaveAndRestore restore(outOfMemory, message.c_str());
    work();
  };
  GuardOptions guard{state->options.crashRecovery, state->options.limitSeconds};
  Status status = guard.recover || guard.cpuSeconds > 0
                      ? runGuarded(std::move(body), guard, state->spentSeconds)
                      : state->thread.run(std::move(body));
  if (status.ok())
    return status;
  // Work that was not begun leaves nothing behind.
  state->givenUp = status.code() != StatusCode::SystemError;
  return Status(status.code(), render(status.message()));
}

//===------------------------------------------------------------------------------------------===//
// Reading
//===------------------------------------------------------------------------------------------===//

static const char *findBundled(llvm::StringRef path) {
  for (const BundledFile &file : bundledKernels())
    if (file.name == path)
      return file.text.data();
  return nullptr;
}

/// The names and checksums of all files of a specification.
static std::string keyOf(const llvm::SourceMgr &sources) {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (unsigned id = 1; id <= sources.getNumBuffers(); ++id) {
    const llvm::MemoryBuffer *buffer = sources.getMemoryBuffer(id);
    out << "source " << llvm::sys::path::filename(buffer->getBufferIdentifier()) << " "
        << runtime::toHex(runtime::sha256(std::string_view(buffer->getBuffer()))) << "\n";
  }
  return text;
}

Result<Compiler> Compiler::State::load(std::unique_ptr<llvm::MemoryBuffer> buffer,
                                       CompilerOptions options) {
  auto state = std::make_shared<State>(std::move(options));
  llvm::SMLoc start = llvm::SMLoc::getFromPointer(buffer->getBufferStart());
  state->sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  Status guarded = runGuardedWork(state, start, [state] {
    state->spec =
        frontend::Spec::parse(state->diagnostics, frontend::makeImportResolver(findBundled));
  });
  if (!guarded.ok())
    return guarded;
  if (!state->spec)
    return Status(StatusCode::InvalidArgument, takeErrors(state->diagnostics));
  state->sourcesKey = keyOf(state->sources);
  return Compiler(std::move(state));
}

Result<Compiler> Compiler::open(const std::string &path, CompilerOptions options) {
  auto buffer = frontend::readSource(path);
  if (std::error_code error = buffer.getError()) {
    std::string reason = error.message();
    if (error == std::errc::file_too_large)
      reason = "it has more than " + std::to_string(frontend::limits::fileSize) + " bytes";
    else if (error == std::errc::invalid_argument)
      reason = "it is not a regular file; - reads the standard input";
    return renderedError("cannot read '" + path + "': " + reason,
                         error == std::errc::no_such_file_or_directory
                             ? StatusCode::NotFound
                             : StatusCode::InvalidArgument);
  }
  return State::load(std::move(*buffer), std::move(options));
}

Result<Compiler> Compiler::parse(std::string name, std::string text, CompilerOptions options) {
  return State::load(llvm::MemoryBuffer::getMemBufferCopy(text, name), std::move(options));
}

Result<Compiler> Compiler::openBundled(std::string_view name, CompilerOptions options) {
  llvm::StringRef path(name);
  if (const char *text = path.ends_with(".lh") ? findBundled(path) : nullptr)
    return State::load(frontend::bundledSource(path, text), std::move(options));
  auto specs = llvm::make_filter_range(
      bundledKernels(), [](const BundledFile &file) { return file.name.ends_with(".lh"); });
  return renderedError(
      "there is no bundled specification '" + path + "'; there are " +
          llvm::join(llvm::map_range(specs, [](auto &file) { return file.name; }), ", "),
      StatusCode::NotFound);
}

Compiler::Compiler(std::shared_ptr<State> state) : state(std::move(state)) {}
Compiler::~Compiler() = default;
Compiler::Compiler(Compiler &&) noexcept = default;
Compiler &Compiler::operator=(Compiler &&) noexcept = default;

bool Compiler::isUsable() const { return !state->givenUp; }

const std::vector<frontend::DefinitionInfo> &Compiler::definitions() const {
  return state->spec->definitions();
}

//===------------------------------------------------------------------------------------------===//
// Compiling
//===------------------------------------------------------------------------------------------===//

/// Checks what nothing later would report with the name of the option.
static Status checkRequest(const Request &request) {
  if (request.name.empty())
    return renderedError("no pipeline or kernel is named");
  llvm::StringSet<> names;
  for (const auto &[name, value] : request.settings)
    if (!names.insert(name).second)
      return renderedError("parameter '" + name + "' is set twice");
  names.clear();
  for (const ArgumentType &argument : request.arguments) {
    if (!names.insert(argument.name).second)
      return renderedError("argument '" + argument.name + "' is given twice");
    if (argument.shape.size() > runtime::maxRank)
      return renderedError("argument '" + argument.name + "' has more than " +
                           llvm::Twine(runtime::maxRank) + " dims");
    for (int64_t dim : argument.shape)
      if (dim <= 0 || dim > runtime::PlanLimits::dim)
        return renderedError("argument '" + argument.name + "' has a dim of " + llvm::Twine(dim) +
                             "; dims are from 1 to 2^31 - 1");
    if (!runtime::tensorBytes(argument.dtype, argument.shape))
      return renderedError("argument '" + argument.name + "' is too large");
  }
  return {};
}

/// The definition that a request names.
static Result<frontend::DefinitionInfo> findDefinition(const Request &request,
                                                       const frontend::Spec &spec) {
  using Kind = frontend::DefinitionInfo::Kind;
  bool wantsKernel = request.kind == Request::Kind::Kernel;
  std::string others;
  for (const frontend::DefinitionInfo &definition : spec.definitions()) {
    bool fits = definition.kind == (wantsKernel ? Kind::Kernel : Kind::Pipeline);
    if (definition.name == request.name) {
      if (fits)
        return definition;
      others = ("it is a " + frontend::spelling(definition.kind)).str();
      break;
    }
    if (fits && !definition.imported)
      others += (others.empty() ? "there are " : ", ") + definition.name;
  }
  return renderedError(llvm::Twine("there is no ") + (wantsKernel ? "kernel" : "pipeline") + " '" +
                       request.name + "'; " + (others.empty() ? "there are none" : others));
}

/// Makes a compilation of `request` and calls `work` with it, which says whether it succeeded;
/// guarded.
template <typename StateT, typename Work>
static Status compileGuarded(std::shared_ptr<StateT> state, const Request &request, Work work) {
  if (Status status = checkRequest(request); !status.ok())
    return status;
  Result<frontend::DefinitionInfo> definition = findDefinition(request, *state->spec);
  if (!definition)
    return definition.status();
  auto outcome = std::make_shared<Status>();
  Status guarded = runGuardedWork(state, definition->loc, [=] {
    frontend::DiagnosticBridge bridge(
        &state->context, state->diagnostics,
        [state = state.get()](const std::string &warning) { state->warn(warning); });
    TableTuner tuner(state->options, request);
    auto attempt = [&] {
      Compilation compilation(*state->spec, state->context, request, state->options, tuner);
      bool done = work(*state, compilation);
      if (!tuner.misfit().empty()) {
        state->diagnostics.truncate(0);
        return renderedError(tuner.misfit());
      }
      if (!done)
        return failureOf(compilation, state->diagnostics);
      state->uses = std::move(tuner.uses);
      return Status();
    };
    *outcome = attempt();
    // What was measured once must never keep a specification from compiling.
    if (!outcome->ok() && tuner.mayBeBlamed()) {
      tuner.giveUp(outcome->message());
      *outcome = attempt();
    }
  });
  return guarded.ok() ? *outcome : guarded;
}

Result<std::string> Compiler::emit(const Request &request, Phase phase) {
  if (const PhaseInfo &wanted = info(phase); request.isCuda() ? !wanted.onCuda : !wanted.onHost)
    return renderedError("'" + wanted.name + "' is no phase of code for " +
                         (request.isCuda() ? "CUDA" : "the host"));
  if (phase == Phase::Gradient && !request.gradient)
    return renderedError("'gradient' is a phase of requests for gradients alone");
  if (phase == Phase::Artifact) {
    Result<runtime::Artifact> artifact = compile(request, /*cache=*/nullptr);
    if (!artifact)
      return artifact.status();
    Result<std::vector<uint8_t>> bytes = artifact->serialize();
    if (!bytes)
      return bytes.status();
    return std::string(bytes->begin(), bytes->end());
  }
  Status status = compileGuarded(state, request, [phase](State &state, Compilation &compilation) {
    if (failed(compilation.run(phase)))
      return false;
    state.output = compilation.print();
    return true;
  });
  return status.ok() ? Result<std::string>(std::move(state->output)) : status;
}

Result<runtime::Artifact> Compiler::compile(const Request &request,
                                            std::shared_ptr<runtime::Cache> cache) {
  if (!state->options.dumpDirectory.empty())
    // What is dumped has all kernels in one module.
    if (Result<std::string> dumped = emit(request, request.isCuda() ? Phase::Ptx : Phase::Obj);
        !dumped)
      return dumped.status();
  Status status = compileGuarded(
      state, request, [cache, keyText = key(request)](State &state, Compilation &compilation) {
        FailureOr<runtime::Artifact> built =
            compilation.build(state.kernels, cache.get(), keyText);
        if (failed(built))
          return false;
        state.artifact = *std::move(built);
        return true;
      });
  if (!status.ok())
    return status;
  return std::move(state->artifact);
}

Result<std::vector<runtime::Plan>> Compiler::plans(const Request &request) {
  Status status = compileGuarded(state, request, [](State &state, Compilation &compilation) {
    FailureOr<std::vector<runtime::Plan>> made = compilation.plans(state.kernels);
    if (failed(made))
      return false;
    state.plans = *std::move(made);
    return true;
  });
  return status.ok() ? Result<std::vector<runtime::Plan>>(std::move(state->plans)) : status;
}

Result<Signature> Compiler::infer(const Request &request, const std::string &entryPoint) {
  const Phase last = request.gradient ? Phase::Gradient : Phase::Lighthouse;
  Status status =
      compileGuarded(state, request, [last, entryPoint](State &state, Compilation &compilation) {
        if (failed(compilation.run(last)))
          return false;
        state.signature.reset();
        if (func::FuncOp pipeline = compilation.pipeline(entryPoint))
          state.signature = signatureOf(pipeline);
        return true;
      });
  if (!status.ok())
    return status;
  if (state->signature)
    return *std::move(state->signature);
  if (!entryPoint.empty())
    return renderedError("'" + request.name + "' has no entry point '" + entryPoint + "'");
  return renderedError("the results of kernel '" + request.name +
                       "' follow from the types of all its arguments, which must be tensors");
}

Result<std::vector<ResultMeaning>> Compiler::describe(const Request &request) {
  Request plain = request;
  plain.exposeSelections = false;
  Status status = compileGuarded(
      state, plain, [gradient = request.gradient](State &state, Compilation &compilation) {
        if (failed(compilation.run(Phase::Lighthouse)))
          return false;
        state.meanings.clear();
        if (func::FuncOp pipeline = compilation.pipeline())
          llvm::append_range(state.meanings, describeResults(pipeline, gradient));
        return true;
      });
  return status.ok() ? Result<std::vector<ResultMeaning>>(std::move(state->meanings)) : status;
}

Result<std::vector<frontend::TunableUse>> Compiler::tunableUses(const Request &request) {
  Status status = compileGuarded(state, request, [](State &, Compilation &compilation) {
    return succeeded(compilation.run(Phase::Launches));
  });
  return status.ok() ? Result<std::vector<frontend::TunableUse>>(std::move(state->uses)) : status;
}

void Compiler::setTuning(std::vector<std::shared_ptr<const runtime::TuningTable>> tables,
                         bool strict) {
  state->options.tuning = std::move(tables);
  state->options.strictTuning = strict;
}

void Compiler::setDumpDirectory(std::string directory) {
  state->options.dumpDirectory = std::move(directory);
}

std::string Compiler::key(const Request &request) const {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "lighthouse " << compilerVersion() << " build " << compilerBuildId() << "\n";
  out << "llvm " << llvmVersion() << "\n";
  out << state->sourcesKey;
  out << (request.kind == Request::Kind::Kernel ? "kernel " : "pipeline ") << request.name << "\n";
  auto settings = request.settings;
  llvm::sort(settings);
  for (const auto &[name, value] : settings)
    out << "set " << name << "=" << value << "\n";
  auto arguments = request.arguments;
  llvm::sort(arguments,
             [](const ArgumentType &a, const ArgumentType &b) { return a.name < b.name; });
  for (const ArgumentType &argument : arguments)
    out << "arg " << argument.name << "="
        << runtime::formatTensorType(argument.dtype, argument.shape) << "\n";
  if (request.isCuda())
    out << "target cuda " << request.arch << " alignment " << request.alignment << "\n";
  else
    out << "target host " << request.level << "\n";
  if (request.exposeSelections)
    out << "expose selections\n";
  if (request.gradient)
    out << (request.separate ? "gradient, separate" : "gradient")
        << (request.deterministic ? ", deterministic\n" : "\n");
  if (std::string tuning = relevantTuning(state->options, request, definitions()); !tuning.empty())
    out << "tuning " << runtime::toHex(runtime::sha256(std::string_view(tuning))) << "\n";
  for (const runtime::EnvironmentVariable *variable : runtime::environmentVariables())
    if (variable->cacheRelevant)
      out << "env " << variable->name << "=" << variable->get().value_or("") << "\n";
  return text;
}
