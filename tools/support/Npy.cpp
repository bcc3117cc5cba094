//===- Npy.cpp - Arrays in numpy's .npy format ----------------------------===//

#include "support/Npy.h"

#include "lighthouse/runtime/Tensor.h"
#include "support/Files.h"
#include "support/NumberFormats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

namespace lighthouse::support {
namespace {

using runtime::StatusCode;

constexpr std::string_view kMagic = "\x93NUMPY";
/// numpy writes a few dozen bytes; anything far beyond is not a plain array.
constexpr std::size_t kMaxHeader = 1 << 16;

struct Format {
  std::string_view descr;
  DType dtype;
};
constexpr std::array kFormats = {Format{"<f4", DType::F32},  Format{"<f2", DType::F16},
                                 Format{"<u2", DType::BF16}, Format{"<f8", DType::F64},
                                 Format{"|i1", DType::I8},   Format{"<i4", DType::I32},
                                 Format{"<i8", DType::I64},  Format{"|b1", DType::Bool}};

Status corrupt(std::string message) { return {StatusCode::Corrupt, std::move(message)}; }

struct Header {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
};

/// Parses the header's Python dictionary: exactly the keys descr, fortran_order and shape, each
/// once, in any order.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  Result<Header> parse() {
    Header header;
    bool seenDescr = false, seenOrder = false, seenShape = false;
    if (!take('{'))
      return corrupt("the header does not begin with '{'");
    while (!take('}')) {
      std::optional<std::string_view> key = string();
      if (!key || !take(':'))
        return corrupt("expected 'key': in the header");
      Status status;
      if (*key == "descr" && !std::exchange(seenDescr, true))
        status = descr(header.dtype);
      else if (*key == "fortran_order" && !std::exchange(seenOrder, true))
        status = order();
      else if (*key == "shape" && !std::exchange(seenShape, true))
        status = shape(header.shape);
      else
        status = corrupt(fmt::format("unexpected or repeated header key '{}'", *key));
      if (!status.ok())
        return status;
      if (!take(',') && !peek('}'))
        return corrupt("expected ',' or '}' in the header");
    }
    skipSpace();
    if (!rest.empty())
      return corrupt("text after the header's '}'");
    if (!seenDescr || !seenOrder || !seenShape)
      return corrupt("the header lacks one of descr, fortran_order and shape");
    return header;
  }

private:
  void skipSpace() { rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size())); }

  bool peek(char c) {
    skipSpace();
    return rest.starts_with(c);
  }

  bool take(char c) {
    if (!peek(c))
      return false;
    rest.remove_prefix(1);
    return true;
  }

  bool takeWord(std::string_view word) {
    skipSpace();
    if (!rest.starts_with(word))
      return false;
    rest.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string_view> string() {
    skipSpace();
    if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
      return std::nullopt;
    std::size_t end = rest.find(rest.front(), 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string_view text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return text;
  }

  Status descr(DType &dtype) {
    std::optional<std::string_view> text = string();
    if (!text)
      return {StatusCode::Unsupported, "structured element types are not supported"};
    const auto *format = std::ranges::find(kFormats, *text, &Format::descr);
    if (format == kFormats.end())
      return {StatusCode::Unsupported,
              fmt::format("element type '{}' is not supported (little-endian float32, float16, "
                          "float64, int8, int32, int64, bool, and uint16 for bfloat16 are)",
                          *text)};
    dtype = format->dtype;
    return {};
  }

  Status order() {
    if (takeWord("False"))
      return {};
    if (takeWord("True"))
      return {StatusCode::Unsupported,
              "the array is in Fortran order; save numpy.ascontiguousarray(x) instead"};
    return corrupt("fortran_order is neither True nor False");
  }

  Status shape(std::vector<int64_t> &dims) {
    if (!take('('))
      return corrupt("the shape does not begin with '('");
    while (!take(')')) {
      skipSpace();
      int64_t dim = 0;
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), dim);
      if (error != std::errc() || dim < 0)
        return corrupt("the shape has a dimension that is no whole number of 63 bits");
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      if (dims.size() == runtime::maxRank)
        return {StatusCode::Unsupported,
                fmt::format("the array has more than {} dimensions", runtime::maxRank)};
      dims.push_back(dim);
      if (!take(',') && !peek(')'))
        return corrupt("expected ',' or ')' in the shape");
    }
    return {};
  }

  std::string_view rest;
};

/// A file that is read; closed at the end of the scope.
class File {
public:
  explicit File(const std::string &path) : stream(std::fopen(path.c_str(), "rb")) {}
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File() {
    if (stream)
      std::fclose(stream);
  }

  bool opened() const { return stream != nullptr; }
  bool read(void *into, std::size_t bytes) {
    return bytes == 0 || std::fread(into, 1, bytes, stream) == bytes;
  }

private:
  std::FILE *stream;
};

Status systemError(std::string_view what) {
  return {StatusCode::SystemError, fmt::format("{}: {}", what, std::strerror(errno))};
}

Result<Array> readOpened(File &file, uint64_t fileBytes, uint64_t maxBytes) {
  std::array<unsigned char, 8> lead;
  if (!file.read(lead.data(), lead.size()) || std::memcmp(lead.data(), kMagic.data(), 6) != 0)
    return corrupt("not an .npy file");
  int version = lead[6];
  if (version < 1 || version > 3 || lead[7] != 0)
    return Status(
        StatusCode::Unsupported,
        fmt::format(".npy version {}.{} is not supported (1.0 to 3.0 are)", version, lead[7]));
  std::size_t lengthBytes = version == 1 ? 2 : 4;
  std::array<unsigned char, 4> length = {};
  if (!file.read(length.data(), lengthBytes))
    return corrupt("the file ends inside the header");
  std::size_t headerBytes =
      length[0] | length[1] << 8 | length[2] << 16 | std::size_t(length[3]) << 24;
  if (headerBytes > kMaxHeader)
    return corrupt(fmt::format("the header has {} bytes, more than {}", headerBytes, kMaxHeader));
  std::string text(headerBytes, '\0');
  if (!file.read(text.data(), headerBytes))
    return corrupt("the file ends inside the header");
  Result<Header> header = HeaderParser(text).parse();
  if (!header)
    return header.status();

  std::optional<int64_t> bytes = runtime::tensorBytes(header->dtype, header->shape);
  uint64_t present = fileBytes - lead.size() - lengthBytes - headerBytes;
  if (!bytes || static_cast<uint64_t>(*bytes) != present)
    return corrupt(fmt::format("the header says {}, but {} bytes of data follow",
                               runtime::formatTensorType(header->dtype, header->shape), present));
  Result<Array> array = Array::create(header->dtype, std::move(header->shape), maxBytes);
  if (array && !file.read(array->bytes().data(), array->bytes().size()))
    return corrupt("the file ends inside the data");
  return array;
}

} // namespace

Result<Array> Array::create(DType dtype, std::vector<int64_t> shape, uint64_t maxBytes) {
  std::string type = runtime::formatTensorType(dtype, shape);
  std::optional<int64_t> bytes = runtime::tensorBytes(dtype, shape);
  if (!bytes)
    return Status(StatusCode::InvalidArgument, fmt::format("{} is not a valid array", type));
  if (static_cast<uint64_t>(*bytes) > maxBytes)
    return Status(StatusCode::OutOfMemory,
                  fmt::format("{} takes {} bytes, over the limit of {}", type, *bytes, maxBytes));
  Array array;
  array.storage_.reset(new (std::align_val_t(64), std::nothrow)
                           std::byte[static_cast<std::size_t>(*bytes)]);
  if (!array.storage_)
    return Status(StatusCode::OutOfMemory, fmt::format("no memory for {}", type));
  array.dtype_ = dtype;
  array.elements_ = *bytes / static_cast<int64_t>(runtime::dtypeBytes(dtype));
  array.shape_ = std::move(shape);
  return array;
}

Result<std::vector<float>> Array::toFloat() const {
  std::vector<float> values(static_cast<std::size_t>(elements_));
  switch (dtype_) {
  case DType::F32:
    std::ranges::copy(as<float>(), values.begin());
    return values;
  case DType::F16:
    std::ranges::transform(as<uint16_t>(), values.begin(), decodeFloat16);
    return values;
  case DType::BF16:
    std::ranges::transform(as<uint16_t>(), values.begin(), decodeBFloat16);
    return values;
  case DType::F64:
    std::ranges::transform(as<double>(), values.begin(),
                           [](double value) { return static_cast<float>(value); });
    return values;
  default:
    return Status(StatusCode::InvalidArgument,
                  fmt::format("expected a floating-point array, found {}",
                              runtime::formatTensorType(dtype_, shape_)));
  }
}

Result<Array> Array::fromFloat(DType dtype, std::vector<int64_t> shape,
                               std::span<const float> values) {
  Result<Array> array = create(dtype, std::move(shape), kDefaultArrayLimit);
  if (!array)
    return array;
  if (static_cast<std::size_t>(array->elements()) != values.size())
    return Status(StatusCode::InvalidArgument,
                  fmt::format("{} values do not fill {}", values.size(),
                              runtime::formatTensorType(dtype, array->shape())));
  switch (dtype) {
  case DType::F32:
    std::ranges::copy(values, array->as<float>().begin());
    return array;
  case DType::F16:
    std::ranges::transform(values, array->as<uint16_t>().begin(), encodeFloat16);
    return array;
  case DType::BF16:
    std::ranges::transform(values, array->as<uint16_t>().begin(), encodeBFloat16);
    return array;
  default:
    return Status(StatusCode::InvalidArgument,
                  fmt::format("no conversion from f32 to {}", runtime::dtypeName(dtype)));
  }
}

Result<Array> readNpy(const std::string &path, uint64_t maxBytes) {
  std::error_code error;
  std::filesystem::file_status kind = std::filesystem::status(path, error);
  if (!std::filesystem::exists(kind))
    return Status(StatusCode::NotFound, fmt::format("{}: no such file", path));
  uint64_t fileBytes = std::filesystem::file_size(path, error);
  if (!std::filesystem::is_regular_file(kind) || error)
    return Status(StatusCode::InvalidArgument, fmt::format("{}: not a regular file", path));
  File file(path);
  if (!file.opened())
    return systemError(path);
  Result<Array> array = readOpened(file, fileBytes, maxBytes);
  if (!array)
    return Status(array.status()).withContext(path);
  return array;
}

Status writeNpy(const std::string &path, const Array &array) {
  return writeNpy(path, array.dtype(), array.shape(), array.bytes());
}

Status writeNpy(const std::string &path, DType dtype, std::span<const int64_t> shape,
                std::span<const std::byte> bytes) {
  std::optional<int64_t> expected = runtime::tensorBytes(dtype, shape);
  if (!expected || static_cast<std::size_t>(*expected) != bytes.size() ||
      shape.size() > runtime::maxRank)
    return {StatusCode::InvalidArgument,
            fmt::format("{}: {} bytes do not fill {}", path, bytes.size(),
                        runtime::formatTensorType(dtype, shape))};
  std::string dims = runtime::formatDims(shape);                           // "[2, 3]"
  dims = dims.substr(1, dims.size() - 2) + (shape.size() == 1 ? "," : ""); // A tuple of one.
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   std::ranges::find(kFormats, dtype, &Format::dtype)->descr, dims);
  // The data begins at a multiple of 64 bytes; the header ends with a line feed.
  constexpr std::size_t lead = 10;
  header.resize((lead + header.size() + 1 + 63) / 64 * 64 - lead - 1, ' ');
  header.push_back('\n');
  std::string start(kMagic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};

  return writeFile(path,
                   {start, header, {reinterpret_cast<const char *>(bytes.data()), bytes.size()}});
}

} // namespace lighthouse::support
