//===- Report.cpp - A plan as a table and as JSON ---------------------------------------------===//

#include "lighthouse/Planning/ModelPlan.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;
using namespace lighthouse::planning;
using llvm::formatv;
using llvm::json::Array;
using llvm::json::Object;

static llvm::StringRef dtypeName(const ModelOptions &options) {
  return runtime::dtypeName(options.dtype);
}

static const char *nameOfPieces(const ModelOptions &options) {
  return options.headTail ? "head_tail" : "contiguous";
}

/// Whether computing takes longer than moving.
static const char *boundOf(const StageWork &work, const Rates &rates) {
  return work.flops / rates.matrix > double(work.bytes()) / rates.copy ? "matrix" : "copy";
}

//===------------------------------------------------------------------------------------------===//
// Table
//===------------------------------------------------------------------------------------------===//

static std::string megabytes(int64_t bytes) { return formatv("{0:F1}", double(bytes) / 1e6); }
static std::string gigabytes(int64_t bytes) { return formatv("{0:F2}", double(bytes) / 1e9); }
static std::string milliseconds(double seconds) { return formatv("{0:F3}", seconds * 1e3); }

static void writeHead(llvm::raw_ostream &out, const ModelPlan &plan) {
  const ModelOptions &options = plan.options;
  out << "Lighthouse Attention over N = " << options.length << " positions on " << options.world
      << " x " << options.card.device;
  if (options.world > 1)
    out << ", " << nameOfPieces(options) << " pieces";
  out << "\n"
      << dtypeName(options) << ", batch " << options.batch << ", " << options.heads
      << " query and " << options.kvHeads << " key/value heads of " << options.headDim
      << "; levels " << options.levels << ", factor " << options.factor << ", budget "
      << options.budget << ", chunk " << options.chunk << "\n"
      << "S = " << plan.gatheredLength
      << formatv(", N / S = {0:F1}; layers: {1}, of which dense: {2}\n",
                 double(options.length) / double(plan.gatheredLength), options.layers,
                 options.denseLayers)
      << formatv("ceilings of a card: copy {0:F2} TB/s, 16-bit matrix product {1:F0} TFLOP/s, "
                 "memory {2:F0} GB, links {3:F0} GB/s\n",
                 options.card.rates.copy / 1e12, options.card.rates.matrix / 1e12,
                 options.card.memory / 1e9, options.card.link / 1e9);
}

static void writePass(llvm::raw_ostream &out, const char *title, const Pass &pass,
                      const ModelOptions &options) {
  out << title << "\n";
  for (const StageFloor &stage : pass.stages)
    out << formatv("  {0,-28} {1,10} {2,10:F1} {3,10}  {4}\n", stage.work.stage,
                   megabytes(stage.work.bytes()), stage.work.flops / 1e9,
                   milliseconds(stage.seconds), boundOf(stage.work, options.card.rates));
  if (options.world > 1)
    out << formatv("  {0,-28} {1,10} {2,10} {3,10}  links\n", "exchange",
                   megabytes(pass.exchangedBytes), "", milliseconds(pass.exchangeSeconds));
}

static void writeFloors(llvm::raw_ostream &out, const ModelPlan &plan) {
  out << formatv("\n{0,-30} {1,10} {2,10} {3,10}\n", "floors of a layer, ms", "forward",
                 "backward", "both");
  const std::pair<const char *, const LayerPlan *> rows[] = {{"lighthouse", &plan.lighthouse},
                                                             {"dense", &plan.dense}};
  for (auto [name, layer] : rows)
    out << formatv("{0,-30} {1,10} {2,10} {3,10}\n", name,
                   milliseconds(layer->forward.seconds()),
                   milliseconds(layer->backward.seconds()), milliseconds(layer->seconds()));
  out << formatv("{0,-30} {1,10:F2} {2,10:F2} {3,10:F2}\n", "dense / lighthouse",
                 plan.dense.forward.seconds() / plan.lighthouse.forward.seconds(),
                 plan.dense.backward.seconds() / plan.lighthouse.backward.seconds(),
                 plan.dense.seconds() / plan.lighthouse.seconds());
  if (plan.crossover)
    out << "dense would be faster below N = " << *plan.crossover << "\n";
  else if (plan.options.searchCrossover)
    out << "dense would be faster at every length that was tried\n";
}

static void writeMemory(llvm::raw_ostream &out, const ModelPlan &plan) {
  out << formatv("\n{0,-30} {1,10} {2,10} {3,10} {4,10}\n", "memory of a layer, MB", "kept",
                 "output", "peak", "again ms");
  const std::pair<const char *, const LayerPlan *> kinds[] = {{"lighthouse", &plan.lighthouse},
                                                              {"dense", &plan.dense}};
  for (auto [name, layer] : kinds)
    for (const PolicyMemory &memory : layer->policies)
      out << formatv("{0,-30} {1,10} {2,10} {3,10} {4,10}\n",
                     (name + llvm::Twine(", ") + nameOf(memory.policy)).str(),
                     megabytes(memory.kept), megabytes(memory.output), megabytes(memory.peak),
                     milliseconds(memory.again.seconds()));
}

static void writeTotals(llvm::raw_ostream &out, const ModelPlan &plan) {
  out << formatv("\n{0,-30} {1,10} {2,10} {3,10} {4,10}\n", "attention of the model",
                 "kept GB", "peak GB", "fwd ms", "bwd ms");
  for (const ModelTotal &total : plan.totals)
    out << formatv("{0,-30} {1,10} {2,10} {3,10} {4,10}{5}\n", nameOf(total.policy),
                   gigabytes(total.kept), gigabytes(total.peak),
                   milliseconds(total.forwardSeconds), milliseconds(total.backwardSeconds),
                   total.fits ? "" : "  does not fit");
}

std::string planning::formatTable(const ModelPlan &plan) {
  std::string text;
  llvm::raw_string_ostream out(text);
  writeHead(out, plan);
  out << formatv("\n{0,-30} {1,10} {2,10} {3,10}  bound by\n", "a layer on a card", "MB", "GFLOP",
                 "floor ms");
  writePass(out, "forward", plan.lighthouse.forward, plan.options);
  writePass(out, "backward", plan.lighthouse.backward, plan.options);
  writePass(out, "dense, forward", plan.dense.forward, plan.options);
  writePass(out, "dense, backward", plan.dense.backward, plan.options);
  writeFloors(out, plan);
  writeMemory(out, plan);
  writeTotals(out, plan);
  return text;
}

//===------------------------------------------------------------------------------------------===//
// JSON
//===------------------------------------------------------------------------------------------===//

static Object toJson(const Pass &pass, const Rates &rates) {
  Array stages;
  for (const StageFloor &stage : pass.stages)
    stages.push_back(Object{{"stage", stage.work.stage},
                            {"bytes_read", stage.work.bytesRead},
                            {"bytes_written", stage.work.bytesWritten},
                            {"flops", stage.work.flops},
                            {"bound", boundOf(stage.work, rates)},
                            {"seconds", stage.seconds}});
  return Object{{"stages", std::move(stages)},
                {"exchanged_bytes", pass.exchangedBytes},
                {"exchange_seconds", pass.exchangeSeconds},
                {"seconds", pass.seconds()}};
}

static Object toJson(const LayerPlan &layer, const Rates &rates) {
  Object policies;
  for (const PolicyMemory &memory : layer.policies)
    policies[nameOf(memory.policy)] = Object{{"kept_bytes", memory.kept},
                                             {"output_bytes", memory.output},
                                             {"peak_bytes", memory.peak},
                                             {"again", toJson(memory.again, rates)}};
  return Object{{"forward", toJson(layer.forward, rates)},
                {"backward", toJson(layer.backward, rates)},
                {"policies", std::move(policies)},
                {"seconds", layer.seconds()}};
}

Object planning::toJson(const ModelPlan &plan) {
  const ModelOptions &options = plan.options;
  const Card &card = options.card;
  Object totals;
  for (const ModelTotal &total : plan.totals)
    totals[nameOf(total.policy)] = Object{{"kept_bytes", total.kept},
                                          {"peak_bytes", total.peak},
                                          {"forward_seconds", total.forwardSeconds},
                                          {"backward_seconds", total.backwardSeconds},
                                          {"fits", total.fits}};
  Object lighthouse = ::toJson(plan.lighthouse, card.rates);
  lighthouse["kept"] = Object{{"gathered", plan.kept.gathered},
                              {"attended", plan.kept.attended},
                              {"selection", plan.kept.selection}};
  Object result{{"length", options.length},
                {"batch", options.batch},
                {"heads", options.heads},
                {"kv_heads", options.kvHeads},
                {"head_dim", options.headDim},
                {"dtype", dtypeName(options)},
                {"levels", options.levels},
                {"factor", options.factor},
                {"budget", options.budget},
                {"chunk", options.chunk},
                {"layers", options.layers},
                {"dense_layers", options.denseLayers},
                {"cards", options.world},
                {"pieces", nameOfPieces(options)},
                {"deterministic", options.deterministic},
                {"card", Object{{"name", card.name},
                                {"device", card.device},
                                {"arch", card.arch},
                                {"copy_bytes_per_second", card.rates.copy},
                                {"matrix_flops_per_second", card.rates.matrix},
                                {"memory_bytes", card.memory},
                                {"link_bytes_per_second", card.link}}},
                {"gathered_length", plan.gatheredLength},
                {"lighthouse", std::move(lighthouse)},
                {"dense", ::toJson(plan.dense, card.rates)},
                {"totals", std::move(totals)}};
  result["crossover_length"] =
      plan.crossover ? llvm::json::Value(*plan.crossover) : llvm::json::Value(nullptr);
  return result;
}
