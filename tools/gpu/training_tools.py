"""What the programs here share: where the package and its examples are, clocks, attention by
other code, and what a result says of its machine."""
import contextlib
import datetime
import functools
import json
import os
import sys
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "python"), os.path.join(ROOT, "python", "examples")]

import lighthouse_attention as lighthouse  # noqa: E402  found by the line above
import public_lighthouse  # noqa: E402


def cudnn_first():
    """A context in which dense attention of torch is cuDNN's where that has a kernel."""
    return sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION,
                        SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH], set_priority=True)


def dense_backend(config, batch, dtype, device):
    """The name of the kernel that torch takes for the dense layers of a model."""
    shape = (batch, config.heads, config.length, config.dim // config.heads)
    q = torch.empty(shape, dtype=dtype, device=device, requires_grad=True)
    return SDPBackend(torch._fused_sdp_choice(q, q, q, is_causal=True)).name


class Clock:
    """Spans of time on a device. Marks on a GPU do not wait for it; reading a span does."""

    def __init__(self, device):
        self.on_gpu = torch.device(device).type == "cuda"

    def mark(self):
        if not self.on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, start, end):
        if not self.on_gpu:
            return end - start
        end.synchronize()
        return start.elapsed_time(end) * 1e-3


def synchronize(device):
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


@functools.lru_cache(maxsize=None)
def _public_module(directory):
    return public_lighthouse.load(directory)


class PublicAttention(torch.nn.Module):
    """The public implementation in the place of `LighthouseAttention`; dense in evaluation mode, too.
    Its scorer is compiled, the rest of it nothing that dynamo can trace."""

    def __init__(self, directory, levels, factor, budget):
        super().__init__()
        self.layer = public_lighthouse.PublicLighthouse(_public_module(directory), levels, factor,
                                                        budget, True)

    def forward(self, q, k, v):
        if not self.training:
            return lighthouse.dense_attention(q, k, v)
        return self._train(q, k, v)

    @torch.compiler.disable
    def _train(self, q, k, v):
        with torch.autocast(q.device.type, enabled=False):
            return self.layer.forward(q, k, v)


def driver_version():
    with contextlib.suppress(OSError, StopIteration):
        with open("/proc/driver/nvidia/version") as file:
            return next(word for word in file.readline().split() if word[0].isdigit() and "." in word)
    return "unknown"


# Options that say where files are, until when to go on, or which part of the work a process does.
_PLACES = {"json", "lhc", "public", "deadline", "part"}


def parameters_of(options):
    """The options that a result depends on."""
    return {name: value for name, value in vars(options).items() if name not in _PLACES}


def _shown(word):
    """A word of a command, absolute paths by their last name: results do not tell where files were."""
    option, equals, value = word.rpartition("=")
    return option + equals + (os.path.basename(value.rstrip("/")) if os.path.isabs(value) else value)


def environment(device):
    """What every file of results says."""
    on_gpu = torch.device(device).type == "cuda"
    return {"device": torch.cuda.get_device_name(device) if on_gpu else "host",
            "driver": driver_version() if on_gpu else None, "torch": torch.__version__,
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version() if on_gpu else None,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "command": " ".join(map(_shown, [sys.executable, *sys.argv]))}


def write_json(path, value):
    """Replaces the file at once, so that a run that is killed leaves the last whole one."""
    with open(path + ".part", "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def failure_of(error):
    """An exception as a short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
