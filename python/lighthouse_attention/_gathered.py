"""Attention of a rank's queries over the keys and values of all ranks, for heads that cannot be exchanged.

Queries stay where they are and k~ and v~ of all ranks are gathered. Every pair of pieces is an `attend` of its
own: causal for a piece with itself, full for those before it. Partial results are merged by their log-sum-exps
in float32, in the order of the pieces, so they are equal from run to run; to one process they are equal up
to rounding. The backward pass gathers k~ and v~ again, and adds up dk~ and dv~ in float32.
"""
import torch
from torch.utils.flop_counter import register_flop_formula

from . import _collectives, ops
from ._pieces import SCHEMA, Place

_ops = torch.ops.lighthouse


def _by_slot(x, place):
    """[B * slots, ...] -> the tensors [B, ...] of the slots, views."""
    return x.unflatten(0, (-1, place.slots)).unbind(1)


class _Pairs:
    """The pairs of one of this rank's pieces with another piece that its queries see."""

    def __init__(self, k, v, causal, place):
        self.k, self.v, self.causal, self.place = k, v, causal, place
        # [W, 2, B * slots, G, n, D], while the rank's own pieces are attended.
        self.gather = _collectives.all_gather(torch.stack([k, v]), place.world, place.group)

    def __iter__(self):
        """The slot of the queries, the piece of the keys, and its k~ and v~, [B, G, n, D] each."""
        place, both = self.place, self.gather()
        for slot, piece in enumerate(place.owned()):
            for other in range(piece if self.causal else place.count):
                if other != piece:
                    k, v = both[place.owner(other)]
                    at = place.slot_of(other)
                    yield slot, other, _by_slot(k, place)[at], _by_slot(v, place)[at]


class _Merged:
    """Attention over the keys seen so far: rows in float32 and their log-sum-exps."""

    def __init__(self, o, lse):
        self.o, self.lse = o.float(), lse

    def add(self, o, lse):
        total = torch.logaddexp(self.lse, lse)
        self.o.mul_((self.lse - total).exp_()[..., None])
        self.o.addcmul_(o.float(), (lse - total).exp_()[..., None])
        self.lse = total


@ops.operator("attend_gathered", "(Tensor q, Tensor k, Tensor v, float scale, bool causal, bool rows_first,"
              f" bool deterministic, {SCHEMA}) -> (Tensor, Tensor)")
def attend_gathered(q, k, v, scale, causal, rows_first, deterministic, *place):
    place = Place(*place)
    pairs = _Pairs(k, v, causal, place)
    o, lse = ops.attend(q, k, v, scale, causal, rows_first, deterministic)
    queries = _by_slot(q, place)
    merged = [_Merged(*own) for own in zip(_by_slot(o, place), _by_slot(lse, place))]
    for slot, _, k, v in pairs:
        merged[slot].add(*ops.attend(queries[slot], k, v, scale, False, rows_first, deterministic))
    for slot, result in enumerate(merged):
        _by_slot(o, place)[slot].copy_(result.o)
        _by_slot(lse, place)[slot].copy_(result.lse)
    return o, lse


@ops.fake("attend_gathered")
def _(q, k, v, scale, causal, rows_first, deterministic, *place):
    return ops.new_rows(q, q.shape, rows_first), q.new_empty(q.shape[:3], dtype=torch.float32)


@ops.operator("attend_gathered_backward", "(Tensor do, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, float scale,"
              f" bool causal, bool rows_first, bool deterministic, {SCHEMA}) -> (Tensor, Tensor, Tensor)")
def attend_gathered_backward(do, q, k, v, o, lse, scale, causal, rows_first, deterministic, *place):
    place = Place(*place)
    pairs = _Pairs(k, v, causal, place)
    own = ops.attend_backward(do, q, k, v, o, lse, scale, causal, rows_first, deterministic)
    dq = own[0].float()
    # Of dk~ and dv~ the sums for each rank, in the layout in which k~ and v~ are gathered.
    shares = k.new_zeros((place.world, 2, *k.shape), dtype=torch.float32)
    shares[place.rank, 0], shares[place.rank, 1] = own[1], own[2]
    queries = [_by_slot(x, place) for x in (do, q, o, lse)]
    for slot, piece, k_other, v_other in pairs:
        do_own, q_own, o_own, lse_own = (x[slot] for x in queries)
        partial = ops.attend_backward(do_own, q_own, k_other, v_other, o_own, lse_own, scale, False,
                                      rows_first, deterministic)
        _by_slot(dq, place)[slot].add_(partial[0])
        for share, gradient in zip(shares[place.owner(piece)], partial[1:]):
            _by_slot(share, place)[place.slot_of(piece)].add_(gradient)
    # Each rank adds what came for it in the order of the ranks.
    once = [1] * place.world
    dk, dv = _collectives.all_to_all(shares, once, once, place.group)().sum(0)
    gradients = []
    for x, gradient in ((q, dq), (k, dk), (v, dv)):
        rows = ops.new_rows(x, x.shape, rows_first)
        gradients.append(rows.copy_(gradient))
    return tuple(gradients)


@ops.fake("attend_gathered_backward")
def _(do, q, k, v, o, lse, scale, causal, rows_first, deterministic, *place):
    return tuple(ops.new_rows(x, x.shape, rows_first) for x in (q, k, v))


def _flops(q_shape, causal, place, products):
    """The mean of the ranks: S queries over S keys, cut in W parts."""
    batch, heads, length, dim = q_shape
    whole = (batch // place.slots, heads, length * place.count, dim)
    return ops.attention_flops(whole, causal, products) // place.world


@register_flop_formula(_ops.attend_gathered)
def _(q, k, v, scale, causal, rows_first, deterministic, *place, out_shape=None, **__):
    return _flops(q, causal, Place(*place), 2)


@register_flop_formula(_ops.attend_gathered_backward)
def _(do, q, k, v, o, lse, scale, causal, rows_first, deterministic, *place, out_shape=None, **__):
    return _flops(q, causal, Place(*place), 5)


def _backward(ctx, do, _):
    return (*_ops.attend_gathered_backward(do, *ctx.saved_tensors, *ctx.options), *[None] * 8)


ops.autograd("attend_gathered", _backward, ops.attend_setup)
ops.no_second_derivative("attend_gathered_backward")
