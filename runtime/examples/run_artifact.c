/*===- run_artifact.c - Run a compiled pipeline from C --------------------===*
 *
 * Usage: run_artifact FILE [ENTRY_POINT]
 *
 * Loads an entry point of the artifact, fills every input with a ramp, makes every parameter 1,
 *runs the program once and prints each output's name, shape and, for f32, its first elements. Shows
 * everything an embedding program has to do, on the host and on CUDA device 0. run_artifact.cpp is
 * the same in C++.
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

static size_t tensor_bytes(const lh_tensor_info *info) {
  return element_count(info) * dtype_bytes(info->dtype);
}

/** Allocates zeroed memory of the host, a multiple of 64 bytes and aligned to 64. */
static void *allocate_host(size_t bytes) {
  size_t rounded = (bytes + 63) / 64 * 64;
  void *memory = aligned_alloc(64, rounded == 0 ? 64 : rounded);
  if (memory)
    memset(memory, 0, rounded);
  return memory;
}

/** Allocates memory where a program for `target` needs it; null if there is none. */
static void *allocate(int32_t target, size_t bytes) {
  void *memory = NULL;
  if (target == LH_HOST)
    return allocate_host(bytes);
  /* At least a byte, so that null always means failure. */
  return lh_device_alloc(0, bytes == 0 ? 1 : bytes, &memory) == LH_OK ? memory : NULL;
}

static void release(int32_t target, void *memory) {
  if (target == LH_HOST)
    free(memory);
  else if (lh_device_free(memory) != LH_OK)
    fail("free device memory");
}

typedef lh_status describe_fn(lh_program program, size_t index, lh_tensor_info *info);

/** Describes and allocates `count` tensors. */
static int prepare(lh_program program, int32_t target, describe_fn *describe, size_t count,
                   lh_tensor_info *infos, lh_tensor *tensors, const lh_tensor **pointers) {
  for (size_t i = 0; i < count; ++i) {
    infos[i].struct_size = sizeof infos[i];
    if (describe(program, i, &infos[i]) != LH_OK)
      return fail("describe a tensor");
    tensors[i].struct_size = sizeof tensors[i];
    tensors[i].data = allocate(target, tensor_bytes(&infos[i]));
    tensors[i].dtype = infos[i].dtype;
    tensors[i].device = target;
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

/** Fills an input. What lies on a device is filled through memory of the host. */
static int fill_ramp(const lh_tensor_info *info, const lh_tensor *tensor) {
  size_t count = element_count(info);
  void *data = tensor->device == LH_HOST ? tensor->data : allocate_host(tensor_bytes(info));
  int result = 0;
  if (!data) {
    fprintf(stderr, "run_artifact: no memory for '%s'\n", info->name);
    return 1;
  }
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
  if (tensor->device != LH_HOST) {
    if (lh_copy(tensor->data, data, tensor_bytes(info)) != LH_OK)
      result = fail("copy an input");
    free(data);
  }
  return result;
}

/** The bits of a parameter that is 1. */
static uint64_t one_of(int32_t dtype) {
  switch ((lh_dtype)dtype) {
  case LH_F32:
    return 0x3f800000;
  case LH_F16:
    return 0x3c00;
  case LH_BF16:
    return 0x3f80;
  case LH_F64:
    return 0x3ff0000000000000;
  case LH_I8:
  case LH_I32:
  case LH_I64:
  case LH_BOOL:
    break;
  }
  return 1;
}

static int print_output(const lh_tensor_info *info, const lh_tensor *tensor) {
  float first[8];
  size_t count = element_count(info);
  if (count > 8)
    count = 8;
  if (info->dtype == LH_F32) {
    /* A copy from the device waits for the run, as both are on the default stream. */
    if (tensor->device == LH_HOST)
      memcpy(first, tensor->data, count * sizeof *first);
    else if (lh_copy(first, tensor->data, count * sizeof *first) != LH_OK)
      return fail("copy an output");
  }
  printf("%s [", info->name);
  for (int32_t i = 0; i < info->rank; ++i)
    printf("%s%lld", i == 0 ? "" : ", ", (long long)info->shape[i]);
  printf("]");
  for (size_t i = 0; info->dtype == LH_F32 && i < count; ++i)
    printf(" %g", (double)first[i]);
  printf("\n");
  return 0;
}

static int run(lh_program program) {
  lh_program_info info = {.struct_size = sizeof info};
  if (lh_program_query(program, &info) != LH_OK)
    return fail("query the program");

  size_t total = info.num_inputs + info.num_outputs;
  lh_tensor_info *infos = calloc(total + 1, sizeof *infos);
  lh_tensor *tensors = calloc(total + 1, sizeof *tensors);
  const lh_tensor **pointers = calloc(total + 1, sizeof *pointers);
  uint64_t *parameters = calloc(info.num_parameters + 1, sizeof *parameters);
  void *workspace = allocate(info.target, info.workspace_bytes);
  int result = 1;
  if (!infos || !tensors || !pointers || !parameters || !workspace) {
    fprintf(stderr, "run_artifact: out of memory\n");
    goto done;
  }

  size_t first_output = info.num_inputs;
  if (prepare(program, info.target, lh_program_input, info.num_inputs, infos, tensors, pointers) ||
      prepare(program, info.target, lh_program_output, info.num_outputs, infos + first_output,
              tensors + first_output, pointers + first_output))
    goto done;
  for (size_t i = 0; i < info.num_inputs; ++i)
    if (fill_ramp(&infos[i], &tensors[i]) != 0)
      goto done;
  for (size_t i = 0; i < info.num_parameters; ++i) {
    lh_tensor_info parameter = {.struct_size = sizeof parameter};
    if (lh_program_parameter(program, i, &parameter) != LH_OK) {
      result = fail("describe a parameter");
      goto done;
    }
    parameters[i] = one_of(parameter.dtype);
  }

  lh_run_args args = {.struct_size = sizeof args,
                      .inputs = pointers,
                      .num_inputs = info.num_inputs,
                      .outputs = pointers + first_output,
                      .num_outputs = info.num_outputs,
                      .workspace = workspace,
                      .workspace_bytes = info.workspace_bytes,
                      .parameters = parameters,
                      .num_parameters = info.num_parameters};
  if (lh_program_run(program, &args) != LH_OK) {
    result = fail("run the program");
    goto done;
  }
  for (size_t i = first_output; i < total; ++i)
    if (print_output(&infos[i], &tensors[i]) != 0)
      goto done;
  result = 0;

done:
  for (size_t i = 0; tensors && i < total; ++i)
    release(info.target, tensors[i].data);
  release(info.target, workspace);
  free(parameters);
  free(pointers);
  free(tensors);
  free(infos);
  return result;
}

int main(int argc, char **argv) {
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: run_artifact FILE [ENTRY_POINT]\n");
    return 2;
  }
  lh_load_options options = {.struct_size = sizeof options,
                             .entry_point = argc == 3 ? argv[2] : NULL};
  lh_program program;
  if (lh_program_load_file_with(argv[1], &options, &program) != LH_OK)
    return fail(argv[1]);
  int result = run(program);
  if (lh_program_release(program) != LH_OK)
    return fail("release the program");
  return result;
}
