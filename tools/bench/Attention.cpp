//===- Attention.cpp - Attention beside a matrix product ------------------------------------------===//

#include "Measure.h"

#include <thread>

// The reference interface of BLAS, which every implementation has.
extern "C" void sgemm_(const char *transA, const char *transB, const int *m, const int *n,
                       const int *k, const float *alpha, const float *a, const int *lda,
                       const float *b, const int *ldb, const float *beta, float *c, const int *ldc);

using namespace lighthouse;

static constexpr const char *attentionSpec = R"(
import "attend.lh";
pipeline attention<T: float>(q: T[B, H, S, D], k: T[B, G, S, D], v: T[B, G, S, D])
    -> (o: T[B, H, S, D], lse: f32[B, H, S]) {
  return attend(q, k, v, causal = true);
}
)";

std::vector<bench::Ratio> bench::measureAttention(unsigned repetitions) {
  constexpr int64_t heads = 2, tokens = 8192, dim = 64;
  std::vector<ArgumentType> arguments;
  for (const char *name : {"q", "k", "v"})
    arguments.push_back({name, runtime::DType::F32, {1, heads, tokens, dim}});
  Subject attention = makeSubject(attentionSpec, "attention", {}, arguments);
  // Two products of length dim for each of the pairs at or below the diagonal.
  double attentionFlops = 4.0 * dim * heads * tokens * (tokens + 1) / 2;

  constexpr int size = 2048;
  std::vector<float> a(size_t(size) * size), b(a.size()), c(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = float(i % 251) / 251 - 0.5f;
    b[i] = float(i % 241) / 241 - 0.5f;
  }
  double productFlops = 2.0 * size * size * size;

  std::vector<double> ours, product;
  for (unsigned i = 0; i <= repetitions; ++i) {
    double start = seconds();
    runOnce(attention);
    double middle = seconds();
    const float one = 1, zero = 0;
    sgemm_("N", "N", &size, &size, &size, &one, a.data(), &size, b.data(), &size, &zero, c.data(),
           &size);
    double end = seconds();
    // OpenBLAS's threads spin for a while after a call; they must not spin into our time.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (i == 0) // Touches memory and starts the threads.
      continue;
    ours.push_back(middle - start);
    product.push_back(end - middle);
  }
  return {{"attend f32, N=8192, D=64 : sgemm 2048", "flop", attentionFlops / median(ours),
           productFlops / median(product), 0.4}};
}
