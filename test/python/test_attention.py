"""Outputs, selections and gradients against float64."""
import warnings

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import lighthouse_attention as lighthouse
import reference
from cases import (CONFIG, OPTIONS, Case, check_error_rule, entries_of, error, expected,
                   tensors)

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

TOLERANCE = 2e-5


@pytest.mark.parametrize("seed", range(50))
def test_random_settings(seed):
    case = Case.random(seed)
    (q, k, v), leaves = case.make()
    attend = lighthouse.attention
    if seed % 8 == 7:
        torch._dynamo.reset()
        attend = torch.compile(attend, fullgraph=True, backend="aot_eager")
    o = attend(q, k, v, **case.options)
    do = torch.randn_like(o)
    gradients = torch.autograd.grad(o, (q, k, v), do)
    wanted, wanted_gradients = expected(q, k, v, do, case.options)
    assert error(o, wanted) <= TOLERANCE, case
    for actual, exact in zip(gradients, wanted_gradients):
        assert error(actual, exact) <= TOLERANCE, case
        assert actual.dtype == q.dtype


@pytest.mark.parametrize("seed", range(50))
def test_random_settings_of_16_bits(seed, device):
    if device == "cpu" and seed % 10:
        pytest.skip("the host has the arithmetic of float32, every tenth will do")
    case, dtype = Case.random(seed), (torch.bfloat16, torch.float16)[seed % 2]
    (q, k, v), _ = case.make(dtype, device)
    o = lighthouse.attention(q, k, v, **case.options)
    do = torch.randn_like(o)
    gradients = torch.autograd.grad(o, (q, k, v), do)
    wanted, wanted_gradients = expected(q, k, v, do, case.options)
    torchs, torchs_gradients = expected(q, k, v, do, case.options,
                                        attend=reference.attend_in(dtype, device))
    check_error_rule(f"o of {case}", o, wanted, torchs)
    for name, *compared in zip("qkv", gradients, wanted_gradients, torchs_gradients, strict=True):
        check_error_rule(f"d{name} of {case}", *compared)


@pytest.mark.parametrize("seed", range(0, 50, 3))
def test_selection(seed):
    case = Case.random(seed)
    (q, k, _), _ = case.make()
    indices, sq, sk = entries_of(q, k, case.options)
    for actual, exact in zip((sq, sk), reference.norm_scores(q.detach().double(), k.detach().double(),
                                                            case.options["levels"],
                                                            case.options["factor"])):
        assert error(actual, exact) <= 1e-6
    chosen = reference.select(sq, sk, case.length, **case.options)
    for b, batch in enumerate(chosen):
        for g, row in enumerate(batch):
            assert indices[b, g, :len(row)].tolist() == row
            assert (indices[b, g, len(row):] == -1).all()


def test_lengths_of_sub_sequences():
    for seed in range(200):
        case = Case.random(seed)
        names = ("levels", "factor", "budget", "chunk")
        options = {name: case.options[name] for name in names}
        scores = lighthouse.shapes.num_scores(case.length, case.options["levels"],
                                              case.options["factor"])
        with torch._subclasses.FakeTensorMode():
            sq = torch.empty(1, 1, scores)
            fake = torch.ops.lighthouse.select(sq, sq, case.length, *options.values(), False)
        assert fake.shape[2] == lighthouse.gathered_length(case.length, **options)
    # Where the coarsest level has just as many entries as the budget, and the last is cut.
    for length in range(1009, 1029):
        sq = torch.rand(1, 1, lighthouse.shapes.num_scores(length, 3, 4))
        assert (torch.ops.lighthouse.select(sq, sq, length, 3, 4, 64, 32, False).shape[2] ==
                lighthouse.gathered_length(length, levels=3, factor=4, budget=64, chunk=32))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_types_of_16_bits(device, dtype):
    q, k, v = tensors(length=515, dim=64, dtype=dtype, device=device)
    o = lighthouse.attention(q, k, v, **OPTIONS)
    do = torch.randn_like(o)
    gradients = torch.autograd.grad(o, (q, k, v), do)
    wanted, wanted_gradients = expected(q, k, v, do, OPTIONS)
    unit = torch.finfo(dtype).eps
    assert o.dtype == dtype and error(o, wanted) <= 4 * unit
    for actual, exact in zip(gradients, wanted_gradients):
        assert actual.dtype == dtype and error(actual, exact) <= 8 * unit


class Nothing(torch.utils._python_dispatch.TorchDispatchMode):
    """With it active every stage is an operator of its own."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("packed", [False, True])
def test_passes_as_a_whole_equal_their_stages(device, dtype, packed):
    qkv = torch.randn(2, 515, 8, 32, device=device).to(dtype).requires_grad_()
    do = torch.randn(2, 515, 4, 32, device=device).to(dtype)

    def run():
        if packed:
            o = lighthouse.attention_packed(qkv, 4, 2, deterministic=True, **OPTIONS)
        else:
            o = lighthouse.attention(*qkv.split([4, 2, 2], 2), deterministic=True, **OPTIONS)
        return o, *torch.autograd.grad(o, qkv, do)

    whole = run()
    with Nothing():
        stages = run()
    assert all(torch.equal(a, b) for a, b in zip(whole, stages))
    with torch.no_grad():
        assert torch.equal(lighthouse.attention_packed(qkv, 4, 2, **OPTIONS), whole[0])


def test_scale_and_layout(device):
    q, k, v = tensors(device=device)
    o = lighthouse.attention(q, k, v, scale=0.3, **OPTIONS)
    wanted, _ = expected(q, k, v, torch.zeros_like(o), OPTIONS, scale=0.3)
    assert error(o, wanted) <= TOLERANCE
    t = [x.transpose(1, 2) for x in (q, k, v)]
    other = lighthouse.attention(*t, scale=0.3, layout="bhnd", **OPTIONS)
    assert torch.equal(other.transpose(1, 2), o)
    assert other.transpose(1, 2).is_contiguous(), "o is [B, N, H, D] memory in either layout"


def test_packed(device):
    qkv = torch.randn(2, 300, 8, 32, device=device, requires_grad=True)
    o = lighthouse.attention_packed(qkv, 4, 2, **OPTIONS)
    do = torch.randn_like(o)
    (packed,) = torch.autograd.grad(o, qkv, do)
    views = lighthouse.attention(*qkv.split([4, 2, 2], 2), **OPTIONS)
    (summed,) = torch.autograd.grad(views, qkv, do)
    assert torch.equal(o, views) and torch.equal(packed, summed) and packed.is_contiguous()


def test_own_scores(device):
    q, k, v = tensors(device=device)
    _, sq, sk = entries_of(q, k, OPTIONS)
    # Pooling alone may round means in another way than pooling and scoring.
    torch.testing.assert_close(lighthouse.attention(q, k, v, scores=(sq, sk), **OPTIONS),
                               lighthouse.attention(q, k, v, **OPTIONS))
    # The largest score of all expands the last windows.
    sq[..., -1] = sk[..., -1] = 100
    changed = lighthouse.attention(q, k, v, scores=(sq, -sk), **OPTIONS)
    assert not torch.equal(changed, lighthouse.attention(q, k, v, **OPTIONS))


@pytest.mark.parametrize("make", [
    lambda o: torch.ones((), device=o.device, dtype=o.dtype).expand(o.shape),
    lambda o: torch.randn(*o.shape[:2], o.shape[3], o.shape[2], device=o.device).transpose(2, 3),
    lambda o: torch.randn(*o.shape[:3], 2 * o.shape[3], device=o.device)[..., 1::2],
    lambda o: torch.randn(o.shape[3], device=o.device).expand(o.shape),
])
def test_gradients_of_any_strides(device, make):
    q, k, v = tensors(device=device)
    o = lighthouse.attention(q, k, v, **OPTIONS)
    do = make(o)
    strided = torch.autograd.grad(o, (q, k, v), do, retain_graph=True)
    plain = torch.autograd.grad(o, (q, k, v), do.contiguous())
    assert all(torch.equal(a, b) for a, b in zip(strided, plain))


def test_inputs_of_any_strides(device):
    whole = torch.randn(1, 300, 9, 40, device=device)
    odd = [whole[:, :, h, 3:35].unflatten(2, (1, 32)) for h in (0, 1, 2)]
    plain = [x.contiguous() for x in odd]
    assert torch.equal(lighthouse.attention(*odd, **OPTIONS), lighthouse.attention(*plain, **OPTIONS))


def test_dense(device):
    q, k, v = tensors(device=device, dtype=torch.float32)
    for causal in (True, False):
        for layout in ("bnhd", "bhnd"):
            t = [x if layout == "bnhd" else x.transpose(1, 2) for x in (q, k, v)]
            results = []
            for backend in ("lighthouse", "sdpa", "auto"):
                o = lighthouse.dense_attention(*t, causal=causal, layout=layout, backend=backend)
                assert o.shape == t[0].shape
                results.append((o, *torch.autograd.grad(o.sin().sum(), (q, k, v))))
            for a, b, c in zip(*results):
                torch.testing.assert_close(a, b, atol=TOLERANCE, rtol=0)
                torch.testing.assert_close(c, b, atol=TOLERANCE, rtol=0)
    own = lighthouse.dense_attention(q, k, v, backend="lighthouse")
    assert own.is_contiguous()


def test_dense_takes_what_was_measured_faster(monkeypatch):
    def is_own(shape, dtype=torch.bfloat16, capability=(9, 0), device="cuda", **options):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        taken = []
        monkeypatch.setattr(lighthouse.functional._ops, "attend",
                            lambda q, *_: (taken.append("own"), (torch.empty_like(q), None))[1])
        monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention",
                            lambda q, *_, **__: (taken.append("torch"), torch.empty_like(q))[1])
        with FakeTensorMode():
            q = torch.empty(shape, dtype=dtype, device=device)
            k = torch.empty((shape[0], shape[1] + options.pop("more", 0), *shape[2:]), dtype=dtype, device=device)
            lighthouse.dense_attention(q, k, k, **options)
        return taken == ["own"]

    assert is_own((1, 16384, 2, 64)) and is_own((1, 20000, 2, 128), torch.float16, causal=False)
    assert not is_own((1, 16384, 2, 64), capability=(8, 0))
    assert not is_own((1, 16384, 2, 64), device="cpu")
    assert not is_own((1, 16384, 2, 64), torch.float32)
    assert not is_own((1, 16384, 2, 96)) and not is_own((1, 16000, 2, 64))
    assert not is_own((1, 16384, 2, 64), more=128, causal=False) and not is_own((1, 16384, 2, 64), backend="sdpa")


def test_dense_with_more_keys_than_queries():
    q, k, v = tensors(requires_grad=False)
    whole = lighthouse.dense_attention(q, k, v)
    torch.testing.assert_close(lighthouse.dense_attention(q[:, -3:], k, v), whole[:, -3:])
    with pytest.raises(ValueError, match="use backend='sdpa'"):
        lighthouse.dense_attention(q[:, -3:], k, v, backend="lighthouse")


def test_equal_from_run_to_run(device):
    q, k, v = tensors(device=device, dtype=torch.bfloat16, length=2000, dim=64)
    runs = []
    for _ in range(3):
        o = lighthouse.attention(q, k, v, deterministic=True, **OPTIONS)
        runs.append((o, *torch.autograd.grad(o.sum(), (q, k, v))))
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0]))


def test_deterministic_follows_torch(device):
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with _Recorder() as recorder:
            lighthouse.attention(*tensors(device=device), **OPTIONS)
        assert recorder.deterministic == [True]
        with _Recorder() as recorder:
            lighthouse.attention(*tensors(device=device), deterministic=False, **OPTIONS)
        assert recorder.deterministic == [False]
    finally:
        torch.use_deterministic_algorithms(False)


class _Recorder(torch.utils._python_dispatch.TorchDispatchMode):
    """Which `deterministic` the attention gets."""

    def __init__(self):
        super().__init__()
        self.deterministic = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.lighthouse.attend.default:
            self.deterministic.append(args[-1])
        return function(*args, **(kwargs or {}))


def test_warns_once_of_sub_sequences_that_are_longer():
    q, k, v = tensors(length=331, requires_grad=False)
    with pytest.warns(UserWarning, match=r"S = 1\.\d N .*N = 331: dense attention is faster below N = 547"):
        lighthouse.attention(q, k, v, **OPTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lighthouse.attention(q, k, v, **OPTIONS)


def test_empty_batches():
    q, k, v = (x[:0].detach().requires_grad_() for x in tensors())
    o = lighthouse.attention(q, k, v, **OPTIONS)
    assert o.shape == q.shape
    o.sum().backward()
    assert q.grad.shape == q.shape


def test_sizes_of_what_is_kept():
    kept = lighthouse.kept_bytes(98304, heads=8, head_dim=128)
    assert round(kept.total / 1e6, 1) == 152.2
    assert round(kept.checkpointed / 1e6, 1) == 38.9
    assert CONFIG[2] in lighthouse.valid_budgets(4096, factor=4, chunk=32)
