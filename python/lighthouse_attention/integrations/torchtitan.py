"""Lighthouse Attention as the inner attention of torchtitan.

    lighthouse.use(model, budget=1536)

The trainer checks a new model for modules that are not its own, then gives it to `parallelize_fn`: call
this first there, before the model is made parallel, checkpointed or compiled. The inner attention of
other layers is left as it is, and runs again in Lighthouse layers where they are to be dense.

torchtitan gives masks to an inner attention that takes them, FlexAttention and VarlenAttention, to keep
packed documents apart. The bounds of VarlenAttention are those that Lighthouse Attention takes: configure all
layers with it, and give `use` the option `documents`, the most that a step may have, as there is a program for
each number else. It has no other masks and raises. With `ScaledDotProductAttention.Config()`, which gets none,
positions attend to earlier documents of their sequence. Versions after 0.3 fold the batch into [T, N, H], which is one sequence
here: set the local batch size to 1. Tensor parallelism is not supported: its DTensors raise. For context
parallelism give `mesh` and `pieces` to `use`, and do not let torchtitan replace attention by its own; dense layers
then run `lighthouse_attention.dense_attention` on the mesh.

Add `lighthouse_attention.save_ops()` to the operators that selective checkpointing saves: to the set
that `SelectiveAC.get_save_ops` returns, in early versions `_save_list`.

Nothing here imports torchtitan; any model with such modules will do.
"""
from ..nn import LighthouseAttention

_ATTRIBUTES = ("inner_attention", "sdpa")


class InnerAttention(LighthouseAttention):
    """Inner attention, without parameters. `inner` is the one that it stands for and runs where
    attention is to be dense, with masks and all; without it, and on a mesh,
    `lighthouse_attention.dense_attention` does.

    forward(q, k, v, *, attention_masks=None, scale=None, enable_gqa=False, ...): q, k and v are
    [B, L, N, H], or [T, N, H], which is B = 1; `layout="bhnd"`: [B, N, L, H], as before torchtitan 0.3.
    The result is like q. `attention_masks` may be torchtitan's VarlenMetadata, the bounds of documents in all
    sequences of the batch, one after the other. Raises ValueError for other masks and whatever else Lighthouse
    Attention does not do.
    """

    def __init__(self, inner=None, **options):
        super().__init__(**options)
        self.inner = inner

    def forward(self, q, k, v, **arguments):
        dense = self.dense or not self.training
        if dense and self.inner is not None and self.common["mesh"] is None:
            return self.inner(q, k, v, **arguments)
        bounds = getattr(arguments.get("attention_masks"), "cu_seq_q", None)
        if bounds is not None:
            del arguments["attention_masks"]
        scale = _check(arguments)
        tensors = [x.unsqueeze(0) if q.dim() == 3 else x for x in (q, k, v)]
        if not dense:
            self._check_layout(tensors[0])
        if bounds is not None and self.common["layout"] == "bnhd":
            tensors = [x.flatten(0, 1).unsqueeze(0) for x in tensors]
        return super().forward(*tensors, scale=scale, cu_seqlens=bounds).reshape(q.shape)

    def _check_layout(self, q):
        """Raises where q is in the other layout: both run, and only one is attention over positions."""
        layout = self.common["layout"]
        positions, heads = (1, 2) if layout == "bnhd" else (2, 1)
        if q.shape[positions] < q.shape[heads]:
            raise ValueError(f"layout '{layout}' says that {list(q.shape)} has {q.shape[positions]} "
                             f"positions and {q.shape[heads]} heads: is it "
                             f"'{'bhnd' if layout == 'bnhd' else 'bnhd'}'?")


def _check(arguments):
    """The scale among the keyword arguments of a call; raises for those that would be ignored."""
    for name, value in arguments.items():
        if "mask" in name and value is not None:
            raise ValueError(f"{name}: Lighthouse Attention is causal and has no masks but the bounds of "
                             "packed documents; configure VarlenAttention, or an inner attention that gets "
                             "no masks, such as ScaledDotProductAttention, or leave the layers dense")
        if name == "is_causal" and not value:
            raise ValueError("is_causal=False: Lighthouse Attention is causal; leave the layer dense")
        if name not in ("scale", "enable_gqa", "is_causal") and value is not None:
            raise ValueError(f"Lighthouse Attention does not support the argument '{name}' of an inner "
                             "attention; leave the layer dense")
    return arguments.get("scale")


def find(model):
    """The modules that have an inner attention."""
    return [module for module in model.modules() if _attribute(module)]


def _attribute(module):
    return next((name for name in _ATTRIBUTES if module._modules.get(name) is not None), None)


def install(model, found):
    """The Lighthouse layer of each of the modules, made where there is none."""
    layers = []
    for module in found:
        name = _attribute(module)
        inner = getattr(module, name)
        if not isinstance(inner, LighthouseAttention):
            inner = InnerAttention(inner)
            setattr(module, name, inner)
            inner.train(module.training)
        layers.append(inner)
    return layers
