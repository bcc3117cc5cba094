#!/usr/bin/env python3
"""Times the scorers on one GPU beside what bounds them, in turns, after comparing them with float64.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib python3 tools/gpu/scorers.py --json scorers.json

`dilated` is bounded by the matrix units: beside it runs the attention that it is, twice on the same heads and
lengths, which stores its rows. `gla` is bounded by memory and matrix units alike: beside it runs a copy of q,
k and v.
"""
import argparse
import random

import torch

import lighthouse_attention.scorers  # noqa: F401  registers the operators
from report import environment, write_json
from timing import captured, rounds_of

ops = torch.ops.lighthouse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["98304x8x8x128"],
                        help="N x heads x KV heads x head dim")
    parser.add_argument("--dilations", nargs="+", type=int, default=[4])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--json", help="write the results into this file")
    return parser.parse_args()


def attention_rows(q, k, v, scale):
    """Causal attention in float64, 512 rows at a time; [heads, n, D]."""
    rows = []
    for first in range(0, q.shape[1], 512):
        scores = q[:, first:first + 512] @ k[:, :first + 512].mT * scale
        scores.masked_fill_(torch.ones_like(scores, dtype=torch.bool).triu(first + 1), -torch.inf)
        rows.append(scores.softmax(-1) @ v[:, :first + 512])
    return torch.cat(rows, 1)


def gla_rows(q, k, v, gate, scale):
    """Gated linear attention in float64, 256 rows at a time; gate [heads, n]."""
    state = torch.zeros(q.shape[0], q.shape[2], v.shape[2], dtype=q.dtype, device=q.device)
    rows = []
    for first in range(0, q.shape[1], 256):
        part = slice(first, first + 256)
        sums = gate[:, part].cumsum(1)
        left = (sums[:, :, None] - sums[:, None, :]).clamp(max=0).exp().tril()
        rows.append(scale * ((q[:, part] @ k[:, part].mT * left) @ v[:, part] +
                             sums.exp()[..., None] * (q[:, part] @ state)))
        added = k[:, part].mT @ (v[:, part] * (sums[:, -1:] - sums).exp()[..., None])
        state = state * sums[:, -1, None, None].exp() + added
    return torch.cat(rows, 1)


def check(scorer, actual, q, k, v, gate, dilation, scale):
    """The largest error of the scores of the first head and class, in units of the largest score; raises where
    bf16 does not allow it. Of grouped heads the largest counts: the tests compare these."""
    if q.shape[2] != k.shape[2]:
        return None
    x, y, z = (t[0, ::dilation, :1].transpose(0, 1).double() for t in (q, k, v))
    decay = gate[0, ::dilation, :1].T.double()
    worst = 0.0
    for score, pair in zip(actual, ((x, y), (y, x))):
        rows = (attention_rows(*pair, z, scale) if scorer == "dilated" else
                gla_rows(*pair, z, decay, scale))
        wanted = rows[0].norm(dim=-1)
        worst = max(worst, float((score[0, 0, ::dilation].double() - wanted).abs().max() / wanted.max()))
    if worst > 16 * torch.finfo(q.dtype).eps:
        raise SystemExit(f"{scorer}: the largest error is {worst:.2g} of the largest score")
    return worst


def measure(shape, dilation, rounds):
    length, heads, groups, dim = (int(x) for x in shape.split("x"))
    q, k, v = (torch.randn(1, length, h, dim, device="cuda", dtype=torch.bfloat16)
               for h in (heads, groups, groups))
    gate = -torch.rand(1, length, heads, device="cuda") / 8
    scale = dim ** -0.5
    scorers = {"dilated": lambda: ops.dilated_score(q, k, v, dilation, scale),
               "gla": lambda: ops.gla_score(q, k, v, gate, dilation, scale)}
    errors = {name: check(name, run(), q, k, v, gate, dilation, scale) for name, run in scorers.items()}
    rows = [x.view(1, length // dilation, -1, dim).transpose(1, 2) for x in (q, k, v)]
    copies = [torch.empty_like(x) for x in (q, k, v)]

    def attend_twice():
        ops.attend(*rows, scale, True, False, False)
        ops.attend(rows[1], rows[0], rows[2], scale, True, False, False)

    def copy():
        for x, y in zip(copies, (q, k, v)):
            x.copy_(y)

    runs = {**scorers, "copy of q, k, v": copy}
    if heads == groups:
        runs["attention, twice"] = attend_twice
    for run in runs.values():
        run()
    taken = rounds_of({name: captured(run) for name, run in runs.items()}, rounds, 4)
    return {"shape": shape, "dilation": dilation, "errors": errors, "seconds": taken}


def main():
    arguments = parse_arguments()
    torch.manual_seed(0)
    random.seed(0)
    results = [measure(shape, dilation, arguments.rounds)
               for shape in arguments.shapes for dilation in arguments.dilations]
    for result in results:
        print(f"{result['shape']} dilation {result['dilation']} errors {result['errors']}")
        for name, seconds in result["seconds"].items():
            seconds = sorted(seconds)
            print(f"  {name:18} {seconds[len(seconds) // 2] * 1e3:8.3f} ms  ({seconds[0] * 1e3:.3f} to "
                  f"{seconds[-1] * 1e3:.3f})")
    if arguments.json:
        write_json(arguments.json, {**environment("cuda"), "results": results})


if __name__ == "__main__":
    main()
