//===- Frontend.h - Specifications in the .lh language ---------------------*- C++ -*-===//
//
// Parses kernel specifications and generates IR for instances of their definitions: kernels become
// `tile.kernel` ops, pipelines become functions over `lighthouse` ops. All errors go to a
// `Diagnostics`; nothing here aborts on bad input.
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_FRONTEND_FRONTEND_H
#define LIGHTHOUSE_FRONTEND_FRONTEND_H

#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Transforms/KernelProvider.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class MemoryBuffer;
}
namespace mlir::func {
class FuncOp;
}

namespace lighthouse::frontend {

/// A parameter of a kernel, pipeline or stage, as written.
struct ParamInfo {
  std::string name;
  std::string kind;         ///< int, bool, float or type
  std::string defaultValue; ///< empty if there is none
  bool needsExtents;        ///< its default follows from extents of tensors
  std::vector<std::string> choices;
};

/// An argument or result, as written: name "q", type "T[B, N, H, D]".
struct ArgumentInfo {
  std::string name;
  std::string type;
  std::string initialValue; ///< of a result of a kernel; empty if there is none
};

/// What a specification says about one of its kernels, pipelines or stages.
struct DefinitionInfo {
  enum class Kind { Kernel, Pipeline, Stage };
  Kind kind;
  std::string name;
  llvm::SMLoc loc;     ///< of the name
  std::string stage;   ///< that a kernel implements; empty if none
  std::string adjoint; ///< of a stage; empty if none
  std::string flops;   ///< of a stage; empty if not said
  bool imported;       ///< from another file than the one compiled
  std::vector<ParamInfo> params;
  std::vector<ArgumentInfo> arguments, results;
};

/// A value for a parameter as text: an int, true, false or the name of an element type.
struct ParamSetting {
  std::string name;
  std::string value;
};

/// A use of a kernel that leaves parameters with choices to their defaults.
struct TunableUse {
  struct Parameter {
    std::string name;
    std::string value; ///< that the instance has
    std::vector<std::string> choices;
  };
  std::string kernel;
  std::string instance; ///< symbol of the instance
  std::string params;   ///< the other parameters: "T=f32, D=64"
  std::string shapes;   ///< "q=f32[1, 8, 4096, 64], k=f32[1, 2, 4096, 64]"
  std::vector<Parameter> open;
};

/// Decides about the parameters that a use of a kernel leaves open.
class Tuner {
public:
  virtual ~Tuner() = default;

  /// Values for some of the open parameters; none: the defaults. `use` has no instance yet.
  virtual std::vector<ParamSetting> choose(const TunableUse &use) = 0;

  /// Hears that the chosen settings do not fit, and that the defaults hold.
  virtual void refused(const TunableUse &use, llvm::StringRef reason) = 0;

  /// Hears what a use got.
  virtual void decided(const TunableUse &use) = 0;
};

/// "kernel", "pipeline" or "stage".
llvm::StringRef spelling(DefinitionInfo::Kind kind);

/// The type of an argument: a ranked tensor, for kernels possibly with unknown extents, or a
/// scalar.
struct NamedType {
  std::string name;
  mlir::Type type;
};

/// The constant that a setting gives to a scalar argument: the text of a number, or `true` or
/// `false`, as an element type. Null if it means none of that type.
mlir::TypedAttr parseScalar(llvm::StringRef text, mlir::Type type);

/// Reads the file that an import names. `importer` is the name of the importing file's buffer. The
/// buffer's name identifies the file: one that is imported twice is read once.
using ImportResolver = std::function<llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>>(
    llvm::StringRef path, llvm::StringRef importer)>;

/// Reads a specification from a regular file ("-": standard input) of limited size.
llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> readSource(llvm::StringRef path);

/// Text of a file of the bundled library by its path in `kernels/`, null if there is none.
using BundledFiles = std::function<const char *(llvm::StringRef path)>;

/// A file of the bundled library as the first source; its imports come from the library alone.
std::unique_ptr<llvm::MemoryBuffer> bundledSource(llvm::StringRef path, llvm::StringRef text);

/// Looks for imports beside the importing file, then in the bundled library.
ImportResolver makeImportResolver(BundledFiles bundled = {});

/// A parsed and checked set of files. Refers to the diagnostics and their sources, which must
/// outlive it. Instances are made for the target of the module that they go into (`tile.target`);
/// they are errors where they ask the target and the module has none.
class Spec {
public:
  /// Parses the first buffer of the diagnostics' sources and the files that it imports. Null after
  /// errors.
  static std::unique_ptr<Spec> parse(Diagnostics &diagnostics, const ImportResolver &resolver);
  ~Spec();

  /// The kernels, pipelines and stages in the order of the files, imported ones first.
  const std::vector<DefinitionInfo> &definitions() const;

  /// Adds an instance of a kernel to `module`, or finds the equal one that is there. Parameters
  /// that are not set follow from `arguments` (in any order, not all needed) or are defaults.
  /// Settings of scalar arguments are for whoever launches it.
  mlir::FailureOr<tile::KernelOp> instantiateKernel(llvm::StringRef name,
                                                    llvm::ArrayRef<ParamSetting> settings,
                                                    llvm::ArrayRef<NamedType> arguments,
                                                    mlir::ModuleOp module);

  /// Adds a function for a pipeline on arguments of static shape, and the kernels that it launches
  /// itself. Settings may give scalar arguments, too; none may be missing. Arguments and results
  /// carry their names as `lighthouse.name`. `withAdjoints` adds the
  /// adjoints that declared stages have, as private functions; without them the pipeline cannot be
  /// differentiated through such stages.
  mlir::FailureOr<mlir::func::FuncOp> instantiatePipeline(llvm::StringRef name,
                                                          llvm::ArrayRef<ParamSetting> settings,
                                                          llvm::ArrayRef<NamedType> arguments,
                                                          mlir::ModuleOp module,
                                                          bool withAdjoints = false);

  /// Serves stages with the kernels of this specification that implement them: the first, in the
  /// order of the files, that is for the target of the module or for all and fits. A kernel whose
  /// buffers take more bytes than the target has does not fit, nor one with bulk copies if tensors
  /// are aligned to less than 16 bytes: `alignment` is what their addresses and rows are aligned to.
  /// The provider refers to the specification.
  std::unique_ptr<KernelProvider> makeKernelProvider(int64_t alignment = 16);

  /// From now on `tuner`, which may be null, decides about open parameters of kernels.
  void setTuner(Tuner *tuner);

private:
  friend class SpecKernelProvider;
  struct State;
  explicit Spec(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// Loads the dialects that instances use.
void loadDialects(mlir::MLIRContext &context);

/// While alive, turns errors that MLIR reports in a context (verifiers, passes) into diagnostics at
/// the place in the specification that their location names. `warn`, if it is set, receives warnings:
/// each one line with its place and without an end of line.
class DiagnosticBridge : public mlir::ScopedDiagnosticHandler {
public:
  using WarningHandler = std::function<void(const std::string &)>;
  DiagnosticBridge(mlir::MLIRContext *context, Diagnostics &diagnostics, WarningHandler warn = {});
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_FRONTEND_FRONTEND_H
