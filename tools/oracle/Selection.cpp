//===- Selection.cpp - Scores, cascade and sub-sequence order -------------===//

#include "oracle/Selection.h"

#include "oracle/Parallel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace lighthouse::oracle {
namespace {

using Entries = std::vector<int64_t>;

float norm(const float *row, int64_t headDim) {
  double squares = 0;
  for (int64_t d = 0; d < headDim; ++d)
    squares += static_cast<double>(row[d]) * row[d];
  return static_cast<float>(std::sqrt(squares));
}

/// Fills the scores of the levels >= 1 from those of the base rows.
void maximaOfWindows(const Pyramid &pyramid, std::vector<float> finer, float *scores) {
  for (int64_t level = 1; level < pyramid.levels(); ++level) {
    std::vector<float> coarser(pyramid.entries(level));
    for (int64_t i = 0; i < pyramid.entries(level); ++i)
      coarser[i] = *std::max_element(finer.begin() + i * pyramid.options().factor,
                                     finer.begin() + pyramid.childrenEnd(level, i));
    scores = std::ranges::copy(coarser, scores).out;
    finer = std::move(coarser);
  }
}

/// Runs the cascade of one chunk. `expand(level, candidates)` gives the candidates to expand; both
/// lists are ascending.
template <typename Expand> void cascade(const Pyramid &pyramid, int64_t chunk, Expand &&expand) {
  Entries candidates(pyramid.chunkBegin(chunk + 1) - pyramid.chunkBegin(chunk));
  std::iota(candidates.begin(), candidates.end(), pyramid.chunkBegin(chunk));
  for (int64_t level = pyramid.levels() - 1; level > 0; --level) {
    Entries children;
    for (int64_t entry : expand(level, candidates))
      for (int64_t child = entry * pyramid.options().factor;
           child < pyramid.childrenEnd(level, entry); ++child)
        children.push_back(child);
    candidates = std::move(children);
  }
}

/// The scores of one batch and group.
struct ScoreRow {
  const Pyramid &pyramid;
  const float *query;
  const float *key;

  double queryOf(int64_t level, int64_t entry) const { return at(query, level, entry); }
  double keyOf(int64_t level, int64_t entry) const { return at(key, level, entry); }

private:
  double at(const float *scores, int64_t level, int64_t entry) const {
    float score = scores[pyramid.offset(level) - pyramid.offset(1) + entry];
    return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score;
  }
};

/// Moves the `count` entries with the largest scores, lower index first among equals, from the
/// ascending list `from` to `to`; `from` stays ascending.
template <typename Score>
void takeLargest(Entries &from, int64_t count, const Score &score, Entries &to) {
  Entries sorted = from;
  std::ranges::stable_sort(sorted, std::greater<>(), score);
  sorted.resize(count);
  to.insert(to.end(), sorted.begin(), sorted.end());
  std::ranges::sort(sorted);
  Entries rest;
  std::ranges::set_difference(from, sorted, std::back_inserter(rest));
  from = std::move(rest);
}

/// Whether the option forces entry 0 of a level, which is a candidate only in the first chunk.
bool forcesFirst(const Pyramid &pyramid, const Entries &candidates) {
  return pyramid.options().coverPrefix && candidates.front() == 0;
}

Entries expandedByScores(const Pyramid &pyramid, const ScoreRow &scores, int64_t level,
                         const Entries &candidates) {
  int64_t half = pyramid.options().chunkBudget / 2;
  if (static_cast<int64_t>(candidates.size()) <= 2 * half)
    return candidates;
  Entries rest = candidates;
  Entries expanded;
  if (forcesFirst(pyramid, candidates)) {
    expanded.push_back(0);
    rest.erase(rest.begin());
  }
  auto query = [&](int64_t entry) { return scores.queryOf(level, entry); };
  auto key = [&](int64_t entry) { return scores.keyOf(level, entry); };
  takeLargest(rest, half - static_cast<int64_t>(expanded.size()), query, expanded);
  takeLargest(rest, half, key, expanded);
  std::ranges::sort(expanded);
  return expanded;
}

/// The post-order walk of the subtree of entry (level, entry).
template <typename IsExpanded>
void walk(const Pyramid &pyramid, const IsExpanded &isExpanded, int64_t level, int64_t entry,
          std::vector<int32_t> &order) {
  if (level > 0 && isExpanded(level, entry))
    for (int64_t child = entry * pyramid.options().factor;
         child < pyramid.childrenEnd(level, entry); ++child)
      walk(pyramid, isExpanded, level - 1, child, order);
  order.push_back(static_cast<int32_t>(pyramid.offset(level) + entry));
}

/// The flat entries in sub-sequence order, -1 from the end of the forest to S.
template <typename IsExpanded>
std::vector<int32_t> subSequence(const Pyramid &pyramid, const IsExpanded &isExpanded) {
  std::vector<int32_t> order;
  int64_t coarsest = pyramid.levels() - 1;
  for (int64_t entry = 0; entry < pyramid.entries(coarsest); ++entry)
    walk(pyramid, isExpanded, coarsest, entry, order);
  if (static_cast<int64_t>(order.size()) < pyramid.gatheredLength())
    order.resize(pyramid.gatheredLength(), -1);
  return order;
}

/// Whether an entry was expanded, from a row of ranks: its children are there.
bool hasChildren(const Pyramid &pyramid, const int32_t *rank, int64_t level, int64_t entry) {
  return rank[pyramid.offset(level - 1) + entry * pyramid.options().factor] >= 0;
}

Entries expandedByRank(const Pyramid &pyramid, const int32_t *rank, int64_t level,
                       const Entries &candidates) {
  Entries expanded;
  std::ranges::copy_if(candidates, std::back_inserter(expanded),
                       [&](int64_t entry) { return hasChildren(pyramid, rank, level, entry); });
  return expanded;
}

Status wrong(std::string message) {
  return {runtime::StatusCode::InvalidArgument, std::move(message)};
}

/// Checks one row of indices and fills the row of ranks.
Status takeOver(const Pyramid &pyramid, std::span<const int32_t> indices, int32_t *rank) {
  for (std::size_t position = 0; position < indices.size(); ++position) {
    int32_t flat = indices[position];
    if (flat < -1 || flat >= pyramid.totalEntries())
      return wrong(fmt::format("position {}: {} is no entry", position, flat));
    if (flat >= 0 && std::exchange(rank[flat], static_cast<int32_t>(position)) >= 0)
      return wrong(fmt::format("position {}: entry {} appears twice", position, flat));
  }
  // Expanded entries are known by their first child. If the walk over them gives the same list,
  // then every coarsest entry and all siblings are there, and nothing else.
  std::vector<int32_t> order = subSequence(pyramid, [&](int64_t level, int64_t entry) {
    return hasChildren(pyramid, rank, level, entry);
  });
  auto [found, expected] = std::ranges::mismatch(indices, order);
  if (found != indices.end() || expected != order.end())
    return wrong(fmt::format("position {}: the list is not the post-order walk of a forest",
                             found - indices.begin()));
  Status status;
  for (int64_t chunk = 0; chunk < pyramid.chunks(); ++chunk)
    cascade(pyramid, chunk, [&](int64_t level, const Entries &candidates) {
      Entries expanded = expandedByRank(pyramid, rank, level, candidates);
      int64_t due = std::min<int64_t>(candidates.size(), pyramid.options().chunkBudget);
      if (!status.ok())
        return expanded;
      if (static_cast<int64_t>(expanded.size()) != due)
        status = wrong(fmt::format("chunk {} expands {} of {} entries at level {}, expected {}",
                                   chunk, expanded.size(), candidates.size(), level, due));
      else if (due > 0 && forcesFirst(pyramid, candidates) && expanded.front() != 0)
        status = wrong(fmt::format("entry 0 of level {} is not expanded", level));
      return expanded;
    });
  return status;
}

/// Checks that `expanded` can be the choice among `candidates` for scores that deviate by the
/// relative `tolerance`.
Status checkChoice(const Pyramid &pyramid, const ScoreRow &scores, int64_t level,
                   Entries candidates, const Entries &expanded, double tolerance) {
  int64_t half = pyramid.options().chunkBudget / 2;
  if (static_cast<int64_t>(candidates.size()) <= 2 * half)
    return {};
  int64_t places = half;
  if (forcesFirst(pyramid, candidates)) {
    candidates.erase(candidates.begin());
    --places;
  }
  auto query = [&](int64_t entry) { return scores.queryOf(level, entry); };
  auto key = [&](int64_t entry) { return scores.keyOf(level, entry); };
  double up = 1 + tolerance;
  double down = 1 - tolerance;
  auto surelyAbove = [&](double a, double b) { return a * down > b * up; };

  // Certain of a place by query: above the first that gets none. Possible: not surely below the
  // last that gets one.
  Entries sorted = candidates;
  std::ranges::stable_sort(sorted, std::greater<>(), query);
  auto certainEnd = std::ranges::find_if_not(
      sorted, [&](int64_t entry) { return surelyAbove(query(entry), query(sorted[places])); });
  double lastByQuery =
      places > 0 ? query(sorted[places - 1]) : std::numeric_limits<double>::infinity();
  // The others compete by key; an unknown few of them already have one of the open places.
  Entries others(certainEnd, sorted.end());
  int64_t open = places - (certainEnd - sorted.begin());
  std::ranges::stable_sort(others, std::greater<>(), key);
  double firstWithout = key(others[half]);
  double lastByKey = key(others[half + open - 1]);

  Entries certain(sorted.begin(), certainEnd);
  std::ranges::sort(certain);
  for (int64_t entry : candidates) {
    bool isExpanded = std::ranges::binary_search(expanded, entry);
    bool must = std::ranges::binary_search(certain, entry) || surelyAbove(key(entry), firstWithout);
    bool may =
        must || !surelyAbove(lastByQuery, query(entry)) || !surelyAbove(lastByKey, key(entry));
    if (isExpanded ? !may : must)
      return wrong(fmt::format("entry {} of level {} {} expanded, against its scores", entry, level,
                               isExpanded ? "is" : "is not"));
  }
  return {};
}

} // namespace

Scores normScores(const Inputs &inputs, const Pyramid &pyramid) {
  const Tensor &key = inputs.key;
  int64_t tokens = pyramid.tokens();
  int64_t rows = key.batch * key.heads;
  Scores scores{std::vector<float>(rows * pyramid.scoredEntries()),
                std::vector<float>(rows * pyramid.scoredEntries())};
  parallelFor(rows, [&](int64_t row) {
    int64_t b = row / key.heads;
    int64_t group = row % key.heads;
    std::vector<float> queryNorms(tokens), keyNorms(tokens);
    for (int64_t token = 0; token < tokens; ++token) {
      keyNorms[token] = norm(key.row(b, token, group), key.headDim);
      for (int64_t member = 0; member < inputs.headsPerGroup(); ++member) {
        int64_t head = group * inputs.headsPerGroup() + member;
        queryNorms[token] = std::max(queryNorms[token],
                                     norm(inputs.query.row(b, token, head), inputs.query.headDim));
      }
    }
    int64_t first = row * pyramid.scoredEntries();
    maximaOfWindows(pyramid, std::move(queryNorms), scores.query.data() + first);
    maximaOfWindows(pyramid, std::move(keyNorms), scores.key.data() + first);
  });
  return scores;
}

Selection select(const Pyramid &pyramid, int64_t batch, int64_t groups,
                 std::span<const float> queryScores, std::span<const float> keyScores) {
  int64_t length = pyramid.gatheredLength();
  Selection selection{batch, groups, std::vector<int32_t>(batch * groups * length),
                      std::vector<int32_t>(batch * groups * pyramid.totalEntries(), -1)};
  parallelFor(batch * groups, [&](int64_t row) {
    int64_t first = row * pyramid.scoredEntries();
    ScoreRow scores{pyramid, queryScores.data() + first, keyScores.data() + first};
    std::vector<bool> isExpanded(pyramid.totalEntries());
    for (int64_t chunk = 0; chunk < pyramid.chunks(); ++chunk)
      cascade(pyramid, chunk, [&](int64_t level, const Entries &candidates) {
        Entries expanded = expandedByScores(pyramid, scores, level, candidates);
        for (int64_t entry : expanded)
          isExpanded[pyramid.offset(level) + entry] = true;
        return expanded;
      });
    std::vector<int32_t> order = subSequence(pyramid, [&](int64_t level, int64_t entry) {
      return isExpanded[pyramid.offset(level) + entry];
    });
    std::ranges::copy(order, selection.indices.begin() + row * length);
    for (int64_t position = 0; position < length && order[position] >= 0; ++position)
      selection.rank[row * pyramid.totalEntries() + order[position]] =
          static_cast<int32_t>(position);
  });
  return selection;
}

Result<Selection> selectionFromIndices(const Pyramid &pyramid, int64_t batch, int64_t groups,
                                       std::span<const int32_t> indices) {
  int64_t length = pyramid.gatheredLength();
  if (static_cast<int64_t>(indices.size()) != batch * groups * length)
    return wrong(
        fmt::format("expected {} indices, found {}", batch * groups * length, indices.size()));
  Selection selection{batch,
                      groups,
                      {indices.begin(), indices.end()},
                      std::vector<int32_t>(batch * groups * pyramid.totalEntries(), -1)};
  for (int64_t row = 0; row < batch * groups; ++row) {
    Status status = takeOver(pyramid, indices.subspan(row * length, length),
                             selection.rank.data() + row * pyramid.totalEntries());
    if (!status.ok())
      return std::move(status).withContext(
          fmt::format("batch {}, group {}", row / groups, row % groups));
  }
  return selection;
}

Status checkSelection(const Pyramid &pyramid, const Selection &selection, const Scores &scores,
                      double tolerance) {
  Status status;
  for (int64_t row = 0; row < selection.batch * selection.groups && status.ok(); ++row) {
    int64_t first = row * pyramid.scoredEntries();
    ScoreRow rowScores{pyramid, scores.query.data() + first, scores.key.data() + first};
    const int32_t *rank = selection.rank.data() + row * pyramid.totalEntries();
    for (int64_t chunk = 0; chunk < pyramid.chunks(); ++chunk)
      cascade(pyramid, chunk, [&](int64_t level, const Entries &candidates) {
        Entries expanded = expandedByRank(pyramid, rank, level, candidates);
        if (status.ok())
          status =
              checkChoice(pyramid, rowScores, level, candidates, expanded, tolerance)
                  .withContext(fmt::format("batch {}, group {}, chunk {}", row / selection.groups,
                                           row % selection.groups, chunk));
        return expanded;
      });
  }
  return status;
}

} // namespace lighthouse::oracle
