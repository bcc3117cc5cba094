#!/usr/bin/env python3
"""One sequence on several GPUs beside one GPU: bits of results, time of both passes, and bytes that are exchanged.

  export PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib
  torchrun --nproc-per-node 2 tools/gpu/context_parallel.py --json context_parallel.json
  torchrun --nproc-per-node 2 tools/gpu/context_parallel.py --device cpu --lengths 512:3:64 --chunk 8 --heads 4 \\
    --head-dim 32 --rounds 2

Output and gradients are compared in deterministic mode, for the whole sequence on each rank's own GPU and for its
pieces on all of them; times are of the mode that sums in any order. Exit status 1 if a bit differs, or other bytes
were sent than `exchanged_bytes` says.
"""
import argparse
import contextlib
import os
import statistics
import sys
import time

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

import lighthouse_attention as lighthouse
from lighthouse_attention import _collectives
from lighthouse_attention._pieces import PIECES
from report import environment, parameters_of, write_json
from timing import rounds_of

MEGA = 1e6
NAMES = ("o", "dq", "dk", "dv")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", nargs="+", metavar="N:LEVELS:BUDGET",
                        default=["262144:3:4096", "524288:3:4096", "1048576:4:4096"])
    parser.add_argument("--chunk", type=int, default=128)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--kv-heads", type=int, help="as many as heads if left out")
    parser.add_argument("--head-dim", type=int, default=128)
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    parser.add_argument("--pieces", nargs="+", choices=PIECES, default=list(PIECES))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rounds", type=int, default=16, help="of 4 steps; a quarter of them warms up")
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    return parser.parse_args()


@contextlib.contextmanager
def counted_bytes():
    """What this rank sends to others in the package's collectives, in the last number of a list."""
    carried, rank = [0], dist.get_rank()
    whole = _collectives.all_to_all, _collectives.all_gather

    def all_to_all(x, sent, received, group):
        assert sum(sent) == x.shape[0]
        carried[-1] += (x.shape[0] - sent[rank]) * x[:1].numel() * x.element_size()
        return whole[0](x, sent, received, group)

    def all_gather(x, world, group):
        carried[-1] += (world - 1) * x.numel() * x.element_size()
        return whole[1](x, world, group)

    _collectives.all_to_all, _collectives.all_gather = all_to_all, all_gather
    try:
        yield carried
    finally:
        _collectives.all_to_all, _collectives.all_gather = whole


def most_of_ranks(*values):
    """The largest of each value over the ranks."""
    gathered = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, values)
    return [max(of_rank) for of_rank in zip(*gathered)]


def seconds_of(run, options):
    """Median of the rounds. Steps of a round follow each other as in training, without a pause."""
    if options.device == "cuda":
        run()
        return statistics.median(rounds_of({"step": run}, options.rounds, 4)["step"])
    times = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class Case:
    """Attention over one sequence, and what its passes are given."""

    def __init__(self, length, levels, budget, options):
        self.length, self.options = length, options
        self.config = dict(levels=levels, budget=budget, chunk=options.chunk)
        device = f"cuda:{torch.cuda.current_device()}" if options.device == "cuda" else "cpu"
        random = torch.Generator(device).manual_seed(0)
        heads, groups = options.heads, options.kv_heads or options.heads
        # The same on all ranks.
        self.q, self.do, self.k, self.v = (
            torch.randn((1, length, n, options.head_dim), generator=random, device=device,
                        dtype=getattr(torch, options.dtype)) for n in (heads, heads, groups, groups))

    def passes(self, share, **place):
        """Both passes on what `share` leaves of a tensor, as a function with the results o, dq, dk, dv. It calls
        `between` between them."""
        leaves = [share(x).clone().requires_grad_() for x in (self.q, self.k, self.v)]
        do = share(self.do).clone()

        def run(deterministic=False, between=lambda: None):
            o = lighthouse.attention(*leaves, **self.config, **place, deterministic=deterministic)
            between()
            return (o.detach(), *torch.autograd.grad(o, leaves, do))
        return run

    def exchanged(self, pieces):
        """The formula."""
        o = self.options
        return lighthouse.exchanged_bytes(
            self.length, dist.get_world_size(), pieces=pieces, heads=o.heads, kv_heads=o.kv_heads,
            head_dim=o.head_dim, itemsize=self.q.element_size(), **self.config)


def differing(whole, parts, share):
    """How many elements of each result differ in a bit, over all ranks the most."""
    bits = {2: torch.int16, 4: torch.int32}
    counts = [int((share(x).contiguous().view(bits[x.element_size()]) !=
                   part.contiguous().view(bits[x.element_size()])).sum()) for x, part in zip(whole, parts)]
    return dict(zip(NAMES, most_of_ranks(*counts)))


def measure(case, mesh, options):
    """A row of the table for each way to cut the sequence."""
    alone = case.passes(lambda x: x)
    whole = alone(deterministic=True)
    seconds = 0.0
    if dist.get_rank() == 0:
        seconds = seconds_of(alone, options)
    dist.barrier()
    (seconds,) = most_of_ranks(seconds)
    for pieces in options.pieces:
        positions = lighthouse.local_positions(case.length, mesh, pieces=pieces, device=case.q.device)
        share = lambda x: x[:, positions]
        together = case.passes(share, mesh=mesh, pieces=pieces)
        with counted_bytes() as carried:
            parts = together(deterministic=True, between=lambda: carried.append(0))
        bits = differing(whole, parts, share)
        del parts
        (shared,) = most_of_ranks(seconds_of(together, options))
        yield {"n": case.length, **case.config, "pieces": pieces, "ranks": mesh.size(),
               "s": lighthouse.gathered_length(case.length, **case.config), "seconds_one": seconds,
               "seconds": shared, "efficiency": seconds / shared / mesh.size(),
               "sent": most_of_ranks(*carried), "sent_by_formula": list(case.exchanged(pieces)),
               "differing": bits}


def shown(row):
    bits = "equal" if not any(row["differing"].values()) else " ".join(
        f"{name}:{count}" for name, count in row["differing"].items() if count)
    return (f"{row['n']:>8} {row['levels']:>2} {row['budget']:>6} {row['s']:>7} {row['pieces']:>10} "
            f"{row['seconds_one'] * 1e3:>9.3f} {row['seconds'] * 1e3:>9.3f} {row['efficiency']:>6.3f} "
            f"{sum(row['sent']) / MEGA:>9.3f} {sum(row['sent_by_formula']) / MEGA:>9.3f}  {bits}")


def main():
    options = parse_arguments()
    if options.device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    mesh = init_device_mesh(options.device, (int(os.environ["WORLD_SIZE"]),))
    first, rows = mesh.get_rank() == 0, []
    if first:
        print(f"{'N':>8} {'L':>2} {'k':>6} {'S':>7} {'pieces':>10} {'ms, 1':>9} {f'ms, {mesh.size()}':>9} {'eff.':>6} "
              f"{'MB sent':>9} {'formula':>9}  bits")
    for text in options.lengths:
        length, levels, budget = map(int, text.split(":"))
        case = Case(length, levels, budget, options)
        for row in measure(case, mesh, options):
            rows.append(row)
            if first:
                print(shown(row), flush=True)
    if first and options.json:
        write_json(options.json, {**environment(options.device), "parameters": parameters_of(options), "rows": rows})
    dist.destroy_process_group()
    wrong = [row for row in rows if any(row["differing"].values()) or row["sent"] != row["sent_by_formula"]]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
