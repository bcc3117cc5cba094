"""Attention to documents packed in one sequence, each as if it were a sequence of its own.

Where documents lie is known on the device alone, from their bounds `cu_seqlens`, int32 [E]: shapes follow from how
many there may be, so that one program serves every packing. kernels/documents.lh says how; the stages here are
operators as those of `ops`, with the tables windows, chunks and tiles beside the tensors.
"""
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import register_flop_formula

from . import ops
from .shapes import cdiv, coarsest_length, document_capacity, num_scores

_ops = torch.ops.lighthouse


def bounds_of(cu_seqlens, documents, q):
    """The bounds as the operators take them, with as many empty documents behind as make `documents` of them. Raises
    where they do not fit q [B, N, H, D]; their values can be read on the host alone."""
    if q.shape[0] != 1:
        raise ValueError(f"cu_seqlens are the bounds of documents packed in one sequence, so the batch must be 1, got "
                         f"{q.shape[0]}; fold the batch into the sequence")
    if not isinstance(cu_seqlens, torch.Tensor) or cu_seqlens.dtype not in (torch.int32, torch.int64):
        got = cu_seqlens.dtype if isinstance(cu_seqlens, torch.Tensor) else type(cu_seqlens).__name__
        raise TypeError(f"cu_seqlens must be a tensor of int32, got {got}")
    if cu_seqlens.dim() != 1 or cu_seqlens.shape[0] < 2:
        raise ValueError("cu_seqlens must have one dim, the first row of each document and the length of the sequence, "
                         f"got shape {list(cu_seqlens.shape)}")
    if cu_seqlens.device != q.device:
        raise ValueError(f"cu_seqlens must be on the device of q, {q.device}, got {cu_seqlens.device}")
    count = cu_seqlens.shape[0] - 1
    if documents is not None and documents < count:
        raise ValueError(f"documents must be at least the {count} that cu_seqlens has, got {documents}")
    if q.device.type == "cpu" and not torch.compiler.is_compiling():
        _check_values(cu_seqlens.tolist(), q.shape[1])
    if documents is not None and documents > count:
        cu_seqlens = F.pad(cu_seqlens, (0, documents - count), value=q.shape[1])
    return cu_seqlens.to(torch.int32)


def _check_values(bounds, length):
    if bounds[0] != 0 or bounds[-1] != length or any(a > b for a, b in zip(bounds, bounds[1:])):
        raise ValueError(f"cu_seqlens must begin with 0, end with the length of the sequence, {length}, and never "
                         f"fall, got {bounds}")


def attend(tensors, split, q, k, v, bounds, config, cover_prefix, scale, deterministic):
    """The output [1, N, H, D]. Gradients flow to `tensors`: q, k and v, or the one that they are views of, `split`
    by heads; q, k and v themselves are detached."""
    pyramid, length = config[:2], q.shape[1]
    windows, chunks, tiles = _ops.document_layout(bounds, length, *config)
    *coarsest, sq, sk = _ops.pool_score_documents(q, k, v, windows, *pyramid)
    indices = _ops.select_documents(sq, sk, chunks, tiles.shape[0] * 128, length, *config, cover_prefix)
    gather, heads = (_ops.gather_documents, ()) if split is None else (_ops.gather_documents_packed, split[:2])
    gathered = gather(*tensors, *heads, *coarsest, indices, windows, *pyramid)
    # What one document takes at most.
    longest = coarsest_length(length, *pyramid) + (config[0] - 1) * config[1] * config[2]
    o, _ = _ops.attend_documents(*gathered, tiles, longest, scale, deterministic)
    return _ops.scatter_documents(o, indices, windows, length, *pyramid)


def attend_dense(q, k, v, bounds, scale, deterministic):
    """Dense attention, causal within each document, of q [1, N, H, D], k and v: on copies in which every document
    begins at a multiple of 128. Of a pyramid with one level the windows are the rows, and a document is one chunk."""
    length = q.shape[1]
    windows, chunks, tiles = _ops.document_layout(bounds, length, 1, 2, 1, 1)
    places = tiles.shape[0] * 128
    first = windows[:, 2].long()
    # Bounds that nobody has checked must not lead out of the tensors.
    start = torch.zeros_like(first).index_put((chunks[:, 0].long().clamp(max=length - 1),), chunks[:, 4].long())
    place = (torch.arange(length, device=q.device) - first + start[first]).clamp(0, places - 1)

    def spread(x):
        return x.new_zeros((1, places, *x.shape[2:])).index_copy(1, place, x).transpose(1, 2)

    o, _ = _ops.attend_documents(spread(q), spread(k), spread(v), tiles, length, scale, deterministic)
    return o.transpose(1, 2).index_select(1, place)


def _settings(length, levels, factor):
    return (("N", length), *ops.pyramid_settings(levels, factor))


# ---- where documents lie, scores and selection ----

@ops.operator("document_layout", f"(Tensor bounds, SymInt length, {ops.CONFIG_SCHEMA}) -> (Tensor, Tensor, Tensor)")
def _(bounds, length, levels, factor, budget, chunk):
    return tuple(ops.run("document_layout_op", (bounds,),
                         (("N", length), *ops.selection_settings(levels, factor, budget, chunk))))


@ops.fake("document_layout")
def _(bounds, length, levels, factor, budget, chunk):
    capacity = document_capacity(length, bounds.shape[0] - 1, levels=levels, factor=factor, budget=budget, chunk=chunk)
    return (bounds.new_empty((capacity.windows, 3)), bounds.new_empty((capacity.chunks, 5)),
            bounds.new_empty((capacity.gathered // 128, 2)))


@ops.operator("pool_score_documents", "(Tensor q, Tensor k, Tensor v, Tensor windows, int levels, int factor)"
              " -> (Tensor, Tensor, Tensor, Tensor, Tensor)")
def _(q, k, v, windows, levels, factor):
    return tuple(ops.run("pool_score_documents_op", (q, k, v, windows), ops.pyramid_settings(levels, factor)))


@ops.fake("pool_score_documents")
def _(q, k, v, windows, levels, factor):
    count = windows.shape[0]
    scores = (k.shape[0], k.shape[2], num_scores(count * factor ** (levels - 1), levels, factor))
    return (*(x.new_empty((x.shape[0], x.shape[2], count, x.shape[3])) for x in (q, k, v)),
            *(k.new_empty(scores, dtype=torch.float32) for _ in range(2)))


@ops.operator("select_documents", "(Tensor sq, Tensor sk, Tensor chunks, SymInt gathered, SymInt length,"
              f" {ops.CONFIG_SCHEMA}, bool cover_prefix) -> Tensor")
def _(sq, sk, chunks, gathered, length, levels, factor, budget, chunk, cover_prefix):
    # The most windows that a chunk has.
    windows = cdiv(coarsest_length(length, levels, factor), budget // chunk)
    settings = (*ops.pyramid_settings(levels, factor), ("M", chunk), ("S", gathered), ("WINDOWS", windows),
                ops.flag("COVER", cover_prefix))
    return ops.run("select_documents_op", (sq, sk, chunks), settings)[0]


@ops.fake("select_documents")
def _(sq, sk, chunks, gathered, length, levels, factor, budget, chunk, cover_prefix):
    return sq.new_empty((*sq.shape[:2], gathered), dtype=torch.int32)


# ---- gather ----

_GATHERED = ("Tensor qc, Tensor kc, Tensor vc, Tensor indices, Tensor windows, int levels, int factor)"
             " -> (Tensor, Tensor, Tensor)")


@ops.operator("gather_documents", f"(Tensor q, Tensor k, Tensor v, {_GATHERED}")
def gather(q, k, v, qc, kc, vc, indices, windows, levels, factor):
    return tuple(ops.run("gather_documents_op", (q, k, v, qc, kc, vc, indices, windows),
                         ops.pyramid_settings(levels, factor)))


@ops.fake("gather_documents")
def _(q, k, v, qc, kc, vc, indices, windows, levels, factor):
    return ops.gathered_like((qc, kc, vc), indices)


@ops.operator("gather_documents_packed", f"(Tensor qkv, int heads, int kv_heads, {_GATHERED}")
def _(qkv, heads, kv_heads, *arguments):
    return gather(*qkv.split([heads, kv_heads, kv_heads], 2), *arguments)


@ops.fake("gather_documents_packed")
def _(qkv, heads, kv_heads, qc, kc, vc, indices, windows, levels, factor):
    return ops.gathered_like((qc, kc, vc), indices)


_COTANGENTS = ("(Tensor dq, Tensor dk, Tensor dv, Tensor indices, Tensor windows, SymInt length, int levels,"
               " int factor)")


@ops.operator("gather_documents_backward", f"{_COTANGENTS} -> (Tensor, Tensor, Tensor)")
def _(dq, dk, dv, indices, windows, length, levels, factor):
    return tuple(ops.run("gather_documents_backward_op", (dq, dk, dv, indices, windows),
                         _settings(length, levels, factor)))


@ops.fake("gather_documents_backward")
def _(dq, dk, dv, indices, windows, length, levels, factor):
    return ops.at_positions((dq, dk, dv), length)


@ops.operator("gather_documents_packed_backward", f"{_COTANGENTS} -> Tensor")
def _(dq, dk, dv, indices, windows, length, levels, factor):
    packed = ops.new_packed(dq, dk, length)
    ops.run("gather_documents_backward_op", (dq, dk, dv, indices, windows),
            _settings(length, levels, factor), ops.parts_of(packed, dq, dk))
    return packed


@ops.fake("gather_documents_packed_backward")
def _(dq, dk, dv, indices, windows, length, levels, factor):
    return ops.new_packed(dq, dk, length)


# ---- attend ----

@ops.operator("attend_documents", "(Tensor q, Tensor k, Tensor v, Tensor tiles, SymInt longest, float scale,"
              " bool deterministic) -> (Tensor, Tensor)")
def _(q, k, v, tiles, longest, scale, deterministic):
    return tuple(ops.run("attend_documents_op", (q, k, v, tiles), (("LONGEST", longest), ("scale", scale))))


@ops.fake("attend_documents")
def _(q, k, v, tiles, longest, scale, deterministic):
    return q.new_empty(q.shape), ops.new_lse(q)


@ops.operator("attend_documents_backward", "(Tensor do, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse,"
              " Tensor tiles, SymInt longest, float scale, bool deterministic) -> (Tensor, Tensor, Tensor)")
def _(do, q, k, v, o, lse, tiles, longest, scale, deterministic):
    # The host has sums in a fixed order alone.
    settings = (ops.flag("DETERMINISTIC", deterministic or q.device.type == "cpu"), ("LONGEST", longest),
                ("scale", scale))
    return tuple(ops.run("attend_documents_backward_op", (do, q, k, v, o, lse, tiles), settings))


@ops.fake("attend_documents_backward")
def _(do, q, k, v, o, lse, tiles, longest, scale, deterministic):
    return tuple(x.new_empty(x.shape) for x in (q, k, v))


# Of one document with all rows, the most that there may be to do.
@register_flop_formula(_ops.attend_documents)
def _(q, k, v, *_, out_shape=None, **__):
    return ops.attention_flops(q, True, 2)


@register_flop_formula(_ops.attend_documents_backward)
def _(do, q, k, v, *_, out_shape=None, **__):
    return ops.attention_flops(q, True, 5)


# ---- scatter ----

@ops.operator("scatter_documents", "(Tensor os, Tensor indices, Tensor windows, SymInt length, int levels, int factor)"
              " -> Tensor")
def _(os, indices, windows, length, levels, factor):
    return ops.run("scatter_documents_op", (os, indices, windows), _settings(length, levels, factor))[0]


@ops.fake("scatter_documents")
def _(os, indices, windows, length, levels, factor):
    return ops.at_positions((os,), length)[0]


@ops.operator("scatter_documents_backward", "(Tensor do, Tensor indices, Tensor windows, int levels, int factor)"
              " -> Tensor")
def _(do, indices, windows, levels, factor):
    return ops.run("scatter_documents_backward_op", (do, indices, windows), ops.pyramid_settings(levels, factor))[0]


@ops.fake("scatter_documents_backward")
def _(do, indices, windows, levels, factor):
    return do.new_empty((do.shape[0], do.shape[2], indices.shape[2], do.shape[3]))


# ---- autograd ----

def _gather_setup(ctx, inputs, output):
    """Of both gathers: the first input has N positions, the last are the entries, the windows, L and P."""
    ctx.length, ctx.pyramid = inputs[0].shape[1], inputs[-2:]
    ctx.save_for_backward(*inputs[-4:-2])


def _gather_backward(ctx, *gradients):
    return (*_ops.gather_documents_backward(*gradients, *ctx.saved_tensors, ctx.length, *ctx.pyramid), *[None] * 7)


def _gather_packed_backward(ctx, *gradients):
    packed = _ops.gather_documents_packed_backward(*gradients, *ctx.saved_tensors, ctx.length, *ctx.pyramid)
    return (packed, *[None] * 9)


def _attend_setup(ctx, inputs, output):
    *tensors, tiles, ctx.longest, ctx.scale, ctx.deterministic = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(*tensors, *output, tiles)


def _attend_backward(ctx, do, _):
    return (*_ops.attend_documents_backward(do, *ctx.saved_tensors, ctx.longest, ctx.scale, ctx.deterministic),
            *[None] * 4)


def _scatter_setup(ctx, inputs, output):
    _, indices, windows, _, *ctx.pyramid = inputs
    ctx.save_for_backward(indices, windows)


def _scatter_backward(ctx, do):
    return (_ops.scatter_documents_backward(do, *ctx.saved_tensors, *ctx.pyramid), *[None] * 5)


ops.autograd("gather_documents", _gather_backward, _gather_setup)
ops.autograd("gather_documents_packed", _gather_packed_backward, _gather_setup)
ops.autograd("attend_documents", _attend_backward, _attend_setup)
ops.autograd("scatter_documents", _scatter_backward, _scatter_setup)
for _name in ("gather_documents", "gather_documents_packed", "attend_documents", "scatter_documents"):
    ops.no_second_derivative(_name + "_backward")
