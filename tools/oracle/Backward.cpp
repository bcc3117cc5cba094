//===- Backward.cpp - Rows of the gradient of attention -------------------===//

#include "oracle/Backward.h"

#include "oracle/Parallel.h"
#include "oracle/Pooling.h"
#include "oracle/SoftmaxGradient.h"
#include "oracle/SubSequence.h"

#include <algorithm>

namespace lighthouse::oracle {
namespace {

/// The rows that the attention of one batch and group works on in Lighthouse attention, and what
/// their gradients are to the base positions.
class GatheredGroup {
public:
  GatheredGroup(const Inputs &inputs, const Tensor &outputGradient, const Pyramid &pyramid,
                const Selection &selection, std::span<const int64_t> positions, int64_t b,
                int64_t group, Rounding rounding)
      : outputGradient(outputGradient), pyramid(pyramid), positions(positions),
        subSequence(inputs, pyramid, selection, b, group, rounding) {
    for (int64_t token : positions)
      forEachCovering(pyramid, subSequence.rank(), token,
                      [&](int64_t place, int64_t) { needed.add(place); });
  }

  const KeyValueRows &keyValues() const { return subSequence.keyValues(); }

  QueryHead queryHead(int64_t head) const {
    int64_t headDim = outputGradient.headDim;
    QueryHead rows(Rows(subSequence.length(), headDim), Rows(subSequence.length(), headDim));
    parallelFor(subSequence.length(), [&](int64_t place) {
      subSequence.pooledQuery(head, place, rows.query.row(place));
      subSequence.scatteredGradient(outputGradient, head, place, rows.outputGradient.row(place));
    });
    return rows;
  }

  /// The rows whose gradients `addTo` needs.
  std::span<const int64_t> places() const { return needed.list(); }

  /// Rotates the gradients [places, headDim] of rows of Q~ or K~ back, if they are rotated.
  void rotateBack(std::span<double> gradients) const {
    for (int64_t i = 0; i < needed.size(); ++i)
      subSequence.rotateBack(needed.list()[i], gradients.data() + i * outputGradient.headDim);
  }

  /// sum[headDim] += the gradient of positions[i], from the gradients [places, headDim].
  void addTo(double *sum, int64_t i, std::span<const double> gradients) const {
    int64_t headDim = outputGradient.headDim;
    forEachCovering(pyramid, subSequence.rank(), positions[i], [&](int64_t place, int64_t count) {
      const double *gradient = gradients.data() + needed.indexOf(place) * headDim;
      for (int64_t d = 0; d < headDim; ++d)
        sum[d] += gradient[d] / static_cast<double>(count);
    });
  }

private:
  const Tensor &outputGradient;
  const Pyramid &pyramid;
  std::span<const int64_t> positions;
  SubSequence subSequence;
  DistinctPositions needed;
};

/// The same for dense attention, which works on the base rows themselves.
class DenseGroup {
public:
  DenseGroup(const Inputs &inputs, const Tensor &outputGradient, std::span<const int64_t> positions,
             int64_t b, int64_t group)
      : inputs(inputs), outputGradient(outputGradient), positions(positions), b(b),
        keyValues_(Rows(inputs.key, b, group), Rows(inputs.value, b, group)) {}

  const KeyValueRows &keyValues() const { return keyValues_; }

  QueryHead queryHead(int64_t head) const {
    return {Rows(inputs.query, b, head), Rows(outputGradient, b, head)};
  }

  std::span<const int64_t> places() const { return positions; }

  /// Its rows are as they were given.
  void rotateBack(std::span<double>) const {}

  void addTo(double *sum, int64_t i, std::span<const double> gradients) const {
    int64_t headDim = outputGradient.headDim;
    for (int64_t d = 0; d < headDim; ++d)
      sum[d] += gradients[i * headDim + d];
  }

private:
  const Inputs &inputs;
  const Tensor &outputGradient;
  std::span<const int64_t> positions;
  int64_t b;
  KeyValueRows keyValues_;
};

/// The gradients, with makeGroup(b, group) for the rows of a batch and group.
template <typename MakeGroup>
Gradients gradientRows(const Inputs &inputs, std::span<const int64_t> positions,
                       std::span<const int64_t> groups, bool causal, Rounding rounding,
                       const MakeGroup &makeGroup) {
  int64_t headDim = inputs.query.headDim;
  int64_t headsPerGroup = inputs.headsPerGroup();
  int64_t count = static_cast<int64_t>(positions.size());
  int64_t groupCount = static_cast<int64_t>(groups.size());
  int64_t keyElements = inputs.query.batch * count * groupCount * headDim;
  Gradients result{std::vector<double>(keyElements * headsPerGroup),
                   std::vector<double>(keyElements), std::vector<double>(keyElements)};
  for (int64_t i = 0; i < inputs.query.batch * groupCount; ++i) {
    int64_t b = i / groupCount;
    auto group = makeGroup(b, groups[i % groupCount]);
    /// Sets rows of head `head` of the `heads` in `to`.
    auto setRows = [&](std::vector<double> &to, int64_t heads, int64_t head,
                       std::span<const double> gradients) {
      for (int64_t j = 0; j < count; ++j) {
        double *row = to.data() + ((b * count + j) * heads + head) * headDim;
        group.addTo(row, j, gradients);
        roundTo(rounding, std::span(row, headDim));
      }
    };
    SoftmaxGradient gradient(group.keyValues(), group.places(), causal, rounding);
    for (int64_t member = 0; member < headsPerGroup; ++member) {
      QueryHead head = group.queryHead(groups[i % groupCount] * headsPerGroup + member);
      head.attend(group.keyValues(), gradient.firstQuery(), causal, rounding);
      std::vector<double> query = gradient.add(head);
      group.rotateBack(query);
      setRows(result.query, groupCount * headsPerGroup, i % groupCount * headsPerGroup + member,
              query);
    }
    roundTo(rounding, gradient.key);
    roundTo(rounding, gradient.value);
    group.rotateBack(gradient.key);
    setRows(result.key, groupCount, i % groupCount, gradient.key);
    setRows(result.value, groupCount, i % groupCount, gradient.value);
  }
  return result;
}

} // namespace

Gradients backwardRows(const Inputs &inputs, const Tensor &outputGradient, const Pyramid &pyramid,
                       const Selection &selection, std::span<const int64_t> positions,
                       std::span<const int64_t> groups, Rounding rounding) {
  return gradientRows(inputs, positions, groups, pyramid.options().causal, rounding,
                      [&](int64_t b, int64_t group) {
                        return GatheredGroup(inputs, outputGradient, pyramid, selection, positions,
                                             b, group, rounding);
                      });
}

Gradients denseBackwardRows(const Inputs &inputs, const Tensor &outputGradient,
                            std::span<const int64_t> positions, std::span<const int64_t> groups,
                            bool causal, Rounding rounding) {
  return gradientRows(inputs, positions, groups, causal, rounding, [&](int64_t b, int64_t group) {
    return DenseGroup(inputs, outputGradient, positions, b, group);
  });
}

} // namespace lighthouse::oracle
