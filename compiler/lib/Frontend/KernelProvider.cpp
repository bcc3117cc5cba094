//===- KernelProvider.cpp - Kernels of a specification for stages -----------------------===//
#include "PipelineGen.h"
#include "SpecState.h"
#include "TargetFields.h"

#include "lighthouse/Dialect/Tile/IR/BulkCopy.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using llvm::Twine;
using mlir::failed;
using mlir::failure;
using mlir::FailureOr;

namespace lighthouse::frontend {

class SpecKernelProvider : public KernelProvider {
public:
  SpecKernelProvider(Spec::State &state, int64_t alignment)
      : state(state), alignment(alignment) {}

  FailureOr<tile::KernelOp> getKernel(mlir::ModuleOp module, const StageRequest &request,
                                      mlir::Location loc,
                                      mlir::SmallVectorImpl<KernelRefusal> &refusals) override {
    mlir::SmallVector<mlir::Type> operands(request.operands), results(request.results);
    const tile::TargetInfo *target = tile::targetOf(module);
    for (auto &[name, decl] : state.definitions) {
      auto *kernel = llvm::dyn_cast<KernelDecl>(decl);
      if (!kernel || kernel->stage.text != request.stage)
        continue;
      Diagnostics reasons(state.diagnostics.getSources());
      mlir::SmallVector<Setting> settings = settingsOf(*kernel, request.params);
      Use use{SMLoc(), settings, operands, results};
      FailureOr<Binding> binding = failure();
      if (!isFor(*kernel, target))
        reasons.error(kernel->target.loc,
                      "it is for target " + kernel->target.text + ", and the code is for " +
                          (target ? StringRef(target->name) : "no target in particular"));
      else if (operands.size() != kernel->args.size())
        reasons.error(kernel->name.loc, "it takes " + Twine(kernel->args.size()) +
                                            " arguments, the stage has " + Twine(operands.size()));
      else
        binding = bindTuned(*kernel, use, state.tuner, module, reasons);
      if (mlir::succeeded(binding)) {
        // It applies: errors in its body are errors, no reason to try the next one.
        FailureOr<tile::KernelOp> instance =
            instantiateIfFits(*kernel, *binding, module, loc, reasons);
        if (failed(instance) || *instance)
          return instance;
      }
      const Diagnostic &reason = reasons.errors().front();
      SourcePlace place =
          state.diagnostics.place(reason.loc.isValid() ? reason.loc : kernel->name.loc);
      refusals.push_back(
          {mlir::FileLineColLoc::get(module.getContext(), place.file, place.line, place.column),
           kernel->name.text.str(), reason.message});
    }
    return tile::KernelOp();
  }

private:
  FailureOr<tile::KernelOp> instantiate(const KernelDecl &decl, const Binding &binding,
                                        mlir::ModuleOp module, mlir::Location loc) {
    FailureOr<tile::KernelOp> kernel = failure();
    {
      DiagnosticBridge bridge(module.getContext(), state.diagnostics);
      kernel = getInstance(state.definitions, decl, binding, module, state.diagnostics);
    }
    if (failed(kernel))
      mlir::emitError(loc) << "kernel '" << decl.name.text
                           << "', which serves this stage, has errors";
    return kernel;
  }

  /// The instance, or null and a reason if its buffers exceed the limit of shared memory, or if its
  /// bulk copies need better aligned tensors. Only the body of an instance tells. That is kept, as the choice is made for each plan:
  /// no instance is generated again to be refused, none is walked again to be accepted.
  FailureOr<tile::KernelOp> instantiateIfFits(const KernelDecl &decl, const Binding &binding,
                                              mlir::ModuleOp module, mlir::Location loc,
                                              Diagnostics &reasons) {
    const tile::TargetInfo *target = tile::targetOf(module);
    std::string name = (decl.name.text + "<" + binding.spellParams() + ">").str();
    if (target)
      name += target->name;
    auto known = state.needs.find(name);
    constexpr int64_t bulkAlignment = tile::BulkCopyLimits::alignment;
    auto isAligned = [&] { return !known->second.bulkCopies || alignment >= bulkAlignment; };
    auto fits = [&] {
      return isAligned() && (!target || known->second.sharedBytes <= target->sharedBytes);
    };
    if (known == state.needs.end() || fits()) {
      FailureOr<tile::KernelOp> instance = instantiate(decl, binding, module, loc);
      if (failed(instance))
        return failure();
      if (known == state.needs.end())
        known = state.needs.try_emplace(name, needsOf(*instance)).first;
      if (fits()) {
        reportUse(binding, *instance, state.tuner);
        return instance;
      }
      if (mlir::SymbolTable::symbolKnownUseEmpty(*instance, module))
        instance->erase();
    }
    if (!isAligned())
      reasons.error(decl.name.loc, "its bulk copies need tensors that are aligned to " +
                                       Twine(bulkAlignment) + " bytes, and these are to " +
                                       Twine(alignment));
    else
      reasons.error(decl.name.loc, "its buffers take " + Twine(known->second.sharedBytes) +
                                     " bytes of shared memory, the limit of the target is " +
                                     Twine(target->sharedBytes));
    return tile::KernelOp();
  }

  static KernelNeeds needsOf(tile::KernelOp kernel) {
    KernelNeeds needs;
    kernel.walk([&](mlir::Operation *op) {
      if (auto alloc = llvm::dyn_cast<tile::AllocSharedOp>(op))
        needs.sharedBytes += alloc.getType().getBytes();
      needs.bulkCopies |= llvm::isa<tile::CopyBulkOp, tile::StoreBulkOp>(op);
    });
    return needs;
  }

  /// The stage's parameters that the kernel asks for, by its own names.
  static mlir::SmallVector<Setting> settingsOf(const KernelDecl &decl,
                                               mlir::DictionaryAttr params) {
    mlir::SmallVector<Setting> settings;
    for (const StageParam &param : decl.stageParams) {
      mlir::Attribute attr = params ? params.get(param.stageName.text) : mlir::Attribute();
      Value value;
      if (auto flag = mlir::dyn_cast_or_null<mlir::BoolAttr>(attr))
        value = Value::ofBool(flag.getValue());
      else if (auto number = mlir::dyn_cast_or_null<mlir::IntegerAttr>(attr))
        value = Value::ofInt(number.getInt());
      else if (auto type = mlir::dyn_cast_or_null<mlir::TypeAttr>(attr))
        value = Value::ofType(type.getValue());
      else
        continue;
      settings.push_back({param.name.text, value, SMLoc()});
    }
    return settings;
  }

  Spec::State &state;
  int64_t alignment;
};

} // namespace lighthouse::frontend

std::unique_ptr<KernelProvider> Spec::makeKernelProvider(int64_t alignment) {
  return std::make_unique<SpecKernelProvider>(*state, alignment);
}
