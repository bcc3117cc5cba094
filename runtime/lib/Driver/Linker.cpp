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

/// Options in the form of the driver: each value is a pointer or a number in the place of one.
class JitOptions {
public:
  void add(int option, void *value) {
    options[count] = option;
    values[count++] = value;
  }
  void add(int option, std::uintptr_t value) { add(option, reinterpret_cast<void *>(value)); }

  unsigned count = 0;
  std::array<int, 8> options;
  std::array<void *, 8> values;
};

/// The driver's state of a link, and the options and logs it writes to until it is destroyed.
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
    jit.add(CU_JIT_TARGET_FROM_CUCONTEXT, nullptr);
    jit.add(CU_JIT_OPTIMIZATION_LEVEL, std::uintptr_t(4));
    jit.add(CU_JIT_INFO_LOG_BUFFER, info.buffer.data());
    jit.add(CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, info.buffer.size());
    jit.add(CU_JIT_ERROR_LOG_BUFFER, errors.buffer.data());
    jit.add(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, errors.buffer.size());
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

  /// What the driver had to say, each part on lines of its own.
  std::string logs() const {
    std::string text;
    for (const Log *log : {&errors, &info})
      if (!log->text().empty())
        text.append("\n").append(log->text());
    return text;
  }

private:
  const Driver &driver;
  CUlinkState state = nullptr;
  JitOptions jit;
  Log info, errors;
};

} // namespace

Result<std::vector<std::uint8_t>> linkPtx(const Driver &driver, std::span<const std::uint8_t> ptx,
                                          const std::string &name) {
  std::string text(ptx.begin(), ptx.end());
  std::vector<std::uint8_t> cubin;
  // Its logs are large for a stack.
  const auto link = std::make_unique<Link>(driver);
  if (Status s = link->run(text, name, cubin); !s.ok())
    return Status(s.code(), s.message() + link->logs());
  return cubin;
}

} // namespace lighthouse::runtime
