//===- PlanOps.cpp - syntax and verifiers of launch plans -------------------------------------===//

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace lighthouse::lh;

//===------------------------------------------------------------------------------------------===//
// plan
//===------------------------------------------------------------------------------------------===//

/// `(` (ssa-name string `:` type)* `)`: arguments of the body with their names in the plan.
static ParseResult parseNamedArguments(OpAsmParser &parser,
                                       SmallVectorImpl<OpAsmParser::Argument> &arguments,
                                       ArrayAttr &names) {
  SmallVector<Attribute> parsed;
  auto parseOne = [&]() -> ParseResult {
    std::string name;
    if (parser.parseArgument(arguments.emplace_back()) || parser.parseString(&name) ||
        parser.parseColonType(arguments.back().type))
      return failure();
    parsed.push_back(parser.getBuilder().getStringAttr(name));
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseOne))
    return failure();
  names = parser.getBuilder().getArrayAttr(parsed);
  return success();
}

static void printNamedArguments(OpAsmPrinter &printer, Block::BlockArgListType arguments,
                                ArrayAttr names) {
  printer << '(';
  llvm::interleaveComma(llvm::zip(arguments, names), printer, [&](auto pair) {
    auto [argument, name] = pair;
    printer.printRegionArgument(argument, /*argAttrs=*/{}, /*omitType=*/true);
    printer << ' ' << name << " : " << argument.getType();
  });
  printer << ')';
}

ParseResult PlanOp::parse(OpAsmParser &parser, OperationState &result) {
  auto &properties = result.getOrAddProperties<Properties>();
  SmallVector<OpAsmParser::Argument> arguments;
  int64_t workspace = 0;
  if (parser.parseSymbolName(properties.sym_name) || parser.parseKeyword("inputs") ||
      parseNamedArguments(parser, arguments, properties.input_names) ||
      parser.parseKeyword("outputs") ||
      parseNamedArguments(parser, arguments, properties.output_names) ||
      parser.parseKeyword("workspace") || parser.parseInteger(workspace) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  properties.workspace = parser.getBuilder().getI64IntegerAttr(workspace);
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty()) {
    Block &block = body->emplaceBlock();
    for (const OpAsmParser::Argument &argument : arguments)
      block.addArgument(argument.type, result.location);
  }
  return success();
}

void PlanOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " inputs";
  printNamedArguments(printer, getInputs(), getInputNames());
  printer << " outputs";
  printNamedArguments(printer, getOutputs(), getOutputNames());
  printer << " workspace " << getWorkspace();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getSymNameAttrName(), getInputNamesAttrName(),
                                            getOutputNamesAttrName(), getWorkspaceAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

void PlanOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  if (region.getNumArguments() != getInputNames().size() + getOutputNames().size())
    return; // Printed in generic form because it is invalid.
  for (auto [argument, name] :
       llvm::zip(getInputs(), getInputNames().getAsValueRange<StringAttr>()))
    setName(argument, name);
  for (auto [argument, name] :
       llvm::zip(getOutputs(), getOutputNames().getAsValueRange<StringAttr>()))
    setName(argument, name);
}

/// Every pair of buffers that shares bytes must be used at different times.
static LogicalResult verifyBuffersDisjoint(PlanOp plan) {
  struct Use {
    BufferOp buffer;
    int64_t begin, end;  // bytes in the workspace
    int64_t first, last; // steps
  };
  SmallVector<Use> uses;
  DenseMap<Operation *, int64_t> position;
  for (auto [index, step] : llvm::enumerate(plan.getBody().getOps()))
    position[&step] = index;
  for (auto buffer : plan.getBody().getOps<BufferOp>()) {
    if (buffer->use_empty())
      continue;
    auto indices =
        llvm::map_to_vector(buffer->getUsers(), [&](Operation *user) { return position.at(user); });
    int64_t begin = buffer.getOffset();
    uses.push_back({buffer, begin, begin + buffer.getSizeInBytes(), *llvm::min_element(indices),
                    *llvm::max_element(indices)});
  }
  for (auto [index, a] : llvm::enumerate(uses))
    for (Use &b : MutableArrayRef<Use>(uses).drop_front(index + 1)) {
      bool shareMemory = a.begin < b.end && b.begin < a.end;
      bool shareTime = a.first <= b.last && b.first <= a.last;
      if (!shareMemory || !shareTime)
        continue;
      auto diagnostic = b.buffer.emitOpError(
          "shares memory with a buffer that is in use at the same time [plan_c3]");
      diagnostic.attachNote(a.buffer.getLoc()) << "the other buffer";
      return diagnostic;
    }
  return success();
}

LogicalResult PlanOp::verifyRegions() {
  if (getBody().getNumArguments() != getInputNames().size() + getOutputNames().size())
    return emitOpError() << "has " << getBody().getNumArguments() << " arguments but names "
                         << getInputNames().size() + getOutputNames().size() << " [plan_c1]";
  llvm::StringSet<> names;
  for (ArrayAttr list : {getInputNames(), getOutputNames()})
    for (StringRef name : list.getAsValueRange<StringAttr>())
      if (name.empty() || !names.insert(name).second)
        return emitOpError() << "names of inputs and outputs must differ and not be empty, got '"
                             << name << "' [plan_c1]";
  for (BlockArgument argument : getBody().getArguments())
    if (auto type = dyn_cast<MemRefType>(argument.getType()); !type || !type.hasStaticShape())
      return mlir::emitError(argument.getLoc())
             << "arguments of a plan must be memrefs of static shape, got " << argument.getType()
             << " [plan_c1]";
  for (Operation &op : getBody().getOps())
    if (!isa<BufferOp, FillOp, DispatchOp>(op))
      return op.emitOpError(
          "cannot be part of a plan, only buffers, fills and dispatches can [plan_c2]");
  return verifyBuffersDisjoint(*this);
}

//===------------------------------------------------------------------------------------------===//
// buffer
//===------------------------------------------------------------------------------------------===//

std::optional<int64_t> BufferOp::getSizeInBytes(ShapedType type) {
  constexpr int64_t limit = int64_t(1) << 46;
  if (!type.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t size = lighthouse::tile::getMemoryBytes(type.getElementType());
  for (int64_t extent : type.getShape()) {
    // Both factors are checked before they are multiplied, so that the product fits in 64 bits.
    if (extent != 0 && size > limit / extent)
      return std::nullopt;
    size *= extent;
  }
  return size;
}

LogicalResult BufferOp::verify() {
  int64_t offset = getOffset();
  if (offset < 0 || offset % 64 != 0)
    return emitOpError() << "offset must be a multiple of 64 that is not negative, got " << offset
                         << " [buffer_c1]";
  if (!getMemory().getType().getLayout().isIdentity() || !getSizeInBytes(getMemory().getType()))
    return emitOpError()
           << "must have the identity layout, an int or float element type and at most "
              "2^46 bytes, got "
           << getMemory().getType() << " [buffer_c3]";
  int64_t workspace = (*this)->getParentOfType<PlanOp>().getWorkspace();
  if (getSizeInBytes() > workspace - offset)
    return emitOpError() << "of " << getSizeInBytes() << " bytes at offset " << offset
                         << " does not fit into the workspace of " << workspace
                         << " bytes [buffer_c2]";
  return success();
}

//===------------------------------------------------------------------------------------------===//
// fill
//===------------------------------------------------------------------------------------------===//

LogicalResult FillOp::verify() {
  MemRefType type = getDestination().getType();
  if (!isa<IntegerAttr, FloatAttr>(getValue()) || getValue().getType() != type.getElementType())
    return emitOpError() << "of " << type << " needs an element of it, got " << getValue()
                         << " [fill_c1]";
  auto argument = dyn_cast<BlockArgument>(getDestination());
  if (argument &&
      argument.getArgNumber() < (*this)->getParentOfType<PlanOp>().getInputNames().size())
    return emitOpError("writes to an input of the plan [fill_c2]");
  Operation *next = (*this)->getNextNode();
  while (isa_and_present<FillOp>(next))
    next = next->getNextNode();
  auto dispatch = dyn_cast_or_null<DispatchOp>(next);
  if (!dispatch || !llvm::is_contained(dispatch.getArgs(), getDestination()))
    return emitOpError("must be followed by a dispatch that takes its destination [fill_c3]");
  return success();
}

//===------------------------------------------------------------------------------------------===//
// dispatch
//===------------------------------------------------------------------------------------------===//

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto kernel =
      symbolTable.lookupNearestSymbolFrom<tile::KernelOp>((*this)->getParentOp(), getKernelAttr());
  if (!kernel)
    return emitOpError() << "refers to " << getKernelAttr()
                         << ", which is not a kernel of the module [dispatch_c1]";

  unsigned numOutputs = kernel.getArgumentTypes().size() - kernel.getInputs();
  if (getArgs().size() < numOutputs)
    return emitOpError() << "passes " << getArgs().size() << " memrefs, but " << getKernelAttr()
                         << " has " << numOutputs << " results alone [dispatch_c2]";
  auto inputs = getArgs().drop_back(numOutputs), outputs = getArgs().take_back(numOutputs);
  auto binding =
      bindKernel(kernel, inputs.getTypes(), outputs.getTypes(), getScalars().getValue(), getLoc());
  if (failed(binding))
    return emitOpError() << "does not match the signature of " << getKernelAttr()
                         << " [dispatch_c2]";
  if (getDims() != ArrayRef<int64_t>(binding->dims) ||
      getGrid() != ArrayRef<int64_t>(binding->grid))
    return emitOpError() << "dims must be [" << binding->dims << "] and the grid [" << binding->grid
                         << "] for these memrefs [dispatch_c3]";
  for (Value output : outputs)
    if (llvm::count(getArgs(), output) != 1)
      return emitOpError("passes a memref that the kernel writes more than once [dispatch_c4]");
  return success();
}
