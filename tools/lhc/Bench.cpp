//===- Bench.cpp - lhc bench ------------------------------------------------------------------===//

#include "Gpu.h"
#include "Sweep.h"

#include "lighthouse/runtime/ThreadPool.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

namespace {

class BenchCommand : public Command {
public:
  BenchCommand() : Command("bench", "Time a pipeline, stage by stage") {}

  int run() override {
    if (rows < 1) {
      printError("--rows must be positive");
      return Usage;
    }
    if (repeat > maxRepeat) {
      printError("--repeat must be at most " + llvm::Twine(maxRepeat));
      return Usage;
    }
    if (!sweep.empty())
      return runSweep();
    if (!plot.empty()) {
      printError("--plot needs --sweep");
      return Usage;
    }
    BenchReport report;
    if (int code = measure({}, report))
      return code;
    if (json)
      printJson(report.json());
    else
      report.print();
    return check ? exitCode(report.verdicts) : Ok;
  }

private:
  static constexpr unsigned maxRepeat = 1000000;

  /// Every value of the extent; one that fails is left out, and its exit code returned in the end.
  int runSweep() {
    Result<SweepSpec> spec = SweepSpec::parse(sweep);
    if (!spec) {
      printError(spec.status().message());
      return Usage;
    }
    // Types without the extent are complete only if none names it.
    if (options.sources()) {
      printError("--sweep " + spec->name + ": no --arg has an extent of that name");
      return Usage;
    }
    std::vector<SweepPoint> points;
    int code = Ok;
    for (int64_t value : spec->values) {
      llvm::errs() << "[bench] " << spec->name << " = " << value << "\n";
      SweepPoint point;
      point.extent = value;
      if (int failed = measure({{spec->name, value}}, point.report)) {
        code = failed;
        continue;
      }
      if (check)
        if (int failed = exitCode(point.report.verdicts))
          code = failed;
      if (!json)
        point.report.print();
      points.push_back(std::move(point));
    }
    if (points.empty())
      return code;
    if (json) {
      llvm::json::Array list;
      for (const SweepPoint &point : points) {
        llvm::json::Object object = point.report.json();
        object["extent"] = point.extent;
        list.push_back(std::move(object));
      }
      printJson(llvm::json::Object{{"sweep", spec->name}, {"points", std::move(list)}});
    } else {
      printSweep(spec->name, points);
    }
    if (!plot.empty())
      if (Status status = plotSweep(plot, spec->name, points); !status.ok())
        return failRun(status);
    return code;
  }

  /// Prints errors and returns an exit code.
  int measure(const Extents &extents, BenchReport &report) {
    PipelineRun pipeline;
    if (int code = pipeline.prepare(options, seed, /*exposeSelections=*/check, extents))
      return code;
    llvm::errs() << llvm::formatv("[bench] compiled in {0:F3} s, loaded in {1:F3} s\n",
                                  pipeline.start.compile, pipeline.start.load);
    Dense denseAttention;
    if (dense)
      if (int code = denseAttention.prepare(pipeline, options.cache()))
        return code;
    bool isCuda = pipeline.execution->isCuda();
    report.options.repetitions = std::max(1u, repeat ? unsigned(repeat) : isCuda ? 20u : 5u);
    report.options.inputSets = std::max(1u, unsigned(inputSets));
    describe(pipeline, denseAttention, report);
    Status status = (isCuda ? measureOnCuda : measureOnHost)(pipeline, denseAttention,
                                                             report.options, report.measurement);
    if (!status.ok())
      return failRun(status);
    if (!check)
      return Ok;
    report.checked = true;
    llvm::errs() << "[bench] comparing with the fp64 oracle\n";
    return pipeline.verify(rows, report.verdicts);
  }

  /// Fills in what holds before anything is measured.
  void describe(PipelineRun &pipeline, const Dense &denseAttention, BenchReport &report) const {
    report.pipeline = pipeline.request.name;
    report.arguments = describeArrays(pipeline.arrays);
    report.level = pipeline.request.level;
    report.start = pipeline.start;
    if (!pipeline.execution->isCuda()) {
      report.where = "host " + report.level + ", " +
                     std::to_string(runtime::ThreadPool::global().size()) + " threads";
      return;
    }
    report.device = findDevice(pipeline.execution->device());
    if (!report.device)
      return;
    report.where = llvm::formatv("{0} (cuda:{1}, {2}), {3}", report.device->name,
                                 report.device->ordinal, pipeline.request.arch, driverText());
    report.ceilings = ceilings.resolve(report.device->name, pipeline.request.arch);
    report.work = workOf(pipeline.execution->plan());
    if (denseAttention.execution)
      report.denseWork = workOf(denseAttention.execution->plan()).front();
    report.kernels = usageOnDevice(pipeline.execution->program(), *report.device);
  }

  SpecOptions options{sub};
  CeilingOptions ceilings{sub};
  cl::opt<unsigned> repeat{"repeat", cl::desc("Timed repetitions (default: 5, on a GPU 20)"),
                           cl::init(0), cl::sub(sub)};
  cl::opt<unsigned> inputSets{
      "input-sets", cl::desc("GPU: copies of the inputs that the runs take in turns (default: 1)"),
      cl::init(1), cl::sub(sub)};
  cl::opt<std::string> sweep{
      "sweep",
      cl::desc("Values of an extent that --arg names, as in x=random:f32[1,N]: a run of each"),
      cl::value_desc("N=V,V,..."), cl::sub(sub)};
  cl::opt<std::string> plot{"plot", cl::desc("Draw the sweep into this SVG file"),
                            cl::value_desc("file"), cl::sub(sub)};
  cl::opt<bool> dense{"dense", cl::desc("Time dense attention of the same q, k and v beside it"),
                      cl::sub(sub)};
  cl::opt<bool> check{"check", cl::desc("Compare the results with the fp64 oracle"), cl::sub(sub)};
  cl::opt<int64_t> rows{"rows", cl::desc("About how many positions to compare (default: 256)"),
                        cl::init(256), cl::sub(sub)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of random arguments (default: 0)"), cl::init(0),
                         cl::sub(sub)};
};

} // namespace

std::unique_ptr<Command> lhc::makeBenchCommand() { return std::make_unique<BenchCommand>(); }
