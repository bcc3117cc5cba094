#!/usr/bin/env python3
"""Trains a byte-level Llama on the Python sources of the installed packages, in two stages: first with
Lighthouse Attention, then, with the same optimizer, with dense attention.

  python3 python/examples/train_bytes.py                          # about a minute on two cores
  python3 python/examples/train_bytes.py --preset paper-small --compile    # one GPU
  python3 python/examples/train_bytes.py --resume OUT/checkpoint-000100.pt
  torchrun --nproc-per-node 2 python/examples/train_bytes.py --mesh 2      # two processes share each sequence

Writes checkpoints, log.json and the picture curves.svg into the folder --out. A resumed run takes its
settings from the checkpoint, and goes on as if it had never stopped. Needs PyTorch and
lighthouse_attention, nothing else.
"""
import argparse
import dataclasses
import json
import math
import os
import sys
import time

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

import bytes_data
import lighthouse_attention as lighthouse
import svg_plot
from byte_llama import RECOMPUTE, ROTATE, ByteLlama, Config
from training import held_out_loss, learning_rate_at, optimizer_of, train_step

PRESETS = {
    "demo": dict(steps=80, batch=4, learning_rate=3e-3, warmup=10, corpus_bytes=4 << 20,
                 held_out_bytes=128 << 10, held_out_sequences=8, eval_every=10, checkpoint_every=40),
    "paper-small": dict(length=32768, dim=512, layers=12, heads=4, hidden=1536, budget=512, chunk=128,
                        steps=600, batch=2, learning_rate=1e-3, warmup=50, corpus_bytes=None,
                        held_out_bytes=4 << 20, held_out_sequences=16, eval_every=50,
                        checkpoint_every=200),
}

_CONFIG_HELP = {
    "length": "bytes of a sequence, N", "dim": "width", "layers": "blocks", "heads": "attention heads",
    "hidden": "width of the feed-forward half", "dense_ends": "layers at each end that stay dense",
    "levels": "levels of the pyramid, L", "factor": "pooling factor, p",
    "budget": "entries that are expanded per level, k", "chunk": "entries of a chunk of the selection",
    "theta": "base of the rotary frequencies",
    "rotate": "what Lighthouse Attention rotates: the rows of q and k, before they are pooled; the pooled "
              "rows of the selected entries",
    "recompute": "what the backward pass computes again: nothing; the feed-forward halves; the blocks "
                 "but for selection and attention (lighthouse.checkpoint_policy); the blocks",
}


_CHOICES = {"rotate": ROTATE, "recompute": RECOMPUTE}


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="demo", help="defaults of what follows")
    parser.add_argument("--resume", metavar="FILE", help="go on from a checkpoint")
    parser.add_argument("--out", metavar="DIR", default="train_bytes_out", help="folder for results")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu",
                        help="cuda (products in bfloat16) or cpu (float32); default: a GPU if any")
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks")
    parser.add_argument("--mesh", type=int, default=1, metavar="RANKS",
                        help="processes that share each sequence (context parallel): all that torchrun starts")
    parser.add_argument("--keep", type=int, default=2, help="checkpoints to keep")

    run = parser.add_argument_group("run")
    run.add_argument("--steps", type=int, help="steps of both stages together")
    run.add_argument("--switch-at", type=int, metavar="STEP",
                     help="first step of the dense stage; default: after 7 tenths of the steps")
    run.add_argument("--batch", type=int, help="sequences of a step")
    run.add_argument("--learning-rate", type=float, help="of the constant phase; it falls at the end")
    run.add_argument("--warmup", type=int, help="steps in which the learning rate rises")
    run.add_argument("--seed", type=int, default=0, help="of the weights and of the order of the data")
    run.add_argument("--eval-every", type=int, metavar="STEPS", help="held-out loss, log and picture")
    run.add_argument("--checkpoint-every", type=int, metavar="STEPS", help="and at the end")

    data = parser.add_argument_group("data")
    data.add_argument("--corpus", nargs="+", metavar="DIR",
                      help="folders with packages; default: where packages are installed")
    data.add_argument("--corpus-bytes", type=int, help="bytes to train on; default: all there are")
    data.add_argument("--held-out-bytes", type=int, help="least bytes of the held-out packages")
    data.add_argument("--held-out-sequences", type=int, help="sequences of an evaluation")

    model = parser.add_argument_group("model")
    for field in dataclasses.fields(Config):
        model.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default,
                           choices=_CHOICES.get(field.name),
                           help=f"{_CONFIG_HELP[field.name]}; in the demo {field.default}")
    return parser


def parse_arguments(arguments=None):
    """The options, and the checkpoint to resume or None. What is not said on the command line comes from
    the checkpoint, else from the preset."""
    parser = make_parser()
    first = parser.parse_args(arguments)
    parser.set_defaults(**PRESETS[first.preset])
    checkpoint = None
    if first.resume:
        checkpoint = torch.load(first.resume, map_location="cpu", weights_only=True)
        parser.set_defaults(**checkpoint["settings"])
    options = parser.parse_args(arguments)
    if options.switch_at is None:
        options.switch_at = options.steps * 7 // 10
    return options, checkpoint


def settings_of(options):
    """The options that a run keeps when it is resumed: all but where it runs and writes."""
    own = ("preset", "resume", "out", "device", "mesh", "compile", "keep")
    return {name: value for name, value in vars(options).items() if name not in own}


def join_mesh(options):
    """The mesh of this run's processes, None for a single one; `options.device` becomes the rank's."""
    if options.mesh == 1:
        return None
    started = int(os.environ.get("WORLD_SIZE", 1))
    if started != options.mesh:
        sys.exit(f"--mesh {options.mesh} needs as many processes, and there is 1: start them with torchrun "
                 f"--nproc-per-node {options.mesh}" if started == 1 else
                 f"--mesh {options.mesh} needs as many processes, and torchrun started {started}")
    kind = torch.device(options.device).type
    if kind == "cuda":
        options.device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(options.device)
    return init_device_mesh(kind, (options.mesh,))


class Run:
    """A training run: all of its state, and what it writes. The ranks of a mesh have all the same state; the
    first one writes."""

    def __init__(self, options, corpus, mesh=None):
        self.options, self.corpus = options, corpus
        self.writes = mesh is None or mesh.get_rank() == 0
        torch.manual_seed(options.seed)
        config = Config(**{field.name: getattr(options, field.name)
                           for field in dataclasses.fields(Config)})
        self.model = ByteLlama(config, mesh).to(options.device)
        self.optimizer = optimizer_of(self.model, options.learning_rate)
        self.pieces = bytes_data.Pieces(corpus.train, options.length, options.seed)
        self.held_out = corpus.held_out_sequences(options.length, options.held_out_sequences)
        self.held_out = self.held_out.to(options.device).long()
        self.step = self.position = 0  # steps made, pieces read
        self.is_dense = False
        self.history = {"loss": [], "seconds": [], "held_out": []}
        if options.compile:
            self.model.compile_blocks()

    # ---- training ----

    def train(self):
        options, progress = self.options, Progress(self.options.steps)
        while self.step < options.steps:
            if self.step >= options.switch_at and not self.is_dense:
                # The optimizer goes on as it is: attention has no parameters.
                lighthouse.set_dense(self.model, True)
                self.is_dense = True
            start = time.perf_counter()
            batch = self.pieces.batch(self.position, options.batch).to(options.device).long()
            rate = learning_rate_at(self.step, options.steps, options.learning_rate, options.warmup)
            loss = train_step(self.model, self.optimizer, batch, rate).item()
            seconds = time.perf_counter() - start
            if not math.isfinite(loss):
                sys.exit(f"the loss is {loss} at step {self.step}: try a smaller --learning-rate")
            self.step += 1
            self.position += options.batch
            self.history["loss"].append(loss)
            self.history["seconds"].append(seconds)
            self._write_due()
            if self.writes:
                progress.show(self.step, self.stage, loss, batch[:, 1:].numel() / seconds, seconds)
        progress.close()

    @property
    def stage(self):
        return "dense" if self.is_dense else "lighthouse"

    def _write_due(self):
        """Evaluates and saves where it is time to."""
        last = self.step == self.options.steps
        if last or self.step % self.options.eval_every == 0 or self.step == self.options.switch_at:
            self.history["held_out"].append([self.step, held_out_loss(self.model, self.held_out)])
            if self.writes:
                self._write_log()
        if self.writes and (last or self.step % self.options.checkpoint_every == 0):
            self._save()

    # ---- checkpoints ----

    def _save(self):
        on_gpu = torch.cuda.is_initialized()
        state = {"settings": settings_of(self.options), "corpus": self.corpus.digest,
                 "step": self.step, "position": self.position, "history": self.history,
                 "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                 "rng": torch.get_rng_state(),
                 "cuda_rng": torch.cuda.get_rng_state() if on_gpu else None}
        path = self._path(f"checkpoint-{self.step:06}.pt")
        torch.save(state, path + ".part")
        os.replace(path + ".part", path)  # a checkpoint is whole or not there
        names = sorted(name for name in os.listdir(self.options.out)
                       if name.startswith("checkpoint-") and name.endswith(".pt"))
        for name in names[:-self.options.keep]:
            os.remove(self._path(name))

    def restore(self, state):
        if state["corpus"] != self.corpus.digest:
            sys.exit("the checkpoint is of other data: packages were installed, removed or changed")
        self.step, self.position = state["step"], state["position"]
        self.history = state["history"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"] is not None and torch.cuda.is_initialized():
            torch.cuda.set_rng_state(state["cuda_rng"])

    # ---- log ----

    def _path(self, name):
        return os.path.join(self.options.out, name)

    def _write_log(self):
        log = {"settings": settings_of(self.options), "corpus": self.corpus.summary(), **self.history}
        with open(self._path("log.json"), "w") as file:
            json.dump(log, file, indent=1)
        panel = svg_plot.Panel("Loss", "step", "nats per byte")
        panel.line("training", range(1, self.step + 1), self.history["loss"])
        panel.line("held out, dense", *zip(*self.history["held_out"]), points=True)
        panel.mark(self.options.switch_at, "dense")
        with open(self._path("curves.svg"), "w") as file:
            file.write(svg_plot.page([panel]))

    def summary(self):
        """Speed of the stages, and the last losses."""
        options, lines = self.options, []
        switch = min(options.switch_at, self.step)
        for name, steps in (("lighthouse", self.history["seconds"][:switch]),
                            ("dense", self.history["seconds"][switch:])):
            if steps:
                # The median, as the first step of a stage waits for compilers.
                speed = options.batch * options.length / sorted(steps)[len(steps) // 2]
                lines.append(f"{name}: {len(steps)} steps, {speed / 1e3:.1f} kB/s")
        loss = self.history["held_out"][-1][1]
        lines.append(f"held-out loss {loss:.4f} nats, {loss / math.log(2):.4f} bits per byte; "
                     f"{self._path('curves.svg')}")
        return "\n".join(lines)


class Progress:
    """One line on stderr that is written over; a line now and then if stderr is no terminal."""

    def __init__(self, steps, out=sys.stderr):
        self.steps, self.out, self.rewrite = steps, out, out.isatty()
        self.pace, self.shown = None, 0.0

    def show(self, step, stage, loss, speed, seconds):
        self.pace = seconds if self.pace is None else 0.9 * self.pace + 0.1 * seconds
        now = time.monotonic()
        if step < self.steps and now - self.shown < (0.1 if self.rewrite else 10):
            return
        self.shown = now
        done = 24 * step // self.steps
        left = int(self.pace * (self.steps - step))
        line = (f"[{'#' * done}{'.' * (24 - done)}] {step}/{self.steps} {stage:10} loss {loss:.3f}  "
                f"{speed / 1e3:.1f} kB/s  {left // 60}:{left % 60:02} left")
        self.out.write(f"\r\033[K{line}" if self.rewrite else line + "\n")
        self.out.flush()

    def close(self):
        if self.rewrite:
            self.out.write("\n")


def main(arguments=None):
    options, checkpoint = parse_arguments(arguments)
    os.makedirs(options.out, exist_ok=True)
    corpus = bytes_data.load(options.corpus, length=options.length, train_bytes=options.corpus_bytes,
                             held_out_bytes=options.held_out_bytes)
    mesh = join_mesh(options)
    try:
        run = Run(options, corpus, mesh)
        if checkpoint:
            run.restore(checkpoint)
        parameters = sum(p.numel() for p in run.model.parameters())
        if run.writes:
            ranks = f" of {options.mesh} processes" if mesh else ""
            print(f"{parameters / 1e6:.1f}M parameters on {options.device}{ranks}, N = {options.length}; corpus "
                  f"{len(corpus.train) / 1e6:.1f} MB of {len(corpus.packages)} packages, SHA-256 "
                  f"{corpus.digest[:16]}, held out {', '.join(corpus.held_out)}")
        run.train()
    except bytes_data.DataError as error:
        sys.exit(str(error))
    if run.writes:
        print(run.summary())
    if mesh is not None:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
