"""A small Llama on bytes: RMSNorm, rotary positions, SwiGLU, and causal attention that is Lighthouse
Attention in all but the first and last layers."""
import dataclasses
import functools

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

import lighthouse_attention as lighthouse

# What the backward pass computes again instead of keeping it: nothing; the feed-forward half of each
# block; each block but for what selection and attention return; each block.
RECOMPUTE = ("none", "ffn", "policy", "block")

# Where Lighthouse Attention takes rotary positions: in the rows of q and k, before they are pooled, or in
# the pooled rows of the entries that it selects. Dense attention has them in the rows either way.
ROTATE = ("rows", "entries")

# Dense attention's results are as dear as Lighthouse's, so the policy saves them too.
_DENSE_OPERATORS = [torch.ops.aten._scaled_dot_product_cudnn_attention.default,
                    torch.ops.aten._scaled_dot_product_flash_attention.default,
                    torch.ops.aten._scaled_dot_product_efficient_attention.default,
                    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default]


@dataclasses.dataclass
class Config:
    length: int = 2048       # N, positions of the rotary tables
    dim: int = 128
    layers: int = 4
    heads: int = 2
    hidden: int = 384        # of the feed-forward half
    dense_ends: int = 1      # layers at each end that stay dense
    levels: int = 3
    factor: int = 4
    budget: int = 64
    chunk: int = 32
    theta: float = 10000.0   # base of the rotary frequencies
    rotate: str = "rows"     # one of ROTATE
    recompute: str = "none"  # one of RECOMPUTE

    def inner_layers(self):
        """The layers that have Lighthouse Attention."""
        return range(self.dense_ends, self.layers - self.dense_ends)


class Block(nn.Module):
    def __init__(self, config, mesh=None):
        super().__init__()
        self.heads, self.rotate, self.recompute = config.heads, config.rotate, config.recompute
        dim, hidden = config.dim, config.hidden
        self.attention = lighthouse.nn.LighthouseAttention(mesh=mesh)
        self.attention_norm, self.ffn_norm = nn.RMSNorm(dim), nn.RMSNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.attention_out = nn.Linear(dim, dim, bias=False)
        self.gate_up = nn.Linear(dim, 2 * hidden, bias=False)
        self.ffn_out = nn.Linear(hidden, dim, bias=False)

    def forward(self, x, cos, sin):
        if self.recompute == "policy":
            # A partial, because torch.compile takes no lambda here.
            contexts = functools.partial(create_selective_checkpoint_contexts,
                                         lighthouse.checkpoint_policy(_DENSE_OPERATORS))
            return checkpoint(self.run, x, cos, sin, use_reentrant=False, context_fn=contexts)
        if self.recompute == "block":
            return checkpoint(self.run, x, cos, sin, use_reentrant=False)
        return self.run(x, cos, sin)

    def run(self, x, cos, sin):
        rope = {"rope": (cos, sin)} if self.rotate == "entries" else {}
        return self.finish(x, self.attention(*self.project(x, cos, sin), **rope))

    def project(self, x, cos, sin):
        """q, k and v, [B, N, heads, D], q and k rotated if it is rows that are."""
        qkv = self.qkv(self.attention_norm(x))
        q, k, v = qkv.view(*x.shape[:2], 3, self.heads, -1).unbind(2)
        if self.rotate == "entries":
            return q, k, v
        return _rotate(q, cos, sin), _rotate(k, cos, sin), v

    def finish(self, x, attended):
        """The rest of the block, from what attention returned."""
        x = x + self.attention_out(attended.reshape(x.shape))
        if self.recompute == "ffn":
            return x + checkpoint(self.feed_forward, x, use_reentrant=False)
        return x + self.feed_forward(x)

    def feed_forward(self, x):
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, -1)
        return self.ffn_out(F.silu(gate) * up)


class ByteLlama(nn.Module):
    """forward(bytes [B, N]) -> logits [B, N, 256]. With a mesh of W ranks N is their part of a sequence of
    `config.length`, the W-th part; `share` takes it."""

    def __init__(self, config, mesh=None):
        super().__init__()
        self.config, self.mesh = config, mesh
        positions = torch.arange(config.length)
        if mesh is not None:
            positions = lighthouse.local_positions(config.length, mesh)
        self.register_buffer("positions", positions, persistent=False)
        self.embedding = nn.Embedding(256, config.dim)
        self.blocks = nn.ModuleList(Block(config, mesh) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.dim)
        self.head = nn.Linear(config.dim, 256, bias=False)
        # They follow from the configuration: no part of a checkpoint.
        for name, table in zip(("cos", "sin"), _rotary_tables(config, positions)):
            self.register_buffer(name, table, persistent=False)
        self._initialize()
        lighthouse.use(self, config.inner_layers(), levels=config.levels, factor=config.factor,
                       budget=config.budget, chunk=config.chunk)

    def _initialize(self):
        depth_scale = (2 * self.config.layers) ** -0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                std = 0.02 * (depth_scale if name.endswith("_out.weight") else 1)
                nn.init.normal_(parameter, std=std)

    def share(self, x):
        """This rank's part of x [B, N]; all of it without a mesh."""
        return x if self.mesh is None else x[:, self.positions]

    def forward(self, ids):
        x = self.embedding(ids)
        cos, sin = self.cos[:ids.shape[1]], self.sin[:ids.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.head(self.norm(x))

    def compile_blocks(self, *, around_attention=False, fullgraph=True):
        """Compiles each block, one graph for all that are alike; or, for attention that dynamo cannot
        trace, what is before and after it."""
        for block in self.blocks:
            if around_attention:
                block.project = torch.compile(block.project, fullgraph=fullgraph, dynamic=False)
                block.finish = torch.compile(block.finish, fullgraph=fullgraph, dynamic=False)
            else:
                block.compile(fullgraph=fullgraph, dynamic=False)


def loss_of(model, batch):
    """Mean cross entropy in nats of a batch [B, N + 1] of bytes; with a mesh, of the rank's part of it."""
    logits = model(model.share(batch[:, :-1]))
    return F.cross_entropy(logits.float().flatten(0, 1), model.share(batch[:, 1:]).flatten())


def _rotary_tables(config, positions):
    half = config.dim // config.heads // 2
    frequencies = config.theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.outer(positions.double(), frequencies)
    return angles.cos().float(), angles.sin().float()


def _rotate(x, cos, sin):
    """Rotary positions; pairs are (i, i + D/2)."""
    first, second = x.chunk(2, -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1).to(x.dtype)
