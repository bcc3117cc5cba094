import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def _devices():
    return ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
        not torch.cuda.is_available(), reason="there is no GPU"))]


@pytest.fixture(params=_devices())
def device(request):
    return request.param


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
