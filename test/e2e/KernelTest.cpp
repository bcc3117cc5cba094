//===- KernelTest.cpp - Kernels that attack the lowering to the host --------------------------===//
//
// Each kernel is run and interpreted. The values are small integers, so that sums are exact in any
// order and results must be equal.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelRun.h"
#include "RandomKernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

using namespace e2e;
using lighthouse::runtime::DType;
using testing::ElementsAre;

class KernelTest : public testing::TestWithParam<KernelCase> {};

TEST_P(KernelTest, RunsAsInterpreted) { runAndCompare(GetParam()); }

static std::string nameOf(const testing::TestParamInfo<KernelCase> &info) {
  return info.param.name;
}

//===------------------------------------------------------------------------------------------===//
// Control flow with tiles
//===------------------------------------------------------------------------------------------===//

static const KernelCase controlFlow[] = {
    {"swap_in_a_loop",
     R"(
kernel k(x: i32[2, 12]) -> (y: i32[2, 12]) grid (1) {
  var a = load(x[0, :]);
  var b = load(x[1, :]);
  for i in range(3) { let t = a; a = b; b = t; }
  store(y[0, :], a);
  store(y[1, :], b);
})",
     {{"x", DType::I32, {2, 12}}}},
    {"rotate_three_in_a_loop",
     R"(
kernel k(x: f32[3, 16]) -> (y: f32[3, 16]) grid (1) {
  var a = load(x[0, :]);
  var b = load(x[1, :]);
  var c = load(x[2, :]);
  for i in range(4) { let t = a; a = b; b = c; c = t + 1.0; }
  store(y[0, :], a);
  store(y[1, :], b);
  store(y[2, :], c);
})",
     {{"x", DType::F32, {3, 16}}}},
    {"fibonacci_of_tiles",
     R"(
kernel k(x: i32[2, 5]) -> (y: i32[2, 5]) grid (1) {
  var a = load(x[0, :]);
  var b = load(x[1, :]);
  for i in range(6) { let t = a + b; a = b; b = t; }
  store(y[0, :], a);
  store(y[1, :], b);
})",
     {{"x", DType::I32, {2, 5}}}},
    {"transpose_in_place",
     R"(
kernel k(x: f32[16, 16]) -> (y: f32[16, 16]) grid (1) {
  var a = load(x[:, :]);
  for i in range(3) { a = trans(a) + 1.0; }
  store(y[:, :], a);
})",
     {{"x", DType::F32, {16, 16}}}},
    {"reshaped_in_place",
     R"(
kernel k(x: i32[4, 16]) -> (y: i32[4, 16]) grid (1) {
  var a = load(x[:, :]);
  for i in range(3) { a = reshape(trans(reshape(a, [16, 4])), [4, 16]) - a; }
  store(y[:, :], a);
})",
     {{"x", DType::I32, {4, 16}}}},
    {"dot_in_place_with_its_transpose_used_after",
     R"(
kernel k(x: f32[16, 16]) -> (y: f32[16, 16], z: f32[16, 16]) grid (1) {
  let t = load(x[:, :]);
  var acc = t;
  for i in range(2) {
    let u = trans(acc);
    let w = dot(u, t);
    acc = dot(t, t);
    store(y[:, :], u + w);
  }
  store(z[:, :], acc);
})",
     {{"x", DType::F32, {16, 16}, -2, 2}}},
    {"dot_in_place_with_old_rows_used_after",
     R"(
kernel k(x: f32[8, 8]) -> (y: f32[8, 8], z: f32[8, 8]) grid (1) {
  let t = load(x[:, :]);
  var acc = t;
  for i in range(2) {
    let first = reshape(acc, [64]);
    let old = acc + 1.0;
    acc = dot(t, t, trans(acc));
    store(y[:, :], old + reshape(first * 2.0, [8, 8]));
  }
  store(z[:, :], acc);
})",
     {{"x", DType::F32, {8, 8}, -2, 2}}},
    {"dot_of_the_carried_tile_with_itself",
     R"(
kernel k(x: f32[16, 16]) -> (y: f32[16, 16]) grid (1) {
  var acc = load(x[:, :]);
  for i in range(2) { acc = minimum(maximum(dot(acc, trans(acc), acc), -3.0), 3.0); }
  for i in range(2) { acc = dot(acc, acc); }
  store(y[:, :], acc);
})",
     {{"x", DType::F32, {16, 16}, -1, 1}}},
    {"sum_in_place_of_what_is_carried",
     R"(
kernel k(x: i32[16, 16]) -> (y: i32[16], z: i32[16]) grid (1) {
  let t = load(x[:, :]);
  var a = sum(t, axis = 0);
  var b = a;
  for i in range(3) {
    let old = a;
    a = sum(t * a[:, None], axis = 0);
    b = sum(t + old[None, :], axis = 1);
  }
  store(y[:], a);
  store(z[:], b);
})",
     {{"x", DType::I32, {16, 16}}}},
    {"constant_operand_of_a_dot_in_a_branch",
     R"(
kernel k(x: f32[16, 16], n: i32[1]) -> (y: f32[16, 16], z: f32[16, 16]) grid (1) {
  let ones = full(f32[16, 16], 1.0);
  let t = load(x[:, :]);
  var acc = zeros(f32[16, 16]);
  if load(n[0]) > 0 { acc = dot(ones, t); }
  store(y[:, :], acc);
  store(z[:, :], dot(ones, t) + ones);
})",
     {{"x", DType::F32, {16, 16}}, {"n", DType::I32, {1}, 0, 0}}},
    {"computed_operand_of_a_dot_in_both_branches",
     R"(
kernel k(x: f32[8, 8], n: i32[1]) -> (y: f32[8, 8]) grid (1) {
  let i = iota(8);
  let lower = where(i[:, None] >= i[None, :], 1.0, 0.0);
  let t = load(x[:, :]);
  var acc = t;
  for j in range(3) {
    if (load(n[0]) + j) % 2 == 0 { acc = dot(lower, t); } else { acc = dot(t, lower) + trans(lower); }
  }
  store(y[:, :], acc + dot(trans(lower), lower));
})",
     {{"x", DType::F32, {8, 8}}, {"n", DType::I32, {1}, 0, 1}}},
    {"loop_that_never_runs",
     R"(
kernel k(x: f32[16], n: i32[1]) -> (y: f32[16], z: f32[16]) grid (1) {
  var a = load(x[:]);
  var b = a * 2.0;
  for i in range(load(n[0])) { a = a + b; b = b - a; }
  store(y[:], a);
  store(z[:], b);
})",
     {{"x", DType::F32, {16}}, {"n", DType::I32, {1}, -3, 0}}},
    {"loops_with_odd_steps",
     R"(
kernel k(x: i32[16], n: i32[2]) -> (y: i32[16]) grid (1) {
  var a = load(x[:]);
  for i in range(load(n[0]) - 5, load(n[1]) + 5, 3) { a = a * 2 + i; }
  store(y[:], a);
})",
     {{"x", DType::I32, {16}}, {"n", DType::I32, {2}, -2, 2}}},
    {"nested_loops_carrying_tiles",
     R"(
kernel k(x: i32[4, 12]) -> (y: i32[12], z: i32[12]) grid (1) {
  var a = load(x[0, :]);
  var b = load(x[1, :]);
  for i in range(3) {
    var c = a - b;
    for j in range(i + 1) {
      let t = c;
      c = b + load(x[j, :]);
      b = t;
      a += c;
    }
    b = a - c;
  }
  store(y[:], a);
  store(z[:], b);
})",
     {{"x", DType::I32, {4, 12}}}},
    {"while_with_tiles",
     R"(
kernel k(x: i32[16]) -> (y: i32[16], n: i32[1]) grid (1) {
  var a = load(x[:]);
  var b = a * 0;
  var steps = 0;
  while sum(a * a) > 40 && steps < 9 {
    let t = a / 2;
    b = a;
    a = t;
    steps += 1;
  }
  store(y[:], a + b * 1000);
  store(n[0], steps);
})",
     {{"x", DType::I32, {16}}}},
    {"while_that_swaps",
     R"(
kernel k(x: f32[2, 8]) -> (y: f32[2, 8]) grid (1) {
  var a = load(x[0, :]);
  var b = load(x[1, :]);
  var n = 5;
  while n > 0 {
    let t = a;
    a = b;
    b = t * 2.0;
    n -= 1;
  }
  store(y[0, :], a);
  store(y[1, :], b);
})",
     {{"x", DType::F32, {2, 8}}}},
    {"branches_with_tiles",
     R"(
kernel k(x: i32[8, 16]) -> (y: i32[8, 16]) grid (8) {
  let p = program_id(0);
  let t = load(x[p, :]);
  let u = t * 3;
  var a = t;
  var b = u;
  if p % 3 == 0 { a = b; b = t; }
  else if p % 3 == 1 { a = u + t; }
  else { let s = a; a = b; b = s; }
  store(y[p, :], a * 100 + b);
})",
     {{"x", DType::I32, {8, 16}}}},
    {"branch_in_a_loop_updates_one_of_two",
     R"(
kernel k(x: i32[16]) -> (y: i32[16], z: i32[16]) grid (1) {
  let t = load(x[:]);
  var a = t;
  var b = t * 2;
  for i in range(5) {
    if i % 2 == 0 { a = b - a; } else { let s = a; a = b; b = s + t; }
    if i == 3 { b = a; }
  }
  store(y[:], a);
  store(z[:], b);
})",
     {{"x", DType::I32, {16}}}},
    {"tile_used_in_an_inner_block",
     R"(
kernel k(x: f32[16], n: i32[1]) -> (y: f32[4, 16]) grid (1) {
  let t = load(x[:]) * 2.0;
  let u = t + 1.0;
  for i in range(4) {
    if load(n[0]) == 0 { store(y[i, :], u * f32(i)); }
    else { store(y[i, :], t - f32(i)); }
  }
})",
     {{"x", DType::F32, {16}}, {"n", DType::I32, {1}, 0, 1}}},
    {"carried_bools",
     R"(
kernel k(x: i32[3, 20]) -> (y: bool[20], z: bool[20]) grid (1) {
  var a = load(x[0, :]) > 0;
  var b = !a;
  for i in range(3) {
    let t = a && load(x[i, :]) > 2;
    a = b;
    b = t || (load(x[i, :]) == 0);
  }
  store(y[:], a);
  store(z[:], b);
})",
     {{"x", DType::I32, {3, 20}}}},
};
INSTANTIATE_TEST_SUITE_P(ControlFlow, KernelTest, testing::ValuesIn(controlFlow), nameOf);

//===------------------------------------------------------------------------------------------===//
// Memory
//===------------------------------------------------------------------------------------------===//

static const KernelCase memory[] = {
    {"load_is_before_a_later_store",
     R"(
kernel k(x: i32[2, 48]) -> (y: i32[2, 48]) grid (2) {
  let p = program_id(0);
  store(y[p, :], load(x[p, :]));
  barrier();
  let first = load(y[p, :]);
  let back = load(y[p, 47 - iota(48)]);
  store(y[p, :], back);
  barrier();
  store(y[p, :], load(y[p, :]) * 2 + first);
})",
     {{"x", DType::I32, {2, 48}}}},
    {"store_of_what_it_loads_elsewhere",
     R"(
kernel k(x: i32[32]) -> (y: i32[32]) grid (1) {
  store(y[:], load(x[:]));
  barrier();
  store(y[1 :+ 31], load(y[0 :+ 31]));
  barrier();
  store(y[iota(16) * 2], load(y[iota(16) + 7]) + load(y[15 - iota(16)]));
})",
     {{"x", DType::I32, {32}}}},
    {"lazy_chain_across_a_store",
     R"(
kernel k(x: i32[16]) -> (y: i32[16], z: i32[16]) grid (1) {
  store(y[:], load(x[:]));
  barrier();
  let a = load(y[:]) + 1;
  let b = a * 2;
  store(y[:], zeros(i32[16]));
  store(z[:], b);
})",
     {{"x", DType::I32, {16}}}},
    {"load_before_a_loop_that_stores",
     R"(
kernel k(x: i32[16]) -> (y: i32[16], z: i32[16]) grid (1) {
  store(y[:], load(x[:]));
  barrier();
  let a = load(y[:]) + 1;
  for i in range(3) { store(y[:], full(i32[16], i)); }
  store(z[:], a);
})",
     {{"x", DType::I32, {16}}}},
    {"load_before_an_atomic",
     R"(
kernel k(x: i32[16]) -> (y: i32[16], z: i32[16]) grid (1) {
  store(y[:], load(x[:]));
  barrier();
  let a = load(y[:]) * 3;
  atomic_add(y[:], load(x[:]));
  atomic_max(y[15 - iota(16)], load(y[:]));
  store(z[:], a);
})",
     {{"x", DType::I32, {16}}}},
    {"subscripts_that_the_store_changes",
     R"(
kernel k(x: i32[16]) -> (y: i32[16]) grid (1) {
  store(y[:], (load(x[:]) + 8) % 16);
  barrier();
  let to = load(y[:]);
  store(y[to], to * 0 + 3, mask = load(y[:]) > 3);
})",
     {{"x", DType::I32, {16}}}},
    {"gather_and_scatter_out_of_range",
     R"(
kernel k(x: f32[7, 9], rows: i32[16], columns: i32[12]) -> (y: f32[16, 12], z: f32[7, 9]) grid (1) {
  let r = load(rows[:]);
  let c = load(columns[:]);
  store(y[:, :], load(x[r, c], other = 50.0));
  store(z[r, 3], f32(r));
  store(z[2, c], f32(c));
})",
     {{"x", DType::F32, {7, 9}},
      {"rows", DType::I32, {16}, -3, 9},
      {"columns", DType::I32, {12}, -2, 10}}},
    {"extreme_subscripts",
     R"(
kernel k(x: f32[5, 6]) -> (y: f32[4, 16]) grid (1) {
  let far = 2147483647;
  let i = iota(16);
  store(y[0, :], load(x[0, far - i], other = 1.0));
  store(y[1, :], load(x[1, i - far], other = 2.0));
  store(y[2, :], load(x[far :+ 16, 1], other = 3.0));
  store(y[3, :], load(x[2, far - 3 :+ 16], other = 4.0));
  store(y[far, :], zeros(f32[16]));
  store(y[0 - far, far :+ 8], zeros(f32[8]));
})",
     {{"x", DType::F32, {5, 6}}}},
    {"ragged_ends_and_negative_starts",
     R"(
kernel k(x: f32[M, N]) -> (y: f32[M, N]) grid (cdiv(M, 4), cdiv(N, 16)) {
  let m = program_id(0) * 4 - 2;
  let n = program_id(1) * 16 - 5;
  store(y[m :+ 8, n :+ 32], load(x[m :+ 8, n :+ 32]) * 0.0 + 1.0);
})",
     {{"x", DType::F32, {7, 37}}}},
    {"copies_ragged_ends",
     R"(
kernel k(x: bf16[M, N]) -> (y: bf16[M, N], s: f32[M]) grid (cdiv(M, 4)) {
  let m = program_id(0) * 4;
  var total = zeros(f32[4]);
  for n in range(0, N, 16) {
    let t = load(x[m :+ 4, n :+ 16], other = 2.0);
    store(y[m :+ 4, n :+ 16], t);
    total += sum(f32(t), axis = 1);
  }
  store(s[m :+ 4], total);
})",
     {{"x", DType::BF16, {6, 21}}}},
    {"masks_of_all_forms",
     R"(
kernel k(x: f32[8, 24], m: bool[8, 24], r: bool[8], c: bool[24]) -> (y: f32[6, 8, 24]) grid (1) {
  let all = load(m[:, :]);
  let rows = load(r[:]);
  let columns = load(c[:]);
  store(y[0, :, :], load(x[:, :], mask = all, other = 9.0));
  store(y[1, :, :], load(x[:, :], mask = rows[:, None], other = 9.0));
  store(y[2, :, :], load(x[:, :], mask = columns[None, :]));
  store(y[3, :, :], load(x[:, :]), mask = all && rows[:, None]);
  store(y[4, :, :], load(x[:, :]) + 1.0, mask = rows[:, None]);
  store(y[5, :, :], load(x[:, :]), mask = load(c[2]));
})",
     {{"x", DType::F32, {8, 24}},
      {"m", DType::Bool, {8, 24}, 0, 1},
      {"r", DType::Bool, {8}, 0, 1},
      {"c", DType::Bool, {24}, 0, 1}}},
    {"row_mask_with_two_uses",
     R"(
kernel k(x: f32[8, 16], r: i32[8]) -> (y: f32[8, 16], z: f32[8, 16]) grid (1) {
  let mask = broadcast((load(r[:]) > 0)[:, None], [8, 16]);
  let t = load(x[:, :], mask = mask, other = 5.0);
  store(y[:, :], t, mask = mask);
  store(z[:, :], t + 1.0, mask = mask);
})",
     {{"x", DType::F32, {8, 16}}, {"r", DType::I32, {8}}}},
    {"mask_of_a_scalar_in_a_loop",
     R"(
kernel k(x: i32[16]) -> (y: i32[4, 16]) grid (1) {
  for i in range(4) {
    let on = i % 2 == 0;
    store(y[i, :], load(x[:], mask = on, other = i), mask = i != 1);
  }
})",
     {{"x", DType::I32, {16}}}},
    {"bools_in_memory",
     R"(
kernel k(x: bool[3, 20], rows: i32[20]) -> (y: bool[3, 20], n: i32[3], z: bool[20]) grid (3) {
  let p = program_id(0);
  let t = load(x[p, :], mask = iota(20) < 18, other = true);
  let u = !t || (load(rows[:]) > 4);
  store(y[p, :], u);
  store(n[p], sum(i32(u)) * 10 + i32(any(t)) + i32(all(u)) * 2);
  if p == 0 { store(z[load(rows[:])], load(x[1, load(rows[:])])); }
})",
     {{"x", DType::Bool, {3, 20}, 0, 1}, {"rows", DType::I32, {20}, -2, 22}}},
    // Atomics of different kinds on one element do not commute; threads get to them in any order.
    {"atomics_of_every_kind",
     R"(
kernel k(x: i32[16], f: f32[16], i: i32[16]) -> (a: i32[5], b: f32[5], c: i64[5], d: f64[5]) grid (1) {
  store(a[:], zeros(i32[5]));  store(b[:], zeros(f32[5]));
  store(c[:], zeros(i64[5]));  store(d[:], zeros(f64[5]));
  barrier();
  let to = load(i[:]);
  atomic_add(a[to], load(x[:]));
  atomic_add(b[to], load(f[:]), mask = load(x[:]) > 0);
  barrier();
  atomic_max(a[0 :+ 3], load(x[0 :+ 3]) * 5);
  atomic_min(b[2], 0.0 - 3.0);
  atomic_min(c[0 :+ 8], i64(load(x[0 :+ 8])));
  atomic_add(d[to], f64(load(f[:])));
})",
     {{"x", DType::I32, {16}}, {"f", DType::F32, {16}}, {"i", DType::I32, {16}, -1, 6}}},
    {"atomics_of_bf16",
     R"(
kernel k(x: bf16[16], i: i32[16]) -> (a: bf16[5], b: bf16[5]) grid (1) {
  store(a[:], zeros(bf16[5]));
  store(b[:], zeros(bf16[5]));
  barrier();
  atomic_add(a[load(i[:])], load(x[:]));
  atomic_max(b[load(i[:])], load(x[:]));
  barrier();
  atomic_min(b[3], load(x[0]));
})",
     {{"x", DType::BF16, {16}}, {"i", DType::I32, {16}, -1, 6}}},
    {"atomics_of_f16",
     R"(
kernel k(x: f16[16], i: i32[16]) -> (a: f16[5]) grid (1) {
  store(a[:], zeros(f16[5]));
  barrier();
  atomic_add(a[load(i[:])], load(x[:]));
  barrier();
  atomic_max(a[load(i[:])], load(x[:]) * 3);
  barrier();
  atomic_min(a[3], load(x[0]));
})",
     {{"x", DType::F16, {16}}, {"i", DType::I32, {16}, -1, 6}}},
    {"initial_values",
     R"(
kernel k<T: type = i32, D: int = 5>(x: T[N], f: f32[N]) ->
    (a: T[D] = 0, b: f32[3, D] = -inf, c: i64[7] = 0x7fffffff00000000, d: f64[7] = 0.5, e: bool[7] = true,
     g: i8[7] = -3, h: bf16[7] = 1e30, i: f16[D, 2] = D, j: i64[4] = -1, l: i32[9] = D) grid (cdiv(N, 8)) {
  let p = program_id(0) * 8;
  let to = load(x[p :+ 8], other = -1);
  atomic_add(a[to], 1);
  atomic_max(b[1, to], load(f[p :+ 8]));
  atomic_min(c[to], i64(to));
  atomic_add(d[to], 1.0);
  store(e[to], to > 2);
  atomic_max(j[to], i64(iota(8)));
  if p == 0 {
    store(g[2], load(g[3]) + 1);
    store(h[2], load(h[3]));
    store(i[:, 0], load(i[:, 1]) + 1.0);
    store(l[0 :+ 4], load(l[4 :+ 4]) * 2);
  }
})",
     {{"x", DType::I32, {61}, -1, 6}, {"f", DType::F32, {61}}}},
    {"shared_ring",
     R"(
kernel k<STAGES: int = 3>(x: f32[N, 12]) -> (y: f32[12], z: f32[8, 12]) grid (1) {
  let ring = shared(f32[STAGES, 8, 12], swizzle = 64);
  var total = zeros(f32[12]);
  static for s in range(STAGES - 1) { copy_async(ring[s], x[s * 8 :+ 8, :]); commit(); }
  for i in range(cdiv(N, 8)) {
    wait(STAGES - 2);
    let t = load(ring[i]);
    copy_async(ring[i + STAGES - 1], x[(i + STAGES - 1) * 8 :+ 8, :]);
    commit();
    total += sum(t, axis = 0);
    store(ring[i], t * 2.0);
    store(z[:, :], load(ring[i]) + t);
  }
  store(y[:], total);
})",
     {{"x", DType::F32, {29, 12}}}},
    {"shared_bools_and_halves",
     R"(
kernel k(x: bool[2, 12], h: bf16[5]) -> (y: bool[2, 12], z: bf16[5]) grid (1) {
  let a = shared(bool[2, 12]);
  let b = shared(bf16[5]);
  copy_async(a, x[:, :]);
  copy_async(b, h[:]);
  commit();
  wait(0);
  let old = load(b);
  store(a[1], !load(a[0]));
  store(b, old + old);
  store(y[:, :], load(a));
  store(z[:], load(b) + old);
})",
     {{"x", DType::Bool, {2, 12}, 0, 1}, {"h", DType::BF16, {5}}}},
    {"grid_of_three_axes",
     R"(
kernel k(x: i32[A, B, C]) -> (y: i32[A, B, C], z: i32[A, B, C]) grid (C, B, A) {
  let c = program_id(0);
  let b = program_id(1);
  let a = program_id(2);
  store(y[a, b, c], load(x[a, b, c]) * 2);
  store(z[a, b, c], (num_programs(0) * 10 + num_programs(1)) * 10 + num_programs(2) + A * B * C);
})",
     {{"x", DType::I32, {2, 3, 5}}}},
    {"rank_four",
     R"(
kernel k(x: f32[A, 3, B, 5]) -> (y: f32[A, 3, B, 5], z: f32[3, 5]) grid (1) {
  let t = load(x[0 :+ 2, :, 0 :+ 4, :]);
  store(y[1 :+ 2, :, 1 :+ 4, :], t + 1.0);
  store(z[:, :], sum(sum(t, axis = 2), axis = 0));
})",
     {{"x", DType::F32, {2, 3, 4, 5}}}},
};
INSTANTIATE_TEST_SUITE_P(Memory, KernelTest, testing::ValuesIn(memory), nameOf);

//===------------------------------------------------------------------------------------------===//
// Shapes and arithmetic
//===------------------------------------------------------------------------------------------===//

static const KernelCase arithmetic[] = {
    {"broadcasts_and_reshapes",
     R"(
kernel k(x: i32[4, 12]) -> (a: i32[12, 4], b: i32[4, 12], c: i32[48], d: i32[2, 3, 8], e: i32[4, 12, 4]) grid (1) {
  let t = load(x[:, :]);
  let row = max(t, axis = 0);
  let column = min(t, axis = 1);
  store(a[:, :], trans(t) + row[:, None] * column[None, :]);
  store(b[:, :], (t - row) * column[:, None]);
  store(c[:], reshape(trans(t - 1), [48]));
  store(d[:, :, :], reshape(trans(reshape(t * 2, [16, 3])), [2, 3, 8]));
  store(e[:, :, :], t[:, :, None] + column[None, None, :] - row[None, :, None]);
})",
     {{"x", DType::I32, {4, 12}}}},
    {"extents_of_one",
     R"(
kernel k(x: f32[1, 16], y: f32[16, 1]) -> (a: f32[16, 1], b: f32[1, 16], c: f32[16, 16], d: f32[1, 1], e: f32[16]) grid (1) {
  let r = load(x[:, :]);
  let s = load(y[:, :]);
  store(a[:, :], trans(r) + s);
  store(b[:, :], reshape(s * 2.0, [1, 16]) - r);
  store(c[:, :], r * s + dot(s, r));
  store(d[:, :], dot(r, s) + sum(r, axis = 1)[:, None]);
  store(e[:], reshape(s, [16]) + reshape(r, [16]));
})",
     {{"x", DType::F32, {1, 16}}, {"y", DType::F32, {16, 1}}}},
    {"values_used_twice",
     R"(
kernel k(x: f32[3, 16]) -> (a: f32[3, 16], b: f32[16, 3], c: f32[3]) grid (1) {
  let t = load(x[:, :]) * 2.0 + 1.0;
  let u = trans(t);
  let v = t[:, None, :];
  store(a[:, :], t + reshape(v, [3, 16]));
  store(b[:, :], u * u);
  store(c[:], sum(t, axis = 1) + max(u, axis = 0) + sum(sum(v, axis = 1), axis = 1));
})",
     {{"x", DType::F32, {3, 16}}}},
    {"reductions_of_rank_three",
     R"(
kernel k(x: i32[3, 5, 12]) -> (a: i32[5, 12], b: i32[3, 12], c: i32[3, 5], d: i32[1]) grid (1) {
  let t = load(x[:, :, :]);
  store(a[:, :], sum(t, axis = 0));
  store(b[:, :], max(t, axis = 1));
  store(c[:, :], min(t, axis = 2));
  store(d[0], sum(sum(sum(t * t, axis = 1), axis = 1)));
})",
     {{"x", DType::I32, {3, 5, 12}}}},
    {"scans",
     R"(
kernel k(x: i32[5, 12]) -> (a: i32[5, 12], b: i32[5, 12], c: i32[5, 12], d: i32[5, 12]) grid (1) {
  let t = load(x[:, :]);
  store(a[:, :], cumsum(t, axis = 0));
  store(b[:, :], cumsum(t, axis = 1, exclusive = true));
  store(c[:, :], cummax(t, axis = 0, exclusive = true));
  store(d[:, :], cummax(t, axis = 1));
})",
     {{"x", DType::I32, {5, 12}}}},
    {"scans_of_rank_three",
     R"(
kernel k(x: f32[3, 4, 16]) -> (a: f32[3, 4, 16], b: f32[3, 4, 16], c: f32[3, 4, 16]) grid (1) {
  let t = load(x[:, :, :]);
  store(a[:, :, :], cumsum(t, axis = 0, exclusive = true) + t);
  store(b[:, :, :], cumsum(t * 2.0, axis = 1));
  store(c[:, :, :], cummax(t, axis = 2, exclusive = true));
})",
     {{"x", DType::F32, {3, 4, 16}}}},
    {"dots_of_odd_shapes",
     R"(
kernel k(x: f32[3, 5], y: f32[5, 12], z: f32[48, 80]) -> (a: f32[3, 12], b: f32[12, 3], c: f32[48, 48], d: f32[5, 5]) grid (1) {
  let t = load(x[:, :]);
  let u = load(y[:, :]);
  let w = load(z[:, :]);
  store(a[:, :], dot(t, u));
  store(b[:, :], dot(trans(u), trans(t), full(f32[12, 3], 2.0)));
  store(c[:, :], dot(w, trans(w)));
  store(d[:, :], dot(trans(t), t) + dot(u, trans(u)));
})",
     {{"x", DType::F32, {3, 5}}, {"y", DType::F32, {5, 12}}, {"z", DType::F32, {48, 80}}}},
    {"dots_of_bf16",
     R"(
kernel k(x: bf16[16, 32], y: bf16[32, 48]) -> (a: f32[16, 48], b: f32[16, 16], c: f32[32, 32]) grid (1) {
  let t = load(x[:, :]);
  let u = load(y[:, :]);
  store(a[:, :], dot(t, u, full(f32[16, 48], 1.0)));
  store(b[:, :], dot(t * 2.0, trans(t)));
  store(c[:, :], dot(trans(t), t) + dot(u, trans(u)));
})",
     {{"x", DType::BF16, {16, 32}}, {"y", DType::BF16, {32, 48}}}},
    {"dots_of_f64",
     R"(
kernel k(x: f64[12, 16]) -> (a: f64[12, 12], b: f64[16, 16]) grid (1) {
  let t = load(x[:, :]);
  store(a[:, :], dot(t, trans(t)));
  store(b[:, :], dot(trans(t), t, full(f64[16, 16], 0.5)));
})",
     {{"x", DType::F64, {12, 16}}}},
    {"integer_operators",
     R"(
kernel k(x: i32[2, 16], y: i8[2, 16], z: i64[2, 16]) -> (a: i32[16], b: i8[16], c: i64[16], d: bool[16]) grid (1) {
  let p = load(x[0, :]);  let q = load(x[1, :]);
  store(a[:], p / q + p % q * 3 - (p << 2) + (q >> 1) + (p & q) - (p | 3) + (p ^ q) + abs(p) + maximum(p, q) * minimum(p, -2));
  let r = load(y[0, :]);  let s = load(y[1, :]);
  store(b[:], r * s * 37 + abs(r - s) + r / s - maximum(r, s));
  let t = load(z[0, :]);  let u = load(z[1, :]);
  store(c[:], t * 1000000007 * u + t / u + (t << 33) - abs(u));
  store(d[:], (p < q) == (r >= s) || t != u && !(p > q) ^ (r <= s));
})",
     {{"x", DType::I32, {2, 16}}, {"y", DType::I8, {2, 16}}, {"z", DType::I64, {2, 16}}}},
    {"float_operators",
     R"(
kernel k(x: f32[2, 16], y: f64[2, 16]) -> (a: f32[16], b: f64[16], c: bool[16]) grid (1) {
  let p = load(x[0, :]);  let q = load(x[1, :]);
  let r = load(y[0, :]);  let s = load(y[1, :]);
  store(a[:], p / 4.0 + floor(q / 3.0) - maximum(p, q) * minimum(p, 2.0) + abs(-p) + sqrt(abs(q)) + fma(p, q, 0.5));
  store(b[:], r / 4.0 + floor(s / 3.0) - maximum(r, s) * minimum(r, 2.0) + abs(-r) + sqrt(abs(s)) + fma(r, s, 0.5));
  store(c[:], isnan(sqrt(p)) || (p / 0.0 == inf) || p != q && r <= s);
})",
     {{"x", DType::F32, {2, 16}}, {"y", DType::F64, {2, 16}}}},
    {"halves",
     R"(
kernel k(x: f16[2, 20], y: bf16[2, 20]) -> (a: f16[20], b: bf16[20], c: f16[2], d: bf16[2], e: f16[2, 20], f: bf16[2, 20]) grid (1) {
  let p = load(x[0, :]);  let q = load(x[1, :]);
  let r = load(y[0, :]);  let s = load(y[1, :]);
  store(a[:], p * q / 3.0 - maximum(p, q) + abs(q) + fma(p, q, p));
  store(b[:], r * s / 3.0 - minimum(r, s) + abs(s) + fma(r, s, r) + floor(r / 4.0));
  store(c[:], max(load(x[:, :]), axis = 1) + sum(load(x[:, :]), axis = 1));
  store(d[:], min(load(y[:, :]), axis = 1) + sum(load(y[:, :]), axis = 1));
  store(e[:, :], cumsum(load(x[:, :]), axis = 1) + cummax(load(x[:, :]), axis = 0));
  store(f[:, :], where(load(y[:, :]) > 0.0, cumsum(load(y[:, :]), axis = 0), -load(y[:, :])));
})",
     {{"x", DType::F16, {2, 20}}, {"y", DType::BF16, {2, 20}}},
     {},
     /*tolerance=*/2e-2},
    // More elements than threads, so that threads hold several of both types.
    {"halves_beside_floats",
     R"(
kernel k(x: bf16[1024], y: f32[1024], z: bf16[1024]) -> (a: f32[1024], b: f32[1024], c: f32[1024]) grid (1) {
  let p = load(x[:]);
  let q = load(y[:]);
  let r = load(z[:]);
  store(a[:], f32(p) + q * abs(q) + floor(q / 2.0));
  store(b[:], abs(f32(p)) * abs(q));
  store(c[:], f32(p) * f32(r) + f32(r) * (q - 1.0));
})",
     {{"x", DType::BF16, {1024}}, {"y", DType::F32, {1024}}, {"z", DType::BF16, {1024}}}},
    {"functions",
     R"(
kernel k(x: f32[40], h: bf16[40]) -> (a: f32[5, 40], b: bf16[5, 40], c: f32[1]) grid (1) {
  let t = load(x[:]) / 4.0;
  let u = abs(t) + 0.25;
  store(a[0, :], exp(t));  store(a[1, :], exp2(t));  store(a[2, :], log(u));  store(a[3, :], log2(u));  store(a[4, :], rsqrt(u));
  let v = load(h[:]) / 4.0;
  let w = abs(v) + 0.25;
  store(b[0, :], exp(v));  store(b[1, :], exp2(v));  store(b[2, :], log(w));  store(b[3, :], log2(w));  store(b[4, :], rsqrt(w));
  store(c[0], exp(load(x[3]) / 4.0) + log2(abs(load(x[1])) + 1.0));
})",
     {{"x", DType::F32, {40}, -40, 40}, {"h", DType::BF16, {40}, -12, 12}},
     {},
     /*tolerance=*/1e-2},
    {"accurate_functions",
     R"(
kernel k(x: f32[40]) -> (a: f32[5, 40]) grid (1) {
  let t = load(x[:]) / 4.0;
  let u = abs(t) + 0.25;
  store(a[0, :], exp(t, accurate = true));
  store(a[1, :], exp2(t, accurate = true));
  store(a[2, :], log(u, accurate = true));
  store(a[3, :], log2(u, accurate = true));
  store(a[4, :], rsqrt(u, accurate = true));
})",
     {{"x", DType::F32, {40}, -40, 40}},
     {},
     /*tolerance=*/1e-6},
    {"conditions",
     R"(
kernel k(x: f32[16], n: i32[2]) -> (a: f32[16], b: f32[16], c: i32[2]) grid (1) {
  let t = load(x[:]);
  let on = load(n[0]) > 0;
  store(a[:], where(on, t, t * 2.0));
  store(b[:], where(t > 0.0, t, where(t < -4.0, -1.0, f32(load(n[1])))));
  store(c[:], i32(iota(2) == 1) + i32(bool(load(n[1]))) + i32(on && load(n[0]) < 5 || !on));
})",
     {{"x", DType::F32, {16}}, {"n", DType::I32, {2}}}},
    {"bits",
     R"(
kernel k(x: f32[16], y: bf16[16], z: f64[16]) -> (a: i32[16], b: f32[16], c: i64[16]) grid (1) {
  store(a[:], bitcast(i32, load(x[:])) + 1);
  store(b[:], bitcast(f32, bitcast(i32, load(x[:])) ^ (-2147483647 - 1)) + f32(load(y[:])));
  store(c[:], bitcast(i64, load(z[:])) >> 40);
})",
     {{"x", DType::F32, {16}}, {"y", DType::BF16, {16}}, {"z", DType::F64, {16}}}},
};
INSTANTIATE_TEST_SUITE_P(Arithmetic, KernelTest, testing::ValuesIn(arithmetic), nameOf);

//===------------------------------------------------------------------------------------------===//
// Products of 16-bit floats
//===------------------------------------------------------------------------------------------===//

/// Operands stored either way, which a GPU brings into the fragments of its tensor cores; `T`, `R`,
/// `C` and `D` are set.
static const char *const transposedDots = R"(
kernel k<T: float, R: int, C: int, D: int>(x: T[R, K], xt: T[K, R], y: T[K, C], yt: T[C, K]) -> (z: f32[4, R, C]) grid (1) {
  var nn = zeros(f32[R, C]);
  var nt = zeros(f32[R, C]);
  var tn = zeros(f32[R, C]);
  var tt = zeros(f32[R, C]);
  for k in range(0, K, D) {
    nn = dot(load(x[:, k :+ D]), load(y[k :+ D, :]), nn);
    nt = dot(load(x[:, k :+ D]), trans(load(yt[:, k :+ D])), nt);
    tn = dot(trans(load(xt[k :+ D, :])), load(y[k :+ D, :]), tn);
    tt = dot(trans(load(xt[k :+ D, :])), trans(load(yt[:, k :+ D])), tt);
  }
  store(z[0, :, :], nn);
  store(z[1, :, :], nt);
  store(z[2, :, :], tn);
  store(z[3, :, :], tt);
}
)";

static KernelCase transposedCase(const char *name, const char *type, DType dtype, int64_t rows,
                                 int64_t columns, int64_t depth) {
  return {name,
          transposedDots,
          {{"x", dtype, {rows, 2 * depth}},
           {"xt", dtype, {2 * depth, rows}},
           {"y", dtype, {2 * depth, columns}},
           {"yt", dtype, {columns, 2 * depth}}},
          {{"T", type},
           {"R", std::to_string(rows)},
           {"C", std::to_string(columns)},
           {"D", std::to_string(depth)}}};
}

static const KernelCase products[] = {
    transposedCase("transposed_bf16_16_rows", "bf16", DType::BF16, 16, 64, 32),
    transposedCase("transposed_bf16_64_rows", "bf16", DType::BF16, 64, 64, 32),
    transposedCase("transposed_bf16_odd_extents", "bf16", DType::BF16, 48, 24, 48),
    transposedCase("transposed_f16_16_rows", "f16", DType::F16, 16, 64, 32),
    transposedCase("transposed_f16_64_rows", "f16", DType::F16, 64, 64, 32),
    transposedCase("transposed_f16_odd_extents", "f16", DType::F16, 48, 24, 48),
    // Rows of odd numbers of bytes: neighbours are in neighbouring lanes only.
    {"rows_not_aligned",
     R"(
kernel k(x: bf16[M, K], y: bf16[K, N]) -> (a: f32[64, 64], b: f32[64, 64]) grid (1) {
  let t = load(x[0 :+ 64, 0 :+ 32]);
  let u = load(y[0 :+ 32, 0 :+ 64]);
  store(a[:, :], dot(t, u));
  store(b[:, :], dot(trans(u), trans(t)));
})",
     {{"x", DType::BF16, {61, 31}}, {"y", DType::BF16, {31, 67}}}},
    {"products_of_results",
     R"(
kernel k(x: bf16[32, 32], y: bf16[32, 64]) -> (a: f32[64, 64], b: f32[32, 32]) grid (1) {
  let s = bf16(dot(load(x[:, :]), load(y[:, :])));
  store(a[:, :], dot(trans(s), s));
  store(b[:, :], dot(s, trans(s)));
})",
     {{"x", DType::BF16, {32, 32}, -2, 2}, {"y", DType::BF16, {32, 64}, -2, 2}}},
};
INSTANTIATE_TEST_SUITE_P(Products, KernelTest, testing::ValuesIn(products), nameOf);

/// Element types of numbers.
static const std::pair<const char *, DType> numbers[] = {
    {"f32", DType::F32}, {"f16", DType::F16}, {"bf16", DType::BF16}, {"f64", DType::F64},
    {"i8", DType::I8},   {"i32", DType::I32}, {"i64", DType::I64}};

static std::string replaced(std::string text, const std::string &name, const std::string &value) {
  for (size_t at; (at = text.find(name)) != std::string::npos;)
    text.replace(at, name.size(), value);
  return text;
}

/// Reductions along both axes and of all elements, for every element type and awkward extents.
static std::vector<KernelCase> reductions() {
  std::vector<KernelCase> cases;
  for (auto [type, dtype] : numbers)
    for (auto [m, n] : {std::pair(1, 1), {3, 5}, {5, 12}, {1, 48}, {12, 80}}) {
      std::string source = R"(
kernel k(x: TYPE[ROWS, COLS]) -> (a: TYPE[3, ROWS], b: TYPE[3, COLS], c: TYPE[3]) grid (1) {
  let t = load(x[:, :]);
  store(a[0, :], sum(t, axis = 1));  store(a[1, :], max(t, axis = 1));  store(a[2, :], min(t, axis = 1));
  store(b[0, :], sum(t, axis = 0));  store(b[1, :], max(t, axis = 0));  store(b[2, :], min(t, axis = 0));
  let flat = reshape(t, [ROWS * COLS]);
  store(c[0], sum(flat));  store(c[1], max(flat));  store(c[2], min(flat));
})";
      source = replaced(replaced(replaced(source, "TYPE", type), "ROWS", std::to_string(m)), "COLS",
                        std::to_string(n));
      // Sums of these stay small enough to be exact in 8 bits.
      cases.push_back({std::string(type) + "_" + std::to_string(m) + "x" + std::to_string(n),
                       source,
                       {{"x", dtype, {m, n}, -1, 1}}});
    }
  for (auto [m, n] : {std::pair(1, 1), {3, 5}, {5, 12}, {1, 48}})
    cases.push_back({"bool_" + std::to_string(m) + "x" + std::to_string(n),
                     replaced(replaced(R"(
kernel k(x: bool[ROWS, COLS]) -> (a: bool[2, ROWS], b: bool[2, COLS], c: bool[2]) grid (1) {
  let t = load(x[:, :]);
  store(a[0, :], any(t, axis = 1));  store(a[1, :], all(t, axis = 1));
  store(b[0, :], any(t, axis = 0));  store(b[1, :], all(t, axis = 0));
  let flat = reshape(t, [ROWS * COLS]);
  store(c[0], any(flat));  store(c[1], all(flat));
})",
                                       "ROWS", std::to_string(m)),
                              "COLS", std::to_string(n)),
                     {{"x", DType::Bool, {m, n}, 0, 1}}});
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Reductions, KernelTest, testing::ValuesIn(reductions()), nameOf);

/// Reductions by way of parts, for every element type and every number of parts of awkward extents.
static std::vector<KernelCase> partialReductions() {
  std::vector<KernelCase> cases;
  for (auto [type, dtype] : numbers)
    for (auto [m, n, parts] : {std::tuple(1, 1, 1),
                               {5, 12, 4},
                               {12, 80, 1},
                               {12, 80, 2},
                               {12, 80, 4},
                               {12, 80, 16},
                               {2, 64, 64}}) {
      // As many of the rows as divide their number.
      int rowParts = std::min(parts, m & -m);
      std::string source = R"(
kernel k(x: TYPE[ROWS, COLS]) -> (a: TYPE[3, ROWS], b: TYPE[3, COLS], c: TYPE[3]) grid (1) {
  let t = load(x[:, :]);
  store(a[0, :], sum(partial_sum(t, axis = 1, parts = P), axis = 1));
  store(a[1, :], max(partial_max(t, axis = 1, parts = P), axis = 1));
  store(a[2, :], min(partial_min(t, axis = 1, parts = P), axis = 1));
  store(b[0, :], sum(partial_sum(t, axis = 0, parts = Q), axis = 0));
  store(b[1, :], max(partial_max(t, axis = 0, parts = Q), axis = 0));
  store(b[2, :], min(partial_min(t, axis = 0, parts = Q), axis = 0));
  let flat = reshape(t, [ROWS * COLS]);
  store(c[0], sum(partial_sum(flat, parts = P)));
  store(c[1], max(partial_max(flat, parts = P)));
  store(c[2], min(partial_min(flat, parts = P)));
})";
      source = replaced(replaced(source, "TYPE", type), "ROWS", std::to_string(m));
      source =
          replaced(replaced(source, "COLS", std::to_string(n)), " P", " " + std::to_string(parts));
      source = replaced(source, " Q", " " + std::to_string(rowParts));
      cases.push_back({std::string(type) + "_" + std::to_string(m) + "x" + std::to_string(n) + "_" +
                           std::to_string(parts),
                       source,
                       {{"x", dtype, {m, n}, -1, 1}}});
    }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(PartialReductions, KernelTest, testing::ValuesIn(partialReductions()),
                         nameOf);

static const KernelCase partsAndVotes[] = {
    {"parts_in_place_of_what_is_carried",
     R"(
kernel k(x: i32[4, 16]) -> (y: i32[4], z: i32[4]) grid (1) {
  let t = load(x[:, :]);
  var part = partial_sum(t, axis = 1, parts = 4);
  var all = part;
  for i in range(3) {
    part = partial_sum(t + sum(part, axis = 1)[:, None], axis = 1, parts = 4);
    all += part;
  }
  store(y[:], sum(part, axis = 1));
  store(z[:], sum(all, axis = 1));
})",
     {{"x", DType::I32, {4, 16}}}},
    {"one_part_is_a_reduction",
     R"(
kernel k(x: i32[6, 16]) -> (y: i32[6, 1], z: i32[1, 16]) grid (1) {
  store(y[:, :], partial_sum(load(x[:, :]), axis = 1, parts = 1));
  store(z[:, :], partial_max(load(x[:, :]), axis = 0, parts = 1));
})",
     {{"x", DType::I32, {6, 16}}}},
    {"as_many_parts_as_elements_in_their_order_or_another",
     R"(
kernel k(x: f32[2, 8]) -> (y: f32[2]) grid (1) {
  let part = partial_sum(load(x[:, :]), axis = 1, parts = 8);
  store(y[:], sum(part * part, axis = 1));
})",
     {{"x", DType::F32, {2, 8}}}},
    {"votes_of_all_elements",
     R"(
kernel k(x: i32[5, 12], n: i32[1]) -> (y: bool[6], z: i32[1]) grid (1) {
  let t = load(x[:, :]);
  let few = load(x[0, 0 :+ 3]);
  store(y[0], warp_any(t > 7));   store(y[1], warp_all(t > 7));
  store(y[2], warp_any(t < -8));  store(y[3], warp_all(t >= -8));
  store(y[4], warp_any(few > 2)); store(y[5], warp_all(trans(t) > -9));
  if warp_any(t == load(n[0])) { store(z[0], 1); } else { store(z[0], 2); }
})",
     {{"x", DType::I32, {5, 12}}, {"n", DType::I32, {1}}}},
    {"votes_in_a_loop",
     R"(
kernel k(x: i32[3, 5]) -> (y: i32[3, 5], z: i32[1]) grid (1) {
  var t = load(x[:, :]);
  var steps = 0;
  while warp_any(t > -8) && steps < 20 { t -= 1; steps += 1; }
  store(y[:, :], t);
  store(z[0], steps);
})",
     {{"x", DType::I32, {3, 5}}}},
};
INSTANTIATE_TEST_SUITE_P(PartsAndVotes, KernelTest, testing::ValuesIn(partsAndVotes), nameOf);

/// Every conversion between element types, of a tile and of a scalar. Quotients and squares give
/// values that the narrower type must round.
static std::vector<KernelCase> conversions() {
  std::vector<KernelCase> cases;
  const std::pair<const char *, DType> types[] = {
      {"bool", DType::Bool}, {"i8", DType::I8},   {"i32", DType::I32},   {"i64", DType::I64},
      {"f16", DType::F16},   {"f32", DType::F32}, {"bf16", DType::BF16}, {"f64", DType::F64}};
  for (auto [from, dtype] : types)
    for (auto [to, _] : types) {
      bool isFloat = from[0] == 'f' || from[1] == 'f', isBool = dtype == DType::Bool;
      std::string source = std::string("kernel k(x: ") + from + "[40]) -> (y: " + to +
                           "[40], s: " + to + "[1]) grid (1) {\n  store(y[:], " + to +
                           (isFloat ? "(load(x[:]) * load(x[:]) / 3.0" : "(load(x[:])") +
                           "));\n  store(s[0], " + to + "(load(x[5])));\n}";
      cases.push_back({std::string(from) + "_to_" + to,
                       source,
                       {{"x", dtype, {40}, isBool ? 0 : -15, isBool ? 1 : 15}}});
    }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Conversions, KernelTest, testing::ValuesIn(conversions()), nameOf);

//===------------------------------------------------------------------------------------------===//
// What the language page says, in numbers
//===------------------------------------------------------------------------------------------===//

TEST(LanguageTest, IntegerDivisionTruncatesAndNeverTraps) {
  EXPECT_THAT(runAndCompare({"division",
                             R"(
kernel k(x: i32[1]) -> (y: i32[8]) grid (1) {
  let zero = load(x[0]);
  store(y[0], (zero - 7) / 2);
  store(y[1], (zero - 7) % 2);
  store(y[2], (zero + 7) / (zero - 2));
  store(y[3], (zero + 7) / zero);
  store(y[4], (zero + 7) % zero);
  store(y[5], (zero - 2147483647 - 1) / (zero - 1));
  store(y[6], (zero - 2147483647 - 1) % (zero - 1));
  store(y[7], (zero - 9) >> 1);
})",
                             {{"x", DType::I32, {1}, 0, 0}}})[0],
              ElementsAre(-3, -1, -3, 7, 0, -2147483648.0, 0, -5));
}

TEST(LanguageTest, MaximaIgnoreNaNsAmongNumbers) {
  EXPECT_THAT(runAndCompare({"nan",
                             R"(
kernel k(x: f32[8]) -> (y: f32[4]) grid (1) {
  let t = where(iota(8) == 4, nan, load(x[:]));
  let u = where(iota(8) == 0, 9.0, t);
  store(y[0], max(u));
  store(y[1], min(where(iota(8) == 0, -9.0, t)));
  store(y[2], max(where(iota(8) == 7, 9.0, t)));
  store(y[3], max(where(iota(8) == 7, 9.0, where(iota(8) == 0, nan, t))));
})",
                             {{"x", DType::F32, {8}, 1, 1}}})[0],
              ElementsAre(9, -9, 9, 9));
}

TEST(LanguageTest, ConditionsMayUseWhatTheBodyDoesNot) {
  EXPECT_THAT(runAndCompare({"condition",
                             R"(
kernel k(x: i32[64]) -> (y: i32[2]) grid (1) {
  var go = load(x[0]);
  while go > 0 { store(y[0], go); go = load(x[1]) - 3; }
  var t = zeros(i32[64]);
  let n = load(x[0]);
  while sum(t) < n { t = load(x[:]); store(y[1], n); barrier(); }
})",
                             {{"x", DType::I32, {64}, 3, 3}}})[0],
              ElementsAre(3, 3));
}

TEST(LanguageTest, ShiftCountsAreTakenModuloTheWidth) {
  EXPECT_THAT(runAndCompare({"shifts",
                             R"(
kernel k(x: i32[4]) -> (y: i32[4], z: i32[4], t: i32[4]) grid (1) {
  let counts = load(x[:]);
  store(y[:], 1 << counts);
  store(z[:], -16 >> counts);
  let one = load(x[0]) - 32;
  store(t[0], one << (one + 39));
  store(t[1], (one - 16) >> (one - 3));
  if one << (one + 39) > 100 { store(t[2], 1); } else { store(t[2], 2); }
})",
                             {{"x", DType::I32, {4}, 33, 33}}}),
              ElementsAre(ElementsAre(2, 2, 2, 2), ElementsAre(-8, -8, -8, -8),
                          ElementsAre(256, -1, 1, 97)));
}

TEST(LanguageTest, FloatsOutOfRangeBecomeTheNearestInteger) {
  EXPECT_THAT(runAndCompare({"saturate",
                             R"(
kernel k(x: f32[4]) -> (a: i32[4], b: i8[4], c: i64[2], d: i32[3], e: i32[2]) grid (1) {
  let t = load(x[:]) * 3e9 - f32(iota(4)) * 2e9;
  store(a[:], i32(t));
  store(b[:], i8(t));
  let one = load(x[0]);
  store(c[0], i64(one * 1e30));
  store(c[1], i64(one / 0.0 * -1.0));
  store(d[0], i32(one * nan));
  store(d[1], i32(f16(one * 70000.0)));
  store(d[2], i32(-2147483648.0 * one));
  if i32(one * 3e9) > 5 { store(e[0], 1); } else { store(e[0], 2); }
})",
                             {{"x", DType::F32, {4}, 1, 1}}}),
              ElementsAre(ElementsAre(2147483647, 1000000000, -1000000000, -2147483648.0),
                          ElementsAre(127, 127, -128, -128),
                          ElementsAre(9223372036854775807.0, -9223372036854775808.0),
                          ElementsAre(0, 2147483647, -2147483648.0), ElementsAre(1, 97)));
}

TEST(LanguageTest, LoopsEndWhateverTheStep) {
  EXPECT_THAT(runAndCompare({"step",
                             R"(
kernel k(x: i32[2]) -> (y: i32[2]) grid (1) {
  for j in range(2) {
    var count = 0;
    for i in range(0, 10, load(x[j]) * j) { count += 1; }
    store(y[j], count);
  }
})",
                             {{"x", DType::I32, {2}, 4, 4}}})[0],
              ElementsAre(10, 3));
}

TEST(LanguageTest, OutsideIsOtherAndStoresThereAreDropped) {
  EXPECT_THAT(runAndCompare({"outside",
                             R"(
kernel k(x: i32[3]) -> (y: i32[4], z: i32[4]) grid (1) {
  store(y[:], load(x[-1 :+ 4], other = 7));
  store(z[2 :+ 4], load(x[0 :+ 4]) * 0 + iota(4));
})",
                             {{"x", DType::I32, {3}, 5, 5}}}),
              ElementsAre(ElementsAre(7, 5, 5, 5), ElementsAre(97, 97, 0, 1)));
}

TEST(LanguageTest, ScansAndBroadcasts) {
  EXPECT_THAT(runAndCompare({"scans",
                             R"(
kernel k(x: i32[1]) -> (a: i32[4], b: i32[4], c: i32[4], d: i32[2, 2]) grid (1) {
  let t = iota(4) * 3 % 4 + load(x[0]);
  store(a[:], t);
  store(b[:], cumsum(t, axis = 0, exclusive = true));
  store(c[:], cummax(t, axis = 0));
  store(d[:, :], trans(reshape(t, [2, 2])) * 10 + iota(2)[:, None]);
})",
                             {{"x", DType::I32, {1}, 0, 0}}}),
              ElementsAre(ElementsAre(0, 3, 2, 1), ElementsAre(0, 0, 3, 5), ElementsAre(0, 3, 3, 3),
                          ElementsAre(0, 20, 31, 11)));
}

TEST(LanguageTest, NarrowingRoundsOnceToNearestEven) {
  // 2^24 + 1 and 2^24 + 3 are halfway between floats; a double with more bits breaks the tie. By
  // way of a rounded f32, 1 + 2^-8 + 2^-30 would become a tie in bf16, and 1 instead of 1 + 2^-7.
  EXPECT_THAT(runAndCompare({"narrow",
                             R"(
kernel k(x: f64[1]) -> (f: f32[3], b: bf16[4], h: f16[2]) grid (1) {
  let one = load(x[0]);
  store(f[0], f32(one * 16777217.0));
  store(f[1], f32(one * 16777219.0));
  store(f[2], f32(one * 16777217.0 + 0.0001));
  let tiny = one / 1073741824.0;
  store(b[0], bf16(one + 0.00390625 + tiny));
  store(b[1], bf16(one + 0.00390625));
  store(b[2], bf16(one + 0.00390625 - tiny));
  store(b[3], bf16(0.0 - one - 0.00390625 - tiny));
  store(h[0], f16(one + 0.00048828125 + tiny));
  store(h[1], f16(one + 0.00048828125));
})",
                             {{"x", DType::F64, {1}, 1, 1}}}),
              ElementsAre(ElementsAre(16777216, 16777220, 16777218),
                          ElementsAre(1.0078125, 1, 1, -1.0078125), ElementsAre(1.0009765625, 1)));
}

//===------------------------------------------------------------------------------------------===//
// Random kernels
//===------------------------------------------------------------------------------------------===//

/// Other kernels than those of every day: --gtest_random_seed=N.
TEST(RandomKernelTest, RunAsInterpreted) {
  unsigned first = unsigned(GTEST_FLAG_GET(random_seed)) * 1000;
  for (unsigned seed = first; seed < first + 25 && !HasFailure(); ++seed) {
    KernelCase c = makeRandomKernel(seed);
    SCOPED_TRACE(c.source);
    runAndCompare(c);
  }
}
