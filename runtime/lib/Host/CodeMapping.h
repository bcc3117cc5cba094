//===- CodeMapping.h - An image in executable memory ------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_HOST_CODEMAPPING_H
#define LIGHTHOUSE_RUNTIME_LIB_HOST_CODEMAPPING_H

#include "lighthouse/runtime/Artifact.h"
#include "lighthouse/runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace lighthouse::runtime {

/// The memory of an image: text readable and executable, data readable, nothing writable.
class CodeMapping {
public:
  /// The mapping of a verified image: one that a program has, else a new copy. Artifacts that share
  /// an image so share its mapping, and a plan for another shape maps nothing.
  static Result<std::shared_ptr<const CodeMapping>>
  get(const std::shared_ptr<const CodeImage> &image);

  CodeMapping(CodeMapping &&other) noexcept
      : base(std::exchange(other.base, nullptr)), size(std::exchange(other.size, 0)) {}
  CodeMapping &operator=(CodeMapping &&other) noexcept {
    std::swap(base, other.base);
    std::swap(size, other.size);
    return *this;
  }
  ~CodeMapping();

  const std::uint8_t *data() const { return base; }

private:
  CodeMapping() = default;
  static Result<CodeMapping> create(const CodeImage &image);

  std::uint8_t *base = nullptr;
  std::size_t size = 0;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_HOST_CODEMAPPING_H
