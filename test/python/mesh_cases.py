"""What tests of one sequence on several processes have in common."""
import functools

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

import lighthouse_attention as lighthouse
from lighthouse_attention import context_parallel
from lighthouse_attention._pieces import PIECES  # noqa: F401  for the tests

OPTIONS = dict(levels=3, factor=4, budget=128, chunk=16)


@functools.lru_cache(maxsize=None)
def mesh_of_all():
    return init_device_mesh("cpu", (dist.get_world_size(),))


class Share:
    """This rank's part of tensors [B, N, ...]."""

    def __init__(self, length, pieces):
        self.options = dict(mesh=mesh_of_all(), pieces=pieces)
        self.positions = lighthouse.local_positions(length, **self.options)
        self.place = context_parallel.place_of(**self.options)

    def __call__(self, x):
        return x.detach()[:, self.positions]

    def leaves(self, xs):
        return [self(x).clone().requires_grad_() for x in xs]


def both_passes(function, inputs, do):
    o = function(*inputs)
    return (o.detach(), *torch.autograd.grad(o, inputs, do))


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(
        a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


def differences(whole, parts, share):
    """Which of output and gradients differ in a bit."""
    return [name for name, x, part in zip(("o", "dq", "dk", "dv"), whole, parts, strict=True)
            if not same_bits(share(x), part)]


def assert_close(whole, parts, share, dtype):
    tolerance = 3e-5 if dtype == torch.float32 else 4e-2
    for x, part in zip(whole, parts, strict=True):
        torch.testing.assert_close(share(x), part, atol=tolerance * float(x.abs().max()), rtol=0)
