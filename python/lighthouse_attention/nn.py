"""Attention as a module."""
import torch

from ._rotary import rotary, rotate
from .functional import attention, dense_attention


class LighthouseAttention(torch.nn.Module):
    """The attention of a layer, without parameters, so that state dicts stay those of the dense model.

    forward(q, k, v): tensors as `lighthouse_attention.attention` takes them; its keyword argument `scale`
    goes before the module's. `options` are the keyword arguments of `attention` but for `scores`, `rope` and
    `cu_seqlens`, the bounds of documents packed in the sequence, which `forward` takes. With the keyword argument `rope`, tables (cos, sin) as `attention` takes them, q and k are not
    rotated yet; dense attention gets them rotated at their own positions, of which the tables have as many
    as k. Dense attention runs instead where the sub-sequence is no choice:

    - while `dense` is true: layers that stay dense, and the second stage of training (`set_dense`);
    - in evaluation mode: a selection is made with the whole sequence at hand, which generation has not;
    - where k is longer than q, as with a key/value cache.

    With a `mesh` both kinds of attention are those of a sequence that its ranks share.
    """

    def __init__(self, *, dense=False, dense_backend="auto", layout="bnhd", scale=None,
                 deterministic=None, mesh=None, pieces="contiguous", documents=None, **options):
        super().__init__()
        self.dense = dense
        # Whether `lighthouse_attention.use` left this layer out, so that `set_dense` leaves it dense.
        self.stays_dense = False
        self.dense_backend = dense_backend
        self.documents = documents
        self.options = options
        self.common = dict(layout=layout, scale=scale, deterministic=deterministic, mesh=mesh, pieces=pieces)

    def forward(self, q, k, v, *, scale=None, rope=None, cu_seqlens=None):
        common = self.common if scale is None else {**self.common, "scale": scale}
        if cu_seqlens is not None:
            common = {**common, "cu_seqlens": cu_seqlens, "documents": self.documents}
        positions = 1 if common["layout"] == "bnhd" else 2
        if self.dense or not self.training or q.shape[positions] != k.shape[positions]:
            tables = rotary(rope, self.options.get("rope_pairing", "half"), k.shape[positions], k.shape[3],
                            k.device)
            if tables is not None:
                q, k = (rotate(x, tables, common["layout"]) for x in (q, k))
            return dense_attention(q, k, v, backend=self.dense_backend, **common)
        return attention(q, k, v, rope=rope, **self.options, **common)

    def extra_repr(self):
        options = {"dense": self.dense, "layout": self.common["layout"], **self.options}
        return ", ".join(f"{name}={value}" for name, value in options.items())
