"""One sequence on several ranks: `attention(..., mesh=mesh)`, and what it is made of.

A rank has the rows of its pieces of q, k and v. Pooling, scoring, selection and gathering stay inside a piece,
as chunks do not cross pieces. Between them and attention ranks exchange rows of the sub-sequence for heads, so
that each attends over all of it with H / W heads, as one process would; where heads cannot be shared out
evenly they gather k~ and v~. The scatter gets what crosses the border of a piece from the rank before.
"""
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh

from . import _exchange, _gathered, _halo  # noqa: F401  registers the operators
from ._pieces import Place, check_pieces
from .shapes import exchanges_heads

_ops = torch.ops.lighthouse


def place_of(mesh, pieces):
    """This rank's place in a 1-D DeviceMesh or a process group. TypeError and ValueError say what is wrong
    with them."""
    check_pieces(pieces)
    group = mesh
    if isinstance(mesh, DeviceMesh):
        if mesh.ndim != 1:
            raise ValueError(f"mesh must have one dim, that of context parallel, got a mesh of {mesh.ndim} dims, "
                             f"{mesh.mesh_dim_names}; take one of them, as in mesh['cp']")
        group = mesh.get_group()
    elif not isinstance(mesh, dist.ProcessGroup):
        if mesh == dist.GroupMember.NON_GROUP_MEMBER:
            raise ValueError("this process is no member of the group that was given as mesh")
        raise TypeError("mesh must be a torch.distributed.device_mesh.DeviceMesh of one dim or a process group, "
                        f"got {type(mesh).__name__}")
    rank = group.rank()
    return Place(rank, group.size(), pieces == "head_tail", group.group_name)


def local_positions(length, mesh, *, pieces="contiguous", device=None):
    """The positions, int64 [N / W], of the rows that this rank has of a sequence of N = `length`, in the order in
    which it has them: x[:, positions] is the rank's part of x [B, N, ...]. Rotary tables are cut alike."""
    place = place_of(mesh, pieces)
    check_length(place, length, place.count, "pieces")
    return torch.cat([torch.arange(first, first + length // place.count, device=device)
                      for first in first_positions(place, length // place.count)])


def first_positions(place, piece_length):
    """The first positions of the pieces of a rank, by slot."""
    return [piece * piece_length for piece in place.owned()]


# ---- checks ----

def check_device(mesh, device):
    """ValueError where the mesh's collectives do not take tensors of this device."""
    if isinstance(mesh, DeviceMesh):
        known = [mesh.device_type]
    else:
        known = [kind.type for kind in mesh._device_types]
    if device.type not in known:
        raise ValueError(f"q, k and v are on {device}, but the mesh exchanges tensors on {' and '.join(known)}")


def check_length(place, length, unit, of):
    """ValueError where the sequence is no multiple of `unit`, which is made of `of`."""
    if length % unit:
        nearest = max(1, round(length / unit)) * unit
        raise ValueError(f"with {place.world} ranks of {place.slots} piece{'s' * (place.slots > 1)} N must be a "
                         f"multiple of {unit}, {of}, got {length}; the nearest valid N is {nearest}")


def local_config(place, length, config):
    """The settings for one piece of a sequence of N = `length`: its part of the budget."""
    levels, factor, budget, chunk = config
    window = factor ** (levels - 1)
    check_length(place, length, place.count * window,
                  f"{place.count} pieces of whole windows of the coarsest level, factor^(levels - 1) = {window}")
    if budget // chunk % place.count:
        unit = place.count * chunk
        nearest = max(1, round(budget / unit)) * unit
        chunks = [size for size in range(2, budget // place.count + 1, 2) if budget % (place.count * size) == 0]
        advice = f"; or take chunk = {min(chunks, key=lambda size: abs(size - chunk))}" if chunks else ""
        raise ValueError(f"{place.count} pieces must divide the {budget // chunk} chunks of budget = {budget} by "
                         f"chunk = {chunk}: the nearest valid budget is {nearest}{advice}")
    return levels, factor, budget // place.count, chunk


# ---- pieces on the batch axis ----

def split(x, place):
    """[B, N / W, ...] -> [B * slots, n, ...], a view if the batch of x is contiguous."""
    return x.unflatten(1, (place.slots, -1)).flatten(0, 1)


def join(x, place):
    """The inverse of `split`."""
    return x.unflatten(0, (-1, place.slots)).flatten(1, 2)


def split_scores(x, place):
    """[B, G, slots * NS], piece by piece -> [B * slots, G, NS]."""
    return x.unflatten(2, (place.slots, -1)).transpose(1, 2).flatten(0, 1).contiguous()


def by_slot(place, run, *tensors):
    """The results of `run(slot, *parts)` for the parts [B, ...] of tensors [B * slots, ...] that belong to the
    slots, one after the other: a tensor or a tuple of them, [B * slots, ...]."""
    if place.slots == 1:
        return run(0, *tensors)
    results = [run(slot, *[x.unflatten(0, (-1, place.slots))[:, slot].contiguous() for x in tensors])
               for slot in range(place.slots)]
    if isinstance(results[0], torch.Tensor):
        return torch.stack(results, 1).flatten(0, 1)
    return tuple(torch.stack(parts, 1).flatten(0, 1) for parts in zip(*results))


def select(sq, sk, length, config, cover_prefix, place):
    """The selections of the pieces. The prefix of the sequence is that of the first piece."""
    if not (cover_prefix and place.rank == 0):
        return _ops.select(sq, sk, length, *config, False)
    return by_slot(place, lambda slot, *scores: _ops.select(*scores, length, *config, slot == 0), sq, sk)


# ---- attention ----

def reversed_heads(heads, length, dim):
    """How many of H = `heads` query heads the deterministic causal gradient of one process goes through in its
    second order, the last ones, for S = `length` rows of D = `dim`; those of H > 1, as a mesh has them. As
    kernels/attend_backward_hopper.lh counts them."""
    together = torch.sym_min(torch.sym_max(1, 5242880 // dim // length), (heads + 1) // 2)
    return heads - (heads - 1) // together * together


def reversed_share(place, heads, length, dim):
    """How many of a rank's H / W heads those are, the last ones: with them its gradients are those of one
    process, bit by bit."""
    share = heads // place.world
    before = reversed_heads(heads, length, dim) - (place.world - 1 - place.rank) * share
    return torch.sym_min(torch.sym_max(before, 0), share)


def attend(q, k, v, scale, causal, rows_first, deterministic, place, attend_heads=None):
    """Attention over the rows [B * slots, heads, n, D] of all ranks, in the order of the pieces; the result
    lies as [B * slots, n, heads, D] if `rows_first`. Where heads are exchanged, `attend_heads(q, k, v)` is
    the attention of one process on all rows of some heads, [B, heads, S, D], that of the kernels of lighthouse
    if it is None."""
    heads, length, dim = q.shape[1:]
    if not exchanges_heads(heads, k.shape[1], place.world):
        return _ops.attend_gathered(q, k, v, scale, causal, rows_first, deterministic, *place)[0]
    q, k, v = _ops.exchange_gathered(q, k, v, rows_first, *place)
    if attend_heads is None:
        turned = reversed_share(place, heads, length * place.count, dim) if causal and deterministic else -1
        o = _ops.attend(q, k, v, scale, causal, True, deterministic, turned)[0]
    else:
        o = attend_heads(q, k, v)
    return _ops.exchange_attended(o, rows_first, *place)


def scatter(o, indices, length, config, place):
    """Rows of the sub-sequence to the positions of the pieces, [B, N / W, H, D]."""
    if place.count == 1:
        return _ops.scatter(o, indices, length, *config)
    return join(_ops.scatter_piece(o, indices, length, *config, *place), place)
