/*===- lighthouse.h - The C interface of the runtime ----------------------===*
 *
 * Loads compiled artifacts and runs them. Every function may be called from any thread, returns a
 * status (never aborts, exits or throws) and, on failure, leaves a message for `lh_last_error`.
 *
 * Statuses of every function: `LH_INVALID_ARGUMENT` for a null pointer or a wrong structure size,
 * `LH_INVALID_HANDLE` for a program that was released or never loaded, `LH_OUT_OF_MEMORY`, and
 * `LH_INTERNAL`. Of those that need the CUDA driver also `LH_UNSUPPORTED` if there is none or the
 * process was forked from one that uses it, `LH_INVALID_ARGUMENT` if there is no such device, and
 * `LH_DRIVER_ERROR`. Others are said at each function.
 *
 * Structures hold enumerators as `int32_t`: a wrong value is a status, not undefined behaviour.
 *
 * Structures begin with `struct_size`, which the caller sets to `sizeof` of the structure. An older
 * caller with a smaller structure is served as if the fields it does not know were zero; a newer
 * caller with a larger structure as long as the bytes this runtime does not know are zero.
 *
 * Programs for CUDA need the driver and nothing else; it is opened when such a program is loaded or
 * device memory is asked for. Streams are `void *` that hold a CUstream (a cudaStream_t is the
 * same); null is the legacy default stream.
 *
 *===----------------------------------------------------------------------===*/

#ifndef LIGHTHOUSE_RUNTIME_LIGHTHOUSE_H
#define LIGHTHOUSE_RUNTIME_LIGHTHOUSE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define LH_API
#else
#define LH_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this interface: major * 1000 + minor. */
#define LH_API_VERSION 1005

/** Why a function failed. */
typedef enum lh_status {
  LH_OK = 0,
  /** The request is wrong: a null pointer, a wrong structure size, an unfit tensor. */
  LH_INVALID_ARGUMENT = 1,
  /** A handle that was never given out, or was released. */
  LH_INVALID_HANDLE = 2,
  /** The file does not exist. */
  LH_NOT_FOUND = 3,
  /** The bytes are no intact artifact. */
  LH_CORRUPT = 4,
  /** An intact artifact for another processor, device or runtime version; or no CUDA driver. */
  LH_UNSUPPORTED = 5,
  /** The operating system refused. */
  LH_SYSTEM_ERROR = 6,
  LH_OUT_OF_MEMORY = 7,
  /** A bug of the runtime. */
  LH_INTERNAL = 8,
  /** The CUDA driver reported an error; the message has its name, text and place. */
  LH_DRIVER_ERROR = 9
} lh_status;

/** Element types. */
typedef enum lh_dtype {
  LH_F32 = 0,
  LH_F16 = 1,
  LH_BF16 = 2,
  LH_F64 = 3,
  LH_I8 = 4,
  LH_I32 = 5,
  LH_I64 = 6,
  /** One byte, 0 or 1. */
  LH_BOOL = 7
} lh_dtype;

/** Where the memory of a tensor lies. */
typedef enum lh_device { LH_HOST = 0, LH_CUDA = 1 } lh_device;

/** A loaded program. Handles are never reused, so that a stale one is always noticed. */
typedef struct lh_program_handle *lh_program;

/** How a program is loaded. All but the entry point is about programs for CUDA. */
typedef struct lh_load_options {
  size_t struct_size;
  /** Ordinal of the CUDA device. */
  int32_t device;
  /** Not 0: what the driver makes of PTX is kept on disk, in the directory that the environment
   * names (LIGHTHOUSE_CACHE_DIR and others), and found there the next time. */
  int32_t use_cache;
  /** The stream that the caller is about to use. Loading is refused while it is being captured. */
  void *stream;
  /** Which entry point of the artifact; null or "" if it has only one. */
  const char *entry_point;
} lh_load_options;

/** Counts and sizes of a program. */
typedef struct lh_program_info {
  size_t struct_size;
  /** Name of the pipeline; valid until the program is released. */
  const char *name;
  size_t num_inputs;
  size_t num_outputs;
  /** Bytes of workspace a run needs, and the alignment of its address. */
  size_t workspace_bytes;
  size_t workspace_alignment;
  /** An `lh_device`: where it runs, and where its tensors and workspace must lie. */
  int32_t target;
  /** Ordinal of the CUDA device; 0 on the host. */
  int32_t device;
  /** What the code is for: "x86-64-v3", "sm_90a"; valid until the program is released. */
  const char *arch;
  /** Scalars that a run needs. */
  size_t num_parameters;
} lh_program_info;

/** What a program expects of one input or output. */
typedef struct lh_tensor_info {
  size_t struct_size;
  /** Valid until the program is released. */
  const char *name;
  /** An `lh_dtype`. */
  int32_t dtype;
  int32_t rank;
  /** `rank` dims; valid until the program is released. */
  const int64_t *shape;
} lh_tensor_info;

/** A view of the caller's memory. */
typedef struct lh_tensor {
  size_t struct_size;
  /** Address of element (0, 0, ...). */
  void *data;
  /** An `lh_dtype`. */
  int32_t dtype;
  /** An `lh_device`. */
  int32_t device;
  int32_t rank;
  /** `rank` dims. */
  const int64_t *shape;
  /** `rank` strides in elements; null for contiguous row-major memory. */
  const int64_t *strides;
} lh_tensor;

/** The arguments of a run. */
typedef struct lh_run_args {
  size_t struct_size;
  /** Pointers to `num_inputs` and `num_outputs` tensors, in the order of the program. */
  const lh_tensor *const *inputs;
  size_t num_inputs;
  const lh_tensor *const *outputs;
  size_t num_outputs;
  /** At least `workspace_bytes` of the program, aligned; may be null if it needs none. */
  void *workspace;
  size_t workspace_bytes;
  /** CUDA only: the stream of the launches. */
  void *stream;
  /** The scalars, in the order of the program: the bits of each, zero- or sign-extended. */
  const uint64_t *parameters;
  size_t num_parameters;
} lh_run_args;

/** `LH_API_VERSION` of the library that is linked. */
LH_API uint32_t lh_api_version(void);

/** The name of an `lh_status`, for example "invalid argument". Never null. */
LH_API const char *lh_status_name(int status);

/** The message of the last failure on this thread, "" if there was none. Valid until the next call
 * of a function of this interface on this thread. Never null. */
LH_API const char *lh_last_error(void);

/** Loads an artifact from a file and stores a handle in `*program`, null after a failure. A program
 * for CUDA is loaded to device 0. `LH_NOT_FOUND` if there is no such file, `LH_INVALID_ARGUMENT` if
 * it is no regular file or the legacy default stream must wait for a stream that is being captured,
 * `LH_CORRUPT` if it is no intact artifact, `LH_UNSUPPORTED` if it is of another version or for
 * another processor or device, `LH_SYSTEM_ERROR` if it cannot be read or memory cannot be mapped.
 */
LH_API lh_status lh_program_load_file(const char *path, lh_program *program);

/** Loads an artifact from memory, which may be freed afterwards. Statuses as for a file. */
LH_API lh_status lh_program_load_memory(const void *bytes, size_t size, lh_program *program);

/** `lh_program_load_file` with options; null for none. `LH_INVALID_ARGUMENT` also if there is no
 * such entry point or `options->stream` is being captured. Code that a living program has loaded to
 * the same device is used as it is. */
LH_API lh_status lh_program_load_file_with(const char *path, const lh_load_options *options,
                                           lh_program *program);

/** `lh_program_load_memory` with options; null for none. */
LH_API lh_status lh_program_load_memory_with(const void *bytes, size_t size,
                                             const lh_load_options *options, lh_program *program);

/** Fills `*info`. The caller sets `info->struct_size` first. */
LH_API lh_status lh_program_query(lh_program program, lh_program_info *info);

/** Describes input number `index`. The caller sets `info->struct_size` first. `LH_INVALID_ARGUMENT`
 * if there is no such input. */
LH_API lh_status lh_program_input(lh_program program, size_t index, lh_tensor_info *info);

/** Describes output number `index`. The caller sets `info->struct_size` first.
 * `LH_INVALID_ARGUMENT` if there is no such output. */
LH_API lh_status lh_program_output(lh_program program, size_t index, lh_tensor_info *info);

/** Describes parameter number `index`, a scalar: its rank is 0. The caller sets `info->struct_size`
 * first. `LH_INVALID_ARGUMENT` if there is no such parameter. */
LH_API lh_status lh_program_parameter(lh_program program, size_t index, lh_tensor_info *info);

/** Checks every argument, then runs the program. On the host it returns when the program is done,
 * on CUDA when the launches are enqueued, without allocating or waiting, so that it may be captured
 * in a graph. Several threads may run one program at the same time, each with its own outputs and
 * workspace. `LH_INVALID_ARGUMENT` if an argument is not what the program needs, with nothing run;
 * `LH_SYSTEM_ERROR` if no thread has enough stack; after `LH_DRIVER_ERROR` the launches before the
 * refused one stay enqueued. */
LH_API lh_status lh_program_run(lh_program program, const lh_run_args *args);

/** Releases the handle. Runs that other threads have begun are finished first; on CUDA their
 * launches must be done. Graphs that captured a run must be destroyed first; until then the
 * program, its tensors and its workspace must live. */
LH_API lh_status lh_program_release(lh_program program);

/** Allocates memory of a CUDA device, aligned to 256 bytes, for callers that have no CUDA library
 * of their own. No bytes give a null address. `LH_OUT_OF_MEMORY` if the device has not enough.
 * This, `lh_device_free` and `lh_copy` do not disturb captures of streams that do not wait for the
 * legacy default stream. */
LH_API lh_status lh_device_alloc(int32_t device, size_t bytes, void **address);

/** Frees what `lh_device_alloc` gave; null is allowed. `LH_INVALID_ARGUMENT` for any other address,
 * and if it was freed before. */
LH_API lh_status lh_device_free(void *address);

/** Copies between host and device, either way, or within a device, in the order of the legacy
 * default stream, and returns when it is done. One of the two must be memory of a device, else it
 * is `LH_INVALID_ARGUMENT`. */
LH_API lh_status lh_copy(void *destination, const void *source, size_t bytes);

/** Waits for the work of a stream of a CUDA device. */
LH_API lh_status lh_stream_synchronize(int32_t device, void *stream);

#ifdef __cplusplus
}
#endif

#endif /* LIGHTHOUSE_RUNTIME_LIGHTHOUSE_H */
