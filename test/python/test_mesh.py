"""One sequence on several processes: in compiled graphs, under checkpoints, in models, and what it sends."""
import copy
import functools
import json
import os
import sys

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
from torch.utils.flop_counter import FlopCounterMode

import lighthouse_attention as lighthouse
from cases import ON_A_MESH, Layer, tensors
from lighthouse_attention import context_parallel
from mesh_cases import OPTIONS, PIECES, Share, both_passes, mesh_of_all, same_bits
from ranks import ROOT, torchrun

SCRIPT = os.path.join(ROOT, "tools", "gpu", "context_parallel.py")
sys.path.append(os.path.dirname(SCRIPT))

from context_parallel import counted_bytes, most_of_ranks  # noqa: E402  found by the line above

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence", "ignore:This process")


# ---- compilers, checkpoints ----

def _compile(pieces, heads):
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    share = Share(512, pieces)
    module = lighthouse.nn.LighthouseAttention(**OPTIONS, dense_backend="lighthouse", **share.options)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    given = tensors(512, heads, heads)
    do = share(torch.randn_like(given[0]))
    for dense in (False, True):
        lighthouse.set_dense(module, dense)
        expected = both_passes(module, share.leaves(given), do)
        assert all(same_bits(a, b) for a, b in
                   zip(expected, both_passes(compiled, share.leaves(given), do)))
    assert counters["stats"]["unique_graphs"] == 2
    # One graph for all lengths that are long enough.
    counters.clear()
    lighthouse.set_dense(module, False)
    dynamic = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=True)
    for length in (4096, 5120):
        leaves = Share(length, pieces).leaves(tensors(length, heads, heads))
        do = torch.randn_like(leaves[0])
        assert all(same_bits(a, b) for a, b in zip(both_passes(module, leaves, do), both_passes(dynamic, leaves, do)))
    assert counters["stats"]["unique_graphs"] == 1
    lighthouse.prepare((1, 512 // dist.get_world_size(), heads, 32), torch.float32, "cpu", **OPTIONS, **share.options)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("heads", [4, 3])
def test_compiled(ranks, pieces, heads):
    ranks(2).run(_compile, pieces, heads)


class Calls(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts calls of operators."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "lighthouse":
            name = function._opname
            self.counts[name] = self.counts.get(name, 0) + 1
        return function(*args, **(kwargs or {}))


def _checkpoint(heads, expected):
    share = Share(512, "contiguous")
    weights = [torch.randn(32, 32, requires_grad=True) for _ in range(4)]
    x = torch.randn(1, len(share.positions), heads, 32)

    def block(x, weights):
        q, k, v = (x @ w for w in weights[:3])
        return lighthouse.attention(q, k, v, **OPTIONS, **share.options) @ weights[3]

    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())
    plain = torch.autograd.grad(block(x, weights).sum(), weights)
    with Calls() as calls:
        o = checkpoint(block, x, weights, use_reentrant=False, context_fn=contexts)
        gradients = torch.autograd.grad(o.sum(), weights)
    assert all(same_bits(a, b) for a, b in zip(gradients, plain))
    twice = {"pool_score": 2, "select": 1, "gather": 2, "scatter_piece": 2, "scatter_piece_backward": 1,
             "gather_backward": 1}
    assert calls.counts == {**twice, **expected}
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, weights: checkpoint(block, x, weights, use_reentrant=False, context_fn=contexts),
                             fullgraph=True, backend="aot_eager")
    gradients = torch.autograd.grad(compiled(x, weights).sum(), weights)
    assert all(same_bits(a, b) for a, b in zip(gradients, plain))


@pytest.mark.parametrize("heads, expected", [
    (4, {"exchange_gathered": 2, "attend": 1, "exchange_attended": 1, "exchange_attended_backward": 1,
         "attend_backward": 1, "exchange_gathered_backward": 1}),
    (3, {"attend_gathered": 1, "attend_gathered_backward": 1})])
def test_checkpoint_policy(ranks, heads, expected):
    ranks(2).run(_checkpoint, heads, expected)


def _check_operators():
    ops = torch.ops.lighthouse
    config = (3, 4, 64, 16)
    where = context_parallel.place_of(mesh_of_all(), "head_tail")
    q, k, v = (x.detach() for x in tensors(128, 4, 2, batch=2))
    *coarsest, sq, sk = ops.pool_score(q, k, v, *config[:2])
    indices = ops.select(sq, sk, 128, *config, False)
    gathered = ops.gather(q, k, v, *coarsest, indices, *config)
    leaves = lambda xs: [x.clone().requires_grad_() for x in xs]
    by_heads = [x.detach() for x in ops.exchange_gathered(*gathered, False, *where)]
    o, lse = (x.detach() for x in ops.attend_gathered(*gathered, 0.2, True, True, False, *where))
    calls = {
        "exchange_gathered": (*leaves(gathered), False, *where),
        "exchange_gathered_backward": (*by_heads, 4, 2, True, *where),
        "exchange_attended": (*leaves(by_heads[:1]), True, *where),
        "exchange_attended_backward": (gathered[0], *where),
        "attend_gathered": (*leaves(gathered), 0.2, True, True, False, *where),
        "attend_gathered_backward": (o, *gathered, o, lse, 0.2, True, False, False, *where),
        "scatter_piece": (*leaves([o]), indices, 128, *config, *where),
        "scatter_piece_backward": (q, indices, *config, *where),
    }
    assert set(calls) == ON_A_MESH
    for name, arguments in calls.items():
        torch.library.opcheck(getattr(ops, name).default, arguments)
    with FlopCounterMode(display=False) as counter:
        o, _ = ops.attend_gathered(*leaves(gathered), 0.2, True, True, False, *where)
        o.sum().backward()
    s = gathered[0].shape[2] * where.count
    assert counter.get_total_flops() == (2 + 5) * 4 * s * s * 32 // where.world


def test_operators(ranks):
    ranks(2).run(_check_operators)


# ---- what is sent ----

def _count_bytes(pieces, heads, groups, levels):
    """What goes to other ranks, against the formula."""
    options = dict(levels=levels, factor=2, budget=64, chunk=8)
    share = Share(512, pieces)
    inputs = share.leaves(tensors(512, heads, groups, batch=2, dtype=torch.bfloat16))
    with counted_bytes() as carried:
        o = lighthouse.attention(*inputs, **options, **share.options)
        carried.append(0)
        o.sum().backward()
    expected = lighthouse.exchanged_bytes(512, dist.get_world_size(), pieces=pieces, batch=2, heads=heads,
                                          kv_heads=groups, head_dim=32, **options)
    assert most_of_ranks(*carried) == list(expected)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("world, heads, groups, levels", [(2, 4, 2, 3), (2, 3, 3, 4), (4, 8, 2, 4), (4, 6, 3, 2)])
def test_exchanged_bytes(ranks, pieces, world, heads, groups, levels):
    ranks(world).run(_count_bytes, pieces, heads, groups, levels)


# ---- what is kept ----

def _kept(function, inputs):
    """Bytes of what autograd saves."""
    storages = {}
    with torch.autograd.graph.saved_tensors_hooks(
            lambda t: storages.setdefault(t.untyped_storage().data_ptr(), t.untyped_storage()), lambda t: t):
        o = function(*inputs)
    return sum(storage.nbytes() for storage in storages.values()), o.numel() * o.element_size()


def _compare_kept(pieces, heads, groups):
    """What a rank keeps, against its plan."""
    options = dict(levels=3, factor=2, budget=64, chunk=8)
    share = Share(512, pieces)
    inputs = share.leaves(tensors(512, heads, groups, batch=2, dtype=torch.bfloat16))
    plan = lighthouse.plan(512, cards=dist.get_world_size(), pieces=pieces, batch=2, heads=heads, kv_heads=groups,
                           head_dim=32, crossover=False, **options)
    expected = plan.lighthouse.policies.none
    assert _kept(lambda *x: lighthouse.attention(*x, **options, **share.options), inputs) == (
        expected.kept_bytes, expected.output_bytes)
    # Where heads of dense attention are not exchanged, its own output is the layer's, and counted as that.
    expected = plan.dense.policies.none
    kept, output = _kept(lambda *x: lighthouse.dense_attention(*x, backend="lighthouse", **share.options), inputs)
    assert output == expected.output_bytes
    is_own = not lighthouse.shapes.exchanges_heads(heads, groups, dist.get_world_size())
    assert kept == expected.kept_bytes + (output if is_own else 0)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("world, heads, groups", [(2, 4, 2), (2, 3, 3), (4, 8, 2)])
def test_kept_bytes(ranks, pieces, world, heads, groups):
    ranks(world).run(_compare_kept, pieces, heads, groups)


@pytest.mark.parametrize("device, lengths", [
    ("cpu", ["512:3:64"]),
    pytest.param("cuda", ["4096:2:256", "4096:3:256", "8192:4:512"], marks=pytest.mark.skipif(
        torch.cuda.device_count() < 2, reason="there are no two GPUs"))])
def test_the_script_for_gpus(device, lengths, tmp_path):
    """It ends with an error if a bit of output or gradients differs from those of one process."""
    out = torchrun(SCRIPT, "--device", device, "--lengths", *lengths, "--chunk", 8, "--heads", 4, "--kv-heads", 2,
                   "--head-dim", 64, "--rounds", 4, "--json", tmp_path / "results.json")
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [row["pieces"] for row in rows] == list(PIECES) * len(lengths)
    assert all(row["efficiency"] > 0 and row["sent"] == row["sent_by_formula"] for row in rows)
    assert out.count("equal") == len(rows)


# ---- models and training ----

def _compare_models():
    """Outputs and gradients of models, of which a rank has a contiguous part: Lighthouse layers, layers that
    stay dense, and all dense."""
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(vocab_size=64, hidden_size=64, intermediate_size=64, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=2, head_dim=32, use_cache=False)
    share = Share(256, "contiguous")
    ids, do = torch.randint(0, 64, (1, 256)), torch.randn(1, 256, 64)
    model = transformers.LlamaForCausalLM(config)
    parts = copy.deepcopy(model)
    lighthouse.use(model, layers=[1], **OPTIONS)
    lighthouse.use(parts, layers=[1], **OPTIONS, mesh=mesh_of_all())
    for prepare in (lambda m: m.train(), lambda m: m.eval(), lambda m: lighthouse.set_dense(m.train())):
        for each in (model, parts):
            prepare(each)
        wanted = model(ids).logits
        found = parts(share(ids), position_ids=share.positions[None]).logits
        torch.testing.assert_close(found, share(wanted), atol=1e-5, rtol=1e-5)
        wanted.backward(do)
        found.backward(share(do))
        for p, q in zip(model.parameters(), parts.parameters()):
            dist.all_reduce(q.grad)
            torch.testing.assert_close(q.grad, p.grad, atol=1e-4, rtol=1e-4)
            p.grad = q.grad = None
    with pytest.raises(ValueError, match="padding and packed sequences are not supported"):
        parts(share(ids), attention_mask=(torch.arange(128) > 3).long()[None])


def test_transformers(ranks):
    ranks(2).run(_compare_models)


class Inner(torch.nn.Module):
    def forward(self, q, k, v):
        raise AssertionError("attention over a part of the sequence")


class Titan(torch.nn.Module):
    """A layer as torchtitan's."""

    def __init__(self):
        super().__init__()
        self.inner_attention = Inner()

    def forward(self, q, k, v):
        return self.inner_attention(q, k, v)


def _compare_inner_attention():
    share = Share(512, "head_tail")
    model = torch.nn.ModuleList([Titan(), Titan()])
    lighthouse.use(model, layers=[0], **OPTIONS, **share.options)
    given = [x.detach() for x in tensors(512, 4, 2)]
    for layer, function in zip(model, (functools.partial(lighthouse.attention, **OPTIONS),
                                       lighthouse.dense_attention)):
        torch.testing.assert_close(layer(*map(share, given)), share(function(*given)))


def test_torchtitan(ranks):
    ranks(2).run(_compare_inner_attention)


def _trained(model, batch):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        model(batch).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return [p.detach() for p in model.parameters()]


def _train_sharded():
    """Two sequences, each on two ranks; parameters are sharded over the two that have the same rows."""
    from torch.distributed.fsdp import fully_shard
    model, batch = torch.nn.Sequential(Layer(OPTIONS), Layer(OPTIONS)), torch.randn(2, 512, 64)
    wanted = _trained(copy.deepcopy(model), batch)
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("cp", "dp"))
    lighthouse.use(model, layers=slice(None), mesh=mesh["cp"], pieces="head_tail")
    assert model[1].attention.common["pieces"] == "head_tail"
    for module in (*model, model):
        fully_shard(module, mesh=mesh)
    positions = lighthouse.local_positions(512, mesh["cp"], pieces="head_tail")
    row = mesh["dp"].get_local_rank()
    for p, expected in zip(_trained(model, batch[row:row + 1, positions]), wanted, strict=True):
        torch.testing.assert_close(p.full_tensor(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.skipif(torch.__version__.startswith("2.8."),
                    reason="FSDP2 of PyTorch 2.8 does not divide the gradients that it sums over gloo")
def test_fsdp_on_a_mesh_of_two_dims(ranks):
    ranks(4).run(_train_sharded)
