"""One sequence on several processes: equal to one process, bit by bit where it says so; and its errors."""
import functools
import os
import time

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

import lighthouse_attention as lighthouse
from cases import rotary_tables, tensors
from lighthouse_attention import context_parallel
from lighthouse_attention._pieces import Place
from mesh_cases import OPTIONS, PIECES, Share, assert_close, both_passes, differences, mesh_of_all, same_bits
from ranks import ROOT, Ranks

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence", "ignore:This process")

DEEP = dict(levels=4, factor=2, budget=64, chunk=8)
FLAT = dict(levels=2, factor=8, budget=64, chunk=8)


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


# ---- heads in the second order of the deterministic gradient ----

REVERSED = os.path.join(ROOT, "test", "Target", "Inputs", "reversed_heads.lh")


@pytest.fixture(scope="module")
def spec_of_reversed():
    return lighthouse.kernels.load(REVERSED)


@pytest.mark.parametrize("heads, groups, parts, length, dim, batch", [
    (8, 8, 1, 1000, 64, 1), (8, 8, 1, 20480, 128, 2), (6, 2, 1, 700, 128, 1), (16, 2, 8, 13000, 64, 1),
    (8, 4, 2, 11000, 128, 2), (1, 1, 1, 300, 128, 1), (1, 1, 1, 300, 128, 2), (8, 1, 1, 900, 128, 1)])
def test_programs_wait_for_earlier_ones(spec_of_reversed, heads, groups, parts, length, dim, batch):
    """In turns, whatever the number of heads in the second order; else a GPU that is full of those who wait stops."""
    share, tiles = heads // (groups * parts), -(-length // 128)
    # The last number leaves it to the kernel.
    for reversed_heads in (*range(heads + 1), -1):
        programs = spec_of_reversed.programs(
            torch.empty(batch, length), H=heads, G=groups, D=dim, PARTS=parts, REVERSED=reversed_heads).tolist()
        turned = reversed_heads
        if turned < 0 and groups * parts > 1:
            turned = context_parallel.reversed_heads(heads, length, dim)
        elif turned < 0:
            turned = heads if batch > 1 else 0  # not where all programs start together
        started = set()
        for b, programs_of_batch in enumerate(programs):
            for part, block, backwards in programs_of_batch:
                assert bool(backwards) == (b == batch - 1 and (part + 1) * share > heads - turned)
                # Those that add to the same rows before it, and the part of the KV head that adds to the same keys.
                waits = [(b, part, other) for other in (range(block) if backwards else range(block + 1, tiles))]
                waits += [(b, part - 1, block)] if part % parts else []
                assert all(other in started for other in waits)
                started.add((b, part, block))
        assert len(started) == batch * groups * parts * tiles


@pytest.mark.parametrize("dim", [64, 128])
@pytest.mark.parametrize("heads", [2, 3, 8, 12, 32])
def test_ranks_share_out_reversed_heads(spec_of_reversed, heads, dim):
    """What ranks pass adds up to what the kernel takes for all heads, the last ones first."""
    for length in (128, 5000, 8192, 18432, 40960, 131072):
        whole = context_parallel.reversed_heads(heads, length, dim)
        assert whole == spec_of_reversed.count(torch.empty(length), H=heads, D=dim).item()
        assert 1 <= whole <= heads // 2
        for world in [w for w in range(1, heads + 1) if heads % w == 0]:
            shares = [context_parallel.reversed_share(Place(rank, world, False, ""), heads, length, dim)
                      for rank in range(world)]
            assert sum(shares) == whole
            turned = [h >= heads // world - share for share in shares for h in range(heads // world)]
            assert turned == [h >= heads - whole for h in range(heads)]


class ReversedHeads(torch.utils._python_dispatch.TorchDispatchMode):
    """What `attend_backward` is given as `reversed_heads`."""

    def __init__(self):
        super().__init__()
        self.given = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.lighthouse.attend_backward.default:
            self.given.append(args[10] if len(args) > 10 else -1)
        return function(*args, **(kwargs or {}))


def _pass_reversed_heads(pieces, heads, groups):
    share = Share(512, pieces)
    rows = [context_parallel.split(share(x), share.place).transpose(1, 2).clone().requires_grad_()
            for x in tensors(512, heads, groups)]
    given = []
    for causal, deterministic in ((True, True), (True, False), (False, True)):
        with ReversedHeads() as mode:
            context_parallel.attend(*rows, 0.2, causal, True, deterministic, share.place).sum().backward()
        given += mode.given
    turned = [None] * share.place.world
    dist.all_gather_object(turned, given[0])
    # As many as one process has at a time, half of the heads.
    assert sum(turned) == context_parallel.reversed_heads(heads, 512, 32) == heads // 2
    assert given[1:] == [-1, -1]


def _attention_passes_reversed_heads():
    """Lighthouse and dense alike."""
    share = Share(512, "contiguous")
    leaves = share.leaves(tensors(512, 4, 2))
    for length, run in (
            (lighthouse.gathered_length(512, **OPTIONS),
             lambda: lighthouse.attention(*leaves, **OPTIONS, **share.options, deterministic=True)),
            (512, lambda: lighthouse.dense_attention(*leaves, **share.options, backend="lighthouse",
                                                     deterministic=True))):
        with ReversedHeads() as mode:
            run().sum().backward()
        turned = [None] * share.place.world
        dist.all_gather_object(turned, mode.given[0])
        assert sum(turned) == context_parallel.reversed_heads(4, length, 32) > 0


def test_attention_passes_reversed_heads(ranks):
    ranks(2).run(_attention_passes_reversed_heads)


def _compile_reversed_heads():
    """One graph for all lengths, in which the number of heads is an expression of the length."""
    torch._dynamo.reset()
    share = Share(512, "head_tail")

    def run(q, k, v):
        return context_parallel.attend(q, k, v, 0.2, True, True, True, share.place)

    counters = torch._dynamo.utils.counters
    counters.clear()
    compiled = torch.compile(run, fullgraph=True, dynamic=True, backend="aot_eager")
    for length in (512, 1024):
        x = [x.transpose(1, 2).contiguous().requires_grad_() for x in tensors(length, 4, 2, batch=2)]
        do = torch.randn_like(x[0])
        assert all(same_bits(a, b) for a, b in zip(both_passes(run, x, do), both_passes(compiled, x, do)))
    assert counters["stats"]["unique_graphs"] == 1


def test_reversed_heads_in_a_graph(ranks):
    ranks(2).run(_compile_reversed_heads)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("world, heads, groups", [(2, 4, 4), (2, 6, 2), (4, 4, 2)])
def test_ranks_pass_reversed_heads(ranks, world, pieces, heads, groups):
    ranks(world).run(_pass_reversed_heads, pieces, heads, groups)


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


def _compare_rotated(pieces, pairing):
    """Rotary tables are those of the rank's positions, also of two pieces in a batch, and packed."""
    given = tensors(512, 4, 4, batch=2)
    do, share = torch.randn_like(given[0]), Share(512, pieces)
    tables = rotary_tables(512, 32)
    local = [table[share.positions] for table in tables]
    whole = both_passes(lambda *x: lighthouse.attention(*x, rope=tables, rope_pairing=pairing, **OPTIONS), given, do)
    parts = both_passes(lambda *x: lighthouse.attention(*x, rope=local, rope_pairing=pairing, **OPTIONS, **share.options),
                        share.leaves(given), share(do))
    assert not differences(whole, parts, share)
    (leaf,) = share.leaves([torch.cat(given, 2)])
    o, gradient = both_passes(lambda x: lighthouse.attention_packed(
        x, 4, rope=local, rope_pairing=pairing, **OPTIONS, **share.options), [leaf], share(do))
    assert not differences(whole, (o, *gradient.split(4, 2)), share)


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("pairing", ["half", "interleaved"])
def test_rotary_positions(ranks, pieces, pairing):
    ranks(2).run(_compare_rotated, pieces, pairing)


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
    for scorer in ("dilated", "gla"):
        with pytest.raises(ValueError, match=f"scorer='{scorer}' looks at the whole sequence"):
            run(mesh=mesh, scorer=scorer)
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
