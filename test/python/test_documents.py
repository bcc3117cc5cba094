"""Documents packed in one sequence: each is as if it were alone, bit by bit, and as PyTorch sees it."""
import functools
import random

import pytest
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

import lighthouse_attention as lighthouse
from cases import error, expected, tensors
from document_tables import Packing
from lighthouse_attention import documents

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

OPTIONS = dict(levels=3, factor=4, budget=64, chunk=16)


def bounds_of(lengths, device="cpu"):
    return torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32).to(device)


def packing(length, documents, rng):
    """Lengths of random documents: some are empty, some have one row, some are cut anywhere."""
    cuts = sorted(rng.choice([rng.randint(0, length), min(length, rng.choice([0, 1, 2, 16, length - 1, length]))])
                  for _ in range(documents - 1))
    return [end - begin for begin, end in zip([0, *cuts], [*cuts, length])]


def both_passes(q, k, v, do, **options):
    """The output and the gradients."""
    q, k, v = (x.detach().requires_grad_() for x in (q, k, v))
    o = lighthouse.attention(q, k, v, deterministic=True, **options)
    return (o.detach(), *torch.autograd.grad(o, (q, k, v), do))


def alone(q, k, v, do, lengths, **options):
    """The same of each document as a sequence of its own, beside each other."""
    bounds = bounds_of(lengths).tolist()
    budgets = lighthouse.document_budgets(bounds, budget=options["budget"], chunk=options["chunk"])
    parts = [both_passes(*(x[:, begin:end] for x in (q, k, v, do)), **{**options, "budget": budget})
             for begin, end, budget in zip(bounds, bounds[1:], budgets) if end > begin]
    return [torch.cat(results, 1) for results in zip(*parts)]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other))


# ---- where documents lie ----

@pytest.mark.parametrize("length, documents, levels, factor, budget, chunk", [
    (1000, 8, 3, 4, 1536, 128), (1000, 8, 3, 4, 64, 8), (257, 1, 2, 2, 16, 4), (513, 5, 4, 2, 32, 8),
    (98304, 8, 3, 4, 1536, 128), (64, 39, 3, 4, 8, 2), (5000, 999, 3, 4, 512, 8), (4096, 3, 1, 4, 1, 1)])
def test_layout(device, length, documents, levels, factor, budget, chunk):
    rng = random.Random(0)
    for _ in range(20):
        lengths = packing(length, documents, rng)
        found = torch.ops.lighthouse.document_layout(bounds_of(lengths, device), length, levels, factor, budget, chunk)
        wanted = Packing(bounds_of(lengths).tolist(), levels, factor, budget, chunk)
        for actual, exact in zip(found, (wanted.windows, wanted.chunks, wanted.tiles)):
            assert torch.equal(actual.cpu(), torch.from_numpy(exact)), lengths


def test_capacity():
    """Shapes for tracing are those of the stage."""
    for length, documents, levels, factor, budget, chunk in [(1000, 8, 3, 4, 1536, 128), (98304, 8, 3, 4, 1536, 128),
                                                             (300, 40, 4, 2, 64, 16)]:
        capacity = lighthouse.document_capacity(length, documents, levels=levels, factor=factor, budget=budget,
                                                chunk=chunk)
        windows, chunks, tiles = torch.ops.lighthouse.document_layout(
            bounds_of([length] + [0] * (documents - 1)), length, levels, factor, budget, chunk)
        assert capacity == (windows.shape[0], chunks.shape[0], tiles.shape[0] * 128)


def test_bounds_that_are_none_harm_nothing():
    """On a GPU nobody looks at them: no row may be without a value, and no store outside."""
    for bounds in ([5, 3, 900], [-7, 4, 300], [0, 2 ** 31 - 1, -2 ** 31], [300, 0, 0]):
        windows, _, tiles = torch.ops.lighthouse.document_layout(torch.tensor(bounds, dtype=torch.int32), 300, 3, 4, 64,
                                                                 16)
        assert (windows[:, 0] >= 0).all() and (windows[:, 0] + windows[:, 1] <= 300).all()
        assert (tiles[:, 0] < tiles[:, 1]).all()
        o = documents.attend_dense(*tensors(300, 2, 1, 16), torch.tensor(bounds, dtype=torch.int32), 0.25, True)
        assert o.shape == (1, 300, 2, 16)


# ---- numbers ----

@pytest.mark.parametrize("seed", range(16))
def test_each_document_is_as_if_alone(seed):
    rng = random.Random(seed)
    groups = rng.choice([1, 2])
    levels, factor = rng.choice([(2, 2), (2, 4), (3, 2), (3, 4), (4, 2)])
    chunk = rng.choice([2, 8, 16])
    options = dict(levels=levels, factor=factor, budget=chunk * rng.randint(1, 6), chunk=chunk,
                   cover_prefix=rng.random() < 0.3)
    length = rng.randint(1, 500)
    lengths = packing(length, rng.randint(1, 7), rng)
    dtype = rng.choice([torch.float32, torch.bfloat16])
    q, k, v = tensors(length, groups * rng.choice([1, 2]), groups, rng.choice([16, 48, 64]), dtype=dtype)
    do = torch.randn_like(q)
    assert equal(both_passes(q, k, v, do, **options, cu_seqlens=bounds_of(lengths)),
                 alone(q, k, v, do, lengths, **options)), (lengths, options)


def test_random_packings(packings):
    """One program serves all of them. A document alone has one for each length, so a few packings have a few lengths."""
    rng = random.Random(0)
    q, k, v = tensors(96, 2, 1, 16)
    do = torch.randn_like(q)
    options = dict(levels=3, factor=2, budget=24, chunk=8)
    allowed = {0, 1, 2, 3, 8, 17, 31, 32, 45, 64, 96} if packings < 1000 else set(range(97))
    tried = 0
    while tried < packings:
        lengths = [rng.choice(sorted(allowed)) for _ in range(5)]
        lengths.insert(rng.randrange(6), 96 - sum(lengths))
        if not allowed.issuperset(lengths):
            continue
        tried += 1
        assert equal(both_passes(q, k, v, do, **options, cu_seqlens=bounds_of(lengths)),
                     alone(q, k, v, do, lengths, **options)), lengths


@pytest.mark.parametrize("dtype, dim", [(torch.float32, 32), (torch.bfloat16, 64), (torch.bfloat16, 128),
                                        (torch.float16, 80)])
def test_numbers(device, dtype, dim):
    """Against float64, document by document."""
    lengths = [1, 515, 0, 64, 400, 16, 1]
    q, k, v = tensors(sum(lengths), 4, 2, dim, dtype=dtype, device=device)
    do = torch.randn_like(q)
    found = both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds_of(lengths, device))
    bounds = bounds_of(lengths).tolist()
    budgets = lighthouse.document_budgets(bounds, budget=OPTIONS["budget"], chunk=OPTIONS["chunk"])
    unit = 2e-5 if dtype == torch.float32 else 4 * torch.finfo(dtype).eps
    for begin, end, budget in zip(bounds, bounds[1:], budgets):
        if begin == end:
            continue
        q1, k1, v1, do1, *parts = (x[:, begin:end] for x in (q, k, v, do, *found))
        wanted, gradients = expected(q1, k1, v1, do1, {**OPTIONS, "budget": budget})
        assert error(parts[0], wanted) <= unit
        for actual, exact in zip(parts[1:], gradients):
            assert actual.dtype == dtype and error(actual, exact) <= 2 * unit


def test_documents_do_not_see_each_other(device):
    """What one document holds, NaN as well, leaves the others as they are, bit by bit."""
    lengths = [130, 1, 260, 121]
    q, k, v = tensors(512, 4, 2, 64, dtype=torch.bfloat16, device=device, requires_grad=False)
    do = torch.randn_like(q)
    bounds = bounds_of(lengths, device)
    before = both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds)
    for x in (q, k, v, do):
        x[:, 131:391] = float("nan")
    after = both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds)
    assert after[0][:, 131:391].isnan().any()
    for one, other in zip(before, after):
        assert torch.equal(one[:, :131], other[:, :131]) and torch.equal(one[:, 391:], other[:, 391:])


def test_pipeline_of_the_bundled_library(device):
    """As operator by operator, in both passes."""
    q, k, v = tensors(300, 4, 2, 32, device=device)
    do, bounds = torch.randn_like(q), bounds_of([100, 1, 199], device)
    pipeline = lighthouse.kernels.bundled("lighthouse_documents.lh").lighthouse_documents
    o = pipeline(q, k, v, bounds, L=3, P=4, K=64, M=16, DETERMINISTIC="true")
    found = (o.detach(), *torch.autograd.grad(o, (q, k, v), do))
    for actual, wanted in zip(found, both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds)):
        assert error(actual, wanted.double().cpu()) <= 1e-6


def test_one_program_for_all_packings(launches):
    q, k, v = tensors(256, 2, 2, 16)
    do = torch.randn_like(q)

    def run(*lengths):
        both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds_of(lengths), documents=5)
        return len(lighthouse.ops.programs)

    first = run(256)
    assert run(100, 156) == run(1, 2, 3, 250) == run(0, 0, 256, 0, 0) == first
    assert launches["document_layout_op"] == 4


def test_repeats(device):
    q, k, v = tensors(3000, 4, 2, 64, dtype=torch.bfloat16, device=device)
    do, bounds = torch.randn_like(q), bounds_of([1000, 7, 1500, 493], device)
    first = both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds)
    assert all(equal(first, both_passes(q, k, v, do, **OPTIONS, cu_seqlens=bounds)) for _ in range(5))


# ---- as PyTorch sees it ----

def test_packed_and_layouts(device):
    lengths = [200, 56]
    qkv = torch.randn(1, 256, 8, 32, device=device, requires_grad=True)
    q, k, v = qkv.split([4, 2, 2], 2)
    do, bounds = torch.randn(1, 256, 4, 32, device=device), bounds_of(lengths, device)
    o = lighthouse.attention(q, k, v, **OPTIONS, cu_seqlens=bounds)
    (gradient,) = torch.autograd.grad(o, qkv, do)
    packed = lighthouse.attention_packed(qkv, 4, 2, **OPTIONS, cu_seqlens=bounds)
    assert torch.equal(o, packed)
    torch.testing.assert_close(gradient, torch.autograd.grad(packed, qkv, do)[0])
    other = lighthouse.attention(*(x.transpose(1, 2) for x in (q, k, v)), layout="bhnd", **OPTIONS,
                                 cu_seqlens=bounds.long())
    assert torch.equal(other.transpose(1, 2), o)


def test_compiled(launches):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    run = torch.compile(functools.partial(lighthouse.attention, **OPTIONS), fullgraph=True, backend="aot_eager")
    given = tensors(300, 4, 2, 32)
    do = torch.randn(1, 300, 4, 32)
    for lengths in ([100, 200], [299, 1], [0, 300]):
        bounds = bounds_of(lengths)
        o = run(*given, cu_seqlens=bounds)
        gradients = torch.autograd.grad(o, given, do)
        assert equal((o, *gradients), both_passes(*given, do, **OPTIONS, cu_seqlens=bounds))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_checkpoint_policy(launches):
    given = tensors(300, 4, 2, 32)
    do, bounds = torch.randn(1, 300, 4, 32), bounds_of([100, 200])
    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())
    o = checkpoint(functools.partial(lighthouse.attention, **OPTIONS, cu_seqlens=bounds), *given,
                   use_reentrant=False, context_fn=contexts)
    gradients = torch.autograd.grad(o, given, do)
    assert launches["select_documents_op"] == launches["attend_documents_op"] == 1
    assert launches["gather_documents_op"] == 2
    assert equal((o, *gradients), both_passes(*given, do, **OPTIONS, cu_seqlens=bounds))


def test_operators():
    """Shapes and gradients as torch checks them."""
    ops = torch.ops.lighthouse
    q, k, v = tensors(100, 2, 1, 16)
    windows, chunks, tiles = ops.document_layout(bounds_of([60, 40]), 100, 3, 2, 8, 4)
    places = tiles.shape[0] * 128
    plain = [x.detach() for x in (q, k, v)]
    *coarsest, sq, sk = ops.pool_score_documents(*plain, windows, 3, 2)
    indices = ops.select_documents(sq, sk, chunks, places, 100, 3, 2, 8, 4, False)
    gathered = [x.requires_grad_() for x in ops.gather_documents(*plain, *coarsest, indices, windows, 3, 2)]
    o, lse = (x.detach() for x in ops.attend_documents(*gathered, tiles, 100, 0.25, True))
    qkv = torch.cat(plain, 2).requires_grad_()
    calls = {
        "document_layout": (bounds_of([60, 40]), 100, 3, 2, 8, 4),
        "pool_score_documents": (*plain, windows, 3, 2),
        "select_documents": (sq, sk, chunks, places, 100, 3, 2, 8, 4, False),
        "gather_documents": (q, k, v, *coarsest, indices, windows, 3, 2),
        "gather_documents_packed": (qkv, 2, 1, *coarsest, indices, windows, 3, 2),
        "gather_documents_backward": (*(x.detach() for x in gathered), indices, windows, 100, 3, 2),
        "gather_documents_packed_backward": (*(x.detach() for x in gathered), indices, windows, 100, 3, 2),
        "attend_documents": (*gathered, tiles, 100, 0.25, True),
        "attend_documents_backward": (o, *(x.detach() for x in gathered), o, lse, tiles, 100, 0.25, True),
        "scatter_documents": (o.clone().requires_grad_(), indices, windows, 100, 3, 2),
        "scatter_documents_backward": (torch.randn(1, 100, 2, 16), indices, windows, 3, 2),
    }
    names = {name for name in torch._C._dispatch_get_all_op_names() if name.startswith("lighthouse::")}
    assert {f"lighthouse::{name}" for name in calls} == {name for name in names if "document" in name}
    for name, arguments in calls.items():
        torch.library.opcheck(getattr(ops, name).default, arguments)


def test_errors():
    q, k, v = tensors(100, 2, 1, 16)
    run = functools.partial(lighthouse.attention, q, k, v, **OPTIONS)
    bounds = bounds_of([60, 40])
    cases = [
        (TypeError, "int32, got list", dict(cu_seqlens=[0, 100])),
        (TypeError, "int32, got torch.float32", dict(cu_seqlens=bounds.float())),
        (ValueError, r"one dim.*got shape \[1\]", dict(cu_seqlens=bounds[:1])),
        (ValueError, r"end with the length of the sequence, 100, .*got \[0, 60, 90\]",
         dict(cu_seqlens=bounds_of([60, 30]))),
        (ValueError, "never fall", dict(cu_seqlens=torch.tensor([0, 70, 60, 100], dtype=torch.int32))),
        (ValueError, "at least the 2 that cu_seqlens has, got 1", dict(cu_seqlens=bounds, documents=1)),
        (ValueError, "without them there is one sequence", dict(documents=3)),
        (ValueError, "scores= and cu_seqlens= exclude each other", dict(cu_seqlens=bounds, scorer="dilated")),
        (ValueError, "rope= and cu_seqlens= exclude each other.*rotate q and k before",
         dict(cu_seqlens=bounds, rope=(torch.ones(100, 8), torch.ones(100, 8)))),
    ]
    for kind, message, options in cases:
        with pytest.raises(kind, match=message):
            run(**options)
    batched = tensors(50, 2, 1, 16, batch=2)
    with pytest.raises(ValueError, match="the batch must be 1, got 2; fold the batch"):
        lighthouse.attention(*batched, **OPTIONS, cu_seqlens=bounds_of([50]))


# ---- dense attention ----

@pytest.mark.parametrize("dtype, dim", [(torch.float32, 32), (torch.bfloat16, 64), (torch.bfloat16, 128)])
def test_dense(device, dtype, dim):
    lengths = [1, 215, 0, 64, 129]
    given = tensors(sum(lengths), 4, 2, dim, dtype=dtype, device=device)
    o = lighthouse.dense_attention(*given, cu_seqlens=bounds_of(lengths, device), documents=7)
    do = torch.randn_like(o)
    gradients = torch.autograd.grad(o, given, do)
    exact = [x.detach().double().cpu().requires_grad_() for x in given]
    wanted = torch.cat([F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in parts), is_causal=True,
                                                       enable_gqa=True).transpose(1, 2)
                        for parts in zip(*(x.split(lengths, 1) for x in exact))], 1)
    unit = 1e-5 if dtype == torch.float32 else 4 * torch.finfo(dtype).eps
    assert error(o, wanted.detach()) <= unit
    for actual, each in zip(gradients, torch.autograd.grad(wanted, exact, do.double().cpu())):
        assert error(actual, each) <= 2 * unit


def test_module_in_both_stages():
    module = lighthouse.nn.LighthouseAttention(**OPTIONS, documents=4)
    given, bounds = tensors(300, 4, 2, 32), bounds_of([100, 200])
    assert torch.equal(module(*given, cu_seqlens=bounds),
                       lighthouse.attention(*given, **OPTIONS, cu_seqlens=bounds, documents=4))
    module.eval()
    assert torch.equal(module(*given, cu_seqlens=bounds), lighthouse.dense_attention(*given, cu_seqlens=bounds))


def test_errors_of_dense():
    given, bounds = tensors(100, 2, 1, 16), bounds_of([60, 40])
    for options in (dict(causal=False), dict(backend="sdpa")):
        with pytest.raises(ValueError, match="exclude each other"):
            lighthouse.dense_attention(*given, cu_seqlens=bounds, **options)
