//===- Warning.cpp - Where warnings go by default -------------------------===//

#include "Warning.h"

#include <cstdio>
#include <mutex>
#include <set>
#include <string>

namespace lighthouse::runtime {

void warnOnStderr(std::string_view message) {
  static std::mutex mutex;
  // Never destroyed: threads may still warn while the process exits.
  static auto *const printed = new std::set<std::string>();
  const std::lock_guard lock(mutex);
  if (printed->emplace(message).second)
    std::fprintf(stderr, "lighthouse: warning: %.*s\n", int(message.size()), message.data());
}

} // namespace lighthouse::runtime
