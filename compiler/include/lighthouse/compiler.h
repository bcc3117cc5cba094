/*===- compiler.h - The C interface of the compiler -----------------------===*
 *
 * Compiles specifications in the running process: `liblighthouse_compiler.so`. The library contains
 * the runtime and its interface, too: link it or `liblighthouse.so`, never both, as handles of one
 * mean nothing to the other. The rules of lighthouse.h hold here: statuses and messages, structures
 * that begin with `struct_size`, handles that are never reused, any function from any thread.
 *
 * The message of a failed compilation is what `lhc` would print: errors with file, line and column,
 * the line and a caret, one after another. `LH_INVALID_ARGUMENT` is for what a specification or a
 * request does wrong, `LH_INTERNAL` for what the compiler does wrong.
 *
 * The library has its own LLVM, which it shows to nobody: other LLVMs may be in the process. It
 * installs no signal handler, changes no setting of the process and prints nothing but what
 * `lh_spec_options::remark` is for. It works on threads of its own, which block all signals but those
 * of faults: one for each specification, which ends with its handle, or with a time limit or crash
 * recovery one for each call. A crash of the compiler, a fatal error of LLVM and memory exhausted
 * while the compiler works end the process. With `lh_spec_options::crash_recovery` they are
 * `LH_INTERNAL`; exhausted memory is, if what is left suffices to return. Memory exhausted in the
 * interface around it is `LH_OUT_OF_MEMORY`.
 *
 *===----------------------------------------------------------------------===*/

#ifndef LIGHTHOUSE_COMPILER_H
#define LIGHTHOUSE_COMPILER_H

#include "lighthouse/runtime/lighthouse.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A specification and its imports, read and parsed. Calls for one take turns; calls for different
 * ones run at the same time. */
typedef struct lh_spec_handle *lh_spec;

/** A compiled pipeline as bytes, for `lh_program_load_memory` and `lh_program_load_file`. */
typedef struct lh_artifact_handle *lh_artifact;

/** The inputs and outputs of a request. */
typedef struct lh_signature_handle *lh_signature;

/** What decides about the choices that kernels leave open, tile sizes for instance. */
typedef enum lh_tuning_policy {
  /** What the environment says (LIGHTHOUSE_TUNING_POLICY), else `LH_TUNING_TABLES`. */
  LH_TUNING_DEFAULT = 0,
  /** The kernels' own defaults. */
  LH_TUNING_NEVER = 1,
  /** The tables of measured settings; the kernels' defaults where these know nothing. */
  LH_TUNING_TABLES = 2,
  /** The same, but what no table has measured on similar shapes is timed when `lh_compile` meets
   * it. */
  LH_TUNING_FIRST_USE = 3
} lh_tuning_policy;

/** How a specification is read and compiled. Zeros are the defaults. */
typedef struct lh_spec_options {
  size_t struct_size;
  /** Measured settings of kernels, which come before those in the library: the path of a table, or
   * "none" for neither; null for the user's table ($LIGHTHOUSE_TUNING, else tuning.json beside the
   * cache). */
  const char *tuning;
  /** Processor seconds that reading and all compilations may take together; 0: no limit. When they
   * are over the call returns `LH_INTERNAL`, the thread goes on until LLVM is done, and the
   * specification refuses all further work. */
  double time_limit;
  /** Not 0: crashes and fatal errors of LLVM are `LH_INTERNAL`, after which the specification
   * refuses all further work, and a failing pass leaves a reproducer in the directory for temporary
   * files. For this LLVM installs signal handlers in the process, which stay, and the compilations
   * with this option take turns. */
  int32_t crash_recovery;
  /** Receives remarks on settings, warnings of the cache and warnings about places in the
   * specification, each one line, on any thread; it must not use the specification. Null: they go to
   * stderr. */
  void (*remark)(const char *text, void *context);
  void *remark_context;
  /** An `lh_tuning_policy`. With `LH_TUNING_FIRST_USE`, `lh_compile` first does what `lh_tune` does
   * for the kernels whose choices no table has measured: not while `lh_request::stream` is being
   * captured, and only if there are inputs to time with. Threads and processes that share a user's
   * table wait for the one that times, and take what it found. What cannot be timed keeps its
   * defaults, with a remark. */
  int32_t tuning_policy;
} lh_spec_options;

/** What is compiled. */
typedef enum lh_kind { LH_PIPELINE = 0, LH_KERNEL = 1 } lh_kind;

/** A parameter, argument or result of a definition, as it is written. Pointers are valid until the
 * specification is released. */
typedef struct lh_declaration {
  const char *name;
  /** Of a parameter its kind, "int", "bool", "float" or "type"; else the type, "T[B, N, H, D]" or, of
   * a scalar argument, "f32". */
  const char *type;
  /** Of a parameter its default, of a result its initial value; null if there is none. */
  const char *value;
} lh_declaration;

/** A pipeline or kernel of a specification. Pointers are valid until the specification is released.
 */
typedef struct lh_definition_info {
  size_t struct_size;
  /** An `lh_kind`. */
  int32_t kind;
  /** Not 0: it comes from a file that the specification imports. */
  int32_t imported;
  const char *name;
  const lh_declaration *parameters;
  size_t num_parameters;
  const lh_declaration *arguments;
  size_t num_arguments;
  const lh_declaration *results;
  size_t num_results;
} lh_definition_info;

/** Counts of a specification. */
typedef struct lh_spec_info {
  size_t struct_size;
  size_t num_definitions;
} lh_spec_info;

/** The value of a parameter, as it is written in a specification: "L", "3"; "T", "bf16". Also
 * that of a scalar argument: "scale", "0.125". */
typedef struct lh_setting {
  const char *name;
  const char *value;
} lh_setting;

/** One instance of a pipeline or kernel. Zeros are the defaults of all but `name` and arguments. */
typedef struct lh_request {
  size_t struct_size;
  /** An `lh_kind`. */
  int32_t kind;
  /** Not 0: forward and backward pass in one. The cotangent of every float result is a further
   * input (`do` for `o`), the gradient of every float argument a further output (`dq` for `q`). */
  int32_t gradient;
  /** Not 0: gradients that are equal, bit by bit, from run to run. On the host they always are. */
  int32_t deterministic;
  /** Code for CUDA: bytes to which tensors and their rows are aligned, 1, 2, 4, 8 or 16; 0: 16. */
  int32_t alignment;
  /** Name of the pipeline or kernel. */
  const char *name;
  /** "host" or null: this processor; "host:x86-64-v2", "-v3" or "-v4"; "cuda" or "cuda:ORDINAL": a
   * device; "sm_90a" and so on: an architecture, only for artifacts and signatures. */
  const char *target;
  const lh_setting *settings;
  size_t num_settings;
  /** Pointers to the name and type of every argument, in any order. What `lh_signature_input`
   * fills in may stand here. The cotangents may be among them and are checked then. */
  const lh_tensor_info *const *arguments;
  size_t num_arguments;
  /** Not 0: kernels that the specification has not compiled yet are taken from the cache on disk,
   * and put there otherwise; the environment names its directory (LIGHTHOUSE_CACHE_DIR and others).
   * A request that differs from an earlier one in extents alone needs others only where these change
   * what code may assume: whether tiles are whole and rows aligned. */
  int32_t use_cache;
  /** CUDA: the stream that the caller is about to use; see `lh_load_options`. */
  void *stream;
  /** Not 0, with `gradient`: the two passes are entry points of their own, NAME_fwd and NAME_bwd,
   * beside NAME without a gradient. The forward pass has the values that the backward pass needs as
   * further outputs; the backward pass takes the cotangents and those values. */
  int32_t separate;
  /** Which entry point `lh_compile` loads and `lh_infer` describes; null or "" if there is only
   * one. */
  const char *entry_point;
  /** What kernels are timed with (`lh_tune`, `LH_TUNING_FIRST_USE`): the program's inputs in its
   * order, where its target says. They are only read, by runs on `stream`. Null: random numbers,
   * which only inputs of floats can be. Timing checks results, so numbers should be like those to
   * come: all of them zero tell right from wrong nowhere. */
  const lh_tensor *const *inputs;
  size_t num_inputs;
} lh_request;

/** How kernels are timed. Zeros are the defaults. */
typedef struct lh_tune_options {
  size_t struct_size;
  /** The only kernel to time; null: all that leave choices open. */
  const char *kernel;
  /** Timed runs of each combination of choices; 0: 10. */
  int32_t repeat;
} lh_tune_options;

/** What timing came to. */
typedef struct lh_tune_info {
  size_t struct_size;
  /** Kernels with open choices, each of its own parameters. */
  size_t num_kernels;
  /** Combinations of choices in all, defaults included. */
  size_t num_candidates;
  /** Those that do not fit, do not compile or give wrong results. */
  size_t num_rejected;
  /** Kernels whose defaults gave way to something faster. */
  size_t num_faster;
  /** Not 0: the user's table has the winners. */
  int32_t saved;
} lh_tune_info;

/** What `lh_plan` plans for. Every number must be given, but where it says 0. */
typedef struct lh_plan_options {
  size_t struct_size;
  /** N, the positions of a sequence, on all cards together; batch, query heads, key/value heads and
   * the head dim of attention. */
  int64_t length, batch, heads, kv_heads, head_dim;
  /** Options of attention. */
  int64_t levels, factor, budget, chunk;
  /** Attention layers of the model, and how many of them attend to all positions. */
  int64_t layers, dense_layers;
  /** Cards that share each sequence. */
  int64_t cards;
  /** Type of q, k and v: LH_BF16, LH_F16 or LH_F32. */
  int32_t dtype;
  /** Not 0: each card has two pieces of the sequence, one from each end, instead of one. */
  int32_t head_tail;
  /** Not 0: gradients that are equal, bit by bit, from run to run. */
  int32_t deterministic;
  /** Not 0: the length below which dense attention would be faster is not searched for, which takes
   * most of the time. */
  int32_t skip_crossover;
  /** Kind of GPU, "h200" or "h100"; null: "h200". */
  const char *card;
  /** Ceilings in place of those of the card, 0: those. Bytes per second that a copy reads and writes,
   * flops per second of a 16-bit matrix product, bytes of memory, bytes per second that a card sends
   * to others. */
  double copy_rate, matrix_rate, memory_bytes, link_rate;
} lh_plan_options;

/** A plan as text: JSON with all numbers, whose members docs/cli.md lists, and a table for people. Both
 * end in a null byte. */
typedef struct lh_plan_info {
  size_t struct_size;
  const char *json;
  size_t json_size;
  const char *table;
  size_t table_size;
} lh_plan_info;

/** Counts of a signature. */
typedef struct lh_signature_info {
  size_t struct_size;
  size_t num_inputs;
  size_t num_outputs;
} lh_signature_info;

/** The version of the compiler and of the LLVM inside, for people. Never null. */
LH_API const char *lh_compiler_version(void);

/** Reads a specification from a file and what it imports, from beside it or from the bundled
 * library. `options` may be null. `LH_NOT_FOUND` if there is no such file, `LH_SYSTEM_ERROR` if
 * there can be no thread for the work. */
LH_API lh_status lh_spec_open(const char *path, const lh_spec_options *options, lh_spec *spec);

/** Takes the text of a specification, `size` bytes, which may be freed afterwards. `name` stands
 * for it in messages; its folder is where imports are looked for first. */
LH_API lh_status lh_spec_parse(const char *name, const char *text, size_t size,
                               const lh_spec_options *options, lh_spec *spec);

/** Takes a specification of the bundled library by its name, "lighthouse.lh". `LH_NOT_FOUND` if
 * there is none; the message lists them. */
LH_API lh_status lh_spec_bundled(const char *name, const lh_spec_options *options, lh_spec *spec);

/** Fills `*info`. The caller sets `info->struct_size` first. */
LH_API lh_status lh_spec_query(lh_spec spec, lh_spec_info *info);

/** Describes pipeline or kernel number `index`: those of imported files first, in the order of the
 * files. The caller sets `info->struct_size` first. `LH_INVALID_ARGUMENT` if there is no such one. */
LH_API lh_status lh_spec_definition(lh_spec spec, size_t index, lh_definition_info *info);

/** Releases the handle. Calls that other threads have begun go on. */
LH_API lh_status lh_spec_release(lh_spec spec);

/** Compiles a request, or takes it from the cache, and loads it where its target says. Statuses
 * also those of `lh_program_load_memory_with`. */
LH_API lh_status lh_compile(lh_spec spec, const lh_request *request, lh_program *program);

/** Times the choices of all kernels of a request on the device that its target names, and remembers
 * the fastest: in the specification, unless its policy is `LH_TUNING_NEVER`, and in the user's
 * table, if it has one (`lh_spec_options::tuning`). Compiles every combination, runs the program several times with
 * each, on outputs and a workspace of its own, and refuses those whose results are not those of the
 * defaults but for rounding. This takes from seconds to minutes. A line for each kernel goes to
 * `lh_spec_options::remark`. It all happens in this process: a kernel that faults takes the CUDA
 * context with it. `lhc tune` gives each combination a process of its own. `options` and `info` may
 * be null; the caller sets `info->struct_size`. `LH_INVALID_ARGUMENT` also if `stream` is being
 * captured, if an input needs data, or if no kernel is left by `options->kernel`; other statuses
 * are those of compiling and running the program with its defaults. */
LH_API lh_status lh_tune(lh_spec spec, const lh_request *request, const lh_tune_options *options,
                         lh_tune_info *info);

/** Stores the specification's table of measured settings, without the bundled ones, as JSON that
 * ends in a null byte: what one process measured, for others to take. Valid until the next call for
 * the specification that stores it, and until it is released. */
LH_API lh_status lh_spec_tuning(lh_spec spec, const char **json, size_t *size);

/** Adds measured settings in JSON, as `lh_spec_tuning` gave or a table holds them, in place of
 * those for the same uses. They are not saved. `LH_CORRUPT` if they are no table. */
LH_API lh_status lh_spec_add_tuning(lh_spec spec, const char *json, size_t size);

/** Compiles a request, or takes it from the cache, for use elsewhere or later. */
LH_API lh_status lh_compile_artifact(lh_spec spec, const lh_request *request,
                                     lh_artifact *artifact);

/** Stores the address and number of the bytes, which are valid until the artifact is released. */
LH_API lh_status lh_artifact_bytes(lh_artifact artifact, const void **bytes, size_t *size);

/** Writes the bytes to a file, through a temporary file beside it: readers see the old file or the
 * new one. `LH_SYSTEM_ERROR` if that fails. */
LH_API lh_status lh_artifact_save(lh_artifact artifact, const char *path);

LH_API lh_status lh_artifact_release(lh_artifact artifact);

/** Says what attention of a model costs before anything runs: the length of the sub-sequence, the
 * least time of each stage at the ceilings of a card, bytes kept and at most alive by checkpointing
 * policy, bytes that cards exchange, and the length below which dense attention would be faster. `spec`
 * is `lh_spec_bundled("operators.lh")`, or a specification that has its pipelines; no kernel is
 * compiled and no GPU needed. The caller sets `info->struct_size`; the texts are valid until the next
 * call for the specification, and until it is released. `LH_INVALID_ARGUMENT` for options that
 * attention would refuse, too; the message says what is allowed. */
LH_API lh_status lh_plan(lh_spec spec, const lh_plan_options *options, lh_plan_info *info);

/** Finds the names and types of a request's inputs and outputs without compiling kernels; they are
 * those of its program. */
LH_API lh_status lh_infer(lh_spec spec, const lh_request *request, lh_signature *signature);

/** Fills `*info`. The caller sets `info->struct_size` first. */
LH_API lh_status lh_signature_query(lh_signature signature, lh_signature_info *info);

/** Describes input number `index`; name and shape are valid until the signature is released. The
 * caller sets `info->struct_size` first. `LH_INVALID_ARGUMENT` if there is no such input. */
LH_API lh_status lh_signature_input(lh_signature signature, size_t index, lh_tensor_info *info);

/** The same for output number `index`. */
LH_API lh_status lh_signature_output(lh_signature signature, size_t index, lh_tensor_info *info);

LH_API lh_status lh_signature_release(lh_signature signature);

#ifdef __cplusplus
}
#endif

#endif /* LIGHTHOUSE_COMPILER_H */
