//===- BarrierCheck.cpp - waits that have no end ----------------------------------------------===//
//
// The warps of an instance of a role go in step, each instance goes as far as it can, and copies
// end at once. No GPU must run a kernel like that, but each may.
//
//===----------------------------------------------------------------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/BarrierCheck.h"

#include "BarrierTrace.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;
using namespace lighthouse::tile;

static int64_t modulo(int64_t value, int64_t count) {
  return value - count * llvm::divideFloorSigned(value, count);
}

static bool arrivesAtMBarrier(Operation *op) { return isa<MBarrierArriveOp, CopyBulkOp>(op); }

static InFlightDiagnostic reportEndless(Operation *wait, Value ring, int label, StringRef why) {
  InFlightDiagnostic error = emitError(wait->getLoc())
                             << "this wait has no end: " << why << " [barriers_c" << label << "]";
  error.attachNote(ring.getLoc()) << "the barrier is declared here";
  return error;
}

static bool hasArrivals(Value ring) { return llvm::any_of(ring.getUsers(), arrivesAtMBarrier); }

namespace {

/// One of the barriers of a ring.
struct BarrierState {
  /// Arrivals, or threads, since the last phase was completed.
  int64_t arrivals = 0;
  int64_t phases = 0;
};

/// The roles of a kernel on their way.
class BarrierRun {
public:
  explicit BarrierRun(std::vector<BarrierTrace> traces)
      : traces(std::move(traces)), places(this->traces.size()), meetings(this->traces.size()) {}

  /// Whether all come to their ends.
  bool run();
  /// Whether one stands still because a phase after the one it waits for is over, too.
  bool fallsBehind();
  /// Why they do not come to their ends.
  LogicalResult report();

private:
  /// A constraint that is not met, and what is to be said of it.
  struct Reason {
    int label;
    std::string text;
  };

  bool pass(size_t i);
  bool isComplete(const BarrierUse &use);
  bool meet(const BarrierUse &use, size_t i, bool waits);
  void arrive(const BarrierUse &use, int64_t count);
  BarrierState &stateOf(const BarrierUse &use) {
    int64_t count = countOf(use.ring);
    return states[{use.ring.getAsOpaquePointer(), modulo(use.index, count)}];
  }
  static int64_t countOf(Value ring) {
    auto named = dyn_cast<NamedBarrierType>(ring.getType());
    return named ? named.getCount() : cast<MBarrierType>(ring.getType()).getCount();
  }
  static int64_t phaseOf(const BarrierUse &use) {
    return llvm::divideFloorSigned(use.index, countOf(use.ring));
  }
  bool isBehind(const BarrierUse &use) {
    return isa<MBarrierWaitOp>(use.op) && stateOf(use).phases > phaseOf(use);
  }
  bool isStuck(size_t i) const { return places[i] < traces[i].uses.size(); }
  const BarrierUse &useOf(size_t i) const { return traces[i].uses[places[i]]; }
  Reason reasonOf(size_t i);

  std::vector<BarrierTrace> traces;
  /// The use at which each instance is.
  std::vector<size_t> places;
  /// Of an instance that has come to a named barrier: the phase whose end it waits for.
  std::vector<std::optional<int64_t>> meetings;
  std::map<std::pair<const void *, int64_t>, BarrierState> states;
  /// Whether anything has happened since all instances were looked at.
  bool hasMoved = false;
};

} // namespace

void BarrierRun::arrive(const BarrierUse &use, int64_t count) {
  BarrierState &state = stateOf(use);
  int64_t needed = use.ring.getDefiningOp<AllocMBarrierOp>().getArrivals();
  state.arrivals += count;
  state.phases += state.arrivals / needed;
  state.arrivals %= needed;
}

/// The hardware compares the parity of the phase that is waited for with that of the one under way.
bool BarrierRun::isComplete(const BarrierUse &use) {
  return modulo(stateOf(use).phases - phaseOf(use), 2) == 1;
}

/// Each warp comes to the named barrier; those that wait have passed once it has let the last one
/// go.
bool BarrierRun::meet(const BarrierUse &use, size_t i, bool waits) {
  BarrierState &state = stateOf(use);
  if (!meetings[i]) {
    hasMoved = true;
    int64_t needed = use.ring.getDefiningOp<AllocNamedBarrierOp>().getThreads();
    for (int64_t warp = 0; warp < traces[i].warps; ++warp) {
      meetings[i] = state.phases;
      state.arrivals += 32;
      if (state.arrivals >= needed) {
        state.arrivals = 0;
        ++state.phases;
      }
    }
  }
  if (waits && state.phases <= *meetings[i])
    return false;
  meetings[i].reset();
  return true;
}

/// Whether instance `i` gets past the use at which it is.
bool BarrierRun::pass(size_t i) {
  const BarrierUse &use = useOf(i);
  return llvm::TypeSwitch<Operation *, bool>(use.op)
      .Case([&](MBarrierWaitOp) { return isComplete(use); })
      .Case([&](MBarrierArriveOp) {
        arrive(use, traces[i].warps);
        return true;
      })
      .Case([&](CopyBulkOp) {
        arrive(use, 1);
        return true;
      })
      .Case([&](NamedSyncOp) { return meet(use, i, /*waits=*/true); })
      .Default([&](Operation *) { return meet(use, i, /*waits=*/false); });
}

bool BarrierRun::run() {
  do {
    hasMoved = false;
    for (size_t i = 0; i < traces.size(); ++i)
      for (; isStuck(i) && pass(i); hasMoved = true)
        ++places[i];
  } while (hasMoved);
  return llvm::none_of(llvm::seq<size_t>(0, traces.size()), [&](size_t i) { return isStuck(i); });
}

bool BarrierRun::fallsBehind() {
  return llvm::any_of(llvm::seq<size_t>(0, traces.size()),
                      [&](size_t i) { return isStuck(i) && isBehind(useOf(i)); });
}

//===----------------------------------------------------------------------------------------------===//
// Named barriers
//===----------------------------------------------------------------------------------------------===//

/// An instance that has all threads that meet at a named barrier shares it with no other, as each
/// would let go the threads of the other.
static LogicalResult checkGroups(ArrayRef<BarrierTrace> instances) {
  std::map<std::pair<const void *, int64_t>, const BarrierTrace *> firstAt;
  for (const BarrierTrace &instance : instances)
    for (const BarrierUse &use : instance.uses) {
      auto ring = use.ring.getDefiningOp<AllocNamedBarrierOp>();
      if (!ring)
        continue;
      const BarrierTrace *first =
          firstAt.try_emplace({ring, modulo(use.index, ring.getType().getCount())}, &instance)
              .first->second;
      int64_t needed = ring.getThreads(), own = 32 * instance.warps, others = 32 * first->warps;
      std::string fault;
      if (own > needed)
        fault = std::to_string(own) + " threads come together to a barrier at which " +
                std::to_string(needed) + " meet";
      else if (first != &instance && std::max(own, others) == needed)
        fault = "several instances come to a barrier at which the " + std::to_string(needed) +
                " threads of one meet";
      if (fault.empty())
        continue;
      InFlightDiagnostic error = emitError(use.op->getLoc()) << fault << " [barriers_c6]";
      error.attachNote(ring.getLoc()) << "the barrier is declared here";
      return error;
    }
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------------------------------===//

BarrierRun::Reason BarrierRun::reasonOf(size_t i) {
  const BarrierUse &use = useOf(i);
  const BarrierState &state = stateOf(use);
  if (isa<NamedSyncOp>(use.op))
    return {5, std::to_string(use.ring.getDefiningOp<AllocNamedBarrierOp>().getThreads()) +
                   " threads meet at its barrier, and " + std::to_string(state.arrivals) + " come"};
  if (!hasArrivals(use.ring))
    return {1, "nothing arrives at its barrier"};
  int64_t needed = use.ring.getDefiningOp<AllocMBarrierOp>().getArrivals();
  if (isBehind(use))
    return {3, "more arrivals come than the " + std::to_string(needed) +
                   " of its phase, so that the next one is over, too"};
  // What is still to come, of this instance and of others.
  bool comesLater = false, comesFromOthers = false;
  for (auto [j, trace] : llvm::enumerate(traces))
    for (const BarrierUse &later : ArrayRef(trace.uses).drop_front(places[j]))
      if (arrivesAtMBarrier(later.op) && later.ring == use.ring &&
          modulo(later.index - use.index, countOf(use.ring)) == 0) {
        comesLater = true;
        comesFromOthers |= i != j;
      }
  if (state.arrivals > 0 || !comesLater)
    return {2, "its phase takes " + std::to_string(needed) + " arrivals, and " +
                   std::to_string(state.arrivals) + " come"};
  return {4, comesFromOthers
                 ? "what arrives at its barrier comes behind waits that have none either"
                 : "what arrives at its barrier comes behind it in the same role"};
}

LogicalResult BarrierRun::report() {
  std::optional<size_t> worst;
  Reason reason;
  for (size_t i = 0; i < traces.size(); ++i) {
    if (!isStuck(i))
      continue;
    Reason here = reasonOf(i);
    if (worst && here.label >= reason.label)
      continue;
    worst = i;
    reason = here;
  }
  const BarrierUse &use = useOf(*worst);
  InFlightDiagnostic error = reportEndless(use.op, use.ring, reason.label, reason.text);
  llvm::SmallPtrSet<Operation *, 4> told = {use.op};
  for (size_t i = 0; i < traces.size(); ++i)
    if (isStuck(i) && told.insert(useOf(i).op).second)
      error.attachNote(useOf(i).op->getLoc())
          << "role '" << traces[i].role.getName() << "' stands still here then";
  return error;
}

/// Whether `index` is a constant or the variable of a loop, and not negative.
static bool isNoPhaseBefore(Value index) {
  APInt least;
  if (auto argument = dyn_cast<BlockArgument>(index))
    if (auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()))
      if (argument == loop.getInductionVar())
        index = loop.getLowerBound();
  return matchPattern(index, m_ConstantInt(&least)) && least.isNonNegative();
}

/// Where data decide who comes to barriers when. Phases before the first are complete.
static LogicalResult checkArrivals(KernelOp kernel) {
  WalkResult walked = kernel.walk([](MBarrierWaitOp wait) {
    if (!isNoPhaseBefore(wait.getIndex()) || hasArrivals(wait.getBarrier()))
      return WalkResult::advance();
    (void)reportEndless(wait, wait.getBarrier(), /*label=*/1, "nothing arrives at its barrier");
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult lighthouse::tile::checkBarriers(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  if (body.getOps<AllocMBarrierOp>().empty() && body.getOps<AllocNamedBarrierOp>().empty())
    return success();
  std::optional<BarrierRun> stuck;
  bool omitsWaits = false;
  for (int64_t extent : {4096, 1536}) {
    stuck.reset();
    for (bool isLastProgram : {true, false}) {
      std::optional<BarrierTraces> traces = traceBarriers(kernel, extent, isLastProgram);
      if (!traces)
        return checkArrivals(kernel);
      if (failed(checkGroups(traces->instances)))
        return failure();
      omitsWaits |= traces->omitsWaits;
      BarrierRun run(std::move(traces->instances));
      // Without a wait an instance comes at least as far, unless others then leave it behind.
      if (!run.run() && !(traces->omitsWaits && run.fallsBehind()))
        stuck = std::move(run);
    }
    if (!stuck)
      return omitsWaits ? checkArrivals(kernel) : success();
  }
  return stuck->report();
}
