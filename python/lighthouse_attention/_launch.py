"""Programs on torch tensors: the current stream, torch's allocator, and a cache of programs."""
import threading

import torch

from ._programs import PYTHON_DTYPES, Data
from .errors import NotPreparedError

TORCH_DTYPES = tuple(getattr(torch, name) for name in PYTHON_DTYPES)
DTYPE_CODES = {dtype: code for code, dtype in enumerate(TORCH_DTYPES)}

# Of addresses and of strides but the last, in bytes: what code for GPUs assumes.
_ALIGNMENT = 16


def target_of(device):
    """The compiler's name of a device."""
    if device.type == "cpu":
        return "host"
    if device.type == "cuda":
        return f"cuda:{device.index or 0}"
    raise ValueError(f"lighthouse runs on cpu and cuda tensors, got one on '{device}'")


def is_capturing(device):
    """Whether torch's current stream records a CUDA graph."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def current_stream(device):
    """The address of torch's current stream; None on the host."""
    if device.type == "cpu":
        return None
    return torch._C._cuda_getCurrentRawStream(device.index)


def aligned(tensor):
    """The tensor, or a copy where its elements do not lie as kernels read them: the last dim contiguous
    and, on a GPU, addresses and other strides multiples of 16 bytes."""
    on_gpu = not tensor.is_cpu
    if not (on_gpu and tensor.data_ptr() % _ALIGNMENT):
        if tensor.is_contiguous():
            return tensor
        size, strides, shape = tensor.element_size(), tensor.stride(), tensor.shape
        if strides[-1] == 1 and not (on_gpu and any(step * size % _ALIGNMENT and extent != 1
                                                    for step, extent in zip(strides[:-1], shape))):
            return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


def data_of(tensors):
    """What programs are timed with."""
    return [Data(DTYPE_CODES[tensor.dtype], tuple(tensor.shape), tensor.stride(), tensor.data_ptr())
            for tensor in tensors]


def launch(program, device, strides, addresses):
    """Enqueues a program on the current stream, with workspace; on the host it runs to its end."""
    size = program.workspace_bytes
    if size:
        workspace = torch.empty(size, dtype=torch.uint8, device=device)
        program.launch(strides, addresses, workspace.data_ptr(), current_stream(device))
    else:
        program.launch(strides, addresses, None, current_stream(device))


def run(program, device, tensors):
    """Runs a program on tensors, its inputs and then its outputs."""
    launch(program, device, tuple([tensor.stride() for tensor in tensors]),
           [tensor.data_ptr() for tensor in tensors])


def empty_outputs(program, device):
    """Memory for the results of a program."""
    return [torch.empty(o.shape, dtype=TORCH_DTYPES[o.dtype], device=device)
            for o in program.outputs]


class ProgramCache:
    """Programs by what they are compiled for."""

    def __init__(self):
        self._lock = threading.Lock()
        self._programs = {}

    def get(self, key, device, make):
        """The program of `key`; `make()` compiles and loads it at the first call."""
        program = self._programs.get(key)
        if program is not None:
            return program
        if is_capturing(device):
            raise NotPreparedError(
                "a kernel would have to be compiled or loaded while a CUDA graph is being captured; "
                "run the same shapes once before, or call lighthouse_attention.prepare")
        with self._lock:
            program = self._programs.get(key)
            if program is None:
                program = self._programs[key] = make()
            return program

    def clear(self):
        """Forgets them all; they are never unloaded."""
        with self._lock:
            self._programs.clear()

    def __len__(self):
        return len(self._programs)
