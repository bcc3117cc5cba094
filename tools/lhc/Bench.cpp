//===- Bench.cpp - lhc bench ------------------------------------------------------------------===//

#include "PipelineRun.h"

#include "lighthouse/runtime/ThreadPool.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <map>

using namespace lhc;
using namespace lighthouse;
using runtime::TensorView;
namespace cl = llvm::cl;

namespace {

/// Dense attention of the same inputs; its kernel is the bundled one.
constexpr llvm::StringLiteral denseSpec = R"(
import "attend.lh";
pipeline dense<T: float>(q: T[B, H, S, D], k: T[B, G, S, D], v: T[B, G, S, D])
    -> (o: T[B, H, S, D], lse: f32[B, H, S]) {
  return attend(q, k, v, causal = true);
}
)";

/// Dense attention is repeated only as long as it stays below this.
constexpr double denseSeconds = 20;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  llvm::sort(values);
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Times of one stage over all repetitions.
struct StageTimes {
  std::vector<double> times;
  int64_t bytes = 0;
};

/// Dense attention over q, k, v of [B, N, H, D].
struct Dense {
  std::optional<Execution> execution;
  std::vector<TensorView> inputs;
  std::vector<double> times;

  /// Prints errors and returns an exit code.
  int prepare(const std::vector<TensorView> &lighthouseInputs, const std::string &level,
              bool useCache) {
    if (lighthouseInputs.size() != 3 ||
        llvm::any_of(lighthouseInputs, [](const TensorView &v) { return v.shape.size() != 4; })) {
      printError("--dense needs a pipeline over q, k and v of rank 4");
      return InvalidInput;
    }
    Request request;
    request.name = "dense";
    request.level = level;
    constexpr llvm::StringLiteral names[] = {"q", "k", "v"};
    for (auto [name, view] : llvm::zip(names, lighthouseInputs)) {
      // [B, N, H, D] seen as [B, H, N, D].
      TensorView heads = view;
      std::swap(heads.shape[1], heads.shape[2]);
      std::swap(heads.strides[1], heads.strides[2]);
      request.arguments.push_back({name.str(), heads.dtype, heads.shape});
      inputs.push_back(std::move(heads));
    }
    Result<Compiler> compiler = Compiler::parse("dense.lh", denseSpec.str());
    if (!compiler)
      return failCompile(compiler.status());
    runtime::Cache cache;
    Result<runtime::Artifact> artifact = compiler->compile(request, useCache ? &cache : nullptr);
    if (!artifact)
      return failCompile(artifact.status());
    Result<Execution> created = Execution::create(*artifact);
    if (!created)
      return failRun(created.status());
    execution.emplace(*std::move(created));
    return Ok;
  }
};

class BenchCommand : public Command {
public:
  BenchCommand() : Command("bench", "Time a pipeline, stage by stage") {}

  int run() override {
    PipelineRun pipeline;
    double start = seconds();
    if (int code = pipeline.prepare(options, seed, /*exposeSelections=*/check))
      return code;
    llvm::errs() << llvm::formatv("[bench] compiled and loaded in {0:F2} s\n", seconds() - start);
    Dense denseAttention;
    if (dense)
      if (int code =
              denseAttention.prepare(pipeline.inputs, pipeline.request.level, options.usesCache()))
        return code;
    if (int code = measure(pipeline, denseAttention))
      return code;
    std::vector<Verdict> verdicts;
    if (check) {
      llvm::errs() << "[bench] comparing with the fp64 oracle\n";
      if (int code = pipeline.verify(rows, verdicts))
        return code;
    }
    json ? printAsJson(pipeline, denseAttention, verdicts)
         : printAsText(pipeline, denseAttention, verdicts);
    return check ? exitCode(verdicts) : Ok;
  }

private:
  int measure(PipelineRun &pipeline, Dense &denseAttention) {
    double denseTotal = 0;
    // One run warms the caches and touches the outputs.
    for (int i = -1; i < int(std::max(1u, unsigned(repeat))); ++i) {
      std::vector<runtime::LaunchTiming> timings;
      double start = seconds();
      if (Status status = pipeline.execution->run(pipeline.inputs, &timings); !status.ok())
        return failRun(status);
      double elapsed = seconds() - start;
      if (i < 0)
        continue;
      llvm::errs() << llvm::formatv("[bench] run {0} of {1}: {2:F1} ms\n", i + 1, repeat,
                                    elapsed * 1e3);
      totals.push_back(elapsed);
      llvm::MapVector<llvm::StringRef, std::pair<double, int64_t>> sums;
      for (const runtime::LaunchTiming &timing : timings) {
        auto &sum = sums[llvm::StringRef(timing.stage)];
        sum.first += timing.seconds;
        sum.second += timing.bytes;
      }
      for (auto &[stage, sum] : sums) {
        stages[stage.str()].times.push_back(sum.first);
        stages[stage.str()].bytes = sum.second;
      }
      if (!denseAttention.execution || denseTotal > denseSeconds)
        continue;
      llvm::errs() << "[bench] dense attention ...";
      start = seconds();
      if (Status status = denseAttention.execution->run(denseAttention.inputs); !status.ok())
        return failRun(status);
      denseAttention.times.push_back(seconds() - start);
      denseTotal += denseAttention.times.back();
      llvm::errs() << llvm::formatv(" {0:F1} ms\n", denseAttention.times.back() * 1e3);
    }
    return Ok;
  }

  void printAsText(const PipelineRun &pipeline, const Dense &denseAttention,
                   const std::vector<Verdict> &verdicts) const {
    llvm::raw_ostream &out = llvm::outs();
    double total = median(totals);
    out << pipeline.request.name << "(" << describeArrays(pipeline.arrays) << "), host "
        << pipeline.request.level << ", " << runtime::ThreadPool::global().size()
        << " threads, median of " << totals.size() << "\n";
    out << llvm::formatv("{0,-12} {1,10} {2,7} {3,8}\n", "stage", "ms", "share", "GB/s");
    for (const auto &[name, stage] : stages) {
      double time = median(stage.times);
      out << llvm::formatv("{0,-12} {1,10:F2} {2,7:P0} {3,8:F1}\n", name, time * 1e3, time / total,
                           double(stage.bytes) / time / 1e9);
    }
    out << llvm::formatv("{0,-12} {1,10:F2}\n", "total", total * 1e3);
    if (!denseAttention.times.empty()) {
      double time = median(denseAttention.times);
      out << llvm::formatv("{0,-12} {1,10:F2}   {2:F1} times as long\n", "dense", time * 1e3,
                           time / total);
    }
    printVerdicts(verdicts);
  }

  void printAsJson(const PipelineRun &pipeline, const Dense &denseAttention,
                   const std::vector<Verdict> &verdicts) const {
    llvm::json::Array list;
    for (const auto &[name, stage] : stages)
      list.push_back(llvm::json::Object{
          {"stage", name}, {"seconds", median(stage.times)}, {"bytes", stage.bytes}});
    llvm::json::Object object{{"pipeline", pipeline.request.name},
                              {"target", "host"},
                              {"level", pipeline.request.level},
                              {"threads", int64_t(runtime::ThreadPool::global().size())},
                              {"repetitions", int64_t(totals.size())},
                              {"seconds", median(totals)},
                              {"stages", std::move(list)}};
    if (!denseAttention.times.empty())
      object["dense_seconds"] = median(denseAttention.times);
    if (check)
      object["checks"] = toJson(verdicts);
    printJson(std::move(object));
  }

  SpecOptions options{sub};
  cl::opt<unsigned> repeat{"repeat", cl::desc("Timed repetitions (default: 5)"), cl::init(5),
                           cl::sub(sub)};
  cl::opt<bool> dense{"dense", cl::desc("Time dense attention of the same q, k and v beside it"),
                      cl::sub(sub)};
  cl::opt<bool> check{"check", cl::desc("Compare the results with the fp64 oracle"), cl::sub(sub)};
  cl::opt<int64_t> rows{"rows", cl::desc("About how many positions to compare (default: 256)"),
                        cl::init(256), cl::sub(sub)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of random arguments (default: 0)"), cl::init(0),
                         cl::sub(sub)};

  std::vector<double> totals;
  llvm::MapVector<std::string, StageTimes, std::map<std::string, unsigned>> stages;
};

} // namespace

std::unique_ptr<Command> lhc::makeBenchCommand() { return std::make_unique<BenchCommand>(); }
