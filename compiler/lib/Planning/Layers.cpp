//===- Layers.cpp - Time and memory of one layer ----------------------------------------------===//

#include "Layers.h"
#include "Exchange.h"
#include "LayerPrograms.h"
#include "ModelOptions.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace lighthouse;
using namespace lighthouse::planning;
using runtime::Result;

//===------------------------------------------------------------------------------------------===//
// Time
//===------------------------------------------------------------------------------------------===//

double Pass::stageSeconds() const {
  double sum = 0;
  for (const StageFloor &stage : stages)
    sum += stage.seconds;
  return sum;
}

/// The pass that runs `programs` and sends `bytes`.
static Pass passOf(const std::vector<Program> &programs, int64_t bytes, const Card &card) {
  Pass pass;
  for (const Program &program : programs)
    for (StageWork &work : workOf(program.plan)) {
      auto known = llvm::find_if(pass.stages, [&](const StageFloor &stage) {
        return stage.work.stage == work.stage;
      });
      if (known == pass.stages.end()) {
        known = pass.stages.emplace(known);
        known->work.stage = work.stage;
      }
      known->work.bytesRead += work.bytesRead * program.times;
      known->work.bytesWritten += work.bytesWritten * program.times;
      known->work.flops += work.flops * double(program.times);
    }
  // Those that only rename tensors launch nothing; the rates are known.
  for (StageFloor &stage : pass.stages)
    stage.seconds = card.rates.floor(stage.work).value_or(0);
  pass.exchangedBytes = bytes;
  pass.exchangeSeconds = double(bytes) / card.link;
  return pass;
}

//===------------------------------------------------------------------------------------------===//
// Memory
//===------------------------------------------------------------------------------------------===//

/// The first program of attention proper.
static const Program &attendOf(const std::vector<Program> &programs, llvm::StringRef pipeline) {
  auto found = llvm::find_if(programs, [&](const Program &p) { return p.plan.name == pipeline; });
  assert(found != programs.end() && "a layer on several cards has a program for attention");
  return *found;
}

/// The most that is alive, beside what is kept, in attention's backward pass `attend` and while
/// cards exchange its cotangent and its gradients. Of these the card's rows have `cotangent` and
/// `gradients` bytes.
static int64_t attentionPeak(const ModelOptions &options, const Program &attend, int64_t cotangent,
                             int64_t gradients) {
  const int64_t heads = attend.bytesOf("do");
  int64_t inside = heads + attend.outputBytes() + attend.plan.workspaceBytes;
  if (!exchangesHeads(options)) {
    // k~ and v~ of all cards, and their gradients for each card in float32.
    const int64_t rows = options.world * (attend.bytesOf("k") + attend.bytesOf("v"));
    inside += rows + rows / int64_t(runtime::dtypeBytes(options.dtype)) * 4;
  }
  return std::max({cotangent + heads, inside, attend.outputBytes() + gradients});
}

/// The most of `programs`, which run one after the other.
static int64_t mostAlive(const std::vector<Program> &programs) {
  int64_t most = 0;
  for (const Program &program : programs)
    most = std::max(most, program.aliveBytes());
  return most;
}

/// S: the rows of all pieces.
static int64_t gathered(const LayerPrograms &programs, const ModelOptions &options) {
  return programs.again[1].tensor("qs").shape[2] * piecesOf(options);
}

Result<LayerPlan> planning::planLighthouse(Compiler &compiler, const ModelOptions &options,
                                           int64_t *gatheredLength, KeptBytes *kept) {
  Result<LayerPrograms> made = lighthousePrograms(compiler, options);
  if (!made)
    return made.status();
  const LayerPrograms &programs = *made;
  const Exchange exchange = exchangeOf(options, gathered(programs, options), /*isSelected=*/true);
  const Program &pool = programs.again[0], &gather = programs.again[1],
                &scatter = programs.again[2];
  const int64_t indices = gather.bytesOf("indices"), output = scatter.bytesOf("o");
  const bool isWhole = programs.forward.size() == 1;

  KeptBytes keeps;
  keeps.selection = indices;
  if (isWhole) {
    const Program &forward = programs.forward[0];
    keeps.gathered = forward.bytesOf("qs") + forward.bytesOf("ks") + forward.bytesOf("vs");
    keeps.attended = forward.bytesOf("os") + forward.bytesOf("lse");
  } else {
    const Program &attend = attendOf(programs.forward, "attend_op");
    keeps.gathered = attend.inputBytes();
    keeps.attended = attend.outputBytes();
  }
  const int64_t whole = keeps.gathered + keeps.attended + keeps.selection;
  int64_t saved = keeps.attended + keeps.selection;
  // What `exchange_attended` returns is saved, too.
  if (!isWhole && exchangesHeads(options))
    saved += scatter.bytesOf("os");

  // Beside what is kept, and was recomputed by then.
  const Program &first = programs.backward.front(), &last = programs.backward.back();
  const int64_t gradients = last.inputBytes() - indices;
  const int64_t beside =
      isWhole ? first.aliveBytes() - whole
              : std::max({first.aliveBytes() - indices,
                          attentionPeak(options,
                                        attendOf(programs.backward, "attend_backward_op"),
                                        first.bytesOf("dos"), gradients),
                          last.aliveBytes() - indices});
  const int64_t again =
      saved + std::max({pool.aliveBytes(), gather.aliveBytes() - indices,
                        keeps.gathered + output + scatter.plan.workspaceBytes});

  LayerPlan layer;
  layer.forward = passOf(programs.forward, exchange.forward, options.card);
  layer.backward = passOf(programs.backward, exchange.backward, options.card);
  layer.policies[0] = {Policy::None, whole, output, whole + beside, {}};
  layer.policies[1] = {Policy::Checkpointed, saved, 0,
                       std::max(again, saved + keeps.gathered + beside),
                       passOf(programs.again, exchange.again, options.card)};
  layer.policies[2] = {Policy::Recomputed, 0, 0,
                       std::max(mostAlive(programs.forward), whole + beside), layer.forward};
  if (gatheredLength)
    *gatheredLength = gathered(programs, options);
  if (kept)
    *kept = keeps;
  return layer;
}

Result<LayerPlan> planning::planDense(Compiler &compiler, const ModelOptions &options) {
  Result<LayerPrograms> made = densePrograms(compiler, options);
  if (!made)
    return made.status();
  const LayerPrograms &programs = *made;
  const Exchange exchange = exchangeOf(options, options.length, /*isSelected=*/false);
  const Program &attend = programs.forward[0], &backward = programs.backward[0];
  const bool exchanges = options.world > 1 && exchangesHeads(options);
  // Attention's own result is the layer's, unless cards exchange its heads for rows.
  const int64_t output = attend.bytesOf("o");
  const int64_t saved = attend.bytesOf("lse") + (exchanges ? output : 0);
  const int64_t kept = saved + attend.inputBytes();
  int64_t peak = backward.aliveBytes();
  if (options.world > 1)
    peak = kept + output +
           attentionPeak(options, backward, backward.bytesOf("do"), backward.outputBytes());

  LayerPlan layer;
  layer.forward = passOf(programs.forward, exchange.forward, options.card);
  layer.backward = passOf(programs.backward, exchange.backward, options.card);
  layer.policies[0] = {Policy::None, kept, output, peak, {}};
  layer.policies[1] = {Policy::Checkpointed, saved, output, peak,
                       passOf({}, exchange.again, options.card)};
  layer.policies[2] = {Policy::Recomputed, 0, 0, std::max(mostAlive(programs.forward), peak),
                       layer.forward};
  return layer;
}
