//===- Artifact.cpp - Encoder and decoder of artifacts --------------------===//

#include "lighthouse/runtime/Artifact.h"

#include "lighthouse/runtime/Sha256.h"

#include "../Support/File.h"

#include <fmt/format.h>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <set>

namespace lighthouse::runtime {

namespace {

/// The first byte is no text; the line ends show a transfer in text mode.
constexpr std::array<std::uint8_t, 8> magic = {0x89, 'L', 'H', 'A', '\r', '\n', 0x1a, '\n'};
constexpr std::uint32_t formatVersion = 5;
constexpr std::size_t digestBytes = sizeof(Sha256Digest);

/// The numbers after the magic, in file order.
struct Header {
  std::uint32_t version = formatVersion;
  std::uint32_t numImages = 0;
  std::uint64_t fileBytes = 0;
  std::uint64_t keyBytes = 0;
  std::uint64_t plansBytes = 0;

  static constexpr std::size_t bytes = magic.size() + 2 * 4 + 3 * 8;

  /// Calls `visit` for each number, in file order.
  template <typename Self, typename Visit> static void forEachField(Self &self, Visit visit) {
    visit(self.version);
    visit(self.numImages);
    visit(self.fileBytes);
    visit(self.keyBytes);
    visit(self.plansBytes);
  }
};

/// What the file says of an image before the key, in file order.
struct ImageHeader {
  std::uint64_t kind = 0;
  std::uint64_t imageBytes = 0;
  std::uint64_t textBytes = 0;

  static constexpr std::size_t bytes = 3 * 8;

  template <typename Self, typename Visit> static void forEachField(Self &self, Visit visit) {
    visit(self.kind);
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

/// The numbers of a header, from as many bytes as it has.
template <typename HeaderT> HeaderT loadHeader(const std::uint8_t *at) {
  HeaderT header;
  HeaderT::forEachField(header, [&](auto &field) {
    field = loadLittleEndian<std::remove_reference_t<decltype(field)>>(at);
    at += sizeof field;
  });
  return header;
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

  const auto header = loadHeader<Header>(bytes.data() + magic.size());
  if (header.version != formatVersion)
    return Status(StatusCode::Unsupported,
                  fmt::format("byte 8: this runtime reads artifacts of version {}, found {}",
                              formatVersion, header.version));
  if (header.numImages > PlanLimits::images)
    return corrupt("byte 12: {} images are over the limit", header.numImages);
  if (header.fileBytes != bytes.size())
    return corrupt("byte 16: the header says {} bytes, found {}", header.fileBytes, bytes.size());
  if (header.keyBytes > ArtifactLimits::keyBytes || header.plansBytes > PlanLimits::jsonBytes)
    return corrupt("byte 24: key of {} or plans of {} bytes are over the limit", header.keyBytes,
                   header.plansBytes);
  return header;
}

/// The headers of the images, which say how the rest of the file is divided.
Result<std::vector<ImageHeader>> readImageHeaders(std::span<const std::uint8_t> bytes,
                                                  const Header &header) {
  std::vector<ImageHeader> images;
  std::uint64_t total = Header::bytes + header.numImages * ImageHeader::bytes + header.keyBytes +
                        header.plansBytes + digestBytes;
  if (total > bytes.size())
    return corrupt("byte 12: the parts do not add up to {} bytes", header.fileBytes);
  for (std::size_t i = 0; i < header.numImages; ++i) {
    const std::size_t at = Header::bytes + i * ImageHeader::bytes;
    images.push_back(loadHeader<ImageHeader>(bytes.data() + at));
    if (images.back().kind > std::uint64_t(CodeImage::Kind::Cubin))
      return corrupt("byte {}: there is no kind of image {}", at, images.back().kind);
    if (images.back().imageBytes > ArtifactLimits::imageBytes)
      return corrupt("byte {}: an image of {} bytes is over the limit", at + 8,
                     images.back().imageBytes);
    total += images.back().imageBytes;
  }
  if (total != header.fileBytes)
    return corrupt("byte 12: the parts do not add up to {} bytes", header.fileBytes);
  return images;
}

Status invalid(std::string message) {
  return Status(StatusCode::InvalidArgument, std::move(message));
}

Status checkNativeImage(const CodeImage &image) {
  if (image.textBytes > image.bytes.size())
    return invalid(fmt::format("the text of {} bytes is longer than the image of {} bytes",
                               image.textBytes, image.bytes.size()));
  if (image.textBytes != image.bytes.size() && image.textBytes % imagePageBytes != 0)
    return invalid(fmt::format("text of {} bytes before data must be a multiple of {}",
                               image.textBytes, imagePageBytes));
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
  if (image.kind == CodeImage::Kind::Ptx &&
      std::memchr(image.bytes.data(), 0, image.bytes.size()) != nullptr)
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

bool Artifact::operator==(const Artifact &other) const {
  return key == other.key && plans == other.plans &&
         std::ranges::equal(images, other.images,
                            [](const auto &a, const auto &b) { return a == b || *a == *b; });
}

Result<const Plan *> Artifact::entryPoint(std::string_view name) const {
  std::string names;
  for (const Plan &plan : plans) {
    if (plan.name == name || (name.empty() && plans.size() == 1))
      return &plan;
    names += (names.empty() ? "" : ", ") + plan.name;
  }
  return invalid(name.empty()
                     ? fmt::format("the artifact has several entry points, name one: {}", names)
                     : fmt::format("the artifact has no entry point '{}'; it has {}", name, names));
}

/// Checks that the kernels of a plan lie in the images.
static Status checkKernels(const Plan &plan,
                           const std::vector<std::shared_ptr<const CodeImage>> &images) {
  for (const KernelSpec &kernel : plan.kernels) {
    if (std::size_t(kernel.image) >= images.size())
      return invalid(fmt::format("kernel '{}': there is no image {}; the artifact has {}",
                                 kernel.name, kernel.image, images.size()));
    const CodeImage &image = *images[kernel.image];
    if (image.kind == CodeImage::Kind::Native && std::uint64_t(kernel.entry) >= image.textBytes)
      return invalid(fmt::format("kernel '{}': entry {} is outside the text of {} bytes",
                                 kernel.name, kernel.entry, image.textBytes));
  }
  return {};
}

Status Artifact::verify() const {
  if (key.empty() || key.size() > ArtifactLimits::keyBytes)
    return invalid(
        fmt::format("a key has 1 to {} bytes, found {}", ArtifactLimits::keyBytes, key.size()));
  if (plans.empty() || plans.size() > PlanLimits::plans)
    return invalid(fmt::format("an artifact has 1 to {} entry points, found {}", PlanLimits::plans,
                               plans.size()));
  if (images.size() > PlanLimits::images)
    return invalid(fmt::format("an artifact has at most {} images, found {}", PlanLimits::images,
                               images.size()));
  const Plan &first = plans.front();
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::string where = fmt::format("image {}", i);
    if (!images[i])
      return invalid(fmt::format("{} is missing", where));
    const CodeImage &image = *images[i];
    if (image.bytes.size() > ArtifactLimits::imageBytes)
      return invalid(fmt::format("{}: at most {} bytes are allowed, found {}", where,
                                 ArtifactLimits::imageBytes, image.bytes.size()));
    const bool isNative = image.kind == CodeImage::Kind::Native;
    if (isNative != (first.target == "host"))
      return invalid(fmt::format("{}: a {} image with a plan for '{}'", where,
                                 imageKindName(image.kind), first.target));
    if (Status s = isNative ? checkNativeImage(image) : checkCudaImage(image); !s.ok())
      return std::move(s).withContext(where);
  }
  std::set<std::string_view> names;
  for (const Plan &plan : plans) {
    const std::string where = plans.size() == 1 ? "plan" : fmt::format("plan '{}'", plan.name);
    if (Status s = plan.verify(); !s.ok())
      return std::move(s).withContext(where);
    if (!names.insert(plan.name).second)
      return invalid(fmt::format("two entry points are called '{}'", plan.name));
    if (plan.target != first.target || plan.cpuLevel != first.cpuLevel || plan.arch != first.arch)
      return invalid(fmt::format("{}: its target is not that of '{}'", where, first.name));
    if (Status s = checkKernels(plan, images); !s.ok())
      return std::move(s).withContext(where);
  }
  return {};
}

Result<std::vector<std::uint8_t>> Artifact::serialize() const {
  if (Status status = verify(); !status.ok())
    return status;
  const std::string plansText = plansToJson(plans);
  if (plansText.size() > PlanLimits::jsonBytes)
    return invalid(fmt::format("plans have at most {} bytes together, found {}",
                               PlanLimits::jsonBytes, plansText.size()));
  Header header;
  header.numImages = std::uint32_t(images.size());
  header.keyBytes = key.size();
  header.plansBytes = plansText.size();
  header.fileBytes = Header::bytes + images.size() * ImageHeader::bytes + header.keyBytes +
                     header.plansBytes + digestBytes;
  for (const auto &image : images)
    header.fileBytes += image->bytes.size();
  if (header.fileBytes > ArtifactLimits::fileBytes)
    return invalid(fmt::format("an artifact has at most {} bytes, found {}",
                               ArtifactLimits::fileBytes, header.fileBytes));

  std::vector<std::uint8_t> bytes;
  bytes.reserve(header.fileBytes);
  bytes.insert(bytes.end(), magic.begin(), magic.end());
  const auto append = [&](auto field) { appendLittleEndian(bytes, field); };
  Header::forEachField(header, append);
  for (const auto &image : images) {
    const ImageHeader fields = {std::uint64_t(image->kind), image->bytes.size(), image->textBytes};
    ImageHeader::forEachField(fields, append);
  }
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.insert(bytes.end(), plansText.begin(), plansText.end());
  for (const auto &image : images)
    bytes.insert(bytes.end(), image->bytes.begin(), image->bytes.end());
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
  Result<std::vector<ImageHeader>> images = readImageHeaders(bytes, *header);
  if (!images)
    return images.status();

  std::span<const std::uint8_t> rest =
      content.subspan(Header::bytes + images->size() * ImageHeader::bytes);
  auto take = [&](std::uint64_t count) {
    std::span<const std::uint8_t> part = rest.first(count);
    rest = rest.subspan(count);
    return part;
  };
  Artifact artifact;
  const auto key = take(header->keyBytes), plansText = take(header->plansBytes);
  artifact.key.assign(key.begin(), key.end());
  Result<std::vector<Plan>> plans =
      plansFromJson({reinterpret_cast<const char *>(plansText.data()), plansText.size()});
  if (!plans)
    return Status(plans.status()).withContext("plans");
  artifact.plans = *std::move(plans);
  for (const ImageHeader &image : *images) {
    const auto code = take(image.imageBytes);
    artifact.images.push_back(std::make_shared<const CodeImage>(CodeImage{
        static_cast<CodeImage::Kind>(image.kind), {code.begin(), code.end()}, image.textBytes}));
  }
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
