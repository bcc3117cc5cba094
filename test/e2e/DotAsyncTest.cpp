//===- DotAsyncTest.cpp - Asynchronous products, of every form --------------------------------===//
//
// The values are small integers, so that sums are exact in any order. Each kernel is run on a GPU
// of sm_90a; elsewhere it is compiled only.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelRun.h"

#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

using namespace e2e;
using lighthouse::runtime::DType;
using lighthouse::runtime::dtypeName;
namespace runtime = lighthouse::runtime;

namespace {

struct Product {
  DType dtype;
  bool inRegisters, transposeA, transposeB;
  int64_t swizzle;
  int64_t rows = 64, columns = 64, depth = 64, warps = 4;

  std::string name() const {
    return llvm::formatv("{0}_{1}{2}_b{3}_swizzle_{4}_{5}x{6}x{7}_warps_{8}", dtypeName(dtype),
                         inRegisters ? "tile" : "a", transposeA ? "_transposed" : "",
                         transposeB ? "_transposed" : "", swizzle, rows, columns, depth, warps);
  }
};

void PrintTo(const Product &product, std::ostream *out) { *out << product.name(); }

class DotAsyncTest : public testing::TestWithParam<Product> {};
class DotAsyncInOrderTest : public testing::TestWithParam<Product> {};

} // namespace

static constexpr int64_t steps = 4;

/// A kernel with four pairs of matrices in buffers, of which `body` makes products.
static KernelCase kernelOf(const Product &p, const char *results, const std::string &body) {
  std::vector<int64_t> a{steps, p.rows, p.depth}, b{steps, p.depth, p.columns};
  if (p.transposeA)
    std::swap(a[1], a[2]);
  if (p.transposeB)
    std::swap(b[1], b[2]);
  std::string type(dtypeName(p.dtype));
  return {"product",
          llvm::formatv(R"(
fn product(ab, bb, i, acc) {{
  return dot_async({8}(ab[i]), {9}(bb[i]), acc{10});
}
kernel k<M: int = {2}, N: int = {3}>(a: {0}, b: {1}) -> ({6}) target sm_90a warps ({4}) grid (1) {{
  let none = zeros(f32[M, N]);
  let ab = shared({0}, swizzle = {5});
  let bb = shared({1}, swizzle = {5});
  let full = mbarrier(4, arrivals = 2);
  static for i in range(4) {{
    copy_bulk(ab[i], a[i, :, :], full[i]);
    copy_bulk(bb[i], b[i, :, :], full[i]);
  }
{7}
})",
                        type + runtime::formatDims(a), type + runtime::formatDims(b), p.rows,
                        p.columns, p.warps, p.swizzle, results, body,
                        p.inRegisters  ? "load"
                        : p.transposeA ? "trans"
                                       : "",
                        p.transposeB ? "trans" : "", p.dtype == DType::F32 ? ", tf32 = true" : "")
              .str(),
          {{"a", p.dtype, a}, {"b", p.dtype, b}}};
}

/// The products of the four pairs of matrices.
static std::vector<std::vector<double>> productsOf(const Product &p, const KernelValues &run) {
  auto element = [](const std::vector<double> &values, int64_t step, int64_t row, int64_t column,
                    int64_t rows, int64_t columns, bool isTransposed) {
    return values[step * rows * columns +
                  (isTransposed ? column * rows + row : row * columns + column)];
  };
  std::vector<std::vector<double>> products;
  for (int64_t step = 0; step < steps; ++step) {
    std::vector<double> &product = products.emplace_back(p.rows * p.columns);
    for (int64_t i = 0; i < p.rows; ++i)
      for (int64_t j = 0; j < p.columns; ++j)
        for (int64_t k = 0; k < p.depth; ++k)
          product[i * p.columns + j] +=
              element(run.inputs[0], step, i, k, p.rows, p.depth, p.transposeA) *
              element(run.inputs[1], step, k, j, p.depth, p.columns, p.transposeB);
  }
  return products;
}

/// Where the operands are buffers, the product of a step runs on while the next one begins.
TEST_P(DotAsyncTest, AddsUpProducts) {
  const Product &p = GetParam();
  std::optional<KernelValues> run = runOnHopper(kernelOf(p, "sums: f32[M, N]", std::string(R"(
  var acc = none;
  for i in range(4) {
    wait(full[i]);
    acc = product(ab, bb, i, acc);
)") + (p.inRegisters ? "    acc = dot_wait(0, acc);" : "    dot_wait(1);") + R"(
  }
  store(sums[:, :], dot_wait(0, acc));)"));
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<std::vector<double>> products = productsOf(p, *run);
  std::vector<double> sums(p.rows * p.columns);
  for (const std::vector<double> &product : products)
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += product[i];
  expectSame("sums", std::vector{p.rows, p.columns}, run->results[0], sums);
}

/// Each wait gives back the product that has ended, while later ones run.
TEST_P(DotAsyncInOrderTest, EndsProductsInTheirOrder) {
  const Product &p = GetParam();
  std::optional<KernelValues> run =
      runOnHopper(kernelOf(p, "r0: f32[M, N], r1: f32[M, N], r2: f32[M, N], r3: f32[M, N]", R"(
  static for i in range(4) { wait(full[i]); }
  var p0 = product(ab, bb, 0, none);
  var p1 = product(ab, bb, 1, none);
  p0 = dot_wait(1, p0);
  store(r0[:, :], p0);
  var p2 = product(ab, bb, 2, none);
  var p3 = product(ab, bb, 3, none);
  (p1, p2) = dot_wait(1, p1, p2);
  store(r1[:, :], p1);
  store(r2[:, :], p2);
  p3 = dot_wait(0, p3);
  store(r3[:, :], p3);)"));
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<std::vector<double>> products = productsOf(p, *run);
  for (int64_t step = 0; step < steps; ++step)
    expectSame(llvm::formatv("r{0}", step), std::vector{p.rows, p.columns}, run->results[step],
               products[step]);
}

/// What the checker accepts of each type and swizzle.
static std::vector<Product> forms() {
  std::vector<Product> all;
  for (DType dtype : {DType::BF16, DType::F16, DType::F32})
    for (bool inRegisters : {false, true})
      for (bool transposeA : {false, true})
        for (bool transposeB : {false, true})
          for (int64_t swizzle : {32, 64, 128})
            if (!(inRegisters && transposeA) &&
                !(dtype == DType::F32 && (transposeA || !transposeB)))
              all.push_back({dtype, inRegisters, transposeA, transposeB, swizzle});
  return all;
}

/// Sizes that instructions, panels and warpgroups share out differently.
static std::vector<Product> sizes() {
  std::vector<Product> all;
  for (bool inRegisters : {false, true})
    for (bool transposeB : {false, true}) {
      Product p{DType::BF16, inRegisters, false, transposeB, 128};
      auto add = [&](int64_t rows, int64_t columns, int64_t depth, int64_t warps = 4) {
        p.rows = rows, p.columns = columns, p.depth = depth, p.warps = warps;
        all.push_back(p);
      };
      add(64, 64, 16);
      add(64, 96, 48);
      add(64, 160, 112);
      add(128, 64, 32);
      add(128, 64, 64, 8);
      add(256, 64, 32, 8);
      add(64, 128, 64, 8);
      add(64, 256, 32, 8);
      if (transposeB)
        add(64, 8, 64), add(64, 24, 64);
    }
  for (bool transposeA : {false, true}) {
    all.push_back({DType::F16, false, transposeA, false, 128, 128, 128, 32, 8});
    all.push_back({DType::F16, false, transposeA, false, 64, 64, 272, 16});
  }
  all.push_back({DType::F32, true, false, true, 128, 128, 64, 64, 8});
  all.push_back({DType::F32, false, false, true, 128, 128, 128, 16, 8});
  return all;
}

static std::string nameOf(const testing::TestParamInfo<Product> &info) { return info.param.name(); }

INSTANTIATE_TEST_SUITE_P(Forms, DotAsyncTest, testing::ValuesIn(forms()), nameOf);
INSTANTIATE_TEST_SUITE_P(Sizes, DotAsyncTest, testing::ValuesIn(sizes()), nameOf);
INSTANTIATE_TEST_SUITE_P(Forms, DotAsyncInOrderTest, testing::ValuesIn(forms()), nameOf);
