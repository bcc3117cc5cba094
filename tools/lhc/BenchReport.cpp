//===- BenchReport.cpp - Tables and JSON of a measured pipeline -------------------------------===//

#include "BenchReport.h"
#include "Gpu.h"

#include "lighthouse/runtime/ThreadPool.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;
using namespace lighthouse;

//===----------------------------------------------------------------------===//
// Host
//===----------------------------------------------------------------------===//

void BenchReport::printHost() const {
  llvm::raw_ostream &out = llvm::outs();
  double total = measurement.warm.total.median();
  out << pipeline << "(" << arguments << "), " << where << ", median of "
      << measurement.warm.total.seconds.size() << "\n";
  out << llvm::formatv("{0,-22} {1,10} {2,7} {3,8}\n", "stage", "ms", "share", "GB/s");
  for (const StageTimes &stage : measurement.warm.stages) {
    double time = stage.times.median();
    out << llvm::formatv("{0,-22} {1,10:F2} {2,7:P0} {3,8:F1}\n", stage.stage, time * 1e3,
                         time / total, double(stage.bytes) / time / 1e9);
  }
  out << llvm::formatv("{0,-22} {1,10:F2}\n", "total", total * 1e3);
  if (!measurement.dense.empty()) {
    double time = measurement.dense.median();
    out << llvm::formatv("{0,-22} {1,10:F2}   {2:F1} times as long\n", "dense", time * 1e3,
                         time / total);
  }
}

llvm::json::Object BenchReport::hostJson() const {
  llvm::json::Array list;
  for (const StageTimes &stage : measurement.warm.stages)
    list.push_back(llvm::json::Object{
        {"stage", stage.stage}, {"seconds", stage.times.median()}, {"bytes", stage.bytes}});
  return llvm::json::Object{{"target", "host"},
                            {"level", level},
                            {"threads", int64_t(runtime::ThreadPool::global().size())},
                            {"stages", std::move(list)}};
}

//===----------------------------------------------------------------------===//
// CUDA
//===----------------------------------------------------------------------===//

namespace {

/// A rate over a ceiling; "-" where one of them is missing.
std::string percent(double rate, double ceiling) {
  return rate > 0 && ceiling > 0 ? llvm::formatv("{0:F1}", 100 * rate / ceiling).str() : "-";
}

std::string inUnits(double value, double unit) {
  return value > 0 ? llvm::formatv("{0:F2}", value / unit).str() : "-";
}

/// `null` where there is no value above zero.
llvm::json::Value positive(double value) {
  return value > 0 ? llvm::json::Value(value) : llvm::json::Value(nullptr);
}

double rate(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

void printRow(llvm::StringRef name, double warm, double cold, double bytes, double flops,
              double copyCeiling, double matrixCeiling, llvm::StringRef floor) {
  llvm::outs() << llvm::formatv(
      "{0,-22} {1,9:F4} {2,9} {3,9} {4,7} {5,7} {6,9} {7,9} {8,8} {9,9}\n", name, warm * 1e3,
      cold > 0 ? llvm::formatv("{0:F4}", cold * 1e3).str() : "-", inUnits(bytes, 1e6),
      inUnits(rate(bytes, warm), 1e12), percent(rate(bytes, warm), copyCeiling),
      inUnits(flops, 1e9), inUnits(rate(flops, warm), 1e12),
      percent(rate(flops, warm), matrixCeiling), floor);
}

std::string textOfFloor(std::optional<double> floor) {
  return floor ? llvm::formatv("{0:F4}", *floor * 1e3).str() : "-";
}

} // namespace

StageWork BenchReport::workOf(llvm::StringRef stage) const {
  for (const StageWork &known : work)
    if (known.stage == stage)
      return known;
  return {};
}

const StageTimes *BenchReport::coldTimes(llvm::StringRef stage) const {
  for (const StageTimes &times : measurement.cold.stages)
    if (times.stage == stage)
      return &times;
  return nullptr;
}

double BenchReport::copyCeiling() const {
  return measurement.copyRate > 0 ? measurement.copyRate : ceilings.copy;
}

void BenchReport::printCuda() const {
  llvm::raw_ostream &out = llvm::outs();
  out << pipeline << "(" << arguments << "), " << where << ", median of "
      << measurement.warm.total.seconds.size();
  if (options.inputSets > 1)
    out << ", " << options.inputSets << " sets of inputs";
  out << llvm::formatv("\nstart: driver and context {0:F0} ms, compiler {1:F0} ms, code {2:F0} ms",
                       start.device * 1e3, start.compile * 1e3, start.load * 1e3);
  out << "\nceilings: " << ceilings.text()
      << llvm::formatv("; copy measured now {0:F2} TB/s\n", measurement.copyRate / 1e12);
  out << llvm::formatv("{0,-22} {1,9} {2,9} {3,9} {4,7} {5,7} {6,9} {7,9} {8,8} {9,9}\n", "stage",
                       "warm ms", "cold ms", "MB", "TB/s", "% copy", "GFLOP", "TFLOP/s", "% matrix",
                       "floor ms");
  double bytes = 0, flops = 0;
  std::optional<double> floorSum = 0;
  for (const StageTimes &stage : measurement.warm.stages) {
    StageWork least = workOf(stage.stage);
    const StageTimes *cold = coldTimes(stage.stage);
    std::optional<double> floor = ceilings.floor(least);
    floorSum = floor && floorSum ? std::optional(*floorSum + *floor) : std::nullopt;
    bytes += double(least.bytes());
    flops += least.flops;
    printRow(stage.stage, stage.times.median(), cold ? cold->times.median() : 0,
             double(least.bytes()), least.flops, copyCeiling(), ceilings.matrix,
             textOfFloor(floor));
  }
  const PipelineTimes &warm = measurement.warm, &cold = measurement.cold;
  const std::tuple<llvm::StringLiteral, double, double> wholes[] = {
      {"sum of stages", warm.sumOfStages(), cold.sumOfStages()},
      {"events", warm.total.median(), cold.total.median()},
      {"graph", warm.graph.median(), cold.graph.median()}};
  for (const auto &[name, warmSeconds, coldSeconds] : wholes)
    printRow(name, warmSeconds, coldSeconds, bytes, flops, copyCeiling(), ceilings.matrix,
             textOfFloor(floorSum));
  if (!measurement.dense.empty()) {
    double time = measurement.dense.median();
    printRow("dense", time, 0, double(denseWork.bytes()), denseWork.flops, copyCeiling(),
             ceilings.matrix, textOfFloor(ceilings.floor(denseWork)));
    out << llvm::formatv("dense attention takes {0:F2} times as long\n",
                         time / warm.total.median());
  }
  printUsage(kernels);
}

llvm::json::Object BenchReport::cudaJson() const {
  auto times = [](const PipelineTimes &pipeline) {
    return llvm::json::Object{{"sum_of_stages", pipeline.sumOfStages()},
                              {"events", pipeline.total.median()},
                              {"graph", pipeline.graph.median()},
                              {"all_events", llvm::json::Array(pipeline.total.seconds)},
                              {"all_graph", llvm::json::Array(pipeline.graph.seconds)}};
  };
  llvm::json::Array list;
  for (const StageTimes &stage : measurement.warm.stages) {
    StageWork least = workOf(stage.stage);
    const StageTimes *cold = coldTimes(stage.stage);
    double seconds = stage.times.median();
    double moved = rate(double(least.bytes()), seconds), computed = rate(least.flops, seconds);
    std::optional<double> floor = ceilings.floor(least);
    list.push_back(llvm::json::Object{
        {"stage", stage.stage},
        {"seconds", seconds},
        {"cold_seconds", positive(cold ? cold->times.median() : 0)},
        {"bytes", least.bytes()},
        {"bytes_read", least.bytesRead},
        {"bytes_written", least.bytesWritten},
        {"flops", least.flops},
        {"bytes_per_second", moved},
        {"flops_per_second", computed},
        {"of_copy", positive(copyCeiling() > 0 ? moved / copyCeiling() : 0)},
        {"of_matrix", positive(ceilings.matrix > 0 ? computed / ceilings.matrix : 0)},
        {"floor_seconds", positive(floor.value_or(0))}});
  }
  llvm::json::Object limits = ceilings.json();
  limits["measured_copy_bytes_per_second"] = measurement.copyRate;
  Result<runtime::cuda::DriverInfo> driver = runtime::cuda::driver();
  return llvm::json::Object{
      {"target", "cuda"},
      {"device", device ? llvm::json::Value(toJson(*device)) : llvm::json::Value(nullptr)},
      {"driver", driver ? cudaVersionText(driver->version) : ""},
      {"kernel_module", kernelModuleVersion()},
      {"date", dateText()},
      {"command", llvm::json::fixUTF8(commandLine())},
      {"start", llvm::json::Object{{"device_seconds", start.device},
                                   {"compile_seconds", start.compile},
                                   {"load_seconds", start.load}}},
      {"warmups", int64_t(options.warmups)},
      {"input_sets", int64_t(options.inputSets)},
      {"ceilings", std::move(limits)},
      {"warm", times(measurement.warm)},
      {"cold", times(measurement.cold)},
      {"stages", std::move(list)},
      {"kernels", toJson(kernels)}};
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

void BenchReport::print() const {
  device ? printCuda() : printHost();
  printVerdicts(verdicts);
}

llvm::json::Object BenchReport::json() const {
  llvm::json::Object object = device ? cudaJson() : hostJson();
  object["pipeline"] = pipeline;
  object["arguments"] = arguments;
  object["repetitions"] = int64_t(measurement.warm.total.seconds.size());
  object["seconds"] = measurement.warm.total.median();
  if (!measurement.dense.empty())
    object["dense_seconds"] = measurement.dense.median();
  if (device && denseWork.flops > 0)
    object["dense_flops"] = denseWork.flops;
  if (checked)
    object["checks"] = toJson(verdicts);
  return object;
}
