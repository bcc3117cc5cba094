//===- Check.cpp - lhc check ------------------------------------------------------------------===//

#include "PipelineRun.h"

#include "llvm/Support/raw_ostream.h"

using namespace lhc;
namespace cl = llvm::cl;

namespace {

class CheckCommand : public Command {
public:
  CheckCommand() : Command("check", "Run a pipeline and compare its results with an fp64 oracle") {}

  int run() override {
    if (rows < 1) {
      printError("--rows must be positive");
      return Usage;
    }
    PipelineRun pipeline;
    if (int code = pipeline.prepare(options, seed, /*exposeSelections=*/true))
      return code;
    if (Status status = pipeline.execution->run(pipeline.inputs); !status.ok())
      return failRun(status);
    std::vector<Verdict> verdicts;
    if (int code = pipeline.verify(rows, verdicts))
      return code;
    if (json)
      printJson(
          llvm::json::Object{{"results", toJson(verdicts)}, {"passed", exitCode(verdicts) == Ok}});
    else
      printVerdicts(verdicts);
    return exitCode(verdicts);
  }

private:
  SpecOptions options{sub};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of random arguments (default: 0)"), cl::init(0),
                         cl::sub(sub)};
  cl::opt<int64_t> rows{"rows", cl::desc("About how many positions to compare (default: 2048)"),
                        cl::init(2048), cl::sub(sub)};
};

} // namespace

std::unique_ptr<Command> lhc::makeCheckCommand() { return std::make_unique<CheckCommand>(); }
