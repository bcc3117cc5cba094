//===- CompilerApi.h - What the tests of the compiler's C interface share -----------*- C++ -*-===//
#ifndef LIGHTHOUSE_TEST_UNIT_COMPILERAPI_COMPILERAPI_H
#define LIGHTHOUSE_TEST_UNIT_COMPILERAPI_COMPILERAPI_H

#include "lighthouse/compiler.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lighthouse::test {

/// A kernel with a parameter that tables decide, and pipelines of it.
extern const char *const scaleSpec;

/// A structure of the interface with its size set and zeros elsewhere.
template <typename T> T sized() {
  T value = {};
  value.struct_size = sizeof value;
  return value;
}

/// A request that owns what it points to.
class OwnedRequest {
public:
  explicit OwnedRequest(std::string name) : name(std::move(name)) {}

  OwnedRequest &argument(const char *argument, lh_dtype dtype, std::vector<int64_t> shape);
  OwnedRequest &setting(const char *parameter, const char *value);

  /// Valid until the next call of a function of this object.
  lh_request *get();

  lh_request fields = sized<lh_request>();

private:
  std::string name;
  std::vector<lh_setting> settings;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<lh_tensor_info> arguments;
  std::vector<const lh_tensor_info *> pointers;
};

/// `scaleSpec` read without any table of settings, or with that at `tuning`.
lh_spec openScale(lh_spec_options options = {}, const char *tuning = "none");

/// The request for y = 4 * x on `n` numbers.
OwnedRequest four(int64_t n);

/// Runs a program of `four` on 0, 1, 2, ... and checks the result.
void expectFour(lh_program program, int64_t n);

/// A new folder that is removed at the end of the scope.
class TempFolder {
public:
  TempFolder();
  ~TempFolder();
  const std::filesystem::path path;
};

/// Makes `path` the directory of the cache until the end of the scope.
class CacheDirectory {
public:
  explicit CacheDirectory(const std::string &path);
  ~CacheDirectory();

private:
  std::optional<std::string> before;
};

/// Writes a table in `folder` that demands `block` for the kernel of `scaleSpec` on 1000 numbers.
std::string writeTable(const TempFolder &folder, const char *block);

} // namespace lighthouse::test

#endif // LIGHTHOUSE_TEST_UNIT_COMPILERAPI_COMPILERAPI_H
