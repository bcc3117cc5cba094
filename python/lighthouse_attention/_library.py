"""The shared libraries of Lighthouse by ctypes: structures, functions, errors. No torch.

`liblighthouse_compiler.so` compiles and runs; `liblighthouse.so` runs what was compiled ahead. Their C
interfaces are documented in compiler.h and lighthouse.h.
"""
import ctypes
import os
import threading

from .errors import CompileError, LighthouseError, LibraryNotFoundError

COMPILER, RUNTIME = "liblighthouse_compiler.so", "liblighthouse.so"

API_VERSION = 1005

HOST, CUDA = 0, 1
PIPELINE, KERNEL = 0, 1

INVALID_ARGUMENT = 1


class LoadOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("device", ctypes.c_int32),
                ("use_cache", ctypes.c_int32), ("stream", ctypes.c_void_p),
                ("entry_point", ctypes.c_char_p)]


class ProgramInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("num_inputs", ctypes.c_size_t), ("num_outputs", ctypes.c_size_t),
                ("workspace_bytes", ctypes.c_size_t), ("workspace_alignment", ctypes.c_size_t),
                ("target", ctypes.c_int32), ("device", ctypes.c_int32), ("arch", ctypes.c_char_p),
                ("num_parameters", ctypes.c_size_t)]


class TensorInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64))]


class Tensor(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("data", ctypes.c_void_p),
                ("dtype", ctypes.c_int32), ("device", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64))]


class RunArgs(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t),
                ("inputs", ctypes.POINTER(ctypes.POINTER(Tensor))),
                ("num_inputs", ctypes.c_size_t),
                ("outputs", ctypes.POINTER(ctypes.POINTER(Tensor))),
                ("num_outputs", ctypes.c_size_t), ("workspace", ctypes.c_void_p),
                ("workspace_bytes", ctypes.c_size_t), ("stream", ctypes.c_void_p),
                ("parameters", ctypes.POINTER(ctypes.c_uint64)),
                ("num_parameters", ctypes.c_size_t)]


class SpecOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("tuning", ctypes.c_char_p),
                ("time_limit", ctypes.c_double), ("crash_recovery", ctypes.c_int32),
                ("remark", ctypes.c_void_p), ("remark_context", ctypes.c_void_p),
                ("tuning_policy", ctypes.c_int32)]


class Setting(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class Request(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("kind", ctypes.c_int32),
                ("gradient", ctypes.c_int32), ("deterministic", ctypes.c_int32),
                ("alignment", ctypes.c_int32), ("name", ctypes.c_char_p),
                ("target", ctypes.c_char_p), ("settings", ctypes.POINTER(Setting)),
                ("num_settings", ctypes.c_size_t),
                ("arguments", ctypes.POINTER(ctypes.POINTER(TensorInfo))),
                ("num_arguments", ctypes.c_size_t), ("use_cache", ctypes.c_int32),
                ("stream", ctypes.c_void_p), ("separate", ctypes.c_int32),
                ("entry_point", ctypes.c_char_p),
                ("inputs", ctypes.POINTER(ctypes.POINTER(Tensor))),
                ("num_inputs", ctypes.c_size_t)]


class TuneInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("num_kernels", ctypes.c_size_t),
                ("num_candidates", ctypes.c_size_t), ("num_rejected", ctypes.c_size_t),
                ("num_faster", ctypes.c_size_t), ("saved", ctypes.c_int32)]


class Declaration(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class SpecInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("num_definitions", ctypes.c_size_t)]


class DefinitionInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("kind", ctypes.c_int32),
                ("imported", ctypes.c_int32), ("name", ctypes.c_char_p),
                ("parameters", ctypes.POINTER(Declaration)), ("num_parameters", ctypes.c_size_t),
                ("arguments", ctypes.POINTER(Declaration)), ("num_arguments", ctypes.c_size_t),
                ("results", ctypes.POINTER(Declaration)), ("num_results", ctypes.c_size_t)]


class SignatureInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("num_inputs", ctypes.c_size_t),
                ("num_outputs", ctypes.c_size_t)]


class PlanOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t),
                *[(name, ctypes.c_int64) for name in (
                    "length", "batch", "heads", "kv_heads", "head_dim", "levels", "factor", "budget",
                    "chunk", "layers", "dense_layers", "cards")],
                ("dtype", ctypes.c_int32), ("head_tail", ctypes.c_int32),
                ("deterministic", ctypes.c_int32), ("skip_crossover", ctypes.c_int32),
                ("card", ctypes.c_char_p),
                *[(name, ctypes.c_double) for name in (
                    "copy_rate", "matrix_rate", "memory_bytes", "link_rate")]]


class PlanInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("json", ctypes.c_char_p),
                ("json_size", ctypes.c_size_t), ("table", ctypes.c_char_p),
                ("table_size", ctypes.c_size_t)]


_HANDLE = ctypes.c_void_p
_OUT = ctypes.POINTER(ctypes.c_void_p)

_RUNTIME_FUNCTIONS = {
    "lh_program_load_file_with": [ctypes.c_char_p, ctypes.POINTER(LoadOptions), _OUT],
    "lh_program_query": [_HANDLE, ctypes.POINTER(ProgramInfo)],
    "lh_program_input": [_HANDLE, ctypes.c_size_t, ctypes.POINTER(TensorInfo)],
    "lh_program_output": [_HANDLE, ctypes.c_size_t, ctypes.POINTER(TensorInfo)],
    "lh_program_run": [_HANDLE, ctypes.c_void_p],
    "lh_program_release": [_HANDLE],
}

_COMPILER_FUNCTIONS = {
    "lh_spec_open": [ctypes.c_char_p, ctypes.c_void_p, _OUT],
    "lh_spec_bundled": [ctypes.c_char_p, ctypes.c_void_p, _OUT],
    "lh_spec_query": [_HANDLE, ctypes.POINTER(SpecInfo)],
    "lh_spec_definition": [_HANDLE, ctypes.c_size_t, ctypes.POINTER(DefinitionInfo)],
    "lh_spec_release": [_HANDLE],
    "lh_tune": [_HANDLE, ctypes.POINTER(Request), ctypes.c_void_p, ctypes.POINTER(TuneInfo)],
    "lh_spec_tuning": [_HANDLE, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_size_t)],
    "lh_spec_add_tuning": [_HANDLE, ctypes.c_char_p, ctypes.c_size_t],
    "lh_compile": [_HANDLE, ctypes.POINTER(Request), _OUT],
    "lh_compile_artifact": [_HANDLE, ctypes.POINTER(Request), _OUT],
    "lh_artifact_save": [_HANDLE, ctypes.c_char_p],
    "lh_artifact_release": [_HANDLE],
    "lh_infer": [_HANDLE, ctypes.POINTER(Request), _OUT],
    "lh_plan": [_HANDLE, ctypes.POINTER(PlanOptions), ctypes.POINTER(PlanInfo)],
    "lh_signature_query": [_HANDLE, ctypes.POINTER(SignatureInfo)],
    "lh_signature_input": [_HANDLE, ctypes.c_size_t, ctypes.POINTER(TensorInfo)],
    "lh_signature_output": [_HANDLE, ctypes.c_size_t, ctypes.POINTER(TensorInfo)],
    "lh_signature_release": [_HANDLE],
}


def sized(structure):
    """A structure of zeros with its size set."""
    return structure(struct_size=ctypes.sizeof(structure))


class Library:
    """A loaded library. `lib` are its functions; `call` turns a status into an exception."""

    def __init__(self, path):
        self.path = path
        self.lib = ctypes.CDLL(path)
        self.lib.lh_api_version.restype = ctypes.c_uint32
        found = self.lib.lh_api_version()
        if found // 1000 != API_VERSION // 1000 or found < API_VERSION:
            raise LibraryNotFoundError(
                f"{path} has version {found} of the C interface; this package needs {API_VERSION}")
        self.lib.lh_last_error.restype = ctypes.c_char_p
        self.can_compile = hasattr(self.lib, "lh_compile")
        functions = dict(_RUNTIME_FUNCTIONS)
        if self.can_compile:
            functions.update(_COMPILER_FUNCTIONS)
        for name, arguments in functions.items():
            getattr(self.lib, name).argtypes = arguments

    def call(self, name, *arguments):
        """Calls a function that returns a status."""
        status = getattr(self.lib, name)(*arguments)
        if status:
            self.fail(status)

    def fail(self, status):
        """Raises what the last call on this thread reported."""
        message = self.lib.lh_last_error().decode(errors="replace")
        # Only the compiler says where in a specification; `LHINVALID_ARGUMENT` is the request's fault.
        kind = (CompileError if status == INVALID_ARGUMENT and
                message.startswith(("lh_compile", "lh_spec", "lh_infer", "lh_tune")) else LighthouseError)
        raise kind(message.split(": ", 1)[-1] if kind is CompileError else message, status)


def _folders():
    """Where the libraries are looked for: the folder that the environment names, else the packages."""
    named = os.environ.get("LIGHTHOUSE_LIBRARY_DIR")
    if named:
        return [named]
    folders = []
    try:
        import lighthouse_attention_compiler
        folders.append(lighthouse_attention_compiler.library_dir())
    except ImportError:
        pass
    folders.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
    return folders


_lock = threading.Lock()
_loaded = None


def library():
    """The library of this process: the one that compiles, if there is one. Loaded at the first call."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _find()
    return _loaded


def _find():
    folders = _folders()
    for name in (COMPILER, RUNTIME):
        for folder in folders:
            path = os.path.join(folder, name)
            if os.path.exists(path):
                return Library(path)
    raise LibraryNotFoundError(
        f"neither {COMPILER} nor {RUNTIME} is in {' or '.join(folders)}. Install the package "
        "lighthouse-attention-compiler, or set LIGHTHOUSE_LIBRARY_DIR to the lib folder of a build")
