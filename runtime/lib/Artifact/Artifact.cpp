//===- Artifact.cpp - Encoder and decoder of artifacts --------------------===//

#include "lighthouse/runtime/Artifact.h"

#include "lighthouse/runtime/Sha256.h"

#include "../Support/File.h"

#include <fmt/format.h>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <new>

namespace lighthouse::runtime {

namespace {

/// The first byte is no text; the line ends show a transfer in text mode.
constexpr std::array<std::uint8_t, 8> magic = {0x89, 'L', 'H', 'A', '\r', '\n', 0x1a, '\n'};
constexpr std::uint32_t formatVersion = 3;
constexpr std::size_t digestBytes = sizeof(Sha256Digest);

/// The numbers after the magic, in file order.
struct Header {
  std::uint32_t version = formatVersion;
  std::uint32_t imageKind = 0;
  std::uint64_t fileBytes = 0;
  std::uint64_t keyBytes = 0;
  std::uint64_t planBytes = 0;
  std::uint64_t imageBytes = 0;
  std::uint64_t textBytes = 0;

  static constexpr std::size_t bytes = magic.size() + 2 * 4 + 5 * 8;

  /// Calls `visit` for each number, in file order.
  template <typename Self, typename Visit> static void forEachField(Self &self, Visit visit) {
    visit(self.version);
    visit(self.imageKind);
    visit(self.fileBytes);
    visit(self.keyBytes);
    visit(self.planBytes);
    visit(self.imageBytes);
    visit(self.textBytes);
  }
};

template <typename Int> void appendLittleEndian(std::vector<std::uint8_t> &bytes, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    bytes.push_back(std::uint8_t(value >> (8 * i)));
}

template <typename Int> Int loadLittleEndian(const std::uint8_t *bytes) {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    value |= Int(bytes[i]) << (8 * i);
  return value;
}

template <typename... Args> Status corrupt(fmt::format_string<Args...> format, Args &&...args) {
  return Status(StatusCode::Corrupt, fmt::format(format, std::forward<Args>(args)...));
}

Result<Header> readHeader(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < Header::bytes + digestBytes)
    return corrupt("an artifact has at least {} bytes, found {}", Header::bytes + digestBytes,
                   bytes.size());
  if (!std::ranges::equal(bytes.first(magic.size()), magic))
    return corrupt("byte 0: this is no Lighthouse artifact (wrong magic number)");

  Header header;
  const std::uint8_t *at = bytes.data() + magic.size();
  Header::forEachField(header, [&](auto &field) {
    field = loadLittleEndian<std::remove_reference_t<decltype(field)>>(at);
    at += sizeof field;
  });

  if (header.version != formatVersion)
    return Status(StatusCode::Unsupported,
                  fmt::format("byte 8: this runtime reads artifacts of version {}, found {}",
                              formatVersion, header.version));
  if (header.imageKind > std::uint32_t(CodeImage::Kind::Cubin))
    return corrupt("byte 12: there is no kind of image {}", header.imageKind);
  if (header.fileBytes != bytes.size())
    return corrupt("byte 16: the header says {} bytes, found {}", header.fileBytes, bytes.size());
  if (header.keyBytes > ArtifactLimits::keyBytes || header.planBytes > PlanLimits::jsonBytes ||
      header.imageBytes > ArtifactLimits::imageBytes)
    return corrupt("byte 24: key of {}, plan of {} or image of {} bytes is over the limit",
                   header.keyBytes, header.planBytes, header.imageBytes);
  if (Header::bytes + header.keyBytes + header.planBytes + header.imageBytes + digestBytes !=
      header.fileBytes)
    return corrupt("byte 24: the parts do not add up to {} bytes", header.fileBytes);
  return header;
}

Status invalid(std::string message) {
  return Status(StatusCode::InvalidArgument, std::move(message));
}

Status checkNativeImage(const Plan &plan, const CodeImage &image) {
  if (image.textBytes > image.bytes.size())
    return invalid(fmt::format("the text of {} bytes is longer than the image of {} bytes",
                               image.textBytes, image.bytes.size()));
  if (image.textBytes != image.bytes.size() && image.textBytes % imagePageBytes != 0)
    return invalid(fmt::format("text of {} bytes before data must be a multiple of {}",
                               image.textBytes, imagePageBytes));
  for (const KernelSpec &kernel : plan.kernels)
    if (std::uint64_t(kernel.entry) >= image.textBytes)
      return invalid(fmt::format("kernel '{}': entry {} is outside the text of {} bytes",
                                 kernel.name, kernel.entry, image.textBytes));
  return {};
}

/// Whether the bytes are an ELF file with all its parts. The driver is given no length, so that it
/// would read behind the end of a file that is shorter than it says.
bool isWholeElf(std::span<const std::uint8_t> bytes) {
  // 64 bits, little-endian. The places of fields are those of Elf64_Ehdr and Elf64_Shdr.
  constexpr std::array<std::uint8_t, 6> start = {0x7f, 'E', 'L', 'F', 2, 1};
  constexpr std::size_t headerBytes = 64, sectionBytes = 64;
  constexpr std::uint32_t noBits = 8;
  const auto contains = [&](std::uint64_t offset, std::uint64_t size) {
    return offset <= bytes.size() && size <= bytes.size() - offset;
  };
  if (!contains(0, headerBytes) || !std::ranges::equal(bytes.first(start.size()), start))
    return false;
  const auto offsetAt = [&](std::uint64_t at) {
    return loadLittleEndian<std::uint64_t>(bytes.data() + at);
  };
  const auto typeAt = [&](std::uint64_t at) {
    return loadLittleEndian<std::uint32_t>(bytes.data() + at);
  };
  const auto countAt = [&](std::uint64_t at) -> std::uint64_t {
    return loadLittleEndian<std::uint16_t>(bytes.data() + at);
  };
  const std::uint64_t sections = offsetAt(40), numSections = countAt(60);
  if (!contains(offsetAt(32), countAt(54) * countAt(56)) || numSections == 0 ||
      countAt(58) != sectionBytes || !contains(sections, numSections * sectionBytes))
    return false;
  for (std::uint64_t at = sections; at != sections + numSections * sectionBytes; at += sectionBytes)
    if (typeAt(at + 4) != noBits && !contains(offsetAt(at + 24), offsetAt(at + 32)))
      return false;
  return true;
}

Status checkCudaImage(const CodeImage &image) {
  const std::string_view kind = imageKindName(image.kind);
  if (image.textBytes != 0)
    return invalid(
        fmt::format("{} has no text of native code, found {} bytes", kind, image.textBytes));
  if (image.bytes.empty())
    return invalid(fmt::format("the {} is empty", kind));
  if (image.kind == CodeImage::Kind::Ptx && std::ranges::find(image.bytes, 0) != image.bytes.end())
    return invalid("PTX is text, found a null byte");
  if (image.kind == CodeImage::Kind::Cubin && !isWholeElf(image.bytes))
    return invalid("the cubin is no ELF file of 64 bits, or a part of it is missing");
  return {};
}

} // namespace

std::string_view imageKindName(CodeImage::Kind kind) {
  switch (kind) {
  case CodeImage::Kind::Native:
    return "native";
  case CodeImage::Kind::Ptx:
    return "PTX";
  case CodeImage::Kind::Cubin:
    return "cubin";
  }
  return "unknown";
}

Status Artifact::verify() const {
  if (key.empty() || key.size() > ArtifactLimits::keyBytes)
    return invalid(
        fmt::format("a key has 1 to {} bytes, found {}", ArtifactLimits::keyBytes, key.size()));
  if (Status status = plan.verify(); !status.ok())
    return std::move(status).withContext("plan");
  if (image.bytes.size() > ArtifactLimits::imageBytes)
    return invalid(fmt::format("an image has at most {} bytes, found {}",
                               ArtifactLimits::imageBytes, image.bytes.size()));
  const bool isNative = image.kind == CodeImage::Kind::Native;
  if (isNative != (plan.target == "host"))
    return invalid(
        fmt::format("a plan for '{}' with a {} image", plan.target, imageKindName(image.kind)));
  return isNative ? checkNativeImage(plan, image) : checkCudaImage(image);
}

Result<std::vector<std::uint8_t>> Artifact::serialize() const {
  if (Status status = verify(); !status.ok())
    return status;
  const std::string planText = plan.toJson();
  Header header;
  header.imageKind = std::uint32_t(image.kind);
  header.keyBytes = key.size();
  header.planBytes = planText.size();
  header.imageBytes = image.bytes.size();
  header.textBytes = image.textBytes;
  header.fileBytes =
      Header::bytes + header.keyBytes + header.planBytes + header.imageBytes + digestBytes;
  if (header.planBytes > PlanLimits::jsonBytes)
    return Status(StatusCode::InvalidArgument, fmt::format("a plan has at most {} bytes, found {}",
                                                           PlanLimits::jsonBytes, planText.size()));

  std::vector<std::uint8_t> bytes;
  bytes.reserve(header.fileBytes);
  bytes.insert(bytes.end(), magic.begin(), magic.end());
  Header::forEachField(header, [&](auto field) { appendLittleEndian(bytes, field); });
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.insert(bytes.end(), planText.begin(), planText.end());
  bytes.insert(bytes.end(), image.bytes.begin(), image.bytes.end());
  const Sha256Digest digest = sha256(bytes);
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  return bytes;
}

Result<Artifact> Artifact::deserialize(std::span<const std::uint8_t> bytes) try {
  Result<Header> header = readHeader(bytes);
  if (!header)
    return header.status();
  // Nothing behind the header is looked at before the checksum is known to be right.
  const std::span<const std::uint8_t> content = bytes.first(bytes.size() - digestBytes);
  if (!std::ranges::equal(sha256(content), bytes.last(digestBytes)))
    return corrupt("the checksum does not match");

  std::span<const std::uint8_t> rest = content.subspan(Header::bytes);
  auto take = [&](std::uint64_t count) {
    std::span<const std::uint8_t> part = rest.first(count);
    rest = rest.subspan(count);
    return part;
  };
  const auto keyBytes = take(header->keyBytes);
  const auto planBytes = take(header->planBytes);

  Result<Plan> plan =
      Plan::fromJson({reinterpret_cast<const char *>(planBytes.data()), planBytes.size()});
  if (!plan)
    return Status(plan.status()).withContext("plan");
  Artifact artifact = {std::string(keyBytes.begin(), keyBytes.end()), *std::move(plan),
                       CodeImage{static_cast<CodeImage::Kind>(header->imageKind),
                                 {rest.begin(), rest.end()},
                                 header->textBytes}};
  if (Status status = artifact.verify(); !status.ok())
    return Status(StatusCode::Corrupt, status.message());
  return artifact;
} catch (const std::bad_alloc &) {
  return Status(StatusCode::OutOfMemory, "not enough memory for an artifact");
}

Result<Artifact> Artifact::readFile(const std::string &path) {
  Result<std::vector<std::uint8_t>> bytes = readRegularFile(path, ArtifactLimits::fileBytes);
  if (!bytes)
    return bytes.status();
  Result<Artifact> artifact = deserialize(*bytes);
  if (!artifact)
    return Status(artifact.status()).withContext(path);
  return artifact;
}

Status Artifact::writeFile(const std::string &path) const {
  Result<std::vector<std::uint8_t>> bytes = serialize();
  if (!bytes)
    return bytes.status();
  if (int error = writeAtomically(SystemCalls::system(), AT_FDCWD, path + ".tmp." + uniqueSuffix(),
                                  path, /*mode=*/0666, *bytes))
    return Status(StatusCode::SystemError, fmt::format("{}: {}", path, errorText(error)));
  return {};
}

} // namespace lighthouse::runtime
