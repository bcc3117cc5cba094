//===- StageTypes.h - rules that the types of several stages share ------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_DIALECT_STAGETYPES_H
#define LIGHTHOUSE_LIB_DIALECT_STAGETYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include <optional>

namespace lighthouse::lh {

/// An error at `location`, or an inert diagnostic where type inference is asked without one.
inline mlir::InFlightDiagnostic emitAt(std::optional<mlir::Location> location) {
  return location ? mlir::emitError(*location) : mlir::InFlightDiagnostic();
}

/// Checks q against k and v, both [B, rows, ...] or both [B, heads, rows, ...]: equal but in the
/// dim `headsAxis`. `op` is the mnemonic, which prefixes the labels c1 and c2.
mlir::LogicalResult verifyHeads(std::optional<mlir::Location> location, llvm::StringRef op,
                                unsigned headsAxis, mlir::RankedTensorType q,
                                mlir::RankedTensorType k, mlir::RankedTensorType v);

/// Checks the scale of attention: label c4.
mlir::LogicalResult verifyScale(std::optional<mlir::Location> location, llvm::StringRef op,
                                const llvm::APFloat &scale);

/// Checks q [B, H, S, D] against k and v [B, G, S, D] of attention: labels c1 to c3.
template <typename Adaptor>
mlir::LogicalResult verifyAttention(std::optional<mlir::Location> location, llvm::StringRef op,
                                    Adaptor adaptor) {
  auto q = mlir::cast<mlir::RankedTensorType>(adaptor.getQ().getType());
  auto k = mlir::cast<mlir::RankedTensorType>(adaptor.getK().getType());
  auto v = mlir::cast<mlir::RankedTensorType>(adaptor.getV().getType());
  if (mlir::failed(verifyHeads(location, op, /*headsAxis=*/1, q, k, v)))
    return mlir::failure();
  int64_t heads = q.getDimSize(1), groups = k.getDimSize(1);
  if (groups == 0 || heads % groups != 0)
    return emitAt(location) << groups << " key/value heads do not divide " << heads
                            << " query heads [" << op << "_c3]";
  return mlir::success();
}

/// Checks the rotary tables `cos` and `sin` for rows of `dim` elements at `length` positions;
/// `label` names the constraint.
mlir::LogicalResult verifyRotaryTables(std::optional<mlir::Location> location,
                                       llvm::StringRef label, mlir::Type cos, mlir::Type sin,
                                       int64_t length, int64_t dim);

/// One f32 for each row of `heads`.
inline mlir::RankedTensorType getRowType(mlir::RankedTensorType heads) {
  return mlir::RankedTensorType::get(heads.getShape().drop_back(),
                                     mlir::Float32Type::get(heads.getContext()));
}

} // namespace lighthouse::lh

#endif // LIGHTHOUSE_LIB_DIALECT_STAGETYPES_H
