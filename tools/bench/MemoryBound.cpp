//===- MemoryBound.cpp - The stages around attention beside memcpy --------------------------------===//

#include "Measure.h"

#include "lighthouse/runtime/ThreadPool.h"

#include <atomic>
#include <cstring>
#include <map>

using namespace lighthouse;

static constexpr const char *stagesSpec = R"(
import "lighthouse.lh";
pipeline stages<T: float, L: int, P: int, K: int>
    (q: T[B, N, H, D], k: T[B, N, G, D], v: T[B, N, G, D])
    -> (o: T[B, N, H, D], ks: T[B, G, S, D], vs: T[B, G, S, D], indices: i32[B, G, S]) {
  let pyramid = pool(q, k, v, levels = L, factor = P);
  let selected = select(norm_score(pyramid), budget = K);
  let (qs, keys, values) = gather(pyramid, selected);
  return scatter(qs, selected), keys, values, indices(selected);
}
)";

/// The fewest bytes that each stage can move for one head, given what was selected.
static std::map<std::string, double> fewestBytes(const lhc::NamedArray &indices, int64_t tokens,
                                                 int64_t dim, int64_t levels, int64_t factor) {
  std::vector<int64_t> offsets{0}, windows{1};
  for (int64_t l = 0; l < levels; ++l) {
    offsets.push_back(offsets[l] + (tokens + windows[l] - 1) / windows[l]);
    windows.push_back(windows[l] * factor);
  }
  auto array = indices.array.as<int32_t>();
  double rowsRead = 0, entries = 0;
  for (int32_t entry : array) {
    if (entry < 0)
      continue;
    int64_t level = 0;
    while (entry >= offsets[level + 1])
      ++level;
    // Coarsest rows were pooled already; a finer one is the mean of its window.
    rowsRead += level == levels - 1 ? 1 : double(windows[level]);
    ++entries;
  }
  double heads = double(indices.array.shape()[1]);
  double row = double(dim) * sizeof(float);
  double coarsest = double(offsets[levels] - offsets[levels - 1]);
  double scores = double(offsets[levels] - offsets[1]);
  return {
      {"pool_score", heads * (3 * (double(tokens) + coarsest) * row + 2 * scores * sizeof(float))},
      {"gather", 3 * (rowsRead + entries) * row + entries * sizeof(int32_t)},
      {"scatter", (entries + heads * double(tokens)) * row +
                      heads * double(offsets[levels]) * sizeof(int32_t)}};
}

std::vector<bench::Ratio> bench::measureMemoryBound(unsigned repetitions) {
  constexpr int64_t tokens = 65536, heads = 8, dim = 64, levels = 3, factor = 4;
  std::vector<ArgumentType> arguments;
  for (const char *name : {"q", "k", "v"})
    arguments.push_back({name, runtime::DType::F32, {1, tokens, heads, dim}});
  Subject stages = makeSubject(stagesSpec, "stages", {{"L", "3"}, {"P", "4"}, {"K", "1536"}}, arguments);

  // As large as q, k and v together, so that no cache holds it.
  std::vector<char> from(size_t(3 * tokens * heads * dim) * sizeof(float), 1), to(from.size(), 2);
  constexpr int64_t chunk = 1 << 20;
  auto copyAll = [&] {
    runtime::ThreadPool::global().parallelFor(
        int64_t(from.size()) / chunk, 1, [&](int64_t begin, int64_t end) {
          std::memcpy(to.data() + begin * chunk, from.data() + begin * chunk, (end - begin) * chunk);
        });
  };

  // A stage that only reads cannot use the bandwidth of writing: what reading alone reaches.
  std::atomic<float> sink = 0;
  auto readAll = [&] {
    runtime::ThreadPool::global().parallelFor(
        int64_t(from.size()) / chunk, 1, [&](int64_t begin, int64_t end) {
          float sums[64] = {};
          const float *data = reinterpret_cast<const float *>(from.data() + begin * chunk);
          for (int64_t i = 0; i < (end - begin) * chunk / int64_t(sizeof(float)); i += 64)
            for (int64_t lane = 0; lane < 64; ++lane)
              sums[lane] += data[i + lane];
          sink = sums[0] + sums[63];
        });
  };

  std::map<std::string, std::vector<double>> times;
  std::vector<double> copies, reads;
  for (unsigned i = 0; i <= repetitions; ++i) {
    std::vector<runtime::LaunchTiming> timings;
    runOnce(stages, &timings);
    double start = seconds();
    copyAll();
    double middle = seconds();
    readAll();
    double end = seconds();
    if (i == 0)
      continue;
    copies.push_back(middle - start);
    reads.push_back(end - middle);
    for (const runtime::LaunchTiming &timing : timings)
      times[std::string(timing.stage)].push_back(timing.seconds);
  }
  double copyRate = 2.0 * double(from.size()) / median(copies);
  double readRate = double(from.size()) / median(reads);
  std::vector<Ratio> ratios;
  for (const auto &[stage, bytes] :
       fewestBytes(stages.execution.outputs.back(), tokens, dim, levels, factor))
    ratios.push_back({stage + " f32, N=65536, H=8, D=64 : memcpy", "B", bytes / median(times[stage]),
                      copyRate, 0.6});
  ratios.push_back({"read-only stream : memcpy", "B", readRate, copyRate, 0});
  return ratios;
}
