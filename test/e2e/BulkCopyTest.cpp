//===- BulkCopyTest.cpp - Copies and reductions by the copy engine ----------------------------===//
//
// Each kernel is run on a GPU of sm_90a; elsewhere it is compiled only. What it gives is computed
// here, from the same inputs.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelRun.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <functional>
#include <gtest/gtest.h>

using namespace e2e;
using lighthouse::runtime::DType;
using lighthouse::runtime::dtypeName;

//===------------------------------------------------------------------------------------------===//
// Copies
//===------------------------------------------------------------------------------------------===//

namespace {

/// What a copy takes of a dim: `length` coordinates from `start` on; 0: the one at `start`.
struct Part {
  int64_t extent, start, length = 0;
};

struct BulkCopy {
  std::string name;
  DType dtype;
  std::vector<Part> parts;
  int64_t swizzle = 0;
};

void PrintTo(const BulkCopy &copy, std::ostream *out) { *out << copy.name; }

class BulkCopyTest : public testing::TestWithParam<BulkCopy> {};

} // namespace

/// Where in a dim a part is stored: the copy engine stores nothing that begins before a tensor.
static int64_t storeStart(const Part &part) { return std::max<int64_t>(part.start, 0); }

/// Brings a part of `x` to `y`, and `w` to that part of `z`, or the first if it begins before `z`.
static KernelCase kernelOf(const BulkCopy &copy) {
  std::vector<int64_t> shape, tile;
  std::vector<std::string> dims, from, to;
  for (auto [d, part] : llvm::enumerate(copy.parts)) {
    shape.push_back(part.extent);
    dims.push_back(std::string(1, 'A' + d));
    std::string length = part.length != 0 ? " :+ " + std::to_string(part.length) : "";
    from.push_back(std::to_string(part.start) + length);
    to.push_back(std::to_string(storeStart(part)) + length);
    if (part.length != 0)
      tile.push_back(part.length);
  }
  std::string type = std::string(dtypeName(copy.dtype));
  std::string tileType = type + lighthouse::runtime::formatDims(tile);
  std::string all = tile.size() == 1 ? ":" : ":, :";
  std::string tensorType = type + "[" + llvm::join(dims, ", ") + "]";
  std::string swizzle = copy.swizzle ? ", swizzle = " + std::to_string(copy.swizzle) : "";
  return {copy.name,
          llvm::formatv(R"(
kernel k(x: {0}, w: {1}) -> (y: {1}, z: {0}) target sm_90a grid (1) {{
  let buf = shared({1}{2});
  let full = mbarrier(arrivals = 1);
  roles {{
    role mover(warps = 4) {{
      copy_bulk(buf, x[{3}], full);
      wait(full);
      store(y[{4}], load(buf));
      store(buf, load(w[{4}]));
      store_bulk(z[{5}], buf);
    }
  }
})",
                        tensorType, tileType, swizzle, llvm::join(from, ", "), all,
                        llvm::join(to, ", "))
              .str(),
          {{"x", copy.dtype, shape}, {"w", copy.dtype, tile}}};
}

/// The element of the tensor that element `i` of the tile stands for, none outside.
static std::optional<int64_t> elementOf(const BulkCopy &copy, int64_t i,
                                        llvm::function_ref<int64_t(const Part &)> start) {
  int64_t element = 0, stride = 1;
  for (const Part &part : llvm::reverse(copy.parts)) {
    int64_t length = std::max<int64_t>(part.length, 1);
    int64_t coordinate = start(part) + i % length;
    if (coordinate < 0 || coordinate >= part.extent)
      return std::nullopt;
    i /= length;
    element += coordinate * stride;
    stride *= part.extent;
  }
  return element;
}

TEST_P(BulkCopyTest, OutsideIsZeroAndNotWritten) {
  const BulkCopy &copy = GetParam();
  KernelCase kernel = kernelOf(copy);
  std::optional<KernelValues> run = runOnHopper(kernel);
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  const std::vector<int64_t> &shape = kernel.inputs[0].shape, &tile = kernel.inputs[1].shape;
  std::vector<double> y(run->inputs[1].size(), 0), z(run->inputs[0].size(), untouched);
  for (size_t i = 0; i < y.size(); ++i) {
    if (std::optional<int64_t> element = elementOf(copy, i, [](const Part &part) { return part.start; }))
      y[i] = run->inputs[0][*element];
    if (std::optional<int64_t> element = elementOf(copy, i, storeStart))
      z[*element] = run->inputs[1][i];
  }
  expectSame("y", tile, run->results[0], y);
  expectSame("z", shape, run->results[1], z);
}

static const BulkCopy copies[] = {
    {"inside", DType::F32, {{32, 8, 16}, {64, 16, 32}}, 128},
    {"one_dim", DType::F32, {{100, 32, 64}}},
    {"one_dim_at_the_end", DType::F32, {{100, 60, 64}}},
    {"one_dim_before_the_begin", DType::F16, {{96, -24, 64}}},
    {"one_dim_with_a_swizzle", DType::BF16, {{96, 40, 64}}, 128},
    {"fewest_bytes", DType::I8, {{48, 32, 16}}},
    {"most_columns", DType::I64, {{3, 1, 4}, {300, 100, 256}}},
    {"most_rows", DType::F32, {{250, 3, 256}, {8, 0, 8}}},
    {"after_the_end", DType::F32, {{16, 16, 8}, {32, 0, 32}}},
    {"before_the_begin", DType::F32, {{16, 4, 8}, {32, -32, 32}}},
    {"first_corner", DType::F32, {{16, -3, 8}, {32, -8, 32}}, 128},
    {"last_corner", DType::F32, {{16, 11, 8}, {36, 20, 32}}, 128},
    {"larger_than_the_tensor", DType::BF16, {{5, -2, 16}, {24, -8, 64}}, 128},
    {"panels", DType::BF16, {{40, 30, 16}, {136, 40, 128}}, 128},
    {"panels_of_64_bytes", DType::F16, {{40, 30, 16}, {136, 40, 128}}, 64},
    {"panels_of_32_bytes", DType::BF16, {{40, -6, 16}, {136, -16, 64}}, 32},
    {"swizzle_that_does_not_divide_rows", DType::BF16, {{40, 30, 16}, {48, 0, 48}}, 128},
    {"rows_that_are_no_multiple_of_eight", DType::F32, {{16, 13, 5}, {32, 0, 32}}, 128},
    {"no_swizzle", DType::BF16, {{40, 30, 16}, {200, 104, 160}}},
    {"i8", DType::I8, {{40, 30, 16}, {176, 96, 128}}, 128},
    {"i32", DType::I32, {{40, 30, 16}, {76, 52, 64}}, 64},
    {"i64", DType::I64, {{40, 30, 16}, {34, 20, 16}}, 128},
    {"f64", DType::F64, {{40, -2, 16}, {34, -4, 16}}, 64},
    {"plane_of_three_dims", DType::F32, {{3, 2}, {20, 10, 16}, {40, 16, 32}}, 128},
    {"plane_outside", DType::F32, {{3, 3}, {20, 0, 16}, {40, 0, 32}}, 128},
    {"row_of_three_dims", DType::F32, {{3, 1}, {20, 19}, {40, 16, 32}}},
    {"rows_one_plane_apart", DType::BF16, {{20, 10, 16}, {3, 1}, {72, 16, 64}}, 128},
    {"plane_of_four_dims", DType::F16, {{2, 1}, {20, -4, 16}, {3, 2}, {72, 16, 64}}, 128},
    {"plane_of_five_dims", DType::F32, {{2, 1}, {3, 2}, {20, 10, 16}, {2, 0}, {40, 16, 32}}, 64},
};
INSTANTIATE_TEST_SUITE_P(Copies, BulkCopyTest, testing::ValuesIn(copies),
                         [](const auto &info) { return info.param.name; });

//===------------------------------------------------------------------------------------------===//
// Reductions
//===------------------------------------------------------------------------------------------===//

namespace {

struct BulkReduction {
  std::string name;
  DType dtype;
  std::string function;
  std::function<double(double, double)> combine;
  double initial;
  /// What the elements of `x` are multiplied by.
  int64_t factor = 1;
};

void PrintTo(const BulkReduction &reduction, std::ostream *out) { *out << reduction.name; }

class BulkReductionTest : public testing::TestWithParam<BulkReduction> {};

} // namespace

/// Instances combine with the same elements, some of which are outside.
TEST_P(BulkReductionTest, CombinesWithWhatIsThere) {
  constexpr int64_t rows = 140, resultRows = 40, columns = 32;
  const BulkReduction &reduction = GetParam();
  KernelCase kernel{reduction.name,
                    llvm::formatv(R"(
kernel k(x: {0}[N, 32]) -> (y: {0}[40, 32] = {1}) target sm_90a grid (cdiv(N, 16)) {{
  let i = program_id(0);
  let buf = shared({0}[16, 32], swizzle = 64);
  store(buf, load(x[i * 16 :+ 16, :]) * {2});
  {3}(y[i % 4 * 12 :+ 16, :], buf);
})",
                                  dtypeName(reduction.dtype), int64_t(reduction.initial),
                                  reduction.factor, reduction.function)
                        .str(),
                    {{"x", reduction.dtype, {rows, columns}}}};
  std::optional<KernelValues> run = runOnHopper(kernel);
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(resultRows * columns, reduction.initial);
  for (int64_t i = 0; i * 16 < rows; ++i)
    for (int64_t r = 0; r < 16; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        int64_t from = i * 16 + r, to = i % 4 * 12 + r;
        double value = from < rows ? run->inputs[0][from * columns + c] * reduction.factor : 0;
        if (to < resultRows)
          y[to * columns + c] = reduction.combine(y[to * columns + c], value);
      }
  expectSame("y", std::vector<int64_t>{resultRows, columns}, run->results[0], y);
}

static double larger(double a, double b) { return std::max(a, b); }
static double smaller(double a, double b) { return std::min(a, b); }

// Elements of i64 do not fit in 32 bits.
static const BulkReduction reductions[] = {
    {"add_f32", DType::F32, "add_bulk", std::plus<>(), 3},
    {"add_f16", DType::F16, "add_bulk", std::plus<>(), 3},
    {"add_bf16", DType::BF16, "add_bulk", std::plus<>(), 3},
    {"add_i32", DType::I32, "add_bulk", std::plus<>(), -3, 10000000},
    {"max_i32", DType::I32, "max_bulk", larger, -5},
    {"max_i64", DType::I64, "max_bulk", larger, -5, 10000000001},
    {"min_i32", DType::I32, "min_bulk", smaller, 5},
    {"min_i64", DType::I64, "min_bulk", smaller, 5, 10000000001},
};
INSTANTIATE_TEST_SUITE_P(Reductions, BulkReductionTest, testing::ValuesIn(reductions),
                         [](const auto &info) { return info.param.name; });
