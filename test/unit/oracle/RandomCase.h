//===- RandomCase.h - Inputs for the oracle's tests -------------*- C++ -*-===//

#ifndef LIGHTHOUSE_TEST_UNIT_ORACLE_RANDOMCASE_H
#define LIGHTHOUSE_TEST_UNIT_ORACLE_RANDOMCASE_H

#include "oracle/Selection.h"
#include "support/CounterRandom.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace lighthouse::oracle {

/// A shape with options; the name says which row of the table of cases it stands for.
struct Shape {
  std::string name;
  int64_t batch, tokens, heads, groups, headDim;
  Options options;
};

inline void PrintTo(const Shape &shape, std::ostream *out) { *out << shape.name; }

/// q, k, v and dO for a shape, from the counter-based generator; rotated if `rotate` asks for it.
class RandomCase {
public:
  explicit RandomCase(const Shape &shape, uint64_t seed = 7)
      : shape(shape), pyramid(*Pyramid::create(shape.tokens, shape.options)),
        q(tensor(support::CounterTensor::Query, shape.heads, seed)),
        k(tensor(support::CounterTensor::Key, shape.groups, seed)),
        v(tensor(support::CounterTensor::Value, shape.groups, seed)),
        dO(tensor(support::CounterTensor::OutputGradient, shape.heads, seed)) {}

  Tensor query() const { return view(q, shape.heads); }
  Tensor key() const { return view(k, shape.groups); }
  Tensor value() const { return view(v, shape.groups); }
  Tensor outputGradient() const { return view(dO, shape.heads); }
  Inputs inputs() const { return {query(), key(), value(), rotary}; }
  Scores scores() const { return normScores(inputs(), pyramid); }
  Selection selection() const {
    Scores s = scores();
    return select(pyramid, shape.batch, shape.groups, s.query, s.key);
  }

  /// Makes tables of random numbers, which are no rotations, so that the transpose of what they do
  /// is not its inverse.
  void rotate(bool interleaved) {
    tables.clear();
    for (int64_t i = 0; i < 2 * shape.tokens * (shape.headDim / 2); ++i)
      tables.push_back(static_cast<float>(2 * support::counterUniform(i) - 1));
    std::span<const float> both = tables;
    rotary = {both.first(both.size() / 2), both.last(both.size() / 2), interleaved};
  }

  Shape shape;
  Pyramid pyramid;
  std::vector<float> q, k, v, dO;
  std::optional<Rotary> rotary;

private:
  std::vector<float> tables;
  std::vector<float> tensor(support::CounterTensor which, int64_t heads, uint64_t seed) const {
    return support::counterTensor(seed, which, shape.batch, shape.tokens, heads, shape.headDim);
  }
  Tensor view(const std::vector<float> &values, int64_t heads) const {
    return {values, shape.batch, shape.tokens, heads, shape.headDim};
  }
};

inline void expectNear(std::span<const double> a, std::span<const double> b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

/// Small shapes for every row of the table of cases. Chunk budgets below 128 let short sequences
/// go through real choices.
inline std::vector<Shape> smallShapes() {
  auto options = [](int64_t levels, int64_t factor, int64_t budget, int64_t chunkBudget,
                    bool coverPrefix = false) {
    return Options{levels, factor, budget, chunkBudget, coverPrefix};
  };
  return {
      {"one_chunk", 1, 512, 2, 2, 8, options(3, 4, 8, 8)},
      {"several_chunks", 2, 1024, 2, 2, 8, options(3, 4, 16, 4)},
      {"default_chunk_budget", 1, 2048, 1, 1, 16, options(3, 4, 128, 128)},
      {"unequal_chunks", 1, 736, 2, 2, 8, options(3, 4, 12, 4)},
      {"ragged_by_one", 1, 513, 2, 2, 8, options(3, 4, 16, 8)},
      {"ragged_all_expanded", 1, 523, 1, 1, 8, options(3, 4, 64, 64)},
      {"ragged_deep", 2, 1003, 1, 1, 8, options(5, 2, 12, 6)},
      {"ragged_unequal_chunks", 1, 747, 2, 2, 8, options(3, 4, 12, 4)},
      {"shorter_than_a_window", 1, 11, 1, 1, 8, options(3, 4, 4, 4)},
      {"one_token", 1, 1, 1, 1, 8, options(3, 4, 4, 4)},
      {"few_candidates", 1, 512, 2, 2, 8, options(3, 4, 64, 16)},
      {"few_candidates_at_the_coarsest", 1, 512, 1, 1, 8, options(4, 4, 32, 16)},
      {"more_chunks_than_entries", 1, 100, 1, 1, 8, options(3, 4, 64, 4)},
      {"grouped_queries", 2, 512, 4, 2, 8, options(3, 4, 16, 8)},
      {"multi_query", 1, 260, 6, 1, 8, options(2, 8, 8, 4)},
      {"cover_prefix", 1, 512, 2, 2, 8, options(3, 4, 16, 4, true)},
      {"cover_prefix_ragged_grouped", 1, 517, 4, 2, 8, options(3, 4, 12, 4, true)},
      {"cover_prefix_smallest_budget", 1, 256, 2, 2, 8, options(4, 2, 2, 2, true)},
      {"one_level", 1, 70, 2, 1, 8, options(1, 2, 4, 4)},
      {"two_levels_wide", 1, 1000, 1, 1, 8, options(2, 16, 8, 8)},
  };
}

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_TEST_UNIT_ORACLE_RANDOMCASE_H
