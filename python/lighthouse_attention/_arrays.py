"""Programs on numpy arrays, on the host. No torch."""
import numpy as np

from . import _programs

_CODES = {name: code for code, name in enumerate(_programs.PYTHON_DTYPES)}


def dtype_code(dtype):
    """The `lh_dtype` of a numpy dtype; bfloat16 is that of the package ml_dtypes."""
    code = _CODES.get(np.dtype(dtype).name)
    if code is None:
        raise TypeError(f"element type {np.dtype(dtype).name} is none of {', '.join(_CODES)}")
    return code


def spell_type(value):
    """The language's name of an element type of torch or numpy."""
    name = value.__name__ if isinstance(value, type) else str(value).split(".")[-1]
    if name not in _CODES:
        raise TypeError(f"expected an int, a bool, a number or an element type, got {value!r}")
    return _programs.DTYPES[_CODES[name]]


def _numpy_dtype(code):
    if _programs.DTYPES[code] != "bf16":
        return np.dtype(_programs.PYTHON_DTYPES[code])
    import ml_dtypes
    return np.dtype(ml_dtypes.bfloat16)


_cache = {}


def _in_elements(arrays):
    """The arrays, copies of those whose strides are no whole elements."""
    return [a if all(s % a.itemsize == 0 for s in a.strides) else np.ascontiguousarray(a)
            for a in arrays]


def _strides(array):
    return tuple(step // array.itemsize for step in array.strides)


def _data_of(arrays):
    """What programs are timed with."""
    return [_programs.Data(dtype_code(a.dtype), a.shape, _strides(a), a.ctypes.data) for a in arrays]


def tune(function, arrays, settings):
    """Times a kernel or pipeline on arrays; programs that there are make way for the fastest."""
    arrays = _in_elements(arrays)
    info = function.tune([(dtype_code(a.dtype), a.shape) for a in arrays], settings, "host", None,
                         _data_of(arrays))
    _cache.clear()
    return info


def call(function, arrays, settings):
    """Runs a kernel or pipeline on arrays; a list of its results."""
    for name, array in zip(function.tensor_names, arrays):
        if not isinstance(array, np.ndarray):
            raise TypeError(f"argument '{name}' of {function.__name__} must be a numpy array or, like "
                            f"all others, a torch tensor, got {type(array).__name__}")
    arrays = _in_elements(arrays)
    key = (function, settings, *[(a.dtype.str, a.dtype.name, a.shape) for a in arrays])
    program = _cache.get(key)
    if program is None:
        types = function.types([(dtype_code(a.dtype), a.shape) for a in arrays])
        program = _cache[key] = function.compile(types, settings, "host", inputs=_data_of(arrays))
    outputs = [np.empty(o.shape, _numpy_dtype(o.dtype)) for o in program.outputs]
    workspace = np.empty(program.workspace_bytes + 64, np.uint8)
    start = -workspace.ctypes.data % 64
    everything = (*arrays, *outputs)
    program.launch(tuple([_strides(a) for a in everything]),
                   [a.ctypes.data for a in everything], workspace.ctypes.data + start)
    return outputs
