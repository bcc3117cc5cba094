//===- Pyramid.cpp - Sizes of a Lighthouse pyramid ------------------------===//

#include "oracle/Pyramid.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace lighthouse::oracle {
namespace {

constexpr int64_t kMaxIndex = std::numeric_limits<int32_t>::max();

Status invalid(std::string message) {
  return {runtime::StatusCode::InvalidArgument, std::move(message)};
}

Status checkOptions(int64_t tokens, const Options &options) {
  if (tokens < 1 || tokens > kMaxIndex)
    return invalid(fmt::format("the sequence length must be 1 to {}, found {}", kMaxIndex, tokens));
  if (options.factor < 2 || !std::has_single_bit(static_cast<uint64_t>(options.factor)))
    return invalid(fmt::format("the pooling factor must be a power of two of at least 2, found {}",
                               options.factor));
  int64_t largestWindow = 1;
  int64_t mostLevels = 1;
  for (; largestWindow <= kMaxIndex / options.factor; ++mostLevels)
    largestWindow *= options.factor;
  if (options.levels < 1 || options.levels > mostLevels)
    return invalid(fmt::format("with pooling factor {} there may be 1 to {} levels, found {}",
                               options.factor, mostLevels, options.levels));
  int64_t m = options.chunkBudget;
  if (m < 2 || m % 2 != 0 || m > kMaxIndex / 2)
    return invalid(fmt::format("the budget of a chunk must be even and at least 2, found {}", m));
  if (options.budget < m || options.budget % m != 0 || options.budget > kMaxIndex) {
    int64_t nearest = std::clamp(options.budget, m, kMaxIndex - m / 2) + m / 2;
    return invalid(fmt::format("the budget must be a positive multiple of {}, found {}; the "
                               "nearest is {}",
                               m, options.budget, nearest - nearest % m));
  }
  return {};
}

} // namespace

Result<Pyramid> Pyramid::create(int64_t tokens, const Options &options) {
  if (Status status = checkOptions(tokens, options); !status.ok())
    return status;
  Pyramid pyramid(tokens, options);
  if (pyramid.totalEntries() > kMaxIndex)
    return invalid(fmt::format("a pyramid over {} tokens has {} entries, more than {}", tokens,
                               pyramid.totalEntries(), kMaxIndex));
  return pyramid;
}

Pyramid::Pyramid(int64_t tokens, const Options &options) : options_(options), tokens_(tokens) {
  offsets_.push_back(0);
  int64_t window = 1;
  for (int64_t level = 0; level < options.levels; ++level, window *= options.factor) {
    windows_.push_back(window);
    offsets_.push_back(offsets_.back() + (tokens + window - 1) / window);
  }
  for (int64_t chunk = 0; chunk < chunks(); ++chunk)
    gatheredLength_ += largestYield(chunk);
}

int64_t Pyramid::levelOf(int64_t flat) const {
  auto next = std::upper_bound(offsets_.begin(), offsets_.end(), flat);
  return next - offsets_.begin() - 1;
}

int64_t Pyramid::childrenEnd(int64_t level, int64_t entry) const {
  return std::min((entry + 1) * options_.factor, entries(level - 1));
}

int64_t Pyramid::chunkBegin(int64_t chunk) const {
  return chunk * entries(levels() - 1) / chunks();
}

int64_t Pyramid::largestYield(int64_t chunk) const {
  int64_t begin = chunkBegin(chunk);
  int64_t end = chunkBegin(chunk + 1);
  int64_t candidates = end - begin;
  int64_t yield = candidates;
  for (int64_t level = levels() - 1; level > 0; --level) {
    if (candidates == 0)
      return 0;
    if (candidates <= options_.chunkBudget) { // All are expanded, so the children are a range.
      begin *= options_.factor;
      end = childrenEnd(level, end - 1);
      candidates = end - begin;
    } else { // From here on a level always has more candidates than the budget.
      candidates = options_.chunkBudget * options_.factor;
    }
    yield += candidates;
  }
  return yield;
}

} // namespace lighthouse::oracle
