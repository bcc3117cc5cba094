//===- Lighthouse.h - the lighthouse dialect ----------------------------------------*- C++ -*-===//
//
// Declarations of the lighthouse dialect; its documentation is in LighthouseDialect.td,
// LighthouseOps.td and PlanOps.td.
//
//===------------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSE_H
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "lighthouse/Dialect/Lighthouse/IR/LighthouseDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseTypes.h.inc"

namespace lighthouse::lh {

/// Builds a stage op from user input: where its result types cannot be inferred, emits the error at
/// `loc` and fails instead of aborting. `properties` holds the op's attributes; those with a default
/// may be missing.
template <typename OpT>
mlir::FailureOr<OpT> createStage(mlir::OpBuilder &builder, mlir::Location loc,
                                 mlir::ValueRange operands,
                                 typename OpT::Properties properties = {}) {
  mlir::SmallVector<mlir::Type> types;
  OpT::populateDefaultProperties(
      mlir::OperationName(OpT::getOperationName(), builder.getContext()), properties);
  typename OpT::Adaptor adaptor(operands, mlir::DictionaryAttr(), properties);
  if (mlir::failed(OpT::inferReturnTypes(builder.getContext(), loc, adaptor, types)))
    return mlir::failure();
  mlir::OperationState state(loc, OpT::getOperationName());
  state.addOperands(operands);
  state.addTypes(types);
  state.getOrAddProperties<typename OpT::Properties>() = properties;
  return mlir::cast<OpT>(builder.create(state));
}

} // namespace lighthouse::lh

#include "lighthouse/Dialect/Lighthouse/IR/Stage.h"
#define GET_OP_CLASSES
#include "lighthouse/Dialect/Lighthouse/IR/LighthouseOps.h.inc"

namespace lighthouse::lh {

/// The valid budget nearest to `budget`: a positive multiple of `chunk` below 2^31; the lower one
/// of two that are equally near.
int64_t getNearestBudget(int64_t budget, int64_t chunk);

/// The name that a specification gives an argument, or a result, of a function; empty if it has
/// none.
llvm::StringRef getArgumentName(mlir::FunctionOpInterface function, unsigned index);
llvm::StringRef getResultName(mlir::FunctionOpInterface function, unsigned index);

} // namespace lighthouse::lh

#endif // LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_LIGHTHOUSE_H
