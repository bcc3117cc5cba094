//===- LayerPrograms.cpp - The programs that a layer of attention runs ------------------------===//

#include "LayerPrograms.h"
#include "Exchange.h"
#include "ModelOptions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace lighthouse;
using namespace lighthouse::planning;
using runtime::Result;
using runtime::Status;
using runtime::TensorSpec;

static int64_t bytesOf(const TensorSpec &tensor) {
  return runtime::tensorBytes(tensor.dtype, tensor.shape).value_or(0);
}

static int64_t sumOfBytes(const std::vector<TensorSpec> &tensors) {
  int64_t sum = 0;
  for (const TensorSpec &tensor : tensors)
    sum += bytesOf(tensor);
  return sum;
}

int64_t Program::inputBytes() const { return sumOfBytes(plan.inputs); }
int64_t Program::outputBytes() const { return sumOfBytes(plan.outputs); }
int64_t Program::aliveBytes() const { return inputBytes() + outputBytes() + plan.workspaceBytes; }

const TensorSpec &Program::tensor(llvm::StringRef name) const {
  for (const std::vector<TensorSpec> *tensors : {&plan.outputs, &plan.inputs})
    for (const TensorSpec &tensor : *tensors)
      if (tensor.name == name)
        return tensor;
  llvm_unreachable("a pipeline of operators.lh has another signature");
}

int64_t Program::bytesOf(llvm::StringRef name) const { return ::bytesOf(tensor(name)); }

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;
using Tensors = std::vector<ArgumentType>;

/// Makes launch plans of the pipelines of operators.lh, until one fails.
class ProgramMaker {
public:
  ProgramMaker(Compiler &compiler, const ModelOptions &options)
      : compiler(compiler), options(options) {}

  /// The program of a pipeline, `times` times. After a failure an empty one.
  Program make(llvm::StringRef pipeline, Tensors arguments, Settings settings, int64_t times = 1) {
    Program program;
    program.times = times;
    if (!status.ok())
      return program;
    Request request;
    request.name = pipeline.str();
    request.arguments = std::move(arguments);
    request.settings = std::move(settings);
    request.arch = options.card.arch;
    request.device = options.card.device;
    Result<std::vector<runtime::Plan>> plans = compiler.plans(request);
    if (plans)
      program.plan = std::move(plans->front());
    else
      status = plans.status();
    return program;
  }

  ArgumentType tensor(llvm::StringRef name, std::vector<int64_t> shape) const {
    return {name.str(), options.dtype, std::move(shape)};
  }
  std::string deterministic() const { return options.deterministic ? "true" : "false"; }
  std::string scale() const {
    return llvm::formatv("{0:e}", 1 / std::sqrt(double(options.headDim)));
  }

  Compiler &compiler;
  const ModelOptions &options;
  Status status;
};

} // namespace

/// Tensors of a program as arguments of another one, which may call them otherwise.
static Tensors take(const Program &from,
                    std::initializer_list<std::pair<const char *, const char *>> names) {
  Tensors result;
  for (auto [theirs, ours] : names) {
    const TensorSpec &tensor = from.tensor(theirs);
    result.push_back({ours, tensor.dtype, tensor.shape});
  }
  return result;
}

static Tensors operator+(Tensors a, const Tensors &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

static Settings operator+(Settings a, const Settings &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

static std::pair<std::string, std::string> setting(const char *name, int64_t value) {
  return {name, std::to_string(value)};
}

//===------------------------------------------------------------------------------------------===//
// Attention proper, for rows of which each card has a part
//===------------------------------------------------------------------------------------------===//

/// Adds attention over `rows` positions of the whole sequence to both passes.
static void addAttention(ProgramMaker &maker, int64_t rows, LayerPrograms &programs) {
  const ModelOptions &options = maker.options;
  const int64_t dim = options.headDim;
  auto add = [&](int64_t batch, int64_t heads, int64_t groups, int64_t length, bool causal,
                 int64_t times) {
    std::vector<int64_t> q = {batch, heads, length, dim}, k = {batch, groups, length, dim};
    Settings settings = {{"CAUSAL", causal ? "true" : "false"}, {"scale", maker.scale()}};
    Program forward =
        maker.make("attend_op", {maker.tensor("q", q), maker.tensor("k", k), maker.tensor("v", k)},
                   settings, times);
    if (!maker.status.ok())
      return;
    Tensors tensors = take(
        forward,
        {{"o", "do"}, {"q", "q"}, {"k", "k"}, {"v", "v"}, {"o", "o"}, {"lse", "lse"}});
    settings.emplace_back("DETERMINISTIC", maker.deterministic());
    programs.backward.push_back(
        maker.make("attend_backward_op", std::move(tensors), std::move(settings), times));
    programs.forward.push_back(std::move(forward));
  };
  const int64_t world = options.world, pieces = piecesOf(options), slots = pieces / world;
  if (exchangesHeads(options)) {
    add(options.batch, options.heads / world, std::max<int64_t>(1, options.kvHeads / world), rows,
        /*causal=*/true, 1);
    return;
  }
  // A card's pieces with themselves, and each with those before it: the last of contiguous pieces
  // has the most, and with two from both ends all cards have as many.
  add(options.batch * slots, options.heads, options.kvHeads, rows / pieces, /*causal=*/true, 1);
  add(options.batch, options.heads, options.kvHeads, rows / pieces, /*causal=*/false, pieces - 1);
}

static Result<LayerPrograms> finish(ProgramMaker &maker, LayerPrograms programs) {
  if (!maker.status.ok())
    return maker.status;
  return programs;
}

//===------------------------------------------------------------------------------------------===//
// Layers
//===------------------------------------------------------------------------------------------===//

Result<LayerPrograms> planning::lighthousePrograms(Compiler &compiler,
                                                   const ModelOptions &options) {
  ProgramMaker maker(compiler, options);
  LayerPrograms programs;
  // The pieces of a card lie on the batch axis.
  const int64_t pieces = piecesOf(options);
  const int64_t batch = options.batch * pieces / options.world, length = options.length / pieces;
  std::vector<int64_t> qShape = {batch, length, options.heads, options.headDim};
  std::vector<int64_t> kShape = {batch, length, options.kvHeads, options.headDim};
  Tensors qkv = {maker.tensor("q", qShape), maker.tensor("k", kShape), maker.tensor("v", kShape)};
  Tensors cotangent = {maker.tensor("do", qShape)};
  const Settings pyramid = {setting("L", options.levels), setting("P", options.factor)};
  const Settings selection =
      pyramid + Settings{setting("K", options.budget / pieces), setting("M", options.chunk)};
  const Settings ofLength = selection + Settings{setting("N", length)};

  Program pool = maker.make("pool_score_op", qkv, pyramid);
  if (!maker.status.ok())
    return maker.status;
  Program select =
      maker.make("select_op", take(pool, {{"sq", "sq"}, {"sk", "sk"}}), ofLength);
  if (!maker.status.ok())
    return maker.status;
  const Tensors indices = take(select, {{"indices", "indices"}});
  Program gather = maker.make(
      "gather_op", qkv + take(pool, {{"qc", "qc"}, {"kc", "kc"}, {"vc", "vc"}}) + indices,
      selection);
  if (!maker.status.ok())
    return maker.status;
  Program scatter = maker.make("scatter_op", take(gather, {{"qs", "os"}}) + indices, ofLength);
  programs.again = {pool, gather, scatter};

  if (pieces == 1) {
    const Settings scale = {{"scale", maker.scale()}};
    programs.forward = {maker.make("attention_forward_op", qkv, selection + scale)};
    if (!maker.status.ok())
      return maker.status;
    Tensors kept = take(programs.forward[0], {{"qs", "qs"}, {"ks", "ks"}, {"vs", "vs"},
                                              {"os", "os"}, {"lse", "lse"},
                                              {"indices", "indices"}});
    programs.backward = {
        maker.make("attention_backward_op", cotangent + kept,
                   selection + scale + Settings{{"DETERMINISTIC", maker.deterministic()}})};
    return finish(maker, std::move(programs));
  }
  programs.forward = {pool, select, gather};
  programs.backward = {maker.make("scatter_backward_op", cotangent + indices, selection)};
  addAttention(maker, gather.tensor("qs").shape[2] * pieces, programs);
  programs.forward.push_back(scatter);
  programs.backward.push_back(maker.make(
      "gather_backward_op",
      take(gather, {{"qs", "dqs"}, {"ks", "dks"}, {"vs", "dvs"}}) + indices, ofLength));
  return finish(maker, std::move(programs));
}

Result<LayerPrograms> planning::densePrograms(Compiler &compiler, const ModelOptions &options) {
  ProgramMaker maker(compiler, options);
  LayerPrograms programs;
  addAttention(maker, options.length, programs);
  return finish(maker, std::move(programs));
}
