//===- TuningApi.cpp - Timing the choices of kernels, for the C interface ---------------------===//

#include "lighthouse/compiler.h"

#include "Border.h"
#include "Specs.h"

using namespace lighthouse;
using runtime::guarded;
using runtime::invalid;
using runtime::readStruct;
using runtime::Result;
using runtime::Status;
using runtime::writeStruct;

std::shared_ptr<runtime::Cache> lighthouse::cacheFor(const OpenSpec &spec,
                                                     const FullRequest &full) {
  if (!full.useCache)
    return nullptr;
  runtime::CacheOptions options = runtime::CacheOptions::fromEnvironment();
  options.warn = spec.warn;
  return std::make_shared<runtime::Cache>(std::move(options));
}

tuning::Work lighthouse::workOf(const OpenSpec &spec, const FullRequest &full, unsigned repeat) {
  return {full.request,
          {full.entryPoint, full.device.value_or(0), full.stream, cacheFor(spec, full), repeat,
           full.inputs}};
}

/// Counts what was tried.
static void count(const tuning::Report &report, lh_tune_info &info) {
  info.num_kernels = report.groups.size();
  info.saved = report.saved;
  for (const tuning::Group &group : report.groups) {
    info.num_candidates += group.candidates.size();
    info.num_faster += group.best != 0;
    for (const tuning::Candidate &candidate : group.candidates)
      info.num_rejected += !candidate.rejected.empty();
  }
}

lh_status lh_tune(lh_spec spec, const lh_request *request, const lh_tune_options *options,
                  lh_tune_info *info) {
  return guarded(__func__, [&]() -> Status {
    Result<TuneSettings> settings = readTuneOptions(options);
    if (!settings)
      return settings.status();
    lh_tune_info fields = {};
    if (info)
      if (Status status = readStruct("info", info, sizeof fields, fields); !status.ok())
        return status;
    Result<tuning::Report> report =
        withCompiler(spec, request, [&](const OpenSpec &open, FullRequest &full) {
          if (full.request.isCuda() && !full.device)
            return Result<tuning::Report>(
                invalid(fmt::format("request->target is '{}', which is no device to run on",
                                    full.request.arch)));
          return open.tuner.tune(open.compiler, workOf(open, full, settings->repeat),
                                 settings->kernel);
        });
    if (!report)
      return trimmed(report.status());
    if (info) {
      const size_t size = fields.struct_size;
      fields = {};
      fields.struct_size = size;
      count(*report, fields);
      writeStruct(fields, info);
    }
    return {};
  });
}

lh_status lh_spec_tuning(lh_spec spec, const char **json, size_t *size) {
  return guarded(__func__, [&]() -> Status {
    if (!json || !size)
      return invalid(fmt::format("{} is null", json ? "size" : "json"));
    *json = nullptr;
    *size = 0;
    auto found = specs().find(spec);
    if (!found)
      return found.status();
    std::lock_guard lock((*found)->mutex);
    std::string &text = (*found)->tuningText;
    text = (*found)->tuner.json();
    *json = text.c_str();
    *size = text.size();
    return {};
  });
}

lh_status lh_spec_add_tuning(lh_spec spec, const char *json, size_t size) {
  return guarded(__func__, [&]() -> Status {
    if (!json)
      return invalid("json is null");
    auto found = specs().find(spec);
    if (!found)
      return found.status();
    std::lock_guard lock((*found)->mutex);
    return (*found)->tuner.add((*found)->compiler, {json, size});
  });
}
