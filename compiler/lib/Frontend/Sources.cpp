//===- Sources.cpp - Reading specifications and their imports ---------------------------===//
#include "lighthouse/Frontend/Frontend.h"

#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace lighthouse::frontend;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

using MaybeBuffer = llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>>;

static constexpr llvm::StringLiteral bundledPrefix = "<bundled>/";

/// Reads at most one byte more than a file may have, so that endless inputs end.
static MaybeBuffer readLimited(fs::file_t file, llvm::StringRef name) {
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(limits::fileSize + 1, name);
  size_t size = 0;
  while (size <= limits::fileSize) {
    llvm::Expected<size_t> got = fs::readNativeFile(file, buffer->getBuffer().drop_front(size));
    if (!got)
      return llvm::errorToErrorCode(got.takeError());
    if (*got == 0)
      return llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(buffer->getBufferStart(), size),
                                                  name);
    size += *got;
  }
  return std::make_error_code(std::errc::file_too_large);
}

MaybeBuffer lighthouse::frontend::readSource(llvm::StringRef file) {
  if (file == "-")
    return readLimited(fs::getStdinHandle(), "<stdin>");
  fs::file_status status;
  if (std::error_code error = fs::status(file, status))
    return error;
  if (fs::is_directory(status))
    return std::make_error_code(std::errc::is_a_directory);
  if (!fs::is_regular_file(status))
    return std::make_error_code(std::errc::invalid_argument);
  if (status.getSize() > limits::fileSize)
    return std::make_error_code(std::errc::file_too_large);
  llvm::Expected<fs::file_t> handle = fs::openNativeFileForRead(file);
  if (!handle)
    return llvm::errorToErrorCode(handle.takeError());
  MaybeBuffer buffer = readLimited(*handle, file);
  fs::closeFile(*handle);
  return buffer;
}

std::unique_ptr<llvm::MemoryBuffer> lighthouse::frontend::bundledSource(llvm::StringRef path,
                                                                        llvm::StringRef text) {
  return llvm::MemoryBuffer::getMemBufferCopy(text, bundledPrefix + path);
}

ImportResolver lighthouse::frontend::makeImportResolver(BundledFiles bundled) {
  return [bundled = std::move(bundled)](llvm::StringRef name,
                                        llvm::StringRef importer) -> MaybeBuffer {
    if (name.contains('\0'))
      return std::make_error_code(std::errc::invalid_argument);
    bool fromBundled = importer.consume_front(bundledPrefix);
    llvm::SmallString<128> full = name;
    if (!path::is_absolute(name)) {
      full = path::parent_path(importer);
      path::append(full, name);
    }
    path::remove_dots(full, /*remove_dot_dot=*/true);
    std::error_code missing = std::make_error_code(std::errc::no_such_file_or_directory);
    if (!fromBundled) {
      MaybeBuffer buffer = readSource(full);
      if (buffer || buffer.getError() != missing)
        return buffer;
    }
    llvm::StringRef inLibrary = fromBundled ? llvm::StringRef(full) : name;
    if (const char *text = bundled ? bundled(inLibrary) : nullptr)
      return bundledSource(inLibrary, text);
    return missing;
  };
}
