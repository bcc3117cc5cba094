//===- CApi.cpp - The C interface of the compiler ---------------------------------------------===//

#include "lighthouse/compiler.h"

#include "Border.h"
#include "Descriptions.h"
#include "Programs.h"
#include "Specs.h"

using namespace lighthouse;
using runtime::describeElement;
using runtime::guarded;
using runtime::HandleRegistry;
using runtime::invalid;
using runtime::readStruct;
using runtime::Result;
using runtime::Status;
using runtime::writeStruct;

//===------------------------------------------------------------------------------------------===//
// What handles stand for
//===------------------------------------------------------------------------------------------===//

namespace {

/// An artifact and its bytes.
struct StoredArtifact {
  runtime::Artifact artifact;
  std::vector<uint8_t> bytes;
};

} // namespace

// None is ever destroyed: threads may still be at work while the process exits.

HandleRegistry<lh_spec, OpenSpec> &lighthouse::specs() {
  static auto *registry = new HandleRegistry<lh_spec, OpenSpec>("spec");
  return *registry;
}

static HandleRegistry<lh_artifact, StoredArtifact> &artifacts() {
  static auto *registry = new HandleRegistry<lh_artifact, StoredArtifact>("artifact");
  return *registry;
}

static HandleRegistry<lh_signature, Signature> &signatures() {
  static auto *registry = new HandleRegistry<lh_signature, Signature>("signature");
  return *registry;
}

//===------------------------------------------------------------------------------------------===//
// Specifications
//===------------------------------------------------------------------------------------------===//

Status lighthouse::trimmed(const Status &error) {
  std::string message = error.message();
  message.erase(message.find_last_not_of('\n') + 1);
  return Status(error.code(), std::move(message));
}

/// Stores a handle for the specification that `open` makes with the options. `source` is the
/// pointer, called `what`, that the caller passed.
template <typename Open>
static Status openSpec(const char *what, const void *source, const lh_spec_options *options,
                       lh_spec *spec, Open open) {
  if (!source || !spec)
    return invalid(fmt::format("{} is null", source ? "spec" : what));
  *spec = nullptr;
  Result<SpecSettings> settings = readOptions(options);
  if (!settings)
    return settings.status();
  Result<Compiler> compiler = open(std::move(settings->compiler));
  if (!compiler)
    return trimmed(compiler.status());
  *spec = specs().add(
      std::make_shared<const OpenSpec>(*std::move(compiler), *std::move(settings)));
  return {};
}

lh_status lh_spec_open(const char *path, const lh_spec_options *options, lh_spec *spec) {
  return guarded(__func__, [&] {
    return openSpec("path", path, options, spec, [&](CompilerOptions compiler) {
      // For the compiler "-" is the standard input, which is the host program's.
      std::string file = path;
      return Compiler::open(file == "-" ? "./-" : file, std::move(compiler));
    });
  });
}

lh_status lh_spec_parse(const char *name, const char *text, size_t size,
                        const lh_spec_options *options, lh_spec *spec) {
  return guarded(__func__, [&]() -> Status {
    if (!name)
      return invalid("name is null");
    return openSpec("text", text, options, spec, [&](CompilerOptions compiler) {
      return Compiler::parse(name, std::string(text, size), std::move(compiler));
    });
  });
}

lh_status lh_spec_bundled(const char *name, const lh_spec_options *options, lh_spec *spec) {
  return guarded(__func__, [&] {
    return openSpec("name", name, options, spec, [&](CompilerOptions compiler) {
      return Compiler::openBundled(name, std::move(compiler));
    });
  });
}

lh_status lh_spec_query(lh_spec spec, lh_spec_info *info) {
  return guarded(__func__, [&]() -> Status {
    auto found = specs().find(spec);
    if (!found)
      return found.status();
    lh_spec_info fields = {};
    if (Status status = readStruct("info", info, sizeof fields, fields); !status.ok())
      return status;
    fields.num_definitions = (*found)->descriptions.size();
    writeStruct(fields, info);
    return {};
  });
}

lh_status lh_spec_definition(lh_spec spec, size_t index, lh_definition_info *info) {
  return guarded(__func__, [&]() -> Status {
    auto found = specs().find(spec);
    if (!found)
      return found.status();
    const Descriptions &descriptions = (*found)->descriptions;
    lh_definition_info fields = {};
    if (Status status = readStruct("info", info, sizeof fields, fields); !status.ok())
      return status;
    if (index >= descriptions.size())
      return invalid(fmt::format("there is no definition number {}; the specification has {}", index,
                                 descriptions.size()));
    descriptions.fill(index, fields);
    writeStruct(fields, info);
    return {};
  });
}

lh_status lh_spec_release(lh_spec spec) {
  return guarded(__func__, [&] { return specs().release(spec); });
}

//===------------------------------------------------------------------------------------------===//
// Compiling
//===------------------------------------------------------------------------------------------===//

static Result<runtime::Artifact> compile(const OpenSpec &spec, const FullRequest &full) {
  Result<runtime::Artifact> artifact =
      spec.compiler.compile(full.request, cacheFor(spec, full));
  if (!artifact)
    return trimmed(artifact.status());
  return artifact;
}

const char *lh_compiler_version(void) {
  static const std::string text = fmt::format("{} (LLVM {})", compilerVersion(), llvmVersion());
  return text.c_str();
}

lh_status lh_compile(lh_spec spec, const lh_request *request, lh_program *program) {
  return guarded(__func__, [&]() -> Status {
    if (!program)
      return invalid("program is null");
    *program = nullptr;
    lh_load_options load = {};
    load.struct_size = sizeof load;
    std::string entryPoint;
    Result<runtime::Artifact> artifact =
        withCompiler(spec, request, [&](const OpenSpec &open, FullRequest &full) {
          if (full.request.isCuda() && !full.device)
            return Result<runtime::Artifact>(invalid(
                fmt::format("request->target is '{}', which is no device to load the program to; "
                            "lh_compile_artifact compiles for it",
                            full.request.arch)));
          load.device = full.device.value_or(0);
          load.use_cache = full.useCache;
          load.stream = full.stream;
          entryPoint = full.entryPoint;
          open.tuner.beforeUse(open.compiler, workOf(open, full, tuning::defaultRepeat));
          return compile(open, full);
        });
    if (!artifact)
      return artifact.status();
    load.entry_point = entryPoint.c_str();
    Result<lh_program> loaded = runtime::addProgram(*artifact, load);
    if (!loaded)
      return loaded.status();
    *program = *loaded;
    return {};
  });
}

lh_status lh_compile_artifact(lh_spec spec, const lh_request *request, lh_artifact *artifact) {
  return guarded(__func__, [&]() -> Status {
    if (!artifact)
      return invalid("artifact is null");
    *artifact = nullptr;
    Result<runtime::Artifact> compiled = withCompiler(spec, request, compile);
    if (!compiled)
      return compiled.status();
    Result<std::vector<uint8_t>> bytes = compiled->serialize();
    if (!bytes)
      return bytes.status();
    *artifact = artifacts().add(std::make_shared<const StoredArtifact>(
        StoredArtifact{*std::move(compiled), *std::move(bytes)}));
    return {};
  });
}

//===------------------------------------------------------------------------------------------===//
// Artifacts
//===------------------------------------------------------------------------------------------===//

lh_status lh_artifact_bytes(lh_artifact artifact, const void **bytes, size_t *size) {
  return guarded(__func__, [&]() -> Status {
    if (!bytes || !size)
      return invalid(fmt::format("{} is null", bytes ? "size" : "bytes"));
    *bytes = nullptr;
    *size = 0;
    auto found = artifacts().find(artifact);
    if (!found)
      return found.status();
    *bytes = (*found)->bytes.data();
    *size = (*found)->bytes.size();
    return {};
  });
}

lh_status lh_artifact_save(lh_artifact artifact, const char *path) {
  return guarded(__func__, [&]() -> Status {
    auto found = artifacts().find(artifact);
    if (!found)
      return found.status();
    if (!path)
      return invalid("path is null");
    return (*found)->artifact.writeFile(path);
  });
}

lh_status lh_artifact_release(lh_artifact artifact) {
  return guarded(__func__, [&] { return artifacts().release(artifact); });
}

//===------------------------------------------------------------------------------------------===//
// Signatures
//===------------------------------------------------------------------------------------------===//

lh_status lh_infer(lh_spec spec, const lh_request *request, lh_signature *signature) {
  return guarded(__func__, [&]() -> Status {
    if (!signature)
      return invalid("signature is null");
    *signature = nullptr;
    Result<Signature> inferred =
        withCompiler(spec, request, [](const OpenSpec &open, FullRequest &full) {
          return open.compiler.infer(full.request, full.entryPoint);
        });
    if (!inferred)
      return trimmed(inferred.status());
    *signature = signatures().add(std::make_shared<const Signature>(*std::move(inferred)));
    return {};
  });
}

lh_status lh_signature_query(lh_signature signature, lh_signature_info *info) {
  return guarded(__func__, [&]() -> Status {
    auto found = signatures().find(signature);
    if (!found)
      return found.status();
    lh_signature_info fields = {};
    if (Status status = readStruct("info", info, sizeof fields, fields); !status.ok())
      return status;
    fields.num_inputs = (*found)->inputs.size();
    fields.num_outputs = (*found)->outputs.size();
    writeStruct(fields, info);
    return {};
  });
}

/// Fills `info` from element `index` of the inputs or outputs of a signature.
static Status describe(lh_signature signature, std::vector<ArgumentType> Signature::*tensors,
                       size_t index, lh_tensor_info *info) {
  auto found = signatures().find(signature);
  if (!found)
    return found.status();
  return describeElement("signature", (**found).*tensors, index, info);
}

lh_status lh_signature_input(lh_signature signature, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describe(signature, &Signature::inputs, index, info); });
}

lh_status lh_signature_output(lh_signature signature, size_t index, lh_tensor_info *info) {
  return guarded(__func__, [&] { return describe(signature, &Signature::outputs, index, info); });
}

lh_status lh_signature_release(lh_signature signature) {
  return guarded(__func__, [&] { return signatures().release(signature); });
}
