#!/usr/bin/env python3
"""Runs passes again and again on the same tensors and counts the runs whose results have other bits than the first.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/repeat.py [--runs 1000]

Both passes of Lighthouse attention and of dense attention: with a fixed order of sums, where no run may differ (exit
status 1 if one does), and with any order, where it is good to see that the comparison finds what differs.
"""
import argparse
import sys

import torch

import lighthouse_attention as lighthouse
from report import environment, parameters_of, write_json

LIGHTHOUSE = [(8192, 8, 8, 128), (7001, 8, 2, 128), (8192, 4, 4, 64)]  # N, H, G, D
DENSE = [(3000, 8, 2, 128, True), (2100, 4, 4, 64, True), (2000, 8, 8, 128, False), (1500, 4, 2, 96, True)]  # causal


def cases():
    """Name, attention as a function of q, k, v and of whether it is deterministic, and the shape of its tensors."""
    for n, h, g, d in LIGHTHOUSE:
        def selective(q, k, v, deterministic):
            return lighthouse.attention(q, k, v, levels=3, factor=4, budget=256, deterministic=deterministic)
        yield f"lighthouse N={n} H={h} G={g} D={d}", selective, (n, h, g, d)
    for n, h, g, d, causal in DENSE:
        def dense(q, k, v, deterministic, causal=causal):
            return lighthouse.dense_attention(q, k, v, causal=causal, deterministic=deterministic, backend="lighthouse")
        yield f"dense S={n} H={h} G={g} D={d}" + ("" if causal else " not causal"), dense, (n, h, g, d)


def differing_runs(attention, shape, deterministic, runs):
    n, h, g, d = shape
    torch.manual_seed(0)
    q, do, k, v = (torch.randn(1, n, heads, d, device="cuda", dtype=torch.bfloat16) for heads in (h, h, g, g))
    leaves = [tensor.requires_grad_() for tensor in (q, k, v)]

    def results():
        o = attention(*leaves, deterministic=deterministic)
        return [o.detach(), *torch.autograd.grad(o, leaves, do)]
    first = results()
    # Added on the device: waiting for each run would leave pauses that hide what depends on time.
    differing = torch.zeros((), device="cuda", dtype=torch.int64)
    for _ in range(runs):
        same = torch.stack([(a.view(torch.int16) == b.view(torch.int16)).all() for a, b in zip(first, results())])
        differing += ~same.all()
    return differing.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    options = parser.parse_args()
    failed, table = False, []
    for name, attention, shape in cases():
        fixed, free = (differing_runs(attention, shape, deterministic, options.runs) for deterministic in (True, False))
        table.append({"case": name, "fixed order": fixed, "any order": free})
        failed |= fixed != 0
        print(f"{name}: of {options.runs} runs {fixed} differ with a fixed order of sums, {free} with any order", flush=True)
    if options.json:
        write_json(options.json, {**environment("cuda"), "parameters": parameters_of(options), "repeats": table})
    sys.exit(failed)


if __name__ == "__main__":
    main()
