//===- TileDialect.cpp - dialect registration and types ---------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lighthouse::tile;

#include "lighthouse/Dialect/Tile/IR/TileDialect.cpp.inc"
#include "lighthouse/Dialect/Tile/IR/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "lighthouse/Dialect/Tile/IR/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "lighthouse/Dialect/Tile/IR/TileTypes.cpp.inc"

void TileDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "lighthouse/Dialect/Tile/IR/TileTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "lighthouse/Dialect/Tile/IR/TileAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "lighthouse/Dialect/Tile/IR/TileOps.cpp.inc"
      >();
}

namespace {
/// splat(s) + range(t) is range(s + t): keeps a contiguous subscript recognisable.
struct FoldSplatIntoRange : OpRewritePattern<arith::AddIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddIOp add, PatternRewriter &rewriter) const override {
    auto range = add.getLhs().getDefiningOp<RangeOp>();
    Value other = add.getRhs();
    if (!range) {
      range = add.getRhs().getDefiningOp<RangeOp>();
      other = add.getLhs();
    }
    if (!range)
      return rewriter.notifyMatchFailure(add, "no operand is a range");
    Value offset;
    DenseElementsAttr dense;
    if (auto splat = other.getDefiningOp<tensor::SplatOp>())
      offset = splat.getInput();
    else if (matchPattern(other, m_Constant(&dense)) && dense.isSplat())
      offset = arith::ConstantOp::create(rewriter, add.getLoc(), rewriter.getI32Type(),
                                         dense.getSplatValue<IntegerAttr>());
    else
      return rewriter.notifyMatchFailure(add, "the other operand is not a splat");
    Value start = arith::AddIOp::create(rewriter, add.getLoc(), range.getStart(), offset);
    rewriter.replaceOpWithNewOp<RangeOp>(add, add.getType(), start);
    return success();
  }
};
} // namespace

void TileDialect::getCanonicalizationPatterns(RewritePatternSet &patterns) const {
  patterns.add<FoldSplatIntoRange>(getContext());
}

//===----------------------------------------------------------------------------------------------===//
// View
//===----------------------------------------------------------------------------------------------===//

int64_t ViewType::getStaticDim(int64_t i) const {
  auto extent = dyn_cast<IntegerAttr>(getDims()[i]);
  return extent ? extent.getInt() : ShapedType::kDynamic;
}

StringRef ViewType::getDimName(int64_t i) const {
  auto name = dyn_cast<StringAttr>(getDims()[i]);
  return name ? name.getValue() : StringRef();
}

/// What the runtime has tensors of, and every target loads and stores.
static bool isMemoryElement(Type type) {
  return llvm::any_of(std::array{1, 8, 32, 64},
                      [&](unsigned width) { return type.isSignlessInteger(width); }) ||
         isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type);
}

int64_t lighthouse::tile::getMemoryBytes(Type elementType) {
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

LogicalResult ViewType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<Attribute> dims, Type elementType) {
  for (Attribute dim : dims) {
    if (auto extent = dyn_cast<IntegerAttr>(dim)) {
      if (extent.getInt() < 1 || extent.getInt() > INT32_MAX)
        return emitError() << "a constant dim must be between 1 and 2^31 - 1, got "
                           << extent.getInt() << " [view_c1]";
    } else if (auto name = dyn_cast<StringAttr>(dim)) {
      if (name.empty())
        return emitError() << "a named dim must have a name [view_c2]";
    } else {
      return emitError() << "a dim must be an integer or a name, got " << dim << " [view_c3]";
    }
  }
  if (!isMemoryElement(elementType))
    return emitError() << "the element type must be i1, i8, i32, i64, f16, bf16, f32 or f64, got "
                       << elementType << " [view_c4]";
  return success();
}

Type ViewType::parse(AsmParser &parser) {
  SmallVector<Attribute> dims;
  Type elementType;
  auto parseDim = [&]() -> ParseResult {
    int64_t extent;
    OptionalParseResult isInteger = parser.parseOptionalInteger(extent);
    if (isInteger.has_value()) {
      if (failed(*isInteger))
        return failure();
      dims.push_back(parser.getBuilder().getI64IntegerAttr(extent));
      return success();
    }
    Attribute dim;
    if (parser.parseAttribute(dim))
      return failure();
    dims.push_back(dim);
    return success();
  };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseDim) ||
      parser.parseComma() || parser.parseType(elementType) || parser.parseGreater())
    return {};
  return parser.getChecked<ViewType>(parser.getContext(), dims, elementType);
}

void ViewType::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getDims(), printer, [&](Attribute dim) {
    if (auto extent = dyn_cast<IntegerAttr>(dim))
      printer << extent.getInt();
    else
      printer << dim;
  });
  printer << "], " << getElementType() << ">";
}

//===----------------------------------------------------------------------------------------------===//
// Buffer
//===----------------------------------------------------------------------------------------------===//

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, Type elementType, int64_t swizzle,
                                 MemorySpace memory) {
  if (shape.empty() || llvm::any_of(shape, [](int64_t extent) { return extent < 1; }))
    return emitError() << "every extent must be a positive constant [buffer_c1]";
  if (!isMemoryElement(elementType))
    return emitError() << "the element type must be i1, i8, i32, i64, f16, bf16, f32 or f64, got "
                       << elementType << " [buffer_c2]";
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    return emitError() << "the swizzle must be 0, 32, 64 or 128 bytes, got " << swizzle
                       << " [buffer_c3]";
  if (swizzle != 0 && memory == MemorySpace::Tensor)
    return emitError() << "a buffer in tensor memory has no swizzle [buffer_c3]";
  return success();
}

int64_t BufferType::getBytes() const {
  return ShapedType::getNumElements(getShape()) * getMemoryBytes(getElementType());
}

int64_t BufferType::getRowBytes() const {
  return getShape().back() * getMemoryBytes(getElementType());
}

int64_t BufferType::getSpan() const {
  int64_t span = getSwizzle();
  while (span > 16 && getRowBytes() % span != 0)
    span /= 2;
  return span > 16 ? span : 0;
}

BufferType BufferType::getSlot() const {
  return get(getContext(), getShape().drop_front(), getElementType(), getSwizzle(), getMemory());
}

Type BufferType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  int64_t swizzle = 0;
  MemorySpace memory = MemorySpace::Shared;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(elementType))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("tensor")))
      memory = MemorySpace::Tensor;
    else if (parser.parseInteger(swizzle))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<BufferType>(parser.getContext(), shape, elementType, swizzle, memory);
}

void BufferType::print(AsmPrinter &printer) const {
  printer << "<";
  printer.printDimensionList(getShape());
  printer << "x" << getElementType();
  if (getSwizzle())
    printer << ", " << getSwizzle();
  if (getMemory() == MemorySpace::Tensor)
    printer << ", tensor";
  printer << ">";
}

//===----------------------------------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------------------------------===//

LogicalResult MBarrierType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t count) {
  if (count < 1)
    return emitError() << "expected one barrier at least, found " << count << " [mbarrier_c1]";
  return success();
}

LogicalResult NamedBarrierType::verify(function_ref<InFlightDiagnostic()> emitError,
                                       int64_t count) {
  if (count < 1 || count > 15)
    return emitError() << "expected 1 to 15 barriers, found " << count << " [named_barrier_c1]";
  return success();
}
