"""Lighthouse Attention in a model of transformers."""
import copy
import functools

import pytest
import torch
import torch._dynamo.testing
from torch.utils.checkpoint import create_selective_checkpoint_contexts

import lighthouse_attention as lighthouse
from cases import OPTIONS

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

LENGTH = 300
LIGHTHOUSE_LAYERS = (2, 3)


def llama(implementation="sdpa", depth=6, **options):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2,
        num_hidden_layers=depth, vocab_size=128, max_position_embeddings=512, use_cache=False,
        attn_implementation=implementation, initializer_range=0.2, **options)
    return transformers.LlamaForCausalLM(config).train()


def lighthouse_llama(layers=LIGHTHOUSE_LAYERS, **options):
    model = llama(**options)
    lighthouse.use(model, layers, **OPTIONS)
    return model


def tokens(batch=2, length=LENGTH):
    return torch.randint(3, 128, (batch, length))


def step(model, ids, **inputs):
    """The loss and the gradients of a training step."""
    model.zero_grad()
    loss = model(ids, labels=ids, **inputs).loss
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_same(one, other, **tolerance):
    torch.testing.assert_close(one, other, **(tolerance or dict(rtol=0, atol=0)))


def by_hand(module, q, k, v, attention_mask, scaling=None, **_):
    assert attention_mask is None
    attend = functools.partial(lighthouse.dense_attention, layout="bhnd", scale=scaling)
    if module.layer_idx in LIGHTHOUSE_LAYERS:
        attend = functools.partial(lighthouse.attention, layout="bhnd", scale=scaling, **OPTIONS)
    return attend(q, k, v).transpose(1, 2), None


def test_training_step():
    transformers.AttentionInterface.register("by_hand", by_hand)
    ids = tokens()
    loss, gradients = step(lighthouse_llama(), ids)
    assert all(g.isfinite().all() for g in gradients.values())
    assert_same((loss, gradients), step(llama("by_hand"), ids))
    assert loss != step(llama(), ids)[0]


def test_two_stages():
    ids = tokens()
    dense, model = llama(), llama()
    names = list(model.state_dict())
    lighthouse.use(model, **OPTIONS)
    assert list(model.state_dict()) == names
    first = step(model, ids)
    lighthouse.set_dense(model)
    assert_same(step(model, ids), step(dense, ids))
    lighthouse.set_dense(model, False)
    assert_same(step(model, ids), first)


def test_choice_of_layers():
    def lighthouse_layers(model):
        return [i for i, layer in enumerate(model.model.layers)
                if not layer.self_attn.lighthouse.dense]

    model = llama()
    lighthouse.use(model, **OPTIONS)
    assert lighthouse_layers(model) == [2, 3]
    lighthouse.use(model, layers=[0, -1], cover_prefix=True, deterministic=True)
    assert lighthouse_layers(model) == [0, 5]
    last = model.model.layers[-1].self_attn.lighthouse
    assert last.options == {"cover_prefix": True} and last.common["deterministic"]
    lighthouse.use(model, layers=[-1], budget=64)
    assert last.options == {"cover_prefix": True, "budget": 64}
    lighthouse.set_dense(model)
    assert lighthouse_layers(model) == []
    lighthouse.set_dense(model, False)
    assert lighthouse_layers(model) == [5]


def test_evaluation_and_generation_are_dense():
    dense, model = llama().eval(), lighthouse_llama().eval()
    ids = tokens(length=40)
    padding = torch.ones_like(ids)
    padding[1, :7] = 0
    with torch.no_grad():
        for mask in (None, padding):
            assert_same(model(ids, attention_mask=mask).logits,
                        dense(ids, attention_mask=mask).logits)
    options = dict(attention_mask=padding, max_new_tokens=5, do_sample=False, use_cache=True,
                   pad_token_id=0)
    assert_same(model.generate(ids, **options), dense.generate(ids, **options))


def test_queries_after_cached_keys_are_dense():
    dense, model = llama(), lighthouse_llama()
    ids = tokens(length=60)

    def continued(model):
        model.eval()
        before = model(ids[:, :40], use_cache=True)
        cache = "cache" if hasattr(before, "cache") else "past_key_values"  # by the version of transformers
        return model.train()(ids[:, 40:], **{cache: getattr(before, cache)}, use_cache=True).logits

    assert_same(continued(model), continued(dense))


def test_padding():
    model, ids = lighthouse_llama(), tokens()
    padding = torch.ones_like(ids)
    assert_same(step(model, ids, attention_mask=padding), step(model, ids))
    padding[1, 290:] = 0
    with pytest.raises(ValueError, match="layer 2, .*padding and packed sequences are not supported"):
        step(model, ids, attention_mask=padding)
    lighthouse.set_dense(model)
    assert_same(step(model, ids, attention_mask=padding), step(llama(), ids, attention_mask=padding))


def packed(ids):
    return torch.cat([torch.arange(100), torch.arange(200)]).expand_as(ids)


def test_packed_sequences():
    model, ids = lighthouse_llama(), tokens()
    with pytest.raises(ValueError, match="padding and packed sequences are not supported"):
        model(ids, position_ids=packed(ids))
    # With a cache transformers makes no mask of them.
    with pytest.raises(RuntimeError, match="padding and packed sequences are not supported"):
        model(ids, position_ids=packed(ids), use_cache=True)
    with pytest.raises(ValueError, match="'cu_seq_lens_q'"):
        model(ids, cu_seq_lens_q=torch.tensor([0, 100, 300]))
    lighthouse.set_dense(model)
    assert_same(model(ids, position_ids=packed(ids)).logits,
                llama()(ids, position_ids=packed(ids)).logits)


def test_message_fits_an_assertion_on_a_gpu():
    from lighthouse_attention.integrations.transformers import _UNPACKED
    assert len(_UNPACKED) < 250


def test_refusals():
    ids = tokens()
    with pytest.raises(ValueError, match="dropout, here 0.1; set .* to 0"):
        lighthouse_llama(attention_dropout=0.1)(ids)
    with pytest.raises(ValueError, match="not causal"):
        lighthouse_llama()(ids, is_causal=False)
    config = transformers.MistralConfig(
        hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2,
        num_hidden_layers=5, vocab_size=128, sliding_window=100, use_cache=False)
    mistral = transformers.MistralForCausalLM(config)
    lighthouse.use(mistral, **OPTIONS)
    with pytest.raises(ValueError, match="a sliding window, here of 100 positions; leave the layer"):
        mistral.train()(ids)
    mistral(ids[:, :64])
    config = transformers.GptOssConfig(
        hidden_size=64, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        num_hidden_layers=5, vocab_size=128, num_local_experts=2)
    with pytest.raises(ValueError, match="scaled_dot_product_attention"):
        lighthouse.use(transformers.GptOssForCausalLM(config))


def test_encoders_have_no_layers():
    config = transformers.BertConfig(hidden_size=64, intermediate_size=64, num_hidden_layers=4,
                                     num_attention_heads=4, vocab_size=128)
    with pytest.raises(ValueError, match="found no attention layer in BertModel"):
        lighthouse.use(transformers.BertModel(config))


def test_arguments_of_use():
    model = llama()
    with pytest.raises(TypeError, match="decides about the option 'scale'"):
        lighthouse.use(model, scale=1.0)
    with pytest.raises(TypeError, match="'buget' is no option of a layer; these are levels, factor"):
        lighthouse.use(model, buget=64)
    with pytest.raises(ValueError, match="there is no layer 6, the model has 6"):
        lighthouse.use(model, layers=[1, 6])
    with pytest.raises(ValueError, match="chooses none of 6"):
        lighthouse.use(model, layers=slice(3, -3))
    with pytest.raises(ValueError, match="LlamaForCausalLM has no Lighthouse layer"):
        lighthouse.set_dense(model)
    assert model.config._attn_implementation == "sdpa"


class TestCompiled:
    CLOSE = dict(rtol=1e-4, atol=1e-5)
    SMALL = dict(depth=3)

    def model(self):
        return lighthouse_llama([1], **self.SMALL)

    @pytest.fixture(autouse=True)
    def _reset(self):
        torch._dynamo.reset()
        yield
        torch._dynamo.reset()

    def test_switch_costs_one_graph(self):
        graphs = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
        model, ids = self.model(), tokens()
        wanted = step(model, ids)
        model.compile(fullgraph=True, backend=graphs)
        assert_same(step(model, ids), wanted, **self.CLOSE)
        lighthouse.set_dense(model)
        assert_same(step(model, ids), step(llama(**self.SMALL), ids), **self.CLOSE)
        assert graphs.frame_count == 2
        lighthouse.set_dense(model, False)
        assert_same(step(model, ids), wanted, **self.CLOSE)
        assert graphs.frame_count == 2

    def test_padding_and_packed_sequences(self):
        model, ids = self.model(), tokens()
        forward = torch.compile(lambda **inputs: model(ids, **inputs).logits, fullgraph=True,
                                backend="aot_eager")
        wanted = model(ids).logits
        padding, positions = torch.ones_like(ids), torch.arange(LENGTH).expand_as(ids).clone()
        for inputs in (dict(attention_mask=padding), dict(position_ids=positions)):
            assert_same(forward(**inputs), wanted, **self.CLOSE)
        padding[1, 290:] = 0
        for inputs in (dict(attention_mask=padding), dict(position_ids=packed(ids).clone())):
            with pytest.raises(RuntimeError, match="padding and packed sequences are not supported"):
                forward(**inputs)

    def test_padding_in_evaluation(self):
        model, ids = self.model().eval(), tokens()
        padding = torch.ones_like(ids)
        padding[1, :10] = 0
        forward = torch.compile(lambda: model(ids, attention_mask=padding).logits, fullgraph=True,
                                backend="aot_eager")
        with torch.no_grad():
            dense = llama(**self.SMALL).eval()
            assert_same(forward(), dense(ids, attention_mask=padding).logits, **self.CLOSE)


@pytest.mark.filterwarnings("ignore:.gradient_checkpointing_enable")  # the name before 5.24
def test_selective_checkpointing():
    model, ids = lighthouse_llama(), tokens()
    wanted = step(copy.deepcopy(model), ids)
    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())
    model.gradient_checkpointing_enable(dict(use_reentrant=False, context_fn=contexts))
    assert_same(step(model, ids), wanted)
