"""Kernels and pipelines of `.lh` files on torch tensors and numpy arrays.

    softmax = lighthouse.kernels.load("softmax.lh").row_softmax
    y = softmax(x, BLOCK=256)           # parameters by name

Each is compiled on its first use for the shapes and types of its arguments, then found in a cache. Torch
tensors run on their device, on torch's current stream, and under `torch.compile` and CUDA graphs (after
one call for the same shapes); numpy arrays run on the host. Gradients flow where the pipeline
differentiates; where it does not, the backward pass raises what the compiler says. What does not compile
raises `CompileError` with the located message.
"""
import hashlib
import os
import sys

from . import _arrays, _library, _programs


def load(path):
    """The specification in a file: each of its kernels and pipelines is an attribute."""
    path = os.path.abspath(os.fspath(path))
    spec = _programs.Spec(path=path)
    with open(path, "rb") as file:
        # A compiled graph names the file and what it said, so that it finds it in another process.
        key = f"{path}#{hashlib.sha256(file.read()).hexdigest()[:16]}"
    module = _modules[key] = Module(spec, key)
    return module


def bundled(name):
    """The same of a specification of the bundled library, "dense.lh"."""
    if name not in _modules:
        _modules[name] = Module(_programs.bundled(name), name)
    return _modules[name]


_modules = {}


def find(key):
    """The module of a key, loaded if it is not yet."""
    module = _modules.get(key)
    if module is not None:
        return module
    path, _, digest = key.partition("#")
    module = load(path) if digest else bundled(key)
    if module.key != key:
        raise _library.LighthouseError(f"{path} has changed since the graph was compiled that uses it")
    return module


class Module:
    """The kernels and pipelines of a specification."""

    def __init__(self, spec, key):
        self.key = key
        self._functions = {d.name: Function(self, spec, d) for d in spec.definitions()}

    def __getattr__(self, name):
        if not name.startswith("_") and name in self._functions:
            return self._functions[name]
        raise AttributeError(f"{self!r} has no kernel or pipeline {name!r}")

    def __dir__(self):
        return [name for name, f in self._functions.items() if not f.definition.imported]

    def __repr__(self):
        return f"<lighthouse module {self.key.partition('#')[0]}: {', '.join(dir(self))}>"


class Function:
    """A kernel or pipeline. Tensors and scalars are its arguments, parameters keywords; it returns its
    result, or a tuple of them.

    Parameters that are left out follow from the arguments, or have their default. Scalars are constants
    of what is compiled, as extents are: another value costs a new plan, about a millisecond, but no
    kernel is compiled again.
    """

    def __init__(self, module, spec, definition):
        self.module, self.spec, self.definition = module, spec, definition
        self.tensor_names = tuple(a.name for a in definition.arguments if a.is_tensor)
        self.is_kernel = definition.kind == _library.KERNEL
        self.__name__ = definition.name
        self.__doc__ = _signature(definition)

    def __repr__(self):
        return f"<lighthouse {'kernel' if self.is_kernel else 'pipeline'} {self.__doc__}>"

    def __call__(self, *args, **keywords):
        tensors, settings = self.bind(args, keywords)
        torch = sys.modules.get("torch")
        if torch is not None and tensors and isinstance(tensors[0], torch.Tensor):
            from . import _calls
            results = _calls.call(self, tensors, settings)
        else:
            results = _arrays.call(self, tensors, settings)
        return results[0] if len(results) == 1 else tuple(results)

    def bind(self, args, keywords):
        """Tensors in order; scalars and parameters as (name, text)."""
        declared = self.definition.arguments
        if len(args) > len(declared):
            raise TypeError(f"{self.__doc__}: expected {len(declared)} arguments, got {len(args)}")
        given = {a.name: x for a, x in zip(declared, args)}
        known = [a.name for a in declared] + [p.name for p in self.definition.parameters]
        for name, value in keywords.items():
            if name not in known or name in given:
                raise TypeError(f"{self.__doc__}: {name!r} is given twice" if name in given else
                                f"{self.__doc__}: there is no argument or parameter {name!r}")
            given[name] = value
        for a in declared:
            if a.name not in given:
                raise TypeError(f"{self.__doc__}: argument {a.name!r} is missing")
        tensors = [given.pop(name) for name in self.tensor_names]
        return tensors, tuple((name, _spell(given[name])) for name in known if name in given)

    def types(self, types):
        """The types of the tensor arguments from `lh_dtype` and shape of each."""
        return [_programs.TensorType(name, dtype, shape)
                for name, (dtype, shape) in zip(self.tensor_names, types)]

    def compile(self, types, settings, target, **options):
        """The program for arguments of these types."""
        return self.spec.compile(self.__name__, types, settings, target,
                                 kind=self.definition.kind, **options)

    def tune(self, types, settings, target, stream, inputs):
        """Times the choices of its kernels on `inputs`, `Data` of `lh_dtype` and shape `types`."""
        return self.spec.tune(self.__name__, self.types(types), settings, target,
                              self.definition.kind, stream, inputs)

    def infer(self, types, settings, target, **options):
        """The types of the program's inputs and outputs."""
        return self.spec.infer(self.__name__, types, settings, target, kind=self.definition.kind,
                               **options)


def _signature(definition):
    def listed(declarations):
        return ", ".join(f"{d.name}: {d.type}" + (f" = {d.value}" if d.value else "")
                         for d in declarations)

    parameters = f"<{listed(definition.parameters)}>" if definition.parameters else ""
    return (f"{definition.name}{parameters}({listed(definition.arguments)})"
            f" -> ({listed(definition.results)})")


def _spell(value):
    """A value as a specification writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, str)):
        return str(value)
    return _arrays.spell_type(value)
