"""Operators that exchange rows for heads: between stages, a rank has rows [B * slots, heads, S / P, D] of all
heads; in attention it has all rows [B, heads / W, S, D] of its heads.

Where there are more ranks than key/value heads, each of these goes to the W / G ranks that have its query heads.
"""
import torch

from . import _collectives, ops
from ._pieces import SCHEMA, Place

_ops = torch.ops.lighthouse


def _heads_of(heads, world):
    """How many of the heads a rank has in attention."""
    return max(1, heads // world)


def _send_heads(x, place):
    """x [B * slots, heads, n, D] -> a function: [B, heads / W, P n, D], rows outside of heads in memory."""
    heads = x.shape[1]
    if heads < place.world:
        x = x.repeat_interleave(place.world // heads, 1)
    # [B, slots, W, heads / W, n, D] -> [W, slots, n, B, heads / W, D]
    parts = x.unflatten(1, (place.world, -1)).unflatten(0, (-1, place.slots)).permute(2, 1, 4, 0, 3, 5)
    once = [1] * place.world
    receive = _collectives.all_to_all(parts, once, once, place.group)

    def result():
        parts = receive()
        if place.head_tail:
            parts = torch.cat([parts[:, 0], *(part[1:] for part in reversed(parts.unbind()))])
            return parts.flatten(0, 1).permute(1, 2, 0, 3)
        return parts.flatten(0, 2).permute(1, 2, 0, 3)
    return result


def _send_rows(x, place, rows_first, heads=None):
    """The way back: x [B, heads / W, P n, D] -> a function: [B * slots, heads, n, D], which lies as [B * slots,
    n, heads, D] if `rows_first`. Given fewer `heads` than ranks, the x of the ranks that share one are added,
    in float32 and the order of the ranks."""
    # [P, n, B, heads / W, D] -> [W, slots, n, B, heads / W, D]
    parts = x.permute(2, 0, 1, 3).unflatten(0, (place.count, -1))
    if place.head_tail:
        pieces = parts.unbind()
        pairs = zip(pieces, reversed(pieces[place.world:]))
        parts = torch.stack([part for pair in pairs for part in pair]).unflatten(0, (-1, 2))
    else:
        parts = parts[:, None]
    once = [1] * place.world
    receive = _collectives.all_to_all(parts, once, once, place.group)

    def result():
        parts = receive()
        if heads is not None and heads < place.world:
            shared = parts.unflatten(0, (heads, -1))
            total = shared[:, 0].float()
            for i in range(1, shared.shape[1]):
                total += shared[:, i]
            parts = total.to(parts.dtype)
        if rows_first:
            rows = parts.permute(3, 1, 2, 0, 4, 5).flatten(0, 1).flatten(2, 3)
            return rows.contiguous().transpose(1, 2)
        return parts.permute(3, 1, 0, 4, 2, 5).flatten(0, 1).flatten(1, 2).contiguous()
    return result


def _fake_heads(x, place):
    batch, heads, length, dim = x.shape
    batch //= place.slots
    shape = (length * place.count, batch, _heads_of(heads, place.world), dim)
    return x.new_empty(shape).permute(1, 2, 0, 3)


def _fake_rows(x, heads, place, rows_first):
    batch, _, length, dim = x.shape
    shape = (batch * place.slots, heads, length // place.count, dim)
    return ops.new_rows(x, shape, rows_first)


# ---- q~, k~, v~ ----

@ops.operator("exchange_gathered", f"(Tensor q, Tensor k, Tensor v, bool rows_first, {SCHEMA})"
              " -> (Tensor, Tensor, Tensor)")
def exchange_gathered(q, k, v, rows_first, *place):
    place = Place(*place)
    return tuple([receive() for receive in [_send_heads(x, place) for x in (q, k, v)]])


@ops.fake("exchange_gathered")
def _(q, k, v, rows_first, *place):
    return tuple(_fake_heads(x, Place(*place)) for x in (q, k, v))


@ops.operator("exchange_gathered_backward", "(Tensor dq, Tensor dk, Tensor dv, int heads, int kv_heads,"
              f" bool rows_first, {SCHEMA}) -> (Tensor, Tensor, Tensor)")
def exchange_gathered_backward(dq, dk, dv, heads, kv_heads, rows_first, *place):
    place = Place(*place)
    return tuple([receive() for receive in [_send_rows(x, place, rows_first, n) for x, n in
                                            ((dq, heads), (dk, kv_heads), (dv, kv_heads))]])


@ops.fake("exchange_gathered_backward")
def _(dq, dk, dv, heads, kv_heads, rows_first, *place):
    return tuple(_fake_rows(x, n, Place(*place), rows_first)
                 for x, n in ((dq, heads), (dk, kv_heads), (dv, kv_heads)))


# ---- o~ ----

@ops.operator("exchange_attended", f"(Tensor o, bool rows_first, {SCHEMA}) -> Tensor")
def exchange_attended(o, rows_first, *place):
    return _send_rows(o, Place(*place), rows_first)()


@ops.fake("exchange_attended")
def _(o, rows_first, *place):
    place = Place(*place)
    return _fake_rows(o, o.shape[1] * place.world, place, rows_first)


@ops.operator("exchange_attended_backward", f"(Tensor do, {SCHEMA}) -> Tensor")
def exchange_attended_backward(do, *place):
    return _send_heads(do, Place(*place))()


@ops.fake("exchange_attended_backward")
def _(do, *place):
    return _fake_heads(do, Place(*place))


# ---- autograd ----

def _gathered_setup(ctx, inputs, output):
    q, k, _, ctx.rows_first, *ctx.place = inputs
    ctx.heads = q.shape[1], k.shape[1]


def _gathered_backward(ctx, dq, dk, dv):
    gradients = _ops.exchange_gathered_backward(dq, dk, dv, *ctx.heads, ctx.rows_first, *ctx.place)
    return (*gradients, *[None] * 5)


def _attended_setup(ctx, inputs, output):
    _, _, *ctx.place = inputs


def _attended_backward(ctx, do):
    return (_ops.exchange_attended_backward(do, *ctx.place), *[None] * 5)


ops.autograd("exchange_gathered", _gathered_backward, _gathered_setup)
ops.autograd("exchange_attended", _attended_backward, _attended_setup)
for _name in ("exchange_gathered_backward", "exchange_attended_backward"):
    ops.no_second_derivative(_name)
