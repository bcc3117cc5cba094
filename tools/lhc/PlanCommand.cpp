//===- PlanCommand.cpp - lhc plan -------------------------------------------------------------===//

#include "Command.h"

#include "lighthouse/Planning/ModelPlan.h"

#include "llvm/Support/raw_ostream.h"

#include <tuple>

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

namespace {

class PlanCommand : public Command {
public:
  PlanCommand()
      : Command("plan", "Print what attention of a model costs on some cards: sizes and floors") {}

  int run() override {
    Result<planning::ModelOptions> options = readOptions();
    Status status = options ? planning::checkOptions(*options) : options.status();
    if (!status.ok()) {
      printError(status.message());
      return Usage;
    }
    CompilerOptions compilerOptions;
    compilerOptions.crashRecovery = true;
    compilerOptions.tuning = {bundledTuning()};
    Result<Compiler> compiler =
        Compiler::openBundled("operators.lh", std::move(compilerOptions));
    if (!compiler)
      return failCompile(compiler.status());
    Result<planning::ModelPlan> plan = planning::planModel(*compiler, *options);
    if (!plan)
      return failCompile(plan.status());
    if (json)
      printJson(planning::toJson(*plan));
    else
      llvm::outs() << planning::formatTable(*plan);
    return Ok;
  }

private:
  Result<planning::ModelOptions> readOptions() const {
    planning::ModelOptions options;
    const planning::Card *known = planning::findCard(card.getValue());
    if (!known)
      return Status(StatusCode::InvalidArgument, "there is no card '" + card +
                                                     "'; there are " + planning::listCards());
    std::optional<runtime::DType> type = runtime::parseDType(dtype.getValue());
    if (!type)
      return Status(StatusCode::InvalidArgument,
                    "dtype must be one of bf16, f16, f32, got " + dtype);
    if (pieces != "contiguous" && pieces != "head_tail")
      return Status(StatusCode::InvalidArgument,
                    "pieces must be one of contiguous, head_tail, got " + pieces);
    options.card = *known;
    options.dtype = *type;
    options.headTail = pieces == "head_tail";
    options.length = length;
    options.batch = batch;
    options.heads = heads;
    options.kvHeads = kvHeads.getNumOccurrences() ? kvHeads : heads;
    options.headDim = headDim;
    options.levels = levels;
    options.factor = factor;
    options.budget = budget;
    options.chunk = chunk;
    options.layers = layers;
    options.denseLayers = denseLayers;
    options.world = cards;
    options.deterministic = deterministic;
    options.searchCrossover = crossover;
    const std::tuple<const cl::opt<double> &, double &, double> given[] = {
        {copyBandwidth, options.card.rates.copy, 1e12},
        {matrixRate, options.card.rates.matrix, 1e12},
        {memory, options.card.memory, 1e9},
        {linkBandwidth, options.card.link, 1e9}};
    for (auto [option, value, unit] : given)
      if (option.getNumOccurrences())
        value = option * unit;
    return options;
  }

  cl::opt<int64_t> length{cl::Positional, cl::Required, cl::desc("N"), cl::sub(sub)};
  cl::opt<std::string> card{"card", cl::desc("Kind of GPU: h200 (default) or h100"),
                            cl::value_desc("name"), cl::init("h200"), cl::sub(sub)};
  cl::opt<std::string> dtype{"dtype", cl::desc("bf16 (default), f16 or f32"),
                             cl::value_desc("type"), cl::init("bf16"), cl::sub(sub)};
  cl::opt<std::string> pieces{
      "pieces", cl::desc("How cards share a sequence: contiguous (default) or head_tail"),
      cl::value_desc("how"), cl::init("contiguous"), cl::sub(sub)};
  cl::opt<bool> deterministic{"deterministic",
                              cl::desc("Gradients that are equal from run to run"), cl::sub(sub)};
  cl::opt<bool> crossover{
      "crossover", cl::desc("Search for the length below which dense is faster (default: on)"),
      cl::init(true), cl::sub(sub)};
  cl::opt<int64_t> batch{"batch", cl::desc("Sequences at a time (default: 1)"),
                         cl::value_desc("number"), cl::init(1), cl::sub(sub)};
  cl::opt<int64_t> heads{"heads", cl::desc("Query heads (default: 8)"),
                         cl::value_desc("number"), cl::init(8), cl::sub(sub)};
  cl::opt<int64_t> kvHeads{
      "kv-heads", cl::desc("Key/value heads (default: as many as query heads)"),
      cl::value_desc("number"), cl::sub(sub)};
  cl::opt<int64_t> headDim{"head-dim", cl::desc("Head dim (default: 128)"),
                           cl::value_desc("number"), cl::init(128), cl::sub(sub)};
  cl::opt<int64_t> levels{"levels", cl::desc("Levels of the pyramid (default: 3)"),
                          cl::value_desc("number"), cl::init(3), cl::sub(sub)};
  cl::opt<int64_t> factor{
      "factor", cl::desc("Entries that one of the level above covers (default: 4)"),
      cl::value_desc("number"), cl::init(4), cl::sub(sub)};
  cl::opt<int64_t> budget{"budget", cl::desc("Entries that are expanded per level (default: 1536)"),
                          cl::value_desc("number"), cl::init(1536), cl::sub(sub)};
  cl::opt<int64_t> chunk{
      "chunk", cl::desc("Entries that are selected together, of a budget (default: 128)"),
      cl::value_desc("number"), cl::init(128), cl::sub(sub)};
  cl::opt<int64_t> layers{"layers", cl::desc("Attention layers of the model (default: 1)"),
                          cl::value_desc("number"), cl::init(1), cl::sub(sub)};
  cl::opt<int64_t> denseLayers{"dense-layers", cl::desc("How many of them are dense (default: 0)"),
                               cl::value_desc("number"), cl::init(0), cl::sub(sub)};
  cl::opt<int64_t> cards{"cards", cl::desc("Cards that share each sequence (default: 1)"),
                         cl::value_desc("number"), cl::init(1), cl::sub(sub)};
  cl::opt<double> copyBandwidth{
      "copy-bandwidth", cl::desc("Bytes that a copy reads and writes, instead of the card's"),
      cl::value_desc("TB/s"), cl::sub(sub)};
  cl::opt<double> matrixRate{
      "matrix-rate", cl::desc("Rate of a 16-bit matrix product, instead of the card's"),
      cl::value_desc("TFLOP/s"), cl::sub(sub)};
  cl::opt<double> memory{"memory", cl::desc("Memory of a card, instead of the card's"),
                         cl::value_desc("GB"), cl::sub(sub)};
  cl::opt<double> linkBandwidth{
      "link-bandwidth", cl::desc("Bytes that a card sends to others, instead of the card's"),
      cl::value_desc("GB/s"), cl::sub(sub)};
};

} // namespace

std::unique_ptr<Command> lhc::makePlanCommand() { return std::make_unique<PlanCommand>(); }
