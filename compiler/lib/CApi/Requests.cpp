//===- Requests.cpp - Structures of the C interface as the compiler's own ---------------------===//

#include "Requests.h"

#include "Border.h"
#include "Tensors.h"

#include "lighthouse/Pipelines/TargetName.h"

using namespace lighthouse;
using runtime::invalid;
using runtime::readStruct;
using runtime::Result;
using runtime::Status;

/// More settings than any definition has parameters are a wrong count.
static constexpr size_t maxSettings = 4096;

static Result<tuning::Policy> policyOf(int32_t value) {
  switch (value) {
  case LH_TUNING_DEFAULT:
    return tuning::policyFromEnvironment();
  case LH_TUNING_NEVER:
    return tuning::Policy::Never;
  case LH_TUNING_TABLES:
    return tuning::Policy::Tables;
  case LH_TUNING_FIRST_USE:
    return tuning::Policy::FirstUse;
  default:
    return invalid(fmt::format("options->tuning_policy is {}", value));
  }
}

Result<TuneSettings> lighthouse::readTuneOptions(const lh_tune_options *given) {
  lh_tune_options fields = {};
  if (given)
    if (Status status = readStruct("options", given, sizeof fields, fields); !status.ok())
      return status;
  if (fields.repeat < 0)
    return invalid(fmt::format("options->repeat is {}", fields.repeat));
  return TuneSettings{fields.kernel ? fields.kernel : "",
                      fields.repeat == 0 ? tuning::defaultRepeat : unsigned(fields.repeat)};
}

Result<SpecSettings> lighthouse::readOptions(const lh_spec_options *given) {
  lh_spec_options fields = {};
  if (given)
    if (Status status =
            readStruct("options", given, offsetof(lh_spec_options, tuning_policy), fields);
        !status.ok())
      return status;
  Result<tuning::Policy> policy = policyOf(fields.tuning_policy);
  if (!policy)
    return policy.status();
  if (!(fields.time_limit >= 0))
    return invalid("options->time_limit is negative or no number");
  SpecSettings settings;
  if (fields.remark)
    settings.warn = [remark = fields.remark, context = fields.remark_context](
                        std::string_view text) { remark(std::string(text).c_str(), context); };
  settings.compiler.remark = settings.warn;
  settings.compiler.limitSeconds = fields.time_limit;
  settings.compiler.crashRecovery = fields.crash_recovery != 0;
  // What a pass breaks is found while it is developed; plans must take no longer than need be.
  settings.compiler.verifyEach = false;
  settings.tuning = {*policy, fields.tuning ? fields.tuning : runtime::userTuningPath(),
                     settings.warn};
  return settings;
}

/// The type of argument number `index`.
static Result<ArgumentType> readArgument(size_t index, const lh_tensor_info *given) {
  const std::string what = fmt::format("request->arguments[{}]", index);
  lh_tensor_info fields = {};
  if (Status status = readStruct(what, given, sizeof fields, fields); !status.ok())
    return status;
  if (!fields.name)
    return invalid(what + "->name is null");
  if (fields.dtype < 0 || fields.dtype >= runtime::numDTypes)
    return invalid(fmt::format("{}->dtype is {}", what, fields.dtype));
  if (fields.rank < 0 || size_t(fields.rank) > runtime::maxRank)
    return invalid(
        fmt::format("{}->rank is {}; allowed is 0 to {}", what, fields.rank, runtime::maxRank));
  if (fields.rank != 0 && !fields.shape)
    return invalid(what + "->shape is null");
  return ArgumentType{fields.name, static_cast<runtime::DType>(fields.dtype),
                      std::vector<int64_t>(fields.shape, fields.shape + fields.rank)};
}

Result<FullRequest> lighthouse::readRequest(const lh_request *given) {
  lh_request fields = {};
  if (Status status = readStruct("request", given, offsetof(lh_request, inputs), fields);
      !status.ok())
    return status;
  if (fields.kind != LH_PIPELINE && fields.kind != LH_KERNEL)
    return invalid(fmt::format("request->kind is {}", fields.kind));
  if (!fields.name)
    return invalid("request->name is null");
  if (!fields.settings && fields.num_settings != 0)
    return invalid("request->settings is null");
  if (fields.num_settings > maxSettings)
    return invalid(fmt::format("request->num_settings is {}", fields.num_settings));
  if (!fields.arguments && fields.num_arguments != 0)
    return invalid("request->arguments is null");
  if (fields.num_arguments > runtime::PlanLimits::tensors)
    return invalid(fmt::format("request->num_arguments is {}", fields.num_arguments));
  const int32_t alignment = fields.alignment == 0 ? 16 : fields.alignment;
  if (alignment < 1 || alignment > 16 || (alignment & (alignment - 1)) != 0)
    return invalid(
        fmt::format("request->alignment is {}; allowed are 1, 2, 4, 8 and 16", fields.alignment));
  if (fields.deterministic != 0 && fields.gradient == 0)
    return invalid("request->deterministic is for gradients alone");
  if (fields.separate != 0 && fields.gradient == 0)
    return invalid("request->separate is for gradients alone");

  FullRequest full;
  Request &request = full.request;
  request.kind = fields.kind == LH_KERNEL ? Request::Kind::Kernel : Request::Kind::Pipeline;
  request.name = fields.name;
  for (size_t i = 0; i < fields.num_settings; ++i) {
    const lh_setting &setting = fields.settings[i];
    if (!setting.name || !setting.value)
      return invalid(
          fmt::format("request->settings[{}].{} is null", i, setting.name ? "value" : "name"));
    request.settings.emplace_back(setting.name, setting.value);
  }
  for (size_t i = 0; i < fields.num_arguments; ++i) {
    Result<ArgumentType> argument = readArgument(i, fields.arguments[i]);
    if (!argument)
      return argument.status();
    request.arguments.push_back(*std::move(argument));
  }
  Result<CompileTarget> target = parseTarget(fields.target ? fields.target : "host");
  if (!target)
    return target.status();
  request.level = target->level;
  request.arch = target->arch;
  request.device = target->deviceName;
  request.alignment = alignment;
  request.gradient = fields.gradient != 0;
  request.separate = fields.separate != 0;
  request.deterministic = fields.deterministic != 0;
  full.entryPoint = fields.entry_point ? fields.entry_point : "";
  full.device = target->device;
  full.useCache = fields.use_cache != 0;
  full.stream = fields.stream;
  if (Status status =
          runtime::readTensors("request->inputs", fields.inputs, fields.num_inputs, full.inputs);
      !status.ok())
    return status;
  return full;
}
