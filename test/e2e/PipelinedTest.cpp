//===- PipelinedTest.cpp - Pipelined loops give what the loops say ----------------------------===//
//
// The interpreter runs loops as they stand. The values are small integers, so sums are exact
// however the units of a GPU order them.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelRun.h"

#include <gtest/gtest.h>

using namespace e2e;
using lighthouse::runtime::DType;

class PipelinedTest : public testing::TestWithParam<KernelCase> {};

TEST_P(PipelinedTest, RunsAsInterpreted) { runAndCompare(GetParam()); }

/// More iterations than stages and fewer, blocks cut by the ends of the tensors, more programs than
/// one along each axis; `T` and `STAGES` are set.
static const char *const product = R"(
kernel k<T: float, STAGES: int>(a: T[M, K], b: T[K, N]) -> (c: f32[M, N], d: T[M, N])
    warps (8) grid (cdiv(N, 64), cdiv(M, 128))
{
  let m = program_id(1) * 128;
  let n = program_id(0) * 64;
  var acc = zeros(f32[128, 64]);
  for k in range(0, K, 32) pipelined(STAGES) {
    acc = dot(load(a[m :+ 128, k :+ 32]), load(b[k :+ 32, n :+ 64]), acc);
  }
  store(c[m :+ 128, n :+ 64], acc);
  store(d[m :+ 128, n :+ 64], T(acc));
}
)";

static KernelCase productCase(const char *name, const char *type, DType dtype, const char *stages,
                              int64_t rows, int64_t depth, int64_t columns) {
  return {name,
          product,
          {{"a", dtype, {rows, depth}}, {"b", dtype, {depth, columns}}},
          {{"T", type}, {"STAGES", stages}}};
}

static const KernelCase pipelined[] = {
    productCase("product", "bf16", DType::BF16, "3", 200, 264, 72),
    productCase("product_of_f16", "f16", DType::F16, "2", 128, 128, 64),
    productCase("one_step", "bf16", DType::BF16, "4", 8, 8, 8),
    productCase("rows_not_aligned", "bf16", DType::BF16, "3", 130, 101, 67),
    productCase("product_of_f32", "f32", DType::F32, "2", 130, 100, 68),
    {"product_in_tf32",
     R"(
kernel k(a: f32[M, K], b: f32[N, K]) -> (c: f32[M, N]) warps (8) grid (cdiv(N, 64), cdiv(M, 128)) {
  let m = program_id(1) * 128;
  let n = program_id(0) * 64;
  var acc = zeros(f32[128, 64]);
  for k in range(0, K, 32) pipelined(3) {
    acc = dot(load(a[m :+ 128, k :+ 32]), trans(load(b[n :+ 64, k :+ 32])), acc, tf32 = true);
  }
  store(c[m :+ 128, n :+ 64], acc);
})",
     {{"a", DType::F32, {200, 264}}, {"b", DType::F32, {72, 264}}}},
    {"no_step_for_the_first_rows",
     R"(
kernel k(a: bf16[M, K], b: bf16[K, N]) -> (c: f32[M, N]) grid (1, cdiv(M, 64)) {
  let m = program_id(1) * 64;
  var acc = zeros(f32[64, 32]);
  for k in range(0, m, 16) pipelined(3) {
    acc = dot(load(a[m :+ 64, k :+ 16]), load(b[k :+ 16, 0 :+ 32]), acc);
  }
  store(c[m :+ 64, 0 :+ 32], acc);
})",
     {{"a", DType::BF16, {160, 136}}, {"b", DType::BF16, {136, 32}}}},
    // More instances than a GPU holds blocks, along all axes; nothing to sum for some.
    {"persistent",
     R"(
kernel k(a: bf16[B, M, K], b: bf16[B, N, K]) -> (c: f32[B, M, N])
    grid (cdiv(M, 64), cdiv(N, 16), B) persistent
{
  let m = program_id(0) * 64;
  let n = program_id(1) * 16;
  let i = program_id(2);
  var acc = zeros(f32[64, 16]);
  for k in range(0, min(K, m), 16) pipelined(4) {
    acc = dot(load(a[i, m :+ 64, k :+ 16]), trans(load(b[i, n :+ 16, k :+ 16])), acc);
  }
  store(c[i, m :+ 64, n :+ 16], acc);
})",
     {{"a", DType::BF16, {7, 500, 24}}, {"b", DType::BF16, {7, 96, 24}}}},
    {"in_a_loop_and_numbered_from_three",
     R"(
kernel k(a: f16[B, M, K], b: f16[B, N, K]) -> (c: f32[B, M, N]) grid (1) {
  for i in range(B) {
    var acc = zeros(f32[64, 16]);
    for j in range(3, 3 + cdiv(K, 32), 1) pipelined(4) {
      let at = (j - 3) * 32;
      acc = dot(load(a[i, 0 :+ 64, at :+ 32]), trans(load(b[i, 0 :+ 16, at :+ 32])), acc);
    }
    store(c[i, 0 :+ 64, 0 :+ 16], acc);
  }
})",
     {{"a", DType::F16, {3, 60, 104}}, {"b", DType::F16, {3, 16, 104}}}},
    {"two_sums_and_the_rest_of_a_kernel",
     R"(
kernel k(a: bf16[K, M], b: bf16[N, K], w: f32[N]) -> (c: f32[M, N], d: f32[N, M], s: f32[N] = 0) grid (1) {
  let own = shared(f32[64]);
  store(own, load(w[0 :+ 64]));
  var acc = zeros(f32[64, 64]);
  var other = full(f32[64, 64], 1.0);
  for k in range(0, K, 32) pipelined(2) {
    let l = load(a[k :+ 32, 0 :+ 64]);
    let r = load(b[0 :+ 64, k :+ 32]);
    acc = dot(trans(l), trans(r), acc);
    acc = dot(trans(l), trans(r), acc);
    other = dot(r, l, other);
    atomic_add(s[0 :+ 64], load(w[0 :+ 64]));
  }
  store(c[0 :+ 64, 0 :+ 64], acc * load(own)[None, :]);
  store(d[0 :+ 64, 0 :+ 64], other);
})",
     {{"a", DType::BF16, {72, 64}}, {"b", DType::BF16, {64, 72}}, {"w", DType::F32, {64}}}},
    {"products_of_products",
     R"(
kernel k(q: bf16[M, 32], x: bf16[N, 32], y: bf16[N, 64]) -> (o: f32[M, 64], t: f32[M]) grid (cdiv(M, 64)) {
  let m = program_id(0) * 64;
  let rows = load(q[m :+ 64, 0 :+ 32]);
  var acc = zeros(f32[64, 64]);
  var top = full(f32[64], -1000.0);
  for n in range(0, N, 32) pipelined(2) {
    let s = dot(rows, trans(load(x[n :+ 32, 0 :+ 32])));
    let seen = where((n + iota(32))[None, :] < N, s, -1000.0);
    top = maximum(top, max(seen, axis = 1));
    let p = where(seen > 0.0, 1.0, 0.0);
    acc = dot(bf16(p), load(y[n :+ 32, 0 :+ 64]), acc - 1.0);
  }
  store(o[m :+ 64, 0 :+ 64], acc);
  store(t[m :+ 64], top);
})",
     {{"q", DType::BF16, {100, 32}}, {"x", DType::BF16, {150, 32}}, {"y", DType::BF16, {150, 64}}}},
    // One operand of each product stays in a buffer, on the left and transposed on the right; the results go through it.
    {"operands_kept_in_buffers",
     R"(
kernel k(q: bf16[M, 48], x: bf16[N, 48], w: bf16[64, 32]) -> (o: bf16[M, 48], t: f32[M, 64]) warps (8) grid (cdiv(M, 128)) {
  let m = program_id(0) * 128;
  let qb = shared(bf16[128, 48], swizzle = 128);
  let wb = shared(bf16[64, 32], swizzle = 64);
  store(qb, load(q[m :+ 128, 0 :+ 48]));
  store(wb, load(w[0 :+ 64, 0 :+ 32]));
  var acc = zeros(f32[128, 48]);
  var other = zeros(f32[128, 64]);
  for n in range(0, N, 32) pipelined(2) {
    let s = dot(load(qb), trans(load(x[n :+ 32, 0 :+ 48])));
    let p = bf16(where(s > 0.0, 1.0, 0.0));
    acc = dot(p, load(x[n :+ 32, 0 :+ 48]), acc);
    other = dot(p, trans(load(wb)), other);
  }
  store(qb, bf16(acc));
  store(o[m :+ 128, 0 :+ 48], load(qb));
  store(t[m :+ 128, 0 :+ 64], other);
})",
     {{"q", DType::BF16, {200, 48}}, {"x", DType::BF16, {150, 48}}, {"w", DType::BF16, {64, 32}}}},
};
INSTANTIATE_TEST_SUITE_P(Loops, PipelinedTest, testing::ValuesIn(pipelined),
                         [](const auto &info) { return info.param.name; });
