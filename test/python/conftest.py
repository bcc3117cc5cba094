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
