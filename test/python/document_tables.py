"""The tables of documents packed in one sequence, as kernels/documents.lh describes them, in plain Python.

Document d has rows bounds[d] to bounds[d + 1]. It begins with a coarsest window of its own, factor ** (levels - 1)
rows; all windows one after the other are the padded positions. Of the budget // chunk chunks it gets its share, rounded
up, and of the sub-sequence tiles of 128 places of its own.
"""
import dataclasses

import numpy as np

TILE = 128


def divide_up(a, b):
    return -(-a // b)


@dataclasses.dataclass
class Document:
    begin: int          # first row
    length: int         # rows
    window: int         # its first coarsest window
    windows: int
    chunks: int         # as many as a sequence of its own has, with a budget of the chunk size for each
    place: int          # its first place in the sub-sequence
    places: int         # without what fills its last tile


class Packing:
    """What follows from the bounds of the documents; `windows`, `chunks` and `tiles` are the tables."""

    def __init__(self, bounds, levels, factor, budget, chunk):
        self.levels, self.factor = levels, factor
        self.length, documents = bounds[-1], len(bounds) - 1
        self.window = window = factor ** (levels - 1)
        self.documents = []
        rows, chunks, tiles = [], [], []
        for begin, end in zip(bounds, bounds[1:]):
            length = end - begin
            count, share = divide_up(length, window), divide_up(budget // chunk * length, self.length)
            document = Document(begin, length, len(rows), count, share, len(tiles) * TILE, 0)
            for i in range(share):
                first, last = i * count // share, (i + 1) * count // share
                chunks.append((document.window + first, document.window + last, document.window,
                               document.window * window + length, document.place + document.places))
                document.places += self._places(last - first, chunk)
            rows += [(begin + i * window, min(window, length - i * window), document.window) for i in range(count)]
            padded = divide_up(document.places, TILE)
            tiles += [(document.place, document.place + document.places)] * padded
            self.documents.append(document)
        # What packings of so many documents need at most.
        self.windows_at_most = (self.length + documents * (window - 1)) // window
        chunks_at_most = budget // chunk + documents - 1
        places = min(self.windows_at_most + chunks_at_most * (levels - 1) * factor * chunk,
                     self.windows_at_most * ((factor ** levels - 1) // (factor - 1)))
        self.places = divide_up(places + (TILE - 1) * documents, TILE) * TILE
        self.windows = self._table(rows, self.windows_at_most, lambda w: (0, 0, w))
        self.chunks = self._table(chunks, chunks_at_most, lambda _: (0,) * 5)
        self.tiles = self._table(tiles, self.places // TILE, lambda i: (i * TILE, (i + 1) * TILE))

    def _places(self, candidates, chunk):
        """How many places a chunk of so many windows takes, of which no window is cut."""
        total = candidates
        for _ in range(self.levels - 1):
            candidates = min(candidates, chunk) * self.factor
            total += candidates
        return total

    @staticmethod
    def _table(used, length, unused):
        assert len(used) <= length, "more than packings need at most"
        return np.array([*used, *map(unused, range(len(used), length))], dtype=np.int32)

    @property
    def entries(self):
        """How many entries whole windows have: NT."""
        return sum(self.level_length(level) for level in range(self.levels))

    def level_length(self, level):
        return self.windows_at_most * self.factor ** (self.levels - 1 - level)

    def entries_of(self, document):
        """The numbers in the pyramid of whole windows of the entries of a document, in the order that they have in a
        pyramid of its own."""
        numbers, offset = [], 0
        for level in range(self.levels):
            first = offset + document.window * self.factor ** (self.levels - 1 - level)
            numbers.append(np.arange(first, first + divide_up(document.length, self.factor ** level)))
            offset += self.level_length(level)
        return np.concatenate(numbers)
