"""Scatter of pieces, exact across their borders.

Entry i of a level with windows of c positions is scattered to positions (i + 1) c - 1 to (i + 2) c - 2, so the last
entry of each level above 0 of a piece also belongs to the first c - 1 rows of the piece after it. Forward, the
rows of these entries (the tail, L - 1 rows a head, zeros for what is not selected) go to the next piece.
Backward, its first rows of dO come back. With c for the window of the coarsest level from here on, both
then run the programs of scatter itself on the 2 c positions around the border, so that sums have the order and
the bits that they have without pieces.
"""
import functools
from typing import NamedTuple

import torch

from . import _collectives, ops
from ._pieces import SCHEMA, Place
from .shapes import cdiv

_ops = torch.ops.lighthouse


class _Border(NamedTuple):
    """The 2 c positions around a border: the last coarsest window of a piece and the first of the next one,
    all of whose entries are in the selection. Entries of a piece and of the border are numbered as those
    of any sequence, level by level. Tensors of entries are int32."""
    window: int       # c
    size: int         # how many entries there are
    config: tuple     # levels, factor, budget, chunk
    last: torch.Tensor            # [L - 1] the last entries of a piece, of levels 1 to L - 1
    last_in_border: torch.Tensor  # [L - 1] the same in the border
    first: torch.Tensor           # the entries in the first coarsest window of a piece, in increasing order
    first_in_border: torch.Tensor  # the same in the border


@functools.lru_cache(maxsize=None)
def _border(length, levels, factor, device):
    window = factor ** (levels - 1)
    offset = offset_in_border = 0
    last, last_in_border, first, first_in_border = [], [], [], []
    for level in range(levels):
        inside, count = window // factor ** level, cdiv(length, factor ** level)
        if level:
            last.append(offset + count - 1)
            last_in_border.append(offset_in_border + inside - 1)
        first.extend(range(offset, offset + inside))
        first_in_border.extend(range(offset_in_border + inside, offset_in_border + 2 * inside))
        offset, offset_in_border = offset + count, offset_in_border + 2 * inside
    lists = (torch.tensor(entries, dtype=torch.int32, device=device)
             for entries in (last, last_in_border, first, first_in_border))
    # A budget with which all entries above level 0 are expanded.
    expanded = 2 * window // factor
    return _Border(window, offset_in_border, (levels, factor, expanded, expanded), *lists)


def _tail_is_listed(indices, border, heads):
    """Whether the last entries of levels 1 to L - 1 are selected, bool [B, H, L - 1, 1]. The sub-sequence
    lists an entry behind all that it covers, so they are its last places, if they are in it."""
    listed = indices[:, :, -len(border.last):] == border.last
    return listed.repeat_interleave(heads // indices.shape[1], 1)[..., None]


def _send(rows, step, place):
    """Sends rows [B * slots, ...] of each piece to the piece `step` after it, and returns a function: the rows
    that came, zeros where there is no such piece."""
    out, into, sent, received = place.route(step)
    by_slot = rows.unflatten(0, (-1, place.slots)).transpose(0, 1)
    units = torch.stack([by_slot[slot] for slot in out]) if out else by_slot[:0]
    receive = _collectives.all_to_all(units, sent, received, place.group)

    def result():
        came = torch.zeros_like(rows, memory_format=torch.contiguous_format)
        slots = came.unflatten(0, (-1, place.slots)).transpose(0, 1)
        for slot, unit in zip(into, receive()):
            slots[slot] = unit
        return came
    return result


# ---- forward ----

def _first_rows(os, indices, tail, border):
    """The first c - 1 rows of each piece, given the tail of the piece before it."""
    batch, heads, length, dim = os.shape
    # An entry is listed behind all that it covers, so these entries are at the first places.
    near, far = min(length, len(border.first)), len(border.last)
    listed = indices[:, :, :near].contiguous()
    at = torch.searchsorted(border.first, listed).clamp_(max=len(border.first) - 1)
    rows = os.new_empty((batch, heads, border.size, dim))
    entries = indices.new_full((*indices.shape[:2], border.size), -1)
    rows[:, :, :far], rows[:, :, far:far + near] = tail, os[:, :, :near]
    entries[:, :, :far] = border.last_in_border
    entries[:, :, far:far + near] = torch.where(border.first[at] == listed, border.first_in_border[at], -1)
    window = border.window
    return ops.scatter(rows, entries, 2 * window, *border.config)[:, window:2 * window - 1]


@ops.operator("scatter_piece", f"(Tensor os, Tensor indices, SymInt length, {ops.CONFIG_SCHEMA}, {SCHEMA}) -> Tensor")
def scatter_piece(os, indices, length, levels, factor, budget, chunk, *place):
    place, border = Place(*place), _border(length, levels, factor, os.device)
    tail = os[:, :, -len(border.last):].where(_tail_is_listed(indices, border, os.shape[1]), 0)
    receive = _send(tail, 1, place)
    o = ops.scatter(os, indices, length, levels, factor, budget, chunk)
    o[:, :border.window - 1] = _first_rows(os, indices, receive(), border)
    return o


@ops.fake("scatter_piece")
def _(os, indices, length, *_):
    return os.new_empty((os.shape[0], length, os.shape[1], os.shape[3]))


# ---- backward ----

def _tail_gradient(do, after, groups, border):
    """dO~ of the tail, given the first rows of dO of the next piece."""
    batch, length, heads, dim = do.shape
    window = border.window
    around = do.new_zeros((batch, 2 * window, heads, dim))
    around[:, window - 1], around[:, window:2 * window - 1] = do[:, length - 1], after
    entries = border.last.new_full((batch, groups, border.size), -1)
    entries[:, :, :len(border.last)] = border.last_in_border
    return ops.scatter_backward(around, entries, *border.config)[:, :, :len(border.last)]


@ops.operator("scatter_piece_backward", f"(Tensor do, Tensor indices, {ops.CONFIG_SCHEMA}, {SCHEMA}) -> Tensor")
def scatter_piece_backward(do, indices, levels, factor, budget, chunk, *place):
    place, border = Place(*place), _border(do.shape[1], levels, factor, do.device)
    receive = _send(do[:, :border.window - 1], -1, place)
    dos = ops.scatter_backward(do, indices, levels, factor, budget, chunk)
    gradient = _tail_gradient(do, receive(), indices.shape[1], border)
    tail = dos[:, :, -len(border.last):]
    tail.copy_(gradient.where(_tail_is_listed(indices, border, do.shape[2]), tail))
    return dos


@ops.fake("scatter_piece_backward")
def _(do, indices, *_):
    return do.new_empty((do.shape[0], do.shape[2], indices.shape[2], do.shape[3]))


# ---- autograd ----

def _setup(ctx, inputs, output):
    _, indices, _, *ctx.options = inputs
    ctx.save_for_backward(indices)


def _backward(ctx, do):
    return (_ops.scatter_piece_backward(do, *ctx.saved_tensors, *ctx.options), *[None] * 10)


ops.autograd("scatter_piece", _backward, _setup)
ops.no_second_derivative("scatter_piece_backward")
