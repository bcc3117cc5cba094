#!/usr/bin/env python3
"""Times the matrix product of kernels/examples/matmul.lh beside that of PyTorch (cuBLAS) and, where Triton is
installed, one in Triton, in turns, on one GPU, and compares their results with float32.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/matmul.py --json matmul.json

A round runs each a few times, in an order of its own. A GPU that is at the limit of its power slows down for
whoever runs: what is compared has to be in the same rounds. Of the forms in Triton (tiles, stages, warps, loads by
pointers or by descriptors) the fastest counts. `--target sm_80` adds the same kernel compiled for GPUs of that
architecture, without the units of later ones.
"""
import argparse
import os
import random

import torch

from lighthouse_attention import _launch, kernels
from report import environment, parameters_of, write_json
from timing import captured, compared, fastest, rounds_of

try:
    import triton
    import matmul_triton
except ImportError:
    triton = None

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "kernels", "examples", "matmul.lh")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[2048, 4096, 8192],
                        help="rows and columns of the matrices")
    parser.add_argument("--dtype", choices=("bfloat16", "float16"), default="bfloat16")
    parser.add_argument("--target", help="an architecture, sm_80 for example, for a second kernel of ours")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--triton-seconds", type=float, default=40,
                        help="how long new forms in Triton are tried for each size")
    parser.add_argument("--json", help="write the results into this file")
    return parser.parse_args()


def product_for(target, function, a, b, c):
    """A function that stores a @ b in c, by code for an architecture that is not the device's own."""
    types = function.types([(_launch.DTYPE_CODES[x.dtype], tuple(x.shape)) for x in (a, b)])
    program = function.spec.compile_for(target, function.__name__, types)
    return lambda: _launch.run(program, a.device, (a, b, c))


def measure(n, options):
    dtype = getattr(torch, options.dtype)
    torch.manual_seed(0)
    a, b = (torch.randn(n, n, device="cuda").to(dtype) for _ in range(2))
    product = kernels.load(EXAMPLE).matmul
    exact = a.float() @ b.float()
    errors = {}

    def check(name, c):
        error = ((c.float() - exact).abs().max() / exact.abs().max()).item()
        if not error <= torch.finfo(dtype).eps:
            raise SystemExit(f"n={n}, {name}: the largest error is {error:.1e} of the largest value")
        errors[name] = max(errors.get(name, 0.0), error)

    runs = {"lighthouse": lambda: product(a, b), "cublas": lambda: a @ b}
    for name, run in runs.items():
        check(name, run())
    repeats = max(1, 4 * 4096 ** 3 // n ** 3)
    result = {"n": n, "dtype": options.dtype, "errors": errors}
    written = torch.full_like(a, float("nan"))
    if options.target:
        runs[options.target] = product_for(options.target, product, a, b, written)
        runs[options.target]()
        check(options.target, written)
        written.fill_(float("nan"))
    graphs = {name: captured(run) for name, run in runs.items()}
    if triton:
        def check_form(form):
            check("triton", written)
            written.fill_(float("nan"))
        best, graphs["triton"], tried = fastest(matmul_triton.forms_of(a, b, written), repeats,
                                                options.triton_seconds, check_form)
        result.update(triton_form=best, triton_forms=tried)
    times = rounds_of(graphs, options.rounds, repeats)
    result.update(compared(times, 2 * n ** 3, "tflops"))
    text = f"cuBLAS {result['cublas']['tflops']:.1f}: {result['of_cublas']:.3f} of it"
    if triton:
        text += f"; Triton {result['triton']['tflops']:.1f} ({best}): {result['of_triton']:.3f} of it"
    if options.target:
        # This one is ours, too: it is compared with cuBLAS.
        del result["of_" + options.target]
        older = result[options.target]
        older["of_cublas"] = result["cublas"]["seconds"] / older["seconds"]
        text += f"; for {options.target} {older['tflops']:.1f}: {older['of_cublas']:.3f} of cuBLAS"
    print(f"{n:6} {options.dtype}: {result['lighthouse']['tflops']:6.1f} TFLOP/s; {text}; largest errors " + ", ".join(
        f"{name} {error:.1e}" for name, error in errors.items()), flush=True)
    return result


def main():
    options = parse_arguments()
    random.seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    results = [measure(n, options) for n in options.n]
    if options.json:
        write_json(options.json, {**environment("cuda"), "triton": triton.__version__ if triton else None,
                                  "parameters": parameters_of(options), "products": results})


if __name__ == "__main__":
    main()
