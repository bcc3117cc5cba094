//===- lighthouse-translate.cpp - The front end alone, for tests ------------------------===//
//
// Parses a specification, instantiates its kernels and pipelines and prints the module. Without
// --kernel or --pipeline it instantiates every kernel of the file itself.
//
//===------------------------------------------------------------------------------------===//
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "lighthouse/Frontend/Frontend.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
namespace cl = llvm::cl;

static cl::opt<std::string> input(cl::Positional, cl::desc("<file.lh>"), cl::init("-"));
static cl::opt<std::string> kernelName("kernel", cl::desc("Kernel to instantiate"));
static cl::opt<std::string> pipelineName("pipeline", cl::desc("Pipeline to instantiate"));
static cl::list<std::string> settings("set", cl::desc("Parameter: --set NAME=VALUE"));
static cl::list<std::string> arguments("arg", cl::desc("Argument type: --arg x=f32[4,8]"));
static cl::opt<std::string> targetName("target", cl::desc("What code is made for: sm_90a, ..."));
static cl::opt<bool> adjoints("adjoints", cl::desc("Add the adjoints of declared stages"));
static cl::opt<bool> parseOnly("parse-only", cl::desc("Parse and check, print nothing"));
static cl::opt<bool> list("list", cl::desc("List the definitions instead"));
static cl::opt<bool> locations("locations", cl::desc("Print the locations of ops"));

/// `f32[4,?]` or `f32` as an MLIR type; null if malformed.
static mlir::Type parseArgType(llvm::StringRef text, mlir::MLIRContext *context) {
  auto [element, dims] = text.split('[');
  std::string spelled = element.trim() == "bool" ? "i1" : element.trim().str();
  if (text.contains('[')) {
    if (!dims.consume_back("]"))
      return {};
    llvm::SmallVector<llvm::StringRef> extents;
    dims.split(extents, ',');
    std::string shape;
    for (llvm::StringRef extent : extents)
      shape += extent.trim().str() + "x";
    spelled = "tensor<" + shape + spelled + ">";
  }
  return mlir::parseType(spelled, context);
}

static void printDefinitions(const Spec &spec) {
  for (const DefinitionInfo &info : spec.definitions()) {
    llvm::outs() << spelling(info.kind) << ' ' << info.name;
    for (const ParamInfo &param : info.params) {
      llvm::outs() << " <" << param.name << ": " << param.kind;
      if (!param.defaultValue.empty())
        llvm::outs() << " = " << param.defaultValue;
      for (const std::string &choice : param.choices)
        llvm::outs() << " | " << choice;
      llvm::outs() << '>';
    }
    for (const ArgumentInfo &arg : info.arguments)
      llvm::outs() << ' ' << arg.name << ": " << arg.type;
    llvm::outs() << " ->";
    for (const ArgumentInfo &result : info.results)
      llvm::outs() << ' ' << result.name << ": " << result.type;
    if (!info.stage.empty())
      llvm::outs() << " implements " << info.stage;
    if (!info.adjoint.empty())
      llvm::outs() << " adjoint " << info.adjoint;
    if (!info.flops.empty())
      llvm::outs() << " flops " << info.flops;
    llvm::outs() << (info.imported ? " (imported)\n" : "\n");
  }
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "Lighthouse front end\n");

  llvm::SourceMgr sources;
  auto buffer = readSource(input);
  if (!buffer) {
    llvm::errs() << "error: cannot read " << input << ": " << buffer.getError().message() << '\n';
    return 1;
  }
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  frontend::Diagnostics diagnostics(sources);
  auto fail = [&] {
    diagnostics.print(llvm::errs());
    return 1;
  };

  std::unique_ptr<Spec> spec = Spec::parse(diagnostics, makeImportResolver());
  if (!spec)
    return fail();
  if (list)
    printDefinitions(*spec);
  if (list || parseOnly)
    return 0;

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  loadDialects(context);
  std::vector<ParamSetting> params;
  for (llvm::StringRef setting : settings) {
    auto [name, value] = setting.split('=');
    params.push_back({name.str(), value.str()});
  }
  std::vector<NamedType> types;
  for (llvm::StringRef argument : arguments) {
    auto [name, text] = argument.split('=');
    mlir::Type type = parseArgType(text, &context);
    if (!type) {
      llvm::errs() << "error: malformed type in --arg " << argument << '\n';
      return 1;
    }
    types.push_back({name.str(), type});
  }

  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  if (!targetName.empty()) {
    const tile::TargetInfo *target = tile::findTarget(targetName);
    if (!target) {
      llvm::errs() << "error: unknown target '" << targetName << "'; the targets are "
                   << tile::listTargets() << '\n';
      return 1;
    }
    tile::setTarget(*module, *target);
  }
  bool all = kernelName.empty() && pipelineName.empty();
  for (const DefinitionInfo &info : spec->definitions()) {
    if (info.kind == DefinitionInfo::Kind::Kernel && all && !info.imported)
      (void)spec->instantiateKernel(info.name, params, types, *module);
  }
  if (!kernelName.empty())
    (void)spec->instantiateKernel(kernelName, params, types, *module);
  if (!pipelineName.empty())
    (void)spec->instantiatePipeline(pipelineName, params, types, *module, adjoints);
  if (diagnostics.hasErrors())
    return fail();
  DiagnosticBridge bridge(&context, diagnostics);
  if (mlir::failed(mlir::verify(*module)))
    return fail();
  mlir::OpPrintingFlags flags;
  if (locations)
    flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/true);
  module->print(llvm::outs(), flags);
  llvm::outs() << '\n';
  return 0;
}
