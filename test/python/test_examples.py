"""The example of training, and the experiment that is made of its parts, at toy sizes."""
import argparse
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "python", "examples")
sys.path.insert(0, EXAMPLES)

import bytes_data  # noqa: E402  found by the line above
import svg_plot  # noqa: E402
import train_bytes  # noqa: E402
from byte_llama import ByteLlama, Config, loss_of  # noqa: E402
from ranks import torchrun  # noqa: E402

STEPS, SWITCH = 8, 5


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with packages of some sizes; two have a file in common."""
    folder = tmp_path_factory.mktemp("packages")
    for name, files in (("ant", 8), ("bee", 8), ("cat", 1), ("dog", 1), ("elk", 1)):
        for i in range(files):
            path = folder / name / ("part" if i % 2 else "") / f"file_{i}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"def {name}_{i}_{j}(x):\n    return x + {j}\n" for j in range(60)))
        (folder / name / "notes.txt").write_text("no Python")
    for name in ("ant", "bee"):
        (folder / name / "common.py").write_text("common = 1\n" * 100)
    (folder / "single.py").write_text("single = 1\n" * 100)
    return folder


def load(packages, **options):
    return bytes_data.load([str(packages)], **{"length": 256, "held_out_bytes": 5000, **options})


def train(packages, out, *more):
    train_bytes.main(arguments(packages, out) + list(more))
    return json.loads((out / "log.json").read_text())


def arguments(packages, out):
    options = dict(out=out, device="cpu", corpus=packages, steps=STEPS, switch_at=SWITCH, batch=2,
                   eval_every=4, checkpoint_every=3, keep=9, held_out_bytes=5000, held_out_sequences=2,
                   length=256, dim=32, layers=3, heads=2, hidden=64, budget=16, chunk=8)
    return [word for name, value in options.items()
            for word in ("--" + name.replace("_", "-"), str(value))]


@pytest.fixture(scope="module")
def whole_run(packages, tmp_path_factory):
    """The folder and the log of a run that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole")
    return out, train(packages, out)


def test_corpus(packages):
    corpus = load(packages)
    assert sum(map(len, corpus.held_out.values())) >= 5000
    assert sorted([*corpus.held_out, *corpus.packages]) == ["ant", "bee", "cat", "dog", "elk",
                                                            "single.py"]
    train, held_out = bytes(corpus.train), b"".join(bytes(x) for x in corpus.held_out.values())
    assert (train + held_out).count(b"common = 1\n" * 100) == 1
    assert b"no Python" not in train + held_out
    # Files in the order of their paths.
    places = [train.index(f"def ant_{i}_".encode()) for i in (0, 2, 4, 6, 1, 3, 5, 7)]
    assert places == sorted(places)
    assert load(packages).digest == corpus.digest != load(packages, train_bytes=1000).digest
    assert len(load(packages, train_bytes=1000).train) == 1000
    with pytest.raises(bytes_data.DataError):
        corpus.held_out_sequences(256, 1000)


def test_pieces_read_no_byte_twice():
    text = torch.arange(200, dtype=torch.uint8)
    pieces = bytes_data.Pieces(text, 16, seed=3)
    read = torch.cat([pieces[i][:-1] for i in range(len(pieces))])
    assert len(pieces) == 12 and sorted(read.tolist()) == list(range(12 * 16))
    assert not torch.equal(pieces.order, bytes_data.Pieces(text, 16, seed=4).order)
    assert torch.equal(pieces.batch(4, 3), torch.stack([pieces[i] for i in (4, 5, 6)]))
    with pytest.raises(bytes_data.DataError):
        pieces.batch(10, 3)


def test_training_writes_what_it_says(whole_run):
    out, log = whole_run
    assert len(log["loss"]) == STEPS and log["loss"][-1] < log["loss"][0]
    assert [step for step, _ in log["held_out"]] == [4, SWITCH, STEPS]
    names = {element.tag.split("}")[1] for element in ElementTree.parse(out / "curves.svg").iter()}
    assert {"polyline", "text", "circle"} <= names
    assert sorted(path.name for path in out.glob("*.pt")) == [f"checkpoint-{i:06}.pt" for i in (3, 6, 8)]


@pytest.mark.parametrize("step", [3, 6], ids=["before the switch", "after the switch"])
def test_a_resumed_run_is_the_same(whole_run, tmp_path, step):
    out, log = whole_run
    command = [sys.executable, os.path.join(EXAMPLES, "train_bytes.py"), "--out", str(tmp_path),
               "--device", "cpu", "--resume", str(out / f"checkpoint-{step:06}.pt")]
    path = os.pathsep.join([os.path.join(ROOT, "python"), os.environ.get("PYTHONPATH", "")])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path})
    resumed = json.loads((tmp_path / "log.json").read_text())
    assert resumed["loss"] == log["loss"]
    assert resumed["held_out"] == log["held_out"]
    ends = [torch.load(folder / f"checkpoint-{STEPS:06}.pt") for folder in (out, tmp_path)]
    assert all(torch.equal(one, other) for one, other in zip(*(end["model"].values() for end in ends)))


def test_resuming_with_other_data_is_refused(packages, whole_run, tmp_path):
    more = ["--resume", str(whole_run[0] / "checkpoint-000003.pt"), "--corpus-bytes", "9000"]
    with pytest.raises(SystemExit, match="other data"):
        train(packages, tmp_path, *more)


def test_two_processes_share_sequences(whole_run, packages, tmp_path):
    """The losses of one process, up to the order of sums; one of the two writes."""
    out, log = whole_run
    said = torchrun(os.path.join(EXAMPLES, "train_bytes.py"), *arguments(packages, tmp_path), "--mesh", 2)
    assert said.count("parameters on cpu of 2 processes") == said.count("held-out loss") == 1
    shared = json.loads((tmp_path / "log.json").read_text())
    assert shared["settings"] == log["settings"]
    assert shared["loss"] == pytest.approx(log["loss"], rel=1e-3)
    assert [x for _, x in shared["held_out"]] == pytest.approx([x for _, x in log["held_out"]], rel=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in out.iterdir())


def test_a_mesh_needs_its_processes(packages, tmp_path):
    with pytest.raises(SystemExit, match="--mesh 2 needs as many processes, and there is 1: start them with torchrun"):
        train(packages, tmp_path, "--mesh", "2")


def test_too_little_data_is_said(packages, tmp_path):
    with pytest.raises(SystemExit, match="fewer than this run reads"):
        train(packages, tmp_path, "--corpus-bytes", "1000")


def test_recomputing_changes_nothing():
    batch = torch.randint(0, 256, (2, 257))
    gradients = []
    for recompute in ("none", "ffn", "policy", "block"):
        torch.manual_seed(0)
        model = ByteLlama(Config(length=256, dim=32, layers=3, hidden=64, budget=16, chunk=8,
                                 recompute=recompute))
        assert [block.attention.dense for block in model.blocks] == [True, False, True]
        loss_of(model, batch).backward()
        gradients.append([p.grad for p in model.parameters()])
    for others in gradients[1:]:
        assert all(torch.equal(one, other) for one, other in zip(gradients[0], others))


def test_rotating_entries_is_dense_in_evaluation():
    """Parameters and dense passes are those of the model that rotates rows; the sparse pass is another."""
    batch, losses = torch.randint(0, 256, (1, 257)), {}
    for rotate in ("rows", "entries"):
        torch.manual_seed(0)
        model = ByteLlama(Config(length=256, dim=32, layers=3, hidden=64, budget=16, chunk=8, rotate=rotate))
        with torch.no_grad():
            for block in model.blocks:
                block.qkv.weight.mul_(30)  # so that positions matter to attention, as they do when it is trained
        losses[rotate, "sparse"] = loss_of(model, batch)
        losses[rotate, "sparse"].backward()
        assert all(p.grad.isfinite().all() for p in model.parameters())
        losses[rotate, "dense"] = loss_of(model.eval(), batch)
    torch.testing.assert_close(losses["rows", "dense"], losses["entries", "dense"])
    assert abs(losses["rows", "sparse"] - losses["entries", "sparse"]) > 1e-4


def test_training_with_rotated_entries(packages, tmp_path):
    log = train(packages, tmp_path, "--rotate", "entries")
    assert log["settings"]["rotate"] == "entries" and log["loss"][-1] < log["loss"][0]


def test_compiled_blocks():
    """One graph for the dense layers, one for the others, and none more after the switch."""
    import lighthouse_attention as lighthouse
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    model = ByteLlama(Config(length=256, dim=32, layers=4, hidden=64, budget=16, chunk=8))
    batch = torch.randint(0, 256, (1, 257))
    expected = loss_of(model, batch)
    for block in model.blocks:
        block.compile(backend="aot_eager", fullgraph=True, dynamic=False)
    torch.testing.assert_close(loss_of(model, batch), expected)
    assert counters["stats"]["unique_graphs"] == 2
    lighthouse.set_dense(model)
    loss_of(model, batch)
    assert counters["stats"]["unique_graphs"] == 2


def test_pictures():
    panel = svg_plot.Panel("a < b", "x", "y", log_x=True)
    panel.line("some", [1, 2, 4, 8], [3.0, None, float("nan"), 5.0], points=True)
    panel.line("none", [], [])
    bars = svg_plot.Panel("bars")
    bars.bar("one", 1.0)
    root = ElementTree.fromstring(svg_plot.page([panel, svg_plot.Panel("empty"), bars], 2, "page"))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"a < b", "some", "no data", "one", "page"} <= set(texts)


def test_experiment_a(tmp_path):
    """Arms of the toy, a report, and its pictures."""
    command = [sys.executable, os.path.join(ROOT, "tools", "gpu", "experiment_a.py"), "--preset", "tiny",
               "--device", "cpu", "--steps", "10", "--arms", "dense,lighthouse,rope,again", "--out", str(tmp_path),
               "--corpus", os.path.join(os.path.dirname(torch.__file__), "_inductor")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "at <= 0.65 of dense's GPU seconds" in done.stdout
    log = json.loads((tmp_path / "lighthouse.json").read_text())
    assert log["complete"] and len(log["losses"]) == 10 and log["before"]["copies"]
    ElementTree.parse(tmp_path / "curves.svg")
    criteria = json.loads((tmp_path / "report.json").read_text())["criteria"]
    assert len(criteria) == 9
    assert "copies" in next(c["detail"] for c in criteria if c["criterion"].startswith("rotation"))
    assert json.loads((tmp_path / "rope.json").read_text())["settings"]["config"]["rotate"] == "entries"
    # The host is deterministic.
    assert criteria[-1]["detail"] == "at most 0.0000 in 6 steps"


def test_results_do_not_say_where_files_are(monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tools", "gpu"))
    import report
    options = argparse.Namespace(n=[512], json="/tmp/out.json", public="/somewhere/public")
    assert report.parameters_of(options) == {"n": [512]}
    monkeypatch.setattr(sys, "argv", ["tools/gpu/a.py", "--n", "512", "--json=/tmp/out.json", "--public",
                                      "/somewhere/public/"])
    assert report.environment("cpu")["command"] == " ".join(
        [os.path.basename(sys.executable), "tools/gpu/a.py --n 512 --json=out.json --public public"])
