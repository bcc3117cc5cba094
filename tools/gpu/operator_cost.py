#!/usr/bin/env python3
"""What the PyTorch operator costs on one GPU: the time of a forward and backward pass beside `lhc bench
--grad`, the public code and dense cuDNN; bytes kept and peak; CPU time of a step; a new length.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib \
    python3 tools/gpu/operator_cost.py --lhc build/release/bin/lhc --public ../lighthouse-attention

--public DIR is a checkout of github.com/ighoshsubho/lighthouse-attention; without it the public code is
left out.
"""
import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

import lighthouse_attention as lighthouse
import public_lighthouse
from timing import GpuTimer, captured, turns
from report import environment, parameters_of, write_json

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEGA = 1e6


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=98304, help="positions N")
    parser.add_argument("--budget", type=int, default=1536, help="k")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--head-dim", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--lhc", help="path of lhc, for `lhc bench --grad`")
    parser.add_argument("--public", metavar="DIR", help="checkout of the public implementation")
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    return parser.parse_args()


def dense(q, k, v):
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)),
                                              is_causal=True).transpose(1, 2)


def checkpointed(attention):
    """As in a model: q, k and v are computed again, from a leaf that is kept anyway."""
    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())

    def run(q, k, v):
        return checkpoint(lambda *t: attention(*(x * 1 for x in t)), q, k, v, use_reentrant=False,
                          context_fn=contexts)
    return run


def step(attention, tensors, cotangent):
    return torch.autograd.grad(attention(*tensors), tensors, cotangent)


def memory(attention, tensors, cotangent):
    """Bytes that the forward pass leaves beside its output, and the most that a step needs."""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    output = attention(*tensors)
    kept = torch.cuda.memory_allocated() - before - output.numel() * output.element_size()
    torch.autograd.grad(output, tensors, cotangent)
    return kept, torch.cuda.max_memory_allocated() - before


def times(runs, repeat):
    """Milliseconds of each, in turns."""
    timer = GpuTimer()
    for run in runs.values():
        run()
        run()
    seen = {name: [] for name in runs}
    for name in turns(list(runs), repeat):
        seen[name].append(1e3 * timer(runs[name]))
    return {name: statistics.median(values) for name, values in seen.items()}


def cpu_microseconds(run, batches=15, repeat=40):
    """Processor time that all threads of the process need to enqueue a run, the median of batches."""
    seen = []
    for _ in range(batches + 1):
        torch.cuda.synchronize()
        start = time.process_time()
        for _ in range(repeat):
            run()
        seen.append(1e6 * (time.process_time() - start) / repeat)
    return statistics.median(seen[1:])


class Nothing(torch.autograd.Function):
    """What PyTorch itself needs for a node with three inputs."""

    @staticmethod
    def forward(ctx, q, k, v):
        return q.view_as(q)

    @staticmethod
    def backward(ctx, do):
        return do, do, do


def cpu_times(layers=8):
    """Microseconds, with tensors so small that the GPU waits: of one step, of each layer where one
    backward pass has several, as in a model, and of the same with a node that does nothing."""
    shape = (1, 1024, 2, 64)

    def leaf():
        return torch.randn(shape, dtype=torch.bfloat16, device="cuda", requires_grad=True)
    q, cotangent = leaf(), torch.randn(shape, dtype=torch.bfloat16, device="cuda")
    others = [(leaf(), leaf()) for _ in range(layers)]

    def run(attention, count):
        o = q
        for k, v in others[:count]:
            o = attention(o, k, v)
        torch.autograd.grad(o, [q, *[x for pair in others[:count] for x in pair]], cotangent)
    attention = functools.partial(lighthouse.attention, budget=128)
    result = {}
    for name, function in (("operator", attention), ("nothing", Nothing.apply)):
        result[name, "one step"] = cpu_microseconds(lambda: run(function, 1))
        result[name, f"each of {layers} layers"] = cpu_microseconds(lambda: run(function, layers)) / layers
    return {", ".join(key): value for key, value in result.items()}


def tensors_of(n, options, requires_grad=True):
    shape = (1, n, options.heads, options.head_dim)
    return [torch.randn(shape, dtype=torch.bfloat16, device="cuda").requires_grad_(requires_grad)
            for _ in range(3)]


def new_lengths(attention, options):
    """Milliseconds of the first step of lengths that were not seen before, without the kernels' own."""
    # Steps of other lengths take their memory from this, not from the driver.
    torch.empty(4 << 30, dtype=torch.uint8, device="cuda")
    result = []
    for i in range(8):
        tensors = tensors_of(16384 + 1024 * i, options)
        cotangent = torch.randn_like(tensors[0])
        taken = []
        for _ in range(3):
            torch.cuda.synchronize()
            start = time.perf_counter()
            step(attention, tensors, cotangent)
            taken.append(time.perf_counter() - start)
        result.append(1e3 * (taken[0] - min(taken[1:])))
    return result[2:]


def bench(options):
    """Seconds that `lhc bench --grad` finds, or what went wrong."""
    tensor = f"random:bf16[1,{options.n},{options.heads},{options.head_dim}]"
    spec = os.path.join(ROOT, "kernels", "lighthouse.lh")
    command = [options.lhc, "bench", spec, "--pipeline", "lighthouse", "--grad", "--json",
               "--target=cuda", "--set", f"K={options.budget}", f"--repeat={options.repeat}"]
    for name in ("q", "k", "v", "do"):
        command += ["--arg", f"{name}={tensor}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    return json.loads(done.stdout)["seconds"], None


def main():
    options = parse_arguments()
    torch.manual_seed(0)
    report = {**environment("cuda"), "parameters": parameters_of(options)}
    report["cpu_us"] = cpu_times()
    attention = functools.partial(lighthouse.attention, budget=options.budget)
    report["new_length_ms"] = new_lengths(attention, options)

    tensors = tensors_of(options.n, options)
    cotangent = torch.randn_like(tensors[0])
    run = functools.partial(step, attention, tensors, cotangent)
    run()
    graph = captured(run)
    # Dense attention would heat the GPU: the operator and `lhc bench` take turns by themselves.
    report["beside_bench"] = []
    for _ in range(3 if options.lhc else 0):
        seconds, failure = bench(options)
        if failure:
            sys.exit(failure)
        own = times({"operator": run, "operator, CUDA graph": graph}, options.repeat)
        report["beside_bench"].append({"lhc bench --grad": 1e3 * seconds, **own})

    functions = {"operator": attention, "operator, checkpoint policy": checkpointed(attention),
                 "dense, cuDNN": dense}
    if options.public:
        module = public_lighthouse.load(options.public)
        functions["public, compiled"] = public_lighthouse.PublicLighthouse(
            module, 3, 4, options.budget, True).forward
    runs = {name: functools.partial(step, f, tensors, cotangent) for name, f in functions.items()}
    for run in runs.values():
        run()
    runs["operator, CUDA graph"] = graph
    report["ms"] = times(runs, options.repeat)
    report["memory"] = {name: memory(f, tensors, cotangent) for name, f in functions.items()}
    if options.json:
        write_json(options.json, report)
    print(f"{report['device']}, torch {report['torch']}, N={options.n} k={options.budget} "
          f"H={options.heads} D={options.head_dim} bf16, forward and backward")
    for name, value in report["ms"].items():
        kept, peak = report["memory"].get(name, (None, None))
        sizes = "" if kept is None else f"  keeps {kept / MEGA:8.1f} MB, peak {peak / MEGA:8.1f} MB"
        print(f"{name:30} {value:9.3f} ms{sizes}")
    for line in report["beside_bench"]:
        print("alone:", ", ".join(f"{name} {value:.3f} ms" for name, value in line.items()))
    print("CPU time:", ", ".join(f"{name} {value:.0f} us" for name, value in report["cpu_us"].items()))
    print("a new length, ms more than the next step:",
          ", ".join(f"{value:.2f}" for value in report["new_length_ms"]))


if __name__ == "__main__":
    main()
