//===- Inspect.cpp - lhc inspect --------------------------------------------------------------===//

#include "SpecOptions.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

namespace {

using frontend::ArgumentInfo;
using frontend::DefinitionInfo;
using frontend::ParamInfo;
using Arguments = std::vector<ArgumentInfo>;

std::string spell(const Arguments &arguments) {
  return "(" +
         llvm::join(llvm::map_range(arguments,
                                    [](const ArgumentInfo &argument) {
                                      return argument.name + ": " + argument.type;
                                    }),
                    ", ") +
         ")";
}

llvm::json::Array toJson(const Arguments &arguments) {
  llvm::json::Array list;
  for (const ArgumentInfo &argument : arguments)
    list.push_back(llvm::json::Object{{"name", argument.name}, {"type", argument.type}});
  return list;
}

llvm::StringRef spell(DefinitionInfo::Kind kind) {
  return kind == DefinitionInfo::Kind::Kernel ? "kernel" : "pipeline";
}

void printDefinition(const DefinitionInfo &definition) {
  llvm::raw_ostream &out = llvm::outs();
  out << spell(definition.kind) << " " << definition.name << spell(definition.arguments) << " -> "
      << spell(definition.results) << "\n";
  if (!definition.stage.empty())
    out << "  implements " << definition.stage << "\n";
  for (const ParamInfo &parameter : definition.params) {
    out << "  " << parameter.name << ": " << parameter.kind;
    if (!parameter.defaultValue.empty())
      out << " = " << parameter.defaultValue;
    if (!parameter.choices.empty())
      out << " in {" << llvm::join(parameter.choices, ", ") << "}";
    out << "\n";
  }
}

llvm::json::Value toJson(const DefinitionInfo &definition) {
  llvm::json::Array parameters;
  for (const ParamInfo &parameter : definition.params)
    parameters.push_back(llvm::json::Object{{"name", parameter.name},
                                            {"kind", parameter.kind},
                                            {"default", parameter.defaultValue},
                                            {"choices", llvm::json::Array(parameter.choices)}});
  return llvm::json::Object{{"kind", spell(definition.kind)},
                            {"name", definition.name},
                            {"implements", definition.stage},
                            {"parameters", std::move(parameters)},
                            {"arguments", toJson(definition.arguments)},
                            {"results", toJson(definition.results)}};
}

/// Bytes of code of kernel `index`: up to the next entry.
int64_t codeBytes(const runtime::Artifact &artifact, size_t index) {
  int64_t entry = artifact.plan.kernels[index].entry, end = artifact.image.textBytes;
  for (const runtime::KernelSpec &other : artifact.plan.kernels)
    if (other.entry > entry)
      end = std::min(end, other.entry);
  return end - entry;
}

void printTensors(llvm::StringRef title, const std::vector<runtime::TensorSpec> &tensors) {
  for (const runtime::TensorSpec &tensor : tensors)
    llvm::outs() << title << " " << tensor.name << ": "
                 << runtime::formatTensorType(tensor.dtype, tensor.shape) << "\n";
}

void printArtifact(const runtime::Artifact &artifact) {
  llvm::raw_ostream &out = llvm::outs();
  const runtime::Plan &plan = artifact.plan;
  out << "plan " << plan.name << ", " << plan.target << " " << plan.cpuLevel << ", image of "
      << artifact.image.bytes.size() << " bytes\n";
  printTensors("input", plan.inputs);
  printTensors("output", plan.outputs);
  out << "workspace: " << plan.workspaceBytes << " bytes, " << plan.buffers.size() << " buffers\n";
  for (const runtime::BufferSpec &buffer : plan.buffers)
    out << "  at " << buffer.offset << ": " << runtime::formatTensorType(buffer.dtype, buffer.shape)
        << "\n";
  for (auto [i, kernel] : llvm::enumerate(plan.kernels)) {
    out << "kernel " << kernel.name << ": " << codeBytes(artifact, i) << " bytes of code, "
        << kernel.stackBytes << " bytes of stack, " << kernel.args.size() << " arguments";
    if (!kernel.dims.empty())
      out << ", dims " << llvm::join(kernel.dims, ", ");
    out << "\n";
  }
  for (const runtime::LaunchSpec &launch : plan.launches)
    out << "launch " << plan.kernels[launch.kernel].name << " (" << launch.stage << ") grid "
        << llvm::formatv("[{0}, {1}, {2}]", launch.grid[0], launch.grid[1], launch.grid[2]) << "\n";
}

llvm::json::Value toJson(const runtime::Artifact &artifact) {
  llvm::Expected<llvm::json::Value> plan = llvm::json::parse(artifact.plan.toJson());
  if (!plan) {
    llvm::consumeError(plan.takeError());
    return nullptr;
  }
  llvm::json::Array code;
  for (size_t i = 0; i < artifact.plan.kernels.size(); ++i)
    code.push_back(codeBytes(artifact, i));
  return llvm::json::Object{{"plan", std::move(*plan)},
                            {"image_bytes", int64_t(artifact.image.bytes.size())},
                            {"code_bytes", std::move(code)},
                            {"key", llvm::json::fixUTF8(artifact.key)}};
}

class InspectCommand : public Command {
public:
  InspectCommand()
      : Command("inspect", "Describe a specification, a compiled pipeline, or an artifact file") {}

  int run() override {
    if (isArtifact(options.spec)) {
      Result<runtime::Artifact> artifact = runtime::Artifact::readFile(options.spec);
      return artifact ? show(*artifact) : failRun(artifact.status());
    }
    Result<Compiler> compiler = options.open();
    if (!compiler)
      return failCompile(compiler.status());
    return options.namesDefinition() ? showCompiled(*compiler) : showDefinitions(*compiler);
  }

private:
  /// Specifications are text, artifacts are not.
  static bool isArtifact(const std::string &path) {
    if (path == "-")
      return false;
    auto buffer = llvm::MemoryBuffer::getFileSlice(path, /*MapSize=*/4096, /*Offset=*/0);
    return buffer && (*buffer)->getBuffer().take_front(64).contains('\0');
  }

  int show(const runtime::Artifact &artifact) {
    json ? printJson(toJson(artifact)) : printArtifact(artifact);
    return Ok;
  }

  int showDefinitions(const Compiler &compiler) {
    llvm::json::Array list;
    for (const DefinitionInfo &definition : compiler.definitions()) {
      if (definition.imported)
        continue;
      if (json)
        list.push_back(toJson(definition));
      else
        printDefinition(definition);
    }
    if (json)
      printJson(llvm::json::Object{{"definitions", std::move(list)}});
    return Ok;
  }

  int showCompiled(Compiler &compiler) {
    Result<Request> request = options.request();
    Result<std::vector<ArgumentSource>> sources = options.sources();
    for (const Status &status : {request.status(), sources.status()})
      if (!status.ok()) {
        printError(status.message());
        return Usage;
      }
    for (const ArgumentSource &source : *sources) {
      if (source.kind == ArgumentSource::Kind::File) {
        printError("lhc inspect takes types: --arg " + source.name + "=f32[...]");
        return Usage;
      }
      request->arguments.push_back({source.name, *source.dtype, source.shape});
    }
    runtime::Cache cache;
    Result<runtime::Artifact> artifact =
        compiler.compile(*request, options.usesCache() ? &cache : nullptr);
    return artifact ? show(*artifact) : failCompile(artifact.status());
  }

  SpecOptions options{sub};
};

} // namespace

std::unique_ptr<Command> lhc::makeInspectCommand() { return std::make_unique<InspectCommand>(); }
