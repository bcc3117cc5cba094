//===- FrontendFuzzer.cpp - Any bytes to the front end ----------------------------------===//
//
// A libFuzzer target: parses the input as a specification and instantiates all that it defines, as
// `lhc compile` would. Whatever the bytes, there must be a result or located errors.
//
//===------------------------------------------------------------------------------------===//
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "lighthouse/Frontend/Frontend.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;
using namespace lighthouse::frontend;

namespace {

mlir::MLIRContext &freshContext() {
  // Types and attributes live as long as their context: a new one now and then bounds the memory.
  constexpr unsigned inputsPerContext = 500;
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned used = 0;
  if (!context || ++used % inputsPerContext == 0) {
    context.reset();
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
    loadDialects(*context);
  }
  return *context;
}

/// A plausible value for a parameter that has no default.
std::vector<ParamSetting> chooseSettings(const DefinitionInfo &info) {
  std::vector<ParamSetting> settings;
  for (const ParamInfo &param : info.params)
    if (param.defaultValue.empty() && info.kind == DefinitionInfo::Kind::Kernel)
      settings.push_back({param.name, param.kind == "int"    ? "16"
                                      : param.kind == "bool" ? "true"
                                                             : "f32"});
  return settings;
}

/// Types that fit an argument written as `T[B, N, 4]`.
mlir::Type chooseType(llvm::StringRef written, mlir::MLIRContext &context) {
  auto [element, dims] = written.split('[');
  mlir::Builder builder(&context);
  mlir::Type type = llvm::StringSwitch<mlir::Type>(element)
                        .Case("i32", builder.getI32Type())
                        .Case("f16", builder.getF16Type())
                        .Case("bf16", builder.getBF16Type())
                        .Case("bool", builder.getI1Type())
                        .Default(builder.getF32Type());
  if (!written.contains('['))
    return type;
  dims.consume_back("]");
  llvm::SmallVector<llvm::StringRef> extents;
  dims.split(extents, ',');
  llvm::SmallVector<int64_t> shape;
  for (llvm::StringRef extent : extents) {
    int64_t number;
    if (extent.trim().getAsInteger(10, number))
      number = llvm::StringSwitch<int64_t>(extent.trim())
                   .Case("N", 256)
                   .Cases({"H", "G"}, 2)
                   .Case("B", 1)
                   .Default(16);
    shape.push_back(std::clamp<int64_t>(number, 1, 1 << 20));
  }
  return mlir::RankedTensorType::get(shape, type);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(
          llvm::StringRef(reinterpret_cast<const char *>(data), size), "input.lh"),
      llvm::SMLoc());
  frontend::Diagnostics diagnostics(sources);
  // Imports find nothing, so that the outcome depends on the bytes alone.
  auto noImports = [](llvm::StringRef,
                      llvm::StringRef) -> llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> {
    return std::make_error_code(std::errc::no_such_file_or_directory);
  };
  if (std::unique_ptr<Spec> spec = Spec::parse(diagnostics, noImports)) {
    mlir::MLIRContext &context = freshContext();
    mlir::OwningOpRef<mlir::ModuleOp> module =
        mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    tile::setTarget(*module, tile::targets()[size % tile::targets().size()]);
    for (const DefinitionInfo &info : spec->definitions()) {
      std::vector<ParamSetting> settings = chooseSettings(info);
      std::vector<NamedType> types;
      if (info.kind == DefinitionInfo::Kind::Pipeline)
        for (const ArgumentInfo &arg : info.arguments)
          types.push_back({arg.name, chooseType(arg.type, context)});
      if (info.kind == DefinitionInfo::Kind::Kernel)
        (void)spec->instantiateKernel(info.name, settings, types, *module);
      if (info.kind == DefinitionInfo::Kind::Pipeline)
        (void)spec->instantiatePipeline(info.name, settings, types, *module,
                                        /*withAdjoints=*/true);
    }
  }
  diagnostics.print(llvm::nulls());
  return 0;
}
