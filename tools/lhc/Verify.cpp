//===- Verify.cpp - Results of a pipeline against the fp64 oracle -----------------------------===//

#include "Verify.h"

#include "oracle/Compare.h"
#include "oracle/Stages.h"
#include "support/NumberFormats.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace lhc;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

namespace {

/// Scores of dense attention that the oracle computes in a reasonable time.
constexpr int64_t maxDenseScores = int64_t(1) << 30;

/// Products of q and k elements of a forward pass up to which the gradients of all heads are checked.
constexpr double maxGradientProducts = 6e10;

float loadFloat(const TensorView &view, int64_t offset) {
  if (view.dtype == DType::F32)
    return static_cast<const float *>(view.data)[offset];
  uint16_t bits = static_cast<const uint16_t *>(view.data)[offset];
  return view.dtype == DType::F16 ? support::decodeFloat16(bits) : support::decodeBFloat16(bits);
}

/// A rank-4 input as contiguous floats [B, N, H, D]; if `headsFirst`, the view is [B, H, N, D].
struct Widened {
  std::vector<float> values;
  oracle::Tensor tensor;

  Widened(const TensorView &view, bool headsFirst) {
    unsigned token = headsFirst ? 2 : 1, head = headsFirst ? 1 : 2;
    tensor.batch = view.shape[0];
    tensor.tokens = view.shape[token];
    tensor.heads = view.shape[head];
    tensor.headDim = view.shape[3];
    values.reserve(tensor.batch * tensor.tokens * tensor.heads * tensor.headDim);
    for (int64_t b = 0; b < tensor.batch; ++b)
      for (int64_t n = 0; n < tensor.tokens; ++n)
        for (int64_t h = 0; h < tensor.heads; ++h)
          for (int64_t d = 0; d < tensor.headDim; ++d)
            values.push_back(loadFloat(view, b * view.strides[0] + n * view.strides[token] +
                                                 h * view.strides[head] + d * view.strides[3]));
    tensor.values = values;
  }
};

/// An input [N, columns] as contiguous floats.
std::vector<float> widenTable(const TensorView &view) {
  std::vector<float> values;
  values.reserve(view.shape[0] * view.shape[1]);
  for (int64_t n = 0; n < view.shape[0]; ++n)
    for (int64_t c = 0; c < view.shape[1]; ++c)
      values.push_back(loadFloat(view, n * view.strides[0] + c * view.strides[1]));
  return values;
}

/// q, k and v of a result, and its rotary tables if it has some.
struct Arguments {
  Widened query, key, value;
  std::vector<float> cos, sin;
  std::optional<ResultMeaning::Rotary> rotary;

  Arguments(const ResultMeaning &meaning, llvm::ArrayRef<TensorView> inputs, bool headsFirst)
      : query(inputs[meaning.query], headsFirst), key(inputs[meaning.key], headsFirst),
        value(inputs[meaning.value], headsFirst), rotary(meaning.rotary) {
    if (rotary) {
      cos = widenTable(inputs[rotary->cos]);
      sin = widenTable(inputs[rotary->sin]);
    }
  }

  oracle::Inputs inputs() const {
    oracle::Inputs tensors{query.tensor, key.tensor, value.tensor};
    if (rotary)
      tensors.rotary = {cos, sin, rotary->interleaved};
    return tensors;
  }
};

TensorView constView(const support::Array &array) {
  // The oracle only reads.
  return TensorView::contiguous(const_cast<std::byte *>(array.bytes().data()), array.dtype(),
                                array.shape());
}

void setComparison(Verdict &verdict, const oracle::Comparison &comparison, int64_t rows,
                   int64_t allRows) {
  verdict.checked = true;
  verdict.passed = comparison.passed;
  verdict.maxError = comparison.maxError;
  verdict.meanError = comparison.meanError;
  verdict.allowedMax = comparison.allowedMax;
  verdict.allowedMean = comparison.allowedMean;
  verdict.text = comparison.toString();
  if (rows < allRows)
    verdict.text += llvm::formatv(", {0} of {1} rows", rows, allRows).str();
}

/// Checks the results of one pipeline.
class Verifier {
public:
  Verifier(llvm::ArrayRef<ResultMeaning> meanings, llvm::ArrayRef<TensorView> inputs,
           const std::vector<NamedArray> &outputs, int64_t rows)
      : meanings(meanings), inputs(inputs), outputs(outputs), rows(rows) {}

  Status check(const ResultMeaning &meaning, const NamedArray &output, Verdict &verdict) {
    using Kind = ResultMeaning::Kind;
    if (meaning.gradient && meaning.kind != Kind::Unknown)
      return checkGradient(meaning, output, verdict);
    switch (meaning.kind) {
    case Kind::Unknown:
      verdict.text = "not made of Lighthouse stages that the oracle knows";
      if (!meaning.obstacle.empty())
        verdict.text += ": it needs " + meaning.obstacle;
      return {};
    case Kind::Output:
    case Kind::Indices:
      return checkSelected(meaning, output, verdict);
    case Kind::Dense:
    case Kind::DenseLse:
      return checkDense(meaning, output, verdict);
    }
    return {};
  }

private:
  static oracle::Options optionsOf(const ResultMeaning &meaning) {
    return {.levels = meaning.levels,
            .factor = meaning.factor,
            .budget = meaning.budget,
            .chunkBudget = meaning.chunk,
            .coverPrefix = meaning.coverPrefix,
            .causal = meaning.causal};
  }

  /// The list of the selection that `meaning` refers to: a result of the pipeline, or exposed.
  const support::Array *selectionOf(const ResultMeaning &meaning) const {
    std::string name = nameOfSelection(meaning.selection);
    for (const ResultMeaning &other : meanings)
      if (other.kind == ResultMeaning::Kind::Indices && other.selection == meaning.selection)
        name = other.name;
    for (const NamedArray &output : outputs)
      if (output.name == name)
        return &output.array;
    return nullptr;
  }

  /// The selection behind `meaning`, checked on its own; none where it is wrong, which `verdict`
  /// then says.
  Result<std::optional<oracle::Selection>> checkedSelection(const ResultMeaning &meaning,
                                                            const oracle::Inputs &tensors,
                                                            const oracle::Pyramid &pyramid,
                                                            Verdict &verdict) {
    const support::Array *exposed = selectionOf(meaning);
    if (!exposed)
      return Status(StatusCode::Internal, "the selection behind '" + meaning.name +
                                              "' is not exposed");
    Verdict selection;
    if (Status status = checkIndices(tensors, pyramid, *exposed, selection); !status.ok())
      return status;
    verdict.indices = selection.indices;
    verdict.differing = selection.differing;
    if (!selection.passed) {
      verdict.checked = true;
      verdict.text = "the selection is wrong: " + selection.text;
      return std::optional<oracle::Selection>();
    }
    verdict.text = "; selection: " + selection.text;
    Result<oracle::Selection> chosen = oracle::selectionFromIndices(
        pyramid, tensors.query.batch, tensors.key.heads, exposed->as<int32_t>());
    if (!chosen)
      return chosen.status();
    return std::optional(*std::move(chosen));
  }

  Status checkSelected(const ResultMeaning &meaning, const NamedArray &output, Verdict &verdict) {
    Arguments arguments(meaning, inputs, /*headsFirst=*/false);
    oracle::Inputs tensors = arguments.inputs();
    Result<oracle::Pyramid> pyramid =
        oracle::Pyramid::create(tensors.query.tokens, optionsOf(meaning));
    if (!pyramid)
      return pyramid.status();
    if (meaning.kind == ResultMeaning::Kind::Indices)
      return checkIndices(tensors, *pyramid, output.array, verdict);

    // The output is judged given the program's own selection, and that selection on its own.
    Result<std::optional<oracle::Selection>> chosen =
        checkedSelection(meaning, tensors, *pyramid, verdict);
    if (!chosen || !*chosen)
      return chosen.status();
    std::string selection = std::move(verdict.text);
    std::vector<int64_t> positions = samplePositions(tensors.query.tokens);
    oracle::Expectation expected =
        oracle::expectForward(tensors, *pyramid, **chosen, positions, output.array.dtype());
    Widened actual(constView(output.array), /*headsFirst=*/false);
    setComparison(verdict, oracle::compare(oracle::rowsAt(actual.tensor, positions), expected),
                  positions.size(), tensors.query.tokens);
    verdict.text += selection;
    return {};
  }

  /// The KV heads whose gradients are compared: a forward pass of each is what it costs.
  static std::vector<int64_t> sampleGroups(const oracle::Inputs &tensors, int64_t length) {
    int64_t groups = tensors.key.heads;
    double products = double(tensors.query.batch * tensors.query.heads) * double(length) *
                      double(length) * double(tensors.query.headDim);
    if (products <= maxGradientProducts || groups <= 2)
      return oracle::allPositions(groups);
    return {0, groups - 1};
  }

  /// The gradients of q, k and v at some rows of some heads, for all three results.
  struct ExpectedGradients {
    oracle::GradientExpectations of;
    std::vector<int64_t> positions, groups;
    std::string remark;
  };

  /// Makes `gradients`, unless they are there; leaves it empty where the selection is wrong.
  Status expectGradients(const ResultMeaning &meaning, DType dtype, Verdict &verdict) {
    if (gradients)
      return {};
    bool headsFirst = meaning.kind == ResultMeaning::Kind::Dense;
    Arguments arguments(meaning, inputs, headsFirst);
    oracle::Inputs tensors = arguments.inputs();
    Widened cotangent(inputs[meaning.cotangent], headsFirst);
    ExpectedGradients made;
    made.positions = samplePositions(tensors.query.tokens);
    if (headsFirst) {
      made.groups = sampleGroups(tensors, tensors.query.tokens);
      made.of = oracle::expectDenseBackward(tensors, cotangent.tensor, made.positions, made.groups,
                                            meaning.causal, dtype);
    } else {
      Result<oracle::Pyramid> pyramid =
          oracle::Pyramid::create(tensors.query.tokens, optionsOf(meaning));
      if (!pyramid)
        return pyramid.status();
      Result<std::optional<oracle::Selection>> chosen =
          checkedSelection(meaning, tensors, *pyramid, verdict);
      if (!chosen || !*chosen)
        return chosen.status();
      made.groups = sampleGroups(tensors, pyramid->gatheredLength());
      made.of = oracle::expectBackward(tensors, cotangent.tensor, *pyramid, **chosen,
                                       made.positions, made.groups, dtype);
    }
    if (int64_t all = tensors.key.heads; int64_t(made.groups.size()) < all)
      made.remark = llvm::formatv(", {0} of {1} KV heads", made.groups.size(), all);
    gradients = std::move(made);
    return {};
  }

  Status checkGradient(const ResultMeaning &meaning, const NamedArray &output, Verdict &verdict) {
    using Role = ResultMeaning::Role;
    if (*meaning.gradient == Role::Table) {
      Result<std::vector<float>> actual = output.array.toFloat();
      if (!actual)
        return actual.status();
      setComparison(verdict, oracle::compare(*actual, {std::vector<double>(actual->size())}), 1, 1);
      return {};
    }
    if (Status status = expectGradients(meaning, output.array.dtype(), verdict); !status.ok())
      return status;
    if (!gradients)
      return {};
    Role role = *meaning.gradient;
    const oracle::Expectation &expected = role == Role::Query ? gradients->of.query
                                          : role == Role::Key ? gradients->of.key
                                                              : gradients->of.value;
    Widened actual(constView(output.array), meaning.kind == ResultMeaning::Kind::Dense);
    int64_t groups = inputs[meaning.key].shape[meaning.kind == ResultMeaning::Kind::Dense ? 1 : 2];
    setComparison(verdict,
                  oracle::compare(oracle::rowsAt(actual.tensor, gradients->positions,
                                                 gradients->groups, actual.tensor.heads / groups),
                                  expected),
                  gradients->positions.size(), actual.tensor.tokens);
    verdict.text += gradients->remark;
    return {};
  }

  Status checkIndices(const oracle::Inputs &tensors, const oracle::Pyramid &pyramid,
                      const support::Array &actual, Verdict &verdict) {
    int64_t batch = tensors.query.batch, groups = tensors.key.heads;
    oracle::Scores scores = oracle::normScores(tensors, pyramid);
    oracle::Selection expected = oracle::select(pyramid, batch, groups, scores.query, scores.key);
    std::span<const int32_t> indices = actual.as<int32_t>();
    verdict.checked = true;
    verdict.indices = expected.indices.size();
    if (indices.size() != expected.indices.size()) {
      verdict.text =
          llvm::formatv("{0} indices instead of {1}", indices.size(), expected.indices.size());
      return {};
    }
    for (size_t i = 0; i < indices.size(); ++i)
      verdict.differing += indices[i] != expected.indices[i];
    if (verdict.differing == 0) {
      verdict.passed = true;
      verdict.text = llvm::formatv("all {0} indices equal", indices.size());
      return {};
    }
    verdict.text = llvm::formatv("{0} of {1} indices differ", verdict.differing, indices.size());
    Result<oracle::Selection> chosen =
        oracle::selectionFromIndices(pyramid, batch, groups, indices);
    Status explained = chosen ? oracle::checkSelection(pyramid, *chosen, scores) : chosen.status();
    verdict.passed = explained.ok();
    verdict.text +=
        explained.ok() ? ", where scores are equal within rounding" : ": " + explained.message();
    return {};
  }

  Status checkDense(const ResultMeaning &meaning, const NamedArray &output, Verdict &verdict) {
    Arguments arguments(meaning, inputs, /*headsFirst=*/true);
    oracle::Inputs tensors = arguments.inputs();
    const oracle::Tensor &query = tensors.query;
    if (meaning.kind == ResultMeaning::Kind::Dense) {
      std::vector<int64_t> positions = samplePositions(query.tokens);
      oracle::Expectation expected =
          oracle::expectDense(tensors, positions, meaning.causal, output.array.dtype());
      Widened actual(constView(output.array), /*headsFirst=*/true);
      setComparison(verdict, oracle::compare(oracle::rowsAt(actual.tensor, positions), expected),
                    positions.size(), query.tokens);
      return {};
    }
    if (query.batch * query.heads * query.tokens * query.tokens > maxDenseScores) {
      verdict.text = "too long for the oracle's log-sum-exp";
      return {};
    }
    Widened q(inputs[meaning.query], false), k(inputs[meaning.key], false),
        v(inputs[meaning.value], false);
    auto widen = [](const Widened &w) {
      return std::vector<double>(w.values.begin(), w.values.end());
    };
    oracle::AttendShape shape{query.batch, query.heads, tensors.key.heads, query.tokens,
                              query.headDim};
    oracle::Attended attended = oracle::attend(shape, widen(q), widen(k), widen(v), meaning.causal);
    Result<std::vector<float>> actual = output.array.toFloat();
    if (!actual)
      return actual.status();
    setComparison(verdict, oracle::compare(*actual, oracle::expect(attended.logSumExp, DType::F32)),
                  1, 1);
    return {};
  }

  std::vector<int64_t> samplePositions(int64_t tokens) const {
    return tokens <= rows ? oracle::allPositions(tokens) : oracle::samplePositions(tokens, rows);
  }

  llvm::ArrayRef<ResultMeaning> meanings;
  llvm::ArrayRef<TensorView> inputs;
  const std::vector<NamedArray> &outputs;
  int64_t rows;
  std::optional<ExpectedGradients> gradients;
};

} // namespace

Result<std::vector<Verdict>> lhc::verify(llvm::ArrayRef<ResultMeaning> meanings,
                                         llvm::ArrayRef<TensorView> inputs,
                                         const std::vector<NamedArray> &outputs, int64_t rows) {
  Verifier verifier(meanings, inputs, outputs, rows);
  std::vector<Verdict> verdicts;
  for (const ResultMeaning &meaning : meanings) {
    Verdict verdict;
    verdict.result = meaning.name;
    auto output = llvm::find_if(
        outputs, [&](const NamedArray &candidate) { return candidate.name == meaning.name; });
    if (output == outputs.end())
      return Status(StatusCode::Internal, "there is no result '" + meaning.name + "'");
    if (Status status = verifier.check(meaning, *output, verdict); !status.ok())
      return status;
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}
