//===- Elementwise.cpp - tiles that meet element by element -----------------------------------===//

#include "Elementwise.h"

using namespace mlir;
using namespace lighthouse;

bool lighthouse::isElementwise(Operation *op) {
  return OpTrait::hasElementwiseMappableTraits(op) && op->getNumResults() == 1;
}

LoadedTiles::LoadedTiles(Block &body) {
  body.walk([&](Operation *op) {
    bool isLoaded = isElementwise(op) ? llvm::any_of(op->getOperands(),
                                                     [&](Value x) { return tiles.contains(x); })
                                      : isa<tile::LoadOp>(op);
    if (isLoaded && isa<RankedTensorType>(op->getResult(0).getType()))
      tiles.insert(op->getResult(0));
  });
}

llvm::SetVector<Value> LoadedTiles::meeting(tile::LoadOp load) const {
  llvm::SetVector<Value> met;
  met.insert(load.getResult());
  for (size_t i = 0; i < met.size(); ++i) {
    Value value = met[i];
    // What is computed from ranges and constants alone takes any layout.
    if (!tiles.contains(value))
      continue;
    if (Operation *op = value.getDefiningOp(); isElementwise(op))
      met.insert_range(op->getOperands());
    for (Operation *user : value.getUsers())
      if (isElementwise(user))
        met.insert(user->getResult(0));
  }
  return met;
}
