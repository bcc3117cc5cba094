//===- Compile.cpp - lhc compile --------------------------------------------------------------===//

#include "SpecOptions.h"
#include "support/Files.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <sys/resource.h>
#include <unistd.h>

using namespace lhc;
using namespace lighthouse;
using frontend::ArgumentInfo;
using frontend::DefinitionInfo;
using frontend::ParamInfo;
namespace cl = llvm::cl;

namespace {

/// Address space that compiling may take. AddressSanitizer reserves more for itself.
[[maybe_unused]] constexpr rlim_t memoryLimit = rlim_t(2) << 30;

/// Address space that the process has already. A CUDA driver reserves much when it is opened.
[[maybe_unused]] rlim_t addressSpace() {
  auto file = llvm::MemoryBuffer::getFileAsStream("/proc/self/statm");
  uint64_t pages = 0;
  if (file)
    (void)(*file)->getBuffer().split(' ').first.getAsInteger(10, pages);
  return rlim_t(pages) * rlim_t(sysconf(_SC_PAGESIZE));
}

/// To be called when the target is known, and with it the driver opened if there is one.
void limitMemory() {
#if !defined(__SANITIZE_ADDRESS__)
  rlim_t most = addressSpace() + memoryLimit;
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 &&
      (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > most)) {
    limit.rlim_cur = most;
    (void)setrlimit(RLIMIT_AS, &limit);
  }
#endif
}

class CompileCommand : public Command {
public:
  CompileCommand() : Command("compile", "Compile a specification and print any phase of it") {
    for (const PhaseInfo &phase : allPhases())
      emit.getParser().addLiteralOption(phase.name, phase.phase, phase.summary);
  }

  int run() override {
    Result<Request> request = options.request();
    limitMemory();
    if (!request) {
      printError(request.status().message());
      return Usage;
    }
    Result<std::vector<ArgumentType>> types = options.types("lhc compile");
    if (!types) {
      printError(types.status().message());
      return Usage;
    }
    request->arguments = *std::move(types);
    if (isBinary() && !output.empty() && !options.namesDefinition()) {
      printError("-o with --emit=" + info(emit).name + " needs --kernel or --pipeline");
      return Usage;
    }
    if (isBinary() && output == "-" && json) {
      printError("--json and the bytes of --emit=" + info(emit).name +
                 " cannot both go to stdout: give a file with -o");
      return Usage;
    }
    Result<Compiler> compiler = options.open();
    if (!compiler)
      return failCompile(compiler.status());
    return options.namesDefinition() ? compileOne(*compiler, *request)
                                     : compileAll(*compiler, *request);
  }

private:
  int compileOne(Compiler &compiler, const Request &request) {
    Result<std::string> text = compiler.emit(request, emit);
    if (!text)
      return failCompile(text.status());
    return write(*text);
  }

  /// Every definition of the file whose parameters all follow from defaults and settings.
  int compileAll(Compiler &compiler, const Request &request) {
    if (std::string unused = whatNoneHas(compiler, request); !unused.empty()) {
      printError("no definition of the file has " + unused);
      return InvalidInput;
    }
    bool toFile = !output.empty() && output != "-";
    std::string all;
    llvm::json::Array list;
    int code = Ok;
    for (const DefinitionInfo &definition : compiler.definitions()) {
      if (definition.imported || definition.kind == DefinitionInfo::Kind::Stage)
        continue;
      Request own = requestFor(definition, request);
      llvm::json::Object entry{{"name", definition.name}};
      if (std::string missing = whatIsMissing(definition, own); !missing.empty()) {
        printNote((own.kind == Request::Kind::Kernel ? "kernel '" : "pipeline '") +
                  definition.name + "' is not compiled: it needs " + missing);
        entry["needs"] = missing;
        list.push_back(std::move(entry));
        continue;
      }
      if (!options.dumpDirectory().empty())
        compiler.setDumpDirectory(options.dumpDirectory() + "/" + definition.name);
      Phase phase = phaseFor(definition, own);
      if (Result<std::string> text = compiler.emit(own, phase); !text) {
        code = std::max(code, failCompile(text.status()));
        entry["error"] = llvm::json::fixUTF8(text.status().message());
      } else {
        entry["phase"] = info(phase).name;
        entry["bytes"] = int64_t(text->size());
        if (isBinary())
          llvm::errs() << "compiled " << definition.name << "\n";
        else if (json && !toFile)
          entry["text"] = llvm::json::fixUTF8(*text);
        else
          all += *text;
      }
      list.push_back(std::move(entry));
      if (!compiler.isUsable())
        break;
    }
    if (code == Ok && !isBinary() && (toFile || !json))
      code = writeText(all);
    if (json)
      printJson(llvm::json::Object{{"definitions", std::move(list)}});
    return code;
  }

  template <typename T> static bool hasName(const std::vector<T> &list, llvm::StringRef name) {
    return llvm::any_of(list, [&](const T &one) { return one.name == name; });
  }

  /// What of `request` is for `definition`; others of the file have other parameters and arguments.
  static Request requestFor(const DefinitionInfo &definition, Request request) {
    request.kind = definition.kind == DefinitionInfo::Kind::Kernel ? Request::Kind::Kernel
                                                                   : Request::Kind::Pipeline;
    request.name = definition.name;
    llvm::erase_if(request.settings, [&](const auto &setting) {
      return !hasName(definition.params, setting.first);
    });
    llvm::erase_if(request.arguments, [&](const ArgumentType &type) {
      return !hasName(definition.arguments, type.name);
    });
    return request;
  }

  /// The first parameter or argument of `request` that is for no definition, in words.
  static std::string whatNoneHas(const Compiler &compiler, const Request &request) {
    auto isOf = [&](auto member, llvm::StringRef name) {
      return llvm::any_of(compiler.definitions(), [&](const DefinitionInfo &definition) {
        return !definition.imported && definition.kind != DefinitionInfo::Kind::Stage &&
               hasName(definition.*member, name);
      });
    };
    for (const auto &[name, value] : request.settings)
      if (!isOf(&DefinitionInfo::params, name))
        return "a parameter '" + name + "'";
    for (const ArgumentType &type : request.arguments)
      if (!isOf(&DefinitionInfo::arguments, type.name))
        return "an argument '" + type.name + "'";
    return "";
  }

  /// A kernel of open shape has neither the phases of a pipeline nor an artifact.
  Phase phaseFor(const DefinitionInfo &definition, const Request &request) const {
    if (definition.kind == DefinitionInfo::Kind::Pipeline || hasAllTypes(definition, request))
      return emit;
    if (emit == Phase::Artifact)
      return request.isCuda() ? Phase::Ptx : Phase::Obj;
    return std::max<Phase>(emit, Phase::Tile);
  }

  bool isBinary() const { return emit == Phase::Obj || emit == Phase::Artifact; }

  static bool hasAllTypes(const DefinitionInfo &definition, const Request &request) {
    return llvm::all_of(definition.arguments, [&](const ArgumentInfo &argument) {
      return hasName(request.arguments, argument.name);
    });
  }

  /// What --set and --arg do not say, in words; empty if nothing is missing.
  static std::string whatIsMissing(const DefinitionInfo &definition, const Request &request) {
    if (definition.kind == DefinitionInfo::Kind::Pipeline) {
      for (const ArgumentInfo &argument : definition.arguments)
        if (!hasName(request.arguments, argument.name))
          return "--arg " + argument.name + "=TYPE for " + argument.type;
      return "";
    }
    if (hasAllTypes(definition, request))
      return "";
    for (const ParamInfo &parameter : definition.params) {
      bool isSet = llvm::any_of(request.settings,
                                [&](auto &setting) { return setting.first == parameter.name; });
      if (isSet)
        continue;
      if (parameter.defaultValue.empty())
        return "--set " + parameter.name + "=VALUE";
      if (parameter.needsExtents)
        return "--set " + parameter.name +
               "=VALUE, as the default follows from the shapes of arguments";
    }
    return "";
  }

  int write(llvm::StringRef text) {
    if (output.empty() && isBinary()) {
      // Bytes on a terminal help no one.
      if (json) {
        printJson(llvm::json::Object{{"phase", info(emit).name}, {"bytes", int64_t(text.size())}});
      } else {
        llvm::errs() << "compiled: " << text.size() << " bytes of " << info(emit).name
                     << " (-o FILE or -o - writes them)\n";
      }
      return Ok;
    }
    std::string path = output.empty() ? "-" : output.getValue();
    if (path == "-" && json) {
      printJson(
          llvm::json::Object{{"phase", info(emit).name}, {"text", llvm::json::fixUTF8(text)}});
      return Ok;
    }
    int code = writeText(text);
    if (json && code == Ok)
      printJson(llvm::json::Object{
          {"phase", info(emit).name}, {"file", path}, {"bytes", int64_t(text.size())}});
    return code;
  }

  /// To the file of -o, or to stdout.
  int writeText(llvm::StringRef text) {
    if (output.empty() || output == "-") {
      llvm::outs() << text;
      return Ok;
    }
    Status status = support::writeFile(output, {text});
    return status.ok() ? Ok : failRun(status);
  }

  SpecOptions options{sub};
  cl::opt<Phase> emit{"emit", cl::desc("What to print:"), cl::init(Phase::Artifact), cl::sub(sub)};
  cl::opt<std::string> output{"o", cl::desc("Output file, - for stdout"), cl::value_desc("file"),
                              cl::sub(sub)};
};

} // namespace

std::unique_ptr<Command> lhc::makeCompileCommand() { return std::make_unique<CompileCommand>(); }
