#!/usr/bin/env python3
"""Times dense attention of this project beside that of PyTorch (cuDNN) and of FlashAttention-4, forward and
backward pass each in turns on one GPU, and compares the results with float64.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/attention.py --json attention.json

A shape is S,H,G,D: positions, heads, KV heads, head dim. The backward pass is all of it: sums of rows before,
gradients of q in the type of q behind.
"""
import argparse
import functools
import math
import random
import statistics
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import lighthouse_attention
from report import environment, parameters_of, write_json
from timing import rounds_of

SHAPES = ["18432,8,8,128", "32768,8,8,128", "49152,8,8,128", "18432,16,16,64", "18432,32,4,128"]
ROWS = 256  # that are compared


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--full", action="store_true", help="not causal")
    parser.add_argument("--fa4", help="the folder in which flash-attn-4 and what it needs are installed")
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--json", help="write the results into this file")
    return parser.parse_args()


def contenders_of(options):
    causal = not options.full

    def by_heads(attention):
        """An attention whose tensors have heads before positions."""
        return lambda *tensors: attention(*(x.transpose(1, 2) for x in tensors)).transpose(1, 2)

    def lighthouse(deterministic):
        return functools.partial(lighthouse_attention.dense_attention, causal=causal, layout="bhnd",
                                 deterministic=deterministic, backend="lighthouse")

    def cudnn(q, k, v):
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])

    found = {"lighthouse": by_heads(lighthouse(False)), "lighthouse, deterministic": by_heads(lighthouse(True)),
             "cudnn": by_heads(cudnn)}
    if options.fa4:
        sys.path[:0] = [options.fa4, options.fa4 + "/nvidia_cutlass_dsl/dsl_packages"]
        from flash_attn.cute import flash_attn_func

        def flash(deterministic):
            def attention(q, k, v):
                output = flash_attn_func(q, k, v, causal=causal, deterministic=deterministic)
                return output[0] if isinstance(output, tuple) else output
            return attention
        found["fa4"], found["fa4, deterministic"] = flash(False), flash(True)
    return found


def last_rows(q, k, v, do, causal):
    """Output and gradient of q of the last positions of the first head, in float64."""
    q, k, v, do = (tensor[0, :, 0].double() for tensor in (q, k, v, do))
    q, do = q[-ROWS:].requires_grad_(), do[-ROWS:]
    scores = q @ k.T / math.sqrt(q.shape[1])
    if causal:
        last = torch.arange(k.shape[0] - q.shape[0], k.shape[0], device=q.device)[:, None]
        scores = scores.masked_fill(torch.arange(k.shape[0], device=q.device) > last, -math.inf)
    output = scores.softmax(1) @ v
    return output.detach(), torch.autograd.grad(output, q, do)[0]


def largest_error(result, exact):
    return (result[0, -ROWS:, 0].double() - exact).abs().max().item()


def measure(shape, contenders, options):
    length, heads, kv_heads, dim = map(int, shape.split(","))
    torch.manual_seed(0)
    q, do, k, v = (torch.randn(1, length, h, dim, device="cuda", dtype=torch.bfloat16)
                   for h in (heads, heads, kv_heads, kv_heads))
    exact = last_rows(q, k, v, do, not options.full)
    leaves = [tensor.detach().requires_grad_() for tensor in (q, k, v)]
    forward, backward, errors = {}, {}, {}
    for name, attention in contenders.items():
        output = attention(*leaves)
        run = functools.partial(torch.autograd.grad, output, leaves, do, retain_graph=True)
        errors[name] = [largest_error(output.detach(), exact[0]), largest_error(run()[0], exact[1])]
        forward[name], backward[name] = functools.partial(attention, q, k, v), run
    operations = 4 * length * length * heads * dim / (1 if options.full else 2)
    result = {"shape": shape, "errors": errors}
    for what, runs, factor in (("forward", forward, 1), ("backward", backward, 2.5)):
        times = rounds_of(runs, options.rounds, repeats=3)
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        result[what] = {name: {"seconds": seconds, "tflops": factor * operations / seconds / 1e12,
                               "of lighthouse": seconds / medians["lighthouse"]}
                        for name, seconds in medians.items()}
        print(f"{shape} {what}: " + ", ".join(
            f"{name} {one['tflops']:.0f} TFLOP/s ({one['of lighthouse']:.2f}x our time, error "
            f"{errors[name][what == 'backward']:.1e})" for name, one in result[what].items()), flush=True)
    return result


def main():
    options = parse_arguments()
    random.seed(0)
    contenders = contenders_of(options)
    results = [measure(shape, contenders, options) for shape in options.shapes]
    if options.json:
        write_json(options.json, {**environment("cuda"), "parameters": parameters_of(options), "attention": results})


if __name__ == "__main__":
    main()
