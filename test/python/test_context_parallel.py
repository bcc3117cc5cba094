"""One sequence on several processes: equal to one process, bit by bit where it says so."""
import copy
import functools
import json
import os
import sys
import time

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
from torch.utils.flop_counter import FlopCounterMode

import lighthouse_attention as lighthouse
from cases import ON_A_MESH, tensors
from lighthouse_attention import context_parallel
from lighthouse_attention._pieces import Place
from ranks import ROOT, Ranks, torchrun

SCRIPT = os.path.join(ROOT, "tools", "gpu", "context_parallel.py")
sys.path.append(os.path.dirname(SCRIPT))

from context_parallel import counted_bytes, most_of_ranks  # noqa: E402  found by the line above

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence", "ignore:This process")

OPTIONS = dict(levels=3, factor=4, budget=128, chunk=16)
DEEP = dict(levels=4, factor=2, budget=64, chunk=8)
FLAT = dict(levels=2, factor=8, budget=64, chunk=8)
PIECES = ("contiguous", "head_tail")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """ranks(W): W processes, the same for all tests as long as none fails."""
    made = {}

    def get(world):
        if world not in made or not all(process.is_alive() for process in made[world].processes):
            made[world] = Ranks(world, tmp_path_factory.mktemp("ranks"))
        return made[world]
    yield get
    for each in made.values():
        each.close()


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


# ---- geometry, without processes ----

@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize("head_tail", [False, True])
@pytest.mark.parametrize("step", [1, -1])
def test_routes(world, head_tail, step):
    """Every piece but the last one's reaches the next; units come in the order in which they are sent."""
    places = [Place(rank, world, head_tail, "") for rank in range(world)]
    assert sorted(piece for place in places for piece in place.owned()) == list(range(places[0].count))
    routes = [place.route(step) for place in places]
    wires = {(a, b): [] for a in range(world) for b in range(world)}
    for place, (out, _, sent, _) in zip(places, routes):
        units = iter(out)
        for target in range(world):
            wires[place.rank, target] = [place.owned()[next(units)] for _ in range(sent[target])]
        assert next(units, None) is None
    arrived = {}
    for place, (_, into, _, received) in zip(places, routes):
        slots = iter(into)
        for source in range(world):
            assert received[source] == len(wires[source, place.rank])
            for piece in wires[source, place.rank]:
                arrived[place.owned()[next(slots)]] = piece
    expected = {piece: piece - step for piece in range(places[0].count) if 0 <= piece - step < places[0].count}
    assert arrived == expected
    assert all(piece in place.owned() and place.owned()[place.slot_of(piece)] == piece
               for piece in range(places[0].count) for place in [places[places[0].owner(piece)]])


@pytest.mark.parametrize("length, config, message", [
    (1000, (3, 4, 128, 16), r"with 2 ranks of 2 pieces N must be a multiple of 64, 4 pieces of whole windows of "
                            r"the coarsest level, factor\^\(levels - 1\) = 16, got 1000; the nearest valid N is 1024"),
    (1024, (3, 4, 96, 16), "4 pieces must divide the 6 chunks of budget = 96 by chunk = 16: the nearest valid budget "
                           "is 128; or take chunk = 12"),
    (1024, (3, 4, 18, 6), "4 pieces must divide the 3 chunks of budget = 18 by chunk = 6: the nearest valid budget "
                          "is 24$"),
])
def test_what_pieces_must_divide(length, config, message):
    with pytest.raises(ValueError, match=message):
        context_parallel.local_config(Place(0, 2, True, ""), length, config)


def test_what_pieces_divide():
    assert context_parallel.local_config(Place(1, 2, True, ""), 1024, (3, 4, 128, 16)) == (3, 4, 32, 16)
    # The advice is taken.
    assert context_parallel.local_config(Place(1, 2, True, ""), 1024, (3, 4, 96, 12)) == (3, 4, 24, 12)


# ---- equal to one process ----

def _compare(pieces, options, dtype, heads, groups, batch, length, bits):
    given = tensors(length, heads, groups, batch=batch, dtype=dtype)
    do = torch.randn_like(given[0])
    whole = both_passes(lambda *x: lighthouse.attention(*x, **options), given, do)
    share = Share(length, pieces)
    run = lambda *x: lighthouse.attention(*x, **options, **share.options)
    parts = both_passes(run, share.leaves(given), share(do))
    assert parts[0].is_contiguous()
    if bits:
        assert not differences(whole, parts, share)
    else:
        assert_close(whole, parts, share, dtype)
        again = both_passes(run, share.leaves(given), share(do))
        assert all(same_bits(a, b) for a, b in zip(parts, again))


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("options, heads, groups, batch, length", [
    (OPTIONS, 4, 4, 1, 512), (OPTIONS, 8, 4, 2, 1024), (DEEP, 4, 4, 1, 1024), (FLAT, 8, 4, 1, 512)])
def test_equal_bits(ranks, world, pieces, dtype, options, heads, groups, batch, length):
    ranks(world).run(_compare, pieces, options, dtype, heads, groups, batch, length, True)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("world, heads, groups, dtype", [
    (2, 3, 3, torch.float32), (2, 6, 3, torch.bfloat16), (4, 6, 2, torch.float32), (4, 2, 2, torch.bfloat16)])
def test_heads_that_ranks_cannot_share_out(ranks, world, pieces, heads, groups, dtype):
    """Equal up to rounding, and from run to run."""
    ranks(world).run(_compare, pieces, OPTIONS, dtype, heads, groups, 2, 512, False)


def _compare_shared_heads(pieces, dtype, groups):
    """o and dq have the same bits, dk and dv are sums of the ranks."""
    given = tensors(512, 8, groups, batch=2, dtype=dtype)
    do = torch.randn_like(given[0])
    whole = both_passes(lambda *x: lighthouse.attention(*x, **OPTIONS), given, do)
    share = Share(512, pieces)
    parts = both_passes(lambda *x: lighthouse.attention(*x, **OPTIONS, **share.options), share.leaves(given), share(do))
    assert set(differences(whole, parts, share)) <= {"dk", "dv"}
    assert_close(whole, parts, share, dtype)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("dtype, groups", [(torch.float32, 2), (torch.bfloat16, 1)])
def test_fewer_key_heads_than_ranks(ranks, pieces, dtype, groups):
    ranks(4).run(_compare_shared_heads, pieces, dtype, groups)


def _compare_forms(pieces):
    """Packed, the other layout, own scores, cover of the prefix, autocast, a scale, a group, no gradient."""
    q, k, v = given = tensors(512, 4, 2)
    do, share = torch.randn_like(q), Share(512, pieces)
    options = dict(OPTIONS, cover_prefix=True, scale=0.3)
    attention = functools.partial(lighthouse.attention, **options)
    local = functools.partial(attention, **{**share.options, "mesh": mesh_of_all().get_group()})
    whole = both_passes(attention, given, do)
    assert not differences(whole, both_passes(local, share.leaves(given), share(do)), share)
    with torch.no_grad():
        assert same_bits(local(*share.leaves(given)), share(whole[0]))

    packed = torch.cat(given, 2)
    (leaf,) = share.leaves([packed])
    o, gradient = both_passes(lambda x: lighthouse.attention_packed(x, 4, 2, **options, **share.options), [leaf],
                              share(do))
    assert not differences(whole, (o, *gradient.split([4, 2, 2], 2)), share)

    swapped = [x.transpose(1, 2) for x in share.leaves(given)]
    assert same_bits(local(*swapped, layout="bhnd").transpose(1, 2), share(whole[0]))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert same_bits(local(*share.leaves(given)), share(attention(*given)))

    counts = [512 // 4, 512 // 16]
    scores = [[torch.randn(1, 2, n) for n in counts] for _ in range(2)]
    of_pieces = [torch.cat([torch.cat([level.chunk(share.place.count, 2)[piece] for level in levels], 2)
                            for piece in share.place.owned()], 2) for levels in scores]
    expected = attention(*given, scores=[torch.cat(levels, 2) for levels in scores])
    assert same_bits(local(*share.leaves(given), scores=of_pieces), share(expected))
    with pytest.raises(ValueError, match=r"query scores must be float32 \[1, 2, "):
        local(*share.leaves(given), scores=[torch.randn(1, 2, 3)] * 2)

    (again,) = torch.autograd.grad(local(*(leaves := share.leaves(given))).square().sum(), leaves[0], create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        again.sum().backward()
    assert local(*[x[:0] for x in share.leaves(given)]).shape == (0, 512 // dist.get_world_size(), 4, 32)


@pytest.mark.parametrize("pieces", PIECES)
def test_every_form(ranks, pieces):
    ranks(2).run(_compare_forms, pieces)


def _compare_dense(pieces, heads, groups, causal, backend, bits):
    given = tensors(256, heads, groups, batch=2)
    do, share = torch.randn_like(given[0]), Share(256, pieces)
    whole = both_passes(lambda *x: lighthouse.dense_attention(*x, causal=causal, backend=backend), given, do)
    parts = both_passes(lambda *x: lighthouse.dense_attention(*x, causal=causal, backend=backend, **share.options),
                        share.leaves(given), share(do))
    assert parts[0].is_contiguous()
    if bits:
        assert not differences(whole, parts, share)
    assert_close(whole, parts, share, torch.float32)
    swapped = [x.transpose(1, 2) for x in share.leaves(given)]
    o = lighthouse.dense_attention(*swapped, causal=causal, backend=backend, layout="bhnd", **share.options)
    assert same_bits(o.transpose(1, 2), parts[0])


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("heads, groups, causal, backend, bits", [
    (4, 2, True, "lighthouse", True), (4, 2, False, "lighthouse", True), (4, 4, True, "sdpa", False),
    (4, 2, True, "auto", False), (3, 3, True, "lighthouse", False), (3, 3, False, "auto", False)])
def test_dense(ranks, pieces, heads, groups, causal, backend, bits):
    ranks(2).run(_compare_dense, pieces, heads, groups, causal, backend, bits)


def _mesh_of_one():
    one = init_device_mesh("cpu", (dist.get_world_size(), 1), mesh_dim_names=("dp", "cp"))["cp"]
    given = tensors(512, 3, 3)
    do = torch.randn_like(given[0])
    whole = both_passes(lambda *x: lighthouse.attention(*x, **OPTIONS), given, do)
    for pieces in PIECES:
        parts = both_passes(lambda *x: lighthouse.attention(*x, **OPTIONS, mesh=one, pieces=pieces), given, do)
        assert all(same_bits(a, b) for a, b in zip(whole, parts))


def test_a_mesh_of_one_rank(ranks):
    ranks(2).run(_mesh_of_one)


# ---- compilers, checkpoints, counters ----

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


# ---- errors ----

def _refused():
    given = [x.detach() for x in tensors(256, 4, 2)]
    mesh = mesh_of_all()
    run = functools.partial(lighthouse.attention, *given, **OPTIONS)
    two = init_device_mesh("cpu", (1, dist.get_world_size()), mesh_dim_names=("dp", "cp"))
    with pytest.raises(ValueError, match=r"a mesh of 2 dims, \('dp', 'cp'\); take one of them"):
        run(mesh=two)
    with pytest.raises(TypeError, match="must be a torch.distributed.device_mesh.DeviceMesh of one dim or a process "
                                        "group, got int"):
        run(mesh=2)
    with pytest.raises(ValueError, match="pieces must be one of 'contiguous', 'head_tail', got 'ring'"):
        run(mesh=mesh, pieces="ring")
    on_meta = [x.to("meta") for x in given]
    with pytest.raises(ValueError, match="but the mesh exchanges tensors on cpu"):
        context_parallel.check_device(mesh, on_meta[0].device)
    with pytest.raises(ValueError, match="on meta, but the mesh exchanges tensors on"):
        context_parallel.check_device(mesh.get_group(), on_meta[0].device)
    with pytest.raises(ValueError, match="the nearest valid N is 512"):
        lighthouse.attention(*[x[:, :250] for x in given], **OPTIONS, mesh=mesh)
    with pytest.raises(ValueError, match="the nearest valid budget is 64; or take chunk = 12"):
        lighthouse.attention(*given, **{**OPTIONS, "budget": 48}, mesh=mesh)
    with pytest.raises(ValueError, match="a sequence on a mesh needs equal lengths, got 100 queries and 256 keys"):
        lighthouse.dense_attention(given[0][:, :100], *given[1:], mesh=mesh)
    with pytest.raises(ValueError, match="N must be a multiple of 4, pieces, got 202"):
        lighthouse.dense_attention(*[x[:, :101] for x in given], mesh=mesh, pieces="head_tail")
    with pytest.raises(ValueError, match="2 ranks cannot share out 3 query and 3 key/value heads evenly"):
        lighthouse.dense_attention(*[torch.randn(1, 64, 3, 32)] * 3, mesh=mesh, backend="sdpa")
    with pytest.raises(ValueError, match="N must be a multiple of 4, pieces, got 6"):
        lighthouse.local_positions(6, mesh, pieces="head_tail")
    first = dist.new_group([0])
    if dist.get_rank() == 1:
        with pytest.raises(ValueError, match="this process is no member of the group"):
            run(mesh=first)


def test_errors(ranks):
    ranks(2).run(_refused)


def _lose_a_peer(rank_that_ends):
    if dist.get_rank() == rank_that_ends:
        os._exit(0)
    share = Share(512, "contiguous")
    leaves = share.leaves(tensors(512, 4, 2))
    with pytest.raises(RuntimeError):
        lighthouse.attention(*leaves, **OPTIONS, **share.options).sum().backward()
    raise LookupError("the loss was seen")


def test_a_lost_peer_is_an_error(tmp_path):
    """Within the timeout of the group, and no hang."""
    pair = Ranks(2, tmp_path, seconds=10)
    pair.run(mesh_of_all)
    start = time.monotonic()
    for connection in pair.connections:
        connection.send((_lose_a_peer, (1,)))
    assert "the loss was seen" in pair.result(0)
    assert time.monotonic() - start < 30
    assert pair.result(1) == "the process ended"
    pair.close()


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


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.project = torch.nn.Linear(64, 8 * 32)
        self.attention = lighthouse.nn.LighthouseAttention(**OPTIONS)
        self.out = torch.nn.Linear(4 * 32, 64)

    def forward(self, x):
        q, k, v = self.project(x).unflatten(2, (8, 32)).split([4, 2, 2], 2)
        return x + self.out(self.attention(q, k, v).flatten(2))


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
    model, batch = torch.nn.Sequential(Layer(), Layer()), torch.randn(2, 512, 64)
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
