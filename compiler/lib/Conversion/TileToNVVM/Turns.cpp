//===- Turns.cpp - program instances that wait for each other ---------------------------------===//

#include "KernelLowering.h"

using namespace mlir;
using namespace lighthouse;
using nvvm::KernelLowering;

void KernelLowering::atElement(Value view, OperandRange indices,
                               llvm::function_ref<void(Value)> body) {
  Access access = prepare(view, indices, /*mask=*/{}, /*inBounds=*/std::nullopt,
                          /*layout=*/std::nullopt, /*shape=*/{});
  Place element = place(access, 0);
  OpBuilder::InsertionGuard guard(b);
  if (element.inside)
    b.setInsertionPointToStart(
        scf::IfOp::create(b, element.inside, /*withElseRegion=*/false).thenBlock());
  body(element.pointer);
}

void KernelLowering::lowerWaitUntil(tile::WaitUntilOp op) {
  atElement(op.getView(), op.getIndices(), [&](Value pointer) {
    // The copy engine, too, comes after what is seen from here on.
    std::string fence = target.bulkCopies ? "fence.proxy.async.global; " : "";
    inlineAsm("{ .reg .pred done; .reg .b32 found; again: ld.acquire.gpu.global.b32 found, [$0]; "
              "setp.eq.b32 done, found, $1; @!done bra again; " +
                  fence + "}",
              "l,r,~{memory}", {}, {pointer, scalars.lookup(op.getValue())});
  });
}

void KernelLowering::lowerStoreRelease(tile::StoreReleaseOp op) {
  barrier();
  byOneThread([&] {
    atElement(op.getView(), op.getIndices(), [&](Value pointer) {
      inlineAsm("st.release.gpu.global.b32 [$0], $1;", "l,r,~{memory}", {},
                {pointer, scalars.lookup(op.getValue())});
    });
  });
}
