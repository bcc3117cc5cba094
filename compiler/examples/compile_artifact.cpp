//===- compile_artifact.cpp - Types and an artifact of a pipeline, from C++ -------------------===//
//
// Usage: compile_artifact FILE
//
// Defines a pipeline in the text of the program, prints the types of its inputs and outputs, and
// writes its artifact, which a program with the runtime alone can run: runtime/examples/
// run_artifact.c.
//
//===------------------------------------------------------------------------------------------===//

#include "lighthouse/compiler.h"

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

constexpr std::string_view text = R"(
import "gather.lh"; import "select.lh"; import "pool.lh"; import "attend.lh";

pipeline attention(q: f32[B, N, H, D], k: f32[B, N, G, D], v: f32[B, N, G, D])
    -> (o: f32[B, H, S, D], lse: f32[B, H, S]) {
  let pyramid = pool(q, k, v, levels = 2, factor = 4);
  let (qs, ks, vs) = gather(pyramid, select(norm_score(pyramid), budget = 128));
  return attend(qs, ks, vs, causal = true);
}
)";

void check(lh_status status) {
  if (status != LH_OK)
    throw std::runtime_error(lh_last_error());
}

/// A handle that is released at the end of its scope.
template <typename Handle, lh_status (*release)(Handle)> struct Release {
  using pointer = Handle;
  void operator()(Handle handle) const { release(handle); }
};
template <typename Handle, lh_status (*release)(Handle)>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Release<Handle, release>>;

void print(lh_signature signature, const char *what, std::size_t count,
           lh_status (*describe)(lh_signature, std::size_t, lh_tensor_info *)) {
  for (std::size_t i = 0; i < count; ++i) {
    lh_tensor_info info = {};
    info.struct_size = sizeof info;
    check(describe(signature, i, &info));
    std::string shape;
    for (int d = 0; d < info.rank; ++d)
      shape += (d == 0 ? "" : ", ") + std::to_string(info.shape[d]);
    std::printf("%s %s [%s]\n", what, info.name, shape.c_str());
  }
}

void compile(const char *path) {
  lh_spec made = nullptr;
  check(lh_spec_parse("attention.lh", text.data(), text.size(), nullptr, &made));
  const Owned<lh_spec, lh_spec_release> spec(made);

  const std::int64_t queries[] = {1, 256, 4, 32}, keys[] = {1, 256, 2, 32};
  const lh_tensor_info q = {sizeof q, "q", LH_F32, 4, queries};
  const lh_tensor_info k = {sizeof k, "k", LH_F32, 4, keys};
  const lh_tensor_info v = {sizeof v, "v", LH_F32, 4, keys};
  const lh_tensor_info *arguments[] = {&q, &k, &v};
  lh_request request = {};
  request.struct_size = sizeof request;
  request.name = "attention";
  request.arguments = arguments;
  request.num_arguments = 3;

  lh_signature inferred = nullptr;
  check(lh_infer(spec.get(), &request, &inferred));
  const Owned<lh_signature, lh_signature_release> signature(inferred);
  lh_signature_info counts = {};
  counts.struct_size = sizeof counts;
  check(lh_signature_query(signature.get(), &counts));
  print(signature.get(), "input", counts.num_inputs, lh_signature_input);
  print(signature.get(), "output", counts.num_outputs, lh_signature_output);

  lh_artifact compiled = nullptr;
  check(lh_compile_artifact(spec.get(), &request, &compiled));
  const Owned<lh_artifact, lh_artifact_release> artifact(compiled);
  check(lh_artifact_save(artifact.get(), path));
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: compile_artifact FILE\n");
    return 2;
  }
  try {
    compile(argv[1]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "compile_artifact: %s\n", error.what());
    return 1;
  }
  return 0;
}
