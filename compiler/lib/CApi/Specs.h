//===- Specs.h - Specifications that handles stand for ------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_CAPI_SPECS_H
#define LIGHTHOUSE_LIB_CAPI_SPECS_H

#include "Descriptions.h"
#include "HandleRegistry.h"
#include "Requests.h"

#include <mutex>

namespace lighthouse {

/// A specification, which one thread at a time uses.
struct OpenSpec {
  OpenSpec(Compiler opened, SpecSettings settings)
      : compiler(std::move(opened)), tuner(std::move(settings.tuning)),
        warn(std::move(settings.warn)), descriptions(compiler.definitions()) {
    compiler.setTuning(tuner.tables(), /*strict=*/false);
  }

  mutable std::mutex mutex;
  mutable Compiler compiler;
  mutable tuning::Autotuner tuner;
  /// What `lh_spec_tuning` gave last.
  mutable std::string tuningText;
  /// What `lh_plan` gave last.
  mutable std::string planJson, planTable;
  const runtime::WarningHandler warn;
  const Descriptions descriptions;
};

runtime::HandleRegistry<lh_spec, OpenSpec> &specs();

/// The same error without the end of its last line.
runtime::Status trimmed(const runtime::Status &error);

/// Lets `use` work with the compiler of a specification and a request. Returns its result.
template <typename Use>
auto withCompiler(lh_spec handle, const lh_request *given, Use use)
    -> decltype(use(std::declval<const OpenSpec &>(), std::declval<FullRequest &>())) {
  auto spec = specs().find(handle);
  if (!spec)
    return spec.status();
  runtime::Result<FullRequest> request = readRequest(given);
  if (!request)
    return request.status();
  std::lock_guard lock((*spec)->mutex);
  return use(**spec, *request);
}

/// The cache that a request wants; null if it wants none.
std::shared_ptr<runtime::Cache> cacheFor(const OpenSpec &spec, const FullRequest &full);

/// What is timed, `repeat` times, for a request.
tuning::Work workOf(const OpenSpec &spec, const FullRequest &full, unsigned repeat);

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_CAPI_SPECS_H
