"""The public PyTorch implementation, from a checkout of ighoshsubho/lighthouse-attention.

Its two files import each other as a part of torchtitan; they are loaded under those names, without
torchtitan.
"""
import importlib.util
import os
import sys
import types

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

_PACKAGE = "torchtitan.models.llama3.model"


def _load_file(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _stand_in(name):
    module = types.ModuleType(name)
    module.__path__ = []
    sys.modules.setdefault(name, module)
    return module


def load(directory):
    """The module with the layers."""
    source = os.path.join(directory, "src")
    source = source if os.path.isdir(source) else directory
    parts = _PACKAGE.split(".")
    for i in range(len(parts)):
        _stand_in(".".join(parts[:i + 1]))
    if importlib.util.find_spec("einops") is None:
        # Only scorers that are not compared rearrange.
        _stand_in("einops").rearrange = None
    _load_file(_PACKAGE + ".lighthouse_selection_cuda",
               os.path.join(source, "lighthouse_selection_cuda.py"))
    module = _load_file(_PACKAGE + ".lighthouse_selection",
                        os.path.join(source, "lighthouse_selection.py"))
    # It asks Triton to print.
    os.environ.pop("TRITON_PRINT_AUTOTUNING", None)
    return module


def _attention(q, k, v):
    with sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION], set_priority=True):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class EmptyPlaces(Exception):
    """The list of entries has -1 in it."""


class PublicLighthouse:
    """Its layer with the norm scorer; q, k, v and the result are [B, N, H, D]."""

    def __init__(self, module, levels, factor, budget, compile_scorer):
        scorer = module.DialatedLighthouseNormScorer(pooling_factor=factor, levels=levels)
        if compile_scorer:
            # Else it gives up after a few shapes.
            torch._dynamo.reset()
            scorer = torch.compile(scorer, dynamic=False)
        self._module = module
        self._layer = module.LighthouseLocal(_attention, scorer, num_levels=levels,
                                             pooling_factor=factor, topk=budget)

    def forward(self, q, k, v):
        """With gradients."""
        return self._layer(q, k, v).transpose(1, 2)

    @torch.no_grad()
    def __call__(self, q, k, v):
        return self.forward(q, k, v)

    def run_and_observe(self, q, k, v):
        """The result and the entries that it selected, in the order of the sub-sequence. `EmptyPlaces`
        if these have places without one: the layer cannot run then."""
        selection = self._module.LighthouseSelectionQkKqChunkedTopkNvrtc
        forward, seen = selection.forward, []

        def observe(*arguments):
            entries = forward(*arguments)
            if bool((entries < 0).any()):
                # What follows would read in front of its tensors, and take the context with it.
                raise EmptyPlaces("it leaves places of its list of entries empty for this shape")
            seen.append(entries)
            return entries

        selection.forward = staticmethod(observe)
        try:
            return self(q, k, v), seen[-1]
        finally:
            selection.forward = staticmethod(forward)
