"""Specifications and programs: what the C interface has handles for. No torch."""
import ctypes
import math
import os
import tempfile
import threading
from typing import NamedTuple, Optional, Tuple

from . import _library, tuning
from .errors import NotPreparedError

# `lh_dtype` in its order: as the language writes it, as torch and numpy do, and its bytes.
DTYPES = ("f32", "f16", "bf16", "f64", "i8", "i32", "i64", "bool")
PYTHON_DTYPES = ("float32", "float16", "bfloat16", "float64", "int8", "int32", "int64", "bool")
_BYTES = (4, 2, 2, 8, 1, 4, 8, 1)


class TensorType(NamedTuple):
    """Name, `lh_dtype` and shape of an argument or result."""
    name: str
    dtype: int
    shape: Tuple[int, ...]

    @property
    def bytes(self):
        """Of a contiguous tensor."""
        return math.prod(self.shape) * _BYTES[self.dtype]


class Data(NamedTuple):
    """A tensor in memory."""
    dtype: int
    shape: Tuple[int, ...]
    strides: Optional[Tuple[int, ...]]  # in elements; None if it is contiguous
    address: int


class Declaration(NamedTuple):
    """A parameter, argument or result, as a specification writes it."""
    name: str
    type: str
    value: str  # a parameter's default; None if there is none

    @property
    def is_tensor(self):
        return self.type.endswith("]")


class Definition(NamedTuple):
    """A pipeline or kernel of a specification."""
    name: str
    kind: int
    imported: bool
    parameters: Tuple[Declaration, ...]
    arguments: Tuple[Declaration, ...]
    results: Tuple[Declaration, ...]


def _describe(library, function, handle, count):
    types = []
    for index in range(count):
        info = _library.sized(_library.TensorInfo)
        library.call(function, handle, index, ctypes.byref(info))
        types.append(TensorType(info.name.decode(), info.dtype, tuple(info.shape[:info.rank])))
    return tuple(types)


class _Request:
    """An `lh_request` and the memory that it points to."""

    def __init__(self, name, arguments, settings, target, kind, gradient=False,
                 deterministic=False, entry_point="", stream=None, inputs=()):
        texts = [(key.encode(), str(value).encode()) for key, value in settings]
        self._settings = (_library.Setting * max(1, len(texts)))(*texts)
        self._shapes = [(ctypes.c_int64 * max(1, len(a.shape)))(*a.shape) for a in arguments]
        self._infos = [_library.TensorInfo(ctypes.sizeof(_library.TensorInfo), a.name.encode(),
                                           a.dtype, len(a.shape), shape)
                       for a, shape in zip(arguments, self._shapes)]
        self._pointers = (ctypes.POINTER(_library.TensorInfo) * max(1, len(arguments)))(
            *[ctypes.pointer(info) for info in self._infos])
        self.fields = _library.Request(
            struct_size=ctypes.sizeof(_library.Request), kind=kind, gradient=gradient,
            deterministic=deterministic, name=name.encode(), target=target.encode(),
            settings=self._settings, num_settings=len(texts), arguments=self._pointers,
            num_arguments=len(arguments), use_cache=1, stream=stream, separate=gradient,
            entry_point=entry_point.encode())
        if inputs:
            place = _library.HOST if target.startswith("host") else _library.CUDA
            self._tensors = [_tensor(x.dtype, place, x.shape, x.strides) for x in inputs]
            for tensor, x in zip(self._tensors, inputs):
                tensor.data = x.address
            self.fields.inputs = _pointers(self._tensors)
            self.fields.num_inputs = len(inputs)


def _tensor(dtype, place, shape, strides):
    """A structure without an address; what it points to lives as long as it does."""
    dims = ctypes.c_int64 * max(1, len(shape))
    return _library.Tensor(ctypes.sizeof(_library.Tensor), None, dtype, place, len(shape),
                           dims(*shape), None if strides is None else dims(*strides))


def _pointers(tensors):
    return (ctypes.POINTER(_library.Tensor) * max(1, len(tensors)))(
        *[ctypes.pointer(tensor) for tensor in tensors])


class Spec:
    """A specification, read and parsed."""

    def __init__(self, path=None, bundled=None):
        self._library = _library.library()
        if not self._library.can_compile:
            raise NotPreparedError(
                f"{self._library.path} runs programs but does not compile. Install the package "
                "lighthouse-attention-compiler")
        self._handle = ctypes.c_void_p()
        # Texts of a plan are valid until the next one.
        self._planning = threading.Lock()
        function, name = ("lh_spec_open", path) if path else ("lh_spec_bundled", bundled)
        options = _library.sized(_library.SpecOptions)
        options.tuning_policy = tuning.policy_code()
        self._library.call(function, str(name).encode(), ctypes.byref(options),
                           ctypes.byref(self._handle))
        tuning.opened(self)

    def __del__(self):
        if getattr(self, "_handle", None):
            self._library.lib.lh_spec_release(self._handle)

    def definitions(self):
        """The pipelines and kernels, those of imported files first."""
        info = _library.sized(_library.SpecInfo)
        self._library.call("lh_spec_query", self._handle, ctypes.byref(info))
        return [self._definition(index) for index in range(info.num_definitions)]

    def _definition(self, index):
        info = _library.sized(_library.DefinitionInfo)
        self._library.call("lh_spec_definition", self._handle, index, ctypes.byref(info))

        def read(declarations, count):
            return tuple(Declaration(d.name.decode(), d.type.decode(),
                                     None if d.value is None else d.value.decode())
                         for d in declarations[:count])

        return Definition(info.name.decode(), info.kind, bool(info.imported),
                          read(info.parameters, info.num_parameters),
                          read(info.arguments, info.num_arguments),
                          read(info.results, info.num_results))

    def compile(self, name, arguments, settings=(), target="host", *, kind=_library.PIPELINE,
                gradient=False, deterministic=False, entry_point="", stream=None, inputs=()):
        """The program of a pipeline or kernel on arguments of these types. With `gradient` the two
        passes are the entry points NAME_fwd and NAME_bwd. `inputs` are `Data` that its kernels are timed
        with, where the policy says so."""
        request = _Request(name, arguments, settings, target, kind, gradient, deterministic,
                           entry_point, stream, inputs)
        handle = ctypes.c_void_p()
        self._library.call("lh_compile", self._handle, ctypes.byref(request.fields),
                           ctypes.byref(handle))
        return Program(self._library, handle, arguments if not entry_point else None)

    def compile_for(self, target, name, arguments, settings=(), *, kind=_library.PIPELINE):
        """The program in code for `target`, loaded where that runs: "sm_80" on the first device, which
        may be a later one, "host:x86-64-v2" on this processor."""
        request = _Request(name, arguments, settings, target, kind)
        artifact, handle = ctypes.c_void_p(), ctypes.c_void_p()
        call = self._library.call
        call("lh_compile_artifact", self._handle, ctypes.byref(request.fields), ctypes.byref(artifact))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program.lha").encode()
            try:
                call("lh_artifact_save", artifact, path)
            finally:
                call("lh_artifact_release", artifact)
            options = _library.sized(_library.LoadOptions)
            options.use_cache = 1
            call("lh_program_load_file_with", path, ctypes.byref(options), ctypes.byref(handle))
        return Program(self._library, handle, arguments)

    def infer(self, name, arguments, settings=(), target="host", *, kind=_library.PIPELINE,
              gradient=False, deterministic=False, entry_point=""):
        """The types of inputs and outputs, without compiling kernels."""
        request = _Request(name, arguments, settings, target, kind, gradient, deterministic,
                           entry_point)
        handle = ctypes.c_void_p()
        call = self._library.call
        call("lh_infer", self._handle, ctypes.byref(request.fields), ctypes.byref(handle))
        try:
            info = _library.sized(_library.SignatureInfo)
            call("lh_signature_query", handle, ctypes.byref(info))
            return (_describe(self._library, "lh_signature_input", handle, info.num_inputs),
                    _describe(self._library, "lh_signature_output", handle, info.num_outputs))
        finally:
            call("lh_signature_release", handle)


    def tune(self, name, arguments, settings, target, kind, stream, inputs):
        """Times the choices of the kernels of a program on `inputs`; a `TuneInfo`."""
        request = _Request(name, arguments, settings, target, kind, stream=stream, inputs=inputs)
        info = _library.sized(_library.TuneInfo)
        self._library.call("lh_tune", self._handle, ctypes.byref(request.fields), None,
                           ctypes.byref(info))
        return info

    def tuning(self):
        """Its table of measured settings, as JSON."""
        text, size = ctypes.c_char_p(), ctypes.c_size_t()
        self._library.call("lh_spec_tuning", self._handle, ctypes.byref(text), ctypes.byref(size))
        return text.value.decode()

    def plan(self, options):
        """What attention costs with `PlanOptions`: JSON, and a table."""
        info = _library.sized(_library.PlanInfo)
        with self._planning:
            self._library.call("lh_plan", self._handle, ctypes.byref(options), ctypes.byref(info))
            return info.json.decode(), info.table.decode()

    def add_tuning(self, text):
        """Adds measured settings, a table as JSON."""
        data = text.encode()
        self._library.call("lh_spec_add_tuning", self._handle, data, len(data))


class _Frame:
    """The structures of one run. They are filled in once but for the addresses."""

    def __init__(self, program, strides):
        types = program.inputs + program.outputs
        self.tensors = [_tensor(t.dtype, program.target, t.shape, steps)
                        for t, steps in zip(types, strides)]
        count = len(program.inputs)
        self.args = _library.RunArgs(
            struct_size=ctypes.sizeof(_library.RunArgs),
            inputs=_pointers(self.tensors[:count]), num_inputs=count,
            outputs=_pointers(self.tensors[count:]), num_outputs=len(self.tensors) - count,
            workspace_bytes=program.workspace_bytes)
        self.address = ctypes.addressof(self.args)


class Program:
    """A loaded program. It is never unloaded, as its launches on a GPU may still be under way."""

    def __init__(self, library, handle, inputs=None):
        """`inputs` are the types of the inputs, if they are known."""
        self._library = library
        self._handle = handle.value
        self._run = library.lib.lh_program_run
        info = _library.sized(_library.ProgramInfo)
        library.call("lh_program_query", handle, ctypes.byref(info))
        self.workspace_bytes = info.workspace_bytes
        self.target = info.target
        self.inputs = tuple(inputs) if inputs is not None else _describe(
            library, "lh_program_input", handle, info.num_inputs)
        self.outputs = _describe(library, "lh_program_output", handle, info.num_outputs)
        # Frames that no thread uses, by strides.
        self._frames = {}

    def launch(self, strides, addresses, workspace=None, stream=None):
        """Runs the program. `strides` is a tuple with those of each input and output, in elements,
        None where it is contiguous; `addresses` are where they lie."""
        free = self._frames.get(strides)
        if free is None:
            free = self._frames.setdefault(strides, [])
        # Taking from and adding to a list is atomic, so each thread has a frame of its own.
        try:
            frame = free.pop()
        except IndexError:
            frame = _Frame(self, strides)
        for tensor, address in zip(frame.tensors, addresses):
            tensor.data = address
        args = frame.args
        args.workspace = workspace
        args.stream = stream
        status = self._run(self._handle, frame.address)
        free.append(frame)
        if status:
            self._library.fail(status)


_lock = threading.Lock()
_bundled = {}


def bundled(name):
    """A specification of the bundled library, opened once in a process."""
    spec = _bundled.get(name)
    if spec is None:
        with _lock:
            spec = _bundled.get(name)
            if spec is None:
                spec = _bundled[name] = Spec(bundled=name)
    return spec
