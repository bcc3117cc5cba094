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
