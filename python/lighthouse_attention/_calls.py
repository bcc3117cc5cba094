"""Kernels and pipelines of a user's own specification as one operator of PyTorch.

`torch.ops.lighthouse.call(inputs, request, gradient)`: `request` says which file, which definition and
with which settings, so that a compiled graph can be kept on disk. With `gradient` the values that the
backward pass needs follow the results.
"""
import ast
import functools
from typing import NamedTuple, Optional, Tuple

import torch

from . import _launch, kernels, ops
from .errors import CompileError


def call(function, tensors, settings):
    """Runs a kernel or pipeline on tensors; a list of its results."""
    for name, tensor in zip(function.tensor_names, tensors):
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"argument '{name}' of {function.__name__} must be a torch tensor, like the "
                            f"first, got {type(tensor).__name__}")
        if tensor.device != tensors[0].device:
            raise ValueError(f"argument '{name}' of {function.__name__} is on {tensor.device}, the first "
                             f"on {tensors[0].device}")
    gradient = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    # On one line, as code generators print it; the path of the file is last, as it may have any letters.
    fields = [function.__name__, str(torch.are_deterministic_algorithms_enabled()), str(len(settings)),
              *[f"{name}={value}" for name, value in settings], function.module.key]
    results = torch.ops.lighthouse.call(tensors, "|".join(fields), gradient)
    return results[:len(function.definition.results)]


class _Request(NamedTuple):
    """What the operator's `request` says."""
    function: kernels.Function
    deterministic: bool
    settings: Tuple[Tuple[str, str], ...]


@functools.lru_cache(maxsize=None)
def _parse(request):
    name, deterministic, count, rest = request.split("|", 3)
    *settings, key = rest.split("|", int(count))
    return _Request(getattr(kernels.find(key), name), deterministic == "True",
                    tuple(tuple(setting.split("=", 1)) for setting in settings))


def _types_of(tensors):
    """`lh_dtype` and shape of each. Extents of a dynamic graph become constants: a program has them."""
    return tuple((_launch.DTYPE_CODES[t.dtype], tuple(int(extent) for extent in t.shape))
                 for t in tensors)


class _Passes(NamedTuple):
    """The two passes of a pipeline on arguments of given types."""
    outputs: tuple    # types of the results, and of the values that the backward pass needs
    sources: tuple    # for each input of the backward pass: "cotangent", "input" or "output", and which
    gradients: tuple  # for each result of the backward pass: the input that it is the gradient of
    refusal: Optional[str]  # why there is no backward pass


@functools.lru_cache(maxsize=None)
def _passes(request, types, device):
    function, _, settings = _parse(request)
    target = _launch.target_of(device)
    arguments = function.types(types)
    try:
        if function.is_kernel:
            raise CompileError(f"kernel '{function.__name__}' has no gradient; declare a stage that it "
                               "implements, give that one an adjoint, and call a pipeline")
        infer = functools.partial(function.infer, arguments, settings, target, gradient=True)
        _, outputs = infer(entry_point=function.__name__ + "_fwd")
        inputs, gradients = infer(entry_point=function.__name__ + "_bwd")
    except CompileError as error:
        _, outputs = function.infer(arguments, settings, target)
        return _Passes(outputs, (), (), str(error))
    names = [output.name for output in outputs]
    sources = []
    for value in inputs:
        if value.name in names:
            sources.append(("output", names.index(value.name)))
        elif value.name in function.tensor_names:
            sources.append(("input", function.tensor_names.index(value.name)))
        else:
            sources.append(("cotangent", names.index(value.name[1:])))
    return _Passes(outputs, tuple(sources),
                   tuple(function.tensor_names.index(g.name[1:]) for g in gradients), None)


programs = _launch.ProgramCache()


def _run(inputs, request, types, suffix):
    """Runs the entry point NAME + suffix; `types` are those of the function's arguments."""
    device = inputs[0].device
    inputs = [_launch.aligned(tensor) for tensor in inputs]

    def compile_it():
        function, deterministic, settings = _parse(request)
        name = function.__name__ + suffix if suffix else ""
        return function.compile(function.types(types), settings, _launch.target_of(device),
                                gradient=bool(suffix), deterministic=deterministic and bool(suffix),
                                entry_point=name, stream=_launch.current_stream(device),
                                inputs=_launch.data_of(inputs))

    program = programs.get((request, types, suffix, device), device, compile_it)
    outputs = _launch.empty_outputs(program, device)
    _launch.run(program, device, (*inputs, *outputs))
    return outputs


def tune(function, tensors, settings):
    """Times a kernel or pipeline on tensors; programs that there are make way for the fastest."""
    inputs, device = [_launch.aligned(tensor) for tensor in tensors], tensors[0].device
    info = function.tune(_types_of(inputs), settings, _launch.target_of(device),
                         _launch.current_stream(device), _launch.data_of(inputs))
    programs.clear()
    return info


def _new(types, like):
    return [like.new_empty(t.shape, dtype=_launch.TORCH_DTYPES[t.dtype]) for t in types]


@ops.operator("call", "(Tensor[] inputs, str request, bool gradient) -> Tensor[]")
def _(inputs, request, gradient):
    types = _types_of(inputs)
    differentiates = gradient and not _passes(request, types, inputs[0].device).refusal
    return _run(inputs, request, types, "_fwd" if differentiates else "")


@ops.fake("call")
def _(inputs, request, gradient):
    types, device = _types_of(inputs), inputs[0].device
    if gradient:
        return _new(_passes(request, types, device).outputs, inputs[0])
    function, _, settings = _parse(request)
    return _new(function.infer(function.types(types), settings, _launch.target_of(device))[1],
                inputs[0])


@ops.operator("call_backward", "(Tensor[] inputs, str request, str types) -> Tensor[]")
def _(inputs, request, types):
    return _run(inputs, request, ast.literal_eval(types), "_bwd")


@ops.fake("call_backward")
def _(inputs, request, types):
    types = ast.literal_eval(types)
    arguments = _parse(request).function.types(types)
    gradients = _passes(request, types, inputs[0].device).gradients
    return _new([arguments[index] for index in gradients], inputs[0])


def _setup(ctx, inputs, output):
    tensors, ctx.request, _ = inputs
    types, ctx.device = _types_of(tensors), tensors[0].device
    ctx.passes, ctx.types = _passes(ctx.request, types, ctx.device), repr(types)
    results = len(_parse(ctx.request).function.definition.results)
    ctx.mark_non_differentiable(*output[results:])
    ctx.set_materialize_grads(False)
    homes = {"input": tensors, "output": output}
    ctx.save_for_backward(*[homes[home][index] for home, index in ctx.passes.sources
                            if home != "cotangent"])
    ctx.count = len(tensors)


def _backward(ctx, cotangents):
    if ctx.passes.refusal:
        raise NotImplementedError(ctx.passes.refusal)
    saved, inputs = iter(ctx.saved_tensors), []
    for home, index in ctx.passes.sources:
        if home != "cotangent":
            inputs.append(next(saved))
        elif cotangents[index] is not None:
            inputs.append(cotangents[index])
        else:
            output = ctx.passes.outputs[index]
            inputs.append(torch.zeros(output.shape, dtype=_launch.TORCH_DTYPES[output.dtype],
                                      device=ctx.device))
    gradients = [None] * ctx.count
    results = torch.ops.lighthouse.call_backward(inputs, ctx.request, ctx.types)
    for index, gradient in zip(ctx.passes.gradients, results):
        gradients[index] = gradient
    return gradients, None, None


torch.library.register_autograd("lighthouse::call", _backward, setup_context=_setup,
                                lib=ops.library)
ops.no_second_derivative("call_backward")
