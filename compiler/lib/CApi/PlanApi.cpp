//===- PlanApi.cpp - What attention of a model costs, for the C interface ---------------------===//

#include "lighthouse/compiler.h"

#include "Border.h"
#include "Specs.h"

#include "lighthouse/Planning/ModelPlan.h"

#include "llvm/Support/FormatVariadic.h"

using namespace lighthouse;
using runtime::guarded;
using runtime::invalid;
using runtime::readStruct;
using runtime::Result;
using runtime::Status;
using runtime::writeStruct;

/// Errors name the field that is wrong.
static Result<planning::ModelOptions> readPlanOptions(const lh_plan_options *given) {
  lh_plan_options fields = {};
  if (Status status = readStruct("options", given, sizeof fields, fields); !status.ok())
    return status;
  planning::ModelOptions options;
  const planning::Card *card = planning::findCard(fields.card ? fields.card : "h200");
  if (!card)
    return invalid(
        fmt::format("there is no card '{}'; there are {}", fields.card, planning::listCards()));
  if (fields.dtype < 0 || fields.dtype >= runtime::numDTypes)
    return invalid(fmt::format("options->dtype is {}", fields.dtype));
  options.card = *card;
  const std::pair<double, double *> rates[] = {{fields.copy_rate, &options.card.rates.copy},
                                               {fields.matrix_rate, &options.card.rates.matrix},
                                               {fields.memory_bytes, &options.card.memory},
                                               {fields.link_rate, &options.card.link}};
  for (auto [value, rate] : rates)
    if (value != 0)
      *rate = value;
  options.dtype = runtime::DType(fields.dtype);
  options.length = fields.length;
  options.batch = fields.batch;
  options.heads = fields.heads;
  options.kvHeads = fields.kv_heads;
  options.headDim = fields.head_dim;
  options.levels = fields.levels;
  options.factor = fields.factor;
  options.budget = fields.budget;
  options.chunk = fields.chunk;
  options.layers = fields.layers;
  options.denseLayers = fields.dense_layers;
  options.world = fields.cards;
  options.headTail = fields.head_tail != 0;
  options.deterministic = fields.deterministic != 0;
  options.searchCrossover = fields.skip_crossover == 0;
  return options;
}

lh_status lh_plan(lh_spec spec, const lh_plan_options *options, lh_plan_info *info) {
  return guarded(__func__, [&]() -> Status {
    auto found = specs().find(spec);
    if (!found)
      return found.status();
    lh_plan_info fields = {};
    if (Status status = readStruct("info", info, sizeof fields, fields); !status.ok())
      return status;
    Result<planning::ModelOptions> read = readPlanOptions(options);
    if (!read)
      return read.status();
    std::lock_guard lock((*found)->mutex);
    Result<planning::ModelPlan> plan = planning::planModel((*found)->compiler, *read);
    if (!plan)
      return trimmed(plan.status());
    (*found)->planJson =
        llvm::formatv("{0:2}", llvm::json::Value(planning::toJson(*plan))).str();
    (*found)->planTable = planning::formatTable(*plan);
    fields.json = (*found)->planJson.c_str();
    fields.json_size = (*found)->planJson.size();
    fields.table = (*found)->planTable.c_str();
    fields.table_size = (*found)->planTable.size();
    writeStruct(fields, info);
    return {};
  });
}
