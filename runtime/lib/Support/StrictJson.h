//===- StrictJson.h - Reading JSON that must be exactly so ------*- C++ -*-===//
//
// For decoders of files from disk: wrong types, unknown, missing and repeated fields, depth and
// sizes are failures with a place. Exceptions of the JSON library, and our own, stay between a
// decoder's `try` and `decodeFailure`.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_SUPPORT_STRICTJSON_H
#define LIGHTHOUSE_RUNTIME_LIB_SUPPORT_STRICTJSON_H

#include "lighthouse/runtime/DType.h"
#include "lighthouse/runtime/Plan.h"
#include "lighthouse/runtime/Status.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lighthouse::runtime {

using Json = nlohmann::json;

/// Thrown by the reader, caught where a decoder begins.
struct DecodeError {
  StatusCode code;
  std::string message;
};

/// A JSON value and where it is.
class Cursor {
public:
  Cursor(const Json &value, std::string path) : value(value), path(std::move(path)) {}

  template <typename... Args>
  [[noreturn]] void failWith(StatusCode code, fmt::format_string<Args...> format,
                             Args &&...args) const {
    throw DecodeError{code, fmt::format("{}: {}", path.empty() ? "/" : path,
                                        fmt::format(format, std::forward<Args>(args)...))};
  }
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args &&...args) const {
    failWith(StatusCode::Corrupt, format, std::forward<Args>(args)...);
  }

  /// The value must be an object with exactly these fields.
  void expectFields(std::initializer_list<std::string_view> names) const {
    expect(value.is_object(), "an object");
    for (std::string_view name : names)
      if (!value.contains(name))
        fail("the field '{}' is missing", name);
    for (const auto &item : value.items())
      if (std::ranges::find(names, item.key()) == names.end())
        fail("unknown field '{}'", item.key());
  }

  Cursor field(std::string_view name) const {
    return {*value.find(name), fmt::format("{}/{}", path, name)};
  }
  bool has(std::string_view name) const { return value.is_object() && value.contains(name); }

  std::string string(std::size_t limit = PlanLimits::nameBytes) const {
    expect(value.is_string(), "a string");
    std::string text = value.get<std::string>();
    if (text.size() > limit)
      fail("the string has more than {} bytes", limit);
    return text;
  }

  double number() const {
    expect(value.is_number(), "a number");
    return value.get<double>();
  }

  /// Names and values of an object of at most `limit` strings of at most `bytes` bytes.
  std::vector<std::pair<std::string, std::string>> strings(std::size_t limit,
                                                           std::size_t bytes) const {
    expect(value.is_object(), "an object");
    if (value.size() > limit)
      fail("at most {} fields are allowed, found {}", limit, value.size());
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto &item : value.items()) {
      if (item.key().size() > bytes)
        fail("a name has more than {} bytes", bytes);
      pairs.emplace_back(item.key(),
                         Cursor(item.value(), fmt::format("{}/{}", path, item.key())).string(bytes));
    }
    return pairs;
  }

  bool boolean() const {
    expect(value.is_boolean(), "true or false");
    return value.get<bool>();
  }

  template <typename Int = std::int64_t> Int integer() const {
    expect(value.is_number_integer(), "an integer");
    const bool fits = value.is_number_unsigned() ? std::in_range<Int>(value.get<std::uint64_t>())
                                                 : std::in_range<Int>(value.get<std::int64_t>());
    if (!fits)
      fail("expected {} to {}, found {}", std::numeric_limits<Int>::min(),
           std::numeric_limits<Int>::max(), value.dump());
    return value.get<Int>();
  }

  DType dtype() const {
    std::string name = string();
    std::optional<DType> dtype = parseDType(name);
    if (!dtype)
      fail("expected an element type, found '{}'", name);
    return *dtype;
  }

  /// Reads an array of at most `limit` elements with `read(Cursor)`.
  template <typename Read> auto list(std::size_t limit, Read read) const {
    expect(value.is_array(), "an array");
    if (value.size() > limit)
      fail("at most {} elements are allowed, found {}", limit, value.size());
    std::vector<decltype(read(*this))> elements;
    elements.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i)
      elements.push_back(read(Cursor(value[i], fmt::format("{}/{}", path, i))));
    return elements;
  }

  std::vector<std::int64_t> integers(std::size_t limit) const {
    return list(limit, [](const Cursor &at) { return at.integer(); });
  }

private:
  void expect(bool condition, std::string_view what) const {
    if (!condition)
      fail("expected {}, found {}", what, value.type_name());
  }

  const Json &value;
  std::string path;
};

/// Looks at text as it streams by, in one pass and building nothing, for what the JSON tree would
/// not show, or only after it took its memory: repeated fields, depth and the number of values. Has
/// the functions that `Json::sax_parse` calls.
class StrictChecker {
public:
  StrictChecker(std::size_t maxDepth, std::size_t maxValues)
      : maxDepth(maxDepth), maxValues(maxValues) {}

  bool null() { return count(); }
  bool boolean(bool) { return count(); }
  bool number_integer(Json::number_integer_t) { return count(); }
  bool number_unsigned(Json::number_unsigned_t) { return count(); }
  bool number_float(Json::number_float_t, const std::string &) { return count(); }
  bool string(std::string &) { return count(); }
  bool binary(Json::binary_t &) { return count(); }
  bool start_object(std::size_t) { return open(); }
  bool start_array(std::size_t) { return open(); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string &name) {
    if (!fields.back().insert(name).second)
      throw DecodeError{StatusCode::Corrupt, fmt::format("the field '{}' is repeated", name)};
    return true;
  }
  /// Stops; the parser that builds the tree reports it, with the place.
  bool parse_error(std::size_t, const std::string &, const Json::exception &) { return false; }

private:
  bool count() {
    if (++values > maxValues)
      throw DecodeError{StatusCode::Corrupt, fmt::format("more than {} values", maxValues)};
    return true;
  }
  bool open() {
    fields.emplace_back();
    if (fields.size() > maxDepth)
      throw DecodeError{StatusCode::Corrupt,
                        fmt::format("values are nested deeper than {}", maxDepth)};
    return count();
  }
  bool close() {
    fields.pop_back();
    return true;
  }

  const std::size_t maxDepth, maxValues;
  std::size_t values = 0;
  /// Of each open object; empty for an array.
  std::vector<std::set<std::string>> fields;
};

/// Parses text, refusing repeated fields, objects and arrays within more than `maxDepth`, and more
/// than `maxValues` values. Takes time in proportion to the text.
inline Json parseStrictly(std::string_view text, std::size_t maxDepth, std::size_t maxValues) {
  StrictChecker checker(maxDepth, maxValues);
  Json::sax_parse(text.begin(), text.end(), &checker);
  return Json::parse(text.begin(), text.end());
}

/// The status for the exception being handled in the outermost `catch (...)` of a decoder of `what`.
inline Status decodeFailure(std::string_view what) {
  try {
    throw;
  } catch (const DecodeError &error) {
    return Status(error.code, error.message);
  } catch (const Json::exception &error) {
    // The message of the library has the line and column, if any; its bracketed number means nothing here.
    std::string_view text = error.what();
    return Status(StatusCode::Corrupt, std::string(text.substr(text.find("] ") + 2)));
  } catch (const std::bad_alloc &) {
    return Status(StatusCode::OutOfMemory, fmt::format("not enough memory to read {}", what));
  } catch (const std::exception &error) {
    return Status(StatusCode::Corrupt, error.what());
  }
}

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_SUPPORT_STRICTJSON_H
