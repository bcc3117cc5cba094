"""Lighthouse Attention as the attention implementation "lighthouse" of transformers, 5.6 or later.

    lighthouse.use(model, budget=1536)       # layers 2 to -3 of a PreTrainedModel
    loss = model(input_ids, labels=labels).loss

Layers that `use` left out or `set_dense` made dense, evaluation, generation and queries that are fewer
than the keys are as with "sdpa": the same function of transformers and the same masks.

Layers with Lighthouse Attention raise ValueError for all that they would ignore: padding, packed
sequences, sliding windows, dropout, softcaps and so on. Where values decide that cannot be read without
waiting for the device (a padding mask or `position_ids` in a compiled graph, `position_ids` beside a
cache), an assertion in the stream does, which is a RuntimeError. Dense layers of a compiled graph get no
mask then, either: for a compiled stage two on padded or packed sequences call
`model.set_attn_implementation("sdpa")` instead of `set_dense`.

With a `mesh`, dense layers are `lighthouse_attention.dense_attention` and refuse the same. Give the model the
`position_ids` of the rank's rows (`lighthouse_attention.local_positions`), in contiguous pieces: positions that jump
are those of packed sequences.

Train with `use_cache=False`: a cache keeps the keys and values of all layers alive.
"""
import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.utils import is_tracing

from ..functional import attention, dense_attention
from ..nn import LighthouseAttention

NAME = "lighthouse"

_ADVICE = ("leave the layer out of the 'layers' of lighthouse_attention.use, or train it dense "
           "(lighthouse_attention.set_dense)")
# An assertion on a GPU takes less than 250 characters.
_UNPACKED = ("padding and packed sequences are not supported by Lighthouse Attention, which is causal "
             "over the whole sequence: join documents and let position_ids count on, or train dense "
             "with attn_implementation='sdpa'; evaluate under torch.no_grad()")

# What models hand to attention and Lighthouse Attention does not do.
_UNSUPPORTED = ("softcap", "s_aux", "sinks", "position_bias", "head_mask", "indices", "block_indices",
                "output_attentions", "cu_seq_lens_q", "cu_seq_lens_k", "seq_idx")


def register():
    """Makes `attn_implementation="lighthouse"` known to transformers, which `use` does, too. Layers are
    dense until `use` says otherwise."""
    AttentionInterface.register(NAME, attention_forward)
    # A name that is not known there gets no mask, whatever the padding.
    AttentionMaskInterface.register(NAME, causal_mask)


def attention_forward(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs):
    """The attention function: query [B, H, N, D], key and value [B, G, M, D]; ([B, N, H, D], None)."""
    layer = getattr(module, NAME, None)
    dense = layer is None or layer.dense or not module.training or query.shape[2] != key.shape[2]
    if dense and (layer is None or layer.common["mesh"] is None):
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling,
                                      dropout=dropout, **kwargs)
    _check(module, query, attention_mask, dropout, kwargs)
    rows = [x.transpose(1, 2) for x in (query, key, value)]
    common = {**layer.common, "layout": "bnhd", "scale": scaling}
    if dense:
        return dense_attention(*rows, backend=layer.dense_backend, **common), None
    return attention(*rows, **layer.options, **common), None


def _check(module, query, attention_mask, dropout, kwargs):
    """Raises for what Lighthouse Attention would ignore."""
    def refuse(what, advice=_ADVICE):
        raise ValueError(f"Lighthouse Attention, in layer {getattr(module, 'layer_idx', '?')}, does not "
                         f"support {what}; {advice}")

    is_causal = kwargs.get("is_causal")
    if not (getattr(module, "is_causal", True) if is_causal is None else is_causal):
        refuse("attention that is not causal")
    window = kwargs.get("sliding_window")
    if window is not None and window <= query.shape[2]:
        refuse(f"a sliding window, here of {window} positions")
    for name in _UNSUPPORTED:
        if kwargs.get(name) is not None and kwargs[name] is not False:
            refuse(f"'{name}'")
    if attention_mask is not None:
        refuse("masks other than the causal one", _UNPACKED)
    if dropout:
        refuse(f"dropout, here {dropout}", "set the model's attention dropout to 0 "
               "(config.attention_dropout, in some models attn_pdrop)")
    positions = kwargs.get("position_ids")
    if positions is not None and positions.dim() == 2:
        # transformers looks at these for its mask, except where there is a cache.
        torch._assert_async((positions.diff() == 1).all(), _UNPACKED)


def causal_mask(**request):
    """The mask function: as for "sdpa", but without a mask where that could not be seen to be all causal
    for want of values. That is then asserted instead, since a mask [B, 1, N, N] is none to train long
    sequences with, and in graphs of transformers there is one whenever there is neither a cache nor a
    padding mask."""
    if not (is_tracing() and torch.is_grad_enabled() and _can_assert(**request)):
        return sdpa_mask(**request)
    torch._assert_async(_is_causal(**request), _UNPACKED)
    return None


def _can_assert(q_length=None, kv_length=None, q_offset=0, local_size=None, use_vmap=False,
                allow_is_bidirectional_skip=False, **_):
    """Whether this is a mask of a forward pass over whole sequences, and one that may be the causal one:
    without a window that cuts, and no rule of the model's own."""
    return (q_length == kv_length and isinstance(q_offset, int) and q_offset == 0 and not use_vmap
            and not allow_is_bidirectional_skip and (local_size is None or q_length < local_size))


def _is_causal(batch_size, q_length, mask_function, attention_mask=None, device="cpu", **_):
    """Whether a mask is the causal one, from 2 N of its values: the last position sees all, so there is
    one document and no chunk, and none sees the next."""
    batch = torch.arange(batch_size, device=device)[:, None]
    places = torch.arange(q_length, device=device)[None]
    head, last = places[:, :1], places[:, -1:]
    result = (mask_function(batch, head, last, places).all()
              & ~mask_function(batch, head, places[:, :-1], places[:, 1:]).any())
    return result if attention_mask is None else result & attention_mask.all()


def find(model):
    """The causal attention modules of the PreTrainedModel in a model."""
    pretrained = _pretrained(model)
    return [] if pretrained is None else [
        module for module in pretrained.modules()
        if hasattr(module, "layer_idx") and getattr(module, "is_causal", False)]


def install(model, found):
    """The Lighthouse layer of each of the modules, made where there is none; the model uses it."""
    pretrained = _pretrained(model)
    pretrained.get_correct_attn_implementation("sdpa")  # raises for models that cannot be dense with it
    register()
    pretrained.set_attn_implementation(NAME)
    for module in found:
        if module.config._attn_implementation != NAME:
            raise ValueError(f"{type(module).__name__} of {type(pretrained).__name__} does not use the "
                             "attention interface of transformers")
        if not hasattr(module, NAME):
            setattr(module, NAME, LighthouseAttention().train(module.training))
    return [getattr(module, NAME) for module in found]


def _pretrained(model):
    return next((module for module in model.modules() if isinstance(module, PreTrainedModel)), None)
