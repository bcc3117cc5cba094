//===- DenseTest.cpp - Dense attention against the oracle -------------------------------------===//

#include "Pipeline.h"

#include <gtest/gtest.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

namespace {

/// Dense attention of kernels/dense.lh.
struct DenseCase {
  int64_t batch, heads, groups, length, dim;
  bool causal;
  DType dtype;
};

/// Runs the forward or both passes on inputs that `change` may change, and compares with the
/// oracle.
void runDense(Compiler &compiler, const DenseCase &c, bool gradient, bool deterministic,
              llvm::function_ref<void(std::vector<lhc::NamedArray> &)> change = nullptr) {
  // The oracle's tensors have positions before heads; so has the memory of these views.
  Case shape{.name = "dense",
             .batch = c.batch,
             .tokens = c.length,
             .heads = c.heads,
             .groups = c.groups,
             .dim = c.dim,
             .dtype = c.dtype};
  SCOPED_TRACE(shape);
  std::vector<lhc::NamedArray> arrays = makeInputs(shape, gradient);
  if (change)
    change(arrays);
  std::vector<TensorView> inputs = viewsOf(arrays);
  Request request;
  request.name = "dense";
  request.settings = {{"CAUSAL", c.causal ? "true" : "false"}};
  request.gradient = gradient;
  request.deterministic = deterministic;
  setTarget(request);
  for (auto [named, view] : llvm::zip_equal(arrays, inputs)) {
    std::swap(view.shape[1], view.shape[2]);
    std::swap(view.strides[1], view.strides[2]);
    request.arguments.push_back({named.name, c.dtype, view.shape});
  }
  runAndVerify(compiler, request, inputs, gradient ? 4 : 1);
}

} // namespace

TEST(DenseBackwardTest, AgreesWithOracle) {
  auto compiler = Compiler::openBundled("dense.lh");
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  const DenseCase all[] = {
      {1, 2, 2, 300, 64, true, DType::F32},   {1, 2, 1, 513, 64, false, DType::F32},
      {2, 4, 2, 130, 128, true, DType::BF16}, {1, 4, 1, 257, 128, false, DType::BF16},
      {1, 2, 2, 1, 16, true, DType::F16},     {1, 1, 1, 129, 256, true, DType::F16},
      {1, 3, 1, 190, 80, true, DType::BF16},  {1, 2, 2, 64, 32, false, DType::F16},
      {1, 2, 1, 390, 64, true, DType::BF16},  {1, 2, 2, 270, 64, false, DType::F16},
      {1, 3, 3, 421, 128, true, DType::F16},  {2, 5, 5, 300, 64, true, DType::BF16},
  };
  for (const DenseCase &c : all)
    for (bool deterministic : {false, true})
      runDense(*compiler, c, /*gradient=*/true, deterministic);
}

static lhc::NamedArray &named(std::vector<lhc::NamedArray> &arrays, llvm::StringRef name) {
  auto found = llvm::find_if(arrays, [&](auto &array) { return array.name == name; });
  EXPECT_NE(found, arrays.end()) << name.str();
  return *found;
}

// A NaN harms what sees it and nothing else: zero times NaN is NaN, but hidden rows have no part.
TEST(DenseBackwardTest, HiddenNaNsDoNoHarm) {
  auto compiler = Compiler::openBundled("dense.lh");
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  for (int64_t dim : {64, 80, 128})
    for (const char *name : {"q", "k", "v", "do"})
      for (int64_t position : {50, 150, 300})
        for (bool deterministic : {false, true}) {
          SCOPED_TRACE(name);
          SCOPED_TRACE(position);
          DenseCase c{1, 2, 1, 390, dim, true, DType::BF16};
          runDense(*compiler, c, /*gradient=*/true, deterministic,
                   [&](std::vector<lhc::NamedArray> &arrays) {
                     // One element of the first head.
                     lhc::NamedArray &array = named(arrays, name);
                     int64_t heads = array.array.shape()[2];
                     constexpr uint16_t nan = 0x7fc0;
                     array.array.as<uint16_t>()[position * heads * dim + 7] = nan;
                   });
        }
}

// Kernels for a GPU begin with the last keys, and keep the scale of their sums until a score is too
// large for it.
TEST(DenseBackwardTest, ScoresMayGrowFromBlockToBlock) {
  auto compiler = Compiler::openBundled("dense.lh");
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  for (int64_t dim : {64, 128})
    for (DType dtype : {DType::BF16, DType::F16}) {
      DenseCase c{1, 2, 1, 500, dim, true, dtype};
      runDense(*compiler, c, /*gradient=*/true, /*deterministic=*/false,
               [&](std::vector<lhc::NamedArray> &arrays) {
                 lhc::NamedArray &keys = named(arrays, "k");
                 std::span<uint16_t> elements = keys.array.as<uint16_t>();
                 // Times 8 below 128, 4 below 256, 2 below 384: one more in the exponent.
                 int mantissa = dtype == DType::BF16 ? 7 : 10;
                 for (int64_t j = 0; j < 384; ++j)
                   for (int64_t d = 0; d < dim; ++d)
                     if (uint16_t &x = elements[j * dim + d]; x & 0x7fff)
                       x += (3 - j / 128) << mantissa;
               });
    }
}

#ifdef LIGHTHOUSE_TEST_CUDA
// With keys that do not fit the L2 cache together programs go through two heads at a time; one is
// left.
TEST(DenseForwardTest, GroupsOfHeadsAgreeWithOracle) {
  auto compiler = Compiler::openBundled("dense.lh");
  ASSERT_TRUE(compiler.ok()) << compiler.status().message();
  runDense(*compiler, {1, 3, 3, 30000, 128, true, DType::BF16}, /*gradient=*/false,
           /*deterministic=*/false);
}
#endif
