//===- Pipeline.h - Compiles and runs pipelines for the end-to-end tests ------------*- C++ -*-===//
#ifndef LIGHTHOUSE_TEST_E2E_PIPELINE_H
#define LIGHTHOUSE_TEST_E2E_PIPELINE_H

#include "Execution.h"
#include "Verify.h"

#include "lighthouse/Pipelines/Compiler.h"

#include <random>
#include <span>

namespace e2e {

/// A case of the Lighthouse forward or backward pass.
struct Case {
  std::string name;
  int64_t batch = 1, tokens = 1024, heads = 1, groups = 1, dim = 64;
  int64_t levels = 3, factor = 4, budget = 128, chunk = 128;
  bool coverPrefix = false;
  lighthouse::runtime::DType dtype = lighthouse::runtime::DType::F32;
  uint64_t seed = 1;
};

std::ostream &operator<<(std::ostream &out, const Case &c);

/// Every shape and option that has a rule of its own.
std::span<const Case> cases();

/// Any shape and options; some are ragged, grouped or have few candidates.
Case randomCase(std::mt19937 &random, std::string name);

/// q, k and v of a case, in the case's type; with `gradient` do as well.
std::vector<lhc::NamedArray> makeInputs(const Case &c, bool gradient = false);

/// Views of arrays, in their order.
std::vector<lighthouse::runtime::TensorView> viewsOf(std::vector<lhc::NamedArray> &arrays);

/// Says where the requests that follow are to run: on the first GPU, or else on the host.
void setTarget(lighthouse::Request &request);

/// The forward pass with all of the case's options, results `o` and `indices`, for this program's
/// target.
lighthouse::Request forwardRequest(const Case &c);

/// A compiler for `forwardRequest`.
lighthouse::Compiler &forwardCompiler();

/// Compiles without cache; a failure fails the test and gives nothing.
std::unique_ptr<lhc::Execution> compile(lighthouse::Compiler &compiler,
                                        const lighthouse::Request &request);

/// Demands that `count` results of a run on `inputs` agree with the oracle.
void runAndVerify(lighthouse::Compiler &compiler, const lighthouse::Request &request,
                  const std::vector<lighthouse::runtime::TensorView> &inputs, size_t count);

/// The level of this processor.
std::string hostLevel();

} // namespace e2e

#endif // LIGHTHOUSE_TEST_E2E_PIPELINE_H
