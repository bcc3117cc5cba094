"""`plan`: against the other formulas, against attention's errors, and against what was measured."""
import json
import pathlib
import random

import pytest
import torch

import lighthouse_attention as lighthouse
from lighthouse_attention import _pieces, context_parallel, functional

RESULTS = pathlib.Path(__file__).parents[2] / "docs" / "results"

# What a measured time may be of its floor. The matrix rate was measured, too, as that of a large product, and
# attention over 49152 rows was faster than that in some runs (docs/results/README.md).
LEAST, MOST = 0.95, 1.2


def random_settings(generator, world):
    """Settings of a plan on `world` cards; few kinds of kernels, as making one takes longest."""
    heads, kv_heads, head_dim, dtype = generator.choice(
        [(8, 8, 128, "bfloat16"), (8, 2, 64, "float16"), (6, 3, 64, "bfloat16")])
    levels, factor = generator.choice([(3, 4), (4, 2)])
    pieces = generator.choice(_pieces_of(world))
    count = world * (2 if pieces == "head_tail" else 1)
    chunk = 32
    budget = chunk * count * generator.choice([1, 3] if world == 1 else [1])
    unit = count * factor ** (levels - 1)
    length = (generator.randrange(1, 20000) if world == 1 else unit * generator.randrange(1, 20000 // unit + 2))
    return dict(length=length, batch=generator.randrange(1, 4), heads=heads, kv_heads=kv_heads, head_dim=head_dim,
                dtype=dtype, levels=levels, factor=factor, budget=budget, chunk=chunk, cards=world, pieces=pieces)


def _pieces_of(world):
    return ["contiguous"] if world == 1 else ["contiguous", "head_tail"]


def formulas(settings):
    """What the functions of `shapes` say of the same."""
    pyramid = {name: settings[name] for name in ("levels", "factor", "budget", "chunk")}
    shape = {name: settings[name] for name in ("batch", "heads", "kv_heads", "head_dim")}
    length = settings["length"]
    count = settings["cards"] * (2 if settings["pieces"] == "head_tail" else 1)
    piece = dict(pyramid, budget=pyramid["budget"] // count)
    return (count * lighthouse.gathered_length(length // count, **piece),
            lighthouse.kept_bytes(length, **shape, **pyramid),
            lighthouse.exchanged_bytes(length, settings["cards"], pieces=settings["pieces"], **shape, **pyramid))


@pytest.mark.parametrize("world, count", [(1, 100), (2, 40), (3, 20), (4, 40), (8, 20)])
def test_agrees_with_the_formulas(world, count):
    generator = random.Random(world)
    for _ in range(count):
        settings = random_settings(generator, world)
        plan = lighthouse.plan(crossover=False, **settings)
        s, kept, exchanged = formulas(settings)
        assert plan.gathered_length == s, settings
        if world == 1:
            assert tuple(plan.lighthouse.kept.values()) == (kept.attended, kept.gathered, kept.selection), settings
            policies = plan.lighthouse.policies
            assert policies.none.kept_bytes == kept.total
            assert policies.checkpointed.kept_bytes == kept.checkpointed
            assert policies.recomputed.kept_bytes == 0
        sent = plan.lighthouse.forward.exchanged_bytes, plan.lighthouse.backward.exchanged_bytes
        assert sent == tuple(exchanged), settings


def test_agrees_with_what_attention_keeps():
    """Bytes that autograd saves, but for padding to multiples of 16."""
    settings = dict(heads=4, kv_heads=2, head_dim=32, levels=3, factor=4, budget=64, chunk=32)
    q, k, v = (torch.randn(1, 512, heads, 32, dtype=torch.bfloat16, requires_grad=True) for heads in (4, 2, 2))
    storages = {}
    with torch.autograd.graph.saved_tensors_hooks(
            lambda t: storages.setdefault(t.untyped_storage().data_ptr(), t.untyped_storage()), lambda t: t):
        lighthouse.attention(q, k, v, levels=3, factor=4, budget=64, chunk=32)
    plan = lighthouse.plan(512, crossover=False, **settings)
    assert sum(x.nbytes() for x in storages.values()) == plan.lighthouse.policies.none.kept_bytes


def test_a_million_tokens_on_8_cards():
    plan = lighthouse.plan(1048576, cards=8, levels=4, budget=4096, layers=30, dense_layers=4)
    assert plan.gathered_length == 65536
    assert "S = 65536, N / S = 16.0; layers: 30, of which dense: 4" in str(plan)
    # All but the border of a piece: seven eighths of a card's eighth of q~, k~, v~ and o~.
    assert 0 <= plan.lighthouse.forward.exchanged_bytes - 4 * 65536 * 7 // 8 * 128 * 2 < 10000
    assert plan.dense.forward.exchanged_bytes == 4 * 1048576 * 7 // 8 * 128 * 2
    # An eighth of the flops of one card.
    attend, = (stage for stage in plan.lighthouse.forward.stages if stage["stage"] == "attend")
    assert attend["flops"] == 2 * 65536 ** 2 * 128
    assert attend["seconds"] == pytest.approx(attend["flops"] / plan.card.matrix_flops_per_second)
    # Sums over the layers.
    totals = plan.totals.none
    layers = [plan.lighthouse] * 26 + [plan.dense] * 4
    assert totals.forward_seconds == pytest.approx(sum(layer.forward.seconds for layer in layers))
    assert totals.kept_bytes == sum(layer.policies.none.kept_bytes + layer.policies.none.output_bytes
                                    for layer in layers)
    assert totals.peak_bytes > totals.kept_bytes and totals.fits
    assert 4 * 4096 <= plan.crossover_length < 1048576
    assert plan.as_dict["length"] == plan.length == 1048576
    assert "N=1048576 S=65536 cards=8" in repr(plan)


def test_gathered_keys_share_attention():
    """Where heads are not exchanged, the card with the most work has W - 1 whole pairs of pieces and a half."""
    plan = lighthouse.plan(98304, heads=6, kv_heads=3, cards=4, crossover=False)
    attend, = (stage for stage in plan.lighthouse.forward.stages if stage["stage"] == "attend")
    assert attend["flops"] == (3 + 1 / 2) * 4 * (18432 // 4) ** 2 * 6 * 128
    both = lighthouse.plan(98304, heads=6, kv_heads=3, cards=4, pieces="head_tail", chunk=64, crossover=False)
    attend, = (stage for stage in both.lighthouse.forward.stages if stage["stage"] == "attend")
    assert attend["flops"] == (7 + 2 / 2) * 4 * (18432 // 8) ** 2 * 6 * 128


def test_crossover():
    """Below it the floor of dense attention is lower, from it on that of Lighthouse."""
    found = lighthouse.plan(98304).crossover_length
    for length, is_faster in ((found, True), (found - 4 * 1536 // 64, False)):
        plan = lighthouse.plan(length, crossover=False)
        assert (plan.lighthouse.seconds < plan.dense.seconds) == is_faster
        assert plan.crossover_length is None


def test_members():
    plan = lighthouse.plan(4096, dtype=torch.float16, crossover=False)
    assert plan.dtype == "f16" and plan.lighthouse.policies.none == plan.as_dict["lighthouse"]["policies"]["none"]
    with pytest.raises(AttributeError, match="a plan has no member 'gathers' here; there are attended, gathered"):
        plan.lighthouse.kept.gathers


def test_no_crossover():
    """All entries are expanded up to lengths beyond those that are tried."""
    plan = lighthouse.plan(98304, budget=128 * 2**18)
    assert plan.crossover_length is None
    assert "dense would be faster at every length that was tried" in str(plan)


def test_ceilings():
    plan = lighthouse.plan(98304, card="h100", copy_rate=1e12, matrix_rate=1e14, link_rate=1e9, cards=2,
                           memory_bytes=10**8, crossover=False)
    for stage in plan.lighthouse.backward.stages:
        moved = stage["bytes_read"] + stage["bytes_written"]
        assert stage["seconds"] == pytest.approx(max(moved / 1e12, stage["flops"] / 1e14))
    forward = plan.lighthouse.forward
    assert forward.exchange_seconds == pytest.approx(forward.exchanged_bytes / 1e9)
    assert forward.seconds == pytest.approx(sum(s["seconds"] for s in forward.stages) + forward.exchange_seconds)
    assert not plan.totals.none.fits and "does not fit" in str(plan)


@pytest.mark.parametrize("wrong", [
    dict(levels=1), dict(factor=3), dict(chunk=3), dict(budget=100), dict(budget=0), dict(budget=1600)])
def test_refuses_a_pyramid_as_attention_does(wrong):
    config = dict(dict(levels=3, factor=4, budget=1536, chunk=128), **wrong)
    with pytest.raises(ValueError) as ours:
        lighthouse.plan(98304, **config)
    with pytest.raises(ValueError) as theirs:
        functional._check_config(**config)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("heads, kv_heads, head_dim", [(6, 4, 64), (4, 4, 40), (4, 4, 512)])
def test_refuses_heads_as_attention_does(heads, kv_heads, head_dim):
    with pytest.raises(ValueError) as ours:
        lighthouse.plan(256, heads=heads, kv_heads=kv_heads, head_dim=head_dim)
    q, k = (torch.empty(1, 256, n, head_dim, device="meta") for n in (heads, kv_heads))
    with pytest.raises(ValueError) as theirs:
        functional._check_heads(q, k, k)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("length, world, pieces, budget", [
    (98305, 2, "contiguous", 1536), (98320, 2, "head_tail", 1536), (81920, 5, "contiguous", 1536),
    (98304, 8, "contiguous", 1536), (98304, 4, "head_tail", 1536), (114688, 7, "contiguous", 128),
    (98304, 8, "head_tail", 640), (98304, 2, "contiguous", 128), (98304, 6, "contiguous", 128 * 5 * 9)])
def test_refuses_pieces_as_attention_does(length, world, pieces, budget):
    with pytest.raises(ValueError) as ours:
        lighthouse.plan(length, cards=world, pieces=pieces, budget=budget)
    place = _pieces.Place(0, world, pieces == "head_tail", "")
    with pytest.raises(ValueError) as theirs:
        context_parallel.local_config(place, length, (3, 4, budget, 128))
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("wrong, message", [
    (dict(length=0), "N must be positive, got 0"),
    (dict(batch=0), "batch must be positive, got 0"),
    (dict(layers=2, dense_layers=3), "dense layers must be from 0 to 2"),
    (dict(cards=0), "cards must be positive, got 0"),
    (dict(heads=0), "heads must be positive, got 0 query and 0 key/value heads"),
    (dict(levels=17), r"factor\^\(levels - 1\) must be at most 2\^30, got 4\^16"),
    (dict(dtype="int32"), "dtype must be one of bfloat16, float16, float32, got int32"),
    (dict(pieces="halves"), "pieces must be one of 'contiguous', 'head_tail', got 'halves'"),
    (dict(card="abacus"), "there is no card 'abacus'; there are h200, h100"),
    (dict(copy_rate=-1), "the copy bandwidth must be positive and finite, got -1"),
    (dict(budget=2**63), "budget must be an integer of 64 bits"),
    (dict(length=2 * 10**9), r"a pyramid over 2000000000 positions has 2\^31 entries or more")])
def test_errors(wrong, message):
    with pytest.raises(ValueError, match=message):
        lighthouse.plan(**dict(dict(length=98304), **wrong))


# ---- against measurements on an H200 ----

def contender(file, length, name="ours, graph"):
    """Seconds of a contender of tools/gpu/compare.py."""
    results = json.loads((RESULTS / file).read_text())["results"]
    row, = (row for row in results if row["n"] == length)
    return next(each["ms"] for each in row["contenders"] if each["name"] == name) / 1e3


def sweep():
    """The points of `lhc bench --sweep` with a budget of 2048, by length."""
    points = json.loads((RESULTS / "h200-sweep-2026-11-29.json").read_text())["points"]
    return {point["extent"]: point for point in points}


# N, budget, passes, and where the seconds are.
MEASURED = [
    (32768, 2048, ("forward",), lambda: sweep()[32768]["warm"]["graph"]),
    (98304, 1536, ("forward",), lambda: contender("h200-compare-2026-11-29-4.json", 98304)),
    (98304, 1536, ("forward", "backward"), lambda: contender("h200-compare-grad-2026-11-29-4.json", 98304)),
    (524288, 2048, ("forward",), lambda: contender("h200-compare-512k-2026-11-29-4.json", 524288)),
    (524288, 2048, ("forward",), lambda: sweep()[524288]["warm"]["graph"])]


@pytest.mark.parametrize("length, budget, passes, measured", MEASURED)
def test_measured_times_are_near_the_floors(length, budget, passes, measured):
    plan = lighthouse.plan(length, budget=budget, crossover=False)
    floor = sum(getattr(plan.lighthouse, each).seconds for each in passes)
    assert LEAST * floor <= measured() <= MOST * floor


def test_measured_dense_attention_and_crossover():
    """Forward passes: of dense attention the floor, and where the other one becomes faster."""
    points = sweep()
    for length in (32768, 98304, 524288):
        floor = lighthouse.plan(length, budget=2048, crossover=False).dense.forward.seconds
        assert LEAST * floor <= points[length]["dense_seconds"] <= MOST * floor
    faster = [length for length, point in points.items() if point["warm"]["graph"] < point["dense_seconds"]]
    slower = [length for length in points if length not in faster]
    assert max(slower) < lighthouse.plan(98304, budget=2048).crossover_length < min(faster)


def test_measured_memory():
    """Of tools/gpu/operator_cost.py: the peak counts the output, and not the cotangent, which is as large."""
    memory = json.loads((RESULTS / "h200-operator-2026-11-29.json").read_text())["memory"]
    policies = lighthouse.plan(98304, crossover=False).lighthouse.policies
    kept, peak = memory["operator"]
    assert kept == policies.none.kept_bytes
    assert peak == pytest.approx(policies.none.peak_bytes, rel=1e-3)
    kept, peak = memory["operator, checkpoint policy"]
    assert kept == policies.checkpointed.kept_bytes
    assert policies.checkpointed.peak_bytes <= peak <= 1.05 * policies.checkpointed.peak_bytes
