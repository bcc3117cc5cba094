#!/usr/bin/env python3
"""How fast is a training step? The paper's model (dim 1024, 30 layers, 8 heads of 128, FFN 1536, four
layers always dense) in bfloat16 on one GPU, in modes and with several policies of activation
checkpointing, one process, in turns:

  ours         Lighthouse Attention; its four dense layers by cuDNN
  ours-ours    the same with this project's dense attention
  dense        all layers dense, cuDNN
  dense-ours   all layers dense, this project's
  public       the public implementation with a compiled scorer, dense layers by cuDNN (--public DIR)

  ffn          the backward pass computes the feed-forward half of each block again
  policy       the blocks, but for selection and attention (lighthouse.checkpoint_policy)
  block        the blocks
  none         nothing

  python3 tools/gpu/experiment_b.py --n 98304 --public DIR --json b.json

All modes have the same weights, which do not change (the learning rate is 0), so their losses can be
compared. A mode that fails is a line of the table. `new graphs` are those that its first step made
torch.compile make: after `ours`, `dense` is the switch between the stages of training.
"""
import argparse
import gc
import os
import statistics
import sys
import time
from typing import NamedTuple

# Modes take turns with memory of other sizes. It must be set before torch is there.
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")

import torch  # noqa: E402

import report  # noqa: E402
import training_tools as tools  # noqa: E402
from timing import turns  # noqa: E402
from byte_llama import RECOMPUTE, ByteLlama, Config, loss_of  # noqa: E402


class Mode(NamedTuple):
    inner: str            # attention of the layers that need not be dense
    dense_backend: str    # of those that are


MODES = {"ours": Mode("lighthouse", "sdpa"), "ours-ours": Mode("lighthouse", "lighthouse"),
         "dense": Mode("dense", "sdpa"), "dense-ours": Mode("dense", "lighthouse"),
         "public": Mode("public", "sdpa")}

PRESETS = {"paper": dict(dim=1024, layers=30, heads=8, hidden=1536, dense_ends=2, chunk=128),
           "tiny": dict(dim=64, layers=5, heads=2, hidden=96, dense_ends=1, chunk=16)}

# Share of the training steps before the switch in the public recipe.
FIRST_STAGE = 10 / 16


class Contender:
    """A mode with a policy, and what was measured of it."""

    def __init__(self, mode, policy, length):
        self.mode, self.policy, self.length = mode, policy, length
        self.seconds, self.failure = [], None
        self.result = {}

    @property
    def name(self):
        return f"{self.mode}, {self.policy}"

    def record(self):
        median = statistics.median(self.seconds) if self.seconds else None
        return {"mode": self.mode, "policy": self.policy, "failure": self.failure,
                "step_seconds": median, "tokens_per_second": median and self.length / median,
                "all_seconds": self.seconds, **self.result}


class Bench:
    """One set of weights whose attention is changed from step to step."""

    def __init__(self, options, n):
        self.device = options.device
        self.on_gpu = options.device.startswith("cuda")
        self.config = Config(length=n, levels=options.levels, factor=options.factor,
                             budget=options.budget, **PRESETS[options.preset])
        self.dtype = torch.bfloat16 if self.on_gpu else torch.float32
        self.dense_backend = tools.dense_backend(self.config, 1, self.dtype, options.device)
        torch.manual_seed(0)
        self.model = ByteLlama(self.config).to(options.device, self.dtype)
        self.public_model = self._with_public_attention(options) if options.public else None
        if options.compile != "none":
            self.model.compile_blocks(around_attention=options.compile == "pieces", fullgraph=False)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.0, betas=(0.9, 0.95),
                                           fused=self.on_gpu)
        self.batch = torch.randint(0, 256, (1, n + 1), device=options.device)

    def _with_public_attention(self, options):
        """A model with the same parameters and the public implementation. That is compiled around
        attention: dynamo cannot trace it, nor break a graph inside of a checkpoint."""
        model = ByteLlama(self.config).to(options.device, self.dtype)
        model.load_state_dict(self.model.state_dict(keep_vars=True), assign=True)
        # It forgets what was compiled, so it is made before anything is.
        attention = tools.PublicAttention(options.public, options.levels, options.factor,
                                          options.budget)
        for i in self.config.inner_layers():
            model.blocks[i].attention = attention
        if options.compile != "none":
            model.compile_blocks(around_attention=True, fullgraph=False)
        return model

    def model_of(self, contender):
        """The model, set to a mode and a policy."""
        mode = MODES[contender.mode]
        model = self.public_model if mode.inner == "public" else self.model
        for i, block in enumerate(model.blocks):
            block.recompute = contender.policy
            if mode.inner != "public":
                block.attention.dense = mode.inner == "dense" or i not in self.config.inner_layers()
                block.attention.dense_backend = mode.dense_backend
        return model

    def step(self, contender):
        """One step, and what it needs."""
        model = self.model_of(contender)
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        tools.synchronize(self.device)
        before, start = self._allocated(), time.perf_counter()
        loss = loss_of(model, self.batch)
        kept = self._allocated() - before  # the allocator does not wait for the GPU
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        tools.synchronize(self.device)
        seconds = time.perf_counter() - start
        peak = torch.cuda.max_memory_allocated() if self.on_gpu else 0
        contender.result.update(loss=loss.item(), kept_gb=kept / 1e9, peak_gb=peak / 1e9)
        return seconds

    def _allocated(self):
        return torch.cuda.memory_allocated() if self.on_gpu else 0

    def attempt(self, action, contender):
        """Does `action(contender)`; what went wrong, or None. The others go on."""
        try:
            action(contender)
            return None
        except Exception as error:
            failure = tools.failure_of(error)
        print(f"{contender.name}: {failure}", file=sys.stderr, flush=True)
        # Outside of the handler nothing refers to the frames of the step any more.
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if self.on_gpu:
            torch.cuda.empty_cache()
        return failure

    def first_step(self, contender):
        """Compiles; counts what torch.compile made of it."""
        before, start = graphs_and_breaks(), time.perf_counter()
        self.step(contender)
        first = time.perf_counter() - start
        graphs, breaks = (b - a for a, b in zip(before, graphs_and_breaks()))
        contender.result.update(first_seconds=first, new_graphs=graphs, graph_breaks=breaks,
                                recompiles=0)

    def timed_step(self, contender):
        before = graphs_and_breaks()[0]
        seconds = self.step(contender)
        contender.result["recompiles"] += graphs_and_breaks()[0] - before
        contender.seconds.append(seconds)

    def profile(self, contender):
        """Milliseconds of the stages in one step."""
        activities = [torch.profiler.ProfilerActivity.CPU]
        if self.on_gpu:
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities, record_shapes=True) as profiler:
            seconds = self.step(contender)
        events = profiler.key_averages(group_by_input_shape=True)
        attribute = "self_device_time_total" if self.on_gpu else "self_cpu_time_total"
        stages, kernels = {}, {}
        for event in events:
            milliseconds = getattr(event, attribute) / 1e3
            stage = self._stage_of(event)
            if stage:
                stages[stage] = stages.get(stage, 0.0) + milliseconds
            if event.device_type == torch.autograd.DeviceType.CUDA:
                kernels[event.key] = kernels.get(event.key, 0.0) + milliseconds
        stages["rest"] = seconds * 1e3 - sum(stages.values())
        longest = sorted(kernels, key=kernels.get, reverse=True)[:40]
        contender.result["profile"] = {"step_ms": seconds * 1e3, "stages_ms": stages,
                                       "kernels_ms": {name[:160]: kernels[name] for name in longest}}

    def _stage_of(self, event):
        """The part of the step that an operator belongs to."""
        kind, _, name = event.key.partition("::")
        if kind == "lighthouse":
            # Attention over all positions, and not over a sub-sequence, is a dense layer's.
            rows = event.input_shapes[0]
            dense = name.startswith("attend") and len(rows) == 4 and rows[2] == self.config.length
            return f"dense {name}" if dense else name
        # torch's operator, and the one in it that launches the kernel.
        if "scaled_dot_product" in name or "_attention_" in name:
            return "dense attention" + (" backward" if "backward" in name else "")
        return "products" if name in ("mm", "addmm", "bmm") else None


def graphs_and_breaks():
    counters = torch._dynamo.utils.counters
    return counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())


def measure(options, n, save):
    """All contenders at a length; `save(contenders)` keeps what there is so far."""
    torch._dynamo.reset()
    bench = Bench(options, n)
    print(f"dense attention of torch: {bench.dense_backend}", flush=True)
    contenders = [Contender(mode, policy, n) for policy in options.policies for mode in options.modes]

    def take_turn(contender, action):
        if not contender.failure:
            contender.failure = bench.attempt(action, contender)
        return time.monotonic() < options.deadline

    for contender in contenders:
        print(f"{contender.name} ...", file=sys.stderr, flush=True)
        in_time = take_turn(contender, bench.first_step) and take_turn(contender, bench.step)
        save(contenders)
        if not in_time:
            return
    for contender in turns(contenders, options.steps):
        in_time = take_turn(contender, bench.timed_step)
        save(contenders)
        if not in_time:
            break
    for contender in contenders:
        ours = MODES[contender.mode].inner == "lighthouse"
        if ours and contender.seconds and not contender.failure and time.monotonic() < options.deadline:
            contender.result["profile_failure"] = bench.attempt(bench.profile, contender)
    save(contenders)


def end_to_end(rows):
    """Speed over dense training of the recipe with two stages: {policy: numbers}."""
    result = {}
    for policy in dict.fromkeys(row["policy"] for row in rows):
        speed = {row["mode"]: row["tokens_per_second"] for row in rows
                 if row["policy"] == policy and row["step_seconds"]}
        if "dense" not in speed:
            continue
        for stage_one, stage_two in (("public", "dense"), ("ours", "dense"),
                                     ("ours-ours", "dense-ours")):
            if stage_one in speed and stage_two in speed:
                s1, s2 = (speed[mode] / speed["dense"] for mode in (stage_one, stage_two))
                result[f"{stage_one} then {stage_two}, {policy}"] = {
                    "s1": s1, "s2": s2, "both": 1 / (FIRST_STAGE / s1 + (1 - FIRST_STAGE) / s2)}
    return result


def print_table(result):
    print(f"\nN = {result['n']}, k = {result['budget']}; medians of {result['steps']} steps in turns")
    print(f"{'mode':11} {'policy':7} {'s/step':>8} {'ktok/s':>8} {'peak GB':>8} {'kept GB':>8} "
          f"{'first s':>8} {'new graphs':>10} {'breaks':>6} {'recompiles':>10} {'loss':>8}")
    for row in result["rows"]:
        line = f"{row['mode']:11} {row['policy']:7} "
        if row["failure"]:
            print(line + f"fails: {row['failure'][:100]}")
        elif row["step_seconds"]:
            print(line + f"{row['step_seconds']:8.3f} {row['tokens_per_second'] / 1e3:8.2f} "
                  f"{row['peak_gb']:8.2f} {row['kept_gb']:8.2f} {row['first_seconds']:8.1f} "
                  f"{row['new_graphs']:10} {row['graph_breaks']:6} {row['recompiles']:10} "
                  f"{row['loss']:8.4f}")
        else:
            print(line + "not timed: the time was over")
    for row in result["rows"]:
        if "profile" in row:
            profile = row["profile"]
            shares = sorted(profile["stages_ms"].items(), key=lambda item: -item[1])
            print(f"{row['mode']}, {row['policy']}, share of a step: " + ", ".join(
                f"{name} {100 * value / profile['step_ms']:.1f}%" for name, value in shares))
    for name, numbers in result["end_to_end"].items():
        print(f"{name}: {numbers['both']:.3f} x dense training (s1 {numbers['s1']:.2f}, "
              f"s2 {numbers['s2']:.2f})")
    sys.stdout.flush()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)

    def names_of(choices):
        def parse(text):
            names = text.split(",")
            for name in names:
                if name not in choices:
                    raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(choices)}")
            return names
        return parse

    parser.add_argument("--modes", type=names_of(MODES),
                        help="of " + ", ".join(MODES) + "; default: all, public if there is --public")
    parser.add_argument("--policies", type=names_of(RECOMPUTE), default=["ffn", "policy", "block"],
                        help="of ffn, policy, block (the default) and none")
    parser.add_argument("--n", type=int, nargs="+", default=[98304], help="positions N")
    parser.add_argument("--levels", type=int, default=3, help="L")
    parser.add_argument("--factor", type=int, default=4, help="p")
    parser.add_argument("--budget", type=int, default=1536, help="k")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each")
    parser.add_argument("--seconds", type=float, default=560, help="time after which it stops measuring")
    parser.add_argument("--compile", choices=("blocks", "pieces", "none"), default="blocks",
                        help="torch.compile whole blocks, or what is before and after attention, as "
                             "always with the public code")
    parser.add_argument("--preset", choices=PRESETS, default="paper",
                        help="the paper's model, or a toy to try this program")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--public", metavar="DIR", help="checkout of the public implementation")
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    options = parser.parse_args()
    options.modes = options.modes or [mode for mode in MODES if mode != "public" or options.public]
    if "public" in options.modes and not options.public:
        parser.error("the mode 'public' needs --public DIR")
    options.deadline = time.monotonic() + options.seconds
    return options


def main():
    options = parse_arguments()
    # Each mode with each policy is a graph of the same function.
    torch._dynamo.config.recompile_limit = 64
    result = {"environment": report.environment(options.device),
              "parameters": report.parameters_of(options), "results": []}
    environment = result["environment"]
    print(f"{environment['device']}, driver {environment['driver']}, PyTorch {environment['torch']}, "
          f"cuDNN {environment['cudnn']}, {environment['date']}\n{environment['command']}", flush=True)
    with tools.cudnn_first():
        for n in options.n:
            found = {"n": n, "budget": options.budget, "steps": options.steps}
            result["results"].append(found)

            def save(contenders):
                found["rows"] = [contender.record() for contender in contenders]
                found["end_to_end"] = end_to_end(found["rows"])
                if options.json:
                    report.write_json(options.json, result)

            measure(options, n, save)
            gc.collect()
            print_table(found)


if __name__ == "__main__":
    main()
