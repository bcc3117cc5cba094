//===- KernelGen.h - Kernel bodies to tile IR ------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_KERNELGEN_H
#define LIGHTHOUSE_LIB_FRONTEND_KERNELGEN_H

#include "Binding.h"
#include "Definitions.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"

namespace lighthouse::frontend {

/// Generates one instance of a kernel. Scalars are i32, f32, ...; tiles are tensors of static
/// shape.
class KernelGen : public Evaluator, mlir::OpBuilder::Listener {
public:
  KernelGen(const Definitions &definitions, const KernelDecl &decl, const Binding &binding,
            mlir::ModuleOp module, Diagnostics &diagnostics);

  /// Adds the instance to the module under `symbol`.
  mlir::FailureOr<tile::KernelOp> run(StringRef symbol);

  /// The parameters of an instance as the attribute `params` of its kernel.
  static mlir::DictionaryAttr paramsAttr(const Binding &binding, mlir::MLIRContext *context);

private:
  using SSA = mlir::Value;
  using Twine = llvm::Twine;
  using MaybeSSA = mlir::FailureOr<mlir::Value>;

  // Kernel and control flow (KernelGen.cpp)
  tile::KernelOp makeKernel(StringRef symbol);
  /// Evaluates the initial values of results; parameters are declared.
  void setInitialValues(tile::KernelOp kernel);
  /// Notes that `call` needs what the result `view` holds before.
  void needInitialValue(mlir::Value view, const CallExpr *call);
  /// Reports results of which that is needed and that hold nothing before.
  void checkInitialValues(tile::KernelOp kernel);
  /// Reports products that are used while they may be under way.
  void checkProducts(tile::KernelOp kernel);
  void checkBarriers(tile::KernelOp kernel);
  void notifyOperationInserted(mlir::Operation *op, mlir::OpBuilder::InsertPoint) override;
  Result evalName(const NameExpr *e) override;
  void execRuntime(const Stmt *stmt) override;
  void genFor(const ForStmt *stmt);
  void genIf(const IfStmt *stmt);
  void genWhile(const WhileStmt *stmt);
  void genRoles(const RolesStmt *stmt); // GenRoles.cpp
  void genRole(const Role &role, tile::RolesOp roles);
  /// Reports the first tile or access to memory of the kernel, which its roles should have.
  void checkBeforeRoles(const RolesStmt *stmt);
  Result storable(Value value, SMLoc loc, const Variable *previous) override;
  /// The variables that a run-time block assigns and that live outside of it.
  mlir::SmallVector<Variable *> carriedBy(mlir::ArrayRef<Block> blocks);
  static mlir::SmallVector<SSA> valuesOf(mlir::ArrayRef<Variable *> variables);
  static void setValues(mlir::ArrayRef<Variable *> variables, mlir::ValueRange values);
  /// Runs a block with the builder at the end of `target` and ends it with a yield.
  void genYieldingBlock(Block block, mlir::Block *target, mlir::ArrayRef<Variable *> carried,
                        SMLoc loc);

  // Operators, conversions, shapes (GenExpr.cpp)
  Result evalUnary(const UnaryExpr *e, Value operand) override;
  Result evalBinary(const BinaryExpr *e, Value lhs, Value rhs) override;
  Result evalSubscript(const SubscriptExpr *e) override;
  Result genCompare(const BinaryExpr *e, SSA lhs, SSA rhs);
  Result genArith(const BinaryExpr *e, SSA lhs, SSA rhs);
  /// A scalar or tile; constants become i32, f32 or bool, or `element` if given.
  MaybeSSA toSSA(const Value &value, SMLoc loc, mlir::Type element = {});
  MaybeSSA evalSSA(const Expr *e, mlir::Type element = {});
  /// A scalar of exactly that type.
  MaybeSSA evalScalar(const Expr *e, mlir::Type type, const llvm::Twine &what);
  MaybeSSA toScalar(const Value &value, SMLoc loc, mlir::Type type, const llvm::Twine &what);
  /// A constant of scalar or tile type.
  SSA constantOf(mlir::Type type, double value, SMLoc loc);
  SSA intConstantOf(mlir::Type type, int64_t value, SMLoc loc);
  SSA intConstant(int64_t value, SMLoc loc); ///< an i32
  /// Float to integer, toward zero; out of range the nearest integer, NaN gives 0.
  SSA saturatingToInt(SSA value, mlir::Type type, SMLoc loc);
  /// A positive constant, or an extent.
  static bool isKnownPositive(SSA value);
  /// The count modulo the width.
  SSA safeShiftCount(SSA count, SMLoc loc);
  /// The divisor, or 1 where dividing by it would trap: x / 0 = x, x % 0 = 0.
  SSA safeDivisor(SSA dividend, SSA divisor, SMLoc loc);
  /// Brings operands to one element type (constants adapt) and one shape (numpy broadcasting).
  mlir::LogicalResult unify(mlir::MutableArrayRef<Value> values, mlir::SmallVectorImpl<SSA> &out,
                            SMLoc loc, StringRef what);
  mlir::LogicalResult broadcastAll(mlir::MutableArrayRef<SSA> values, SMLoc loc, StringRef what);
  /// Repeats a scalar or tile to `shape`, which it must fit.
  MaybeSSA broadcastTo(SSA value, mlir::ArrayRef<int64_t> shape, SMLoc loc, StringRef what);
  MaybeSSA castTo(const Value &value, mlir::Type element, SMLoc loc);
  Result genNewDims(const SubscriptExpr *e, SSA tile);

  // Calls (GenCall.cpp, GenTile.cpp)
  Result evalCall(const CallExpr *e) override;
  Result genGridQuery(const CallExpr *e);
  Result genIota(const CallExpr *e);
  Result genFull(const CallExpr *e);
  Result genDot(const CallExpr *e);
  Result genTrans(const CallExpr *e);
  Result genReshape(const CallExpr *e);
  Result genBroadcast(const CallExpr *e);
  Result genReduce(const CallExpr *e);
  Result genReducePartial(const CallExpr *e);
  Result genVote(const CallExpr *e);
  Result genMaxMin(const CallExpr *e);
  Result genScan(const CallExpr *e);
  Result genCdiv(const CallExpr *e);
  Result genConstantOnly(const CallExpr *e);
  Result genAbs(const CallExpr *e);
  Result genMath(const CallExpr *e);
  Result genFma(const CallExpr *e);
  Result genWhere(const CallExpr *e);
  Result genIsNan(const CallExpr *e);
  Result genBitcast(const CallExpr *e);
  Result genStaticAssert(const CallExpr *e);
  mlir::FailureOr<mlir::RankedTensorType> evalTileType(const Expr *e);
  /// A tile operand, and the value of its `axis` argument.
  MaybeSSA evalTile(const Expr *e, StringRef what);
  /// Whether the option `tf32` of a product with this left operand is set.
  mlir::FailureOr<bool> evalTF32(const CallExpr *e, mlir::RankedTensorType left);
  mlir::FailureOr<int64_t> evalAxis(const CallExpr *e, mlir::RankedTensorType type);
  mlir::FailureOr<mlir::SmallVector<int64_t>> evalShape(const Expr *e);

  // Access to memory (GenMemory.cpp)
  Result genLoad(const CallExpr *e);
  Result genStore(const CallExpr *e);
  Result genAtomic(const CallExpr *e);
  Result genBarrier(const CallExpr *e);
  Result genShared(const CallExpr *e);
  Result genCopyAsync(const CallExpr *e);
  Result genCommit(const CallExpr *e);
  Result genWait(const CallExpr *e);
  /// A subscripted tensor argument.
  struct Access {
    SSA view;
    mlir::SmallVector<SSA> indices;
    mlir::SmallVector<int64_t> shape; ///< of the tile accessed; empty for a scalar
    mlir::Type element;
    /// Of the tile: `element` or a tile of it.
    mlir::Type tileType() const;
  };
  mlir::FailureOr<Access> evalAccess(const Expr *e, StringRef what);
  /// The same where it is written: it must be a result of the kernel.
  mlir::FailureOr<Access> evalDestination(const Expr *e, StringRef what);
  /// The run-time value of the variable that `e` or what it subscripts names, null if there is
  /// none.
  SSA namedOperand(const Expr *e);
  /// A buffer, or a slot of one; null if `e` is no buffer.
  MaybeSSA evalBuffer(const Expr *e);
  /// The same where nothing else will do.
  MaybeSSA needBuffer(const Expr *e, const Twine &what);
  /// Checks that a buffer and what is copied from or to it have one type.
  mlir::LogicalResult checkCopied(const Access &access, tile::BufferType buffer, const Expr *e,
                                  StringRef what);
  /// Groups of copies that a wait may leave under way.
  static constexpr int64_t mostPending = 1024;
  /// How many copies or products a wait leaves under way.
  mlir::FailureOr<int64_t> evalPending(const Expr *e, StringRef what, int64_t most);
  /// The `mask` argument in the shape of an access; null if there is none.
  MaybeSSA evalMask(const CallExpr *e, const Access &access);
  /// The second argument in the type and shape of an access.
  MaybeSSA evalStored(const CallExpr *e, const Access &access);

  static const Expr *namedArg(const CallExpr *e, StringRef name);

  // Barriers (GenRoles.cpp)
  Result genMBarrier(const CallExpr *e);
  Result genNamedBarrier(const CallExpr *e);
  Result genArrive(const CallExpr *e);
  Result genSync(const CallExpr *e);
  void genWaitForPhase(const CallExpr *e);
  /// The number of barriers that a call makes; checks that it stands in the kernel itself.
  mlir::FailureOr<int64_t> evalRing(const CallExpr *e, int64_t most);
  /// An int option that must be given; messages show it with the value `example`.
  mlir::FailureOr<int64_t> evalRequired(const CallExpr *e, StringRef option, int64_t example);
  enum class BarrierKind { Counting, Named, Any };
  struct Barrier {
    SSA ring, index;
  };
  /// `ring[i]`, or `ring` if it is a ring of one; `expected` names in messages what it must be.
  mlir::FailureOr<Barrier> evalBarrier(const Expr *e, BarrierKind kind, StringRef expected);

  // Bulk copies and asynchronous products (GenAsync.cpp)
  Result genCopyBulk(const CallExpr *e);
  Result genStoreBulk(const CallExpr *e);
  Result genWaitBulk(const CallExpr *e);
  Result genTurn(const CallExpr *e);
  Result genDotAsync(const CallExpr *e);
  Result genDotWait(const CallExpr *e);
  /// Checks what the copy engine demands of a buffer and the subscripts beside it.
  mlir::LogicalResult checkBulk(const Access &access, SSA buffer, const Expr *accessed,
                                const Expr *buffered);
  /// An operand of an asynchronous product.
  struct Factor {
    SSA value;
    mlir::Type element;
    int64_t rows, columns;
    bool isTransposed;
  };
  mlir::FailureOr<Factor> evalFactor(const Expr *e, bool mayBeTile);

  const Definitions &definitions;
  const KernelDecl &decl;
  const Binding &binding;
  mlir::ModuleOp module;
  mlir::OpBuilder builder;
  unsigned operations = 0;
  bool tooManyOperations = false;
  /// The first call that needs what a result holds before, by the number of its argument of the kernel.
  llvm::MapVector<unsigned, const CallExpr *> initialised;
  /// Names assigned in a block and not declared there; filled as needed.
  llvm::DenseMap<const void *, mlir::SmallVector<StringRef>> assigned;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_KERNELGEN_H
