//===- Parallel.h - A parallel loop -----------------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_PARALLEL_H
#define LIGHTHOUSE_ORACLE_PARALLEL_H

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace lighthouse::oracle {

/// Calls body(i) for every i in [0, count) on all cores, in no particular order. Iterations write
/// to disjoint places.
template <typename Body> void parallelFor(int64_t count, const Body &body) {
  int64_t grain = 1 + count / 1024;
  std::atomic<int64_t> next = 0;
  auto work = [&] {
    for (int64_t begin; (begin = next.fetch_add(grain)) < count;)
      for (int64_t i = begin; i < begin + grain && i < count; ++i)
        body(i);
  };
  std::vector<std::jthread> helpers;
  int64_t cores = std::thread::hardware_concurrency();
  for (int64_t i = 1; i < cores && i < count; ++i)
    helpers.emplace_back(work);
  work();
}

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_PARALLEL_H
