#!/usr/bin/env python3
"""Times Lighthouse attention of this project, the public PyTorch implementation and dense attention
in turns, on one GPU, and compares the results with float64.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib \
    python3 tools/gpu/compare.py --n 98304 --budget 1536 --public ../lighthouse-attention [--grad]

With --grad forward and backward pass are timed together, and attention's on its own: see `lhc check
--grad` for the errors of gradients.

--public DIR is a checkout of github.com/ighoshsubho/lighthouse-attention; without it the public code
is left out. Needs PyTorch, and Triton for the public code.

Every N, and there each form of the public code, has a process of its own, as a kernel that faults takes
all of its process with it. Ours takes its turns in each: what is compared was timed side by side. Where
the public code leaves places of its list of entries empty its gather would read outside of its tensors;
it is not run then.
"""
import argparse
import functools
import statistics
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import lighthouse_attention as lighthouse
import lighthouse_attention.ops  # noqa: F401  registers the operators
import public_lighthouse
from apart import run_apart
from reference import Reference
from timing import GpuTimer, captured, turns
from report import environment, parameters_of, write_json


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[98304], help="positions N")
    parser.add_argument("--levels", type=int, default=3, help="L")
    parser.add_argument("--factor", type=int, default=4, help="p")
    parser.add_argument("--budget", type=int, default=1536, help="k")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--head-dim", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--grad", action="store_true", help="time forward and backward pass")
    parser.add_argument("--repeat", type=int, default=20, help="timed runs of each")
    parser.add_argument("--rows", type=int, default=256, help="positions to check")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--public", metavar="DIR", help="checkout of the public implementation")
    parser.add_argument("--dense-limit", type=int, default=1 << 19,
                        help="largest N for dense attention")
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    parser.add_argument("--part", help=argparse.SUPPRESS)  # what a process of its own measures
    return parser.parse_args()


class Contender:
    """Something to time. `run()` enqueues one pass on torch's current stream."""

    def __init__(self, name, run):
        self.name, self.run = name, run
        self.seconds, self.failure, self.errors, self.passed = [], None, None, None

    def attempt(self, action):
        """Does `action()`; what it raises makes the contender one that failed."""
        if self.failure:
            return None
        try:
            result = action()
            torch.cuda.synchronize()
            return result
        except Exception as error:  # Whatever foreign code raises is a line of the table.
            self.failure = " ".join(f"{type(error).__name__}: {error}".split())[:160]
            return None

    @classmethod
    def failed(cls, name, failure):
        """The record of one whose process ended before it could say anything."""
        contender = cls(name, None)
        contender.failure = failure
        return contender.record()

    def record(self):
        milliseconds = statistics.median(self.seconds) * 1e3 if self.seconds else None
        return {"name": self.name, "ms": milliseconds, "all_seconds": self.seconds,
                "failure": self.failure, "max_error": self.errors and self.errors[0],
                "mean_error": self.errors and self.errors[1], "passed": self.passed}


def with_gradient(attention, tensors, cotangent):
    """A function that runs `attention` and its backward pass by autograd."""
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]

    def run():
        return torch.autograd.grad(attention(*leaves), leaves, cotangent)
    return run


def our_attention(options, deterministic=False):
    return functools.partial(lighthouse.attention, levels=options.levels, factor=options.factor,
                             budget=options.budget, deterministic=deterministic)


def our_run(options, q, k, v, do, deterministic=False):
    attention = our_attention(options, deterministic)
    return (with_gradient(attention, (q, k, v), do) if options.grad else
            functools.partial(attention, q, k, v))


def our_entries(options, q, k, v):
    """The entries that are selected."""
    config = (options.levels, options.factor, options.budget, 128)
    *_, query_scores, key_scores = torch.ops.lighthouse.pool_score(q, k, v, *config[:2])
    return torch.ops.lighthouse.select(query_scores, key_scores, q.shape[1], *config, False)


def ours(options, q, k, v, do):
    contenders = []
    for name, deterministic in (("ours", False), ("ours, deterministic", True)):
        if deterministic and not options.grad:
            continue
        run = our_run(options, q, k, v, do, deterministic)
        run()
        torch.cuda.synchronize()
        contenders += [Contender(name, run), Contender(name + ", graph", captured(run))]
    return contenders


def attention_by(backend):
    def attention(q, k, v):
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return attention


def dense(options, q, k, v, do):
    heads = [tensor.transpose(1, 2) for tensor in (q, k, v)]

    def run_with(backend):
        attention = attention_by(backend)
        if options.grad:
            return with_gradient(attention, heads, do.transpose(1, 2))

        def run():
            with torch.no_grad():
                return attention(*heads)
        return run

    if q.shape[1] > options.dense_limit:
        return []
    return [Contender("dense, cuDNN", run_with(SDPBackend.CUDNN_ATTENTION)),
            Contender("dense, flash", run_with(SDPBackend.FLASH_ATTENTION))]


def backward_alone(options, length):
    """Attention's backward pass over the sub-sequence, by torch's kernels."""
    shape = (options.batch, options.heads, length, options.head_dim)
    leaves = [torch.randn(shape, dtype=torch.bfloat16, device="cuda", requires_grad=True)
              for _ in range(3)]
    cotangent = torch.randn(shape, dtype=torch.bfloat16, device="cuda")

    def run_with(backend):
        @functools.cache
        def output():
            return attention_by(backend)(*leaves)
        return lambda: torch.autograd.grad(output(), leaves, cotangent, retain_graph=True)

    return [Contender("backward of S, cuDNN", run_with(SDPBackend.CUDNN_ATTENTION)),
            Contender("backward of S, flash", run_with(SDPBackend.FLASH_ATTENTION))]


def measure(contenders, repeat):
    timer = GpuTimer()
    for contender in contenders:
        for _ in range(3):
            contender.attempt(contender.run)
    for contender in turns(contenders, repeat):
        seconds = contender.attempt(lambda: timer(contender.run))
        if seconds is not None:
            contender.seconds.append(seconds)


def agreement(entries, others):
    """How many entries are in only one of the selections."""
    differing = 0
    for one, other in zip(entries.flatten(0, 1), others.flatten(0, 1)):
        size = max(int(one.max()), int(other.max())) + 1
        marks = torch.zeros(2, size, dtype=torch.bool, device=one.device)
        marks[0, one[one >= 0].long()] = True
        marks[1, other[other >= 0].long()] = True
        differing += int((marks[0] != marks[1]).sum())
    return differing


def make_inputs(options):
    torch.manual_seed(options.seed)
    shape = (options.batch, options.n[0], options.heads, options.head_dim)
    return tuple(torch.randn(shape, dtype=torch.bfloat16, device="cuda") for _ in range(4))


def reference(options, q, k, v, entries):
    positions = torch.randperm(q.shape[1], device="cuda")[:options.rows].sort().values
    return Reference(q, k, v, entries, options.levels, options.factor, positions)


def compare_ours(options):
    """Ours and dense attention at one N."""
    q, k, v, do = make_inputs(options)
    output, entries = our_attention(options)(q, k, v), our_entries(options, q, k, v)
    contenders = ours(options, q, k, v, do)
    exact = reference(options, q, k, v, entries)
    for contender in contenders[:2]:
        contender.errors = exact.errors(output)
        contender.passed = exact.passes(contender.errors)
    contenders += dense(options, q, k, v, do)
    if options.grad:
        contenders += backward_alone(options, entries.shape[2])
    measure(contenders, options.repeat)
    return {"s": entries.shape[2], "torch_max_error": exact.torch_errors[0],
            "torch_mean_error": exact.torch_errors[1],
            "contenders": [contender.record() for contender in contenders]}


PUBLIC = {"public, eager": False, "public, compiled": True}


def compare_public(options):
    """The public code at one N, beside ours."""
    name = options.part
    module = public_lighthouse.load(options.public)
    q, k, v, do = make_inputs(options)
    entries = our_entries(options, q, k, v)
    own = Contender("ours", our_run(options, q, k, v, do))
    layer = public_lighthouse.PublicLighthouse(module, options.levels, options.factor,
                                               options.budget, PUBLIC[name])
    contender = Contender(name, with_gradient(layer.forward, (q, k, v), do) if options.grad else
                          functools.partial(layer, q, k, v))
    differing = None
    observed = contender.attempt(lambda: layer.run_and_observe(q, k, v))
    if observed is not None:
        their_output, their_entries = observed
        differing = agreement(entries, their_entries)
        exact = reference(options, q, k, v, their_entries)
        contender.errors = exact.errors(their_output)
        contender.passed = exact.passes(contender.errors)
        measure([own, contender], options.repeat)
    return {**contender.record(), "ours_ms": own.record()["ms"], "differing_entries": differing}


def compare(n, parts):
    """All that is measured at an N, each part in a process of its own."""
    def measured(part):
        return run_apart([*sys.argv[1:], "--n", str(n), "--part", part], "--json")

    result, failure = measured("ours")
    if failure:
        result = {"contenders": [Contender.failed("ours", failure)]}
    for part in parts:
        record, failure = measured(part)
        result["contenders"].append(record or Contender.failed(part, failure))
    return {"n": n, **result}


def print_table(result):
    print(f"\nN = {result['n']}, S = {result.get('s', 'unknown')}")
    for row in result["contenders"]:
        if row.get("differing_entries") is not None:
            print(f"selections: {row['differing_entries']} entries differ from those of {row['name']}")
    print(f"{'':26} {'ms':>10} {'x ours':>8} {'max error':>10} {'mean error':>11}  error rule")
    for row in result["contenders"]:
        if row["failure"]:
            print(f"{row['name']:26} fails: {row['failure']}")
            continue
        base = row.get("ours_ms", result["contenders"][0]["ms"])
        ratio = f"{row['ms'] / base:8.2f}" if base else f"{'-':>8}"
        errors = f"{'-':>10} {'-':>11}"
        if row["max_error"] is not None:
            errors = f"{row['max_error']:10.3g} {row['mean_error']:11.3g}"
        verdict = {True: "passed", False: "FAILED", None: ""}[row["passed"]]
        print(f"{row['name']:26} {row['ms']:10.4f} {ratio} {errors}  {verdict}")
    if "s" in result:
        print(f"{'torch, same rows':26} {'':10} {'':8} {result['torch_max_error']:10.3g} "
              f"{result['torch_mean_error']:11.3g}")
    sys.stdout.flush()


def main():
    options = parse_arguments()
    if not torch.cuda.is_available():
        sys.exit("compare.py needs a GPU that PyTorch can use")
    if options.part:
        write_json(options.json, compare_public(options) if options.part in PUBLIC else
                   compare_ours(options))
        return
    report = {**environment("cuda"), "parameters": parameters_of(options), "results": []}
    print(f"{report['device']}, driver {report['driver']}, PyTorch {report['torch']}, "
          f"cuDNN {report['cudnn']}, {report['date']}")
    print(report["command"])
    print(f"bf16, B={options.batch} H={options.heads} D={options.head_dim} L={options.levels} "
          f"p={options.factor} k={options.budget}; medians of {options.repeat} in turns, cold L2")
    passed = True
    for n in options.n:
        result = compare(n, PUBLIC if options.public else ())
        report["results"].append(result)
        print_table(result)
        first = result["contenders"][0]
        passed &= first["failure"] is None and bool(first["passed"])
        if options.json:
            # What there is so far.
            write_json(options.json, report)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
