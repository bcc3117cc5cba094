//===- AsyncOps.cpp - verifiers of the ops that run beside a program --------------------------===//
//
// Every message ends with the label of the constraint in AsyncOps.td that it enforces.
//
//===----------------------------------------------------------------------------------------------===//

#include "Verify.h"

#include "lighthouse/Dialect/Tile/IR/BulkCopy.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

#include <functional>

using namespace mlir;
using namespace lighthouse::tile;

//===----------------------------------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------------------------------===//

int64_t RolesOp::getNumWarps() {
  int64_t warps = 0;
  for (RoleOp role : getBody().getOps<RoleOp>())
    warps += role.getWarps() * role.getInstances();
  return warps;
}

LogicalResult RolesOp::verify() {
  Block &block = getBody().front();
  if (block.empty())
    return emitOpError() << "has no roles [roles_c1]";
  for (Operation &op : block)
    if (!isa<RoleOp>(op))
      return op.emitOpError() << "is no role [roles_c1]";
  if (!isa_and_present<ReturnOp>(getOperation()->getNextNode()))
    return emitOpError() << "is not the last step of its kernel [roles_c2]";
  if (int64_t warps = getNumWarps(); warps > 32)
    return emitOpError() << "a block has at most 32 warps, the roles have " << warps
                         << " [roles_c3]";
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  if (kernel.getWarps())
    return emitOpError() << "the kernel has a number of warps and roles [roles_c4]";
  for (Operation &op : *(*this)->getBlock()) {
    // Constants are everywhere at no cost.
    if (op.hasTrait<OpTrait::ConstantLike>())
      continue;
    bool isWhole = llvm::any_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>) ||
                   !(isMemoryEffectFree(&op) || hasSingleEffect<MemoryEffects::Allocate>(&op));
    if (isWhole && !isa<RolesOp, ReturnOp>(op))
      return op.emitOpError() << "belongs in a role, as its kernel has roles [roles_c4]";
  }
  int64_t registers = 0, warps = 0;
  auto first = *block.getOps<RoleOp>().begin();
  RoleOp before = first;
  for (RoleOp role : block.getOps<RoleOp>()) {
    if (role.getRegisters().has_value() != first.getRegisters().has_value())
      return role.emitOpError() << "expected a budget of registers for all roles or for none "
                                   "[roles_c5]";
    if (warps % 4 != 0 && role.getRegisters() != before.getRegisters())
      return role.emitOpError() << "shares a warpgroup, of 4 warps, with role '" << before.getName()
                                << "', which has another budget of registers [roles_c6]";
    int64_t ofRole = role.getWarps() * role.getInstances();
    warps += ofRole;
    registers += role.getRegisters().value_or(0) * 32 * ofRole;
    before = role;
  }
  if (first.getRegisters() && warps % 4 != 0)
    return emitOpError() << "budgets of registers are for whole warpgroups, of 4 warps, and the roles have "
                         << warps << " [roles_c6]";
  // Each role reports if its own number of warps is not positive.
  if (warps > 0 && registers > 32 * warps * getRegistersAtFirst())
    return emitOpError() << "the roles take " << registers << " registers, their " << 32 * warps
                         << " threads have " << 32 * warps * getRegistersAtFirst() << " [roles_c5]";
  return success();
}

LogicalResult RoleOp::verify() {
  int64_t warps = getWarps(), instances = getInstances();
  if (warps < 1 || warps > 16 || !llvm::isPowerOf2_64(warps) || instances < 1 || instances > 16)
    return emitOpError() << "expected 1, 2, 4, 8 or 16 warps and 1 to 16 instances, found " << warps
                         << " and " << instances << " [role_c1]";
  if (std::optional<uint64_t> registers = getRegisters()) {
    if (*registers < 24 || *registers > 256 || *registers % 8 != 0)
      return emitOpError() << "expected a multiple of 8 from 24 to 256 registers, found "
                           << *registers << " [role_c2]";
  }
  Block &body = getBody().front();
  if (body.getNumArguments() != 1 || !body.getArgument(0).getType().isInteger(32))
    return emitOpError() << "expected one argument, the number of the instance, an i32 [role_c3]";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------------------------------===//

LogicalResult AllocMBarrierOp::verify() {
  if (int64_t arrivals = getArrivals(); arrivals < 1 || arrivals >= 1 << 20)
    return emitOpError() << "expected 1 to 1048575 arrivals, found " << arrivals
                         << " [alloc_mbarrier_c1]";
  return success();
}

LogicalResult AllocNamedBarrierOp::verify() {
  if (int64_t threads = getThreads(); threads < 32 || threads > 1024 || threads % 32 != 0)
    return emitOpError() << "expected a multiple of 32 from 32 to 1024 threads, found " << threads
                         << " [alloc_named_barrier_c1]";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Bulk copies
//===----------------------------------------------------------------------------------------------===//

/// The constraints that both directions have: labels `<name>_c1` to `<name>_c6`.
template <typename BulkOp> static LogicalResult verifyBulk(BulkOp op, const Twine &name) {
  std::string c1 = (name + "_c1").str(), c2 = (name + "_c2").str();
  ViewType view = op.getView().getType();
  BufferType buffer = op.getBuffer().getType();
  if (failed(verifySubscripts(op, c1, view, op.getIndices())))
    return failure();
  using Limits = BulkCopyLimits;
  if (view.getRank() > Limits::dims)
    return op.emitOpError() << "the copy engine knows tensors of at most " << Limits::dims
                            << " dims, found " << view << " [" << c1 << "]";
  if (failed(verifyAccessed(op, c2, view, op.getIndices(), buffer.getElementType(),
                            buffer.getShape())))
    return failure();
  for (Value index : op.getIndices())
    if (isa<RankedTensorType>(index.getType()) && !index.getDefiningOp<RangeOp>())
      return op.emitOpError() << "the copy engine takes ranges only [" << name << "_c3]";
  if (!op.getIndices().back().template getDefiningOp<RangeOp>())
    return op.emitOpError() << "expected a range as the last subscript [" << name << "_c3]";
  if (!fitsCopyEngine(buffer))
    return op.emitOpError() << "expected a buffer of one or two dims, of at most " << Limits::extent
                            << " rows of a multiple of " << Limits::alignment
                            << " bytes, without a swizzle of at most " << Limits::extent
                            << " columns, found " << buffer << " [" << name << "_c4]";
  if (!isAlignedForEngine(op.getBuffer()))
    return op.emitOpError()
           << "expected panels and slots of a multiple of 8 rows, without a swizzle "
              "of 128 bytes, found "
           << buffer << " [" << name << "_c5]";
  if (!hasAlignedStart(op.getIndices(), buffer.getElementType()))
    return op.emitOpError() << "expected a multiple of " << Limits::alignment
                            << " bytes at which the last subscript starts [" << name << "_c6]";
  return success();
}

LogicalResult CopyBulkOp::verify() { return verifyBulk(*this, "copy_bulk"); }

LogicalResult StoreBulkOp::verify() {
  if (failed(verifyBulk(*this, "store_bulk")))
    return failure();
  if (std::optional<int64_t> start = findNegativeStart(getIndices()))
    return emitOpError() << "the copy engine stores nothing that begins before a tensor, found a "
                            "start at "
                         << *start << " [store_bulk_c8]";
  if (!getCombine())
    return success();
  Type type = getBuffer().getType().getElementType();
  if (!canCombineInBulk(*getCombine(), type))
    return emitOpError() << "the copy engine cannot combine elements of type " << type << " by '"
                         << stringifyCombiningKind(*getCombine()) << "' [store_bulk_c7]";
  return success();
}

static LogicalResult verifyPending(Operation *op, StringRef label, StringRef what,
                                   int64_t pending) {
  if (pending < 0)
    return op->emitOpError() << "expected a number of " << what << ", found " << pending << " ["
                             << label << "]";
  return success();
}

LogicalResult WaitBulkOp::verify() {
  return verifyPending(*this, "wait_bulk_c1", "bulk stores", getPending());
}

//===----------------------------------------------------------------------------------------------===//
// Turns of program instances
//===----------------------------------------------------------------------------------------------===//

template <typename OpT> static LogicalResult verifyTurn(OpT op, StringRef name) {
  ViewType view = op.getView().getType();
  if (failed(verifySubscripts(op, (name + "_c1").str(), view, op.getIndices())))
    return failure();
  if (!view.getElementType().isInteger(32))
    return op.emitOpError() << "expected elements of type i32, found " << view << " [" << name
                            << "_c2]";
  return success();
}

LogicalResult WaitUntilOp::verify() { return verifyTurn(*this, "wait_until"); }
LogicalResult StoreReleaseOp::verify() { return verifyTurn(*this, "store_release"); }

//===----------------------------------------------------------------------------------------------===//
// Asynchronous products
//===----------------------------------------------------------------------------------------------===//

Operation *DotAsyncOp::findEarlyUse() {
  // What loops carry on is followed.
  llvm::SetVector<Value> running;
  running.insert(getResult());
  for (size_t i = 0; i < running.size(); ++i)
    for (OpOperand &use : running[i].getUses()) {
      Operation *user = use.getOwner();
      auto product = dyn_cast<DotAsyncOp>(user);
      if (isa<DotWaitOp>(user) || (product && product.getAcc() == use.get()))
        continue;
      auto loop = dyn_cast<scf::ForOp>(user);
      auto carrier = isa<scf::YieldOp>(user) ? dyn_cast<scf::ForOp>(user->getParentOp()) : nullptr;
      if (loop && loop.getTiedLoopRegionIterArg(&use)) {
        running.insert(loop.getTiedLoopRegionIterArg(&use));
      } else if (carrier) {
        running.insert(carrier.getRegionIterArg(use.getOperandNumber()));
        running.insert(carrier.getResult(use.getOperandNumber()));
      } else {
        return user;
      }
    }
  return nullptr;
}

LogicalResult DotAsyncOp::verify() {
  auto shapeAndType = [](Type type) -> std::pair<ArrayRef<int64_t>, Type> {
    if (auto buffer = dyn_cast<BufferType>(type))
      return {buffer.getShape(), buffer.getElementType()};
    auto tile = cast<RankedTensorType>(type);
    return {tile.getShape(), tile.getElementType()};
  };
  auto [a, aType] = shapeAndType(getA().getType());
  auto [b, bType] = shapeAndType(getB().getType());
  auto [acc, accType] = shapeAndType(getAcc().getType());
  auto extent = [](ArrayRef<int64_t> shape, int64_t dim, bool isTransposed) {
    return shape[isTransposed ? 1 - dim : dim];
  };
  if (a.size() != 2 || b.size() != 2 || acc.size() != 2 ||
      extent(a, 1, getTransposeA()) != extent(b, 0, getTransposeB()) ||
      extent(a, 0, getTransposeA()) != acc[0] || extent(b, 1, getTransposeB()) != acc[1])
    return emitOpError() << "cannot multiply " << getA().getType() << " and " << getB().getType()
                         << " into " << getAcc().getType() << " [dot_async_c1]";
  if (aType != bType || !(aType.isF16() || aType.isBF16() || (aType.isF32() && getTf32())) ||
      !accType.isF32())
    return emitOpError() << "expected operands of f16, of bf16 or, with tf32, of f32, and an "
                            "accumulator of f32, found "
                         << aType << ", " << bType << " and " << accType << " [dot_async_c2]";
  if (getTf32() && (!aType.isF32() || getTransposeA() || !getTransposeB()))
    return emitOpError() << "tf32 is for operands of f32, of which a is not transposed and b is "
                            "[dot_async_c7]";
  if (getTransposeA() && isa<RankedTensorType>(getA().getType()))
    return emitOpError() << "an operand in registers cannot be transposed [dot_async_c3]";
  for (Value operand : {Value(getA()), Value(getB())})
    if (auto buffer = dyn_cast<BufferType>(operand.getType()))
      if (buffer.getSpan() == 0 || buffer.getMemory() != MemorySpace::Shared)
        return emitOpError() << "expected an operand with a swizzle in shared memory, found "
                             << buffer << " [dot_async_c4]";
  auto buffer = dyn_cast<BufferType>(getAcc().getType());
  if (buffer && buffer.getMemory() != MemorySpace::Tensor)
    return emitOpError() << "expected an accumulator in tensor memory, found " << buffer
                         << " [dot_async_c5]";
  if (buffer ? getResult() != nullptr
             : !getResult() || getResult().getType() != getAcc().getType())
    return emitOpError() << "expected a result like the accumulator if that is a tile, and none "
                            "else [dot_async_c5]";
  Operation *user = getResult() ? findEarlyUse() : nullptr;
  if (!user)
    return success();
  InFlightDiagnostic error = emitOpError() << "the product is used before a wait [dot_async_c6]";
  error.attachNote(user->getLoc()) << "used here";
  return error;
}

LogicalResult DotWaitOp::verify() {
  return verifyPending(*this, "dot_wait_c1", "products", getPending());
}

LogicalResult DotWaitOp::canonicalize(DotWaitOp op, PatternRewriter &rewriter) {
  // What a loop without steps leaves of a product is the constant that its sums began with.
  auto isConstant = [](Value value) { return matchPattern(value, m_Constant()); };
  auto running = llvm::filter_to_vector(op.getValues(), std::not_fn(isConstant));
  if (running.size() == op.getValues().size())
    return failure();
  auto wait = DotWaitOp::create(rewriter, op.getLoc(), TypeRange(ValueRange(running)),
                                op.getPending(), running);
  auto ended = wait.getResults().begin();
  rewriter.replaceOp(op, llvm::map_to_vector(op.getValues(), [&](Value value) -> Value {
                       return isConstant(value) ? value : *ended++;
                     }));
  return success();
}

ParseResult DotWaitOp::parse(OpAsmParser &parser, OperationState &result) {
  IntegerAttr pending;
  SmallVector<OpAsmParser::UnresolvedOperand> values;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseAttribute(pending, parser.getBuilder().getI64Type(), "pending",
                            result.attributes))
    return failure();
  while (succeeded(parser.parseOptionalComma()))
    if (parser.parseOperand(values.emplace_back()))
      return failure();
  if (parser.parseOptionalAttrDict(result.attributes))
    return failure();
  SmallVector<Type> types;
  if (!values.empty() && (parser.parseColon() || parser.parseTypeList(types)))
    return failure();
  result.addTypes(types);
  return parser.resolveOperands(values, types, loc, result.operands);
}

void DotWaitOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getPending();
  for (Value value : getValues())
    printer << ", " << value;
  printer.printOptionalAttrDict((*this)->getAttrs(), {"pending"});
  if (!getValues().empty())
    printer << " : " << getValues().getTypes();
}

//===----------------------------------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------------------------------===//

LogicalResult ReducePartialOp::verify() {
  auto from = cast<RankedTensorType>(getSource().getType());
  auto to = cast<RankedTensorType>(getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= from.getRank())
    return emitOpError() << "axis " << axis << " is not a dim of " << from
                         << " [reduce_partial_c1]";
  SmallVector<int64_t> shape(from.getShape());
  int64_t parts = axis < to.getRank() ? to.getDimSize(axis) : 0;
  shape[axis] = parts;
  if (parts < 1 || !llvm::isPowerOf2_64(parts) || from.getDimSize(axis) % parts != 0 ||
      !sameTile(to, RankedTensorType::get(shape, from.getElementType())))
    return emitOpError() << "expected a result like " << from << " with a power of two of parts "
                         << "along dim " << axis << " that divides its extent, found " << to
                         << " [reduce_partial_c2]";
  return verifyBitwise(*this, "reduce_partial_c3", getKind(), from);
}
