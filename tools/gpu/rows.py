#!/usr/bin/env python3
"""Times softmax, layer norm and RMS norm of kernels/examples beside kernels in Triton and beside a copy of
the same matrix, in turns, on one GPU, after comparing their results with float64.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/rows.py --json rows.json

Of the forms in Triton (numbers of warps, a program for each row or programs that go through the rows) the
fastest counts. The copy reads and writes what the kernels have to: the matrix, once each.
"""
import argparse
import os
import random

import torch
import triton
import triton.language as tl

from lighthouse_attention import kernels
from report import environment, parameters_of, write_json
from timing import captured, compared, fastest, rounds_of

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "kernels", "examples")
EPSILON = 1e-5


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["8192x8192"], help="rows x columns")
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    parser.add_argument("--kernels", nargs="+", choices=tuple(CASES), default=list(CASES))
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", help="write the results into this file")
    return parser.parse_args()


# ---- Triton: a row in registers; FIRST and STEP say which rows a program has ----

@triton.jit
def softmax_triton(x, y, M, N, WIDTH: tl.constexpr, STAGES: tl.constexpr):
    columns = tl.arange(0, WIDTH)
    for row in tl.range(tl.program_id(0), M, tl.num_programs(0), num_stages=STAGES):
        t = tl.load(x + row.to(tl.int64) * N + columns, mask=columns < N, other=float("-inf")).to(tl.float32)
        p = tl.exp(t - tl.max(t, axis=0))
        tl.store(y + row.to(tl.int64) * N + columns, p / tl.sum(p, axis=0), mask=columns < N)


@triton.jit
def layer_norm_triton(x, weight, bias, y, mean, rstd, M, N, epsilon, WIDTH: tl.constexpr, STAGES: tl.constexpr):
    columns = tl.arange(0, WIDTH)
    w = tl.load(weight + columns, mask=columns < N, other=0.0).to(tl.float32)
    b = tl.load(bias + columns, mask=columns < N, other=0.0).to(tl.float32)
    for row in tl.range(tl.program_id(0), M, tl.num_programs(0), num_stages=STAGES):
        t = tl.load(x + row.to(tl.int64) * N + columns, mask=columns < N, other=0.0).to(tl.float32)
        mu = tl.sum(t, axis=0) / N
        d = tl.where(columns < N, t - mu, 0.0)
        scale = 1.0 / tl.sqrt(tl.sum(d * d, axis=0) / N + epsilon)
        tl.store(y + row.to(tl.int64) * N + columns, d * scale * w + b, mask=columns < N)
        tl.store(mean + row, mu)
        tl.store(rstd + row, scale)


@triton.jit
def rms_norm_triton(x, weight, y, rrms, M, N, epsilon, WIDTH: tl.constexpr, STAGES: tl.constexpr):
    columns = tl.arange(0, WIDTH)
    w = tl.load(weight + columns, mask=columns < N, other=0.0).to(tl.float32)
    for row in tl.range(tl.program_id(0), M, tl.num_programs(0), num_stages=STAGES):
        t = tl.load(x + row.to(tl.int64) * N + columns, mask=columns < N, other=0.0).to(tl.float32)
        scale = 1.0 / tl.sqrt(tl.sum(t * t, axis=0) / N + epsilon)
        tl.store(y + row.to(tl.int64) * N + columns, t * scale * w, mask=columns < N)
        tl.store(rrms + row, scale)


def triton_forms(kernel, arguments, m, n, extra):
    """Functions that run a kernel, by what differs: warps, and blocks of a multiprocessor (0: a program a row)."""
    width = triton.next_power_of_2(n)
    multiprocessors = torch.cuda.get_device_properties(0).multi_processor_count

    def form(warps, blocks):
        grid = (min(m, multiprocessors * blocks) if blocks else m,)
        return lambda: kernel[grid](*arguments, m, n, *extra, WIDTH=width, STAGES=2 if blocks else 1, num_warps=warps)
    return {f"warps={warps} blocks={blocks or 'rows'}": form(warps, blocks)
            for warps in (4, 8, 16) for blocks in (0, 4)}


# ---- the three: what they compute in float64, and how each contender is called ----

def softmax_case(x):
    out = torch.empty_like(x)
    pipeline = kernels.load(os.path.join(EXAMPLES, "softmax.lh")).softmax
    return {"exact": lambda: (x.double().softmax(1),),
            "lighthouse": lambda: (pipeline(x),), "torch": lambda: (x.softmax(1),),
            "triton": (triton_forms(softmax_triton, (x, out), *x.shape, ()), (out,))}


def layer_norm_case(x):
    m, n = x.shape
    w, b = (torch.randn(n, device="cuda").to(x.dtype) for _ in range(2))
    out = torch.empty_like(x), torch.empty(m, device="cuda"), torch.empty(m, device="cuda")
    pipeline = kernels.load(os.path.join(EXAMPLES, "layer_norm.lh")).layer_norm

    def exact():
        mean, variance = x.double().mean(1), x.double().var(1, correction=0)
        rstd = (variance + EPSILON).rsqrt()
        return (x.double() - mean[:, None]) * rstd[:, None] * w.double() + b.double(), mean, rstd
    return {"exact": exact, "lighthouse": lambda: pipeline(x, w, b),
            "torch": lambda: (torch.nn.functional.layer_norm(x, (n,), w, b, EPSILON),),
            "triton": (triton_forms(layer_norm_triton, (x, w, b, *out), m, n, (EPSILON,)), out)}


def rms_norm_case(x):
    m, n = x.shape
    w = torch.randn(n, device="cuda").to(x.dtype)
    out = torch.empty_like(x), torch.empty(m, device="cuda")
    pipeline = kernels.load(os.path.join(EXAMPLES, "rms_norm.lh")).rms_norm

    def exact():
        rrms = (x.double().square().mean(1) + EPSILON).rsqrt()
        return x.double() * rrms[:, None] * w.double(), rrms
    return {"exact": exact, "lighthouse": lambda: pipeline(x, w),
            "torch": lambda: (torch.nn.functional.rms_norm(x, (n,), w, EPSILON),),
            "triton": (triton_forms(rms_norm_triton, (x, w, *out), m, n, (EPSILON,)), out)}


CASES = {"softmax": softmax_case, "layer_norm": layer_norm_case, "rms_norm": rms_norm_case}


def error_of(name, exact, results):
    """Largest error relative to the largest value; no more than rounding each result to its type allows."""
    worst = 0.0
    for wanted, found in zip(exact, results):
        error = ((found.double() - wanted).abs().max() / wanted.abs().max()).item()
        if not error <= max(torch.finfo(found.dtype).eps, 1e-5):
            raise SystemExit(f"{name}: the largest error is {error:.1e} of the largest value")
        worst = max(worst, error)
    return worst


def measure(name, m, n, dtype, rounds):
    torch.manual_seed(0)
    x = (2 * torch.randn(m, n, device="cuda") + torch.randn(m, 1, device="cuda")).to(dtype)
    case = CASES[name](x)
    exact = case["exact"]()
    errors = {contender: error_of(f"{name} by {contender}", exact, case[contender]())
              for contender in ("lighthouse", "torch")}
    forms, written = case["triton"]

    def check(form):
        errors["triton"] = max(errors.get("triton", 0.0), error_of(f"{name} in Triton, {form}", exact, written))
        for tensor in written:
            tensor.fill_(float("nan"))
    repeats = max(1, 8 * 8192 ** 2 // (m * n))
    best, graph, first = fastest(forms, repeats, check=check)
    del exact
    copied = torch.empty_like(x)
    times = rounds_of({"lighthouse": captured(lambda: case["lighthouse"]()), "triton": graph,
                       "torch": captured(lambda: case["torch"]()), "copy": captured(lambda: copied.copy_(x))},
                      rounds, repeats)
    result = {"kernel": name, "rows": m, "columns": n, "dtype": str(dtype).removeprefix("torch."), "errors": errors,
              "triton_form": best, "triton_forms": first,
              **compared(times, 2 * x.numel() * x.element_size(), "tb_per_s")}
    print(f"{name:10} {m}x{n} {result['dtype']}: {result['lighthouse']['seconds'] * 1e3:.4f} ms, Triton "
          f"{result['triton']['seconds'] * 1e3:.4f} ({best}), PyTorch {result['torch']['seconds'] * 1e3:.4f}, copy "
          f"{result['copy']['seconds'] * 1e3:.4f}: {result['of_triton']:.3f} of Triton's speed, "
          f"{100 * result['of_copy']:.1f}% of the copy; errors {errors['lighthouse']:.1e}, Triton {errors['triton']:.1e}",
          flush=True)
    return result


def main():
    options = parse_arguments()
    random.seed(0)
    shapes = [tuple(map(int, shape.split("x"))) for shape in options.shapes]
    results = [measure(name, m, n, getattr(torch, options.dtype), options.rounds)
               for m, n in shapes for name in options.kernels]
    if options.json:
        write_json(options.json, {**environment("cuda"), "triton": triton.__version__,
                                  "parameters": parameters_of(options), "rows": results})


if __name__ == "__main__":
    main()
