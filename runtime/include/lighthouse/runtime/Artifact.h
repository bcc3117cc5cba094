//===- Artifact.h - A compiled pipeline in one file -------------*- C++ -*-===//
//
// The byte format is described in runtime/README.md.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_ARTIFACT_H
#define LIGHTHOUSE_RUNTIME_ARTIFACT_H

#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lighthouse::runtime {

/// Granularity at which the text and rodata of an image are protected, in bytes.
inline constexpr std::uint64_t imagePageBytes = 4096;

/// Code that is loaded as a whole: one kernel or several.
struct CodeImage {
  enum class Kind : std::uint32_t {
    /// Host: position-independent native code without relocations or imports; text, then read-only
    /// data.
    Native = 0,
    /// CUDA: PTX as text, which the driver compiles when the program is loaded.
    Ptx = 1,
    /// CUDA: a cubin (an ELF file), for one compute capability.
    Cubin = 2,
  };

  Kind kind = Kind::Native;
  std::vector<std::uint8_t> bytes;
  /// Native only: how many of the bytes are text, the padding included. A multiple of
  /// `imagePageBytes` if data follows, so that the data is never executable.
  std::uint64_t textBytes = 0;

  bool operator==(const CodeImage &) const = default;
};

/// "native", "PTX" or "cubin".
std::string_view imageKindName(CodeImage::Kind kind);

/// Limits a decoder checks before it allocates.
struct ArtifactLimits {
  static constexpr std::uint64_t keyBytes = std::uint64_t(1) << 20;
  static constexpr std::uint64_t imageBytes = std::uint64_t(256) << 20;
  /// Header, key, plans, images and checksum together.
  static constexpr std::uint64_t fileBytes = std::uint64_t(512) << 20;
};

/// Everything that is needed to run one pipeline or several that belong together, such as a forward
/// and a backward pass. They are the entry points of the artifact and share its code.
struct Artifact {
  /// The full text of what the result depends on: source, options, target, compiler version.
  std::string key;
  /// One for each entry point, with different names, all for the same target.
  std::vector<Plan> plans;
  /// Never null. Artifacts whose plans differ and whose code does not may share them.
  std::vector<std::shared_ptr<const CodeImage>> images;

  /// Equal images need not be the same.
  bool operator==(const Artifact &other) const;

  /// The entry point of that name; of an artifact with only one an empty name means that. The
  /// message of the error, an `InvalidArgument`, lists the names.
  Result<const Plan *> entryPoint(std::string_view name = {}) const;

  /// Checks the plans, that they agree on the target, that the kinds of the images fit it, that
  /// every kernel has an image and native code its entry in the text of it, that PTX is text, and
  /// that a cubin is a whole ELF file.
  Status verify() const;

  /// The bytes of the file. Fails if `verify()` does.
  Result<std::vector<std::uint8_t>> serialize() const;

  /// Reads what `serialize` wrote. Errors: `Corrupt` for anything that is truncated, changed or out
  /// of bounds; `Unsupported` for another format version; `OutOfMemory`. Bytes after the end are an
  /// error.
  static Result<Artifact> deserialize(std::span<const std::uint8_t> bytes);

  /// Reads an artifact from a regular file of the caller's choice. Errors besides those of
  /// `deserialize`: `NotFound`, `InvalidArgument` if it is no regular file, `SystemError`.
  static Result<Artifact> readFile(const std::string &path);

  /// Writes the artifact to `path`, through a temporary file beside it and a rename, so that
  /// readers see the old file or the new one.
  Status writeFile(const std::string &path) const;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_ARTIFACT_H
