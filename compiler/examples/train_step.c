/*===- train_step.c - Lighthouse Attention forward and backward, from C ---===*
 *
 * Usage: train_step [SPEC]
 *
 * Compiles the pipeline `lighthouse` of a specification (default: the bundled lighthouse.lh) with
 * its gradients for this processor, runs it once and prints the mean magnitude of every output.
 * Attention is linear in v: sum(dv * v) and sum(do * o) must be equal, else the exit status is 1.
 *
 *===----------------------------------------------------------------------===*/

#include "lighthouse/compiler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 8 };

/* An input or output, which is f32 and contiguous, and its memory. */
typedef struct {
  lh_tensor_info info;
  lh_tensor tensor;
  size_t count;
} array;

static int fail(const char *what) {
  fprintf(stderr, "train_step: %s: %s\n", what, lh_last_error());
  return 1;
}

typedef lh_status (*describe_function)(lh_program, size_t, lh_tensor_info *);

/* Describes `count` tensors, allocates their memory and fills it with noise in [-1, 1). */
static int make_arrays(lh_program program, describe_function describe, size_t count, array *arrays,
                       const lh_tensor **pointers) {
  unsigned noise = 1;
  for (size_t i = 0; i < count; ++i) {
    array *a = &arrays[i];
    a->info.struct_size = sizeof a->info;
    if (describe(program, i, &a->info) != LH_OK)
      return fail("describe a tensor");
    a->count = 1;
    for (int32_t d = 0; d < a->info.rank; ++d)
      a->count *= (size_t)a->info.shape[d];
    float *data = malloc(a->count * sizeof *data);
    if (!data) {
      fprintf(stderr, "train_step: out of memory\n");
      return 1;
    }
    for (size_t e = 0; e < a->count; ++e) {
      noise = noise * 1664525u + 1013904223u;
      data[e] = (float)(noise >> 8) / (float)(1 << 23) - 1;
    }
    a->tensor = (lh_tensor){.struct_size = sizeof a->tensor,
                            .data = data,
                            .dtype = a->info.dtype,
                            .device = LH_HOST,
                            .rank = a->info.rank,
                            .shape = a->info.shape};
    pointers[i] = &a->tensor;
  }
  return 0;
}

/* The data of a tensor of that name. */
static const float *find(const char *name, const array *arrays, size_t count, size_t *elements) {
  for (size_t i = 0; i < count; ++i)
    if (strcmp(arrays[i].info.name, name) == 0) {
      *elements = arrays[i].count;
      return arrays[i].tensor.data;
    }
  fprintf(stderr, "train_step: there is no tensor %s\n", name);
  exit(1);
}

static double dot(const float *a, const float *b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += (double)a[i] * b[i];
  return sum;
}

static int run(lh_program program) {
  lh_program_info info = {.struct_size = sizeof info};
  if (lh_program_query(program, &info) != LH_OK)
    return fail("query the program");
  if (info.num_inputs > MAX_TENSORS || info.num_outputs > MAX_TENSORS) {
    fprintf(stderr, "train_step: too many tensors\n");
    return 1;
  }
  array inputs[MAX_TENSORS] = {0}, outputs[MAX_TENSORS] = {0};
  const lh_tensor *in[MAX_TENSORS], *out[MAX_TENSORS];
  size_t alignment = info.workspace_alignment;
  size_t bytes = (info.workspace_bytes + alignment - 1) / alignment * alignment;
  void *workspace = aligned_alloc(alignment, bytes + alignment);
  int result = 1;
  if (!workspace || make_arrays(program, lh_program_input, info.num_inputs, inputs, in) != 0 ||
      make_arrays(program, lh_program_output, info.num_outputs, outputs, out) != 0)
    goto done;

  lh_run_args args = {.struct_size = sizeof args,
                      .inputs = in,
                      .num_inputs = info.num_inputs,
                      .outputs = out,
                      .num_outputs = info.num_outputs,
                      .workspace = workspace,
                      .workspace_bytes = info.workspace_bytes};
  if (lh_program_run(program, &args) != LH_OK) {
    fail("run the program");
    goto done;
  }
  for (size_t i = 0; i < info.num_outputs; ++i) {
    const float *data = outputs[i].tensor.data;
    double sum = 0;
    for (size_t e = 0; e < outputs[i].count; ++e)
      sum += fabs((double)data[e]);
    printf("mean |%s| = %.6f\n", outputs[i].info.name, sum / (double)outputs[i].count);
  }
  size_t count = 0;
  const float *v = find("v", inputs, info.num_inputs, &count);
  double by_v = dot(find("dv", outputs, info.num_outputs, &count), v, count);
  const float *cotangent = find("do", inputs, info.num_inputs, &count);
  double by_o = dot(find("o", outputs, info.num_outputs, &count), cotangent, count);
  printf("sum(dv * v) = %.4f, sum(do * o) = %.4f\n", by_v, by_o);
  result = fabs(by_v - by_o) <= 1e-3 * (1 + fabs(by_o)) ? 0 : 1;

done:
  for (size_t i = 0; i < MAX_TENSORS; ++i) {
    free(inputs[i].tensor.data);
    free(outputs[i].tensor.data);
  }
  free(workspace);
  return result;
}

int main(int argc, char **argv) {
  lh_spec spec;
  lh_status opened =
      argc > 1 ? lh_spec_open(argv[1], NULL, &spec) : lh_spec_bundled("lighthouse.lh", NULL, &spec);
  if (opened != LH_OK)
    return fail("read the specification");

  const int64_t shape[] = {1, 1024, 2, 32};
  lh_tensor_info types[3];
  const lh_tensor_info *arguments[3];
  const char *names[] = {"q", "k", "v"};
  for (int i = 0; i < 3; ++i) {
    types[i] = (lh_tensor_info){.struct_size = sizeof types[i],
                                .name = names[i],
                                .dtype = LH_F32,
                                .rank = 4,
                                .shape = shape};
    arguments[i] = &types[i];
  }
  const lh_setting settings[] = {{"K", "256"}};
  lh_request request = {.struct_size = sizeof request,
                        .name = "lighthouse",
                        .gradient = 1,
                        .settings = settings,
                        .num_settings = 1,
                        .arguments = arguments,
                        .num_arguments = 3,
                        .use_cache = 1};
  lh_program program;
  if (lh_compile(spec, &request, &program) != LH_OK)
    return fail("compile");
  int result = run(program);
  if (lh_program_release(program) != LH_OK || lh_spec_release(spec) != LH_OK)
    return fail("release");
  return result;
}
