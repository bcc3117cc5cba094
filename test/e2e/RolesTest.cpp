//===- RolesTest.cpp - Roles, the barriers by which they meet, and turns of instances ---------===//
//
// What a kernel gives depends on the order of its steps, and on what a step sees of those before
// it. Each kernel is run on a GPU of sm_90a; elsewhere it is compiled only.
//
//===------------------------------------------------------------------------------------------===//

#include "KernelRun.h"

#include <gtest/gtest.h>

using namespace e2e;
using lighthouse::runtime::DType;

/// Twenty rounds of a ring with three slots, from one producer to consumers of different widths,
/// which arrive with one warp and with four. They take every block, and each sums its own way.
TEST(RolesTest, RingOfSeveralRounds) {
  constexpr int64_t steps = 60, columns = 64, rows = steps * 16 - 5;
  std::optional<KernelValues> run = runOnHopper({.name = "ring",
                                                 .source = R"(
kernel k(x: f32[N, 64]) -> (sums: f32[64], steps: f32[64], largest: f32[cdiv(N, 16), 64])
    target sm_90a grid (1)
{
  let ring = shared(f32[3, 16, 64], swizzle = 128);
  let full = mbarrier(3, arrivals = 1);
  let free = mbarrier(3, arrivals = 5);
  let blocks = cdiv(N, 16);
  roles {
    role producer(warps = 1) {
      for i in range(blocks) {
        wait(free[i - 3]);
        copy_bulk(ring[i], x[i * 16 :+ 16, :], full[i]);
      }
    }
    role narrow(warps = 1) {
      for i in range(blocks) {
        wait(full[i]);
        store(largest[i, :], max(load(ring[i]), axis = 0));
        arrive(free[i]);
      }
    }
    role wide(warps = 4) {
      var total = zeros(f32[64]);
      var weighted = zeros(f32[64]);
      for i in range(blocks) {
        wait(full[i]);
        let sum_now = sum(load(ring[i]), axis = 0);
        arrive(free[i]);
        total += sum_now;
        weighted += sum_now * f32(i);
      }
      store(sums[:], total);
      store(steps[:], weighted);
    }
  }
})",
                                                 .inputs = {{"x", DType::F32, {rows, columns}}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> sums(columns), weighted(columns), largest(steps * columns, -1e30);
  for (int64_t r = 0; r < steps * 16; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      double value = r < rows ? run->inputs[0][r * columns + c] : 0;
      sums[c] += value;
      weighted[c] += value * double(r / 16);
      double &top = largest[r / 16 * columns + c];
      top = std::max(top, value);
    }
  std::vector<int64_t> shape{columns};
  expectSame("sums", shape, run->results[0], sums);
  expectSame("steps", shape, run->results[1], weighted);
  expectSame("largest", std::vector<int64_t>{steps, columns}, run->results[2], largest);
}

/// A ring between threads, which write its slots themselves: no copy engine takes part.
TEST(RolesTest, RingThatThreadsFill) {
  constexpr int64_t steps = 11;
  std::optional<KernelValues> run = runOnHopper({.name = "threads",
                                                 .source = R"(
kernel k(x: i32[N, 128]) -> (y: i32[N, 128]) target sm_90a grid (1) {
  let ring = shared(i32[2, 128]);
  let full = mbarrier(2, arrivals = 2);
  let free = mbarrier(2, arrivals = 4);
  roles {
    role producer(warps = 2) {
      var sums = zeros(i32[128]);
      for i in range(N) {
        sums = sums * 2 + load(x[i, :]);
        wait(free[i - 2]);
        store(ring[i], sums, ordered = false);
        arrive(full[i]);
      }
    }
    role consumer(warps = 4) {
      for i in range(N) {
        wait(full[i]);
        store(y[i, :], load(ring[i]));
        arrive(free[i]);
      }
    }
  }
})",
                                                 .inputs = {{"x", DType::I32, {steps, 128}}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(steps * 128);
  for (int64_t i = 0; i < steps * 128; ++i)
    y[i] = (i < 128 ? 0 : 2 * y[i - 128]) + run->inputs[0][i];
  expectSame("y", std::vector<int64_t>{steps, 128}, run->results[0], y);
}

/// Three instances of a role with budgets of registers, whose numbers say what they do.
TEST(RolesTest, InstancesWithBudgets) {
  constexpr int64_t steps = 7, rows = 3 * 64;
  std::optional<KernelValues> run = runOnHopper(
      {.name = "instances",
       .source = R"(
kernel k(x: f32[B, 192, 32], w: f32[3]) -> (y: f32[192, 32], who: i32[3]) target sm_90a grid (1) {
  let ring = shared(f32[6, 64, 32], swizzle = 128);
  let out = shared(f32[3, 64, 32], swizzle = 64);
  let full = mbarrier(6, arrivals = 1);
  let free = mbarrier(6, arrivals = 4);
  roles {
    role producer(warps = 4, registers = 32) {
      for i in range(B) {
        static for c in range(3) {
          let use = 3 * i + c;
          wait(free[use - 6]);
          copy_bulk(ring[use], x[i, c * 64 :+ 64, :], full[use]);
        }
      }
    }
    role consumer(warps = 4, instances = 3, registers = 152) as c {
      var sums = zeros(f32[64, 32]);
      let weight = load(w[c]);
      for i in range(B) {
        wait(full[3 * i + c]);
        sums = load(ring[3 * i + c]) - sums * weight;
        arrive(free[3 * i + c]);
      }
      store(out[c], sums);
      store_bulk(y[c * 64 :+ 64, :], out[c]);
      store(who[c], c * 10);
    }
  }
})",
       .inputs = {{"x", DType::F32, {steps, rows, 32}}, {"w", DType::F32, {3}, -2, 2}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(rows * 32);
  for (int64_t step = 0; step < steps; ++step)
    for (int64_t i = 0; i < rows * 32; ++i)
      y[i] = run->inputs[0][step * rows * 32 + i] - y[i] * run->inputs[1][i / (64 * 32)];
  expectSame("y", std::vector<int64_t>{rows, 32}, run->results[0], y);
  expectSame("who", std::vector<int64_t>{3}, run->results[1], std::vector<double>{0, 10, 20});
}

/// Two roles change the same buffer in turns.
TEST(RolesTest, NamedBarriersGiveTurns) {
  constexpr int64_t columns = 256, rounds = 6;
  std::optional<KernelValues> run = runOnHopper({.name = "turns",
                                                 .source = R"(
kernel k(x: i32[256]) -> (y: i32[256]) target sm_90a grid (1) {
  let buf = shared(i32[256]);
  let turn = named_barrier(2, threads = 192);
  roles {
    role first(warps = 4) {
      store(buf, load(x[:]));
      for i in range(6) {
        store(buf, load(buf) * 3 + i);
        arrive(turn[0]);
        sync(turn[1]);
      }
      store(y[:], load(buf));
    }
    role second(warps = 2) {
      for i in range(6) {
        sync(turn[0]);
        store(buf, load(buf) * 2 - cummax(load(buf), axis = 0));
        arrive(turn[1]);
      }
    }
  }
})",
                                                 .inputs = {{"x", DType::I32, {columns}}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y = run->inputs[0];
  for (int64_t i = 0; i < rounds; ++i) {
    for (double &value : y)
      value = value * 3 + double(i);
    double top = y[0];
    for (double &value : y) {
      top = std::max(top, value);
      value = value * 2 - top;
    }
  }
  expectSame("y", std::vector<int64_t>{columns}, run->results[0], y);
}

/// Bulk stores that are under way while their other buffer is written, and what one of them has
/// written is read back.
TEST(RolesTest, BulkStoresAreWaitedFor) {
  constexpr int64_t steps = 9;
  std::optional<KernelValues> run = runOnHopper({.name = "stores",
                                                 .source = R"(
kernel k(x: f32[N, 16, 32]) -> (y: f32[N, 16, 32], z: f32[16, 32]) target sm_90a grid (1) {
  let buf = shared(f32[2, 16, 32], swizzle = 128);
  roles {
    role writer(warps = 4) {
      for i in range(N) {
        wait_bulk(1);
        barrier();
        store(buf[i], load(x[i, :, :]) * f32(i));
        store_bulk(y[i, :, :], buf[i]);
      }
      wait_bulk(0, written = true);
      barrier();
      var sums = zeros(f32[16, 32]);
      for i in range(N) { sums += load(y[i, :, :]); }
      store(z[:, :], sums);
    }
  }
})",
                                                 .inputs = {{"x", DType::F32, {steps, 16, 32}}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(steps * 16 * 32), z(16 * 32);
  for (size_t i = 0; i < y.size(); ++i) {
    y[i] = run->inputs[0][i] * double(i / (16 * 32));
    z[i % (16 * 32)] += y[i];
  }
  expectSame("y", std::vector<int64_t>{steps, 16, 32}, run->results[0], y);
  expectSame("z", std::vector<int64_t>{16, 32}, run->results[1], z);
}

/// Instances change the same elements in the order of their numbers, by loads and stores of all of
/// their threads.
TEST(TurnsTest, InstancesWaitForEarlierOnes) {
  constexpr int64_t instances = 40, heads = 3, columns = 64;
  std::optional<KernelValues> run =
      runOnHopper({.name = "instances_in_turn",
                   .source = R"(
kernel k(x: i32[N, H, 64]) -> (y: i32[H, 64] = 1, turn: i32[H] = 0) target sm_90a grid (H, N) {
  let h = program_id(0);
  let i = program_id(1);
  let t = load(x[i, h, :]);
  wait_until(turn[h], i);
  store(y[h, :], load(y[h, :]) * 2 % 1000 + t * i);
  store_release(turn[h], i + 1);
})",
                   .inputs = {{"x", DType::I32, {instances, heads, columns}}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> y(heads * columns, 1);
  for (int64_t i = 0; i < instances; ++i)
    for (int64_t j = 0; j < heads * columns; ++j)
      y[j] = double(int64_t(y[j]) * 2 % 1000) + run->inputs[0][i * heads * columns + j] * double(i);
  expectSame("y", std::vector<int64_t>{heads, columns}, run->results[0], y);
  expectSame("turn", std::vector<int64_t>{heads}, run->results[1],
             std::vector<double>(heads, instances));
}

/// Each block runs several instances: there are more than a GPU holds blocks.
TEST(PersistentTest, BlocksGoThroughAllInstances) {
  constexpr int64_t batches = 80, rows = 500, columns = 96, depth = 24;
  std::optional<KernelValues> run =
      runOnHopper({.name = "persistent",
                   .source = R"(
kernel k(a: bf16[B, M, K], b: bf16[B, N, K]) -> (c: f32[B, M, N])
    target sm_90a grid (cdiv(M, 64), cdiv(N, 16), B) persistent
{
  let m = program_id(0) * 64;
  let n = program_id(1) * 16;
  let i = program_id(2);
  var acc = zeros(f32[64, 16]);
  for k in range(0, K, 16) pipelined(4) {
    acc = dot(load(a[i, m :+ 64, k :+ 16]), trans(load(b[i, n :+ 16, k :+ 16])), acc);
  }
  store(c[i, m :+ 64, n :+ 16], acc);
})",
                   .inputs = {{"a", DType::BF16, {batches, rows, depth}},
                              {"b", DType::BF16, {batches, columns, depth}}}});
  if (!run)
    GTEST_SKIP() << "no GPU of sm_90a";
  std::vector<double> c(batches * rows * columns);
  for (int64_t i = 0; i < int64_t(c.size()); ++i) {
    const double *a = &run->inputs[0][i / columns * depth];
    const double *b = &run->inputs[1][(i / (rows * columns) * columns + i % columns) * depth];
    for (int64_t k = 0; k < depth; ++k)
      c[i] += a[k] * b[k];
  }
  expectSame("c", std::vector<int64_t>{batches, rows, columns}, run->results[0], c);
}
