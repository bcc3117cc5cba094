#!/usr/bin/env python3
"""Predicts from the order of its programs how much of a GPU the causal backward pass of attention keeps busy.

  python3 tools/gpu/program_order.py --heads 8 --tiles 144 --steps 2 --latency 1.7

A program has a block of keys of one head and goes through the blocks of rows that see it, a step each. Programs start in
their order, each on the multiprocessor that is free first. In turns, a step's sums can be added to a block of rows
`latency` steps after the program before has added its own; a program runs at most one step ahead of what it has added.
"""
import argparse
import heapq


def programs(heads, tiles, beside, turns, backwards):
    """Of each program in their order: its head, block of keys, and whether its rows go backwards."""
    for begin in range(0, heads, beside):
        width = min(beside, heads - begin)
        last = backwards and begin > 0 and begin + width == heads
        for place in range(width * tiles):
            block = place // width
            yield begin + place % width, block if last or not turns else tiles - 1 - block, last


def busy(options, beside, turns, backwards=False):
    """The share of the multiprocessors' time, until the last program ends, that is steps."""
    rows = options.tiles * options.steps
    added = [[0.0] * rows for _ in range(options.heads)]
    free = [0.0] * options.processors
    work = end = 0
    for head, block, reverse in programs(options.heads, options.tiles, beside, turns, backwards):
        time = heapq.heappop(free) + options.begin
        add = 0.0
        seen = range(block * options.steps, rows)
        for row in reversed(seen) if reverse else seen:
            time = max(time + 1, add)
            add = max(time, add + options.copy)
            if turns:
                add = added[head][row] = max(add, added[head][row] + options.latency)
        work += len(seen)
        end = max(end, add)
        heapq.heappush(free, add)
    return work / options.processors / end


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--tiles", type=int, default=144, help="blocks of keys of a head")
    parser.add_argument("--steps", type=int, default=2, help="blocks of rows as long as one of keys")
    parser.add_argument("--latency", type=float, default=1.7, help="of a turn, in steps")
    parser.add_argument("--copy", type=float, default=0.8, help="that the sums of a step take to be added, in steps")
    parser.add_argument("--begin", type=float, default=2, help="what a program takes before its first step, in steps")
    parser.add_argument("--processors", type=int, default=132)
    options = parser.parse_args()
    print("heads beside each other   any order   in turns   the last heads backwards")
    for beside in (1, 2, 4, 8):
        if beside <= options.heads:
            print(f"{beside:23}   {busy(options, beside, False):9.3f}   {busy(options, beside, True):8.3f}   "
                  f"{busy(options, beside, True, backwards=True):24.3f}")


if __name__ == "__main__":
    main()
