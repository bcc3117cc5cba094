"""Both passes of attention as one autograd node each, without PyTorch's dispatcher between the stages.

What the operators of `ops` compute, bit by bit, in a fraction of the processor time. It runs in eager mode
where nobody looks at single operators: no graph is traced, and no dispatch mode is active, as selective
checkpointing, counters and tracers are.
"""
import torch

from . import _launch, ops
from ._programs import Data

# What the backward pass needs lies in one buffer, each part at a multiple of so many bytes.
_ALIGNMENT = 16


def applies(tensors):
    """Whether these tensors may take this path."""
    return not (torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() or
                any(type(x) is not torch.Tensor and type(x) is not torch.nn.Parameter
                    for x in tensors))


def attention(tensors, heads, config, cover_prefix, scale, deterministic, rotary=None):
    """The output for (q, k, v), or for one tensor that has `heads` of each, all [B, N, heads, D]. `rotary`
    is a `Rotary` where pooled rows are to be rotated."""
    options = (*config, cover_prefix, scale, rotary and rotary.interleaved)
    tables = () if rotary is None else (rotary.cos, rotary.sin)
    if torch.is_grad_enabled() and torch._C._any_requires_grad(*tensors):
        return _Attention.apply(heads, options, deterministic, tables, *tensors)
    return _forward("_op", tensors, heads, options, tables)[0]


def _pipeline(suffix, interleaved):
    """The name of a pipeline; `interleaved` is None where nothing is rotated."""
    return ("attention" if interleaved is None else "attention_rope") + suffix


def _forward(suffix, tensors, heads, options, tables):
    """The output, its pass, and the buffer with what the backward pass needs, if it keeps any."""
    if heads is not None:
        tensors = tensors[0].split(heads, 2)
    q, k, v = [_launch.aligned(x) for x in tensors]
    device = q.device
    tables = tuple([_launch.aligned(x) for x in tables])
    forward = passes.get((suffix, device, q.dtype, q.shape, k.shape, options), device,
                         lambda: _Forward(suffix, (q, k, v, *tables), options))
    o = torch.empty(q.shape, dtype=q.dtype, device=device)
    kept, addresses = None, []
    if forward.kept_bytes:
        kept = torch.empty(forward.kept_bytes, dtype=torch.uint8, device=device)
        addresses = forward.addresses(kept)
    given = (q, k, v, *tables, o)
    _launch.launch(forward.program, device, (*[x.stride() for x in given], *forward.contiguous),
                   [*[x.data_ptr() for x in given], *addresses])
    return o, forward, kept


class _Forward:
    """A forward pass for tensors of given types."""

    def __init__(self, suffix, tensors, options):
        *config, cover_prefix, scale, self.interleaved = options
        self.config = (ops.selection_settings(*config) if self.interleaved is None else
                       ops.rope_settings(*config, self.interleaved))
        self.scale = ("scale", scale)
        pipeline = _pipeline(suffix, self.interleaved)
        self.program = ops.compile_pipeline(
            pipeline, ops.types_of(pipeline, tensors),
            (*self.config, ops.flag("COVER", cover_prefix), self.scale), tensors[0].device,
            _launch.data_of(tensors))
        self.parts = self.program.outputs[1:]
        self.contiguous = (None,) * len(self.parts)
        self.offsets, self.kept_bytes = [], 0
        for part in self.parts:
            self.offsets.append(self.kept_bytes)
            self.kept_bytes += -(-part.bytes // _ALIGNMENT) * _ALIGNMENT

    def addresses(self, kept):
        """Where the parts lie."""
        base = kept.data_ptr()
        return [base + offset for offset in self.offsets]

    def compile_backward(self, given, kept, deterministic):
        """The backward pass that belongs to it, for what it kept; `given` are dO and the rotary tables."""
        pipeline = _pipeline("_backward_op", self.interleaved)
        do = given[0]
        settings = (*self.config, ops.flag("DETERMINISTIC", deterministic or do.is_cpu), self.scale)
        types = [*ops.types_of(pipeline, given), *self.parts]
        data = [Data(part.dtype, part.shape, None, address)
                for part, address in zip(self.parts, self.addresses(kept))]
        return ops.compile_pipeline(pipeline, types, settings, do.device,
                                    [*_launch.data_of(given), *data])


# By pipeline, device, types and options.
passes = _launch.ProgramCache()


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, heads, options, deterministic, tables, *tensors):
        o, ctx.pass_, kept = _forward("_forward_op", tensors, heads, options, tables)
        ctx.save_for_backward(kept, *tables)
        ctx.heads, ctx.deterministic = heads, deterministic
        return o

    @staticmethod
    def backward(ctx, do):
        if torch.is_grad_enabled():
            # Something that requires a gradient makes sure that a second derivative finds its node.
            results = _NoSecondDerivative.apply(ctx, do, torch.empty(0, requires_grad=True))
        else:
            results = _backward(ctx, do)
        return (None, None, None, None, *results)


class _NoSecondDerivative(torch.autograd.Function):
    @staticmethod
    def forward(ctx, outer, do, _):
        return _backward(outer, do)

    @staticmethod
    def backward(ctx, *gradients):
        raise NotImplementedError(ops.SECOND_DERIVATIVE_MESSAGE)


def _backward(ctx, do):
    """The gradients of q, k and v, or of the one tensor that has all three."""
    kept, *tables = ctx.saved_tensors
    forward = ctx.pass_
    given = [_launch.aligned(x) for x in (do, *tables)]
    do, device = given[0], do.device
    program = passes.get((id(forward), ctx.deterministic), device,
                         lambda: forward.compile_backward(given, kept, ctx.deterministic))
    if ctx.heads is None:
        results = _launch.empty_outputs(program, device)
        gradients = results
    else:
        batch, length, _, dim = do.shape
        packed = torch.empty((batch, length, sum(ctx.heads), dim), dtype=do.dtype, device=device)
        results, gradients = (packed,), packed.split(ctx.heads, 2)
    _launch.launch(program, device,
                   (*[x.stride() for x in given], *forward.contiguous, *[x.stride() for x in gradients]),
                   [*[x.data_ptr() for x in given], *forward.addresses(kept),
                    *[x.data_ptr() for x in gradients]])
    return tuple(results)
