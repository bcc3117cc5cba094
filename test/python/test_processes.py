"""Threads, forked processes, distributed training, CUDA graphs and streams."""
import multiprocessing
import threading

import pytest
import torch
import torch.distributed as dist

import lighthouse_attention as lighthouse
from cases import OPTIONS, Layer, tensors

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence",
                                        "ignore:This process")


def step(q, k, v):
    o = lighthouse.attention(q, k, v, **OPTIONS)
    return (o.detach(), *torch.autograd.grad(o.sin().sum(), (q, k, v)))


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_threads(device):
    """Each with lengths of its own, among them the first use of a length by several threads."""
    inputs = [tensors(length=600 + 7 * (i // 2), device=device) for i in range(8)]
    if device == "cuda":
        torch.cuda.synchronize()
    results = [None] * len(inputs)

    def work(i):
        for _ in range(3):
            results[i] = step(*inputs[i])

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result, given in zip(results, inputs):
        for a, b in zip(result, step(*given)):
            torch.testing.assert_close(a, b)


def _first_use(connection):
    connection.send(float(step(*tensors(length=200))[0].sum()))


@pytest.mark.parametrize("used_before", [False, True])
def test_forked_children(used_before, monkeypatch):
    """A child may be the first to use Lighthouse, and may use it after its parent did."""
    torch.set_num_threads(1)
    # Where torch sees a GPU it refuses a backward pass in the child of a process that had one.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code = multiprocessing.get_context("spawn")
    parent, child = code.Pipe()
    process = code.Process(target=_fork_and_compare, args=(child, used_before))
    process.start()
    assert parent.poll(100) and parent.recv() == "equal"
    process.join()


def _fork_and_compare(connection, used_before):
    torch.set_num_threads(1)
    mine = _sum() if used_before else None
    fork = multiprocessing.get_context("fork")
    parent, child = fork.Pipe()
    process = fork.Process(target=lambda: child.send(_sum()))
    process.start()
    theirs = parent.recv() if parent.poll(90) else None
    process.join()
    connection.send("equal" if theirs == (_sum() if mine is None else mine) else f"{theirs}, {mine}")


def _sum():
    torch.manual_seed(1)
    return float(sum(x.sum() for x in step(*tensors(length=200))))


# ---- distributed ----

def _model():
    torch.manual_seed(3)
    return torch.nn.Sequential(Layer(OPTIONS), Layer(OPTIONS))


def _batch():
    torch.manual_seed(4)
    return torch.randn(2, 300, 64)


def _train_on_rank(rank, store, kind, results):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    model = _model()
    if kind == "ddp":
        model = torch.nn.parallel.DistributedDataParallel(model)
    else:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        # Without a mesh the parameters move to GPUs where there are any, of which each rank needs one.
        mesh = init_device_mesh("cpu", (2,))
        for layer in model:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        loss = model(_batch()[rank:rank + 1]).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    whole = [p.full_tensor() if hasattr(p, "full_tensor") else p for p in model.parameters()]
    if rank == 0:
        results.send([p.detach().tolist() for p in whole])
    dist.destroy_process_group()


@pytest.mark.parametrize("kind", ["ddp", pytest.param("fsdp", marks=pytest.mark.skipif(
    torch.__version__.startswith("2.8."),
    reason="FSDP2 of PyTorch 2.8 does not divide the gradients that it sums over gloo"))])
def test_two_processes(kind, tmp_path):
    """Equal to one process on the whole batch."""
    context = multiprocessing.get_context("spawn")
    parent, child = context.Pipe()
    workers = [context.Process(target=_train_on_rank, args=(rank, tmp_path / "store", kind, child))
               for rank in range(2)]
    for worker in workers:
        worker.start()
    assert parent.poll(120), "the processes take too long"
    trained = [torch.tensor(p) for p in parent.recv()]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        model(_batch()).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    for a, b in zip(trained, model.parameters(), strict=True):
        torch.testing.assert_close(a, b.detach(), atol=1e-6, rtol=1e-5)


# ---- CUDA ----

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@needs_gpu
def test_streams():
    given = tensors(length=3000, dim=64, dtype=torch.bfloat16, device="cuda")
    wanted = lighthouse.attention(*given, **OPTIONS)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10 ** 8)
        copies = [x.detach() * 1 for x in given]
        o = lighthouse.attention(*copies, **OPTIONS)
    # Had it run on another stream, its inputs would not have been there yet.
    stream.synchronize()
    assert torch.equal(o, wanted)


@needs_gpu
def test_cuda_graphs():
    given = tensors(length=2500, dim=64, dtype=torch.bfloat16, device="cuda")
    run = lambda: lighthouse.attention(*given, deterministic=True, **OPTIONS)
    cotangent = torch.randn_like(given[0])
    train = lambda: (run(), *torch.autograd.grad(run(), given, cotangent))
    with pytest.raises(lighthouse.NotPreparedError, match="lighthouse_attention.prepare"):
        with torch.cuda.graph(torch.cuda.CUDAGraph()):
            run()
    lighthouse.prepare((1, 2500, 4, 64), torch.bfloat16, "cuda", kv_heads=2, deterministic=True,
                       **OPTIONS)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = train()
    with torch.no_grad():
        for x in given:
            x.copy_(torch.randn_like(x))
    graph.replay()
    assert equal(captured, train())


@needs_gpu
def test_cuda_graph_trees():
    torch._dynamo.reset()
    compiled = torch.compile(lambda *t: lighthouse.attention(*t, **OPTIONS), fullgraph=True,
                             mode="reduce-overhead")
    for _ in range(4):
        given = tensors(length=2500, dim=64, dtype=torch.bfloat16, device="cuda")
        o = compiled(*given)
        assert torch.equal(o, lighthouse.attention(*given, **OPTIONS))
        o.sum().backward()


@needs_gpu
def test_a_new_length_compiles_nothing():
    import time
    def timed(length):
        given = tensors(length=length, dim=64, dtype=torch.bfloat16, device="cuda")
        torch.cuda.synchronize()
        start = time.perf_counter()
        step(*given)
        return time.perf_counter() - start
    timed(16384)
    timed(16384 + 1024)
    assert min(timed(16384 + 1024 * i) for i in range(2, 7)) < 0.05


def test_prepare(capsys, device):
    dtype = torch.float32
    lighthouse.prepare((1, 450, 4, 32), dtype, device, kv_heads=2, **OPTIONS)
    assert "attention float32 [1, 450, 4, 32] on " in capsys.readouterr().out
    before = len(lighthouse.ops.programs)
    step(*tensors(length=450, device=device))
    assert len(lighthouse.ops.programs) == before
