"""`kernels.load`: kernels and pipelines of a file as functions."""
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import lighthouse_attention as lighthouse
from lighthouse_attention import _launch

SPEC = """
import "elementwise.lh";

kernel scale_rows<T: float = f32, BLOCK: int = 64 in {32, 64}>(x: T[M, N], by: f32, shift: i32) -> (y: T[M, N])
    grid (M)
{
  let r = program_id(0);
  for j in range(0, N, BLOCK) {
    store(y[r, j :+ BLOCK], T(f32(load(x[r, j :+ BLOCK])) * by + f32(shift)));
  }
}

stage softsign<T: float>(x: T[N], slope: f32) -> (y: T[N]) adjoint softsign_backward;

kernel softsign_block<T: float = f32>(x: T[N], slope: f32) -> (y: T[N]) implements softsign grid (cdiv(N, 256)) {
  let i = program_id(0) * 256;
  let t = f32(load(x[i :+ 256]));
  store(y[i :+ 256], T(t / (1.0 + slope * abs(t))));
}

kernel softsign_backward<T: float = f32>(x: T[N], dy: T[N], slope: f32) -> (dx: T[N]) grid (cdiv(N, 256)) {
  let i = program_id(0) * 256;
  let root = 1.0 + slope * abs(f32(load(x[i :+ 256])));
  store(dx[i :+ 256], T(f32(load(dy[i :+ 256])) / (root * root)));
}

pipeline activate<T: float>(x: T[N], slope: f32) -> (y: T[N]) { return softsign(x, slope); }

pipeline both<T: float>(x: T[N], slope: f32) -> (y: T[N], z: T[N]) {
  let y = softsign(x, slope);
  return y, softsign(y, 2.0);
}

pipeline doubled<T: float>(x: T[M, N]) -> (y: T[M, N]) { return scale_rows(x, 2.0, 0); }

kernel broken(x: f32[N]) -> (y: f32[N]) grid (1) {
  store(y[0 :+ 8], load(x[0 :+ 8]) + zeros(f32[4]));
}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "mine.lh"
    path.write_text(SPEC)
    return path


@pytest.fixture(scope="module")
def mine(path):
    return lighthouse.kernels.load(path)


def test_what_a_module_shows(mine):
    assert dir(mine) == ["activate", "both", "broken", "doubled", "scale_rows", "softsign_backward",
                         "softsign_block"]
    assert "kernel scale_rows<T: float = f32, BLOCK: int = 64>(x: T[M, N], by: f32, shift: i32)" in repr(
        mine.scale_rows)
    with pytest.raises(AttributeError, match="mine.lh: activate, .* has no kernel or pipeline 'other'"):
        mine.other


def test_a_program_for_an_older_processor(mine):
    x = torch.arange(6.0).reshape(2, 3)
    y = torch.full_like(x, float("nan"))
    function = mine.doubled
    program = function.spec.compile_for("host:x86-64-v2", "doubled",
                                        function.types([(_launch.DTYPE_CODES[x.dtype], tuple(x.shape))]))
    _launch.run(program, x.device, (x, y))
    assert torch.equal(y, 2 * x)


def test_numpy(mine):
    x = np.random.default_rng(0).standard_normal((5, 100)).astype(np.float32)
    np.testing.assert_allclose(mine.scale_rows(x, 3.0, -1), x * 3 - 1, rtol=1e-6)
    np.testing.assert_allclose(mine.scale_rows(x[::2], shift=2, by=0.5, BLOCK=32), x[::2] / 2 + 2,
                               rtol=1e-6)
    np.testing.assert_allclose(mine.doubled(x.astype(np.float16)), (2 * x).astype(np.float16), rtol=2e-3)
    assert mine.scale_rows(x, 1, 0, T="f32").dtype == np.float32
    with pytest.raises(TypeError, match="numpy array"):
        mine.doubled([1, 2])


def test_bfloat16_arrays(mine):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.arange(12, dtype=ml_dtypes.bfloat16).reshape(3, 4)
    assert (mine.doubled(x) == 2 * x).all()


def test_numpy_without_torch(path):
    code = (f"import sys, numpy as np, lighthouse_attention as l\n"
            f"y = l.kernels.load({str(path)!r}).doubled(np.ones((2, 3), np.float32))\n"
            f"assert (y == 2).all() and 'torch' not in sys.modules")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tensors(mine, device, dtype):
    x = torch.randn(7, 130, device=device).to(dtype)
    torch.testing.assert_close(mine.scale_rows(x, 3.0, 1), (x.float() * 3 + 1).to(dtype))
    torch.testing.assert_close(mine.scale_rows(x.T.contiguous().T, 3.0, 1),
                               (x.float() * 3 + 1).to(dtype))
    torch.testing.assert_close(mine.doubled(x[1:4]), x[1:4] * 2)
    assert mine.doubled(x, T=dtype).device == x.device


def test_gradients(mine, device):
    x = torch.randn(1000, device=device, requires_grad=True)
    y = mine.activate(x, 0.5)
    wanted = x / (1 + 0.5 * x.abs())
    torch.testing.assert_close(y, wanted)
    dy = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, x, dy, retain_graph=True),
                               torch.autograd.grad(wanted, x, dy, retain_graph=True))
    # One of two results alone.
    _, z = mine.both(x, 0.5)
    torch.testing.assert_close(torch.autograd.grad(z, x, dy)[0],
                               torch.autograd.grad(wanted / (1 + 2 * wanted.abs()), x, dy)[0])
    with torch.no_grad():
        assert not mine.activate(x, 0.5).requires_grad
    (first,) = torch.autograd.grad(mine.activate(x, 0.5).square().sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        first.sum().backward()


def test_what_has_no_gradient_says_so(mine):
    x = torch.randn(3, 100, requires_grad=True)
    for function, arguments, match in ((mine.doubled, (), "has no adjoint"),
                                       (mine.scale_rows, (1.0, 0), "kernel 'scale_rows' has no gradient")):
        y = function(x, *arguments)
        assert y.requires_grad, "a gradient that is lost must not go unnoticed"
        with pytest.raises(NotImplementedError, match=match):
            y.sum().backward()


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_graphs(mine, device, backend):
    torch._dynamo.reset()

    def f(x):
        return mine.activate(x * 2, 0.5).sin() + mine.scale_rows(x[None], 2.0, 1)[0]

    x = torch.randn(500, device=device, requires_grad=True)
    compiled = torch.compile(lambda x: mine.activate(x * 2, 0.5).sin(), fullgraph=True, backend=backend)
    plain = lambda x: mine.activate(x * 2, 0.5).sin()
    torch.testing.assert_close(compiled(x), plain(x))
    torch.testing.assert_close(torch.autograd.grad(compiled(x).sum(), x),
                               torch.autograd.grad(plain(x).sum(), x))
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(f, fullgraph=True, backend=backend)(x), f(x))


def test_opcheck(mine, device):
    x = torch.randn(40, device=device, requires_grad=True)
    request = "|".join(["activate", "False", "1", "slope=0.5", mine.activate.module.key])
    torch.library.opcheck(torch.ops.lighthouse.call.default, ([x], request, True))
    torch.library.opcheck(torch.ops.lighthouse.call.default, ([x.detach()], request, False))
    types = repr(((0, (40,)),))
    torch.library.opcheck(torch.ops.lighthouse.call_backward.default,
                          ([x.detach(), x.detach()], request, types))


def test_cuda_graph(mine):
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    x = torch.randn(5, 99, device="cuda")
    graph = torch.cuda.CUDAGraph()
    mine.doubled(x)
    with torch.cuda.graph(graph):
        y = mine.doubled(x)
    x.fill_(3)
    graph.replay()
    assert (y == 6).all()


def test_errors(mine, tmp_path):
    x = torch.randn(3, 100)
    with pytest.raises(lighthouse.CompileError, match=r"mine.lh:\d+:\d+: error: '\+': shapes"):
        mine.broken(x[0])
    with pytest.raises(lighthouse.CompileError, match="expected one of 32, 64 for parameter 'BLOCK'"):
        mine.scale_rows(x, 1.0, 0, BLOCK=48)
    with pytest.raises(TypeError, match="argument 'shift' is missing"):
        mine.scale_rows(x, 1.0)
    with pytest.raises(TypeError, match="no argument or parameter 'SIZE'"):
        mine.doubled(x, SIZE=3)
    with pytest.raises(TypeError, match="expected 1 arguments, got 2"):
        mine.doubled(x, x)
    with pytest.raises(TypeError, match="'x' is given twice"):
        mine.doubled(x, x=x)
    with pytest.raises(lighthouse.CompileError, match="a value of type 'i32' .*, found '2147483648'"):
        mine.scale_rows(x, 1.0, 2 ** 31)
    with pytest.raises(TypeError, match="must be a torch tensor"):
        lighthouse.kernels.bundled("dense.lh").dense(torch.zeros(1, 1, 8, 16), 3, 4)
    with pytest.raises(lighthouse.LighthouseError, match="missing.lh"):
        lighthouse.kernels.load(tmp_path / "missing.lh")
    (tmp_path / "bad.lh").write_text("kernel k(x: f32[N]) -> (y: f32[N]) grid (1) {\n  let a = b;\n}\n")
    with pytest.raises(lighthouse.CompileError, match=r"bad.lh:2:11: error: unknown name 'b'"):
        lighthouse.kernels.load(tmp_path / "bad.lh")


def test_a_file_that_changed(tmp_path):
    path = tmp_path / "changing.lh"
    text = "kernel k(x: f32[N]) -> (y: f32[N]) grid (1) {{ store(y[0 :+ 8], load(x[0 :+ 8]) * {}); }}"
    x = torch.ones(8)
    for factor in (2, 3):
        path.write_text(text.format(f"{factor}.0"))
        assert (lighthouse.kernels.load(path).k(x) == factor).all()


def test_a_port(device):
    """A kernel as people write them, where the ports are at hand."""
    folder = os.environ.get("LIGHTHOUSE_PORTS")
    if not folder:
        pytest.skip("LIGHTHOUSE_PORTS names no folder of ports")
    softmax = lighthouse.kernels.load(os.path.join(folder, "softmax.lh")).softmax
    x = torch.randn(33, 1000, device=device)
    torch.testing.assert_close(softmax(x), x.softmax(1))
    compiled = torch.compile(lambda x: softmax(x * 2), fullgraph=True)
    torch.testing.assert_close(compiled(x), (x * 2).softmax(1))
