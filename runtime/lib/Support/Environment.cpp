//===- Environment.cpp - All environment variables ------------------------===//

#include "lighthouse/runtime/Environment.h"

#include <array>
#include <cstdlib>

namespace lighthouse::runtime {

namespace environment {

constinit const EnvironmentVariable cacheDir = {
    "LIGHTHOUSE_CACHE_DIR", "Directory of the artifact cache.",
    "$XDG_CACHE_HOME/lighthouse, else $HOME/.cache/lighthouse", false};
constinit const EnvironmentVariable cacheLimit = {
    "LIGHTHOUSE_CACHE_LIMIT",
    "Bytes the artifact cache may take; the least recently used entries are removed.",
    "1073741824 (1 GiB)", false};
constinit const EnvironmentVariable numThreads = {
    "LIGHTHOUSE_NUM_THREADS", "Threads that run kernels on the host, the calling one counted.",
    "one for each core the process may run on", false};
constinit const EnvironmentVariable hostLevel = {
    "LIGHTHOUSE_HOST_LEVEL",
    "Processor level host code is built for: x86-64-v2, x86-64-v3 or x86-64-v4.",
    "the highest this processor has", true};
constinit const EnvironmentVariable cudaLibrary = {
    "LIGHTHOUSE_CUDA_LIBRARY", "The CUDA driver library to open, a name or a path.",
    "libcuda.so.1, then libcuda.so", false};
constinit const EnvironmentVariable tuning = {
    "LIGHTHOUSE_TUNING", "The user's table of tuned settings, a file.",
    "tuning.json in the directory of the cache", false};
constinit const EnvironmentVariable tuningPolicy = {
    "LIGHTHOUSE_TUNING_POLICY",
    "Programs that embed the compiler: never (defaults), tables, or first_use (kernels are timed).",
    "tables", false};
constinit const EnvironmentVariable xdgCacheHome = {
    "XDG_CACHE_HOME", "Parent of the cache directory, if absolute.", "$HOME/.cache", false};
constinit const EnvironmentVariable home = {
    "HOME", "Home directory, under which the cache lies by default.", "no cache", false};

} // namespace environment

static constexpr std::array<const EnvironmentVariable *, 9> variables = {
    &environment::cacheDir,     &environment::cacheLimit,   &environment::numThreads,
    &environment::hostLevel,    &environment::cudaLibrary,  &environment::tuning,
    &environment::tuningPolicy, &environment::xdgCacheHome, &environment::home};

std::optional<std::string> EnvironmentVariable::get() const {
  const char *value = std::getenv(name.data());
  if (!value || !*value)
    return std::nullopt;
  return std::string(value);
}

std::span<const EnvironmentVariable *const> environmentVariables() { return variables; }

} // namespace lighthouse::runtime
