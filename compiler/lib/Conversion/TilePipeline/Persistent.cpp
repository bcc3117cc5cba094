//===- Persistent.cpp - blocks that go through program instances ------------------------------===//

#include "Persistent.h"

using namespace mlir;
using namespace lighthouse;
using namespace lighthouse::pipelining;

void pipelining::loopOverInstances(tile::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  Location loc = kernel.getLoc();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  OpBuilder builder = OpBuilder::atBlockBegin(&body);

  // Instances are numbered along the first axis first. What is 1 needs no arithmetic.
  constexpr int numAxes = 3;
  SmallVector<Value> extents, ids;
  for (int axis = 0; axis < numAxes; ++axis) {
    auto known = dyn_cast<AffineConstantExpr>(kernel.getGrid().getResult(axis));
    extents.push_back(known && known.getValue() == 1
                          ? Value()
                          : tile::NumProgramsOp::create(builder, loc, axis).getResult());
  }
  Value first, total;
  for (int axis = numAxes - 1; axis >= 0; --axis) {
    if (!extents[axis])
      continue;
    Value id = tile::ProgramIdOp::create(builder, loc, axis);
    first = first
                ? Value(arith::AddIOp::create(
                      builder, loc, arith::MulIOp::create(builder, loc, first, extents[axis]), id))
                : id;
    total =
        total ? Value(arith::MulIOp::create(builder, loc, total, extents[axis])) : extents[axis];
  }
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, value, 32);
  };
  Value zero = constant(0);
  auto loop = scf::ForOp::create(builder, loc, first ? first : zero, total ? total : constant(1),
                                 tile::NumBlocksOp::create(builder, loc));
  builder.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getInductionVar();
  for (int axis = 0; axis < numAxes; ++axis) {
    bool isLast = llvm::none_of(ArrayRef(extents).drop_front(axis + 1), [](Value v) { return v; });
    if (!extents[axis]) {
      ids.push_back(zero);
    } else if (isLast) {
      ids.push_back(rest);
    } else {
      ids.push_back(arith::RemUIOp::create(builder, loc, rest, extents[axis]));
      rest = arith::DivUIOp::create(builder, loc, rest, extents[axis]);
    }
  }
  for (Operation *op : ops)
    op->moveBefore(loop.getBody()->getTerminator());
  // Where an instance copies to, all threads have read what the instance before has left.
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  tile::BarrierOp::create(builder, loc);
  for (Operation *op : ops)
    op->walk([&](tile::ProgramIdOp id) {
      id.replaceAllUsesWith(ids[id.getAxis()]);
      id.erase();
    });
}
