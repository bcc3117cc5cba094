//===- AdjointTest.cpp - Every kernel of the backward pass on its own -------------------------===//
//
// Random shapes in all float types, against the oracle's stages. Kernels for GPUs run on the host,
// too, but that of the gather without rotation, which no pipeline can call by name. No more can
// that of `make_selection`; it is part of the runs of separate entry points in BackwardTest.cpp.
//
//===------------------------------------------------------------------------------------------===//

#include "Pipeline.h"
#include "oracle/Compare.h"
#include "support/CounterRandom.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using support::CounterTensor;

namespace {

/// A pipeline that calls one kernel.
class KernelCall {
public:
  explicit KernelCall(uint64_t seed) : seed(seed) {}

  /// Adds an argument of random numbers of rank 1 to 4; gives the numbers.
  std::vector<double> addRandom(DType dtype, std::vector<int64_t> shape) {
    std::vector<int64_t> padded(4 - shape.size(), 1);
    padded.insert(padded.end(), shape.begin(), shape.end());
    return add(dtype, std::move(shape),
               support::counterTensor(seed * 16 + arrays.size(), CounterTensor::Query, padded[0],
                                      padded[1], padded[2], padded[3]));
  }

  /// Adds an argument with these values, rounded to its type; gives them as they are then.
  std::vector<double> add(DType dtype, std::vector<int64_t> shape, std::span<const float> values) {
    auto array = support::Array::fromFloat(dtype, std::move(shape), values);
    EXPECT_TRUE(array.ok()) << array.status().message();
    std::vector<float> rounded = *array->toFloat();
    addArray(*std::move(array));
    return {rounded.begin(), rounded.end()};
  }

  void addIntegers(std::vector<int64_t> shape, std::span<const int32_t> values) {
    auto array = support::Array::create(DType::I32, std::move(shape), support::kDefaultArrayLimit);
    ASSERT_TRUE(array.ok()) << array.status().message();
    std::ranges::copy(values, array->as<int32_t>().begin());
    addArray(*std::move(array));
  }

  /// Calls `kernel`, a name with parameters, with the arguments in the order in which they were
  /// added and then `scalars`. Gives the results; none where the test has failed, or where the
  /// kernel is for GPUs with more shared memory.
  std::vector<support::Array> run(std::string_view kernel, std::string_view scalars,
                                  const std::vector<ArgumentType> &results) {
    std::vector<std::string> names, outputs;
    for (const lhc::NamedArray &named : arrays)
      names.push_back(named.name);
    if (!scalars.empty())
      names.emplace_back(scalars);
    for (const ArgumentType &result : results)
      outputs.push_back(spell(result));
    return run(fmt::format("-> ({}) {{ return {}({}); }}", fmt::join(outputs, ", "), kernel,
                           fmt::join(names, ", ")),
               arrays.size(), /*gradient=*/false);
  }

  /// Runs a pipeline whose arguments are the first `count` of those that were added, as x0, x1 and
  /// so on; with `gradient` the others are the cotangents. `text` is the pipeline from its results
  /// on, and what follows it.
  std::vector<support::Array> run(const std::string &text, std::size_t count, bool gradient) {
    Request request;
    request.name = "call";
    request.gradient = gradient;
    setTarget(request);
    std::vector<std::string> inputs;
    for (const lhc::NamedArray &named : std::span(arrays).first(count)) {
      request.arguments.push_back({named.name, named.array.dtype(), named.array.shape()});
      inputs.push_back(spell(request.arguments.back()));
    }
    std::string spec = fmt::format("import \"lighthouse.lh\";\npipeline call({})\n    {}\n",
                                   fmt::join(inputs, ", "), text);
    SCOPED_TRACE(spec);
    auto compiler = Compiler::parse("call.lh", spec);
    EXPECT_TRUE(compiler.ok()) << compiler.status().message();
    auto artifact = compiler->compile(request, nullptr);
    if (!artifact) {
      if (artifact.status().message().find("bytes of shared memory") == std::string::npos)
        ADD_FAILURE() << artifact.status().message();
      return {};
    }
    auto execution = lhc::Execution::create(*artifact);
    EXPECT_TRUE(execution.ok()) << execution.status().message();
    runtime::Status status = execution->run(viewsOf(arrays));
    EXPECT_TRUE(status.ok()) << status.message();
    std::vector<support::Array> results;
    for (lhc::NamedArray &output : execution->outputs)
      results.push_back(std::move(output.array));
    return results;
  }

private:
  static std::string spell(const ArgumentType &tensor) {
    return fmt::format("{}: {}[{}]", tensor.name, runtime::dtypeName(tensor.dtype),
                       fmt::join(tensor.shape, ", "));
  }
  void addArray(support::Array array) {
    arrays.push_back({"x" + std::to_string(arrays.size()), std::move(array)});
  }

  uint64_t seed;
  std::vector<lhc::NamedArray> arrays;
};

void expectClose(const support::Array &result, const oracle::Expectation &expected,
                 const char *name) {
  oracle::Comparison comparison = oracle::compare(*result.toFloat(), expected);
  EXPECT_TRUE(comparison.passed) << name << ": " << comparison.toString();
}

/// A kernel and the type of its tensors.
using KernelOfType = std::tuple<const char *, DType>;

bool isPartOf(std::string_view part, const KernelOfType &kernel) {
  return std::string_view(std::get<0>(kernel)).find(part) != std::string_view::npos;
}

std::string nameOf(const testing::TestParamInfo<KernelOfType> &info) {
  return fmt::format("{}_{}", std::get<0>(info.param),
                     runtime::dtypeName(std::get<1>(info.param)));
}

class AdjointTest : public testing::TestWithParam<KernelOfType> {
protected:
  static constexpr unsigned shapes = 2;

  const char *kernel = std::get<0>(GetParam());
  DType dtype = std::get<1>(GetParam());
  /// Kernels of a stage get the same shapes, types others.
  std::mt19937 random{17u + unsigned(dtype)};

  Case nextCase() {
    Case c = randomCase(random, kernel);
    c.dtype = dtype;
    return c;
  }
};

/// Tests of kernels that take a selection, here of random scores.
class SelectionAdjointTest : public AdjointTest {
protected:
  struct Selected {
    Case c;
    oracle::Pyramid pyramid;
    std::array<std::vector<float>, 2> scores;
    oracle::Selection selection;
    int64_t length = pyramid.gatheredLength();

    std::string parameters() const { return fmt::format("<L = {}, P = {}>", c.levels, c.factor); }
    void addRank(KernelCall &call) const {
      call.addIntegers({c.batch, c.groups, pyramid.totalEntries()}, selection.rank);
    }
    void addIndices(KernelCall &call) const {
      call.addIntegers({c.batch, c.groups, length}, selection.indices);
    }
  };

  Selected next() {
    Case c = nextCase();
    oracle::Options options{c.levels, c.factor, c.budget, c.chunk, c.coverPrefix};
    oracle::Pyramid pyramid = *oracle::Pyramid::create(c.tokens, options);
    std::array<std::vector<float>, 2> scores;
    for (std::vector<float> &of : scores)
      for (int64_t i = 0; i < c.batch * c.groups * pyramid.scoredEntries(); ++i)
        of.push_back(float(random() % 1000));
    return {c, pyramid, scores, oracle::select(pyramid, c.batch, c.groups, scores[0], scores[1])};
  }
};

using ScatterBackwardTest = SelectionAdjointTest;
using RopeTilesTest = SelectionAdjointTest;
using AttendBackwardTest = AdjointTest;
using DeltaTest = AdjointTest;
using ElementwiseTest = AdjointTest;

/// The gather, with rotation or without; its name says how.
class GatherBackwardTest : public SelectionAdjointTest {
protected:
  bool isRotated = isPartOf("rope", GetParam());
  bool isInterleaved = isPartOf("interleaved", GetParam());
};

/// Rotary tables that are no rotations: the transpose differs from the inverse.
struct Tables {
  std::vector<float> cos, sin;

  /// Adds them as the next two arguments of `call`.
  Tables(KernelCall &call, const Case &c) : cos(add(call, c)), sin(add(call, c)) {}

  oracle::Rotary rotary(bool interleaved) const { return {cos, sin, interleaved}; }

private:
  static std::vector<float> add(KernelCall &call, const Case &c) {
    std::vector<double> values = call.addRandom(DType::F32, {c.tokens, c.dim / 2});
    return {values.begin(), values.end()};
  }
};

/// The products of rows of D numbers.
std::vector<double> deltaOf(std::span<const double> a, std::span<const double> b, int64_t dim) {
  std::vector<double> delta(a.size() / dim);
  for (std::size_t i = 0; i < a.size(); ++i)
    delta[i / dim] += a[i] * b[i];
  return delta;
}

} // namespace

//===------------------------------------------------------------------------------------------===//
// The transposes of gather and scatter
//===------------------------------------------------------------------------------------------===//

TEST_P(ScatterBackwardTest, AgreesWithOracle) {
  for (unsigned i = 0; i < shapes; ++i) {
    Selected x = next();
    SCOPED_TRACE(x.c);
    KernelCall call(i);
    const Case &c = x.c;
    std::vector<double> numbers = call.addRandom(dtype, {c.batch, c.tokens, c.heads, c.dim});
    std::vector<float> gradient(numbers.begin(), numbers.end());
    std::vector<int64_t> shape{c.batch, c.heads, x.length, c.dim};
    std::vector<ArgumentType> results{{"dos", dtype, shape}};
    bool withDelta = isPartOf("_delta_", GetParam());
    std::vector<double> os;
    if (withDelta) {
      os = call.addRandom(dtype, shape);
      shape.pop_back();
      results.push_back({"delta", DType::F32, shape});
    }
    x.addIndices(call);
    x.addRank(call);
    std::vector<support::Array> got = call.run(kernel + x.parameters(), "", results);
    ASSERT_EQ(got.size(), results.size());

    oracle::Expectation dos = oracle::expectRounded(
        oracle::scatterBackward({gradient, c.batch, c.tokens, c.heads, c.dim}, x.pyramid,
                                x.selection),
        dtype);
    expectClose(got[0], dos, "dos");
    if (withDelta) {
      // Of the row as it is stored.
      std::vector<float> stored = *got[0].toFloat();
      std::vector<double> rows(stored.begin(), stored.end());
      expectClose(got[1], oracle::expect(deltaOf(rows, os, c.dim), DType::F32), "delta");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, ScatterBackwardTest,
    testing::Combine(testing::Values("scatter_backward_rows", "scatter_backward_tiles",
                                     "scatter_backward_delta_rows", "scatter_backward_delta_tiles"),
                     testing::Values(DType::F32, DType::F16, DType::BF16)),
    nameOf);

/// Only a gather says how many positions there are, so this is the gradient of one.
TEST_P(GatherBackwardTest, AgreesWithOracle) {
  for (unsigned i = 0; i < shapes; ++i) {
    Selected x = next();
    SCOPED_TRACE(x.c);
    const Case &c = x.c;
    const int64_t heads[] = {c.heads, c.groups, c.groups};
    KernelCall call(i);
    std::vector<float> base[3];
    for (unsigned t = 0; t < 3; ++t) {
      std::vector<double> values = call.addRandom(dtype, {c.batch, c.tokens, heads[t], c.dim});
      base[t].assign(values.begin(), values.end());
    }
    for (const std::vector<float> &scores : x.scores)
      call.add(DType::F32, {c.batch, c.groups, x.pyramid.scoredEntries()}, scores);
    std::optional<Tables> tables;
    std::optional<oracle::Rotary> rotary;
    if (isRotated)
      rotary = tables.emplace(call, c).rotary(isInterleaved);
    std::vector<std::vector<double>> gradients;
    std::string types[3];
    for (unsigned t = 0; t < 3; ++t) {
      std::vector<int64_t> shape{c.batch, heads[t], x.length, c.dim};
      types[t] = fmt::format("{}[{}]", runtime::dtypeName(dtype), fmt::join(shape, ", "));
      gradients.push_back(call.addRandom(dtype, shape));
    }
    std::vector<support::Array> got = call.run(
        fmt::format(R"(-> (q: {}, k: {}, v: {}) {{
  let pyramid = pool(x0, x1, x2, levels = {}, factor = {});
  let selected = select(make_scores(pyramid, x3, x4), budget = {}, chunk = {}, cover_prefix = {});
  let (q, k, v) = {};
  return q, k, v;
}})",
                    types[0], types[1], types[2], c.levels, c.factor, c.budget, c.chunk,
                    c.coverPrefix,
                    isRotated
                        ? fmt::format("gather_rope(pyramid, selected, x5, x6, interleaved = {})",
                                      isInterleaved)
                        : "gather(pyramid, selected)"),
        /*count=*/isRotated ? 7 : 5, /*gradient=*/true);
    ASSERT_EQ(got.size(), isRotated ? 10u : 8u);
    for (unsigned t = 0; t < 3; ++t) {
      oracle::Tensor tensor{base[t], c.batch, c.tokens, heads[t], c.dim};
      std::optional<oracle::Rotary> own = t < 2 ? rotary : std::nullopt;
      expectClose(got[t], oracle::expectGathered(tensor, x.pyramid, x.selection, own, dtype),
                  "gathered");
      expectClose(got[3 + t],
                  oracle::expectRounded(oracle::gatherBackward(gradients[t], heads[t], c.dim,
                                                               x.pyramid, x.selection, own),
                                        dtype),
                  "gradient");
    }
    for (unsigned t = 6; t < got.size(); ++t)
      EXPECT_THAT(*got[t].toFloat(), testing::Each(0.0f)) << "of scores and tables";
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, GatherBackwardTest,
                         testing::Combine(testing::Values("gather", "gather_rope",
                                                          "gather_rope_interleaved"),
                                          testing::Values(DType::F32, DType::F16, DType::BF16)),
                         nameOf);

/// The kernels for GPUs and their neighbours for every target, of the gather with rotation and of
/// its transpose: rotary tables say how many positions there are.
TEST_P(RopeTilesTest, AgreesWithOracle) {
  for (bool interleaved : {false, true}) {
    Selected x = next();
    SCOPED_TRACE(x.c);
    const Case &c = x.c;
    const int64_t heads[] = {c.heads, c.groups, c.groups};
    bool isBackward = isPartOf("backward", GetParam());
    KernelCall call(random() % 1000);
    std::vector<float> base[3];
    std::vector<std::vector<double>> gradients;
    std::vector<ArgumentType> results;
    for (unsigned t = 0; t < 3; ++t) {
      std::vector<int64_t> whole{c.batch, c.tokens, heads[t], c.dim};
      std::vector<int64_t> gathered{c.batch, heads[t], x.length, c.dim};
      std::string name(1, "qkv"[t]);
      if (isBackward) {
        gradients.push_back(call.addRandom(dtype, gathered));
      } else {
        std::vector<double> values = call.addRandom(dtype, whole);
        base[t].assign(values.begin(), values.end());
      }
      results.push_back({name, dtype, isBackward ? whole : gathered});
    }
    if (isBackward) {
      x.addRank(call);
    } else {
      for (unsigned t = 0; t < 3; ++t) {
        // [B, NC, heads, D], and the kernel reads [B, heads, NC, D].
        int64_t level = c.levels - 1, entries = x.pyramid.entries(level);
        std::vector<double> means =
            oracle::pool({base[t], c.batch, c.tokens, heads[t], c.dim}, x.pyramid, level);
        std::vector<float> rows;
        for (int64_t i = 0; i < c.batch * heads[t] * entries * c.dim; ++i) {
          int64_t d = i % c.dim, entry = i / c.dim % entries, h = i / c.dim / entries;
          rows.push_back(float(
              means[((h / heads[t] * entries + entry) * heads[t] + h % heads[t]) * c.dim + d]));
        }
        call.add(dtype, {c.batch, heads[t], entries, c.dim}, rows);
      }
      x.addIndices(call);
    }
    Tables tables(call, c);
    std::vector<support::Array> got = call.run(
        fmt::format("{}<L = {}, P = {}, INTERLEAVED = {}>", kernel, c.levels, c.factor,
                    interleaved),
        "", results);
    ASSERT_EQ(got.size(), 3u);
    for (unsigned t = 0; t < 3; ++t) {
      std::optional<oracle::Rotary> rotary;
      if (t < 2)
        rotary = tables.rotary(interleaved);
      oracle::Expectation expected =
          isBackward ? oracle::expectRounded(oracle::gatherBackward(gradients[t], heads[t], c.dim,
                                                                    x.pyramid, x.selection, rotary),
                                             dtype)
                     : oracle::expectGathered({base[t], c.batch, c.tokens, heads[t], c.dim},
                                              x.pyramid, x.selection, rotary, dtype);
      expectClose(got[t], expected, results[t].name.c_str());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, RopeTilesTest,
    testing::Combine(testing::Values("gather_rope_tiles", "gather_rope_rows",
                                     "gather_rope_backward_tiles", "gather_rope_backward_rows"),
                     testing::Values(DType::F32, DType::F16, DType::BF16)),
    nameOf);

//===------------------------------------------------------------------------------------------===//
// Attention
//===------------------------------------------------------------------------------------------===//

TEST_P(AttendBackwardTest, AgreesWithOracle) {
  for (bool causal : {true, false}) {
    auto pick = [&](std::initializer_list<int64_t> choices) {
      return choices.begin()[random() % choices.size()];
    };
    oracle::AttendShape s{.batch = pick({1, 2}), .groups = pick({1, 2}), .scale = 0.125};
    s.heads = s.groups * pick({1, 2, 3});
    s.length = 2 + int64_t(random() % 300);
    s.headDim = pick({16, 48, 64, 80, 128});
    SCOPED_TRACE(fmt::format("B={} H={} G={} S={} D={} causal={}", s.batch, s.heads, s.groups,
                             s.length, s.headDim, causal));
    KernelCall call(random() % 1000);
    std::vector<int64_t> queries{s.batch, s.heads, s.length, s.headDim};
    std::vector<int64_t> keys{s.batch, s.groups, s.length, s.headDim};
    std::vector<double> q = call.addRandom(dtype, queries), k = call.addRandom(dtype, keys),
                        v = call.addRandom(dtype, keys), gradient = call.addRandom(dtype, queries);
    oracle::Attended attended = oracle::attend(s, q, k, v, causal);
    std::vector<double> delta = deltaOf(gradient, attended.output, s.headDim);
    for (const std::vector<double> &sums : {attended.logSumExp, delta})
      call.add(DType::F32, {s.batch, s.heads, s.length},
               std::vector<float>(sums.begin(), sums.end()));

    std::vector<ArgumentType> results;
    if (!isPartOf("_kv_", GetParam()))
      results.push_back({"dq", DType::F32, queries});
    if (!isPartOf("_q_", GetParam())) {
      results.push_back({"dk", dtype, keys});
      results.push_back({"dv", dtype, keys});
    }
    std::string parameters = fmt::format("<CAUSAL = {}{}>", causal,
                                         isPartOf("_q_", GetParam()) ? ", TQ = f32" : "");
    std::vector<support::Array> got = call.run(kernel + parameters, "0.125", results);
    if (got.empty() && !HasFailure())
      GTEST_SKIP() << "for GPUs with more shared memory";
    ASSERT_EQ(got.size(), results.size());
    oracle::GradientExpectations expected =
        oracle::expectAttendBackward(s, q, k, v, attended, gradient, causal, dtype);
    for (auto [result, array] : llvm::zip_equal(results, got))
      expectClose(array,
                  result.name == "dq"   ? expected.query
                  : result.name == "dk" ? expected.key
                                        : expected.value,
                  result.name.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, AttendBackwardTest,
    testing::Combine(testing::Values("attend_backward_q_blocks", "attend_backward_q_tiles",
                                     "attend_backward_kv_blocks", "attend_backward_kv_tiles"),
                     testing::Values(DType::F32, DType::F16, DType::BF16)),
    nameOf);
INSTANTIATE_TEST_SUITE_P(
    Rings, AttendBackwardTest,
    testing::Combine(testing::Values("attend_backward_q_ring", "attend_backward_kv_wide_ring",
                                     "attend_backward_kv_ring", "attend_backward_kv_small_ring",
                                     "attend_backward_wide_ring", "attend_backward_ring",
                                     "attend_backward_small_ring"),
                     testing::Values(DType::F16, DType::BF16)),
    nameOf);

TEST_P(DeltaTest, AgreesWithOracle) {
  for (unsigned i = 0; i < shapes; ++i) {
    Case c = nextCase();
    SCOPED_TRACE(c);
    KernelCall call(i);
    std::vector<int64_t> shape{c.batch, c.heads, c.tokens, c.dim};
    std::vector<double> o = call.addRandom(dtype, shape), gradient = call.addRandom(dtype, shape);
    shape.pop_back();
    std::vector<support::Array> got = call.run(kernel, "", {{"delta", DType::F32, shape}});
    ASSERT_EQ(got.size(), 1u);
    expectClose(got[0], oracle::expect(deltaOf(o, gradient, c.dim), DType::F32), "delta");
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, DeltaTest,
                         testing::Combine(testing::Values("attend_delta_rows"),
                                          testing::Values(DType::F32, DType::F16, DType::BF16)),
                         nameOf);

//===------------------------------------------------------------------------------------------===//
// Sums, conversions and zeros
//===------------------------------------------------------------------------------------------===//

/// Of rank 1 to 4. The type is that of the result of a sum, and that of a gradient which is zero or
/// converted.
TEST_P(ElementwiseTest, AgreesWithOracle) {
  for (unsigned rank = 1; rank <= 4; ++rank) {
    std::vector<int64_t> shape;
    for (unsigned d = 0; d < rank; ++d)
      shape.push_back(1 + int64_t(random() % (rank == 1 ? 5000 : rank == 2 ? 300 : 40)));
    SCOPED_TRACE(testing::PrintToString(shape));
    std::string name = fmt::format("{}_{}", kernel, rank), type(runtime::dtypeName(dtype));
    KernelCall call(rank);
    std::vector<support::Array> got;
    if (kernel == std::string_view("add")) {
      std::vector<double> sum = call.addRandom(DType::F32, shape), b = call.addRandom(dtype, shape);
      for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] -= 0.75 * b[i];
      got = call.run(fmt::format("{}<TC = {}>", name, type), "-0.75", {{"c", dtype, shape}});
      ASSERT_EQ(got.size(), 1u);
      expectClose(got[0], oracle::expectRounded(sum, dtype), "c");
    } else if (kernel == std::string_view("convert")) {
      std::vector<double> a = call.addRandom(DType::F32, shape);
      got = call.run(fmt::format("{}<TC = {}>", name, type), "", {{"c", dtype, shape}});
      ASSERT_EQ(got.size(), 1u);
      auto rounded =
          support::Array::fromFloat(dtype, shape, std::vector<float>(a.begin(), a.end()));
      EXPECT_EQ(*got[0].toFloat(), *rounded->toFloat());
    } else {
      // The cotangent of a result that nothing uses, as its stage's adjoint hands it on.
      call.addRandom(dtype, shape);
      call.addRandom(dtype, shape);
      got = call.run(fmt::format(R"(-> (y: {0}) {{ let (y, z) = two(x0); return y; }}
stage two(x: {0}) -> (y: {0}, z: {0}) adjoint two_backward;
kernel two_ones(x: {0}) -> (y: {0} = 1, z: {0} = 1) implements two grid (0) {{}}
pipeline two_backward(dz: {0}) -> (dx: {0}) {{ return convert_{1}<TC = {2}>(dz); }})",
                                 fmt::format("{}[{}]", type, fmt::join(shape, ", ")), rank, type),
                     /*count=*/1, /*gradient=*/true);
      ASSERT_EQ(got.size(), 2u);
      EXPECT_THAT(*got[0].toFloat(), testing::Each(1.0f));
      EXPECT_THAT(*got[1].toFloat(), testing::Each(0.0f));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ElementwiseTest,
                         testing::Combine(testing::Values("add", "convert", "zeros"),
                                          testing::Values(DType::F32, DType::F16, DType::BF16)),
                         nameOf);
