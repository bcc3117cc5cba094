//===- Requests.h - Structures of the C interface as the compiler's own -------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_CAPI_REQUESTS_H
#define LIGHTHOUSE_LIB_CAPI_REQUESTS_H

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Tuning/Autotuner.h"
#include "lighthouse/compiler.h"

#include <optional>

namespace lighthouse {

/// The options of a specification.
struct SpecSettings {
  CompilerOptions compiler;
  tuning::AutotunerOptions tuning;
  /// Warnings of the cache; may be unset.
  runtime::WarningHandler warn;
};

/// A request, and where its program is loaded.
struct FullRequest {
  Request request;
  /// Ordinal of the CUDA device; none for the host and for a bare architecture.
  std::optional<int> device;
  bool useCache = false;
  void *stream = nullptr;
  /// Empty: the only one.
  std::string entryPoint;
  /// Of timed runs; empty: random numbers.
  std::vector<runtime::TensorView> inputs;
};

/// `options` may be null.
runtime::Result<SpecSettings> readOptions(const lh_spec_options *options);

/// How to time; `options` may be null.
struct TuneSettings {
  std::string kernel;
  unsigned repeat = 0;
};
runtime::Result<TuneSettings> readTuneOptions(const lh_tune_options *options);

/// Errors name the field that is wrong.
runtime::Result<FullRequest> readRequest(const lh_request *request);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_CAPI_REQUESTS_H
