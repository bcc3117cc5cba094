"""Timing on a GPU: one way for all programs here."""
import random
import statistics
import time

import torch


def turns(items, rounds):
    """The items, each once in a round, the first of a round being another each time."""
    for i in range(rounds):
        for j in range(len(items)):
            yield items[(i + j) % len(items)]


def captured(run):
    """`run` as a CUDA graph: a function that replays it."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def rounds_of(runs, rounds, repeats):
    """Seconds of a run of each of `runs` by name, in rounds with an order of their own, `repeats` runs one
    after the other. The first quarter of the rounds warms the GPU up and does not count."""
    times = {name: [] for name in runs}
    order = list(runs)
    for _ in range(rounds):
        random.shuffle(order)
        events = []
        for name in order:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            runs[name]()
            start.record()
            for _ in range(repeats):
                runs[name]()
            end.record()
            events.append((name, start, end))
        torch.cuda.synchronize()
        for name, start, end in events:
            times[name].append(start.elapsed_time(end) * 1e-3 / repeats)
    return {name: taken[rounds // 4:] for name, taken in times.items()}


def fastest(runs, repeats, seconds=float("inf"), check=lambda name: None):
    """The name of the fastest of `runs`, its graph, and the seconds of each that was tried. Each is run and
    checked first; when `seconds` are over the rest is left out, as compiling takes longer than running."""
    end = time.monotonic() + seconds
    graphs = {}
    for name, run in runs.items():
        if graphs and time.monotonic() > end:
            break
        run()
        check(name)
        graphs[name] = captured(run)
    taken = {name: statistics.median(each) for name, each in rounds_of(graphs, 12, repeats).items()}
    best = min(taken, key=taken.get)
    return best, graphs[best], taken


def compared(times, amount, unit):
    """Median and least seconds of each contender, how much of `amount` that makes in a second, in 10^12 as
    `unit`, and our speed as part of that of each other contender."""
    result = {}
    for name, taken in times.items():
        median = statistics.median(taken)
        result[name] = {"seconds": median, "best": min(taken), unit: amount / median / 1e12}
    for name in times:
        if name != "lighthouse":
            result["of_" + name] = result[name]["seconds"] / result["lighthouse"]["seconds"]
    return result


class GpuTimer:
    """Seconds of a run on the GPU. Before it the L2 is filled with other data, and the GPU is kept busy
    until the run is enqueued, as it is in training."""

    BUSY_CYCLES = 2_000_000

    def __init__(self):
        l2 = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 64 << 20)
        self.scratch = torch.empty(max(2 * l2, 256 << 20), dtype=torch.uint8, device="cuda")
        self.start, self.end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def __call__(self, run):
        self.scratch.zero_()
        torch.cuda._sleep(self.BUSY_CYCLES)
        self.start.record()
        run()
        self.end.record()
        torch.cuda.synchronize()
        return self.start.elapsed_time(self.end) * 1e-3
