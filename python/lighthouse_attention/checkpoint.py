"""Selective activation checkpointing that never runs the selection or the attention again.

    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())
    y = checkpoint(block, x, use_reentrant=False, context_fn=contexts)

A layer then keeps what `select` and `attend` return, 39 MB instead of 152 at 98304 positions, 8 heads of
128 and bfloat16, and the backward pass pools, gathers and scatters once more.

Both are saved, always: if `attend` were saved and `select` run again on q and k that differ in a bit (a
product that sums in another order), saved sums would meet other rows.

With a mesh, what `exchange_attended` returns is saved too, the rank's rows of o~, as much as `attend` returns; or,
where heads are not exchanged, what `attend_gathered` returns in the place of both. q~, k~ and v~ are three
times as much and are exchanged again, as they are gathered again.
"""
import functools

import torch
from torch.utils.checkpoint import CheckpointPolicy

from . import context_parallel, documents, ops  # noqa: F401  register the operators


# A tuple, as below: dynamo of PyTorch 2.8 takes no set as a constant.
_SAVED = tuple(getattr(torch.ops.lighthouse, name).default for name in (
    "select", "attend", "select_documents", "attend_documents", "exchange_attended", "attend_gathered"))


def save_ops():
    """The operators whose results are to be saved, for frameworks that keep a set of them."""
    return set(_SAVED)


def checkpoint_policy(base=None):
    """A policy for `create_selective_checkpoint_contexts`: saves what `select` and `attend` return, and what a
    mesh exchanges of the latter. `base` decides about all other operators, a policy or a collection of
    operators to save; without one they are recomputed."""
    if base is not None and not callable(base):
        base = functools.partial(_save_listed, tuple(base))
    return functools.partial(_policy, base)


def _policy(base, ctx, op, *args, **kwargs):
    if op in _SAVED:
        return CheckpointPolicy.MUST_SAVE
    if base is not None:
        return base(ctx, op, *args, **kwargs)
    return CheckpointPolicy.PREFER_RECOMPUTE


def _save_listed(listed, ctx, op, *args, **kwargs):
    return CheckpointPolicy.MUST_SAVE if op in listed else CheckpointPolicy.PREFER_RECOMPUTE
