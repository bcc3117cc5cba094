#!/usr/bin/env python3
"""Does it train? A byte-level Llama on the sources of installed packages, in arms that see the same data
in the same order from the same weights:

  dense             dense attention throughout
  lighthouse        Lighthouse Attention, then dense attention with the same optimizer
  lighthouse-seed1  the same with other weights and another order
  short             dense attention on short pieces: what the model learns without long range
  again             the first steps of `lighthouse` once more: how far two runs of one arm part
  rope              `lighthouse`, but that rotary positions are those of the selected entries: raw q and k
                    are pooled, and the pooled rows are rotated
  public            `again` with the public implementation (needs --public DIR)

  python3 tools/gpu/experiment_a.py --out DIR [--arms dense,lighthouse] [--public DIR] [--seconds 470]
  python3 tools/gpu/experiment_a.py --report DIR

Writes one JSON for each arm into DIR, whole at any time; arms stop when the seconds are over. Then, or
with --report alone, judges the criteria from what is in DIR and draws the page DIR/curves.svg. Held-out
losses are by dense attention over whole sequences; `short` gets windows of the length it trained on.
"""
import argparse
import dataclasses
import itertools
import json
import math
import os
import random
import statistics
import sys
import time
from typing import NamedTuple

import torch
import torch.nn.functional as F

import training_tools as tools
import bytes_data
import lighthouse_attention as lighthouse
import svg_plot
from byte_llama import ByteLlama, Config, loss_of
from report import environment, write_json
from training import autocast, evaluating, learning_rate_at, optimizer_of, train_step


@dataclasses.dataclass
class Settings:
    """The experiment. The defaults are those of the plan."""
    config: Config
    batch: int = 2
    steps: int = 600
    switch: int = 420
    first_steps: int = 100         # of the arms `again` and `public`
    learning_rate: float = 1e-3
    warmup: int = 50
    piece: int = 2048              # positions of the arm `short`
    held_out_bytes: int = 6 << 20
    sequences: int = 32            # of a full evaluation, and as many with planted copies
    curve_sequences: int = 8       # of an evaluation on the way
    eval_every: int = 60
    planted_share: float = 0.02    # of the training sequences
    pairs: int = 32                # copies in a sequence that has some
    smooth: int = 20               # steps


PRESETS = {
    "paper": Settings(Config(length=32768, dim=512, layers=12, heads=4, hidden=1536, budget=512,
                             chunk=128)),
    "tiny": Settings(Config(length=1024, dim=64, layers=3, heads=2, hidden=128), batch=2, steps=20,
                     switch=14, first_steps=6, warmup=4, piece=256, held_out_bytes=64 << 10,
                     sequences=4, curve_sequences=2, eval_every=5, planted_share=0.5, pairs=3,
                     smooth=3),
}


class Arm(NamedTuple):
    seed: int = 0
    attention: str = "dense"  # until the switch: dense, lighthouse or public
    short: bool = False
    first: bool = False       # the first steps alone
    rotate: str = "rows"      # as Config.rotate


ARMS = {"dense": Arm(), "lighthouse": Arm(attention="lighthouse"),
        "lighthouse-seed1": Arm(seed=1, attention="lighthouse"), "short": Arm(short=True),
        "again": Arm(attention="lighthouse", first=True),
        "rope": Arm(attention="lighthouse", rotate="entries"),
        "public": Arm(attention="public", first=True)}


# ---- planted copies ----

COPY = 64          # random bytes, which a later place repeats
LEAST_DISTANCE = 128
SETTLED = 8        # bytes of a copy after which the model can know what it repeats


def plant(sequence, pairs, generator):
    """Writes copies into a sequence of bytes: the places (source, repetition), at distances that are
    uniform in their logarithm."""
    places, taken = [], torch.zeros(len(sequence), dtype=torch.bool)
    longest = len(sequence) - COPY
    for _ in range(pairs):
        for _ in range(100):  # tries to find room
            distance = int(LEAST_DISTANCE * (longest / LEAST_DISTANCE) ** generator.random())
            source = generator.randrange(longest - distance + 1)
            spans = [slice(start, start + COPY) for start in (source, source + distance)]
            if not any(taken[span].any() for span in spans):
                content = torch.frombuffer(bytearray(generator.randbytes(COPY)), dtype=torch.uint8)
                for span in spans:
                    taken[span] = True
                    sequence[span] = content
                places.append((source, source + distance))
                break
    return places


# ---- evaluation ----

def predictions(model, sequences, window):
    """Loss and whether the likeliest byte is right for each predicted byte of sequences [count, N + 1]:
    two tensors [count, N]. With windows shorter than N, each byte is seen with half a window before it
    or more."""
    parts = []
    with torch.no_grad(), evaluating(model), autocast(sequences.device):
        for sequence in sequences.split(2):
            sequence = sequence.long()
            read, wanted = sequence[:, :-1], sequence[:, 1:]
            if window < read.shape[1]:
                read, wanted = (x.unfold(1, window, window // 2).flatten(0, 1) for x in (read, wanted))
            logits = model(read).float()
            loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
            right = logits.argmax(-1) == wanted
            parts.append([_joined(x.view(wanted.shape), len(sequence)).cpu() for x in (loss, right)])
    return [torch.cat(tensors) for tensors in zip(*parts)]


def _joined(values, count):
    """Windows [count * windows, length] as sequences: all of the first, of others the second half."""
    values = values.view(count, -1, values.shape[-1])
    half = values.shape[-1] // 2
    return torch.cat([values[:, 0, :half], values[:, :, half:].flatten(1)], 1)


def losses_by_position(loss):
    """{2^i: mean loss of the positions 2^i to 2^(i+1) - 1}."""
    ends = itertools.takewhile(lambda start: start < loss.shape[1], (2 ** i for i in range(31)))
    return {start: loss[:, start:2 * start].mean().item() for start in ends}


def accuracy_by_distance(right, places):
    """{2^i: [share of the bytes of repetitions that are right, repetitions]}, distances from 2^i on."""
    by_distance = {}
    for row, pairs in zip(right, places):
        for source, repetition in pairs:
            bucket = 1 << (repetition - source).bit_length() - 1
            # The byte at p is predicted at p - 1.
            bytes_right = row[repetition + SETTLED - 1:repetition + COPY - 1]
            by_distance.setdefault(bucket, []).append(bytes_right.float().mean().item())
    return {bucket: [sum(shares) / len(shares), len(shares)]
            for bucket, shares in sorted(by_distance.items())}


class Examination:
    """The held-out sequences, plain and with planted copies, the same for all arms."""

    def __init__(self, corpus, settings, device):
        length, count = settings.config.length, settings.sequences
        sequences = corpus.held_out_sequences(length, 2 * count)
        plain, planted = sequences[::2], sequences[1::2].clone()
        generator = random.Random("planted copies")
        self.places = [plant(row, settings.pairs, generator) for row in planted]
        self.plain, self.planted = plain.to(device), planted.to(device)
        self.some = self.plain[::max(1, count // settings.curve_sequences)]

    def full(self, model, window):
        loss, _ = predictions(model, self.plain, window)
        _, right = predictions(model, self.planted, window)
        far = loss.shape[1] // 4
        return {"loss": loss.mean().item(), "far": loss[:, far:].mean().item(), "far_from": far,
                "positions": losses_by_position(loss),
                "copies": accuracy_by_distance(right, self.places)}

    def quick(self, model, window):
        return predictions(model, self.some, window)[0].mean().item()


# ---- one arm ----

class Trainer:
    """An arm on its way; `log` is what its file holds."""

    def __init__(self, name, lab):
        self.arm, self.lab, self.settings = ARMS[name], lab, lab.settings
        settings, arm = self.settings, self.arm
        torch.manual_seed(arm.seed)
        config = dataclasses.replace(settings.config, rotate=arm.rotate)
        self.model = ByteLlama(config).to(lab.device)
        if arm.attention == "public":
            for index in settings.config.inner_layers():
                self.model.blocks[index].attention = lab.public
        elif arm.attention == "dense":
            lighthouse.set_dense(self.model)
        if lab.compile != "none":
            self.model.compile_blocks(around_attention=arm.attention == "public" or lab.compile == "pieces")
        self.optimizer = optimizer_of(self.model, settings.learning_rate)
        self.pieces = bytes_data.Pieces(lab.corpus.train, settings.config.length, arm.seed)
        self.window = settings.piece if arm.short else settings.config.length
        self.clock, self.pending = tools.Clock(lab.device), []
        self.path = os.path.join(lab.out, name + ".json")
        self.log = {"arm": name, "complete": False, "failure": None, "environment": lab.environment,
                    "settings": dataclasses.asdict(dataclasses.replace(settings, config=config)),
                    "seed": arm.seed, "compile": lab.compile,
                    "corpus": lab.corpus.summary(), "dense_backend": lab.dense_backend,
                    "warm_up_seconds": None, "losses": [], "step_seconds": [], "held_out": [],
                    "before": None, "final": None}

    def batch(self, step):
        """The pieces of a step; a few of them carry planted copies."""
        settings, rows = self.settings, []
        for position in range(step * settings.batch, (step + 1) * settings.batch):
            row = self.pieces[position].clone()
            generator = random.Random(f"{self.arm.seed} {position}")
            if generator.random() < settings.planted_share:
                plant(row, settings.pairs, generator)
            rows.append(row)
        rows = torch.stack(rows)
        if self.arm.short:
            rows = rows.unfold(1, settings.piece + 1, settings.piece).flatten(0, 1)
        if self.clock.on_gpu:
            rows = rows.pin_memory()  # so that the copy does not wait for the steps before it
        return rows.to(self.lab.device, non_blocking=True).long()

    def warm_up(self):
        """Compiles everything and changes nothing."""
        start = time.perf_counter()
        for _ in range(2):
            with autocast(self.lab.device):
                loss_of(self.model, self.batch(0)).backward()
            self.optimizer.zero_grad(set_to_none=True)
        tools.synchronize(self.lab.device)
        self.log["warm_up_seconds"] = time.perf_counter() - start

    def train(self):
        settings = self.settings
        self.warm_up()
        for step in range(settings.first_steps if self.arm.first else settings.steps):
            if step == settings.switch:
                self.log["before"] = self.lab.examination.full(self.model, self.window)
                if self.arm.attention == "lighthouse":
                    lighthouse.set_dense(self.model)
            rate = learning_rate_at(step, settings.steps, settings.learning_rate, settings.warmup)
            start = self.clock.mark()
            loss = train_step(self.model, self.optimizer, self.batch(step), rate)
            self.pending.append((start, self.clock.mark(), loss))
            self._look(step + 1)
        self._collect()
        self.log["final"] = self.lab.examination.full(self.model, self.window)
        self.log["complete"] = True

    def _look(self, done):
        """Reads losses and evaluates when it is time to, `done` steps being made."""
        settings = self.settings
        soon_after = [settings.switch + part * settings.eval_every // 6 for part in (0, 1, 2, 4)]
        if done % settings.eval_every == 0 or done in soon_after:
            self._collect()
            self.log["held_out"].append({
                "step": done, "bytes": done * settings.batch * settings.config.length,
                "seconds": sum(self.log["step_seconds"]),
                "loss": self.lab.examination.quick(self.model, self.window)})
            self.save()
            print(f"{self.log['arm']:18} {done:4} steps, {self.log['held_out'][-1]['seconds']:7.1f} s, "
                  f"held out {self.log['held_out'][-1]['loss']:.4f}", flush=True)
        elif done % 10 == 0:
            self._collect()
        if time.monotonic() > self.lab.deadline:
            self._collect()
            raise TimeoutError("the time is over")

    def _collect(self):
        for start, end, loss in self.pending:
            self.log["step_seconds"].append(self.clock.seconds(start, end))
            self.log["losses"].append(loss.item())
        self.pending = []
        if self.log["losses"] and not math.isfinite(self.log["losses"][-1]):
            raise ArithmeticError("the loss is not finite")

    def save(self):
        write_json(self.path, self.log)


class Lab:
    """What the arms share."""

    def __init__(self, options, settings):
        self.settings, self.device, self.out = settings, options.device, options.out
        self.deadline = time.monotonic() + options.seconds
        self.environment = environment(options.device)
        self.compile = options.compile or ("pieces" if options.device.startswith("cuda") else "none")
        config = settings.config
        needed = settings.steps * settings.batch * config.length
        self.corpus = bytes_data.load(options.corpus, length=config.length,
                                      held_out_bytes=settings.held_out_bytes)
        if len(self.corpus.train) <= needed:
            raise bytes_data.DataError(
                f"the packages have {len(self.corpus.train) / 1e6:.1f} MB of Python sources to train "
                f"on, and this reads {needed / 1e6:.1f} MB: give more folders with --corpus")
        self.examination = Examination(self.corpus, settings, self.device)
        dtype = torch.bfloat16 if options.device.startswith("cuda") else torch.float32
        self.dense_backend = tools.dense_backend(config, settings.batch, dtype, self.device)
        # It forgets what was compiled, so it is made before anything is.
        self.public = options.public and tools.PublicAttention(
            options.public, config.levels, config.factor, config.budget)

    def run(self, name):
        trainer = Trainer(name, self)
        try:
            trainer.train()
        except Exception as error:  # The other arms, and what this one logged, are worth having.
            trainer.log["failure"] = tools.failure_of(error)
            print(f"{name}: {trainer.log['failure']}", file=sys.stderr)
        trainer.save()


# ---- report ----

class Verdict(NamedTuple):
    criterion: str
    passed: bool  # None: not measured, or not to be judged
    detail: str


def smoothed(values, width):
    return [sum(values[i:i + width]) / width for i in range(len(values) - width + 1)]


def difference(one, other, width):
    """Training losses of an arm above those of another on the same bytes, smoothed: the data's own ups
    and downs cancel."""
    return smoothed([a - b for a, b in zip(one["losses"], other["losses"])], width)


def judge(logs):
    """The criteria of the plan, as far as the arms that they need are there."""
    return [_criterion(logs, needs, description, check) for needs, description, check in (
        (("dense", "lighthouse", "lighthouse-seed1"),
         "held-out loss <= dense + max(0.01, twice the difference of seeds)", _loss_is_as_low),
        (("dense", "lighthouse"), "at <= 0.65 of dense's GPU seconds", _time_is_shorter),
        (("dense", "lighthouse"), "no position bucket from 1K on worse by more than 0.02",
         _positions_are_as_good),
        (("dense", "lighthouse"), "copy accuracy within 2 points of dense at every distance",
         _copies_are_as_good),
        (("dense", "lighthouse"), "spike at the switch gone within 60 steps", _spike_is_short),
        (("dense", "short"), "short pieces worse by >= 0.05 from position N / 4 (8K) on",
         _long_range_matters),
        (("dense", "lighthouse", "rope"), "rotation at the entries (no criterion)", _rotation_matters),
        (("lighthouse", "public"), "ours and public code within 0.01, smoothed", _public_agrees),
        (("lighthouse", "again"), "two runs of one arm, smoothed (no criterion)", _runs_part))]


def _criterion(logs, needs, description, check):
    missing = [name for name in needs if name not in logs or not logs[name]["complete"]]
    if missing:
        return Verdict(description, None, f"no complete run of {', '.join(missing)}")
    return Verdict(description, *check(*(logs[name] for name in needs)))


def _loss_is_as_low(dense, one, other):
    losses = [log["final"]["loss"] for log in (dense, one, other)]
    allowed = max(0.01, 2 * abs(losses[1] - losses[2]))
    return (losses[1] <= losses[0] + allowed,
            f"dense {losses[0]:.4f}, seeds 0 and 1 {losses[1]:.4f} and {losses[2]:.4f}, allowed above "
            f"dense {allowed:.4f}")


def _time_is_shorter(dense, one):
    seconds = [sum(log["step_seconds"]) for log in (dense, one)]
    ratio = seconds[1] / seconds[0]
    return ratio <= 0.65, f"{seconds[1]:.1f} of {seconds[0]:.1f} s, {ratio:.3f}"


def _positions_are_as_good(dense, one):
    worse = {int(start): one["final"]["positions"][start] - loss
             for start, loss in dense["final"]["positions"].items() if int(start) >= 1024}
    if not worse:
        return None, "sequences are shorter than that"
    start = max(worse, key=worse.get)
    return worse[start] <= 0.02, f"worst from {start} on: {worse[start]:+.4f}"


def _copies_are_as_good(dense, one):
    worse = {int(distance): accuracy - one["final"]["copies"][distance][0]
             for distance, (accuracy, _) in dense["final"]["copies"].items()}
    distance = max(worse, key=worse.get)
    return (worse[distance] <= 0.02,
            f"worst from distance {distance} on: {-100 * worse[distance]:+.1f} points")


def _spike_is_short(dense, one):
    """Over dense on the same bytes, means of 10 steps, down to the level of the 30 steps before the
    switch, or to dense's."""
    switch = one["settings"]["switch"]
    above = [a - b for a, b in zip(one["losses"], dense["losses"])]
    before = above[max(0, switch - 30):switch]
    allowed = max(0.0, sum(before) / len(before)) + 0.01
    after = smoothed(above[switch:], min(10, len(above) - switch))
    gone = next((i for i, value in enumerate(after) if value <= allowed), None)
    return (gone is not None and gone <= 60,
            f"largest {max(after):+.4f} over dense, allowed {allowed:+.4f}, reached "
            f"{'never' if gone is None else f'after {gone} steps'}")


def _long_range_matters(dense, short):
    worse = short["final"]["far"] - dense["final"]["far"]
    return worse >= 0.05, f"{worse:+.4f} from position {dense['final']['far_from']} on"


def _copies_below(dense, one, when):
    """By how much the copy accuracy of an arm is below that of `dense`, the mean over the distances."""
    wanted = dense[when]["copies"]
    return statistics.mean(wanted[d][0] - one[when]["copies"][d][0] for d in wanted)


def _rotation_matters(dense, rows, entries):
    parts = []
    for when, name in (("before", "before the switch"), ("final", "at the end")):
        points = [-100 * _copies_below(dense, log, when) for log in (rows, entries)]
        parts.append(f"{name} held out {entries[when]['loss'] - rows[when]['loss']:+.4f} over rows, copies "
                     f"{points[1]:+.1f} points from dense (rows {points[0]:+.1f})")
    return None, "; ".join(parts)


def _largest_difference(one, other):
    return max(map(abs, difference(one, other, one["settings"]["smooth"])))


def _public_agrees(one, public):
    largest = _largest_difference(one, public)
    return largest <= 0.01, f"at most {largest:.4f} in {len(public['losses'])} steps"


def _runs_part(one, again):
    return None, f"at most {_largest_difference(one, again):.4f} in {len(again['losses'])} steps"


def stage_seconds(logs):
    """{what: median seconds of a step}."""
    result = {}
    for name, log in logs.items():
        seconds = log["step_seconds"]
        stages = {name: seconds}
        if ARMS[name].attention == "lighthouse":
            switch = log["settings"]["switch"]
            stages = {name + ", first": seconds[:switch], name + ", dense": seconds[switch:]}
        result.update({stage: statistics.median(steps) for stage, steps in stages.items() if steps})
    return result


def draw(logs):
    """The page of curves."""
    by_bytes = svg_plot.Panel("Held-out loss over data", "bytes", "nats per byte")
    by_time = svg_plot.Panel("Held-out loss over time", "GPU seconds", "nats per byte")
    positions = svg_plot.Panel("Held-out loss by position, at the end", "position", "nats per byte",
                               log_x=True)
    copies = svg_plot.Panel("Copies that are right, at the end (dashed: before the switch)", "distance",
                            "share of bytes", log_x=True)
    above = svg_plot.Panel("Training loss above dense's on the same bytes, smoothed", "step",
                           "nats per byte")
    times = svg_plot.Panel("Seconds of a step")
    for name, log in logs.items():
        points = log["held_out"]
        losses = [point["loss"] for point in points]
        by_bytes.line(name, [point["bytes"] for point in points], losses, points=True)
        by_time.line(name, [point["seconds"] for point in points], losses, points=True)
        for key, dashed in (("before", True), ("final", False)):
            if log[key]:
                found = log[key]["copies"]
                copies.line(name, map(int, found), [share for share, _ in found.values()], dashed, True)
        if log["final"]:
            found = log["final"]["positions"]
            positions.line(name, map(int, found), found.values(), points=True)
        if "dense" in logs and name != "dense" and not ARMS[name].short and not ARMS[name].seed:
            width = log["settings"]["smooth"]
            values = difference(log, logs["dense"], width)
            above.line(name, range(width, width + len(values)), values)
    for log in logs.values():
        settings = log["settings"]
        if log["arm"] == "lighthouse" and len(log["losses"]) > settings["switch"]:
            switch = settings["switch"]
            by_bytes.mark(switch * settings["batch"] * settings["config"]["length"], "switch")
            by_time.mark(sum(log["step_seconds"][:switch]), "switch")
            above.mark(switch, "switch")
    for name, seconds in stage_seconds(logs).items():
        times.bar(name, seconds, f"{seconds:.3g} s")
    log = next(iter(logs.values()))
    title = (f"{log['environment']['device']}, {log['environment']['date']}, corpus "
             f"{log['corpus']['sha256'][:12]}, N = {log['settings']['config']['length']}")
    return svg_plot.page([by_bytes, by_time, positions, copies, above, times], 3, title)


def report(folder):
    """Judges and draws what is in a folder; whether no criterion failed."""
    logs = {}
    for name in ARMS:
        path = os.path.join(folder, name + ".json")
        if os.path.exists(path):
            with open(path) as file:
                logs[name] = json.load(file)
    if not logs:
        sys.exit(f"{folder} has no result of an arm")
    corpora = {log["corpus"]["sha256"] for log in logs.values()}
    if len(corpora) > 1:
        sys.exit(f"the arms in {folder} were trained on different corpora: {', '.join(sorted(corpora))}")
    with open(os.path.join(folder, "curves.svg"), "w") as file:
        file.write(draw(logs))
    verdicts = judge(logs)
    seconds = stage_seconds(logs)
    write_json(os.path.join(folder, "report.json"),
               {"criteria": [v._asdict() for v in verdicts], "step_seconds": seconds})
    print("\nseconds of a step (median): " + "; ".join(f"{k} {v:.4g}" for k, v in seconds.items()))
    for name, log in logs.items():
        if log["final"]:
            print(f"{name:18} held out {log['final']['loss']:.4f} after "
                  f"{sum(log['step_seconds']):.1f} s of steps, warm-up {log['warm_up_seconds']:.1f} s")
        else:
            print(f"{name:18} {len(log['losses'])} steps: {log['failure'] or 'killed'}")
    for verdict in verdicts:
        word = {True: "passed", False: "FAILED", None: "-"}[verdict.passed]
        print(f"{word:7} {verdict.criterion}: {verdict.detail}")
    return all(verdict.passed is not False for verdict in verdicts)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", default=",".join(name for name in ARMS if name != "public"),
                        help="which, in this order, of " + ", ".join(ARMS))
    parser.add_argument("--out", metavar="DIR", default="experiment_a_out", help="folder for results")
    parser.add_argument("--report", metavar="DIR", help="train nothing, judge what is there")
    parser.add_argument("--seconds", type=float, default=470, help="time for all arms of this call")
    parser.add_argument("--preset", choices=PRESETS, default="paper",
                        help="the experiment, or a toy to try this program")
    parser.add_argument("--steps", type=int, help="other than the preset's; the switch moves along")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--corpus", nargs="+", metavar="DIR",
                        help="folders with packages; default: where packages are installed")
    parser.add_argument("--public", metavar="DIR", help="checkout of the public implementation")
    parser.add_argument("--compile", choices=("none", "pieces", "blocks"),
                        help="torch.compile what is before and after attention, the default on a GPU, "
                             "or whole blocks")
    options = parser.parse_args()
    options.arms = options.arms.split(",")
    for name in options.arms:
        if name not in ARMS:
            parser.error(f"there is no arm '{name}'; these are {', '.join(ARMS)}")
    if "public" in options.arms and not options.public:
        parser.error("the arm 'public' needs --public DIR")
    return options


def main():
    options = parse_arguments()
    if options.report:
        sys.exit(0 if report(options.report) else 1)
    settings = PRESETS[options.preset]
    if options.steps:
        settings = dataclasses.replace(settings, steps=options.steps,
                                       switch=settings.switch * options.steps // settings.steps)
    os.makedirs(options.out, exist_ok=True)
    with tools.cudnn_first():
        try:
            lab = Lab(options, settings)
        except bytes_data.DataError as error:
            sys.exit(str(error))
        print(f"{lab.environment['device']}, PyTorch {lab.environment['torch']}, dense attention: "
              f"{lab.dense_backend}; corpus {json.dumps(lab.corpus.summary())}", flush=True)
        for name in options.arms:
            if time.monotonic() < lab.deadline:
                lab.run(name)
    report(options.out)


if __name__ == "__main__":
    main()
