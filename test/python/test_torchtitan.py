"""Lighthouse Attention in models built like those of torchtitan, and in models of one's own."""
import functools
from typing import NamedTuple

import pytest
import torch
import torch._dynamo.testing
import torch.nn.functional as F

import lighthouse_attention as lighthouse
from cases import OPTIONS
from lighthouse_attention.integrations.torchtitan import InnerAttention

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

LENGTH = 300
HEADS, KV_HEADS, DIM = 4, 2, 16


class Sdpa(torch.nn.Module):
    """The inner attention of torchtitan 0.3."""

    def forward(self, q, k, v, *, attention_masks=None, scale=None, enable_gqa=False, is_causal=True):
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_masks, scale=scale,
                                           is_causal=is_causal and attention_masks is None,
                                           enable_gqa=enable_gqa)
        return o.transpose(1, 2)


class Attention(torch.nn.Module):
    """A layer: [B, L, N, H] to the inner attention, or with `packed` [T, N, H]."""

    def __init__(self, packed=False):
        super().__init__()
        self.wqkv = torch.nn.Linear(HEADS * DIM, (HEADS + 2 * KV_HEADS) * DIM, bias=False)
        self.inner_attention = Sdpa()
        self.packed = packed

    def forward(self, x, attention_masks=None):
        qkv = self.wqkv(x).unflatten(-1, (-1, DIM))
        q, k, v = (qkv.squeeze(0) if self.packed else qkv).split([HEADS, KV_HEADS, KV_HEADS], -2)
        o = self.inner_attention(q, k, v, attention_masks=attention_masks, scale=0.3, enable_gqa=True)
        return x + o.contiguous().view(x.shape)


class OldAttention(Attention):
    """A layer of torchtitan 0.1: [B, N, L, H] with repeated heads to `sdpa`."""

    def __init__(self):
        super().__init__()
        del self.inner_attention
        self.sdpa = OldSdpa()

    def forward(self, x):
        qkv = self.wqkv(x).unflatten(-1, (-1, DIM))
        q, k, v = qkv.split([HEADS, KV_HEADS, KV_HEADS], 2)
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, 2) for y in (k, v))
        o = self.sdpa(*(y.transpose(1, 2) for y in (q, k, v)))
        return x + o.transpose(1, 2).contiguous().view(x.shape)


class OldSdpa(torch.nn.Module):
    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class OwnAttention(Attention):
    """A layer that has Lighthouse Attention from the start."""

    def __init__(self):
        super().__init__()
        self.inner_attention = None
        self.attend = lighthouse.nn.LighthouseAttention(dense=True, **OPTIONS)

    def forward(self, x):
        q, k, v = self.wqkv(x).unflatten(-1, (-1, DIM)).split([HEADS, KV_HEADS, KV_HEADS], 2)
        return x + self.attend(q, k, v).view(x.shape)


def make(layer=Attention, count=6):
    torch.manual_seed(0)
    return torch.nn.Sequential(*[layer() for _ in range(count)])


def step(model):
    torch.manual_seed(1)
    x = torch.randn(1, LENGTH, HEADS * DIM)
    model.zero_grad()
    y = model(x)
    y.square().mean().backward()
    return y.detach(), [p.grad.clone() for p in model.parameters()]


def assert_same(one, other, rtol=0.0, atol=0.0):
    torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


class ByHand(torch.nn.Module):
    def __init__(self, layout="bnhd"):
        super().__init__()
        self.layout = layout

    def forward(self, q, k, v, scale=None, **_):
        return lighthouse.attention(q, k, v, scale=scale, layout=self.layout, **OPTIONS)


def test_two_stages():
    model, by_hand, dense = make(), make(), make()
    names = list(model.state_dict())
    lighthouse.use(model, **OPTIONS)
    assert list(model.state_dict()) == names
    for layer in by_hand[2:4]:
        layer.inner_attention = ByHand()
    assert_same(step(model), step(by_hand))
    lighthouse.set_dense(model)
    assert_same(step(model), step(dense))
    lighthouse.set_dense(model, False)
    assert_same(step(model), step(by_hand))
    assert_same(step(model.eval()), step(dense))


def test_packed_batch():
    model = make(functools.partial(Attention, packed=True))
    wanted = make()
    for layers in (model, wanted):
        lighthouse.use(layers, layers=range(6), **OPTIONS)
    assert_same(step(model), step(wanted))


def test_old_versions():
    model, by_hand = make(OldAttention), make(OldAttention)
    lighthouse.use(model, layout="bhnd", **OPTIONS)
    for layer in by_hand[2:4]:
        layer.sdpa = ByHand("bhnd")
    assert_same(step(model), step(by_hand))
    lighthouse.use(model, layout="bnhd")
    with pytest.raises(ValueError, match=r"has 4 positions and 300 heads: is it 'bhnd'"):
        step(model)


def test_masks_and_other_arguments():
    model = make(count=1)
    lighthouse.use(model, layers=[0], **OPTIONS)
    layer = model[0]
    x = torch.randn(1, LENGTH, HEADS * DIM)
    mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    with pytest.raises(ValueError, match="attention_masks: .* no masks"):
        layer(x, mask)
    q, k, v = torch.randn(3, 1, LENGTH, HEADS, DIM)
    for arguments, message in ((dict(is_causal=False), "is causal"), (dict(block_mask=mask), "no masks"),
                               (dict(out_transform=len), "the argument 'out_transform'")):
        with pytest.raises(ValueError, match=message):
            layer.inner_attention(q, k, v, **arguments)
    lighthouse.set_dense(model)
    assert_same(layer(x, mask), make(count=1)[0](x, mask))


def test_inner_attention_by_itself():
    q, k, v = torch.randn(3, 1, LENGTH, HEADS, DIM)
    inner = InnerAttention(dense=True, **OPTIONS)
    assert_same(inner(q, k, v), lighthouse.dense_attention(q, k, v))
    with pytest.raises(ValueError, match="no masks"):
        inner(q, k, v, attention_masks=v)
    inner.dense = False
    assert_same(inner(q, k, v, scale=0.3), lighthouse.attention(q, k, v, scale=0.3, **OPTIONS))


class VarlenMetadata(NamedTuple):
    """What torchtitan gives to its VarlenAttention."""
    cu_seq_q: torch.Tensor
    cu_seq_k: torch.Tensor
    max_q: int
    max_k: int


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_bounds_of_documents(packed, dense):
    """They are those of all sequences of the batch, one after the other."""
    q, k, v = torch.randn(3, 2, LENGTH, HEADS, DIM)
    bounds = torch.tensor([0, 100, LENGTH, LENGTH + 1, 2 * LENGTH], dtype=torch.int32)
    inner = InnerAttention(dense=dense, documents=6, **OPTIONS)
    given = [x.flatten(0, 1) if packed else x for x in (q, k, v)]
    o = inner(*given, attention_masks=VarlenMetadata(bounds, bounds, LENGTH, LENGTH))
    rows = [x.flatten(0, 1).unsqueeze(0) for x in (q, k, v)]
    wanted = (lighthouse.dense_attention(*rows, cu_seqlens=bounds, documents=6) if dense else
              lighthouse.attention(*rows, **OPTIONS, cu_seqlens=bounds, documents=6))
    assert_same(o, wanted.view(given[0].shape))


def test_documents_of_a_model():
    """The most that there may be, of all layers."""
    model = make(OwnAttention, 3)
    lighthouse.use(model, layers=[1], documents=4, **OPTIONS)
    assert [layer.attend.documents for layer in model] == [4] * 3


def test_own_models():
    model = make(OwnAttention, 5)
    with pytest.raises(ValueError, match="there is no layer 5, the model has 5"):
        lighthouse.use(model, layers=[5])
    dense = step(model)
    lighthouse.use(model, layers=[2], scale=0.2)
    by_hand = make(OwnAttention, 5)
    by_hand[2].attend = lighthouse.nn.LighthouseAttention(scale=0.2, **OPTIONS)
    assert_same(step(model), step(by_hand))
    lighthouse.set_dense(by_hand)
    lighthouse.set_dense(model)
    assert_same(step(model), step(by_hand))
    lighthouse.set_dense(model, False)
    assert step(model)[0].ne(dense[0]).any()
    assert [layer.attend.dense for layer in model] == [True, True, False, True, True]


def test_models_without_attention():
    for function in (lighthouse.use, lighthouse.set_dense):
        with pytest.raises(ValueError, match="Linear"):
            function(torch.nn.Linear(1, 1))


class Model(torch.nn.Module):
    """Layers in a forward of their own: releases before 2.14 compile those of a Sequential one by one."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return self.layers(x)


def test_switch_of_a_compiled_model():
    torch._dynamo.reset()
    graphs = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    model, dense = Model(make()), make()
    lighthouse.use(model, **OPTIONS)
    wanted = step(model)
    model.compile(fullgraph=True, backend=graphs)
    assert_same(step(model), wanted, rtol=1e-4, atol=1e-5)
    lighthouse.set_dense(model)
    assert_same(step(model), step(dense), rtol=1e-4, atol=1e-5)
    lighthouse.set_dense(model, False)
    assert_same(step(model), wanted, rtol=1e-4, atol=1e-5)
    assert graphs.frame_count == 2
