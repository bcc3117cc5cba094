"""Attention as functions of tensors: what people call."""
import math
import time
import warnings

import torch
import torch.nn.functional as F
from torch.autograd import forward_ad
from torch.nn.attention.bias import causal_lower_right

from . import _eager, context_parallel, documents as document_stages, ops, scorers
from ._rotary import rotary
from .shapes import exchanges_heads, gathered_length, num_scores

_ops = torch.ops.lighthouse

_DTYPES = (torch.bfloat16, torch.float16, torch.float32)


def attention(q, k, v, *, levels=3, factor=4, budget=1536, chunk=128, cover_prefix=False,
              scorer="norm", gate=None, dilation=4, scores=None, scale=None, layout="bnhd",
              deterministic=None, rope=None, rope_pairing="half", mesh=None, pieces="contiguous", cu_seqlens=None,
              documents=None):
    """Lighthouse Attention (arXiv:2605.06554), causal, with gradients for q, k and v.

    q is [B, N, H, D], k and v are [B, N, G, D] where G divides H (`layout="bhnd"`: [B, H, N, D]), with D
    contiguous and any other strides, so that views of a fused projection pass without a copy. Types are
    bfloat16, float16 and float32; under autocast float32 becomes the autocast type. The result is like
    q; its memory is [B, N, H, D] in either layout.

    levels, factor: the pyramid. budget: entries that are expanded per level, a multiple of `chunk`.
    cover_prefix: every position gets a contribution. scorer: what an entry's score is the largest of,
    below it: "norm", the norms of q and k; "dilated", those of rows of causal attention among positions
    that are equal modulo `dilation`; "gla", the same of gated linear attention, `gate` [B, N, H] being the
    logarithm of what a position keeps (log(1/2) / 16 if None). scores: query and key scores of your own
    instead, float32 [B, G, NS] each, for the entries from level 1 on, larger is better; `window_max` makes
    them from scores of positions. scale: 1 / sqrt(D) if None, of these scorers, too. deterministic:
    gradients that are equal, bit by bit, from run to run; None follows
    `torch.use_deterministic_algorithms`.

    mesh: a DeviceMesh of one dim or a process group whose W ranks share the sequence (context parallel).
    q, k, v and the result are then the rank's rows, N / W of them on every rank; `budget` remains that of
    the whole sequence, scores are those of the rank's pieces, one piece after the other. pieces:
    "contiguous", rank r has the r-th of W pieces, or "head_tail", the pieces r and 2W - 1 - r of 2W; see
    `local_positions`. All ranks call with the same shapes and options.

    rope: rotary tables (cos, sin) for q and k that are not rotated yet: they are pooled as they are, and
    the pooled rows of the selected entries are rotated at the last position that each covers. Float
    tensors [N, D/2], or [N, D] with the column of a pair at both of its elements; constants of the
    gradient. rope_pairing: pairs are the columns c and c + D/2 ("half") or 2c and 2c + 1 ("interleaved").
    The largest norms are those of q and k as they are passed.

    cu_seqlens: the bounds of documents packed in the sequence, an int32 tensor 0, ..., N on the device of q, whose
    batch is 1 then: every document, an empty one too, is as if it were alone, with its part of the budget
    (`document_budgets`). What cannot be read without waiting for a GPU is not checked there. documents: how many
    there may be at most; cu_seqlens has as many, if None. A program is compiled for each such number, not for each
    packing. With the norms as scores, without rope and mesh.

    The selection is a constant of the gradient. There are neither second derivatives nor functorch
    transforms: both raise NotImplementedError. ValueError and TypeError say which argument is wrong.
    """
    q, k, v = tensors = _enter((q, k, v), layout)
    _check_heads(q, k, v)
    tables = rotary(rope, rope_pairing, q.shape[1], q.shape[3], q.device)
    o = _attend_selected(q, k, v, tensors, None, (levels, factor, budget, chunk), cover_prefix,
                         (scorer, gate, dilation, scores), scale, deterministic, tables,
                         _place(mesh, pieces, q), (cu_seqlens, documents))
    return o if layout == "bnhd" else o.transpose(1, 2)


def attention_packed(qkv, heads, kv_heads=None, *, levels=3, factor=4, budget=1536, chunk=128,
                     cover_prefix=False, scorer="norm", gate=None, dilation=4, scores=None, scale=None,
                     deterministic=None, rope=None, rope_pairing="half", mesh=None, pieces="contiguous", cu_seqlens=None,
                     documents=None):
    """`attention` on q, k and v in one tensor [B, N, H + 2G, D]. The gradient is one tensor, too, written
    in place: no concatenation as with views of a fused projection."""
    kv_heads = heads if kv_heads is None else kv_heads
    (qkv,) = _enter((qkv,), "bnhd")
    if qkv.shape[2] != heads + 2 * kv_heads:
        raise ValueError(f"qkv must be [B, N, {heads} + 2 * {kv_heads}, D] for {heads} heads and "
                         f"{kv_heads} key/value heads, got {list(qkv.shape)}")
    split = (heads, kv_heads, kv_heads)
    q, k, v = qkv.split(split, 2)
    _check_heads(q, k, v)
    tables = rotary(rope, rope_pairing, q.shape[1], q.shape[3], q.device)
    return _attend_selected(q, k, v, (qkv,), split, (levels, factor, budget, chunk), cover_prefix,
                            (scorer, gate, dilation, scores), scale, deterministic, tables,
                            _place(mesh, pieces, q), (cu_seqlens, documents))


def _is_measured_faster(q, length):
    """Whether the kernels for heads as of q [B, H, S, D] and so many rows were measured and are faster than those of
    torch."""
    return (q.is_cuda and q.dtype in (torch.bfloat16, torch.float16) and q.shape[3] in (64, 128)
            and length >= 16384 and torch.cuda.get_device_capability(q.device) == (9, 0))


def dense_attention(q, k, v, *, causal=True, scale=None, layout="bnhd", deterministic=None,
                    backend="auto", mesh=None, pieces="contiguous", cu_seqlens=None, documents=None):
    """Dense attention: for the layers and the phase of training that need all of it, and for generation.

    Arguments as of `attention`. k and v may be longer than q, whose rows are then the last ones (as with
    a key/value cache). backend: "lighthouse", the kernels of kernels/dense.lh; "sdpa",
    `torch.nn.functional.scaled_dot_product_attention`; "auto", the one that docs/results shows to be
    faster: the first on GPUs of capability 9.0 for 16-bit floats, head dims 64 and 128 and 16384 positions
    or more, else the second. With a mesh lengths are equal, and heads that its ranks cannot share out evenly
    are for the kernels of lighthouse alone; and so are documents, of which `cu_seqlens` are the bounds: causal
    attention of equal lengths without a mesh.
    """
    q, k, v = (x.transpose(1, 2) for x in _enter((q, k, v), layout))
    if backend not in ("auto", "lighthouse", "sdpa"):
        raise ValueError(f"backend must be 'auto', 'lighthouse' or 'sdpa', got {backend!r}")
    if q.shape[1] % k.shape[1]:
        raise ValueError(f"{k.shape[1]} key/value heads do not divide {q.shape[1]} query heads")
    place = _place(mesh, pieces, q)
    if cu_seqlens is not None or documents is not None:
        o = _attend_dense_documents(q, k, v, causal, scale, deterministic, backend, place, cu_seqlens, documents)
        return o if layout == "bnhd" else o.transpose(1, 2)
    if q.shape[2] != k.shape[2] and (backend == "lighthouse" or place is not None):
        needs = "the kernels of lighthouse need" if place is None else "a sequence on a mesh needs"
        advice = "; use backend='sdpa'" if place is None else ""
        raise ValueError(f"{needs} equal lengths, got {q.shape[2]} queries and {k.shape[2]} keys{advice}")
    options = causal, scale, _deterministic(deterministic), backend
    if place is None or q.numel() == 0:
        o = _attend_dense(q, k, v, *options)
    else:
        o = _attend_dense_on_mesh(q, k, v, *options, place)
    # It is contiguous already, but on the host in PyTorch 2.8.
    return o.transpose(1, 2).contiguous() if layout == "bnhd" else o


def _attend_dense(q, k, v, causal, scale, deterministic, backend):
    """Attention of rows [B, heads, S, D]; those of q are the last ones."""
    equal = q.shape[2] == k.shape[2]
    if backend == "lighthouse" or (backend == "auto" and equal and _is_measured_faster(q, q.shape[2])):
        _check_head_dim(q.shape[3])
        return _ops.attend(q, k, v, _scale(scale, q), causal, True, deterministic)[0]
    mask = causal_lower_right(q.shape[2], k.shape[2]) if causal and not equal else None
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and equal,
                                          scale=scale, enable_gqa=q.shape[1] != k.shape[1])


def _attend_dense_documents(q, k, v, causal, scale, deterministic, backend, place, cu_seqlens, documents):
    """The output [1, N, H, D] for rows [1, heads, N, D]."""
    for name, refused in (("causal=False", not causal), ("backend='sdpa'", backend == "sdpa"),
                          ("k longer than q", q.shape[2] != k.shape[2])):
        if refused:
            raise ValueError(f"{name} and cu_seqlens= exclude each other")
    bounds = _check_packing(cu_seqlens, documents, q.transpose(1, 2), True, None, place)
    _check_head_dim(q.shape[3])
    if q.numel() == 0:
        return q.transpose(1, 2).clone()
    return document_stages.attend_dense(*(x.transpose(1, 2) for x in (q, k, v)), bounds, _scale(scale, q),
                                        _deterministic(deterministic))


def _attend_dense_on_mesh(q, k, v, causal, scale, deterministic, backend, place):
    """The same for the rank's rows [B, heads, N / W, D]."""
    context_parallel.check_length(place, q.shape[2] * place.world, place.count, "pieces")
    if not exchanges_heads(q.shape[1], k.shape[1], place.world):
        if backend == "sdpa":
            raise ValueError(f"{place.world} ranks cannot share out {q.shape[1]} query and {k.shape[1]} "
                             "key/value heads evenly; use backend='lighthouse'")
        _check_head_dim(q.shape[3])
    attend = None
    if backend == "sdpa" or (backend == "auto" and not _is_measured_faster(q, q.shape[2] * place.world)):
        def attend(q, k, v):
            return _attend_dense(q, k, v, causal, scale, deterministic, "sdpa")
    q, k, v = (context_parallel.split(x.transpose(1, 2), place).transpose(1, 2) for x in (q, k, v))
    o = context_parallel.attend(q, k, v, _scale(scale, q), causal, True, deterministic, place, attend)
    return context_parallel.join(o.transpose(1, 2), place).transpose(1, 2)


def prepare(shape, dtype=torch.bfloat16, device="cuda", *, kv_heads=None, backward=True, **options):
    """Compiles and loads all that `attention` needs for q of `shape` [B, N, H, D], and says what it did:
    before a CUDA graph is captured, and so that no step of a training loop has to wait. `options` are
    those of `attention`. Runs it once, so the device needs memory for that. On a mesh all ranks call this,
    with the shape of their rows."""
    batch, length, heads, dim = shape
    groups = heads if kv_heads is None else kv_heads
    start, before = time.perf_counter(), _num_programs()
    # Numbers, as kernels may be timed, and their results compared, on them.
    random = torch.Generator(device).manual_seed(0)
    q, k, v, do = (torch.randn((batch, length, h, dim), dtype=dtype, device=device, generator=random)
                   for h in (heads, groups, groups, heads))
    q, k, v = (x.requires_grad_(backward) for x in (q, k, v))
    if options.get("layout") == "bhnd":
        q, k, v, do = (x.transpose(1, 2) for x in (q, k, v, do))
    o = attention(q, k, v, **options)
    if backward:
        torch.autograd.grad(o, (q, k, v), do)
    if o.is_cuda:
        torch.cuda.synchronize(o.device)
    print(f"lighthouse: attention {str(dtype).split('.')[-1]} {list(shape)} on {o.device}: "
          f"{_num_programs() - before} of {_num_programs()} programs are new, "
          f"{time.perf_counter() - start:.2f} s")


def _num_programs():
    return len(ops.programs) + len(_eager.passes)


# ---- what they share ----

def _attend_selected(q, k, v, tensors, split, config, cover_prefix, scoring, scale, deterministic, tables,
                     place, packing):
    """q, k, v [B, N, heads, D]. `tensors` are what gradients flow to: these, or the one that they are
    views of, `split` by heads. `scoring` is (scorer, gate, dilation, scores), `tables` a `Rotary` or None,
    `place` this rank's on a mesh or None, `packing` (cu_seqlens, documents)."""
    _check_config(*config)
    scorer, gate, dilation, scores = scoring
    gate = scorers.check(*scoring, q)
    by_norm = scorer == "norm" and scores is None
    bounds = _check_packing(*packing, q, by_norm, tables, place)
    length, scale, deterministic = q.shape[1], _scale(scale, q), _deterministic(deterministic)
    if q.shape[0] == 0 or length == 0:
        return q.clone()
    if bounds is not None:
        return document_stages.attend(tensors, split, q.detach(), k.detach(), v.detach(), bounds, config, cover_prefix, scale,
                             deterministic)
    if not torch.compiler.is_compiling():
        _warn_of_short(length if place is None else length * place.world, config)
    if place is not None:
        if scorer != "norm":
            raise ValueError(f"scorer={scorer!r} looks at the whole sequence, of which a rank of a mesh has a "
                             "part; with mesh= take scorer='norm' or scores= of your own")
        config = context_parallel.local_config(place, length * place.world, config)
        q, k, v = (context_parallel.split(x, place) for x in (q, k, v))
        tensors = tuple([context_parallel.split(x, place) for x in tensors])
        length = q.shape[1]
    elif by_norm and _eager.applies(tensors):
        return _eager.attention(tensors, split, config, cover_prefix, scale, deterministic, tables)
    q, k, v = q.detach(), k.detach(), v.detach()
    if by_norm:
        *coarsest, sq, sk = _ops.pool_score(q, k, v, *config[:2])
    else:
        coarsest = _ops.pool(q, k, v, *config[:2])
        if scores is None:
            sq, sk = scorers.entry_scores(scorer, q, k, v, gate, dilation, scale, *config[:2])
        else:
            sq, sk = _check_scores(scores, k, *config[:2], place)
    if place is None:
        indices = _ops.select(sq, sk, length, *config, cover_prefix)
    else:
        indices = context_parallel.select(sq, sk, length, config, cover_prefix, place)
    gathered = _gather(tensors, split, (*coarsest, indices), config, tables, place)
    if place is None:
        o, _ = _ops.attend(*gathered, scale, True, False, deterministic)
        return _ops.scatter(o, indices, length, *config)

    o = context_parallel.attend(*gathered, scale, True, False, deterministic, place)
    return context_parallel.scatter(o, indices, length, config, place)


def _check_packing(cu_seqlens, documents, q, by_norm, tables, place):
    """The bounds of documents packed in q, None if there are none."""
    if cu_seqlens is None:
        if documents is not None:
            raise ValueError("documents= says how many cu_seqlens= may bound; without them there is one sequence")
        return None
    for name, refused, advice in (
            ("mesh=", place is not None, "keep the documents of a sequence on one device"),
            ("rope=", tables is not None, "rotate q and k before, each document from position 0"),
            ("a scorer or scores=", not by_norm, "take scorer='norm'")):
        if refused:
            raise ValueError(f"{name} and cu_seqlens= exclude each other; {advice}")
    return document_stages.bounds_of(cu_seqlens, documents, q)


def _place(mesh, pieces, q):
    """This rank's place on the mesh, None without one."""
    if mesh is None:
        return None
    place = context_parallel.place_of(mesh, pieces)
    if not torch.compiler.is_compiling():
        context_parallel.check_device(mesh, q.device)
    return place


def _gather(tensors, split, selected, config, tables, place):
    """q~, k~ and v~, for the coarsest rows and the entries in `selected`."""
    if split is None:
        gather, gather_rope, heads = _ops.gather, _ops.gather_rope, ()
    else:
        gather, gather_rope, heads = _ops.gather_packed, _ops.gather_rope_packed, split[:2]
    if tables is None:
        return gather(*tensors, *heads, *selected, *config)

    def rotate(cos, sin, *parts):
        return gather_rope(*parts[:len(tensors)], *heads, *parts[len(tensors):], cos, sin, *config,
                           tables.interleaved)

    if place is None:
        return rotate(tables.cos, tables.sin, *tensors, *selected)
    # Each piece has positions of its own.
    rotary = [table.unflatten(0, (place.slots, -1)) for table in tables[:2]]
    return context_parallel.by_slot(
        place, lambda slot, *parts: rotate(rotary[0][slot], rotary[1][slot], *parts), *tensors, *selected)


def _enter(tensors, layout):
    """The tensors as [B, N, heads, D] in the type to compute in; raises where they are none that
    Lighthouse takes."""
    if torch._C._are_functorch_transforms_active():
        raise NotImplementedError(ops.TRANSFORMS_MESSAGE)
    if layout not in ("bnhd", "bhnd"):
        raise ValueError(f"layout must be 'bnhd' or 'bhnd', got {layout!r}")
    if not torch.compiler.is_compiling():
        _check_eager(tensors)
    first = tensors[0]
    if torch.is_autocast_enabled(first.device.type):
        wanted = torch.get_autocast_dtype(first.device.type)
        tensors = tuple([x.to(wanted) if x.dtype == torch.float32 else x for x in tensors])
        first = tensors[0]
    dtype, device = first.dtype, first.device
    if dtype not in _DTYPES or device.type not in ("cpu", "cuda"):
        _refuse(tensors, layout)
    for x in tensors:
        if (x.dim() != 4 or x.dtype != dtype or x.device != device or
                (x.stride(3) != 1 and x.shape[3] != 1)):
            _refuse(tensors, layout)
    return tensors if layout == "bnhd" else tuple([x.transpose(1, 2) for x in tensors])


def _refuse(tensors, layout):
    """Raises what is wrong with the tensors."""
    first = tensors[0]
    if any(x.dim() != 4 for x in tensors):
        raise ValueError(f"expected tensors [{', '.join(layout.upper())}], got shapes "
                         f"{_list(list(x.shape) for x in tensors)}")
    if any(x.device != first.device for x in tensors) or first.device.type not in ("cpu", "cuda"):
        raise ValueError("q, k and v must be on one device, the host or a CUDA device, got "
                         f"{_list(x.device for x in tensors)}")
    if any(x.dtype != first.dtype for x in tensors):
        raise TypeError(f"q, k and v must have one dtype, got {_list(x.dtype for x in tensors)}")
    if first.dtype not in _DTYPES:
        raise TypeError(f"dtype must be one of {_list(_DTYPES)}, got {first.dtype}")
    raise ValueError("the last dim must be contiguous, got strides "
                     f"{_list(x.stride() for x in tensors)}; call .contiguous()")


def _check_eager(tensors):
    """What a compiled graph sees for itself, or cannot see."""
    is_dual = forward_ad._current_level >= 0
    for x in tensors:
        if not isinstance(x, torch.Tensor):
            raise TypeError(f"expected a tensor, got {type(x).__name__}")
        if type(x).__name__ == "DTensor":
            raise TypeError("got a DTensor; heads and batch shard freely: run attention on the local "
                            "tensors with torch.distributed.tensor.experimental.local_map")
        if is_dual and forward_ad.unpack_dual(x).tangent is not None:
            raise NotImplementedError(ops.TRANSFORMS_MESSAGE)


def _check_heads(q, k, v):
    if k.shape != v.shape:
        raise ValueError(f"k and v must have one shape, got {list(k.shape)} and {list(v.shape)}")
    if q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        raise ValueError("q and k must agree in batch and head dim, got "
                         f"{list(q.shape)} and {list(k.shape)} as [B, N, heads, D]")
    if q.shape[1] != k.shape[1]:
        raise ValueError(f"training attention needs equal lengths, got {q.shape[1]} queries and "
                         f"{k.shape[1]} keys; for generation use dense_attention")
    if q.shape[2] % k.shape[2]:
        raise ValueError(f"{k.shape[2]} key/value heads do not divide {q.shape[2]} query heads")
    _check_head_dim(q.shape[3])


def _check_head_dim(dim):
    if dim % 16 or not 16 <= dim <= 256:
        raise ValueError(f"the head dim must be a multiple of 16 from 16 to 256, got {dim}")


def _check_config(levels, factor, budget, chunk):
    if levels < 2:
        raise ValueError(f"levels must be at least 2, got {levels}")
    if factor < 2 or factor & (factor - 1):
        raise ValueError(f"factor must be a power of two, at least 2, got {factor}")
    if chunk < 2 or chunk % 2:
        raise ValueError(f"chunk must be even and positive, got {chunk}")
    if budget < 1 or budget % chunk:
        nearest = max(1, round(budget / chunk)) * chunk
        raise ValueError(f"budget must be a positive multiple of chunk = {chunk}, got {budget}; the "
                         f"nearest valid budget is {nearest}")


def _check_scores(scores, k, levels, factor, place):
    """The query and key scores [B, G, NS] for k [B, N, G, D], with one row for each piece of each batch if
    there is a place."""
    slots = 1 if place is None else place.slots
    expected = (k.shape[0] // slots, k.shape[2], slots * num_scores(k.shape[1], levels, factor))
    try:
        sq, sk = scores
    except (TypeError, ValueError):
        raise TypeError("scores must be the pair (query scores, key scores)") from None
    for name, x in (("query", sq), ("key", sk)):
        if x.dtype != torch.float32 or tuple(x.shape) != expected or x.device != k.device:
            raise ValueError(f"{name} scores must be float32 {list(expected)} on {k.device}, got "
                             f"{x.dtype} {list(x.shape)} on {x.device}")
    if slots > 1:
        sq, sk = (context_parallel.split_scores(x, place) for x in (sq, sk))
    return sq.detach(), sk.detach()


def _scale(scale, q):
    if scale is None:
        return q.shape[3] ** -0.5
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be positive and finite, got {scale}")
    return float(scale)


def _deterministic(flag):
    return torch.are_deterministic_algorithms_enabled() if flag is None else bool(flag)


def _list(values):
    return ", ".join(str(value) for value in values)


_warned = set()


def _warn_of_short(length, config):
    """Once for each setting: the sub-sequence is no shorter than the sequence."""
    if (length, config) in _warned:
        return
    _warned.add((length, config))
    levels, factor, budget, chunk = config
    s = gathered_length(length, levels=levels, factor=factor, budget=budget, chunk=chunk)
    if s < length:
        return
    # S = n_(L-1) + (L-1) p k is N there.
    break_even = math.ceil((levels - 1) * factor * budget / (1 - factor ** (1 - levels)))
    warnings.warn(f"lighthouse.attention: the sub-sequence has S = {s / length:.1f} N positions for "
                  f"N = {length}: dense attention is faster below N = {break_even}", stacklevel=4)
