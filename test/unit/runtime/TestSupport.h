//===- TestSupport.h - Samples for the tests of the runtime -----*- C++ -*-===//

#ifndef LIGHTHOUSE_TEST_UNIT_RUNTIME_TESTSUPPORT_H
#define LIGHTHOUSE_TEST_UNIT_RUNTIME_TESTSUPPORT_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Cache.h"
#include "lighthouse/runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lighthouse::runtime::test {

/// Elements of the tensors of `sampleArtifact`.
inline constexpr std::int64_t sampleLength = 1000;

/// A program of two launches on f32[sampleLength]: t = a + b in the workspace, then
/// out = t * 0.5 + 1, the 1 from the read-only data of the image. The code is hand-assembled.
Artifact sampleArtifact(std::string key = "sample key");

/// `sampleArtifact` or `cudaSampleArtifact` with a second entry point, "scaled", which has its last
/// kernel alone: out = x * factor + 1, or + the number of blocks, the factor an f32 parameter.
Artifact withScaled(Artifact sample);

/// The smallest valid artifact: no kernels, no launches.
Artifact tinyArtifact(std::string key = "tiny");

/// An image of an artifact, to be changed; whoever shared it keeps the old one.
CodeImage &imageOf(Artifact &artifact, std::size_t index = 0);

/// `artifact.serialize()`, which must succeed.
std::vector<std::uint8_t> serialized(const Artifact &artifact);

/// A fresh directory with mode 0700, removed with everything in it at the end of the scope.
class TempDirectory {
public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory &) = delete;
  TempDirectory &operator=(const TempDirectory &) = delete;

  const std::string &path() const { return directory; }
  std::string operator/(std::string_view name) const;

private:
  std::string directory;
};

/// An environment variable set (or, with null, unset) for a scope.
class ScopedEnvironment {
public:
  ScopedEnvironment(const char *name, const char *value);
  ~ScopedEnvironment();
  ScopedEnvironment(const ScopedEnvironment &) = delete;
  ScopedEnvironment &operator=(const ScopedEnvironment &) = delete;

private:
  std::string name;
  std::string previous;
  bool wasSet;
};

/// Options of a cache in `directory` whose warnings go to `warnings`, or nowhere if it is null.
CacheOptions cacheOptions(const std::string &directory, std::vector<std::string> *warnings);

/// Path of the entry with this key.
std::string entryPath(const std::string &directory, std::string_view key);

/// All bytes of a file.
std::vector<std::uint8_t> readBytes(const std::string &path);

/// Replaces a file by these bytes.
void writeBytes(const std::string &path, const std::vector<std::uint8_t> &bytes);

/// What a shell command prints on stdout and stderr.
std::string outputOf(const std::string &command);

/// Names in a directory that start with `prefix`.
std::vector<std::string> namesWithPrefix(const std::string &directory, std::string_view prefix);

} // namespace lighthouse::runtime::test

#endif // LIGHTHOUSE_TEST_UNIT_RUNTIME_TESTSUPPORT_H
