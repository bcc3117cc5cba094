//===- CopyRing.cpp - a pipelined loop by asynchronous copies ---------------------------------===//
//
// Iteration i reads slot i of a ring and starts the copies of iteration i + n - 1, to the slot that
// was read in iteration i - 1: the wait at the head of the iteration, at which all threads meet, is
// behind that read. There is one group of copies for each iteration, so `wait n - 2` leaves those
// in flight that later iterations need. Copies for iterations that do not take place fill slots
// that nobody reads.
//
//===------------------------------------------------------------------------------------------===//

#include "CopyRing.h"

#include "../TileLayouts/Access.h"
#include "../TileLayouts/Scratch.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

/// The fewest bytes that an asynchronous copy of a thread moves.
static constexpr int64_t narrowestCopy = 4;

/// Bytes in which products of the loop that have no instruction lay out their operands.
static int64_t productScratch(scf::ForOp loop) {
  int64_t most = 0;
  loop.walk([&](tile::DotOp dot) { most = std::max(most, productScratchBytes(dot)); });
  return most;
}

Obstacle pipelining::checkCopyRing(const PipelinedLoop &loop, const tile::TargetInfo &target) {
  auto kernel = loop.loop->getParentOfType<tile::KernelOp>();
  if (kernel.getRoles())
    return "it is part of a role, whose instances would share its buffers";
  for (tile::LoadOp load : loop.loads) {
    int64_t element = tile::getMemoryBytes(getElementTypeOrSelf(load.getType()));
    if (accessVector(kernel, load.getView(), load.getIndices()) * element < narrowestCopy)
      return "the rows of " + nameOf(load.getView()) + " are not known to be aligned to " +
             std::to_string(narrowestCopy) + " bytes";
  }
  int64_t bytes = loop.ringBytes() + bufferBytes(kernel) + productScratch(loop.loop);
  if (bytes > target.sharedBytes)
    return "its " + std::to_string(loop.stages) + " stages take " + std::to_string(bytes) +
           " bytes of shared memory, the limit of the target is " +
           std::to_string(target.sharedBytes);
  return {};
}

void pipelining::makeCopyRing(PipelinedLoop &pipelined) {
  scf::ForOp loop = pipelined.loop;
  Location loc = loop.getLoc();
  OpBuilder builder(loop.getContext());
  int64_t ahead = pipelined.stages - 1;

  // Buffers of the whole kernel, so that they can be told from those of later steps.
  auto kernel = loop->getParentOfType<tile::KernelOp>();
  builder.setInsertionPoint(kernel.getBody().front().findAncestorOpInBlock(*loop));
  pipelined.makeRings(builder);

  auto startCopies = [&](Value variable, Value slot) {
    IRMapping mapping;
    pipelined.startCopies(builder, variable, slot, mapping,
                          [&](tile::LoadOp load, ValueRange indices, Value to) {
                            tile::CopyAsyncOp::create(builder, load.getLoc(), load.getView(),
                                                      indices, to, DenseBoolArrayAttr());
                          });
    tile::CommitOp::create(builder, loc);
  };
  /// The loop's variable, `iterations` later.
  auto later = [&](Value variable, int64_t iterations) -> Value {
    if (iterations == 0)
      return variable;
    Value distance = arith::MulIOp::create(
        builder, loc, loop.getStep(), arith::ConstantIntOp::create(builder, loc, iterations, 32));
    return arith::AddIOp::create(builder, loc, variable, distance);
  };

  builder.setInsertionPoint(loop);
  for (int64_t i = 0; i < ahead; ++i)
    startCopies(later(loop.getLowerBound(), i), arith::ConstantIntOp::create(builder, loc, i, 32));

  Value counter;
  Value zero = arith::ConstantIntOp::create(builder, loc, 0, 32);
  pipelined.loop = loop = addCounter(loop, zero, counter);
  builder.setInsertionPointToStart(loop.getBody());
  tile::WaitOp::create(builder, loc, ahead - 1);
  startCopies(later(loop.getInductionVar(), ahead), addConstant(builder, loc, counter, ahead));
  for (tile::LoadOp load : pipelined.loads) {
    builder.setInsertionPoint(load);
    Value slot = slotAt(builder, load.getLoc(), pipelined.rings[load], counter);
    load.replaceAllUsesWith(
        tile::BufferLoadOp::create(builder, load.getLoc(), load.getType(), slot).getResult());
    load.erase();
  }
  // The last copies end, and all threads have read, before anything else is put there.
  builder.setInsertionPointAfter(loop);
  tile::WaitOp::create(builder, loc, 0);
}
