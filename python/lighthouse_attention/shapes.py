"""Sizes that follow from the shape of a pyramid. Extents may be symbolic where it says so. No torch."""
from typing import NamedTuple


def cdiv(a, b):
    """a / b rounded up; a may be symbolic."""
    return (a + b - 1) // b


def coarsest_length(length, levels, factor):
    """n_(L-1), the number of entries of the coarsest level. `length` may be symbolic."""
    return cdiv(length, factor ** (levels - 1))


def num_scores(length, levels, factor):
    """NS, the number of entries above level 0. `length` may be symbolic."""
    return sum(cdiv(length, factor ** level) for level in range(1, levels))


def gathered_length(length, *, levels=3, factor=4, budget=1536, chunk=128):
    """S, the length of the sub-sequence that attention runs on. `length` may be symbolic: if the
    coarsest level has more than `budget` entries S is n_(L-1) + (L-1) p k, with one guard."""
    coarsest = coarsest_length(length, levels, factor)
    if coarsest > budget:
        return coarsest + (levels - 1) * factor * budget
    return _gathered_length_of_few(int(length), levels, factor, budget, chunk)


def _gathered_length_of_few(length, levels, factor, budget, chunk):
    """S by its definition: the sum over chunks of what each can yield at most."""
    coarsest = coarsest_length(length, levels, factor)
    chunks = budget // chunk
    total = 0
    for t in range(chunks):
        begin, end = t * coarsest // chunks, (t + 1) * coarsest // chunks
        # While all candidates are expanded they are a contiguous range of their level.
        is_range, candidates = True, end - begin
        total += candidates
        for level in range(levels - 2, -1, -1):
            is_range = is_range and candidates <= chunk
            if is_range:
                begin, end = begin * factor, min(end * factor, cdiv(length, factor ** level))
                candidates = end - begin
            else:
                candidates = min(candidates, chunk) * factor
            total += candidates
    return total


def valid_budgets(length, *, levels=3, factor=4, chunk=128):
    """The budgets that make a difference at this length: multiples of `chunk` up to the one at which
    every entry of the level above the base is expanded."""
    expandable = cdiv(length, factor)
    return list(range(chunk, cdiv(expandable, chunk) * chunk + 1, chunk))


class DocumentCapacity(NamedTuple):
    """The lengths of what a packing of documents takes at most; see kernels/documents.lh. They may be symbolic."""
    windows: int   # NW, windows of the coarsest level
    chunks: int    # T
    gathered: int  # S, a multiple of 128


def document_capacity(length, documents, *, levels=3, factor=4, budget=1536, chunk=128):
    """What any packing of so many documents in a sequence of `length` takes. `length` may be symbolic."""
    span = factor ** (levels - 1)
    windows = (length + documents * (span - 1)) // span
    chunks = budget // chunk + documents - 1
    entries = (factor ** levels - 1) // (factor - 1)
    expanded = chunks * (levels - 1) * factor * chunk
    # min(), which takes no symbolic ints: the first is less but for short sequences.
    places = windows * entries if windows * (entries - 1) < expanded else windows + expanded
    return DocumentCapacity(windows, chunks, cdiv(places + 127 * documents, 128) * 128)


def document_budgets(cu_seqlens, *, budget=1536, chunk=128):
    """The budget of each document packed in one sequence of which `budget` is that of the whole: a document of n
    of N rows has ceil(n / N budget / chunk) chunks. `cu_seqlens` are the bounds, a list of ints: 0, ..., N.
    Attention to a document is what `attention(..., budget=)` is with this budget for the document alone; that
    of an empty document is 0."""
    length, chunks = max(1, cu_seqlens[-1]), budget // chunk
    return [cdiv(chunks * (end - begin), length) * chunk for begin, end in zip(cu_seqlens, cu_seqlens[1:])]


class KeptBytes(NamedTuple):
    """What one layer keeps for its backward pass, in bytes."""
    gathered: int   # q~, k~, v~
    attended: int   # o~, lse
    selection: int  # indices

    @property
    def total(self):
        """Without checkpointing."""
        return self.gathered + self.attended + self.selection

    @property
    def checkpointed(self):
        """With `checkpoint_policy`: what `select` and `attend` return."""
        return self.attended + self.selection


def kept_bytes(length, *, batch=1, heads=8, kv_heads=None, head_dim=128, itemsize=2, levels=3,
               factor=4, budget=1536, chunk=128):
    """Bytes that `attention` keeps for its backward pass beside its output, but for padding to multiples
    of 16; nothing of q, k and v."""
    groups = heads if kv_heads is None else kv_heads
    s = gathered_length(length, levels=levels, factor=factor, budget=budget, chunk=chunk)
    rows = batch * s * head_dim * itemsize
    return KeptBytes(rows * (heads + 2 * groups), rows * heads + 4 * batch * s * heads,
                     4 * batch * s * groups)


def exchanges_heads(heads, kv_heads, world):
    """Whether W = `world` ranks of a mesh can share out the heads in attention: W divides the query heads, and
    it divides the key/value heads or is a multiple of them."""
    return heads % world == 0 and (kv_heads % world == 0 or world % kv_heads == 0)


class ExchangedBytes(NamedTuple):
    """What a rank sends to other ranks for one layer, in bytes: the most that any rank does."""
    forward: int
    backward: int


def exchanged_bytes(length, world, *, pieces="contiguous", batch=1, heads=8, kv_heads=None, head_dim=128,
                    itemsize=2, levels=3, factor=4, budget=1536, chunk=128):
    """Bytes that a rank sends to others in `attention` on a mesh of W = `world` ranks, for a sequence of
    `length` on all of them. With P = W or 2W pieces, S = `gathered_length`, and rows of B D elements:

    - heads that are exchanged: q~, k~, v~ forward, dO~ backward, and back o~ and dq~, dk~, dv~. A rank
      keeps 1 / W of what it exchanges: (W - 1) S / W rows of H / W + 2 max(1, G / W) and of H / W heads;
    - other heads: k~, v~ in both passes, (W - 1) S / W rows of 2 G heads, and dk~, dv~ in float32;
    - the border of a piece that is not last and not followed by one of the same rank: L - 1 rows of H
      heads forward, factor^(L - 1) - 1 rows backward.
    """
    groups = heads if kv_heads is None else kv_heads
    s = gathered_length(length, levels=levels, factor=factor, budget=budget, chunk=chunk)
    row = batch * head_dim
    others = (world - 1) * s // world * row
    # Pieces of a rank whose next piece is elsewhere: rank 0 of head_tail has the last piece, rank W - 1 two
    # that follow each other.
    borders = min(world - 1, 1)
    if pieces == "head_tail":
        borders = {1: 0, 2: 1}.get(world, 2)
    border = borders * row * heads * itemsize
    if exchanges_heads(heads, groups, world):
        rows = others * (heads // world * 2 + 2 * max(1, groups // world)) * itemsize
        passes = rows, rows
    else:
        gathered = others * 2 * groups
        passes = gathered * itemsize, gathered * (itemsize + 4)
    return ExchangedBytes(passes[0] + border * (levels - 1), passes[1] + border * (factor ** (levels - 1) - 1))
