/*===- run_artifact.c - Run a compiled pipeline from C --------------------===*
 *
 * Usage: run_artifact FILE
 *
 * Loads the artifact, fills every input with a ramp, runs the program once and prints each output's
 * name, shape and, for f32, its first elements. Shows everything an embedding program has to do.
 *
 *===----------------------------------------------------------------------===*/

#include "lighthouse/runtime/lighthouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Prints the message of the last failure and returns the exit code for it. */
static int fail(const char *what) {
  fprintf(stderr, "run_artifact: %s: %s\n", what, lh_last_error());
  return 1;
}

static size_t dtype_bytes(int32_t dtype) {
  switch ((lh_dtype)dtype) {
  case LH_F64:
  case LH_I64:
    return 8;
  case LH_F32:
  case LH_I32:
    return 4;
  case LH_F16:
  case LH_BF16:
    return 2;
  case LH_I8:
  case LH_BOOL:
    return 1;
  }
  return 0;
}

static size_t element_count(const lh_tensor_info *info) {
  size_t count = 1;
  for (int32_t i = 0; i < info->rank; ++i)
    count *= (size_t)info->shape[i];
  return count;
}

/** Allocates zeroed memory for a tensor, a multiple of 64 bytes and aligned to 64. */
static void *allocate(size_t bytes) {
  size_t rounded = (bytes + 63) / 64 * 64;
  void *memory = aligned_alloc(64, rounded == 0 ? 64 : rounded);
  if (memory)
    memset(memory, 0, rounded);
  return memory;
}

typedef lh_status describe_fn(lh_program program, size_t index, lh_tensor_info *info);

/** Describes and allocates `count` tensors. */
static int prepare(lh_program program, describe_fn *describe, size_t count, lh_tensor_info *infos,
                   lh_tensor *tensors, const lh_tensor **pointers) {
  for (size_t i = 0; i < count; ++i) {
    infos[i].struct_size = sizeof infos[i];
    if (describe(program, i, &infos[i]) != LH_OK)
      return fail("describe a tensor");
    tensors[i].struct_size = sizeof tensors[i];
    tensors[i].data = allocate(element_count(&infos[i]) * dtype_bytes(infos[i].dtype));
    tensors[i].dtype = infos[i].dtype;
    tensors[i].device = LH_HOST;
    tensors[i].rank = infos[i].rank;
    tensors[i].shape = infos[i].shape;
    pointers[i] = &tensors[i];
    if (!tensors[i].data) {
      fprintf(stderr, "run_artifact: no memory for '%s'\n", infos[i].name);
      return 1;
    }
  }
  return 0;
}

static void fill_ramp(const lh_tensor_info *info, void *data) {
  size_t count = element_count(info);
  for (size_t i = 0; i < count; ++i) {
    if (info->dtype == LH_F32)
      ((float *)data)[i] = (float)i;
    else if (info->dtype == LH_F64)
      ((double *)data)[i] = (double)i;
    else if (info->dtype == LH_I32)
      ((int32_t *)data)[i] = (int32_t)i;
    else if (info->dtype == LH_I64)
      ((int64_t *)data)[i] = (int64_t)i;
  }
}

static void print_output(const lh_tensor_info *info, const void *data) {
  printf("%s [", info->name);
  for (int32_t i = 0; i < info->rank; ++i)
    printf("%s%lld", i == 0 ? "" : ", ", (long long)info->shape[i]);
  printf("]");
  if (info->dtype == LH_F32) {
    size_t count = element_count(info);
    for (size_t i = 0; i < count && i < 8; ++i)
      printf(" %g", (double)((const float *)data)[i]);
  }
  printf("\n");
}

static int run(lh_program program) {
  lh_program_info info = {.struct_size = sizeof info};
  if (lh_program_query(program, &info) != LH_OK)
    return fail("query the program");

  size_t total = info.num_inputs + info.num_outputs;
  lh_tensor_info *infos = calloc(total + 1, sizeof *infos);
  lh_tensor *tensors = calloc(total + 1, sizeof *tensors);
  const lh_tensor **pointers = calloc(total + 1, sizeof *pointers);
  void *workspace = allocate(info.workspace_bytes);
  int result = 1;
  if (!infos || !tensors || !pointers || !workspace) {
    fprintf(stderr, "run_artifact: out of memory\n");
    goto done;
  }

  size_t first_output = info.num_inputs;
  if (prepare(program, lh_program_input, info.num_inputs, infos, tensors, pointers) != 0 ||
      prepare(program, lh_program_output, info.num_outputs, infos + first_output,
              tensors + first_output, pointers + first_output) != 0)
    goto done;
  for (size_t i = 0; i < info.num_inputs; ++i)
    fill_ramp(&infos[i], tensors[i].data);

  lh_run_args args = {.struct_size = sizeof args,
                      .inputs = pointers,
                      .num_inputs = info.num_inputs,
                      .outputs = pointers + first_output,
                      .num_outputs = info.num_outputs,
                      .workspace = workspace,
                      .workspace_bytes = info.workspace_bytes};
  if (lh_program_run(program, &args) != LH_OK) {
    result = fail("run the program");
    goto done;
  }
  for (size_t i = first_output; i < total; ++i)
    print_output(&infos[i], tensors[i].data);
  result = 0;

done:
  for (size_t i = 0; tensors && i < total; ++i)
    free(tensors[i].data);
  free(workspace);
  free(pointers);
  free(tensors);
  free(infos);
  return result;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: run_artifact FILE\n");
    return 2;
  }
  lh_program program;
  if (lh_program_load_file(argv[1], &program) != LH_OK)
    return fail(argv[1]);
  int result = run(program);
  if (lh_program_release(program) != LH_OK)
    return fail("release the program");
  return result;
}
