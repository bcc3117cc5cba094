//===- main.cpp - lighthouse-bench: host kernels beside their yardsticks, and plans --------------===//
//
// usage: lighthouse-bench [REPETITIONS]    (20 by default)
// Exit status 0 if everything reaches what is required of it, else 1.
//
//===----------------------------------------------------------------------------------------------===//

#include "Inputs.h"
#include "Measure.h"

#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/ThreadPool.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;

using bench::require;

bench::Subject bench::makeSubject(const std::string &spec, const std::string &name,
                                  std::vector<std::pair<std::string, std::string>> settings,
                                  const std::vector<ArgumentType> &arguments) {
  Compiler compiler = require(Compiler::parse(name + ".lh", spec));
  Request request;
  request.name = name;
  request.settings = std::move(settings);
  request.arguments = arguments;
  request.level = runtime::cpuLevelName(require(runtime::hostCpuLevel()));
  std::vector<lhc::ArgumentSource> sources;
  for (const ArgumentType &argument : arguments)
    sources.push_back({argument.name, lhc::ArgumentSource::Kind::Random, argument.dtype,
                       argument.shape, /*path=*/{}});
  Subject subject{require(lhc::Execution::create(require(compiler.compile(request, nullptr)))),
                  require(lhc::makeArrays(sources, /*seed=*/1)),
                  {}};
  subject.inputs = require(lhc::orderInputs(subject.execution.plan(), subject.arrays));
  return subject;
}

void bench::runOnce(Subject &subject, std::vector<runtime::LaunchTiming> *timings) {
  if (runtime::Status status = subject.execution.run(subject.inputs, timings); !status.ok()) {
    llvm::errs() << "lighthouse-bench: " << status.message() << "\n";
    std::exit(2);
  }
}

int main(int argc, char **argv) {
  unsigned repetitions = 20;
  if (argc > 2 || (argc == 2 && (llvm::StringRef(argv[1]).getAsInteger(10, repetitions) ||
                                 repetitions == 0))) {
    llvm::errs() << "usage: lighthouse-bench [REPETITIONS]\n";
    return 2;
  }
  llvm::errs() << "[bench] attention and sgemm\n";
  std::vector<bench::Ratio> ratios = bench::measureAttention(repetitions);
  llvm::errs() << "[bench] pool, gather, scatter and memcpy\n";
  for (bench::Ratio &ratio : bench::measureMemoryBound(repetitions))
    ratios.push_back(std::move(ratio));
  llvm::errs() << "[bench] plans\n";
  std::vector<bench::PlanTime> plans = bench::measurePlans(repetitions);

  llvm::outs() << runtime::ThreadPool::global().size() << " threads, median of " << repetitions
               << "\n";
  bool passed = true;
  for (const bench::Ratio &ratio : ratios) {
    passed &= ratio.passed();
    llvm::outs() << llvm::formatv("{0,-42} {1,8:F1} : {2,8:F1} G{3}/s = {4,6:P0} (at least {5,3:P0}) {6}\n",
                                  ratio.name, ratio.ours / 1e9, ratio.yardstick / 1e9, ratio.unit,
                                  ratio.ours / ratio.yardstick, ratio.required,
                                  ratio.passed() ? "ok" : "too slow");
  }
  for (const bench::PlanTime &plan : plans) {
    passed &= plan.passed();
    llvm::outs() << llvm::formatv("{0,-42} {1:F3} ms (at most {2:F3}) {3}\n", plan.name,
                                  plan.taken * 1e3, plan.allowed * 1e3,
                                  plan.passed() ? "ok" : "too slow");
  }
  return passed ? 0 : 1;
}
