"""Collectives on the tensors of operators: they run beside what is enqueued until their result is asked for.

Each is called inside an operator, so a compiled graph, a checkpoint policy and a tracer see that operator
alone, under its name. They are torch's functional collectives, which find a group by its name.
"""
import torch


def _pending(tensor):
    return lambda: torch.ops._c10d_functional.wait_tensor(tensor)


def all_to_all(x, sent, received, group):
    """Sends sent[r] rows of x to rank r, in order, and returns a function: the rows that came, received[r] of
    them from rank r."""
    return _pending(torch.ops._c10d_functional.all_to_all_single(x.contiguous(), received, sent, group))


def all_gather(x, world, group):
    """Returns a function: the x of all ranks, [W, ...]."""
    gathered = torch.ops._c10d_functional.all_gather_into_tensor(x.contiguous()[None], world, group)
    return _pending(gathered)
