"""Lighthouse Attention in float64, written from the definition: what the operators are compared with.

Entries are numbered level by level, level 0 first: level l has ceil(N / p^l) entries, entry i of it covers
positions i p^l to (i + 1) p^l - 1 below N. Gradients come from torch's autograd.
"""
import torch


class Pyramid:
    def __init__(self, length, levels, factor):
        self.length, self.levels, self.factor = length, levels, factor
        self.counts = [-(-length // factor ** level) for level in range(levels)]
        self.offsets = [sum(self.counts[:level]) for level in range(levels)]

    def means(self):
        """[NT, N]: row e averages what entry e covers."""
        rows = []
        positions = torch.arange(self.length)
        for level, count in enumerate(self.counts):
            covered = positions // self.factor ** level == torch.arange(count)[:, None]
            rows.append(covered.double() / covered.sum(1, keepdim=True))
        return torch.cat(rows)

    def scatter(self):
        """[N, NT]: to which positions an entry's output is added."""
        columns = []
        positions = torch.arange(self.length)[:, None]
        for level, count in enumerate(self.counts):
            window = self.factor ** level
            columns.append((positions + 1) // window - 1 == torch.arange(count))
        return torch.cat(columns, 1).double()


def window_max(base, levels, factor):
    """The largest of scores [B, N, G] below each entry from level 1 on, [B, G, NS]."""
    length = base.shape[1]
    scores = []
    for level, count in list(enumerate(Pyramid(length, levels, factor).counts))[1:]:
        window = factor ** level
        padded = torch.nn.functional.pad(base, (0, 0, 0, count * window - length), value=-torch.inf)
        scores.append(padded.unflatten(1, (count, window)).amax(2))
    return torch.cat(scores, 1).transpose(1, 2)


def norm_scores(q, k, levels, factor):
    """The largest norm below each entry from level 1 on: two tensors [B, G, NS]."""
    query = q.norm(dim=-1).unflatten(2, (k.shape[2], -1)).amax(3)
    return [window_max(norms, levels, factor) for norms in (query, k.norm(dim=-1))]


def _base_scores(q, k, v, dilation, mix):
    """Norms of mix(q, k, v, c) and mix(k, q, v, c), for the positions [B, H, n, D] of each class c modulo the
    dilation; of the heads of a group the largest. Two tensors [B, N, G]."""
    heads, groups = q.shape[2], k.shape[2]
    k, v = (x.repeat_interleave(heads // groups, 2) for x in (k, v))
    scores = [torch.zeros(q.shape[:3], dtype=torch.float64) for _ in range(2)]
    for c in range(min(dilation, q.shape[1])):
        x, y, z = (t[:, c::dilation].transpose(1, 2) for t in (q, k, v))
        for score, rows in zip(scores, (mix(x, y, z, c), mix(y, x, z, c))):
            score[:, c::dilation] = rows.norm(dim=-1).transpose(1, 2)
    return [x.unflatten(2, (groups, -1)).amax(3) for x in scores]


def dilated_scores(q, k, v, dilation, scale):
    """Causal attention within each residue class; q, k, v in float64."""
    def mix(x, y, z, c):
        return torch.nn.functional.scaled_dot_product_attention(x, y, z, is_causal=True, scale=scale)
    return _base_scores(q, k, v, dilation, mix)


def gla_scores(q, k, v, gate, dilation, scale):
    """Linear attention within each residue class: of what a position adds the product of the gates behind it
    is left; gate [B, N, H], its logarithms."""
    def mix(x, y, z, c):
        sums = gate[:, c::dilation].double().transpose(1, 2).cumsum(2)
        left = (sums[..., :, None] - sums[..., None, :]).clamp(max=0).exp().tril()
        return scale * (x @ y.mT * left) @ z
    return _base_scores(q, k, v, dilation, mix)


def _select(sq, sk, pyramid, budget, chunk, cover_prefix):
    """The entries of one batch and group in the order of the sub-sequence."""
    levels, factor, length = pyramid.levels, pyramid.factor, pyramid.length
    coarsest, chunks = pyramid.counts[-1], budget // chunk
    order = []
    for t in range(chunks):
        expanded = set()
        candidates = list(range(t * coarsest // chunks, (t + 1) * coarsest // chunks))
        for level in range(levels - 1, 0, -1):
            first = pyramid.offsets[level] - length
            chosen = set()
            if cover_prefix and 0 in candidates:
                chosen.add(0)
            for scores, most in ((sq, chunk // 2), (sk, chunk)):
                ranked = sorted((c for c in candidates if c not in chosen),
                                key=lambda c: (-float(scores[first + c]), c))
                chosen.update(ranked[:most - len(chosen)])
            expanded |= {(level, c) for c in chosen}
            candidates = [child for c in sorted(chosen) for child in range(c * factor, (c + 1) * factor)
                          if child < pyramid.counts[level - 1]]

        def walk(level, i):
            if (level, i) in expanded:
                for child in range(i * factor, (i + 1) * factor):
                    if child < pyramid.counts[level - 1]:
                        walk(level - 1, child)
            order.append(pyramid.offsets[level] + i)

        for i in range(t * coarsest // chunks, (t + 1) * coarsest // chunks):
            walk(levels - 1, i)
    return order


def select(sq, sk, length, levels, factor, budget, chunk, cover_prefix):
    """The entries for scores [B, G, NS]: lists by batch and group."""
    pyramid = Pyramid(length, levels, factor)
    return [[_select(sq[b, g].tolist(), sk[b, g].tolist(), pyramid, budget, chunk, cover_prefix)
             for g in range(sq.shape[1])] for b in range(sq.shape[0])]


def attend(q, k, v, scale, causal=True):
    """Softmax attention of rows [S, D]."""
    scores = q @ k.T * scale
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf)
    return scores.softmax(-1) @ v


def attend_in(dtype, device):
    """`attend` by torch's own attention on rows of that type on that device."""
    def attend_rounded(q, k, v, scale):
        rows = [x.to(device, dtype)[None, None] for x in (q, k, v)]
        o = torch.nn.functional.scaled_dot_product_attention(*rows, is_causal=True, scale=scale)
        return o[0, 0].cpu().double()
    return attend_rounded


def rotate(x, cos, sin, interleaved):
    """Rows [.., D] whose pairs of columns, c and c + D/2 or 2c and 2c + 1, are turned by tables [.., D/2]."""
    first, second = (x[..., 0::2], x[..., 1::2]) if interleaved else x.chunk(2, -1)
    turned = first * cos - second * sin, first * sin + second * cos
    return torch.stack(turned, -1).flatten(-2) if interleaved else torch.cat(turned, -1)


def attention(q, k, v, entries, levels, factor, scale=None, attend=attend, rope=None, interleaved=False):
    """The output [B, N, H, D] for q, k, v in float64 and the entries of `select`. With rope = (cos, sin)
    [N, D/2] rows of entries of q and k are rotated at the last position that each covers."""
    pyramid = Pyramid(q.shape[1], levels, factor)
    means, scatter = pyramid.means(), pyramid.scatter()
    group = q.shape[2] // k.shape[2]
    scale = q.shape[3] ** -0.5 if scale is None else scale
    last = torch.tensor([min((i + 1) * factor ** level, pyramid.length) - 1
                         for level, count in enumerate(pyramid.counts) for i in range(count)])

    def turned(rows, chosen):
        if rope is None:
            return rows
        return rotate(rows, *(table.double().cpu()[last[chosen]] for table in rope), interleaved)

    batches = []
    for b in range(q.shape[0]):
        heads = []
        for h in range(q.shape[2]):
            chosen = torch.tensor(entries[b][h // group])
            pool = means[chosen]
            rows = attend(turned(pool @ q[b, :, h], chosen), turned(pool @ k[b, :, h // group], chosen),
                          pool @ v[b, :, h // group], scale)
            heads.append(scatter[:, chosen] @ rows)
        batches.append(torch.stack(heads, 1))
    return torch.stack(batches)
