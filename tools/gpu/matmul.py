#!/usr/bin/env python3
"""Times the matrix product of kernels/examples/matmul.lh beside that of PyTorch (cuBLAS), in turns, on one
GPU, and compares its results with float32.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/matmul.py --json matmul.json

A round runs each a few times, in an order of its own. A GPU that is at the limit of its power slows down for
whoever runs: what is compared has to be in the same rounds.
"""
import argparse
import os
import random
import statistics

import torch

from lighthouse_attention import kernels
from report import environment, parameters_of, write_json
from timing import captured, rounds_of

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "kernels", "examples", "matmul.lh")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[2048, 4096, 8192],
                        help="rows and columns of the matrices")
    parser.add_argument("--dtype", choices=("bfloat16", "float16"), default="bfloat16")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", help="write the results into this file")
    return parser.parse_args()


def measure(n, dtype, rounds):
    torch.manual_seed(0)
    a, b = (torch.randn(n, n, device="cuda").to(dtype) for _ in range(2))
    product = kernels.load(EXAMPLE).matmul
    exact = a.float() @ b.float()
    errors = {name: ((c.float() - exact).abs().max() / exact.abs().max()).item()
              for name, c in (("lighthouse", product(a, b)), ("cublas", a @ b))}
    runs = {"lighthouse": captured(lambda: product(a, b)), "cublas": captured(lambda: a @ b)}
    times = rounds_of(runs, rounds, repeats=max(1, 4 * 4096 ** 3 // n ** 3))
    result = {"n": n, "dtype": str(dtype).removeprefix("torch."), "errors": errors}
    for name, taken in times.items():
        median = statistics.median(taken)
        result[name] = {"seconds": median, "best": min(taken), "tflops": 2 * n ** 3 / median / 1e12}
    result["of_cublas"] = result["cublas"]["seconds"] / result["lighthouse"]["seconds"]
    print(f"{n:6} {result['dtype']}: {result['lighthouse']['tflops']:6.1f} TFLOP/s, cuBLAS "
          f"{result['cublas']['tflops']:6.1f}: {result['of_cublas']:.3f} of it; largest error "
          f"{errors['lighthouse']:.1e}, cuBLAS {errors['cublas']:.1e}")
    return result


def main():
    options = parse_arguments()
    random.seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    results = [measure(n, getattr(torch, options.dtype), options.rounds) for n in options.n]
    if options.json:
        write_json(options.json, {**environment("cuda"), "parameters": parameters_of(options), "products": results})


if __name__ == "__main__":
    main()
