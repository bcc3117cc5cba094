"""Attention within packed documents: for each what attention gives for it alone."""
import os

import pytest
import torch

import lighthouse_attention as lighthouse
from kernels_for_gpus import INPUTS, load_for_host

SPEC = os.path.join(INPUTS, "attend_documents.lh")
RINGS = ("attend", "attend_backward", "attend_documents", "attend_documents_backward")
SCALE = 0.3
TILE = 128


@pytest.fixture(scope="module")
def blocks():
    return lighthouse.kernels.load(SPEC)


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    """The same, on the host by the kernels for GPUs that have no roles."""
    return load_for_host(SPEC, tmp_path_factory.mktemp("rings"), RINGS)


class Packed:
    """Documents of these lengths, each from a multiple of 128 rows on and filled up to one with zeros, which the table
    counts as theirs if `filled`; two tiles more are of no document."""

    def __init__(self, lengths, heads, groups, dim, dtype, batch=1, filled=False, device="cpu"):
        self.places, table, place = [], [], 0
        for length in lengths:
            tiles = -(-length // TILE)
            self.places.append((place, length))
            table += [(place, place + (tiles * TILE if filled else length))] * tiles
            place += tiles * TILE
        table += [(place + i * TILE, place + (i + 1) * TILE) for i in range(2)]
        self.tiles = torch.tensor(table, dtype=torch.int32, device=device)
        real = torch.zeros(len(table) * TILE, 1, dtype=torch.bool)
        for place, length in self.places:
            real[place:place + length] = True
        random = torch.Generator().manual_seed(sum(lengths) + dim)
        self.q, self.k, self.v, self.do = (
            torch.randn((batch, n, len(real), dim), generator=random).mul(real).to(device, dtype)
            for n in (heads, groups, groups, heads))

    def documents(self):
        return [(slice(place, place + length), [x[:, :, place:place + length].contiguous()
                                                for x in (self.q, self.k, self.v, self.do)])
                for place, length in self.places if length]


def both_passes(stages, packed, **settings):
    leaves = [x.clone().requires_grad_() for x in (packed.q, packed.k, packed.v)]
    o, lse = stages.attend_packed(*leaves, packed.tiles, SCALE, **settings)
    return (o.detach(), lse.detach(), *torch.autograd.grad(o, leaves, packed.do))


def alone(stages, q, k, v, do, **settings):
    o, lse = stages.attend_alone(q, k, v, SCALE)
    return o, lse, *stages.attend_alone_backward(do, q, k, v, o, lse, SCALE, **settings)


def have_same_schedule(packed):
    """Whether attention has the same schedule within documents and alone: on the host, and on GPUs with turns where
    both have two consumers. They go through the same heads backwards, half of them."""
    return not packed.q.is_cuda or (torch.cuda.get_device_capability(packed.q.device) == (9, 0) and
                                    packed.q.dtype != torch.float32 and packed.q.shape[3] == 128)


def tolerance_of(packed):
    """Of the largest value, or of 1; GPUs may round factors of float32."""
    if packed.q.dtype != torch.float32:
        return 2e-2
    return 2e-3 if packed.q.is_cuda else 2e-5


def dense(q, k, v, do):
    """In float64."""
    leaves = [x.double().requires_grad_() for x in (q, k, v)]
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in leaves[1:])
    scores = (leaves[0] @ k.mT * SCALE).masked_fill(
        torch.ones(q.shape[2], q.shape[2], device=q.device).triu(1).bool(), -torch.inf)
    o = scores.softmax(-1) @ v
    return (o.detach(), scores.logsumexp(-1).detach(), *torch.autograd.grad(o, leaves, do.double()))


NAMES = ("o", "lse", "dq", "dk", "dv")
LENGTHS = [(1, 300, 0, 128), (200, 130, 1, 300), (640,)]
CASES = [(4, 2, 64, torch.bfloat16, 1), (2, 2, 80, torch.float32, 2), (2, 1, 128, torch.bfloat16, 1),
         (4, 1, 16, torch.float32, 1)]


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("heads, groups, dim, dtype, batch", CASES)
def test_equal_to_each_document_alone(blocks, lengths, heads, groups, dim, dtype, batch, filled, device):
    """Bit by bit where the schedule is the same."""
    packed = Packed(lengths, heads, groups, dim, dtype, batch, filled, device)
    results = both_passes(blocks, packed)
    exact, tolerance = have_same_schedule(packed), tolerance_of(packed)
    for rows, parts in packed.documents():
        for name, x, wanted in zip(NAMES, results, alone(blocks, *parts), strict=True):
            if exact:
                assert torch.equal(x[:, :, rows], wanted), (name, rows)
            else:
                assert (x[:, :, rows] - wanted).abs().max() <= tolerance * max(1, wanted.abs().max()), (name, rows)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("heads, groups, dim, dtype, batch", CASES)
def test_agrees_with_float64(blocks, heads, groups, dim, dtype, batch, deterministic, device):
    packed = Packed(LENGTHS[0], heads, groups, dim, dtype, batch, device=device)
    results = both_passes(blocks, packed, DETERMINISTIC=deterministic)
    assert [x.dtype for x in results] == [dtype, torch.float32, dtype, dtype, dtype]
    tolerance = tolerance_of(packed)
    for rows, parts in packed.documents():
        for name, x, wanted in zip(NAMES, results, dense(*parts), strict=True):
            error = (x[:, :, rows] - wanted).abs().max()
            assert error <= tolerance * max(1, wanted.abs().max()), (name, rows)
    # What belongs to no document is zero. The last two tiles have rows of their own.
    empty = torch.ones(packed.q.shape[2], dtype=torch.bool, device=device)
    for rows, _ in packed.documents():
        empty[rows] = False
    for name, x in zip(NAMES, results):
        assert not x[:, :, empty][:, :, :None if name != "lse" else -2 * TILE].any(), name


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("dim, dtype", [(64, torch.bfloat16), (80, torch.float16), (128, torch.bfloat16),
                                        (160, torch.bfloat16)])
def test_rings(rings, dim, dtype, deterministic):
    """The schedules for GPUs: the same bits, but for dq where programs add to it in any order."""
    packed = Packed((200, 130, 1, 300), 4, 2, dim, dtype)
    results = both_passes(rings, packed, DETERMINISTIC=deterministic)
    for rows, parts in packed.documents():
        exact = {"o", "lse"} if deterministic else {"o", "lse", "dk", "dv"}
        for name, x, wanted in zip(NAMES, results, alone(rings, *parts, DETERMINISTIC=deterministic), strict=True):
            if name in exact:
                assert torch.equal(x[:, :, rows], wanted), (name, rows)
            else:
                error = (x[:, :, rows].float() - wanted.float()).abs().max()
                assert error <= 1e-2 * max(1, wanted.float().abs().max()), (name, rows)


def same(a, b):
    """Equal, and NaN in the same places."""
    return torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(7), b.nan_to_num(7))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("dim", [64, 128])
@pytest.mark.parametrize("heads, groups, batch", [(8, 8, 1), (8, 2, 2)])
def test_long_documents_in_turns(blocks, dim, heads, groups, batch):
    """More programs than a GPU runs at a time: they end, with results that are equal from run to run."""
    packed = Packed((5000, 17, 12000, 128, 9000), heads, groups, dim, torch.bfloat16, batch, device="cuda")
    first, second, other = (both_passes(blocks, packed, DETERMINISTIC=d) for d in (True, True, False))
    for name, x, y, z in zip(NAMES, first, second, other):
        assert torch.equal(x, y), name
        assert (x - z).abs().max() <= 2e-2 * max(1, x.abs().max()), name


@pytest.mark.parametrize("kernels", ["blocks", "rings"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("which", ["q", "k", "v", "do"])
def test_a_document_harms_no_other(request, kernels, which, value, device):
    """NaN and infinity in a document are for the rows of it that see them."""
    if kernels == "rings" and device != "cpu":
        pytest.skip("kernels for GPUs on the host")
    stages = request.getfixturevalue(kernels)
    dtype = torch.float32 if kernels == "blocks" and device == "cpu" else torch.bfloat16
    packed = Packed((200, 130, 300), 2, 1, 64 if device == "cpu" else 128, dtype, device=device)
    plain = both_passes(stages, packed)
    second = packed.places[1][0]
    getattr(packed, which)[:, 0, second + 70, 5] = value
    results = both_passes(stages, packed)
    documents = packed.documents()
    for rows, _ in (documents[0], documents[2]):
        for name, x, wanted in zip(NAMES, results, plain):
            if kernels == "rings" and name in ("dq", "dk", "dv"):
                assert torch.allclose(x[:, :, rows], wanted[:, :, rows], atol=1e-2), (name, rows)
            else:
                assert torch.equal(x[:, :, rows], wanted[:, :, rows]), (name, rows)
    rows, parts = documents[1]
    for name, x, wanted in zip(NAMES, results, alone(stages, *parts), strict=True):
        if kernels == "blocks" and device == "cpu":
            assert same(x[:, :, rows], wanted), name
        else:
            assert torch.equal(x[:, :, rows].isfinite(), wanted.isfinite()), name


def test_lengths_are_checked(blocks):
    packed = Packed((200,), 2, 1, 64, torch.float32)
    with pytest.raises(lighthouse.CompileError, match="tiles has a row for each 128 rows of q"):
        blocks.attend_packed(packed.q, packed.k, packed.v, packed.tiles[:-1], SCALE)
