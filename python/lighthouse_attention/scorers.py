"""Scorers: what decides which entries of the pyramid are expanded.

A scorer gives two numbers to every position and KV head, float32 [B, G, N] each: how much it counts as a
query and how much as a key. An entry's scores are the largest of those that it covers (`window_max`), and
`attention(..., scores=...)` takes them. Here are the two of the public implementation beside the norms, as
pipelines of kernels/scorers.lh; both look at positions of the same residue class modulo `dilation` alone. No
gradient flows through scores.
"""
import math

import torch

from . import ops
from .shapes import num_scores

SCORERS = ("norm", "dilated", "gla")

# What a position keeps where no gate is given: half a state is left after 16 positions of a class.
_DEFAULT_GATE = math.log(0.5) / 16


def _base_scores(q, k, *_):
    batch, length, groups, _ = k.shape
    return tuple(k.new_empty((batch, groups, length), dtype=torch.float32) for _ in range(2))


def _residues(x, dilation):
    """x [B, N, heads, ...] as [B, N / d, d * heads, ...], the classes as heads; None if that is no view."""
    batch, length, heads, *dims = x.shape
    if length % dilation:
        return None
    try:
        return x.view(batch, length // dilation, dilation * heads, *dims)
    except RuntimeError:
        return None


def _run(name, tensors, gate, dilation, scale):
    """A pipeline of scorers.lh: on views where tensors allow it, else on copies, class by class."""
    settings = (("DILATION", dilation), ("scale", scale))
    gates = () if gate is None else (gate,)
    views = [_residues(x, dilation) for x in (*tensors, *gates)]
    if any(x is None for x in views):
        return tuple(ops.run(f"{name}_score", (*tensors, *gates), settings))
    rows = [x.transpose(1, 2) for x in views[:3]]
    length, groups = tensors[1].shape[1:3]
    return tuple(ops.run(f"{name}_residues", (*rows, *views[3:]),
                         (*settings, ("N", length), ("G", groups))))


@ops.operator("dilated_score", "(Tensor q, Tensor k, Tensor v, int dilation, float scale)"
              " -> (Tensor, Tensor)")
def _(q, k, v, dilation, scale):
    return _run("dilated", (q, k, v), None, dilation, scale)


@ops.operator("gla_score", "(Tensor q, Tensor k, Tensor v, Tensor gate, int dilation, float scale)"
              " -> (Tensor, Tensor)")
def _(q, k, v, gate, dilation, scale):
    return _run("gla", (q, k, v), gate, dilation, scale)


ops.fake("dilated_score")(_base_scores)
ops.fake("gla_score")(_base_scores)


@ops.operator("window_max", "(Tensor query, Tensor key, int levels, int factor) -> (Tensor, Tensor)")
def _(query, key, levels, factor):
    return tuple(ops.run("window_max_op", (query, key), (("L", levels), ("P", factor))))


@ops.fake("window_max")
def _(query, key, levels, factor):
    count = num_scores(query.shape[2], levels, factor)
    return tuple(x.new_empty((*x.shape[:2], count)) for x in (query, key))


def window_max(query, key, *, levels=3, factor=4):
    """Scores of the entries from level 1 on, float32 [B, G, NS] each, from those of positions, float32
    [B, G, N] each: the largest that an entry covers; NaN counts less than any number. For `attention(...,
    scores=window_max(query, key))` with scores of your own."""
    for name, x in (("query", query), ("key", key)):
        if x.dtype != torch.float32 or x.dim() != 3 or x.shape != query.shape:
            raise ValueError(f"{name} scores must be float32 [B, G, N], both of one shape, got {x.dtype} "
                             f"{list(x.shape)}")
    return torch.ops.lighthouse.window_max(query.detach().contiguous(), key.detach().contiguous(), levels,
                                           factor)


def check(scorer, gate, dilation, scores, q):
    """Raises ValueError where the arguments of `attention` do not fit; the gate as the operator takes it."""
    if scorer not in SCORERS:
        raise ValueError(f"scorer must be one of {', '.join(map(repr, SCORERS))}, got {scorer!r}; for a "
                         "scorer of your own pass scores=")
    if scores is not None and scorer != "norm":
        raise ValueError(f"scores= and scorer={scorer!r} exclude each other")
    if gate is not None and scorer != "gla":
        raise ValueError(f"gate= is for scorer='gla', got scorer={scorer!r}")
    if isinstance(dilation, bool) or not isinstance(dilation, int) or dilation < 1:
        raise ValueError(f"dilation must be a positive int, got {dilation!r}")
    if scorer != "gla":
        return None
    if gate is None:
        return torch.full(q.shape[:3], _DEFAULT_GATE, dtype=torch.float32, device=q.device)
    if gate.shape != q.shape[:3] or gate.device != q.device or not gate.is_floating_point():
        raise ValueError(f"gate must be floats {list(q.shape[:3])}, [B, N, H], on {q.device}, got {gate.dtype} "
                         f"{list(gate.shape)} on {gate.device}")
    return gate.detach().float()


def entry_scores(scorer, q, k, v, gate, dilation, scale, levels, factor):
    """The scores of the entries by `dilated` or `gla`, for detached q [B, N, H, D], k, v [B, N, G, D]."""
    if scorer == "dilated":
        base = torch.ops.lighthouse.dilated_score(q, k, v, dilation, scale)
    else:
        base = torch.ops.lighthouse.gla_score(q, k, v, gate, dilation, scale)
    return torch.ops.lighthouse.window_max(*base, levels, factor)
