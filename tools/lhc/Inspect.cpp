//===- Inspect.cpp - lhc inspect --------------------------------------------------------------===//

#include "Ceilings.h"
#include "Gpu.h"
#include "KernelUsage.h"
#include "SpecOptions.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

namespace {

using frontend::ArgumentInfo;
using frontend::DefinitionInfo;
using frontend::ParamInfo;
using Arguments = std::vector<ArgumentInfo>;

std::string spell(const Arguments &arguments) {
  auto spellOne = [](const ArgumentInfo &argument) {
    std::string initial = argument.initialValue.empty() ? "" : " = " + argument.initialValue;
    return argument.name + ": " + argument.type + initial;
  };
  return llvm::formatv("({0})", llvm::join(llvm::map_range(arguments, spellOne), ", "));
}

llvm::json::Array toJson(const Arguments &arguments) {
  llvm::json::Array list;
  for (const ArgumentInfo &argument : arguments) {
    llvm::json::Object one{{"name", argument.name}, {"type", argument.type}};
    if (!argument.initialValue.empty())
      one["initial_value"] = argument.initialValue;
    list.push_back(std::move(one));
  }
  return list;
}

void printDefinition(const DefinitionInfo &definition) {
  llvm::raw_ostream &out = llvm::outs();
  out << frontend::spelling(definition.kind) << " " << definition.name
      << spell(definition.arguments) << " -> " << spell(definition.results) << "\n";
  if (!definition.stage.empty())
    out << "  implements " << definition.stage << "\n";
  if (!definition.adjoint.empty())
    out << "  adjoint " << definition.adjoint << "\n";
  if (!definition.flops.empty())
    out << "  flops " << definition.flops << "\n";
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
  return llvm::json::Object{{"kind", frontend::spelling(definition.kind)},
                            {"name", definition.name},
                            {"implements", definition.stage},
                            {"adjoint", definition.adjoint},
                            {"flops", definition.flops},
                            {"parameters", std::move(parameters)},
                            {"arguments", toJson(definition.arguments)},
                            {"results", toJson(definition.results)}};
}

/// Bytes of code of a kernel: up to the next entry in its image; after the last one, pages are filled
/// with zeros.
int64_t codeBytes(const runtime::Artifact &artifact, const runtime::Plan &plan,
                  const runtime::KernelSpec &kernel) {
  const runtime::CodeImage &image = *artifact.images[size_t(kernel.image)];
  int64_t end = image.textBytes;
  for (const runtime::KernelSpec &other : plan.kernels)
    if (other.image == kernel.image && other.entry > kernel.entry)
      end = std::min(end, other.entry);
  while (end > kernel.entry && image.bytes[size_t(end) - 1] == 0)
    --end;
  return end - kernel.entry;
}

/// Bytes of the images that a plan uses.
int64_t imageBytes(const runtime::Artifact &artifact, const runtime::Plan &plan) {
  std::set<int64_t> images;
  int64_t bytes = 0;
  for (const runtime::KernelSpec &kernel : plan.kernels)
    if (images.insert(kernel.image).second)
      bytes += int64_t(artifact.images[size_t(kernel.image)]->bytes.size());
  return bytes;
}

int64_t blocks(const runtime::LaunchSpec &launch) {
  return int64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2];
}

std::string milliseconds(std::optional<double> seconds) {
  return seconds ? llvm::formatv("{0:F4}", *seconds * 1e3).str() : "unknown";
}

void printTensors(llvm::StringRef title, const std::vector<runtime::TensorSpec> &tensors) {
  for (const runtime::TensorSpec &tensor : tensors)
    llvm::outs() << title << " " << tensor.name << ": "
                 << runtime::formatTensorType(tensor.dtype, tensor.shape) << "\n";
}

void printHostKernels(const runtime::Artifact &artifact, const runtime::Plan &plan) {
  for (const runtime::KernelSpec &kernel : plan.kernels) {
    llvm::outs() << "kernel " << kernel.name << ": " << codeBytes(artifact, plan, kernel)
                 << " bytes of code, " << kernel.stackBytes << " bytes of stack, " << kernel.args.size() << " arguments";
    if (!kernel.dims.empty())
      llvm::outs() << ", dims " << llvm::join(kernel.dims, ", ");
    llvm::outs() << "\n";
  }
}

/// Everything but the kernels.
void printPlan(const runtime::Artifact &artifact, const runtime::Plan &plan,
               llvm::function_ref<void()> printKernels) {
  llvm::raw_ostream &out = llvm::outs();
  out << "plan " << plan.name << ", " << plan.target << " " << plan.cpuLevel << plan.arch
      << ", code of " << imageBytes(artifact, plan) << " bytes\n";
  printTensors("input", plan.inputs);
  printTensors("output", plan.outputs);
  for (const runtime::ParameterSpec &parameter : plan.parameters)
    out << "parameter " << parameter.name << ": " << runtime::dtypeName(parameter.dtype) << "\n";
  out << "workspace: " << plan.workspaceBytes << " bytes, " << plan.buffers.size() << " buffers\n";
  for (const runtime::BufferSpec &buffer : plan.buffers)
    out << "  at " << buffer.offset << ": " << runtime::formatTensorType(buffer.dtype, buffer.shape)
        << "\n";
  printKernels();
  for (const runtime::LaunchSpec &launch : plan.launches) {
    out << "launch " << plan.kernels[launch.kernel].name << " (" << launch.stage << ") grid "
        << llvm::formatv("[{0}, {1}, {2}]", launch.grid[0], launch.grid[1], launch.grid[2]);
    if (plan.target == "cuda")
      out << ", " << blocks(launch) << " blocks of " << plan.kernels[launch.kernel].threads
          << " threads";
    if (!launch.fills.empty())
      out << ", fills " << launch.fills.size() << " of its arguments first";
    out << "\n";
  }
}

/// The least work of the stages, and how long it takes at least.
void printWork(const std::vector<StageWork> &works, const Ceilings &ceilings) {
  llvm::raw_ostream &out = llvm::outs();
  out << "least work, floors at " << ceilings.text() << "\n";
  out << llvm::formatv("{0,-22} {1,10} {2,10} {3,10} {4,10}\n", "stage", "read MB", "write MB",
                       "GFLOP", "floor ms");
  std::optional<double> total = 0;
  for (const StageWork &work : works) {
    std::optional<double> floor = ceilings.floor(work);
    total = floor && total ? std::optional(*total + *floor) : std::nullopt;
    out << llvm::formatv("{0,-22} {1,10:F2} {2,10:F2} {3,10:F2} {4,10}\n", work.stage,
                         work.bytesRead / 1e6, work.bytesWritten / 1e6, work.flops / 1e9,
                         milliseconds(floor));
  }
  out << llvm::formatv("{0,-22} {1,43}\n", "total", milliseconds(total));
}

llvm::json::Array toJson(const std::vector<StageWork> &works, const Ceilings &ceilings) {
  llvm::json::Array list;
  for (const StageWork &work : works) {
    std::optional<double> floor = ceilings.floor(work);
    list.push_back(llvm::json::Object{
        {"stage", work.stage},
        {"launches", llvm::json::Array(work.launches)},
        {"bytes_read", work.bytesRead},
        {"bytes_written", work.bytesWritten},
        {"flops", work.flops},
        {"floor_seconds", floor ? llvm::json::Value(*floor) : llvm::json::Value(nullptr)}});
  }
  return list;
}

llvm::json::Object toJson(const runtime::Artifact &artifact, const runtime::Plan &plan) {
  llvm::json::Object object{{"image_bytes", imageBytes(artifact, plan)},
                            {"key", llvm::json::fixUTF8(artifact.key)}};
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(plan.toJson());
  if (parsed)
    object["plan"] = std::move(*parsed);
  else
    llvm::consumeError(parsed.takeError());
  if (plan.target == "cuda")
    return object;
  llvm::json::Array code;
  for (const runtime::KernelSpec &kernel : plan.kernels)
    code.push_back(codeBytes(artifact, plan, kernel));
  object["code_bytes"] = std::move(code);
  return object;
}

class InspectCommand : public Command {
public:
  InspectCommand()
      : Command("inspect", "Describe a specification, a compiled pipeline, or an artifact file") {}

  int run() override {
    if (isArtifact(options.spec)) {
      Result<runtime::Artifact> artifact = runtime::Artifact::readFile(options.spec);
      return artifact ? show(*artifact) : failInput(artifact.status());
    }
    Result<Request> request = options.request();
    Result<std::vector<ArgumentType>> types = options.types("lhc inspect");
    for (const Status &status : {request.status(), types.status()})
      if (!status.ok()) {
        printError(status.message());
        return Usage;
      }
    request->arguments = *std::move(types);
    Result<Compiler> compiler = options.open();
    if (!compiler)
      return failCompile(compiler.status());
    return options.namesDefinition() ? showCompiled(*compiler, *request)
                                     : showDefinitions(*compiler);
  }

private:
  int show(const runtime::Artifact &artifact) {
    llvm::json::Array entryPoints;
    for (const runtime::Plan &plan : artifact.plans) {
      if (plan.target == "cuda")
        showCuda(artifact, plan, entryPoints);
      else if (json)
        entryPoints.push_back(toJson(artifact, plan));
      else
        printPlan(artifact, plan, [&] { printHostKernels(artifact, plan); });
    }
    if (json && entryPoints.size() == 1)
      printJson(std::move(entryPoints.front()));
    else if (json)
      printJson(llvm::json::Object{{"entry_points", std::move(entryPoints)}});
    return Ok;
  }

  /// Prints one entry point, or adds it to `entryPoints`.
  void showCuda(const runtime::Artifact &artifact, const runtime::Plan &plan,
                llvm::json::Array &entryPoints) {
    std::optional<runtime::cuda::DeviceInfo> device = findDevice(llvm::StringRef(plan.arch));
    Ceilings ceilings = ceilingOptions.resolve(device ? device->name : std::string(), plan.arch);
    KernelUsages usages = usageOf(artifact, plan, options.cache().get());
    std::vector<StageWork> works = workOf(plan);
    if (!json) {
      printPlan(artifact, plan, [&] { printUsage(usages); });
      printWork(works, ceilings);
      return;
    }
    llvm::json::Object object = toJson(artifact, plan);
    object["device"] =
        device ? llvm::json::Value(lhc::toJson(*device)) : llvm::json::Value(nullptr);
    object["kernels"] = lhc::toJson(usages);
    object["ceilings"] = ceilings.json();
    object["stages"] = toJson(works, ceilings);
    llvm::json::Array counts;
    for (const runtime::LaunchSpec &launch : plan.launches)
      counts.push_back(blocks(launch));
    object["launch_blocks"] = std::move(counts);
    entryPoints.push_back(std::move(object));
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

  int showCompiled(Compiler &compiler, const Request &request) {
    Result<runtime::Artifact> artifact = compiler.compile(request, options.cache());
    if (!artifact)
      return failCompile(artifact.status());
    return show(*artifact);
  }

  SpecOptions options{sub};
  CeilingOptions ceilingOptions{sub};
};

} // namespace

std::unique_ptr<Command> lhc::makeInspectCommand() { return std::make_unique<InspectCommand>(); }
