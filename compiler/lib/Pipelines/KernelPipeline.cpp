//===- KernelPipeline.cpp - A kernel on its own as a pipeline ---------------------------------===//

#include "KernelPipeline.h"

#include "lighthouse/Dialect/Lighthouse/IR/KernelBinding.h"
#include "lighthouse/Dialect/Lighthouse/IR/Lighthouse.h"
#include "lighthouse/Frontend/Frontend.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lighthouse;

RankedTensorType lighthouse::tensorType(const ArgumentType &argument, MLIRContext *context) {
  Builder builder(context);
  Type element;
  switch (argument.dtype) {
  case runtime::DType::F32:
    element = builder.getF32Type();
    break;
  case runtime::DType::F16:
    element = builder.getF16Type();
    break;
  case runtime::DType::BF16:
    element = builder.getBF16Type();
    break;
  case runtime::DType::F64:
    element = builder.getF64Type();
    break;
  case runtime::DType::I8:
    element = builder.getI8Type();
    break;
  case runtime::DType::I32:
    element = builder.getI32Type();
    break;
  case runtime::DType::I64:
    element = builder.getI64Type();
    break;
  case runtime::DType::Bool:
    element = builder.getI1Type();
    break;
  }
  return RankedTensorType::get(argument.shape, element);
}

/// The constant that the request sets for a scalar argument; null if it sets none.
static FailureOr<TypedAttr> findScalar(const Request &request, StringRef name,
                                       BlockArgument argument) {
  auto found = llvm::find_if(request.settings,
                             [&](const auto &setting) { return setting.first == name; });
  if (found == request.settings.end())
    return TypedAttr();
  if (TypedAttr value = frontend::parseScalar(found->second, argument.getType()))
    return value;
  return emitError(argument.getLoc()) << "expected a value of type " << argument.getType()
                                      << " for '" << name << "', found '" << found->second << "'";
}

FailureOr<func::FuncOp> lighthouse::wrapKernel(tile::KernelOp kernel, const Request &request) {
  MLIRContext *context = kernel.getContext();
  SmallVector<Type> inputs;
  SmallVector<unsigned> tensors; // which arguments of the kernel they are
  SmallVector<Attribute> scalars;
  for (unsigned i = 0; i < kernel.getInputs(); ++i) {
    std::string name = kernel.getArgName(i);
    BlockArgument argument = kernel.getBody().getArgument(i);
    if (!isa<tile::ViewType>(argument.getType())) {
      FailureOr<TypedAttr> scalar = findScalar(request, name, argument);
      if (failed(scalar))
        return failure();
      if (!*scalar)
        return func::FuncOp();
      scalars.push_back(*scalar);
      continue;
    }
    auto found = llvm::find_if(request.arguments,
                               [&](const ArgumentType &type) { return type.name == name; });
    if (found == request.arguments.end())
      return func::FuncOp();
    inputs.push_back(tensorType(*found, context));
    tensors.push_back(i);
  }
  FailureOr<lh::KernelBinding> binding =
      lh::bindKernel(kernel, inputs, /*results=*/{}, scalars, kernel.getLoc());
  if (failed(binding))
    return failure();
  SmallVector<Type> results(binding->results.begin(), binding->results.end());

  OpBuilder builder = OpBuilder::atBlockEnd(kernel->getBlock());
  auto named = [&](unsigned argument) {
    return builder.getDictionaryAttr(
        builder.getNamedAttr(lh::LighthouseDialect::getNameAttrName(),
                             builder.getStringAttr(kernel.getArgName(argument))));
  };
  auto function =
      func::FuncOp::create(builder, kernel.getLoc(), ("run_" + kernel.getSymName()).str(),
                           builder.getFunctionType(inputs, results));
  for (unsigned i = 0; i < inputs.size(); ++i)
    function.setArgAttrs(i, named(tensors[i]));
  for (unsigned i = 0; i < results.size(); ++i)
    function.setResultAttrs(i, named(kernel.getInputs() + i));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  auto launch = lh::LaunchOp::create(builder, kernel.getLoc(), TypeRange(results),
                                     FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
                                     body->getArguments(), builder.getArrayAttr(scalars),
                                     StringAttr(), lh::CostAttr());
  func::ReturnOp::create(builder, kernel.getLoc(), launch.getOutputs());
  return function;
}
