#!/usr/bin/env python3
"""Times Lighthouse attention of this project, the public PyTorch implementation and dense attention
in one process, in turns, on one GPU, and compares the results with float64.

  PYTHONPATH=python LIGHTHOUSE_LIBRARY_DIR=build/release/lib \
    python3 tools/gpu/compare.py --n 98304 --budget 1536 --public ../lighthouse-attention [--grad]

With --grad forward and backward pass are timed together, and attention's on its own: see `lhc check
--grad` for the errors of gradients.

--public DIR is a checkout of github.com/ighoshsubho/lighthouse-attention; without it the public code
is left out. Needs PyTorch, and Triton for the public code.
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
from reference import Reference
from timing import GpuTimer, captured, turns
from training_tools import environment, parameters_of, write_json


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


def ours(options, q, k, v, do):
    """Contenders, the output to check, and the entries that were selected."""
    config = (options.levels, options.factor, options.budget, 128)
    *_, query_scores, key_scores = torch.ops.lighthouse.pool_score(q, k, v, *config[:2])
    entries = torch.ops.lighthouse.select(query_scores, key_scores, q.shape[1], *config, False)
    contenders, output = [], None
    for name, deterministic in (("ours", False), ("ours, deterministic", True)):
        attention = functools.partial(lighthouse.attention, levels=options.levels,
                                      factor=options.factor, budget=options.budget,
                                      deterministic=deterministic)
        if output is None:
            output = attention(q, k, v)
        if options.grad:
            run = with_gradient(attention, (q, k, v), do)
        elif deterministic:
            continue
        else:
            run = functools.partial(attention, q, k, v)
        run()
        torch.cuda.synchronize()
        contenders += [Contender(name, run), Contender(name + ", graph", captured(run))]
    return contenders, output, entries


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
    contenders = []
    for name, backend in (("cuDNN", SDPBackend.CUDNN_ATTENTION),
                          ("flash", SDPBackend.FLASH_ATTENTION)):
        output = attention_by(backend)(*leaves)
        contenders.append(Contender(
            f"backward of S, {name}",
            lambda output=output: torch.autograd.grad(output, leaves, cotangent,
                                                      retain_graph=True)))
    return contenders


def public(options, module, q, k, v, do):
    contenders = []
    for name, compiled in (("public, eager", False), ("public, compiled", True)):
        layer = public_lighthouse.PublicLighthouse(module, options.levels, options.factor,
                                                   options.budget, compiled)
        run = with_gradient(layer.forward, (q, k, v), do) if options.grad else (
            lambda layer=layer: layer(q, k, v))
        contenders.append((Contender(name, run), layer))
    return contenders


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


def compare(options, module, n):
    torch.manual_seed(options.seed)
    shape = (options.batch, n, options.heads, options.head_dim)
    q, k, v, do = (torch.randn(shape, dtype=torch.bfloat16, device="cuda") for _ in range(4))
    contenders, output, entries = ours(options, q, k, v, do)
    checked = contenders[:2]
    contenders += dense(options, q, k, v, do)
    if options.grad:
        contenders += backward_alone(options, entries.shape[2])
    positions = torch.randperm(n, device="cuda")[:options.rows].sort().values

    def reference(chosen):
        return Reference(q, k, v, chosen, options.levels, options.factor, positions)

    exact = reference(entries)
    for contender in checked:
        contender.errors = exact.errors(output)
        contender.passed = exact.passes(contender.errors)
    result = {"n": n, "s": entries.shape[2], "torch_max_error": exact.torch_errors[0],
              "torch_mean_error": exact.torch_errors[1], "differing_entries": None}
    for contender, layer in public(options, module, q, k, v, do) if module else []:
        contenders.append(contender)
        observed = contender.attempt(lambda: layer.run_and_observe(q, k, v))
        if observed is None:
            continue
        their_output, their_entries = observed
        result["differing_entries"] = agreement(entries, their_entries)
        theirs = reference(their_entries)
        contender.errors = theirs.errors(their_output)
        contender.passed = theirs.passes(contender.errors)
    measure(contenders, options.repeat)
    result["contenders"] = [contender.record() for contender in contenders]
    return result


def print_table(result):
    print(f"\nN = {result['n']}, S = {result['s']}")
    if result["differing_entries"] is not None:
        print(f"selections: {result['differing_entries']} entries differ from the public code's")
    print(f"{'':26} {'ms':>10} {'x ours':>8} {'max error':>10} {'mean error':>11}  error rule")
    base = result["contenders"][0]["ms"]
    for row in result["contenders"]:
        if row["failure"]:
            print(f"{row['name']:26} fails: {row['failure']}")
            continue
        ratio = f"{row['ms'] / base:8.2f}" if base else f"{'-':>8}"
        errors = f"{'-':>10} {'-':>11}"
        if row["max_error"] is not None:
            errors = f"{row['max_error']:10.3g} {row['mean_error']:11.3g}"
        verdict = {True: "passed", False: "FAILED", None: ""}[row["passed"]]
        print(f"{row['name']:26} {row['ms']:10.4f} {ratio} {errors}  {verdict}")
    print(f"{'torch, same rows':26} {'':10} {'':8} {result['torch_max_error']:10.3g} "
          f"{result['torch_mean_error']:11.3g}", flush=True)


def main():
    options = parse_arguments()
    if not torch.cuda.is_available():
        sys.exit("compare.py needs a GPU that PyTorch can use")
    module, public_failure = None, None
    if options.public:
        try:
            module = public_lighthouse.load(options.public)
        except Exception as error:
            public_failure = f"{type(error).__name__}: {error}"
            print(f"the public code cannot be loaded: {public_failure}", file=sys.stderr)
    report = {**environment("cuda"), "public_failure": public_failure, "parameters": parameters_of(options),
              "results": []}
    print(f"{report['device']}, driver {report['driver']}, PyTorch {report['torch']}, "
          f"cuDNN {report['cudnn']}, {report['date']}")
    print(report["command"])
    print(f"bf16, B={options.batch} H={options.heads} D={options.head_dim} L={options.levels} "
          f"p={options.factor} k={options.budget}; medians of {options.repeat} in turns, cold L2")
    passed = True
    for n in options.n:
        result = compare(options, module, n)
        report["results"].append(result)
        print_table(result)
        first = result["contenders"][0]
        passed &= first["failure"] is None and bool(first["passed"])
        torch.cuda.empty_cache()
    if options.json:
        write_json(options.json, report)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
