//===- LighthouseDialect.cpp - registration of the lighthouse dialect -------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "lighthouse/Dialect/Lighthouse/IR/LighthouseDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseTypes.cpp.inc"

using namespace lighthouse::lh;

void LighthouseDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseOps.cpp.inc"
      >();
}
