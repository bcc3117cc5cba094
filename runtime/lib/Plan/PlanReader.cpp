//===- PlanReader.cpp - JSON to plan --------------------------------------===//
//
// Strict: every field must be there once, with the right type and within its bounds. Exceptions of
// the JSON library, and our own, stay in this file.
//
//===----------------------------------------------------------------------===//

#include "PlanFormat.h"

#include "lighthouse/runtime/Plan.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace lighthouse::runtime {

namespace {

using Json = nlohmann::json;

/// No value of a plan is nested deeper; the parser refuses more.
constexpr int maxDepth = 8;

/// Thrown by the reader, caught in `Plan::fromJson`.
struct DecodeError {
  StatusCode code;
  std::string message;
};

/// A JSON value and where it is.
class Cursor {
public:
  Cursor(const Json &value, std::string path) : value(value), path(std::move(path)) {}

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args &&...args) const {
    throw DecodeError{StatusCode::Corrupt,
                      fmt::format("{}: {}", path.empty() ? "/" : path,
                                  fmt::format(format, std::forward<Args>(args)...))};
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

  std::string string() const {
    expect(value.is_string(), "a string");
    std::string text = value.get<std::string>();
    if (text.size() > PlanLimits::nameBytes)
      fail("the string has more than {} bytes", PlanLimits::nameBytes);
    return text;
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

TensorSpec readTensor(const Cursor &at) {
  at.expectFields({"name", "dtype", "shape"});
  return {at.field("name").string(), at.field("dtype").dtype(),
          at.field("shape").integers(maxRank)};
}

BufferSpec readBuffer(const Cursor &at) {
  at.expectFields({"offset", "dtype", "shape"});
  return {at.field("offset").integer(), at.field("dtype").dtype(),
          at.field("shape").integers(maxRank)};
}

KernelArg readKernelArg(const Cursor &at) {
  if (!at.has("kind"))
    at.fail("expected an object with the field 'kind'");
  std::string kind = at.field("kind").string();
  KernelArg arg;
  if (kind == "tensor") {
    at.expectFields({"kind", "dtype", "rank", "inner_contiguous", "alignment"});
    arg.rank = at.field("rank").integer();
    arg.innerContiguous = at.field("inner_contiguous").boolean();
    arg.alignment = at.field("alignment").integer();
  } else if (kind == "scalar") {
    at.expectFields({"kind", "dtype"});
    arg.kind = KernelArg::Kind::Scalar;
  } else {
    at.field("kind").fail("expected 'tensor' or 'scalar', found '{}'", kind);
  }
  arg.dtype = at.field("dtype").dtype();
  return arg;
}

KernelSpec readKernel(const Cursor &at) {
  at.expectFields({"name", "entry", "stack_bytes", "threads", "shared_bytes", "args", "dims"});
  KernelSpec kernel;
  kernel.name = at.field("name").string();
  kernel.entry = at.field("entry").integer();
  kernel.stackBytes = at.field("stack_bytes").integer();
  kernel.threads = at.field("threads").integer();
  kernel.sharedBytes = at.field("shared_bytes").integer();
  kernel.args = at.field("args").list(PlanLimits::kernelArgs, readKernelArg);
  kernel.dims =
      at.field("dims").list(PlanLimits::kernelArgs, [](const Cursor &dim) { return dim.string(); });
  return kernel;
}

LaunchArg readLaunchArg(const Cursor &at) {
  for (std::size_t kind = 0; kind < launchArgKindNames.size(); ++kind) {
    std::string_view name = launchArgKindNames[kind];
    if (!at.has(name))
      continue;
    at.expectFields({name});
    LaunchArg arg;
    arg.kind = static_cast<LaunchArg::Kind>(kind);
    if (arg.kind == LaunchArg::Kind::Scalar)
      arg.bits = at.field(name).integer<std::uint64_t>();
    else
      arg.index = at.field(name).integer();
    return arg;
  }
  at.fail("expected an object with one of the fields 'input', 'output', 'buffer', 'scalar'");
}

LaunchSpec readLaunch(const Cursor &at) {
  at.expectFields({"kernel", "stage", "grid", "args", "dims"});
  LaunchSpec launch;
  launch.kernel = at.field("kernel").integer();
  launch.stage = at.field("stage").string();
  const std::vector<std::int32_t> grid = at.field("grid").list(
      launch.grid.size(), [](const Cursor &extent) { return extent.integer<std::int32_t>(); });
  if (grid.size() != launch.grid.size())
    at.field("grid").fail("expected {} elements, found {}", launch.grid.size(), grid.size());
  std::ranges::copy(grid, launch.grid.begin());
  launch.args = at.field("args").list(PlanLimits::kernelArgs, readLaunchArg);
  launch.dims = at.field("dims").integers(PlanLimits::kernelArgs);
  return launch;
}

Plan readPlan(const Cursor &at) {
  at.expectFields({"version", "name", "target", "cpu_level", "arch", "inputs", "outputs",
                   "workspace_bytes", "buffers", "kernels", "launches"});
  if (std::int64_t version = at.field("version").integer(); version != planVersion)
    throw DecodeError{StatusCode::Unsupported,
                      fmt::format("/version: this runtime reads plans of version {}, found {}",
                                  planVersion, version)};
  Plan plan;
  plan.name = at.field("name").string();
  plan.target = at.field("target").string();
  plan.cpuLevel = at.field("cpu_level").string();
  plan.arch = at.field("arch").string();
  plan.inputs = at.field("inputs").list(PlanLimits::tensors, readTensor);
  plan.outputs = at.field("outputs").list(PlanLimits::tensors, readTensor);
  plan.workspaceBytes = at.field("workspace_bytes").integer();
  plan.buffers = at.field("buffers").list(PlanLimits::buffers, readBuffer);
  plan.kernels = at.field("kernels").list(PlanLimits::kernels, readKernel);
  plan.launches = at.field("launches").list(PlanLimits::launches, readLaunch);
  return plan;
}

/// Parses text, refusing what the JSON tree would not show: depth and repeated fields.
Json parse(std::string_view text) {
  std::vector<std::set<std::string>> openObjects;
  auto callback = [&](int depth, Json::parse_event_t event, Json &parsed) {
    using Event = Json::parse_event_t;
    if (depth > maxDepth)
      throw DecodeError{StatusCode::Corrupt,
                        fmt::format("values are nested deeper than {}", maxDepth)};
    if (event == Event::object_start)
      openObjects.emplace_back();
    else if (event == Event::object_end)
      openObjects.pop_back();
    else if (event == Event::key &&
             !openObjects.back().insert(parsed.get_ref<const std::string &>()).second)
      throw DecodeError{StatusCode::Corrupt,
                        fmt::format("the field '{}' is repeated", parsed.get<std::string>())};
    return true;
  };
  return Json::parse(text.begin(), text.end(), callback);
}

} // namespace

Result<Plan> Plan::fromJson(std::string_view text) {
  if (text.size() > PlanLimits::jsonBytes)
    return Status(StatusCode::Corrupt, fmt::format("a plan has at most {} bytes, found {}",
                                                   PlanLimits::jsonBytes, text.size()));
  try {
    const Json json = parse(text);
    Plan plan = readPlan(Cursor(json, ""));
    if (Status status = plan.verify(); !status.ok())
      return Status(StatusCode::Corrupt, status.message());
    return plan;
  } catch (const DecodeError &error) {
    return Status(error.code, error.message);
  } catch (const Json::parse_error &error) {
    // The message of the library has the line and column; its bracketed number means nothing here.
    std::string_view what = error.what();
    return Status(StatusCode::Corrupt, std::string(what.substr(what.find("] ") + 2)));
  } catch (const std::bad_alloc &) {
    return Status(StatusCode::OutOfMemory, "not enough memory to read a plan");
  } catch (const std::exception &error) {
    return Status(StatusCode::Corrupt, error.what());
  }
}

} // namespace lighthouse::runtime
