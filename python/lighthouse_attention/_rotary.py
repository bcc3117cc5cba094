"""Rotary positions: tables of cosines and sines, and rotation of whole tensors."""
from typing import NamedTuple

import torch

PAIRINGS = ("half", "interleaved")


class Rotary(NamedTuple):
    """What the operators take: float32 [N, D/2] each, contiguous, and which columns are pairs."""
    cos: torch.Tensor
    sin: torch.Tensor
    interleaved: bool


def rotary(rope, pairing, length, dim, device):
    """The tables of `rope` for rows of `dim` elements at `length` positions of tensors on `device`; None
    without. `rope` is (cos, sin), of any float type, [N, D/2], or [N, D] with each column twice, as it is
    for both elements of its pair. ValueError and TypeError say what is wrong with it."""
    if pairing not in PAIRINGS:
        raise ValueError(f"rope_pairing must be 'half' or 'interleaved', got {pairing!r}")
    if rope is None:
        return None
    if not (isinstance(rope, (tuple, list)) and len(rope) == 2
            and all(isinstance(table, torch.Tensor) for table in rope)):
        raise TypeError("rope must be the pair of tensors (cos, sin)")
    interleaved = pairing == "interleaved"
    return Rotary(*(_table(name, table, interleaved, length, dim, device)
                    for name, table in zip(("cos", "sin"), rope)), interleaved)


def _table(name, table, interleaved, length, dim, device):
    if not table.dtype.is_floating_point:
        raise TypeError(f"{name} of rope must be a float tensor, got {table.dtype}")
    if table.device != device:
        raise ValueError(f"{name} of rope must be on {device}, as q is, got {table.device}")
    if table.requires_grad:
        raise ValueError(f"{name} of rope requires a gradient, and rotary tables are constants: detach it")
    pairs = dim // 2
    if table.dim() != 2 or table.shape[0] != length or table.shape[1] not in (pairs, dim):
        raise ValueError(f"{name} of rope must be [{length}, {pairs}] or [{length}, {dim}] for {length} "
                         f"positions and head dim {dim}, got {list(table.shape)}")
    if table.shape[1] == dim:
        table = table[:, ::2] if interleaved else table[:, :pairs]
    return table.float().contiguous()


def rotate(x, tables, layout="bnhd"):
    """x [B, M, heads, D] (`layout="bhnd"`: [B, heads, M, D]), rotated in float32 at the last M of the
    positions that the tables have; the result has the type of x."""
    cos, sin = (table[table.shape[0] - x.shape[1 if layout == "bnhd" else 2]:] for table in tables[:2])
    if layout == "bnhd":
        cos, sin = cos[:, None], sin[:, None]
    if tables.interleaved:
        first, second = x[..., ::2], x[..., 1::2]
    else:
        first, second = x.chunk(2, -1)
    turned = first * cos - second * sin, first * sin + second * cos
    turned = torch.stack(turned, -1).flatten(-2) if tables.interleaved else torch.cat(turned, -1)
    return turned.to(x.dtype)
