#!/usr/bin/env python3
"""Times attention to documents packed in one sequence beside one sequence as long, on one GPU, in turns, after
comparing each document with itself alone.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/documents.py --json documents.json

A packing is written as the lengths of its documents, or as a number of documents as long as each other, or as so
many random ones: 8, random8, 98303+1. Both passes are CUDA graphs, replayed with bounds in place: the graph of a
number of documents serves all packings of so many.
"""
import argparse
import random
import statistics

import torch

import lighthouse_attention as lighthouse
from report import environment, parameters_of, write_json
from timing import captured, rounds_of

NAMES = ("o", "dq", "dk", "dv")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=98304)
    parser.add_argument("--packings", nargs="+", default=["1", "8", "random8", "98297+1+1+1+1+1+1+1", "32"])
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--kv-heads", type=int, help="as many as heads if left out")
    parser.add_argument("--head-dim", type=int, default=128)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--budget", type=int, default=1536)
    parser.add_argument("--chunk", type=int, default=128)
    parser.add_argument("--dtype", choices=("bfloat16", "float16"), default="bfloat16")
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    return parser.parse_args()


def lengths_of(packing, length):
    """The lengths of the documents of a packing."""
    if "+" in packing:
        return [int(part) for part in packing.split("+")]
    count = int(packing.removeprefix("random"))
    cuts = ([random.randint(0, length) for _ in range(count - 1)] if packing.startswith("random") else
            [length * i // count for i in range(1, count)])
    bounds = [0, *sorted(cuts), length]
    return [end - begin for begin, end in zip(bounds, bounds[1:])]


def bounds_of(lengths):
    """The first row of each document, and the length of all."""
    return torch.tensor([0, *lengths], device="cuda", dtype=torch.int32).cumsum(0, dtype=torch.int32)


class Sequence:
    """Tensors of one sequence, and both passes on them."""

    def __init__(self, options):
        self.options = options
        self.config = dict(levels=options.levels, budget=options.budget, chunk=options.chunk)
        dtype = getattr(torch, options.dtype)
        groups = options.kv_heads or options.heads
        self.q, self.k, self.v = (
            torch.randn(1, options.length, heads, options.head_dim, device="cuda", dtype=dtype, requires_grad=True)
            for heads in (options.heads, groups, groups))
        self.do = torch.randn_like(self.q)

    def forward(self, **packing):
        with torch.no_grad():
            return lighthouse.attention(self.q, self.k, self.v, **self.config, **packing)

    def both(self, rows=slice(None), deterministic=None, **options):
        """The output and the gradients for some of the rows."""
        leaves = [x.detach()[:, rows].requires_grad_() for x in (self.q, self.k, self.v)]
        deterministic = self.options.deterministic if deterministic is None else deterministic
        o = lighthouse.attention(*leaves, **{**self.config, **options}, deterministic=deterministic)
        return (o.detach(), *torch.autograd.grad(o, leaves, self.do[:, rows]))

    def error(self, bounds):
        """The largest difference of a document in the packing and alone, in units of the largest value, for each
        result; in deterministic mode."""
        packed = self.both(cu_seqlens=bounds, deterministic=True)
        places = bounds.tolist()
        budgets = lighthouse.document_budgets(places, budget=self.options.budget, chunk=self.options.chunk)
        worst = dict.fromkeys(NAMES, 0.0)
        for begin, end, budget in zip(places, places[1:], budgets):
            if begin < end:
                alone = self.both(slice(begin, end), budget=budget, deterministic=True)
                for name, one, other in zip(NAMES, packed, alone):
                    difference = (one[:, begin:end].float() - other.float()).abs().max()
                    worst[name] = max(worst[name], float(difference / other.float().abs().max()))
        return worst


def measure(options):
    sequence = Sequence(options)
    limit = 16 * torch.finfo(sequence.q.dtype).eps
    runs, rows = {("alone", "forward"): sequence.forward, ("alone", "both"): sequence.both}, {}
    for packing in options.packings:
        lengths = lengths_of(packing, options.length)
        bounds = bounds_of(lengths)
        errors = sequence.error(bounds)
        if max(errors.values()) > limit:
            raise SystemExit(f"{packing}: a document in the packing and alone differ by {errors}")
        capacity = lighthouse.document_capacity(options.length, len(lengths), **sequence.config)
        rows[packing] = {"lengths": lengths, "errors": errors, "s_capacity": capacity.gathered}
        runs[packing, "forward"] = lambda bounds=bounds: sequence.forward(cu_seqlens=bounds)
        runs[packing, "both"] = lambda bounds=bounds: sequence.both(cu_seqlens=bounds)
    for run in runs.values():
        run()
    taken = {name: statistics.median(each) for name, each in
             rounds_of({name: captured(run) for name, run in runs.items()}, options.rounds, 4).items()}
    for packing, row in rows.items():
        for part in ("forward", "both"):
            row[part] = taken[packing, part]
            row[part + "_ratio"] = taken[packing, part] / taken["alone", part]
    return {"alone": {part: taken["alone", part] for part in ("forward", "both")}, "packings": rows}


def main():
    options = parse_arguments()
    torch.manual_seed(0)
    random.seed(0)
    result = measure(options)
    print(f"one sequence of {options.length}: forward {result['alone']['forward'] * 1e3:.3f} ms, both passes "
          f"{result['alone']['both'] * 1e3:.3f} ms")
    print(f"{'packing':>22} {'S at most':>9} {'forward':>8} {'ratio':>6} {'both':>8} {'ratio':>6}  largest difference")
    for packing, row in result["packings"].items():
        print(f"{packing:>22} {row['s_capacity']:>9} {row['forward'] * 1e3:>8.3f} {row['forward_ratio']:>6.3f} "
              f"{row['both'] * 1e3:>8.3f} {row['both_ratio']:>6.3f}  "
              + " ".join(f"{name} {error:.1e}" for name, error in row["errors"].items()))
    if options.json:
        write_json(options.json, {**environment("cuda"), "parameters": parameters_of(options), **result})


if __name__ == "__main__":
    main()
