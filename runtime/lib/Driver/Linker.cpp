//===- Linker.cpp - PTX to cubin, by the driver ---------------------------===//

#include "Linker.h"

#include <array>
#include <memory>
#include <string_view>

namespace lighthouse::runtime {

namespace {

/// A buffer that the driver fills with text.
struct Log {
  std::array<char, 16 << 10> buffer = {};

  std::string_view text() const {
    std::string_view text(buffer.data(), buffer.size());
    text = text.substr(0, text.find('\0'));
    return text.substr(0, text.find_last_not_of(" \n") + 1);
  }
};

/// Options of the driver's compiler in its own form, where each value is a pointer or a number in the
/// place of one, and what it had to say. The driver writes to both.
class Jit {
public:
  Jit() {
    add(CU_JIT_TARGET_FROM_CUCONTEXT, nullptr);
    add(CU_JIT_OPTIMIZATION_LEVEL, std::uintptr_t(4));
    add(CU_JIT_INFO_LOG_BUFFER, info.buffer.data());
    add(CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, info.buffer.size());
    add(CU_JIT_ERROR_LOG_BUFFER, errors.buffer.data());
    add(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, errors.buffer.size());
  }
  Jit(const Jit &) = delete;
  Jit &operator=(const Jit &) = delete;

  /// `status`, if it failed with the logs behind its message, each on lines of its own.
  Status withLogs(const Status &status) const {
    if (status.ok())
      return status;
    std::string text;
    for (const Log *log : {&errors, &info})
      if (!log->text().empty())
        text.append("\n").append(log->text());
    return Status(status.code(), status.message() + text);
  }

  unsigned count = 0;
  std::array<int, 8> options;
  std::array<void *, 8> values;

private:
  void add(int option, void *value) {
    options[count] = option;
    values[count++] = value;
  }
  void add(int option, std::uintptr_t value) { add(option, reinterpret_cast<void *>(value)); }

  Log info, errors;
};

/// The driver's state of a link, which uses its `Jit` until it is destroyed.
class Link {
public:
  explicit Link(const Driver &driver) : driver(driver) {}
  ~Link() {
    if (state)
      (void)driver.cuLinkDestroy(state);
  }
  Link(const Link &) = delete;
  Link &operator=(const Link &) = delete;

  Status run(std::string &ptx, const std::string &name, std::vector<std::uint8_t> &cubin) {
    if (Status s = driver.cuLinkCreate_v2(jit.count, jit.options.data(), jit.values.data(), &state);
        !s.ok())
      return s;
    // The driver wants the null byte counted.
    if (Status s = driver.cuLinkAddData_v2(state, CU_JIT_INPUT_PTX, ptx.data(), ptx.size() + 1,
                                           name.c_str(), 0, nullptr, nullptr);
        !s.ok())
      return s;
    void *data = nullptr;
    std::size_t bytes = 0;
    if (Status s = driver.cuLinkComplete(state, &data, &bytes); !s.ok())
      return s;
    // The memory belongs to the state.
    cubin.assign(static_cast<std::uint8_t *>(data), static_cast<std::uint8_t *>(data) + bytes);
    return {};
  }

  Jit jit;

private:
  const Driver &driver;
  CUlinkState state = nullptr;
};

} // namespace

Result<std::vector<std::uint8_t>> linkPtx(const Driver &driver, std::span<const std::uint8_t> ptx,
                                          const std::string &name) {
  std::string text(ptx.begin(), ptx.end());
  std::vector<std::uint8_t> cubin;
  // Its logs are large for a stack.
  const auto link = std::make_unique<Link>(driver);
  if (Status s = link->run(text, name, cubin); !s.ok())
    return link->jit.withLogs(s);
  return cubin;
}

bool needsWholeProgram(std::span<const std::uint8_t> ptx) {
  const std::string_view text(reinterpret_cast<const char *>(ptx.data()), ptx.size());
  return text.find("setmaxnreg.") != text.npos || text.find("wgmma.") != text.npos;
}

Status loadWholeProgram(const Driver &driver, std::span<const std::uint8_t> ptx,
                        const std::string &name, CUmodule *module) {
  const std::string text(ptx.begin(), ptx.end());
  const auto jit = std::make_unique<Jit>();
  const Status status = jit->withLogs(driver.cuModuleLoadDataEx(
      module, text.c_str(), jit->count, jit->options.data(), jit->values.data()));
  return status.ok() ? status : Status(status.code(), name + ": " + status.message());
}

} // namespace lighthouse::runtime
