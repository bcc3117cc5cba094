//===- Plans.cpp - How long a plan for another length takes ----------------------------------===//

#include "Measure.h"

using namespace lighthouse;

namespace {

struct Target {
  std::string level; ///< Of the host; empty for an architecture.
  std::string arch;
  runtime::DType dtype;
};

Request makeRequest(const Target &target, int64_t length, bool separate) {
  Request request;
  request.name = "lighthouse";
  request.gradient = true;
  request.separate = separate;
  request.level = target.level;
  request.arch = target.arch;
  for (const char *name : {"q", "k", "v"})
    request.arguments.push_back({name, target.dtype, {1, length, 8, 128}});
  return request;
}

/// Seconds until the artifact is there.
double compile(Compiler &compiler, const Request &request) {
  double start = bench::seconds();
  (void)bench::require(compiler.compile(request, nullptr));
  return bench::seconds() - start;
}

} // namespace

std::vector<bench::PlanTime> bench::measurePlans(unsigned repetitions) {
  constexpr int64_t unit = 98304;
  std::vector<PlanTime> times;
  for (const Target &target :
       {Target{"x86-64-v3", "", runtime::DType::F32}, Target{"", "sm_90a", runtime::DType::BF16}})
    for (bool separate : {false, true}) {
      // As a library does it.
      CompilerOptions options;
      options.verifyEach = false;
      options.tuning = {bundledTuning()};
      Compiler compiler = require(Compiler::openBundled("lighthouse.lh", options));
      // On a GPU kernels differ in what they may assume; these lengths meet all of it.
      constexpr int64_t numWarm = 8;
      for (int64_t i = 1; i <= numWarm; ++i)
        (void)compile(compiler, makeRequest(target, i * unit, separate));
      std::vector<double> all;
      for (int64_t length = (numWarm + 1) * unit; all.size() < repetitions; length += unit)
        all.push_back(compile(compiler, makeRequest(target, length, separate)));
      times.push_back(
          {"plan for another N, " + target.level + target.arch + (separate ? ", separate" : ""),
           median(all), 1e-3});
    }
  return times;
}
