//===- Tuning.cpp - Measured settings of kernels --------------------------===//

#include "lighthouse/runtime/Tuning.h"

#include "../Support/File.h"
#include "../Support/StrictJson.h"
#include "../Support/Warning.h"

#include "lighthouse/runtime/Environment.h"

#include <fmt/format.h>

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <set>

namespace lighthouse::runtime {

static constexpr std::int64_t tuningVersion = 1;
/// No value of a table is nested deeper.
static constexpr std::size_t maxDepth = 4;
static constexpr std::size_t whenBytes = 64;

//===----------------------------------------------------------------------===//
// Lookup
//===----------------------------------------------------------------------===//

/// Whether an entry for `entry` may serve `wanted`, shapes aside.
static bool serves(const TuningQuery &entry, const TuningQuery &wanted) {
  return entry.target == wanted.target && entry.kernel == wanted.kernel &&
         entry.params == wanted.params &&
         (entry.device.empty() || wanted.device.empty() || entry.device == wanted.device);
}

/// Logarithms of all extents in a text like "q=bf16[1, 8], k=f32[4]".
static std::vector<double> extentsOf(std::string_view shapes) {
  std::vector<double> extents;
  bool inside = false;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (shapes[i] == '[' || shapes[i] == ']')
      inside = shapes[i] == '[';
    if (!inside || !std::isdigit(static_cast<unsigned char>(shapes[i])))
      continue;
    double extent = 0;
    for (; i < shapes.size() && std::isdigit(static_cast<unsigned char>(shapes[i])); ++i)
      extent = extent * 10 + (shapes[i] - '0');
    extents.push_back(std::log2(std::max(extent, 1.0)));
    --i;
  }
  return extents;
}

/// 0 for equal extents; each factor of two counts 1. Another number of extents is far away.
static double distance(const std::vector<double> &a, const std::vector<double> &b) {
  double sum = a.size() == b.size() ? 0 : 1e6;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    sum += std::abs(a[i] - b[i]);
  return sum;
}

bool TuningTable::covers(const TuningQuery &query) const {
  // A factor of four, with room for rounding.
  constexpr double similar = 2 + 1e-9;
  const std::vector<double> wanted = extentsOf(query.shapes);
  return std::ranges::any_of(list, [&](const TuningEntry &entry) {
    return serves(entry.use, query) &&
           std::ranges::equal(extentsOf(entry.use.shapes), wanted,
                              [](double a, double b) { return std::abs(a - b) <= similar; });
  });
}

const TuningEntry *TuningTable::find(const TuningQuery &query) const {
  const TuningEntry *best = nullptr;
  double bestDistance = 0;
  const std::vector<double> wanted = extentsOf(query.shapes);
  for (const TuningEntry &entry : list) {
    if (!serves(entry.use, query))
      continue;
    // An entry that names the device goes before one that serves any.
    const double apart = entry.use.shapes == query.shapes
                             ? (entry.use.device == query.device ? -2 : -1)
                             : distance(extentsOf(entry.use.shapes), wanted);
    if (best && apart >= bestDistance)
      continue;
    best = &entry;
    bestDistance = apart;
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

/// What is wrong with an entry; empty if nothing is.
static std::string faultOf(const TuningEntry &entry) {
  for (const std::string *text : {&entry.use.target, &entry.use.device, &entry.use.kernel,
                                  &entry.use.params, &entry.use.shapes})
    if (text->size() > TuningLimits::textBytes)
      return fmt::format("a text has more than {} bytes", TuningLimits::textBytes);
  if (entry.use.target.empty() || entry.use.kernel.empty())
    return "target or kernel is empty";
  if (entry.settings.empty() || entry.settings.size() > TuningLimits::settings)
    return fmt::format("expected 1 to {} settings, found {}", TuningLimits::settings,
                       entry.settings.size());
  for (const auto &[name, value] : entry.settings)
    if (name.empty() || value.empty() || name.size() > PlanLimits::nameBytes ||
        value.size() > PlanLimits::nameBytes)
      return fmt::format("a setting is empty or has more than {} bytes", PlanLimits::nameBytes);
  if (!std::isfinite(entry.seconds) || entry.seconds < 0)
    return "seconds is not a time";
  if (entry.when.size() > whenBytes)
    return fmt::format("when has more than {} bytes", whenBytes);
  return "";
}

Status TuningTable::put(TuningEntry entry) {
  // The order of a JSON object, so that a table equals what is read back.
  std::ranges::sort(entry.settings);
  if (std::string fault = faultOf(entry); !fault.empty())
    return Status(StatusCode::InvalidArgument, "tuning entry: " + fault);
  for (TuningEntry &old : list)
    if (old.use == entry.use) {
      old = std::move(entry);
      return {};
    }
  if (list.size() >= TuningLimits::entries)
    return Status(StatusCode::InvalidArgument,
                  fmt::format("a tuning table has at most {} entries", TuningLimits::entries));
  list.push_back(std::move(entry));
  return {};
}

std::string
TuningTable::relevantText(std::string_view target, std::string_view device,
                          const std::function<bool(std::string_view)> &isWanted) const {
  std::string text;
  for (const TuningEntry &entry : list) {
    const TuningQuery &use = entry.use;
    if (use.target != target || (!use.device.empty() && !device.empty() && use.device != device) ||
        !isWanted(use.kernel))
      continue;
    // Lengths keep different entries apart whatever their texts hold.
    for (const std::string *part : {&use.device, &use.kernel, &use.params, &use.shapes})
      text += fmt::format("{}:{};", part->size(), *part);
    for (const auto &[name, value] : entry.settings)
      text += fmt::format("{}:{}={}:{};", name.size(), name, value.size(), value);
    text += "\n";
  }
  return text;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

std::string TuningTable::toJson() const {
  nlohmann::ordered_json entries = nlohmann::ordered_json::array();
  for (const TuningEntry &entry : list) {
    nlohmann::ordered_json settings = nlohmann::ordered_json::object();
    for (const auto &[name, value] : entry.settings)
      settings[name] = value;
    entries.push_back({{"target", entry.use.target},
                       {"device", entry.use.device},
                       {"kernel", entry.use.kernel},
                       {"params", entry.use.params},
                       {"shapes", entry.use.shapes},
                       {"settings", settings},
                       {"seconds", entry.seconds},
                       {"when", entry.when}});
  }
  nlohmann::ordered_json table = {{"version", tuningVersion}, {"entries", entries}};
  // Text that is not UTF-8 must not throw.
  return table.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

static TuningEntry readEntry(const Cursor &at) {
  at.expectFields(
      {"target", "device", "kernel", "params", "shapes", "settings", "seconds", "when"});
  const auto text = [&](std::string_view name) {
    return at.field(name).string(TuningLimits::textBytes);
  };
  TuningEntry entry;
  entry.use = {text("target"), text("device"), text("kernel"), text("params"), text("shapes")};
  entry.settings = at.field("settings").strings(TuningLimits::settings, PlanLimits::nameBytes);
  entry.seconds = at.field("seconds").number();
  entry.when = text("when");
  if (std::string fault = faultOf(entry); !fault.empty())
    at.fail("{}", fault);
  return entry;
}

Result<TuningTable> TuningTable::fromJson(std::string_view text) {
  if (text.size() > TuningLimits::fileBytes)
    return Status(StatusCode::Corrupt, fmt::format("a tuning table has at most {} bytes, found {}",
                                                   TuningLimits::fileBytes, text.size()));
  try {
    const Json json = parseStrictly(text, maxDepth, TuningLimits::jsonValues);
    const Cursor at(json, "");
    at.expectFields({"version", "entries"});
    if (std::int64_t version = at.field("version").integer(); version != tuningVersion)
      return Status(StatusCode::Unsupported,
                    fmt::format("/version: this runtime reads tables of version {}, found {}",
                                tuningVersion, version));
    TuningTable table;
    std::set<TuningQuery> uses;
    table.list = at.field("entries").list(TuningLimits::entries, [&](const Cursor &place) {
      TuningEntry entry = readEntry(place);
      if (!uses.insert(entry.use).second)
        place.fail("there is an entry for the same use before");
      return entry;
    });
    return table;
  } catch (...) {
    return decodeFailure("a tuning table");
  }
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

Result<TuningTable> TuningTable::load(const std::string &path) {
  Result<std::vector<std::uint8_t>> bytes = readRegularFile(path, TuningLimits::fileBytes);
  if (!bytes)
    return bytes.status();
  Result<TuningTable> table =
      fromJson({reinterpret_cast<const char *>(bytes->data()), bytes->size()});
  return table.ok() ? std::move(table) : Status(table.status()).withContext(path);
}

Result<TuningTable> TuningTable::loadIfAny(const std::string &path) {
  Result<TuningTable> table = load(path);
  return table.status().code() == StatusCode::NotFound ? TuningTable() : std::move(table);
}

Status TuningTable::save(const std::string &path) const {
  const std::string text = toJson();
  if (text.size() > TuningLimits::fileBytes)
    return Status(StatusCode::InvalidArgument,
                  fmt::format("cannot write {}: a tuning table has at most {} bytes, this one {}",
                              path, TuningLimits::fileBytes, text.size()));
  const SystemCalls &sys = SystemCalls::system();
  const std::filesystem::path whole(path);
  const std::string folder = whole.has_parent_path() ? whole.parent_path().string() : ".";
  const auto fail = [&](int error) {
    return Status(StatusCode::SystemError,
                  fmt::format("cannot write {}: {}", path, errorText(error)));
  };
  if (int error = makeDirectories(sys, folder))
    return fail(error);
  FileDescriptor directory(
      sys, sys.openat(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (!directory)
    return fail(errno);
  if (int error = writeAtomically(
          sys, directory.get(), "tmp." + uniqueSuffix(), whole.filename().string(), 0600,
          {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()}))
    return fail(error);
  return {};
}

std::string userTuningPath() {
  if (auto path = environment::tuning.get())
    return *path;
  const std::string directory = CacheOptions::fromEnvironment().directory;
  return directory.empty() ? "" : directory + "/tuning.json";
}

std::shared_ptr<const TuningTable> loadTuning(const std::string &path, WarningHandler warn) {
  if (path.empty())
    return nullptr;
  Result<TuningTable> table = TuningTable::load(path);
  if (table)
    return std::make_shared<const TuningTable>(*std::move(table));
  if (table.status().code() == StatusCode::NotFound)
    return nullptr;
  (warn ? warn : warnOnStderr)(
      fmt::format("the table of tuned settings is ignored: {}", table.status().message()));
  return nullptr;
}

} // namespace lighthouse::runtime
