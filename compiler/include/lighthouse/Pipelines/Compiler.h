//===- Compiler.h - From a specification to IR, code and artifacts ------------------*- C++ -*-===//
//
// The one way through the compiler, for tools and for embedding. A pass that fails and too long a
// compilation are failed statuses; a pass that crashes and a fatal error of LLVM are, too, where
// `CompilerOptions::crashRecovery` is set, and otherwise end the process.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_PIPELINES_COMPILER_H
#define LIGHTHOUSE_PIPELINES_COMPILER_H

#include "lighthouse/Frontend/Frontend.h"
#include "lighthouse/Pipelines/Meaning.h"
#include "lighthouse/Pipelines/Phases.h"
#include "lighthouse/Pipelines/Request.h"
#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Tuning.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lighthouse {

struct CompilerOptions {
  /// Where every intermediate is written, as 01-lighthouse.mlir and so on; empty: nowhere.
  std::string dumpDirectory;
  /// Makes statuses of crashes and of LLVM's fatal errors, and lets a failing pass leave a
  /// reproducer. For this it installs signal handlers, which stay, and compilations take turns.
  bool crashRecovery = false;
  /// Where the reproducer goes; empty: the directory for temporary files.
  std::string reproducerDirectory;
  /// Verify the IR after every pass.
  bool verifyEach = true;
  /// Processor seconds that reading and all compilations may take together; 0: no limit.
  double limitSeconds = 0;
  /// Tables of measured settings for parameters with choices that a request leaves open; the first
  /// that knows a use decides. Null ones are skipped. Where none does, the default holds.
  std::vector<std::shared_ptr<const runtime::TuningTable>> tuning;
  /// Settings of a table that do not fit or do not compile are errors. Otherwise they are ignored
  /// with a remark.
  bool strictTuning = false;
  /// Receives remarks and warnings, each one line without an end of line. Unset: stderr.
  std::function<void(std::string_view)> remark;
};

/// What tables are asked about a use of a kernel in `request`.
runtime::TuningQuery tuningQuery(const Request &request, const frontend::TunableUse &use);

/// The tables that come with the compiler, as one.
std::shared_ptr<const runtime::TuningTable> bundledTuning();

/// What tools use: the user's table at `userPath`, if it can be read, then the bundled one.
std::vector<std::shared_ptr<const runtime::TuningTable>>
defaultTuning(const std::string &userPath = runtime::userTuningPath());

/// A specification and its imports, read and parsed. Every failed status holds rendered errors,
/// each with the word "error:": `InvalidArgument` for what the specification or the request does
/// wrong, `NotFound` for a file that does not exist, `SystemError` if there can be no thread for
/// the work, `Internal` for what the compiler does wrong. One object is not for use by several
/// threads at a time; different ones are.
class Compiler {
public:
  /// Reads a file and what it imports; "-" is the standard input.
  static runtime::Result<Compiler> open(const std::string &path, CompilerOptions options = {});
  /// Takes the text of a specification; `name` stands for it in messages.
  static runtime::Result<Compiler> parse(std::string name, std::string text,
                                         CompilerOptions options = {});
  /// Takes a specification of the bundled library by its path in `kernels/`, "lighthouse.lh".
  static runtime::Result<Compiler> openBundled(std::string_view name, CompilerOptions options = {});
  ~Compiler();
  Compiler(Compiler &&) noexcept;
  Compiler &operator=(Compiler &&) noexcept;

  /// False after a crash or a time-out, whose error was returned: every further call fails.
  bool isUsable() const;

  /// The kernels and pipelines in the order of the files, imported ones first.
  const std::vector<frontend::DefinitionInfo> &definitions() const;

  /// The result of a phase: text, or the bytes of `Obj` and `Artifact`. A kernel of which not all
  /// argument types are given has neither the phases before `Tile` nor an artifact; with them it is
  /// a pipeline of one launch.
  runtime::Result<std::string> emit(const Request &request, Phase phase);

  /// The artifact of a request. Kernels that this compiler made before are used again, others come
  /// from `cache` if they are there; else they are compiled and published. A request that
  /// differs from an earlier one in extents alone needs others only where these change what a kernel
  /// may assume (`KernelSpecialization`). `cache` may be null.
  runtime::Result<runtime::Artifact> compile(const Request &request,
                                             std::shared_ptr<runtime::Cache> cache);

  /// The launch plans of a request, one for each entry point: tensors, workspace, launches and what
  /// their stages cost at least. Compiles no kernel, so what only code has is left out. A request
  /// that differs from an earlier one in extents alone takes about a millisecond.
  runtime::Result<std::vector<runtime::Plan>> plans(const Request &request);

  /// What the arguments and results of an entry point of a request are; compiles no kernel. Without
  /// a name it is the pipeline, or the forward pass of two separate ones.
  runtime::Result<Signature> infer(const Request &request, const std::string &entryPoint = {});

  /// What the results of a pipeline are.
  runtime::Result<std::vector<ResultMeaning>> describe(const Request &request);

  /// The kernels of a request whose parameters a table may decide, in order, once for each use.
  runtime::Result<std::vector<frontend::TunableUse>> tunableUses(const Request &request);

  /// Replaces the tables of the options, and how strictly they are taken.
  void setTuning(std::vector<std::shared_ptr<const runtime::TuningTable>> tables, bool strict);

  /// Replaces the directory of the options.
  void setDumpDirectory(std::string directory);

  /// All that the artifact of a request depends on.
  std::string key(const Request &request) const;

private:
  struct State;
  explicit Compiler(std::shared_ptr<State> state);
  std::shared_ptr<State> state;
};

/// What a handler of exhausted memory has to say: an error, at the definition that this thread is
/// compiling if it is. Takes no memory.
const char *outOfMemoryMessage();

/// Version of Lighthouse, and of the LLVM inside.
std::string_view compilerVersion();
std::string_view llvmVersion();

/// Identifies this build of the compiler: any change of its code changes it.
std::string compilerBuildId();

} // namespace lighthouse

#endif // LIGHTHOUSE_PIPELINES_COMPILER_H
