"""What wrong input says."""
import subprocess
import sys

import pytest
import torch

import lighthouse_attention as lighthouse
from cases import OPTIONS, tensors


def refused(kind, match, *args, **options):
    with pytest.raises(kind, match=match):
        lighthouse.attention(*args, **{**OPTIONS, **options})


def make(q=(1, 300, 4, 32), k=(1, 300, 2, 32), v=None, dtype=torch.float32):
    return [torch.zeros(shape, dtype=dtype) for shape in (q, k, v or k)]


@pytest.mark.parametrize("match, shapes", [
    ("equal lengths, got 200 queries and 300 keys; for generation use dense_attention",
     dict(q=(1, 200, 4, 32))),
    ("2 key/value heads do not divide 3 query heads", dict(q=(1, 300, 3, 32))),
    ("multiple of 16 from 16 to 256, got 24", dict(q=(1, 300, 4, 24), k=(1, 300, 2, 24))),
    ("multiple of 16 from 16 to 256, got 272", dict(q=(1, 300, 4, 272), k=(1, 300, 2, 272))),
    ("agree in batch and head dim", dict(q=(2, 300, 4, 32))),
    ("k and v must have one shape", dict(v=(1, 300, 1, 32))),
    (r"expected tensors \[B, N, H, D\], got shapes \[300, 4, 32\]", dict(q=(300, 4, 32))),
])
def test_shapes(match, shapes):
    refused(ValueError, match, *make(**shapes))


@pytest.mark.parametrize("match, options", [
    ("budget must be a positive multiple of chunk = 32, got 100; the nearest valid budget is 96",
     dict(budget=100)),
    ("nearest valid budget is 32", dict(budget=0)),
    ("levels must be at least 2", dict(levels=1)),
    ("factor must be a power of two", dict(factor=3)),
    ("chunk must be even", dict(chunk=3)),
    ("scale must be positive and finite, got -1", dict(scale=-1)),
    ("scale must be positive and finite, got nan", dict(scale=float("nan"))),
    ("layout must be 'bnhd' or 'bhnd'", dict(layout="nhd")),
    (r"query scores must be float32 \[1, 2, 94\]", dict(scores=[torch.zeros(1, 2, 9)] * 2)),
])
def test_options(match, options):
    refused(ValueError, match, *make(), **options)


def test_types():
    q, k, v = make()
    refused(TypeError, "one dtype, got torch.float32, torch.bfloat16", q, k.bfloat16(), v)
    refused(TypeError, "dtype must be one of .*, got torch.float64", *make(dtype=torch.float64))
    refused(TypeError, "expected a tensor, got list", [1], k, v)
    refused(TypeError, "scores must be the pair", q, k, v, scores=3)
    refused(TypeError, "attn_mask", q, k, v, attn_mask=None)
    refused(TypeError, "dropout_p", q, k, v, dropout_p=0.1)


def test_places_and_strides():
    q, k, v = make()
    refused(ValueError, "one device, the host or a CUDA device, got cpu, meta", q, k.to("meta"), v)
    refused(ValueError, r"last dim must be contiguous, got strides .*\.contiguous\(\)",
            torch.zeros(1, 300, 32, 4).transpose(2, 3), k, v)


def test_packed():
    with pytest.raises(ValueError, match=r"qkv must be \[B, N, 4 \+ 2 \* 2, D\]"):
        lighthouse.attention_packed(torch.zeros(1, 300, 9, 32), 4, 2, **OPTIONS)


def test_dense():
    with pytest.raises(ValueError, match="backend must be"):
        lighthouse.dense_attention(*make(), backend="flash")
    with pytest.raises(ValueError, match="multiple of 16"):
        lighthouse.dense_attention(*make((1, 9, 2, 24), (1, 9, 2, 24)), backend="lighthouse")


def test_distributed_tensors(tmp_path):
    import torch.distributed as dist
    from torch.distributed.tensor import Replicate, distribute_tensor, init_device_mesh
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        t = [distribute_tensor(x, mesh, [Replicate()]) for x in make()]
        refused(TypeError, "local_map", *t)
    finally:
        dist.destroy_process_group()


def run(code, **environment):
    """What a new process prints, both streams, and its exit status."""
    import os
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout + done.stderr


def test_nothing_happens_at_import():
    code = """
import sys, threading
import lighthouse_attention, lighthouse_attention.kernels
assert 'torch' not in sys.modules
maps = open('/proc/self/maps').read()
assert 'liblighthouse' not in maps and 'libcuda' not in maps
assert threading.active_count() == 1
import torch, lighthouse_attention.nn
assert 'liblighthouse' not in open('/proc/self/maps').read()
assert set(dir(lighthouse_attention)) >= {'attention', 'kernels', 'nn', 'use'}
"""
    assert run(code) == (0, "")


def test_missing_library(tmp_path):
    status, output = run("import torch, lighthouse_attention as l\n"
                         "l.attention(*torch.zeros(3, 1, 300, 2, 32))",
                         LIGHTHOUSE_LIBRARY_DIR=str(tmp_path))
    assert status == 1
    assert "neither liblighthouse_compiler.so nor liblighthouse.so is in" in output
    assert "Install the package lighthouse-attention-compiler" in output


def test_library_that_does_not_compile(tmp_path):
    import os

    from lighthouse_attention import _library
    folder = os.path.abspath(os.path.dirname(_library.library().path))
    runtime = os.path.join(folder, _library.RUNTIME)
    if not os.path.exists(runtime):
        pytest.skip("there is no runtime library beside the compiler")
    os.symlink(runtime, tmp_path / _library.RUNTIME)
    status, output = run("import torch, lighthouse_attention as l\n"
                         "l.attention(*torch.zeros(3, 1, 300, 2, 32))",
                         LIGHTHOUSE_LIBRARY_DIR=str(tmp_path))
    assert status == 1 and "runs programs but does not compile" in output


def test_no_driver():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    q, k, v = tensors(requires_grad=False)
    from lighthouse_attention import _programs
    spec = _programs.bundled("operators.lh")
    types = [_programs.TensorType(n, 2, tuple(x.shape)) for n, x in zip("qkv", (q, k, v))]
    with pytest.raises(lighthouse.LighthouseError, match="CUDA driver"):
        spec.compile("pool_op", types, (("L", 3), ("P", 4)), "cuda:0")
