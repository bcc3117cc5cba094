"""Scattered attention over given entries in float64, for sampled positions of the output.

Entry numbers count the levels one after the other, finest first: level l has ceil(N / p^l) entries,
and entry i of it stands for positions i p^l to (i + 1) p^l - 1. q, k, v are [B, N, H, D] with the
same number of heads, entries are [B, H, S] in the order of the sub-sequence, -1 for none.
"""
import math

import torch
import torch.nn.functional as F

_ROWS = 2048     # Entries that are pooled at once.
_QUERIES = 128   # Queries that attend at once.


class Pyramid:
    def __init__(self, positions, levels, factor):
        self.positions, self.levels, self.factor = positions, levels, factor
        self.extents = [-(-positions // factor ** level) for level in range(levels)]
        self.offsets = [sum(self.extents[:level]) for level in range(levels)]

    def gather(self, rows, entries):
        """Means of `rows` [N, D] in float64 below each of `entries` [S]; zeros for -1."""
        result = torch.zeros(entries.numel(), rows.shape[1], dtype=torch.float64,
                             device=rows.device)
        for level in range(self.levels):
            first = self.offsets[level]
            of_level = (entries >= first) & (entries < first + self.extents[level])
            places = of_level.nonzero().squeeze(1)
            window = self.factor ** level
            below = torch.arange(window, device=rows.device)
            for part in places.split(max(1, _ROWS * 16 // window)):
                positions = (entries[part].long() - first)[:, None] * window + below
                inside = (positions < self.positions)[:, :, None]
                values = rows[positions.clamp(max=self.positions - 1)].double() * inside
                result[part] = values.sum(1) / inside.sum(1)
        return result

    def contributors(self, entries, positions):
        """For each of `positions` the places in `entries` of the rows that it adds up, [P, L], -1
        for none."""
        total = self.offsets[-1] + self.extents[-1]
        rank = torch.full((total,), -1, dtype=torch.long, device=entries.device)
        places = (entries >= 0).nonzero().squeeze(1)
        rank[entries[places].long()] = places
        columns = []
        for level in range(self.levels):
            i = (positions + 1) // self.factor ** level - 1
            found = rank[self.offsets[level] + i.clamp(min=0)]
            columns.append(torch.where(i >= 0, found, -1))
        return torch.stack(columns, 1)


def _attend(q, k, v, places):
    """Rows `places` of causal attention over [S, D]."""
    result = torch.empty(places.numel(), v.shape[1], dtype=v.dtype, device=v.device)
    scale, columns = 1 / math.sqrt(q.shape[1]), torch.arange(k.shape[0], device=k.device)
    for part in torch.arange(places.numel(), device=k.device).split(_QUERIES):
        last = int(places[part].max()) + 1
        scores = q[places[part]] @ k[:last].T * scale
        scores.masked_fill_(columns[:last] > places[part][:, None], -math.inf)
        result[part] = scores.softmax(1) @ v[:last]
    return result


def _scatter(rows, index):
    """Sums over the contributors `index` [P, L] into `rows`, in float64."""
    taken = rows[index.clamp(min=0)].double() * (index >= 0)[:, :, None]
    return taken.sum(1)


class Reference:
    """The exact output at `positions` for given entries, and what torch's attention makes of the
    same entries in the precision of the inputs."""

    def __init__(self, q, k, v, entries, levels, factor, positions):
        pyramid = Pyramid(q.shape[1], levels, factor)
        exact, same = [], []
        for b in range(q.shape[0]):
            for h in range(q.shape[2]):
                chosen = entries[b, h]
                index = pyramid.contributors(chosen, positions)
                gathered = [pyramid.gather(tensor[b, :, h], chosen) for tensor in (q, k, v)]
                needed, inverse = index.clamp(min=0).unique(return_inverse=True)
                compact = torch.where(index >= 0, inverse, -1)
                exact.append(_scatter(_attend(*gathered, needed), compact))
                rounded = [tensor.to(q.dtype)[None, None] for tensor in gathered]
                attended = F.scaled_dot_product_attention(*rounded, is_causal=True)[0, 0]
                same.append(_scatter(attended, index).to(q.dtype).double())
        shape = (q.shape[0], q.shape[2], positions.numel(), q.shape[3])
        self.positions = positions
        self._exact = torch.stack(exact).view(shape)
        self.torch_errors = self._errors(torch.stack(same).view(shape))

    def errors(self, output):
        """Largest and mean error of `output` [B, N, H, D]."""
        return self._errors(output[:, self.positions].transpose(1, 2).double())

    def _errors(self, output):
        difference = (output - self._exact).abs()
        return float(difference.max()), float(difference.mean())

    def passes(self, errors):
        """The error rule: at most twice the largest and 1.1 times the mean error of torch."""
        return (errors[0] <= 2 * self.torch_errors[0] + 1e-5
                and errors[1] <= 1.1 * self.torch_errors[1] + 1e-7)
