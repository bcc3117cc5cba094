"""The stages of Lighthouse Attention as operators of PyTorch, `torch.ops.lighthouse.*`.

One operator for each stage and its adjoint, so that checkpoint policies, context parallelism and
scorers of one's own cut between them. Each runs the pipeline of its name in kernels/operators.lh. q is
[B, N, H, D], k and v are [B, N, G, D]; rows of the sub-sequence are [B, heads, S, D].

What is kept for the backward pass are q~, k~, v~, o~, lse and the entries; nothing of q, k and v: their
gradient flows through `gather` alone, which saves the entries, or through `gather_rope`, which saves the
rotary tables beside them, tensors of the caller. `pool` and `select` have no gradient; pass them detached
tensors.
"""
import torch
from torch.utils.flop_counter import register_flop_formula

from . import _launch, _programs
from .shapes import coarsest_length, gathered_length, num_scores

library = torch.library.Library("lighthouse", "DEF")
_ops = torch.ops.lighthouse

# The settings of a selection in schemas of operators.
CONFIG_SCHEMA = "int levels, int factor, int budget, int chunk"

programs = _launch.ProgramCache()

_names = {}


def types_of(pipeline, tensors):
    """The types of the first tensor arguments of a pipeline of operators.lh."""
    if not _names:
        _names.update({d.name: [a.name for a in d.arguments if a.is_tensor]
                       for d in _programs.bundled("operators.lh").definitions()})
    return [_programs.TensorType(name, _launch.DTYPE_CODES[tensor.dtype], tuple(tensor.shape))
            for name, tensor in zip(_names[pipeline], tensors)]


def compile_pipeline(pipeline, types, settings, device, inputs):
    """The program of a pipeline of operators.lh for arguments of these types; `inputs` are `Data` of them."""
    return _programs.bundled("operators.lh").compile(
        pipeline, types, settings, _launch.target_of(device), stream=_launch.current_stream(device),
        inputs=inputs)


def run(pipeline, inputs, settings, outputs=None):
    """The results of a pipeline, in `outputs` where they have a place of their own."""
    inputs = [_launch.aligned(tensor) for tensor in inputs]
    device = inputs[0].device
    key = (pipeline, device, settings, *[(tensor.dtype, tensor.shape) for tensor in inputs])
    program = programs.get(key, device, lambda: compile_pipeline(
        pipeline, types_of(pipeline, inputs), settings, device, _launch.data_of(inputs)))
    if outputs is None:
        outputs = _launch.empty_outputs(program, device)
    _launch.run(program, device, (*inputs, *outputs))
    return outputs


TRANSFORMS_MESSAGE = ("lighthouse.attention supports reverse-mode autograd only; for vmap fold the "
                      "mapped dimension into B")
SECOND_DERIVATIVE_MESSAGE = "lighthouse has no second derivatives"


def _no_vmap(info, in_dims, *args):
    raise NotImplementedError(TRANSFORMS_MESSAGE)


def operator(name, schema):
    """Registers a function as the operator `name` on the host and on GPUs."""
    def register(function):
        library.define(name + schema)
        for key in ("CPU", "CUDA"):
            library.impl(name, function, key)
        torch.library.register_vmap(f"lighthouse::{name}", _no_vmap, lib=library)
        return function
    return register


def fake(name):
    """Registers a function as what `name` does to shapes."""
    return lambda function: torch.library.register_fake(f"lighthouse::{name}", function,
                                                        lib=library)


def autograd(name, backward, setup_context):
    """Registers the gradient of an operator on tensors. `torch.library.register_autograd` does the same,
    and takes ten times as long at each call."""
    op = getattr(_ops, name).default

    class Formula(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *args):
            with torch._C._AutoDispatchBelowAutograd():
                output = op(*args)
            setup_context(ctx, args, output)
            return output

    Formula.backward = staticmethod(backward)
    Formula.__name__ = Formula.__qualname__ = f"lighthouse_{name}"

    def run(*args):
        if torch.is_grad_enabled() and torch._C._any_requires_grad(*args):
            return Formula.apply(*args)
        with torch._C._AutoDispatchBelowAutograd():
            return op(*args)

    library.impl(name, run, "Autograd")


def no_second_derivative(name):
    """Makes the gradient of `name` an error. Without a formula torch would warn, and return wrong second
    derivatives."""
    def refuse(ctx, *gradients):
        raise NotImplementedError(SECOND_DERIVATIVE_MESSAGE)
    torch.library.register_autograd(f"lighthouse::{name}", refuse, lib=library)


def pyramid_settings(levels, factor):
    """The settings of pipelines that know the pyramid."""
    return (("L", levels), ("P", factor))


def selection_settings(levels, factor, budget, chunk):
    """The settings of pipelines that know the selection."""
    return (*pyramid_settings(levels, factor), ("K", budget), ("M", chunk))


def flag(name, value):
    """A bool as a setting."""
    return (name, "true" if value else "false")


def rope_settings(levels, factor, budget, chunk, interleaved):
    """The settings of pipelines that know the selection and which columns are pairs."""
    return (*selection_settings(levels, factor, budget, chunk), flag("INTERLEAVED", interleaved))


def _length(length, levels, factor, budget, chunk):
    return gathered_length(length, levels=levels, factor=factor, budget=budget, chunk=chunk)


# ---- pool and select ----

@operator("pool", "(Tensor q, Tensor k, Tensor v, int levels, int factor) -> (Tensor, Tensor, Tensor)")
def pool(q, k, v, levels, factor):
    return tuple(run("pool_op", (q, k, v), pyramid_settings(levels, factor)))


@fake("pool")
def _(q, k, v, levels, factor):
    n = coarsest_length(q.shape[1], levels, factor)
    return tuple(x.new_empty((x.shape[0], x.shape[2], n, x.shape[3])) for x in (q, k, v))


@operator("pool_score", "(Tensor q, Tensor k, Tensor v, int levels, int factor)"
           " -> (Tensor, Tensor, Tensor, Tensor, Tensor)")
def pool_score(q, k, v, levels, factor):
    return tuple(run("pool_score_op", (q, k, v), pyramid_settings(levels, factor)))


@fake("pool_score")
def _(q, k, v, levels, factor):
    n = coarsest_length(q.shape[1], levels, factor)
    scores = (k.shape[0], k.shape[2], num_scores(k.shape[1], levels, factor))
    return (*(x.new_empty((x.shape[0], x.shape[2], n, x.shape[3])) for x in (q, k, v)),
            *(k.new_empty(scores, dtype=torch.float32) for _ in range(2)))


@operator("select", f"(Tensor sq, Tensor sk, SymInt length, {CONFIG_SCHEMA}, bool cover_prefix) -> Tensor")
def select(sq, sk, length, levels, factor, budget, chunk, cover_prefix):
    settings = (("N", length), *selection_settings(levels, factor, budget, chunk),
                flag("COVER", cover_prefix))
    return run("select_op", (sq, sk), settings)[0]


@fake("select")
def _(sq, sk, length, levels, factor, budget, chunk, cover_prefix):
    return sq.new_empty((*sq.shape[:2], _length(length, levels, factor, budget, chunk)),
                        dtype=torch.int32)


# ---- gather ----

_GATHERED = f"Tensor qc, Tensor kc, Tensor vc, Tensor indices, {CONFIG_SCHEMA}) -> (Tensor, Tensor, Tensor)"


@operator("gather", f"(Tensor q, Tensor k, Tensor v, {_GATHERED}")
def gather(q, k, v, qc, kc, vc, indices, levels, factor, budget, chunk):
    return tuple(run("gather_op", (q, k, v, qc, kc, vc, indices),
                     selection_settings(levels, factor, budget, chunk)))


def gathered_like(pooled, indices):
    """Memory for the rows of the sub-sequence, from those of the coarsest level."""
    return tuple(x.new_empty((x.shape[0], x.shape[1], indices.shape[2], x.shape[3])) for x in pooled)


@fake("gather")
def _(q, k, v, qc, kc, vc, indices, levels, factor, budget, chunk):
    return gathered_like((qc, kc, vc), indices)


@operator("gather_packed", f"(Tensor qkv, int heads, int kv_heads, {_GATHERED}")
def gather_packed(qkv, heads, kv_heads, qc, kc, vc, indices, levels, factor, budget, chunk):
    return gather(*qkv.split([heads, kv_heads, kv_heads], 2), qc, kc, vc, indices, levels, factor,
                  budget, chunk)


@fake("gather_packed")
def _(qkv, heads, kv_heads, qc, kc, vc, indices, levels, factor, budget, chunk):
    return gathered_like((qc, kc, vc), indices)


# With rotary positions: cos and sin are float32 [N, D/2], and constants.
_ROPE = (f"Tensor qc, Tensor kc, Tensor vc, Tensor indices, Tensor cos, Tensor sin, {CONFIG_SCHEMA},"
         " bool interleaved) -> (Tensor, Tensor, Tensor)")


@operator("gather_rope", f"(Tensor q, Tensor k, Tensor v, {_ROPE}")
def gather_rope(q, k, v, qc, kc, vc, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    return tuple(run("gather_rope_op", (q, k, v, qc, kc, vc, indices, cos, sin),
                     rope_settings(levels, factor, budget, chunk, interleaved)))


@fake("gather_rope")
def _(q, k, v, qc, kc, vc, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    return gathered_like((qc, kc, vc), indices)


@operator("gather_rope_packed", f"(Tensor qkv, int heads, int kv_heads, {_ROPE}")
def gather_rope_packed(qkv, heads, kv_heads, qc, kc, vc, indices, cos, sin, levels, factor, budget,
                       chunk, interleaved):
    return gather_rope(*qkv.split([heads, kv_heads, kv_heads], 2), qc, kc, vc, indices, cos, sin,
                       levels, factor, budget, chunk, interleaved)


@fake("gather_rope_packed")
def _(qkv, heads, kv_heads, qc, kc, vc, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    return gathered_like((qc, kc, vc), indices)


_COTANGENTS = f"(Tensor dq, Tensor dk, Tensor dv, Tensor indices, SymInt length, {CONFIG_SCHEMA})"


@operator("gather_backward", f"{_COTANGENTS} -> (Tensor, Tensor, Tensor)")
def gather_backward(dq, dk, dv, indices, length, levels, factor, budget, chunk):
    return tuple(run("gather_backward_op", (dq, dk, dv, indices),
                      (("N", length), *selection_settings(levels, factor, budget, chunk))))


def at_positions(gathered, length):
    """Memory for rows at positions, from those of the sub-sequence."""
    return tuple(x.new_empty((x.shape[0], length, x.shape[1], x.shape[3])) for x in gathered)


@fake("gather_backward")
def _(dq, dk, dv, indices, length, levels, factor, budget, chunk):
    return at_positions((dq, dk, dv), length)


def new_packed(dq, dk, length):
    """Memory for the gradient of one tensor that has q, k and v, from those of q~ and k~."""
    return dq.new_empty((dq.shape[0], length, dq.shape[1] + 2 * dk.shape[1], dq.shape[3]))


def parts_of(packed, dq, dk):
    """The gradients of q, k and v in it."""
    return packed.split([dq.shape[1], dk.shape[1], dk.shape[1]], 2)


@operator("gather_packed_backward", f"{_COTANGENTS} -> Tensor")
def gather_packed_backward(dq, dk, dv, indices, length, levels, factor, budget, chunk):
    packed = new_packed(dq, dk, length)
    run("gather_backward_op", (dq, dk, dv, indices),
        (("N", length), *selection_settings(levels, factor, budget, chunk)), parts_of(packed, dq, dk))
    return packed


@fake("gather_packed_backward")
def _(dq, dk, dv, indices, length, levels, factor, budget, chunk):
    return new_packed(dq, dk, length)


_ROPE_COTANGENTS = (f"(Tensor dq, Tensor dk, Tensor dv, Tensor indices, Tensor cos, Tensor sin, {CONFIG_SCHEMA},"
                    " bool interleaved)")


@operator("gather_rope_backward", f"{_ROPE_COTANGENTS} -> (Tensor, Tensor, Tensor)")
def gather_rope_backward(dq, dk, dv, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    return tuple(run("gather_rope_backward_op", (dq, dk, dv, indices, cos, sin),
                     rope_settings(levels, factor, budget, chunk, interleaved)))


@fake("gather_rope_backward")
def _(dq, dk, dv, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    return at_positions((dq, dk, dv), cos.shape[0])


@operator("gather_rope_packed_backward", f"{_ROPE_COTANGENTS} -> Tensor")
def gather_rope_packed_backward(dq, dk, dv, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    packed = new_packed(dq, dk, cos.shape[0])
    run("gather_rope_backward_op", (dq, dk, dv, indices, cos, sin),
         rope_settings(levels, factor, budget, chunk, interleaved), parts_of(packed, dq, dk))
    return packed


@fake("gather_rope_packed_backward")
def _(dq, dk, dv, indices, cos, sin, levels, factor, budget, chunk, interleaved):
    return new_packed(dq, dk, cos.shape[0])


# ---- attend ----

def new_rows(x, shape, rows_first):
    """Memory for rows [B, heads, S, D] of x's type, which lie as [B, S, heads, D] if `rows_first`."""
    batch, heads, length, dim = shape
    if rows_first:
        return x.new_empty((batch, length, heads, dim)).transpose(1, 2)
    return x.new_empty(shape)


def _rows(x, rows_first):
    return new_rows(x, x.shape, rows_first)


def new_lse(q):
    """Memory for logarithms of sums of weights, of rows like those of q."""
    return q.new_empty(q.shape[:3], dtype=torch.float32)


# `reversed_heads` is for the gradient: how many of the last heads it sums in its second order, -1 as the kernel has it.
_ATTEND_OPTIONS = "float scale, bool causal, bool rows_first, bool deterministic, SymInt reversed_heads=-1"


@operator("attend", f"(Tensor q, Tensor k, Tensor v, {_ATTEND_OPTIONS}) -> (Tensor, Tensor)")
def attend(q, k, v, scale, causal, rows_first, deterministic, reversed_heads=-1):
    o, lse = _rows(q, rows_first), new_lse(q)
    run("attend_op", (q, k, v), (flag("CAUSAL", causal), ("scale", scale)), (o, lse))
    return o, lse


@fake("attend")
def _(q, k, v, scale, causal, rows_first, deterministic, reversed_heads=-1):
    return _rows(q, rows_first), new_lse(q)


@operator("attend_backward", "(Tensor do, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse,"
          f" {_ATTEND_OPTIONS}) -> (Tensor, Tensor, Tensor)")
def attend_backward(do, q, k, v, o, lse, scale, causal, rows_first, deterministic, reversed_heads=-1):
    gradients = tuple(_rows(x, rows_first) for x in (q, k, v))
    # The host has sums in a fixed order alone.
    run("attend_backward_op", (do, q, k, v, o, lse),
         (flag("CAUSAL", causal), flag("DETERMINISTIC", deterministic or q.device.type == "cpu"),
          ("REVERSED", reversed_heads), ("scale", scale)), gradients)
    return gradients


@fake("attend_backward")
def _(do, q, k, v, o, lse, scale, causal, rows_first, deterministic, reversed_heads=-1):
    return tuple(_rows(x, rows_first) for x in (q, k, v))


def attention_flops(q_shape, causal, products):
    """Of so many products of [S, S] with rows for q [B, H, S, D]."""
    batch, heads, length, dim = q_shape
    return products * 2 * batch * heads * length * length * dim // (2 if causal else 1)


@register_flop_formula(_ops.attend)
def _(q, k, v, scale, causal, *_, out_shape=None, **__):
    return attention_flops(q, causal, 2)


@register_flop_formula(_ops.attend_backward)
def _(do, q, k, v, o, lse, scale, causal, *_, out_shape=None, **__):
    return attention_flops(q, causal, 5)


# ---- scatter ----

@operator("scatter", f"(Tensor os, Tensor indices, SymInt length, {CONFIG_SCHEMA}) -> Tensor")
def scatter(os, indices, length, levels, factor, budget, chunk):
    return run("scatter_op", (os, indices),
                (("N", length), *selection_settings(levels, factor, budget, chunk)))[0]


@fake("scatter")
def _(os, indices, length, levels, factor, budget, chunk):
    return os.new_empty((os.shape[0], length, os.shape[1], os.shape[3]))


@operator("scatter_backward", f"(Tensor do, Tensor indices, {CONFIG_SCHEMA}) -> Tensor")
def scatter_backward(do, indices, levels, factor, budget, chunk):
    return run("scatter_backward_op", (do, indices), selection_settings(levels, factor, budget, chunk))[0]


@fake("scatter_backward")
def _(do, indices, levels, factor, budget, chunk):
    return do.new_empty((do.shape[0], do.shape[2], indices.shape[2], do.shape[3]))


# ---- autograd ----

def _gather_setup(ctx, inputs, output):
    """Of both gathers: the first input has N positions, the seventh are the entries."""
    x, _, _, _, _, _, indices, *config = inputs
    ctx.save_for_backward(indices)
    ctx.length, ctx.config = x.shape[1], config


def _gather_backward(ctx, dq, dk, dv):
    gradients = _ops.gather_backward(dq, dk, dv, *ctx.saved_tensors, ctx.length, *ctx.config)
    return (*gradients, *[None] * 8)


def _gather_packed_backward(ctx, dq, dk, dv):
    packed = _ops.gather_packed_backward(dq, dk, dv, *ctx.saved_tensors, ctx.length, *ctx.config)
    return (packed, *[None] * 10)


def _gather_rope_setup(ctx, inputs, output):
    """Of both gathers with rotary positions: the seventh input are the entries, then come the tables, which
    belong to the caller."""
    _, _, _, _, _, _, indices, cos, sin, *ctx.config = inputs
    ctx.save_for_backward(indices, cos, sin)


def _gather_rope_backward(ctx, dq, dk, dv):
    return (*_ops.gather_rope_backward(dq, dk, dv, *ctx.saved_tensors, *ctx.config), *[None] * 11)


def _gather_rope_packed_backward(ctx, dq, dk, dv):
    return (_ops.gather_rope_packed_backward(dq, dk, dv, *ctx.saved_tensors, *ctx.config), *[None] * 13)


def attend_setup(ctx, inputs, output):
    """Of attention by whatever way: q, k and v, then options; o and lse."""
    q, k, v, *ctx.options = inputs
    o, lse = output
    ctx.mark_non_differentiable(lse)
    ctx.save_for_backward(q, k, v, o, lse)


def _attend_backward(ctx, do, _):
    return (*_ops.attend_backward(do, *ctx.saved_tensors, *ctx.options), *[None] * len(ctx.options))


def _scatter_setup(ctx, inputs, output):
    _, indices, _, *ctx.config = inputs
    ctx.save_for_backward(indices)


def _scatter_backward(ctx, do):
    return (_ops.scatter_backward(do, *ctx.saved_tensors, *ctx.config), *[None] * 6)


autograd("gather", _gather_backward, _gather_setup)
autograd("gather_packed", _gather_packed_backward, _gather_setup)
autograd("gather_rope", _gather_rope_backward, _gather_rope_setup)
autograd("gather_rope_packed", _gather_rope_packed_backward, _gather_rope_setup)
autograd("attend", _attend_backward, attend_setup)
autograd("scatter", _scatter_backward, _scatter_setup)
for _name in ("gather_backward", "gather_packed_backward", "gather_rope_backward",
              "gather_rope_packed_backward", "attend_backward", "scatter_backward"):
    no_second_derivative(_name)
