"""Compiled artifacts on torch tensors: the C interface of the runtime (lighthouse.h) by ctypes.

Nothing is copied: a program gets the addresses of the tensors and torch's current stream.
"""
import ctypes

import torch

_DTYPES = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 2, torch.float64: 3, torch.int8: 4,
           torch.int32: 5, torch.int64: 6, torch.bool: 7}
_TORCH_DTYPES = {number: dtype for dtype, number in _DTYPES.items()}
_CUDA = 1


class _LoadOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("device", ctypes.c_int32),
                ("use_cache", ctypes.c_int32), ("stream", ctypes.c_void_p),
                ("entry_point", ctypes.c_char_p)]


class _ProgramInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("num_inputs", ctypes.c_size_t), ("num_outputs", ctypes.c_size_t),
                ("workspace_bytes", ctypes.c_size_t), ("workspace_alignment", ctypes.c_size_t),
                ("target", ctypes.c_int32), ("device", ctypes.c_int32), ("arch", ctypes.c_char_p),
                ("num_parameters", ctypes.c_size_t)]


class _TensorInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64))]


class _Tensor(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("data", ctypes.c_void_p),
                ("dtype", ctypes.c_int32), ("device", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64))]


class _RunArgs(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t),
                ("inputs", ctypes.POINTER(ctypes.POINTER(_Tensor))),
                ("num_inputs", ctypes.c_size_t),
                ("outputs", ctypes.POINTER(ctypes.POINTER(_Tensor))),
                ("num_outputs", ctypes.c_size_t), ("workspace", ctypes.c_void_p),
                ("workspace_bytes", ctypes.c_size_t), ("stream", ctypes.c_void_p),
                ("parameters", ctypes.POINTER(ctypes.c_uint64)),
                ("num_parameters", ctypes.c_size_t)]


class LighthouseError(RuntimeError):
    """What the runtime reports."""


class Library:
    """liblighthouse.so (CMake target lighthouse_shared)."""

    def __init__(self, path):
        self._lib = ctypes.CDLL(path)
        self._lib.lh_last_error.restype = ctypes.c_char_p
        for name, arguments in {
                "lh_program_load_file_with": [ctypes.c_char_p, ctypes.POINTER(_LoadOptions),
                                              ctypes.POINTER(ctypes.c_void_p)],
                "lh_program_query": [ctypes.c_void_p, ctypes.POINTER(_ProgramInfo)],
                "lh_program_input": [ctypes.c_void_p, ctypes.c_size_t,
                                     ctypes.POINTER(_TensorInfo)],
                "lh_program_output": [ctypes.c_void_p, ctypes.c_size_t,
                                      ctypes.POINTER(_TensorInfo)],
                "lh_program_parameter": [ctypes.c_void_p, ctypes.c_size_t,
                                         ctypes.POINTER(_TensorInfo)],
                "lh_program_run": [ctypes.c_void_p, ctypes.POINTER(_RunArgs)],
                "lh_program_release": [ctypes.c_void_p]}.items():
            getattr(self._lib, name).argtypes = arguments

    def call(self, name, *arguments):
        status = getattr(self._lib, name)(*arguments)
        if status:
            raise LighthouseError(self._lib.lh_last_error().decode())


class Program:
    """An entry point of an artifact for CUDA, loaded to the device of its tensors."""

    def __init__(self, library, path, device=0, entry_point=None):
        self._library = library
        self._handle = ctypes.c_void_p()
        options = _LoadOptions(ctypes.sizeof(_LoadOptions), device, 1,
                               torch.cuda.current_stream(device).cuda_stream,
                               entry_point and entry_point.encode())
        library.call("lh_program_load_file_with", path.encode(), ctypes.byref(options),
                     ctypes.byref(self._handle))
        info = _ProgramInfo(struct_size=ctypes.sizeof(_ProgramInfo))
        library.call("lh_program_query", self._handle, ctypes.byref(info))
        if info.target != _CUDA:
            raise LighthouseError(f"{path} is compiled for the host")
        self.device = torch.device("cuda", device)
        self.workspace_bytes = info.workspace_bytes
        self.inputs = [self._describe("lh_program_input", i) for i in range(info.num_inputs)]
        self.outputs = [self._describe("lh_program_output", i) for i in range(info.num_outputs)]
        self.parameters = [self._describe("lh_program_parameter", i)
                           for i in range(info.num_parameters)]

    def _describe(self, function, index):
        """Name, dtype and shape."""
        info = _TensorInfo(struct_size=ctypes.sizeof(_TensorInfo))
        self._library.call(function, self._handle, index, ctypes.byref(info))
        return info.name.decode(), _TORCH_DTYPES[info.dtype], tuple(info.shape[:info.rank])

    def bind(self, *inputs, parameters=()):
        """A function without arguments that runs on `inputs`, with numbers for the parameters, and
        returns the outputs, which are the same tensors each time. It neither allocates nor
        waits."""
        outputs = [torch.empty(shape, dtype=dtype, device=self.device)
                   for _, dtype, shape in self.outputs]
        workspace = torch.empty(self.workspace_bytes, dtype=torch.uint8, device=self.device)
        keep = [self._view(tensor) for tensor in (*inputs, *outputs)]
        pointers = [ctypes.pointer(view) for view, *_ in keep]
        words = [self._bits(value, dtype)
                 for value, (_, dtype, _) in zip(parameters, self.parameters, strict=True)]
        args = _RunArgs(struct_size=ctypes.sizeof(_RunArgs),
                        inputs=(ctypes.POINTER(_Tensor) * len(inputs))(*pointers[:len(inputs)]),
                        num_inputs=len(inputs),
                        outputs=(ctypes.POINTER(_Tensor) * len(outputs))(*pointers[len(inputs):]),
                        num_outputs=len(outputs), workspace=workspace.data_ptr() or None,
                        workspace_bytes=self.workspace_bytes,
                        parameters=(ctypes.c_uint64 * len(words))(*words),
                        num_parameters=len(words))

        def run(_keep=(keep, pointers, inputs, workspace)):
            args.stream = torch.cuda.current_stream(self.device).cuda_stream
            self._library.call("lh_program_run", self._handle, ctypes.byref(args))
            return outputs

        return run

    @staticmethod
    def _bits(value, dtype):
        """The bits of a number, zero-extended."""
        scalar = torch.tensor([value], dtype=dtype)
        return int.from_bytes(scalar.view(torch.uint8).tolist(), "little")

    @staticmethod
    def _view(tensor):
        """The structure, and what it points to."""
        dims = ctypes.c_int64 * max(1, tensor.dim())
        shape, strides = dims(*tensor.shape), dims(*tensor.stride())
        view = _Tensor(ctypes.sizeof(_Tensor), tensor.data_ptr(), _DTYPES[tensor.dtype], _CUDA,
                       tensor.dim(), shape, strides)
        return view, shape, strides

    def close(self):
        """Releases the program; its launches must be done."""
        if self._handle:
            self._library.call("lh_program_release", self._handle)
            self._handle = ctypes.c_void_p()
