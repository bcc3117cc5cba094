//===- Pyramid.h - Sizes of a Lighthouse pyramid ----------------*- C++ -*-===//
//
// Level l of the pyramid has one entry for every window of c_l = factor^l tokens; level 0 is the
// full resolution. Everything here follows from the shape and the options, never from values.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_ORACLE_PYRAMID_H
#define LIGHTHOUSE_ORACLE_PYRAMID_H

#include "lighthouse/runtime/Status.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lighthouse::oracle {

using runtime::Result;
using runtime::Status;

/// The parameters of Lighthouse Attention.
struct Options {
  /// L: pyramid levels, the full resolution included; at least 1.
  int64_t levels = 3;
  /// p: pooling factor, a power of two of at least 2.
  int64_t factor = 4;
  /// k: expanded entries per level over all chunks; a multiple of `chunkBudget`.
  int64_t budget = 1536;
  /// m: expanded entries per level and chunk, even; half by query score, half by key score.
  int64_t chunkBudget = 128;
  /// Always expand the leftmost entry of every level >= 1.
  bool coverPrefix = false;
  /// Mask the dense attention over the sub-sequence to its lower triangle.
  bool causal = true;
};

/// A pyramid over `tokens` positions: windows, entries, chunks and the gathered length.
class Pyramid {
public:
  /// Fails if an option is out of its range (a budget that is no multiple of the chunk budget names
  /// the nearest one that is) or if an entry index would not fit 31 bits.
  static Result<Pyramid> create(int64_t tokens, const Options &options);

  const Options &options() const { return options_; }
  /// N.
  int64_t tokens() const { return tokens_; }
  /// L.
  int64_t levels() const { return options_.levels; }
  /// c_l: the tokens that one entry of level l covers (the last entry may cover fewer).
  int64_t window(int64_t level) const { return windows_[level]; }
  /// The tokens that entry (level, entry) covers: those of its window that exist.
  int64_t covered(int64_t level, int64_t entry) const {
    return std::min(window(level), tokens_ - entry * window(level));
  }
  /// The last token that entry (level, entry) covers: the position at which its row is rotated.
  int64_t lastCovered(int64_t level, int64_t entry) const {
    return entry * window(level) + covered(level, entry) - 1;
  }
  /// n_l = ceil(N / c_l): the entries of level l.
  int64_t entries(int64_t level) const { return offsets_[level + 1] - offsets_[level]; }
  /// The flat index of entry (l, 0); `level` may be L, which gives n_total.
  int64_t offset(int64_t level) const { return offsets_[level]; }
  /// n_total: entries of all levels.
  int64_t totalEntries() const { return offsets_.back(); }
  /// NS: entries of the levels >= 1, which are those that have scores. Entry (l, i) has the score
  /// at offset(l) - offset(1) + i.
  int64_t scoredEntries() const { return offsets_.back() - offsets_[1]; }
  /// The level of a flat index in [0, n_total).
  int64_t levelOf(int64_t flat) const;
  /// One past the last child of entry (level, entry), level >= 1; the first is entry * p. The
  /// rightmost entry may have fewer than p children.
  int64_t childrenEnd(int64_t level, int64_t entry) const;

  /// T = k / m.
  int64_t chunks() const { return options_.budget / options_.chunkBudget; }
  /// The first coarsest entry of chunk t; `chunk` may be T, which gives n_{L-1}.
  int64_t chunkBegin(int64_t chunk) const;
  /// S: the length of the sub-sequence, the sum over chunks of the most that each can yield. A
  /// selection falls short of it only if it expands the ragged last window.
  int64_t gatheredLength() const { return gatheredLength_; }

private:
  Pyramid(int64_t tokens, const Options &options);
  int64_t largestYield(int64_t chunk) const;

  Options options_;
  int64_t tokens_;
  std::vector<int64_t> windows_;
  std::vector<int64_t> offsets_;
  int64_t gatheredLength_ = 0;
};

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_PYRAMID_H
