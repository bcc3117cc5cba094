"""Random settings of attention, and what they are compared with."""
import random
from dataclasses import dataclass, field

import torch

import lighthouse_attention as lighthouse
import lighthouse_attention.ops  # noqa: F401  registers the operators
import reference

OPTIONS = dict(levels=3, factor=4, budget=64, chunk=32)
CONFIG = tuple(OPTIONS.values())

# Operators that need a group of processes, and their adjoints.
ON_A_MESH = {name + suffix for name in ("exchange_gathered", "exchange_attended", "attend_gathered", "scatter_piece")
             for suffix in ("", "_backward")}


def tensors(length=300, heads=4, groups=2, dim=32, batch=1, dtype=torch.float32, device="cpu",
            requires_grad=True):
    """Random q, k, v."""
    return [torch.randn(batch, length, h, dim, device=device).to(dtype).requires_grad_(requires_grad)
            for h in (heads, groups, groups)]


class Layer(torch.nn.Module):
    """Projections around the module of attention, which gets `options`."""

    def __init__(self, options):
        super().__init__()
        self.project = torch.nn.Linear(64, 8 * 32)
        self.attention = lighthouse.nn.LighthouseAttention(**options)
        self.out = torch.nn.Linear(4 * 32, 64)

    def forward(self, x):
        qkv = self.project(x).unflatten(2, (8, 32))
        return x + self.out(self.attention(*qkv.split([4, 2, 2], 2)).flatten(2))


@dataclass
class Case:
    batch: int
    length: int
    heads: int
    groups: int
    dim: int
    fused: bool
    options: dict = field(default_factory=dict)

    @staticmethod
    def random(seed):
        """Ragged lengths, groups from 1 to H, any number of levels, unequal chunks, prefix cover."""
        r = random.Random(seed)
        groups = r.choice([1, 2, 3])
        levels, factor = r.choice([(2, 2), (2, 4), (2, 8), (3, 2), (3, 4), (4, 2)])
        chunk = r.choice([2, 8, 16, 32])
        return Case(r.choice([1, 1, 2]), r.randint(1, 400), groups * r.choice([1, 2, 4]), groups,
                    r.choice([16, 32, 48, 64]), r.random() < 0.5,
                    dict(levels=levels, factor=factor, budget=chunk * r.randint(1, 5), chunk=chunk,
                         cover_prefix=r.random() < 0.3))

    def make(self, dtype=torch.float32, device="cpu"):
        """q, k, v, each a leaf or a view of a fused leaf, and the leaves."""
        counts = [self.heads, self.groups, self.groups]
        if self.fused:
            leaf = torch.randn(self.batch, self.length, sum(counts), self.dim, device=device)
            leaf = leaf.to(dtype).requires_grad_()
            return list(leaf.split(counts, 2)), [leaf]
        leaves = tensors(self.length, self.heads, self.groups, self.dim, self.batch, dtype, device)
        return leaves, leaves


def entries_of(q, k, options):
    """The entries that the operators select."""
    ops = torch.ops.lighthouse
    levels, factor, budget, chunk = (options[n] for n in ("levels", "factor", "budget", "chunk"))
    *_, sq, sk = ops.pool_score(q.detach(), k.detach(), k.detach(), levels, factor)
    return ops.select(sq, sk, q.shape[1], levels, factor, budget, chunk,
                      options.get("cover_prefix", False)), sq, sk


def rotary_tables(length, dim, device="cpu"):
    """cos and sin [N, D/2] in float32."""
    frequencies = 1e4 ** -(torch.arange(dim // 2, dtype=torch.float64) / (dim // 2))
    angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
    return angles.cos().float().to(device), angles.sin().float().to(device)


def expected(q, k, v, do, options, scale=None, attend=reference.attend, rope=None, interleaved=False):
    """Output and gradients in float64, for the entries that the operators select."""
    levels, factor = options["levels"], options["factor"]
    indices = entries_of(q, k, options)[0]
    chosen = [[[e for e in row if e >= 0] for row in batch] for batch in indices.tolist()]
    exact = [x.detach().double().cpu().requires_grad_() for x in (q, k, v)]
    o = reference.attention(*exact, chosen, levels, factor, scale, attend, rope, interleaved)
    return o.detach(), torch.autograd.grad(o, exact, do.double().cpu())


def check_error_rule(name, actual, exact, torchs):
    """The error is at most twice the largest and 1.1 times the mean error of torch's attention on the same
    rows, all of it rounded to the type of `actual`. The largest may be one rounding more: tensors are so
    small here that a single element decides, and to which side it is rounded is luck."""
    def errors(x):
        difference = (x.detach().cpu().to(actual.dtype).double() - exact).abs()
        return float(difference.max()), float(difference.mean())
    own, theirs = errors(actual), errors(torchs)
    rounding = torch.finfo(actual.dtype).eps / 2 * float(exact.abs().max())
    assert own[0] <= 2 * theirs[0] + rounding and own[1] <= 1.1 * theirs[1] + 1e-7, (
        f"{name}: largest and mean error {own}, torch's {theirs}")


def error(actual, wanted):
    """The largest difference, in units of the largest value if that is above 1."""
    difference = (actual.detach().double().cpu() - wanted).abs().max()
    return float(difference / max(1.0, float(wanted.abs().max())))
