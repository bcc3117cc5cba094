//===- CodeMapping.cpp - An image in executable memory --------------------===//

#include "CodeMapping.h"

#include "../Support/File.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

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

Result<std::shared_ptr<const CodeMapping>>
CodeMapping::get(const std::shared_ptr<const CodeImage> &image) {
  // By the owner of the image, which stays unique while it is in here. Never destroyed: programs
  // may be loaded while the process exits.
  using Mappings = std::map<std::weak_ptr<const CodeImage>, std::weak_ptr<const CodeMapping>,
                            std::owner_less<std::weak_ptr<const CodeImage>>>;
  static auto *mutex = new std::mutex;
  static auto *mappings = new Mappings;
  const std::lock_guard lock(*mutex);
  if (const auto known = mappings->find(image); known != mappings->end())
    if (std::shared_ptr<const CodeMapping> mapping = known->second.lock())
      return mapping;
  Result<CodeMapping> made = create(*image);
  if (!made)
    return made.status();
  const auto mapping = std::make_shared<const CodeMapping>(*std::move(made));
  std::erase_if(*mappings, [](const auto &entry) { return entry.second.expired(); });
  mappings->emplace(image, mapping);
  return mapping;
}

CodeMapping::~CodeMapping() {
  if (base)
    ::munmap(base, size);
}

} // namespace lighthouse::runtime
