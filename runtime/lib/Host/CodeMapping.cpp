//===- CodeMapping.cpp - An image in executable memory --------------------===//

#include "CodeMapping.h"

#include "../Support/File.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace lighthouse::runtime {

static std::size_t roundUpToPage(std::size_t bytes) {
  return (bytes + imagePageBytes - 1) / imagePageBytes * imagePageBytes;
}

static Status mappingError(const char *action, int error) {
  return Status(StatusCode::SystemError,
                std::string("cannot ") + action + " memory for code: " + errorText(error));
}

Result<CodeMapping> CodeMapping::create(const CodeImage &image) {
  CodeMapping mapping;
  if (image.bytes.empty())
    return mapping;
  const std::size_t size = roundUpToPage(image.bytes.size());
  // Never writable and executable at the same time.
  void *memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return mappingError("map", errno);
  mapping.base = static_cast<std::uint8_t *>(memory);
  mapping.size = size;
  std::memcpy(mapping.base, image.bytes.data(), image.bytes.size());

  const std::size_t text = roundUpToPage(image.textBytes);
  if (text != 0 && ::mprotect(mapping.base, text, PROT_READ | PROT_EXEC) != 0)
    return mappingError("make executable the", errno);
  if (text != size && ::mprotect(mapping.base + text, size - text, PROT_READ) != 0)
    return mappingError("protect", errno);
  return mapping;
}

CodeMapping::~CodeMapping() {
  if (base)
    ::munmap(base, size);
}

} // namespace lighthouse::runtime
