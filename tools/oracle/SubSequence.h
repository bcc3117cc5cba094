//===- SubSequence.h - The gathered rows of one group -----------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_SUBSEQUENCE_H
#define LIGHTHOUSE_ORACLE_SUBSEQUENCE_H

#include "oracle/Softmax.h"

#include <unordered_map>

namespace lighthouse::oracle {

/// The sub-sequence of one batch and group, with its rows pooled and rounded. Unused positions at
/// its end are no part of it. The references must outlive it.
class SubSequence {
public:
  SubSequence(const Inputs &inputs, const Pyramid &pyramid, const Selection &selection, int64_t b,
              int64_t group, Rounding rounding);

  int64_t length() const { return keyValues_.keys.length(); }
  const KeyValueRows &keyValues() const { return keyValues_; }
  /// [n_total]: the position of each flat entry, or -1.
  const int32_t *rank() const { return rank_; }

  /// row[headDim] = row `position` of Q~ for a query head of the group.
  void pooledQuery(int64_t head, int64_t position, double *row) const;
  /// Rotates the gradient row[headDim] of row `position` of Q~ or K~ back, if they are rotated.
  void rotateBack(int64_t position, double *row) const;
  /// Row `position` of O~ for a query head of the group.
  std::vector<double> attend(int64_t head, int64_t position) const;
  /// row[headDim] = row `position` of dO~ for a query head of the group, from dO [B, N, H, D].
  void scatteredGradient(const Tensor &outputGradient, int64_t head, int64_t position,
                         double *row) const;

private:
  /// The level of the entry at `position`, and its number there.
  std::pair<int64_t, int64_t> entryAt(int64_t position) const;
  void gathered(const Tensor &tensor, const std::optional<Rotary> &rotary, int64_t head,
                int64_t position, double *row) const;

  const Inputs &inputs;
  const Pyramid &pyramid;
  int64_t b;
  Rounding rounding;
  const int32_t *indices;
  const int32_t *rank_;
  KeyValueRows keyValues_;
};

/// Distinct positions in the order in which they come: what several rows need is computed once.
class DistinctPositions {
public:
  void add(int64_t position) {
    if (place.try_emplace(position, static_cast<int64_t>(list_.size())).second)
      list_.push_back(position);
  }
  const std::vector<int64_t> &list() const { return list_; }
  int64_t size() const { return static_cast<int64_t>(list_.size()); }
  /// Where in the list a position is that was added.
  int64_t indexOf(int64_t position) const { return place.at(position); }

private:
  std::vector<int64_t> list_;
  std::unordered_map<int64_t, int64_t> place;
};

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_SUBSEQUENCE_H
