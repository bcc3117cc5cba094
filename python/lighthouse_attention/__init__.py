"""Lighthouse Attention for PyTorch, and kernels in the language `.lh` on tensors and arrays.

    import lighthouse_attention as lighthouse
    o = lighthouse.attention(q, k, v, budget=1536)         # [B, N, H, D], with gradients
    kernels = lighthouse.kernels.load("my.lh")             # each pipeline and kernel is a function

Importing this does nothing: torch and the shared library are loaded at the first use of what needs them,
and `kernels` works on numpy arrays without torch.
"""
import importlib

_HOMES = {
    "functional": ("attention", "attention_packed", "dense_attention", "prepare"),
    "scorers": ("window_max",),
    "context_parallel": ("local_positions",),
    "checkpoint": ("checkpoint_policy", "save_ops"),
    "shapes": ("gathered_length", "document_capacity", "document_budgets", "valid_budgets", "kept_bytes",
               "exchanged_bytes"),
    "planning": ("plan", "Plan"),
    "models": ("use", "set_dense"),
    "errors": ("LighthouseError", "CompileError", "LibraryNotFoundError", "NotPreparedError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("kernels", "nn", "ops", "shapes", "checkpoint", "integrations", "tuning")

__all__ = [*_HOME_OF, *_MODULES]


def __getattr__(name):
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
        globals()[name] = value  # the next look-up finds it here
        return value
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
