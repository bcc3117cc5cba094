"""Scorers against float64, and attention with them."""
import os
import random

import pytest
import torch

import lighthouse_attention as lighthouse
import lighthouse_attention.scorers  # noqa: F401  registers the operators
import reference
from cases import error, tensors

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

ops = torch.ops.lighthouse
OPTIONS = dict(levels=3, factor=2, budget=64, chunk=32)


def gates(q):
    """Logarithms of what is kept: from nearly all to little."""
    return -torch.rand(q.shape[:3], device=q.device).pow(4)


def base_scores(scorer, q, k, v, gate, dilation, scale):
    if scorer == "dilated":
        return ops.dilated_score(q, k, v, dilation, scale)
    return ops.gla_score(q, k, v, gate, dilation, scale)


def exact_scores(scorer, q, k, v, gate, dilation, scale):
    q, k, v = (x.detach().double().cpu() for x in (q, k, v))
    scores = (reference.dilated_scores(q, k, v, dilation, scale) if scorer == "dilated" else
              reference.gla_scores(q, k, v, gate.cpu(), dilation, scale))
    return [x.transpose(1, 2) for x in scores]


@pytest.mark.parametrize("scorer", ["dilated", "gla"])
@pytest.mark.parametrize("seed", range(20))
def test_random_settings(device, scorer, seed):
    """Ragged lengths, classes of one position and none, grouped heads, views of a fused tensor."""
    r = random.Random(seed)
    dtype = r.choice([torch.float32, torch.bfloat16, torch.float16])
    batch, groups, dim = r.choice([1, 2]), r.choice([1, 2, 3]), r.choice([16, 48, 64, 128])
    heads, length = groups * r.choice([1, 2]), r.choice([1, 5, 64, 130, 300, 515, 1024])
    dilation = r.choice([1, 2, 3, 4, 8, 70])
    if r.random() < 0.5:
        q, k, v = (torch.randn(batch, length, heads + 2 * groups, dim, device=device).to(dtype)
                   .split([heads, groups, groups], 2))
    else:
        q, k, v = tensors(length, heads, groups, dim, batch, dtype, device, requires_grad=False)
    gate, scale = gates(q), dim ** -0.5
    actual = base_scores(scorer, q, k, v, gate, dilation, scale)
    tolerance = 1e-5 if dtype == torch.float32 else 16 * torch.finfo(dtype).eps
    for x, exact in zip(actual, exact_scores(scorer, q, k, v, gate, dilation, scale), strict=True):
        assert x.dtype == torch.float32 and x.shape == exact.shape
        assert error(x, exact) <= tolerance, (dtype, batch, length, heads, groups, dim, dilation)


@pytest.mark.parametrize("dim", [64, 96, 128])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_long_sequences(device, dim, dtype):
    """Many blocks and pieces; in 16 bits, for which a GPU has kernels of its own."""
    q, k, v = tensors(4100, 2, 1, dim, 1, dtype, device, requires_grad=False)
    gate = gates(q) / 16
    for scorer in ("dilated", "gla"):
        actual = base_scores(scorer, q, k, v, gate, 2, dim ** -0.5)
        exact = exact_scores(scorer, q, k, v, gate, 2, dim ** -0.5)
        for x, wanted in zip(actual, exact):
            difference = (x.double().cpu() - wanted).abs() / wanted.max()
            assert float(difference.max()) <= 8 * torch.finfo(dtype).eps, scorer
            assert float(difference.mean()) <= torch.finfo(dtype).eps / 2, scorer


def test_views_equal_copies(device):
    """A length that the dilation divides is read as views of its classes."""
    q, k, v = tensors(512, 4, 2, 64, 2, device=device, requires_grad=False)
    fused = torch.cat((q, k, v), 2).split([4, 2, 2], 2)
    gate = gates(q)
    for scorer in ("dilated", "gla"):
        for x, y in zip(base_scores(scorer, q, k, v, gate, 4, 0.125),
                        base_scores(scorer, *fused, gate, 4, 0.125)):
            assert torch.equal(x, y)


@pytest.mark.parametrize("harm", [torch.nan, torch.inf])
def test_rows_that_are_not_finite_have_no_score(device, harm):
    """Attention's rows before them stay as they are; of gla's those of 64 positions of the class may not."""
    for dtype in (torch.float32, torch.bfloat16):
        q, k, v = tensors(700, 2, 1, 64, 1, dtype, device, requires_grad=False)
        v[0, 301, 0, 7] = harm
        harmed = torch.zeros(700, dtype=torch.bool)
        harmed[301::2] = True
        sq, sk = ops.dilated_score(q, k, v, 2, 0.125)
        assert torch.equal(sq[0, 0].cpu().isnan(), harmed) and torch.equal(sk[0, 0].cpu().isnan(), harmed)
        sq, sk = ops.gla_score(q, k, v, gates(q), 2, 0.125)
        maybe = harmed.clone()
        maybe[301 - 126:301:2] = True
        for x in (sq[0, 0].cpu(), sk[0, 0].cpu()):
            assert bool(x.isnan()[harmed].all()) and bool(x.isfinite()[~maybe].all())
        v[0, 301, 0, 7] = 0
        for x, y in zip(ops.dilated_score(q, k, v, 2, 0.125),
                        exact_scores("dilated", q, k, v, None, 2, 0.125)):
            assert error(x, y) <= 16 * torch.finfo(dtype).eps


@pytest.mark.parametrize("levels, factor", [(2, 2), (3, 4), (5, 2), (3, 8), (8, 4)])
@pytest.mark.parametrize("length", [1, 63, 1000, 20000])
def test_window_max(device, levels, factor, length):
    base = torch.randn(2, 3, length, device=device) - 3
    query, key = lighthouse.window_max(base, -base, levels=levels, factor=factor)
    for x, y in ((query, base), (key, -base)):
        assert torch.equal(x, reference.window_max(y.transpose(1, 2), levels, factor))
    base[:, :, ::2] = torch.nan
    query, _ = lighthouse.window_max(base, base, levels=levels, factor=factor)
    base[:, :, ::2] = -torch.inf
    exact = reference.window_max(base.transpose(1, 2), levels, factor)
    assert torch.equal(torch.where(query.isnan(), -torch.inf, query), exact)


@pytest.mark.parametrize("scorer", ["dilated", "gla"])
def test_attention(device, scorer):
    """Equal to attention with the same scores given, gradients too, and to what is compiled."""
    q, k, v = tensors(515, 4, 2, 32, 2, device=device)
    gate = gates(q)
    options = dict(OPTIONS, scale=0.2, deterministic=True)
    base = base_scores(scorer, q.detach(), k.detach(), v.detach(), gate, 3, 0.2)
    given = lighthouse.attention(q, k, v, scores=lighthouse.window_max(*base, levels=3, factor=2), **options)
    norm = lighthouse.attention(q, k, v, **options)
    own = dict(scorer=scorer, dilation=3, gate=gate if scorer == "gla" else None)
    do = torch.randn_like(given)
    wanted = (given, *torch.autograd.grad(given, (q, k, v), do))
    torch._dynamo.reset()
    for attend in (lighthouse.attention,
                   torch.compile(lighthouse.attention, fullgraph=True, backend="aot_eager")):
        o = attend(q, k, v, **own, **options)
        for x, y in zip((o, *torch.autograd.grad(o, (q, k, v), do)), wanted):
            assert torch.equal(x, y)
        assert not torch.equal(o, norm)
    packed = torch.cat((q, k, v), 2).detach().requires_grad_()
    o = lighthouse.attention_packed(packed, 4, 2, **own, **options)
    assert torch.equal(o, given)
    (gradient,) = torch.autograd.grad(o, packed, do)
    for x, y in zip(gradient.split([4, 2, 2], 2), wanted[1:]):
        assert torch.equal(x, y)


def test_the_default_gate():
    q, k, v = tensors(300, requires_grad=False)
    o = lighthouse.attention(q, k, v, scorer="gla", **OPTIONS)
    gate = torch.full(q.shape[:3], -0.6931471805599453 / 16, requires_grad=True)
    assert torch.equal(o, lighthouse.attention(q, k, v, scorer="gla", gate=gate, **OPTIONS))


def test_nothing_of_a_scorer_is_kept_or_differentiated():
    q, k, v = tensors(515)
    gate = gates(q).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        o = lighthouse.attention(q, k, v, scorer="gla", gate=gate, **OPTIONS)
    o.sum().backward()
    s = lighthouse.gathered_length(515, **OPTIONS)
    # q~, k~, v~, o~, lse, and the entries of gather and of scatter.
    assert sorted(kept) == sorted([s * 2, s * 2, s * 4, s * 4 * 32, s * 2 * 32, s * 2 * 32, s * 4 * 32])
    assert gate.grad is None


@pytest.mark.parametrize("options, message", [
    (dict(scorer="norms"), "scorer must be one of 'norm', 'dilated', 'gla', got 'norms'"),
    (dict(scorer="dilated", scores=(None, None)), "scores= and scorer='dilated' exclude each other"),
    (dict(gate=torch.zeros(1, 300, 4)), "gate= is for scorer='gla', got scorer='norm'"),
    (dict(scorer="gla", gate=torch.zeros(1, 300, 2)), r"gate must be floats \[1, 300, 4\], \[B, N, H\], on cpu"),
    (dict(scorer="gla", gate=torch.zeros(1, 300, 4).int()), "gate must be floats"),
    (dict(scorer="dilated", dilation=0), "dilation must be a positive int, got 0"),
    (dict(scorer="dilated", dilation=2.0), "dilation must be a positive int, got 2.0"),
])
def test_errors(options, message):
    q, k, v = tensors()
    with pytest.raises(ValueError, match=message):
        lighthouse.attention(q, k, v, **OPTIONS, **options)


def test_errors_of_window_max():
    with pytest.raises(ValueError, match=r"key scores must be float32 \[B, G, N\]"):
        lighthouse.window_max(torch.zeros(1, 2, 30), torch.zeros(1, 2, 30).double())


def test_the_scorer_of_the_documentation(device):
    """kernels/examples/scorer.lh as docs/python.md uses it: the two ways are equal, gradients too."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", "kernels", "examples", "scorer.lh")
    spec = lighthouse.kernels.load(path)
    q, k, v = tensors(1030, 4, 2, 64, device=device)
    o = spec.attend_to_changes(q, k, v, K=128)
    change = spec.change(v.detach())
    exact = (v[:, 1:] - v[:, :-1]).norm(dim=-1).transpose(1, 2)
    assert error(change[:, :, 1:], exact.detach().double().cpu()) <= 1e-6
    own = lighthouse.attention(q, k, v, budget=128, scores=lighthouse.window_max(change, change))
    assert error(o, own.detach().double().cpu()) <= 1e-6
    do = torch.randn_like(o)
    for x, y in zip(torch.autograd.grad(o, (q, k, v), do), torch.autograd.grad(own, (q, k, v), do)):
        assert error(x, y.double().cpu()) <= 1e-6
