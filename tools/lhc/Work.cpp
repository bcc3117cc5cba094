//===- Work.cpp - What the stages of a plan must move and compute at least --------------------===//

#include "Work.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <optional>

using namespace lhc;
using namespace lighthouse::runtime;

namespace {

using Shape = std::vector<int64_t>;

/// A tensor that a stage reads or writes.
struct Operand {
  LaunchArg arg;
  DType dtype;
  Shape shape;

  int64_t bytes() const { return tensorBytes(dtype, shape).value_or(0); }
  bool is(DType type, size_t rank) const { return dtype == type && shape.size() == rank; }
};

int64_t sumOfBytes(const std::vector<Operand> &operands) {
  int64_t sum = 0;
  for (const Operand &operand : operands)
    sum += operand.bytes();
  return sum;
}

/// A stage with what it exchanges with the others.
struct Stage {
  StageWork work;
  std::vector<Operand> reads, writes;
};

/// Levels and factor of a pyramid over `positions`.
struct Pyramid {
  int64_t positions, levels, factor;

  int64_t extent(int64_t level) const {
    return llvm::divideCeil(positions, saturatingPower(level));
  }
  int64_t saturatingPower(int64_t level) const {
    int64_t power = 1;
    for (; level > 0 && power < positions; --level)
      power *= factor;
    return power;
  }
};

class WorkModel {
public:
  WorkModel(const Plan &plan, bool causal) : plan(plan), causal(causal) {}

  std::vector<StageWork> run() {
    collect();
    std::vector<StageWork> all;
    for (Stage &stage : stages) {
      llvm::StringRef name = stage.work.stage;
      stage.work.bytesRead = sumOfBytes(stage.reads);
      stage.work.bytesWritten = sumOfBytes(stage.writes);
      if (name == "select")
        setSelect(stage);
      else if (name == "gather")
        setGather(stage);
      else if (name == "scatter")
        setScatter(stage);
      else if (name == "attend")
        setAttend(stage);
      all.push_back(std::move(stage.work));
    }
    return all;
  }

private:
  Operand operand(const LaunchArg &arg) const {
    switch (arg.kind) {
    case LaunchArg::Kind::Input:
      return {arg, plan.inputs[arg.index].dtype, plan.inputs[arg.index].shape};
    case LaunchArg::Kind::Output:
      return {arg, plan.outputs[arg.index].dtype, plan.outputs[arg.index].shape};
    default:
      return {arg, plan.buffers[arg.index].dtype, plan.buffers[arg.index].shape};
    }
  }

  /// Fills `stages`. The first launch that has a buffer writes it, later ones read it.
  void collect() {
    constexpr size_t nowhere = size_t(-1);
    std::vector<size_t> madeIn(plan.buffers.size(), nowhere);
    std::vector<bool> usedElsewhere(plan.buffers.size(), false);
    for (auto [i, launch] : llvm::enumerate(plan.launches)) {
      auto found = llvm::find_if(
          stages, [&](const Stage &stage) { return stage.work.stage == launch.stage; });
      size_t index = found - stages.begin();
      if (found == stages.end()) {
        stages.emplace_back();
        stages.back().work.stage = launch.stage;
      }
      stages[index].work.launches.push_back(i);
      for (const LaunchArg &arg : launch.args) {
        if (arg.kind == LaunchArg::Kind::Scalar)
          continue;
        bool isBuffer = arg.kind == LaunchArg::Kind::Buffer;
        if (isBuffer && madeIn[arg.index] == nowhere)
          madeIn[arg.index] = index;
        if (isBuffer && madeIn[arg.index] != index)
          usedElsewhere[arg.index] = true;
        bool isWritten =
            arg.kind == LaunchArg::Kind::Output || (isBuffer && madeIn[arg.index] == index);
        auto &list = isWritten ? stages[index].writes : stages[index].reads;
        if (llvm::none_of(list, [&](const Operand &other) { return other.arg == arg; }))
          list.push_back(operand(arg));
      }
    }
    for (Stage &stage : stages)
      llvm::erase_if(stage.writes, [&](const Operand &written) {
        return written.arg.kind == LaunchArg::Kind::Buffer && !usedElsewhere[written.arg.index];
      });
  }

  /// What the dims of the plan's tensors say about the pyramid over `positions` whose coarsest
  /// level has `coarsest` entries; none if they do not say it.
  std::optional<Pyramid> findPyramid(int64_t positions, int64_t coarsest) const {
    for (int64_t levels = 1; levels <= 16; ++levels)
      for (int64_t factor = 2; factor <= 64; ++factor) {
        Pyramid pyramid{positions, levels, factor};
        if (pyramid.extent(levels - 1) != coarsest)
          continue;
        int64_t above = 0;
        for (int64_t level = 1; level < levels; ++level)
          above += pyramid.extent(level);
        if (hasEntries(above) || hasEntries(positions + above))
          return pyramid;
      }
    return std::nullopt;
  }

  /// Whether some tensor of scores or ranks has that many entries.
  bool hasEntries(int64_t entries) const {
    auto has = [&](const auto &tensor) {
      return tensor.shape.size() == 3 && tensor.shape.back() == entries;
    };
    return llvm::any_of(plan.buffers, has) || llvm::any_of(plan.inputs, has) ||
           llvm::any_of(plan.outputs, has);
  }

  /// Base positions, or rows of the coarsest level, below `selected` entries of `pyramid`: all of
  /// the coarsest level and the children of at most so many of each level as makes `selected`.
  static int64_t rowsBelow(const Pyramid &pyramid, int64_t selected) {
    int64_t coarsest = pyramid.extent(pyramid.levels - 1);
    auto count = [&](int64_t expanded, bool rows) {
      int64_t sum = coarsest, entries = coarsest;
      for (int64_t level = pyramid.levels - 2; level >= 0; --level) {
        entries = std::min(std::min(entries, expanded) * pyramid.factor, pyramid.extent(level));
        sum += rows ? entries * pyramid.saturatingPower(level) : entries;
      }
      return sum;
    };
    int64_t low = 0, high = pyramid.positions;
    while (low < high) {
      int64_t middle = (low + high) / 2;
      if (count(middle, /*rows=*/false) < selected)
        low = middle + 1;
      else
        high = middle;
    }
    return count(low, /*rows=*/true);
  }

  static void setSelect(Stage &stage) {
    stage.work.bytesRead = 0;
    for (const Operand &read : stage.reads)
      if (read.is(DType::F32, 3))
        stage.work.bytesRead += read.bytes();
    // Ranks, if there are any, say the same as the entries once more.
    for (const Operand &written : stage.writes)
      stage.work.bytesWritten = std::min(stage.work.bytesWritten, written.bytes());
  }

  void setGather(Stage &stage) const {
    // Each gathered row takes a row at least.
    int64_t rows = stage.work.bytesWritten, entries = 0, positions = 0, coarsest = 0;
    for (const Operand &read : stage.reads) {
      if (read.is(DType::I32, 3))
        entries = read.bytes();
      else if (read.shape.size() == 4 && read.arg.kind == LaunchArg::Kind::Input && !positions)
        positions = read.shape[1];
    }
    for (const Operand &read : stage.reads)
      if (read.shape.size() == 4 && read.shape[1] != positions)
        coarsest = read.shape[2];
    int64_t selected = 0;
    for (const Operand &written : stage.writes)
      if (written.shape.size() == 4)
        selected = written.shape[2];
    std::optional<Pyramid> pyramid = findPyramid(positions, coarsest);
    if (positions && selected && pyramid)
      rows = int64_t(double(rows) / double(selected) * double(rowsBelow(*pyramid, selected)));
    stage.work.bytesRead = rows + entries;
  }

  static void setScatter(Stage &stage) {
    stage.work.bytesRead = 0;
    int64_t selected = 0;
    for (const Operand &read : stage.reads)
      if (read.shape.size() == 4) {
        stage.work.bytesRead += read.bytes();
        selected = read.shape[2];
      }
    for (const Operand &read : stage.reads)
      if (read.is(DType::I32, 3))
        stage.work.bytesRead += read.shape[0] * read.shape[1] * selected * int64_t(sizeof(int32_t));
  }

  /// The first three tensors of the stage that are [B, heads, S, D] are q, k and v.
  void setAttend(Stage &stage) const {
    llvm::SmallVector<const Operand *> tensors;
    for (const Operand &read : stage.reads)
      if (read.shape.size() == 4)
        tensors.push_back(&read);
    if (tensors.size() < 3)
      return;
    const Shape &q = tensors[0]->shape, &k = tensors[1]->shape;
    double products = double(q[0]) * double(q[1]) * double(q[2]) * double(k[2]) * double(q[3]);
    stage.work.flops = 4 * products / (causal ? 2 : 1);
  }

  const Plan &plan;
  bool causal;
  std::vector<Stage> stages;
};

} // namespace

std::vector<StageWork> lhc::workOf(const Plan &plan, bool causal) {
  return WorkModel(plan, causal).run();
}

bool lhc::isCausal(const Result<std::vector<lighthouse::ResultMeaning>> &meanings) {
  using Kind = lighthouse::ResultMeaning::Kind;
  if (meanings)
    for (const lighthouse::ResultMeaning &meaning : *meanings)
      if (meaning.kind != Kind::Unknown && meaning.kind != Kind::Indices)
        return meaning.causal;
  return true;
}
