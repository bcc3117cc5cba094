import collections

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def pytest_addoption(parser):
    parser.addoption("--packings", type=int, default=200, help="random packings of documents to try, from 1000 on of any lengths")


@pytest.fixture
def packings(request):
    return request.config.getoption("--packings")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def _devices():
    return ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
        not torch.cuda.is_available(), reason="there is no GPU"))]


@pytest.fixture(params=_devices())
def device(request):
    return request.param


@pytest.fixture
def launches(monkeypatch):
    """How often each pipeline of operators.lh runs, in eager mode and in graphs."""
    from lighthouse_attention import ops
    counts = collections.Counter()
    run = ops.run

    def counting(pipeline, *args):
        counts[pipeline] += 1
        return run(pipeline, *args)

    monkeypatch.setattr(ops, "run", counting)
    return counts


@pytest.fixture(scope="session")
def ranks(tmp_path_factory):
    """ranks(W): W processes with a group, the same for all tests as long as none fails."""
    from ranks import Ranks
    made = {}

    def get(world):
        if world not in made or not all(process.is_alive() for process in made[world].processes):
            made[world] = Ranks(world, tmp_path_factory.mktemp("ranks"))
        return made[world]
    yield get
    for each in made.values():
        each.close()
