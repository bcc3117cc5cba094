//===- StageInterface.td - what a stage says about itself -------------------------------------===//
#ifndef LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_STAGEINTERFACE
#define LIGHTHOUSE_DIALECT_LIGHTHOUSE_IR_STAGEINTERFACE

include "mlir/IR/OpBase.td"

def Lighthouse_StageOpInterface : OpInterface<"StageOpInterface"> {
  let description = [{
    A step of a pipeline over whole tensors and abstract values. All that passes, the front end and
    reports know of a stage comes from here, so that a new stage is one op, its kernels and its
    place in the documentation.
  }];
  let cppNamespace = "::lighthouse::lh";
  let methods = [
    StaticInterfaceMethod<[{
      How specifications call stages of this op, and which parameters their kernels may ask for.
    }], "const ::lighthouse::lh::StageSignature &", "getStageSignature">,
    InterfaceMethod<[{
      The stage's name, as kernels implement it. By default that of the op without its dialect.
    }], "::llvm::StringRef", "getStageName", (ins), "", [{
      return $_op->getName().stripDialect();
    }]>,
    StaticInterfaceMethod<[{
      Builds the op from what a pipeline passes: an operand for each of the signature's, and options
      by name.
    }], "::mlir::FailureOr<::mlir::Operation *>", "buildStage",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::ValueRange":$operands,
           "::mlir::DictionaryAttr":$options), "", [{
      if constexpr (ConcreteOp::template hasTrait<::mlir::InferTypeOpInterface::Trait>()) {
        typename ConcreteOp::Properties properties{};
        if constexpr (!std::is_same_v<typename ConcreteOp::Properties, ::mlir::EmptyProperties>)
          if (::mlir::failed(ConcreteOp::setPropertiesFromAttr(
                  properties, options, [&] { return ::mlir::emitError(loc); })))
            return ::mlir::failure();
        auto op = ::lighthouse::lh::createStage<ConcreteOp>(builder, loc, operands, properties);
        if (::mlir::succeeded(op))
          return op->getOperation();
        return ::mlir::failure();
      } else {
        return ::mlir::emitError(loc) << "stage '" << ConcreteOp::getOperationName()
                                      << "' has result types that operands do not give";
      }
    }]>,
    InterfaceMethod<[{
      The values of the signature's parameters, by name: integers as i64, flags as booleans.
    }], "::llvm::SmallVector<::mlir::NamedAttribute>", "getStageParameters", (ins), "", [{
      return {};
    }]>,
    InterfaceMethod<[{
      What the stage passes to its kernel and gets from it. By default the tensors that stand for
      its operands, and those that stand for its results.
    }], "::lighthouse::lh::KernelCall", "getKernelCall",
      (ins "const ::lighthouse::lh::Expansion &":$expansion), "", [{
      ::lighthouse::lh::KernelCall call;
      for (::mlir::Value operand : $_op->getOperands())
        ::llvm::append_range(call.inputs, expansion.lookup(operand));
      for (::mlir::Type type : $_op->getResultTypes())
        ::llvm::append_range(call.results, ::lighthouse::lh::getExpandedTypes(type));
      return call;
    }]>,
    InterfaceMethod<[{
      Declares the tensors that stand for the stage's results. `made` are the leading results of the
      kernel. By default they are the results' tensors in order.
    }], "void", "expandResults",
      (ins "::lighthouse::lh::Expansion &":$expansion, "::mlir::ValueRange":$made), "", [{
      for (::mlir::Value result : $_op->getResults()) {
        size_t count = ::lighthouse::lh::getExpandedTypes(result.getType()).size();
        expansion.set(result, made.take_front(count));
        made = made.drop_front(count);
      }
    }]>,
    InterfaceMethod<[{
      Where no kernel serves the stage: builds stages that do the same together, at the builder's place,
      and gives values for all results. By default there are none, and that no kernel applies is an
      error.
    }], "::llvm::SmallVector<::mlir::Value>", "decompose", (ins "::mlir::OpBuilder &":$builder), "", [{
      return {};
    }]>,
    InterfaceMethod<[{
      The least bytes that the stage must read and write, and its floating-point operations,
      whatever its kernels do.
    }], "::lighthouse::lh::CostAttr", "getStageCost">,
    InterfaceMethod<[{
      Adds to the cotangents of the operands what follows from those of the results, of which one at
      least is not zero. `deterministic` asks for sums in an order that never changes. By default
      there is no adjoint, which is an error at the op.
    }], "::llvm::LogicalResult", "buildAdjoint",
      (ins "::mlir::OpBuilder &":$builder, "::lighthouse::lh::Cotangents &":$cotangents,
           "bool":$deterministic), "", [{
      return $_op->emitError() << "stage '" << $_op.getStageName()
                               << "' has no adjoint, but a gradient flows into its results";
    }]>,
  ];
}

#endif
