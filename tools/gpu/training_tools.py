"""What the programs here share: where the package and its examples are, clocks, and attention by
other code."""
import functools
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


def failure_of(error):
    """An exception as a short line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
