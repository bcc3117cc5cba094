"""Rotary positions at the selected entries: against float64, and as PyTorch sees them."""
import functools

import pytest
import torch
import torch._dynamo.testing
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

import lighthouse_attention as lighthouse
import reference
from cases import OPTIONS, Case, error, expected, rotary_tables, tensors

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

TOLERANCE = 2e-5
PAIRINGS = ("half", "interleaved")


class EachStage(torch.utils._python_dispatch.TorchDispatchMode):
    """With it active every stage is an operator of its own."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


def both_passes(q, k, v, **options):
    """The output, its cotangent and the gradients."""
    o = lighthouse.attention(q, k, v, **options)
    do = torch.randn_like(o)
    return o, do, torch.autograd.grad(o, (q, k, v), do)


# ---- numbers ----

@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("seed", range(0, 50, 3))
def test_random_settings(seed, pairing):
    case = Case.random(seed)
    (q, k, v), _ = case.make()
    rope = rotary_tables(case.length, case.dim)
    o, do, gradients = both_passes(q, k, v, rope=rope, rope_pairing=pairing, **case.options)
    wanted, wanted_gradients = expected(q, k, v, do, case.options, rope=rope,
                                        interleaved=pairing == "interleaved")
    assert error(o, wanted) <= TOLERANCE, case
    for actual, exact in zip(gradients, wanted_gradients):
        assert error(actual, exact) <= TOLERANCE, case


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("heads, groups, dim", [(4, 2, 64), (3, 3, 48), (2, 1, 128)])
def test_types_of_16_bits(device, dtype, pairing, heads, groups, dim):
    q, k, v = tensors(515, heads, groups, dim, dtype=dtype, device=device)
    rope, interleaved = rotary_tables(515, dim, device), pairing == "interleaved"
    o, do, gradients = both_passes(q, k, v, rope=rope, rope_pairing=pairing, **OPTIONS)
    wanted, wanted_gradients = expected(q, k, v, do, OPTIONS, rope=rope, interleaved=interleaved)
    unit = torch.finfo(dtype).eps
    assert o.dtype == dtype and error(o, wanted) <= 4 * unit
    for actual, exact in zip(gradients, wanted_gradients):
        assert actual.dtype == dtype and error(actual, exact) <= 8 * unit
    torchs, _ = expected(q, k, v, do, OPTIONS, rope=rope, interleaved=interleaved,
                         attend=reference.attend_in(dtype, device))
    # Rows of the coarsest level are rounded before they are rotated and once more behind it.
    difference = (o.detach().double().cpu() - wanted).abs().mean()
    assert difference <= 1.5 * (torchs - wanted).abs().mean() + unit / 8 * wanted.abs().mean()


def test_rotation_matters_and_is_relative(device):
    q, k, v = tensors(dim=32, device=device, requires_grad=False)
    cos, sin = rotary_tables(600, 32, device)
    plain = lighthouse.attention(q, k, v, **OPTIONS)
    here = lighthouse.attention(q, k, v, rope=(cos[:300], sin[:300]), **OPTIONS)
    assert (here - plain).abs().max() > 1e-2
    # Scores depend on differences of positions alone, and so does nothing else.
    later = lighthouse.attention(q, k, v, rope=(cos[300:], sin[300:]), **OPTIONS)
    torch.testing.assert_close(later, here, atol=2e-5, rtol=0)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_tables_of_other_forms(device, pairing):
    q, k, v = tensors(device=device, requires_grad=False)
    cos, sin = rotary_tables(300, 32, device)
    run = functools.partial(lighthouse.attention, q, k, v, rope_pairing=pairing, **OPTIONS)
    wanted = run(rope=(cos, sin))
    whole = [torch.cat([t, t], 1) if pairing == "half" else t.repeat_interleave(2, 1) for t in (cos, sin)]
    assert torch.equal(run(rope=whole), wanted)
    assert torch.equal(run(rope=[t.double() for t in (cos, sin)]), wanted)
    strided = [t.t().contiguous().t() for t in (cos, sin)]
    assert torch.equal(run(rope=strided), wanted)


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("packed", [False, True])
def test_passes_as_a_whole_equal_their_stages(device, dtype, packed, pairing):
    qkv = torch.randn(2, 515, 8, 32, device=device).to(dtype).requires_grad_()
    do = torch.randn(2, 515, 4, 32, device=device).to(dtype)
    options = dict(rope=rotary_tables(515, 32, device), rope_pairing=pairing, deterministic=True, **OPTIONS)

    def run():
        if packed:
            o = lighthouse.attention_packed(qkv, 4, 2, **options)
        else:
            o = lighthouse.attention(*qkv.split([4, 2, 2], 2), **options)
        return o, *torch.autograd.grad(o, qkv, do)

    whole = run()
    with EachStage():
        stages = run()
    assert all(torch.equal(a, b) for a, b in zip(whole, stages))
    with torch.no_grad():
        assert torch.equal(lighthouse.attention_packed(qkv, 4, 2, **options), whole[0])


def test_layouts_and_own_scores(device):
    q, k, v = tensors(device=device, requires_grad=False)
    rope = rotary_tables(300, 32, device)
    o = lighthouse.attention(q, k, v, rope=rope, **OPTIONS)
    other = lighthouse.attention(*(x.transpose(1, 2) for x in (q, k, v)), rope=rope, layout="bhnd", **OPTIONS)
    assert torch.equal(other.transpose(1, 2), o)
    *_, sq, sk = torch.ops.lighthouse.pool_score(q, k, v, OPTIONS["levels"], OPTIONS["factor"])
    # Pooling alone may round means in another way than pooling and scoring.
    torch.testing.assert_close(lighthouse.attention(q, k, v, rope=rope, scores=(sq, sk), **OPTIONS), o)


def test_gradients_in_the_sense_of_differences():
    q, k, v = tensors(length=90, dim=16)
    options = dict(rope=rotary_tables(90, 16), **OPTIONS)
    *_, sq, sk = torch.ops.lighthouse.pool_score(*(x.detach() for x in (q, k, v)), 3, 4)
    options["scores"] = sq, sk  # so that the selection stays while q and k change
    o = lighthouse.attention(q, k, v, **options)
    do = torch.randn_like(o)
    for x, gradient in zip((q, k, v), torch.autograd.grad(o, (q, k, v), do)):
        step = torch.randn_like(x) * 2 ** -7
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                moved = [y + sign * step if y is x else y for y in (q, k, v)]
                ends.append((lighthouse.attention(*moved, **options).double() * do).sum())
        slope = (gradient.double() * step).sum()
        torch.testing.assert_close((ends[0] - ends[1]) / 2, slope, rtol=2e-3, atol=2e-4)


# ---- as PyTorch sees them ----

def block(x, weights, rope):
    """A layer around attention."""
    qkv = (x @ weights[0]).unflatten(2, (8, 32))
    o = lighthouse.attention(*qkv.split([4, 2, 2], 2), rope=rope, **OPTIONS)
    return x + o.flatten(2) @ weights[1]


def layer(device):
    x = torch.randn(1, 300, 128, device=device, requires_grad=True)
    weights = [torch.randn(128, n, device=device).mul(0.1).requires_grad_() for n in (256, 128)]
    return x, weights, rotary_tables(300, 32, device)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiles_to_one_graph(device, backend):
    torch._dynamo.reset()
    x, weights, rope = layer(device)
    eager = torch.autograd.grad(block(x, weights, rope).sin().sum(), (x, *weights))
    counter = torch._dynamo.testing.CompileCounterWithBackend(backend)
    compiled = torch.compile(block, fullgraph=True, backend=counter)
    gradients = torch.autograd.grad(compiled(x, weights, rope).sin().sum(), (x, *weights))
    for a, b in zip(gradients, eager):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=2e-4)
    assert counter.frame_count == 1


def test_one_graph_for_all_lengths(device):
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(functools.partial(lighthouse.attention, **OPTIONS), fullgraph=True,
                             dynamic=True, backend=counter)
    for length in (1536, 2048, 2051, 4096):
        q, k, v = tensors(length=length, device=device)
        rope = rotary_tables(length, 32, device)
        o = compiled(q, k, v, rope=rope)
        assert torch.equal(o, lighthouse.attention(q, k, v, rope=rope, **OPTIONS))
        o.sum().backward()
        assert q.grad.shape == q.shape
    assert counter.frame_count == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_checkpoint_policy(device, compiled, launches):
    torch._dynamo.reset()
    x, weights, rope = layer(device)
    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())

    def checkpointed(x, weights):
        return checkpoint(block, x, weights, rope, use_reentrant=False, context_fn=contexts)

    plain = torch.autograd.grad(block(x, weights, rope).sum(), (x, *weights))
    run = checkpointed
    if compiled:
        run = torch.compile(checkpointed, fullgraph=True, backend="aot_eager")
        run(x, weights)
    launches.clear()
    gradients = torch.autograd.grad(run(x, weights).sum(), (x, *weights))
    assert all(torch.equal(a, b) for a, b in zip(gradients, plain))
    assert launches == {"pool_score_op": 2, "select_op": 1, "gather_rope_op": 2, "attend_op": 1,
                        "scatter_op": 2, "scatter_backward_op": 1, "attend_backward_op": 1,
                        "gather_rope_backward_op": 1}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("staged", [False, True])
def test_keeps_nothing_of_q_k_v(device, packed, staged):
    formula = lighthouse.kept_bytes(300, heads=4, kv_heads=2, head_dim=32, **OPTIONS).total
    qkv = torch.randn(1, 300, 8, 32, device=device, dtype=torch.bfloat16, requires_grad=True)
    rope, given = rotary_tables(300, 32, device), qkv.untyped_storage().data_ptr()
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage
        return tensor

    def run():
        if packed:
            return lighthouse.attention_packed(qkv, 4, 2, rope=rope, **OPTIONS)
        return lighthouse.attention(*qkv.split([4, 2, 2], 2), rope=rope, **OPTIONS)

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        if staged:
            with EachStage():
                run()
        else:
            run()
    assert given not in storages
    # The tables are the caller's.
    for table in rope:
        del storages[table.untyped_storage().data_ptr()]
    assert sum(storage.nbytes() for storage in storages.values()) == formula


def test_double_backward_is_refused(device):
    q, k, v = tensors(device=device)
    for mode in (EachStage, torch.enable_grad):
        with mode():
            o = lighthouse.attention(q, k, v, rope=rotary_tables(300, 32, device), **OPTIONS)
            (first,) = torch.autograd.grad(o.square().sum(), q, create_graph=True)
            with pytest.raises(NotImplementedError, match="no second derivatives"):
                first.sum().backward()


def test_autocast_leaves_tables_alone(device):
    q, k, v = tensors(device=device)
    rope = rotary_tables(300, 32, device)
    with torch.autocast(device, dtype=torch.bfloat16):
        o = lighthouse.attention(q, k, v, rope=rope, **OPTIONS)
    wanted = lighthouse.attention(*(x.bfloat16() for x in (q, k, v)), rope=rope, **OPTIONS)
    assert o.dtype == torch.bfloat16 and torch.equal(o, wanted)


def test_prepare(device, capsys):
    lighthouse.prepare((1, 300, 4, 32), torch.float32, device, kv_heads=2,
                       rope=rotary_tables(300, 32, device), **OPTIONS)
    assert "programs are new" in capsys.readouterr().out


# ---- modules ----

@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
def test_module(device, pairing, layout):
    module = lighthouse.nn.LighthouseAttention(layout=layout, rope_pairing=pairing, **OPTIONS)
    q, k, v = tensors(device=device, requires_grad=False)
    rope = rotary_tables(300, 32, device)

    def run(q, k, v):
        if layout == "bnhd":
            return module(q, k, v, rope=rope)
        return module(*(x.transpose(1, 2) for x in (q, k, v)), rope=rope).transpose(1, 2)

    wanted = lighthouse.attention(q, k, v, rope=rope, rope_pairing=pairing, **OPTIONS)
    assert torch.equal(run(q, k, v), wanted)
    # Dense attention has the positions of the rows, with and without a key/value cache.
    tables = [table[:, None] for table in rope]
    turned = [reference.rotate(x, *tables, pairing == "interleaved") for x in (q, k)]
    wanted = lighthouse.dense_attention(*turned, v)
    module.dense = True
    torch.testing.assert_close(run(q, k, v), wanted)
    module.eval()
    torch.testing.assert_close(run(q, k, v), wanted)
    torch.testing.assert_close(run(q[:, -3:], k, v), wanted[:, -3:])


def test_use_knows_the_pairing_and_no_tables():
    model = torch.nn.ModuleList([lighthouse.nn.LighthouseAttention()])
    lighthouse.use(model, [0], rope_pairing="interleaved", **OPTIONS)
    assert model[0].options["rope_pairing"] == "interleaved"
    with pytest.raises(TypeError, match="'rope' is no option of a layer"):
        lighthouse.use(model, [0], rope=rotary_tables(300, 32))


# ---- errors ----

@pytest.mark.parametrize("kind, match, rope, pairing", [
    (ValueError, "rope_pairing must be 'half' or 'interleaved', got 'gptj'", "tables", "gptj"),
    (TypeError, r"rope must be the pair of tensors \(cos, sin\)", 3, "half"),
    (TypeError, r"rope must be the pair of tensors \(cos, sin\)", [torch.zeros(300, 16)], "half"),
    (ValueError, r"cos of rope must be \[300, 16\] or \[300, 32\] for 300 positions and head dim 32, got \[299, 16\]",
     [torch.zeros(299, 16)] * 2, "half"),
    (ValueError, r"sin of rope must be .*, got \[300, 8\]", [torch.zeros(300, 16), torch.zeros(300, 8)], "half"),
    (ValueError, r"got \[1, 300, 16\]", [torch.zeros(1, 300, 16)] * 2, "half"),
    (TypeError, "cos of rope must be a float tensor, got torch.int64",
     [torch.zeros(300, 16, dtype=torch.int64)] * 2, "half"),
    (ValueError, "cos of rope must be on cpu, as q is, got meta", [torch.zeros(300, 16, device="meta")] * 2,
     "half"),
    (ValueError, "cos of rope requires a gradient, and rotary tables are constants: detach it",
     [torch.zeros(300, 16, requires_grad=True)] * 2, "half"),
])
def test_errors(kind, match, rope, pairing):
    q, k, v = tensors()
    rope = rotary_tables(300, 32) if rope == "tables" else rope
    with pytest.raises(kind, match=match):
        lighthouse.attention(q, k, v, rope=rope, rope_pairing=pairing, **OPTIONS)
    with pytest.raises(kind, match=match):
        lighthouse.attention_packed(torch.zeros(1, 300, 8, 32), 4, 2, rope=rope, rope_pairing=pairing, **OPTIONS)
