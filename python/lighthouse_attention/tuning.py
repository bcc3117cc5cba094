"""What decides about the choices that kernels leave open, such as the sizes of tiles.

    lighthouse.tuning.set_policy("first_use")     # time what no table knows, before anything is used

Kernels are timed when a program is made that has them, on its own tensors and stream, which takes from
seconds to minutes; never while a CUDA graph is captured. What was measured goes to the user's table
(`LIGHTHOUSE_TUNING`, else `tuning.json` in the directory of the cache), where later processes find it.
Processes that share a table wait for the one that measures. No torch, but for `share`.
"""
import json
import sys
import threading
import weakref
from typing import NamedTuple

from .errors import LighthouseError

# `lh_tuning_policy`; 0 is what the environment says.
_POLICIES = {"never": 1, "tables": 2, "first_use": 3}

_lock = threading.Lock()
_policy = 0
_specs = weakref.WeakSet()
_added = []


def set_policy(policy):
    """"never": kernels run with their own defaults. "tables": with what tables of measured settings say,
    where they say anything; so it is unless this or LIGHTHOUSE_TUNING_POLICY says otherwise. "first_use":
    the same, but kernels that no table has measured on similar shapes are timed when they are first
    used. To be called before anything else: what is there already keeps its policy."""
    global _policy
    if policy not in _POLICIES:
        raise ValueError(f"policy must be one of {', '.join(_POLICIES)}, got {policy!r}")
    with _lock:
        if len(_specs):
            raise LighthouseError("set the policy before the first use of lighthouse")
        _policy = _POLICIES[policy]


class Tuned(NamedTuple):
    """What timing came to."""
    kernels: int     # with open choices
    candidates: int  # combinations of choices, the defaults included
    rejected: int    # of those: they do not fit, do not compile or give wrong results
    faster: int      # kernels whose defaults gave way
    saved: bool      # whether the user's table has the winners


def tune(function, *args, **keywords):
    """Times the choices of the kernels of `function`, one of a `kernels` module, on these arguments,
    whatever the policy, and remembers the fastest."""
    tensors, settings = function.bind(args, keywords)
    torch = sys.modules.get("torch")
    if torch is not None and tensors and isinstance(tensors[0], torch.Tensor):
        from . import _calls as home
    else:
        from . import _arrays as home
    info = home.tune(function, tensors, settings)
    return Tuned(info.num_kernels, info.num_candidates, info.num_rejected, info.num_faster,
                 bool(info.saved))


def table():
    """All that this process has measured or was given, and the user's table as it was read: JSON."""
    entries = {}
    with _lock:
        texts = _added + [spec.tuning() for spec in _specs]
    for text in texts:
        for entry in json.loads(text)["entries"]:
            use = tuple(entry[key] for key in ("target", "device", "kernel", "params", "shapes"))
            if use not in entries or entries[use]["when"] <= entry["when"]:
                entries[use] = entry
    return json.dumps({"version": 1, "entries": list(entries.values())})


def add(text):
    """Adds a table, JSON as from `table()`, to what kernels are compiled with from now on. It is not
    saved. What was compiled before stays as it is."""
    with _lock:
        for spec in _specs:
            spec.add_tuning(text)
        _added.append(text)


def share(source=0, group=None):
    """Gives the ranks of a `torch.distributed` group the table of rank `source`: it measures, the others
    take what it found.

        lighthouse.tuning.set_policy("first_use" if rank == 0 else "tables")
        if rank == 0:
            lighthouse.prepare(shape, ...)
        lighthouse.tuning.share()
    """
    import torch.distributed as dist
    texts = [table() if dist.get_rank() == source else None]
    dist.broadcast_object_list(texts, source, group)
    if dist.get_rank() != source:
        add(texts[0])


def policy_code():
    """The `lh_tuning_policy` of specifications."""
    return _policy


def opened(spec):
    """Hears of every specification."""
    with _lock:
        for text in _added:
            spec.add_tuning(text)
        _specs.add(spec)
