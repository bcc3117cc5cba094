"""Lighthouse Attention in whole models: which layers have it, and the switch between the two stages of
training.

    lighthouse.use(model, layers=slice(2, -2), budget=1536)     # stage one
    ...
    lighthouse.set_dense(model)                                 # stage two, and whenever dense is wanted

Neither adds a parameter or a buffer: state dicts stay those of the dense model. Carry the state of the
optimizer over the switch; stage two recovers faster with it than with a new optimizer. Under
`torch.compile` the switch is a guarded attribute of the layers: it costs one compilation, and switching
back none. `use` replaces modules or adds some, so call it before `torch.compile` and before wrappers.
"""
import inspect
import sys
from typing import Callable, NamedTuple

from .functional import attention
from .integrations import torchtitan
from .nn import LighthouseAttention


def set_dense(model, dense=True):
    """Makes every Lighthouse layer of a model dense, or undoes that: layers that `use` left out stay
    dense. The Lighthouse layers are the `nn.LighthouseAttention` in it, which those of the adapters are.
    Raises ValueError where there is none."""
    layers = _lighthouse_layers(model)
    if not layers:
        raise ValueError(f"{type(model).__name__} has no Lighthouse layer; lighthouse_attention.use "
                         "makes some")
    for layer in layers:
        layer.dense = dense or layer.stays_dense


def use(model, layers=slice(2, -2), **options):
    """Gives `layers` of a model Lighthouse Attention; its other layers stay dense. `layers` is a slice
    or a collection of indices, which may be negative, into the attention layers in the order of the
    model's modules. `options` are those of `attention`, without `scores`, `rope` and `cu_seqlens`; those that are not
    given keep what an earlier call or the constructor of a layer set. `mesh`, `pieces` and `documents` are also for
    the layers that stay dense, as the model then gets a rank's part of a sequence, or packed documents. The model
    is one of

    - transformers: a PreTrainedModel, also inside of a wrapper. Its attention implementation becomes
      "lighthouse"; layers are its causal attention modules. Scale and layout are the model's. See
      integrations/transformers.py for what such a model is not to be given.
    - torchtitan: modules with an inner attention module, the attribute `inner_attention`, in early
      versions `sdpa`, are the layers. `layout="bhnd"` for versions before 0.3. Each part of a pipeline
      counts its own layers, so give indices there. See integrations/torchtitan.py.
    - any other with `nn.LighthouseAttention` modules, which are the layers.

    ValueError and TypeError say which argument is wrong, or that the model is none of the three.
    """
    family, found = _find(model)
    _check_options(options, family.fixed)
    chosen = _choose(layers, len(found))
    of_model = {name: options.pop(name) for name in ("mesh", "pieces") if name in options}
    documents = options.pop("documents", None)
    for index, layer in enumerate(family.install(model, found)):
        layer.common = {**layer.common, **of_model}
        if documents is not None:
            layer.documents = documents
        layer.dense = layer.stays_dense = index not in chosen
        if index in chosen:
            common = {name: value for name, value in options.items() if name in layer.common}
            layer.common = {**layer.common, **common}
            layer.options = {**layer.options, **{name: value for name, value in options.items()
                                                 if name not in common}}


class _Family(NamedTuple):
    """A kind of models."""
    find: Callable     # find(model): the modules that stand for its attention layers, in order
    install: Callable  # install(model, found): the LighthouseAttention of each
    fixed: tuple = ()  # options that the model itself decides about


def _find(model):
    families = [_Family(torchtitan.find, torchtitan.install, ("rope_pairing",)),
                _Family(_lighthouse_layers, lambda model, found: found)]
    # No model is one of transformers before this is imported, which takes seconds.
    if "transformers.modeling_utils" in sys.modules:
        from .integrations import transformers
        families.insert(0, _Family(transformers.find, transformers.install,
                                   ("layout", "scale", "rope_pairing", "documents")))
    for family in families:
        found = family.find(model)
        if found:
            return family, found
    raise ValueError(f"found no attention layer in {type(model).__name__}: expected a PreTrainedModel "
                     "of transformers with causal attention, modules with an attribute "
                     "'inner_attention' or 'sdpa', or modules of the type "
                     "lighthouse_attention.nn.LighthouseAttention")


def _lighthouse_layers(model):
    return [module for module in model.modules() if isinstance(module, LighthouseAttention)]


def _check_options(options, fixed):
    for name in options:
        if name in fixed:
            raise TypeError(f"the model decides about the option '{name}'")
    parameters = inspect.signature(attention).parameters.values()
    known = [p.name for p in parameters
             if p.kind is p.KEYWORD_ONLY and p.name not in ("scores", "rope", "cu_seqlens", *fixed)]
    for name in options:
        if name not in known:
            raise TypeError(f"'{name}' is no option of a layer; these are {', '.join(known)}")


def _choose(layers, count):
    """The set of the chosen indices, from 0 to count - 1."""
    if isinstance(layers, slice):
        chosen = set(range(count)[layers])
    else:
        for index in layers:
            if not -count <= index < count:
                raise ValueError(f"there is no layer {index}, the model has {count} attention layers")
        chosen = {index % count for index in layers}
    if not chosen:
        raise ValueError(f"{layers} chooses none of {count} attention layers")
    return chosen
