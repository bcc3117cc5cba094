//===- SoftmaxGradient.cpp - Its rows in fp64 -----------------------------===//

#include "oracle/SoftmaxGradient.h"

#include "oracle/Parallel.h"

#include <algorithm>
#include <cmath>

namespace lighthouse::oracle {
namespace {

/// Query rows that are attended together.
constexpr int64_t kQueries = 8;

} // namespace

QueryHead::QueryHead(Rows query, Rows outputGradient)
    : query(std::move(query)), outputGradient(std::move(outputGradient)),
      logSumExp(this->query.length()), delta(this->query.length()) {}

void QueryHead::attend(const KeyValueRows &keyValues, int64_t first, bool causal,
                       Rounding rounding) {
  int64_t length = query.length();
  parallelFor((length - first + kQueries - 1) / kQueries, [&](int64_t block) {
    int64_t begin = first + block * kQueries;
    int64_t end = std::min(begin + kQueries, length);
    Rows outputs(end - begin, query.headDim());
    std::vector<AttendedRow> rows;
    for (int64_t i = begin; i < end; ++i)
      rows.push_back(
          {query.row(i), causal ? i + 1 : keyValues.keys.length(), outputs.row(i - begin)});
    keyValues.attend(rows, rounding);
    for (int64_t i = begin; i < end; ++i) {
      double *output = outputs.row(i - begin);
      roundTo(rounding, std::span(output, query.headDim()));
      logSumExp[i] = rows[i - begin].logSumExp;
      setDelta(i, output);
    }
  });
}

void QueryHead::setDelta(int64_t row, const double *output) {
  delta[row] = dot(outputGradient.row(row), output, query.headDim());
}

SoftmaxGradient::SoftmaxGradient(const KeyValueRows &keyValues, std::span<const int64_t> places,
                                 bool causal, Rounding rounding)
    : key(places.size() * keyValues.keys.headDim()),
      value(places.size() * keyValues.keys.headDim()), keyValues(keyValues), places(places),
      causal(causal), rounding(rounding) {}

int64_t SoftmaxGradient::firstQuery() const {
  return causal && !places.empty() ? *std::ranges::min_element(places) : 0;
}

std::vector<double> SoftmaxGradient::add(const QueryHead &head) {
  int64_t headDim = keyValues.keys.headDim();
  std::vector<double> queryGradient(places.size() * headDim);
  parallelFor(static_cast<int64_t>(places.size()), [&](int64_t i) {
    setQueryRow(head, places[i], queryGradient.data() + i * headDim);
    addKeyValueRow(head, places[i], key.data() + i * headDim, value.data() + i * headDim);
  });
  return queryGradient;
}

void SoftmaxGradient::setQueryRow(const QueryHead &head, int64_t place,
                                  double *queryGradient) const {
  const Rows &keys = keyValues.keys;
  int64_t visible = causal ? place + 1 : keys.length();
  std::vector<double> scores(visible);
  std::vector<double> changes(visible); // dP, then dS.
  keys.multiply(head.query.row(place), 0, visible, scores.data());
  keyValues.values.multiply(head.outputGradient.row(place), 0, visible, changes.data());
  for (int64_t j = 0; j < visible; ++j) {
    double weight = std::exp(keyValues.scale * scores[j] - head.logSumExp[place]);
    changes[j] = roundTo(rounding, weight * (changes[j] - head.delta[place]));
  }
  keys.addTo(queryGradient, changes.data(), 0, visible);
  for (int64_t d = 0; d < keys.headDim(); ++d)
    queryGradient[d] *= keyValues.scale;
}

void SoftmaxGradient::addKeyValueRow(const QueryHead &head, int64_t place, double *keyGradient,
                                     double *valueGradient) const {
  int64_t begin = causal ? place : 0;
  int64_t end = head.query.length();
  std::vector<double> weights(end - begin); // Scores, then P.
  std::vector<double> changes(end - begin); // dP, then scale dS.
  head.query.multiply(keyValues.keys.row(place), begin, end, weights.data());
  head.outputGradient.multiply(keyValues.values.row(place), begin, end, changes.data());
  for (int64_t i = begin; i < end; ++i) {
    double &weight = weights[i - begin];
    double &change = changes[i - begin];
    weight = std::exp(keyValues.scale * weight - head.logSumExp[i]);
    change = keyValues.scale * roundTo(rounding, weight * (change - head.delta[i]));
    weight = roundTo(rounding, weight);
  }
  head.query.addTo(keyGradient, changes.data(), begin, end);
  head.outputGradient.addTo(valueGradient, weights.data(), begin, end);
}

} // namespace lighthouse::oracle
