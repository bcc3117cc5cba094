"""The operators as PyTorch sees them: registrations, graphs, memory, transforms."""
import functools

import pytest
import torch
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
from torch.utils.flop_counter import FlopCounterMode

import lighthouse_attention as lighthouse
from cases import CONFIG, ON_A_MESH, OPTIONS, rotary_tables, tensors

pytestmark = pytest.mark.filterwarnings("ignore:lighthouse.attention. the sub-sequence")

ops = torch.ops.lighthouse


def stages(device):
    """Every operator with arguments for it."""
    q, k, v = tensors(length=150, device=device)
    detached = [x.detach() for x in (q, k, v)]
    *coarsest, sq, sk = ops.pool_score(*detached, *CONFIG[:2])
    indices = ops.select(sq, sk, 150, *CONFIG, False)
    gathered = [x.detach() for x in ops.gather(q, k, v, *coarsest, indices, *CONFIG)]
    o, lse = ops.attend(*gathered, 0.2, True, False, False)
    o, lse = o.detach(), lse.detach()
    do = torch.randn_like(q)
    qkv = torch.randn(1, 150, 8, 32, device=device)
    leaves = [x.clone().requires_grad_() for x in gathered]
    rope = (*rotary_tables(150, 32, device), *CONFIG, True)
    base = torch.randn(1, 2, 150, device=device)
    gate = -torch.rand(1, 150, 4, device=device)
    return {
        "pool": (*detached, *CONFIG[:2]),
        "pool_score": (*detached, *CONFIG[:2]),
        "select": (sq, sk, 150, *CONFIG, False),
        "gather": (q, k, v, *coarsest, indices, *CONFIG),
        "gather_packed": (qkv.requires_grad_(), 4, 2, *coarsest, indices, *CONFIG),
        "gather_backward": (*gathered, indices, 150, *CONFIG),
        "gather_packed_backward": (*gathered, indices, 150, *CONFIG),
        "gather_rope": (q, k, v, *coarsest, indices, *rope),
        "gather_rope_packed": (qkv.requires_grad_(), 4, 2, *coarsest, indices, *rope),
        "gather_rope_backward": (*gathered, indices, *rope),
        "gather_rope_packed_backward": (*gathered, indices, *rope),
        "attend": (*leaves, 0.2, True, False, False),
        "attend_backward": (o, *gathered, o, lse, 0.2, True, True, False),
        "scatter": (o.clone().requires_grad_(), indices, 150, *CONFIG),
        "scatter_backward": (do, indices, *CONFIG),
        "dilated_score": (*detached, 4, 0.2),
        "gla_score": (*detached, gate, 4, 0.2),
        "window_max": (base, base, 3, 4),
    }


@pytest.mark.parametrize("name", ["pool", "pool_score", "select", "gather", "gather_packed",
                                  "gather_backward", "gather_packed_backward", "gather_rope",
                                  "gather_rope_packed", "gather_rope_backward",
                                  "gather_rope_packed_backward", "attend", "attend_backward",
                                  "scatter", "scatter_backward", "dilated_score", "gla_score", "window_max"])
def test_opcheck(name, device):
    torch.library.opcheck(getattr(ops, name).default, stages(device)[name])


def test_every_operator_is_checked():
    # Those of `call` are checked with the kernels of specifications, others with a group of processes or, those of
    # packed documents, with their tables.
    registered = {name.split("::")[1] for name in torch._C._dispatch_get_all_op_names()
                  if name.startswith("lighthouse::") and "document" not in name} - {"call", "call_backward"}
    assert registered - ON_A_MESH == set(stages("cpu")) and registered > ON_A_MESH


# ---- graphs ----

def block(x, weights, attend=lighthouse.attention):
    """A layer around attention: projections, heads, residual."""
    qkv = (x @ weights[0]).unflatten(2, (8, 32))
    return x + attend(*qkv.split([4, 2, 2], 2), **OPTIONS).flatten(2) @ weights[1]


def layer(device, length=300, dtype=torch.float32):
    x = torch.randn(1, length, 128, device=device, dtype=dtype, requires_grad=True)
    weights = [torch.randn(128, n, device=device, dtype=dtype).mul(0.1).requires_grad_()
               for n in (256, 128)]
    return x, weights


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiles_to_one_graph(device, backend):
    torch._dynamo.reset()
    x, weights = layer(device)
    eager = torch.autograd.grad(block(x, weights).sin().sum(), (x, *weights))
    counter = torch._dynamo.testing.CompileCounterWithBackend(backend)
    compiled = torch.compile(block, fullgraph=True, backend=counter)
    gradients = torch.autograd.grad(compiled(x, weights).sin().sum(), (x, *weights))
    for a, b in zip(gradients, eager):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=2e-4)
    assert counter.frame_count == 1


def test_one_graph_for_all_lengths(device):
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(functools.partial(lighthouse.attention, **OPTIONS), fullgraph=True,
                             dynamic=True, backend=counter)
    for length in (1536, 2048, 2051, 4096):
        q, k, v = tensors(length=length, device=device)
        o = compiled(q, k, v)
        assert torch.equal(o, lighthouse.attention(q, k, v, **OPTIONS))
        o.sum().backward()
        assert q.grad.shape == q.shape
    assert counter.frame_count == 1


def test_switching_to_dense_costs_one_graph(device):
    torch._dynamo.reset()
    module = lighthouse.nn.LighthouseAttention(**OPTIONS)
    model = torch.nn.ModuleList([module])
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(lambda *t: model[0](*t), fullgraph=True, backend=counter)
    q, k, v = tensors(device=device)
    sparse = compiled(q, k, v)
    assert torch.equal(sparse, lighthouse.attention(q, k, v, **OPTIONS))
    module.dense = True
    dense = compiled(q, k, v)
    torch.testing.assert_close(dense, lighthouse.dense_attention(q, k, v))
    module.dense = False
    assert torch.equal(compiled(q, k, v), sparse)
    assert counter.frame_count == 2


def test_module_is_dense_in_evaluation_and_without_parameters():
    module = lighthouse.nn.LighthouseAttention(**OPTIONS)
    assert not list(module.parameters()) and not module.state_dict()
    q, k, v = tensors(requires_grad=False)
    assert torch.equal(module(q, k, v), lighthouse.attention(q, k, v, **OPTIONS))
    assert torch.equal(module.eval()(q, k, v), lighthouse.dense_attention(q, k, v))
    assert "budget=64" in repr(module)


# ---- memory ----

def kept(run, given):
    """Bytes of what autograd keeps of `run()`; none may share memory with `given`."""
    storages = {}
    with torch.autograd.graph.saved_tensors_hooks(
            lambda t: storages.setdefault(t.untyped_storage().data_ptr(), t.untyped_storage()),
            lambda t: t):
        run()
    assert not storages.keys() & {x.untyped_storage().data_ptr() for x in given}
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("packed", [False, True])
def test_keeps_nothing_of_q_k_v(device, packed):
    formula = lighthouse.kept_bytes(300, heads=4, kv_heads=2, head_dim=32, **OPTIONS).total
    if packed:
        qkv = torch.randn(1, 300, 8, 32, device=device, dtype=torch.bfloat16, requires_grad=True)
        assert kept(lambda: lighthouse.attention_packed(qkv, 4, 2, **OPTIONS), [qkv]) == formula
    else:
        t = tensors(device=device, dtype=torch.bfloat16)
        assert kept(lambda: lighthouse.attention(*t, **OPTIONS), t) == formula


@pytest.mark.parametrize("compiled", [False, True])
def test_checkpoint_policy(device, compiled, launches):
    torch._dynamo.reset()
    x, weights = layer(device)
    contexts = functools.partial(create_selective_checkpoint_contexts, lighthouse.checkpoint_policy())

    def checkpointed(x, weights):
        return checkpoint(block, x, weights, use_reentrant=False, context_fn=contexts)

    plain = torch.autograd.grad(block(x, weights).sum(), (x, *weights))
    run = checkpointed
    if compiled:
        run = torch.compile(checkpointed, fullgraph=True, backend="aot_eager")
        run(x, weights)
    launches.clear()
    gradients = torch.autograd.grad(run(x, weights).sum(), (x, *weights))
    assert all(torch.equal(a, b) for a, b in zip(gradients, plain))
    assert launches == {"pool_score_op": 2, "select_op": 1, "gather_op": 2, "attend_op": 1,
                        "scatter_op": 2, "scatter_backward_op": 1, "attend_backward_op": 1,
                        "gather_backward_op": 1}


def test_checkpoint_policy_with_a_base():
    policy = lighthouse.checkpoint_policy([torch.ops.aten.mm.default])
    modes = torch.utils.checkpoint.CheckpointPolicy
    assert policy(None, torch.ops.aten.mm.default) == modes.MUST_SAVE
    assert policy(None, torch.ops.aten.add.Tensor) == modes.PREFER_RECOMPUTE
    assert policy(None, ops.attend.default) == modes.MUST_SAVE
    assert lighthouse.checkpoint_policy(lambda *_: modes.MUST_RECOMPUTE)(
        None, torch.ops.aten.add.Tensor) == modes.MUST_RECOMPUTE
    assert lighthouse.save_ops() == {op.default for op in (
        ops.select, ops.attend, ops.select_documents, ops.attend_documents, ops.exchange_attended, ops.attend_gathered)}


def test_flops_are_counted(device):
    q, k, v = tensors(device=device)
    s = lighthouse.gathered_length(300, **OPTIONS)
    with FlopCounterMode(display=False) as counter:
        lighthouse.attention(q, k, v, **OPTIONS).sum().backward()
    assert counter.get_total_flops() == (2 + 5) * 4 * s * s * 32


# ---- autocast, transforms ----

def test_autocast(device):
    q, k, v = tensors(device=device)
    with torch.autocast(device, dtype=torch.bfloat16):
        o = lighthouse.attention(q, k, v, **OPTIONS)
    assert o.dtype == torch.bfloat16
    o.float().sum().backward()
    assert q.grad.dtype == torch.float32 and q.grad.abs().sum() > 0


def test_double_backward_is_refused(device):
    q, k, v = tensors(device=device)
    o = lighthouse.attention(q, k, v, **OPTIONS)
    (first,) = torch.autograd.grad(o.square().sum(), q, create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        first.sum().backward()


@pytest.mark.parametrize("transform", [
    lambda f, q: torch.func.jvp(f, (q,), (q,)),
    lambda f, q: torch.func.grad(lambda q: f(q).sum())(q),
    lambda f, q: torch.vmap(f)(q[None]),
])
def test_functorch_is_refused(transform):
    q, k, v = tensors(requires_grad=False)
    with pytest.raises(NotImplementedError, match="for vmap fold the mapped dimension into B"):
        transform(lambda q: lighthouse.attention(q, k, v, **OPTIONS), q)


def test_forward_mode_is_refused():
    q, k, v = tensors(requires_grad=False)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(q, q)
        with pytest.raises(NotImplementedError, match="reverse-mode autograd only"):
            lighthouse.attention(dual, k, v, **OPTIONS)


def test_operators_refuse_vmap():
    q, k, v = tensors(requires_grad=False)
    with pytest.raises(NotImplementedError, match="for vmap fold the mapped dimension into B"):
        torch.vmap(lambda q, k, v: ops.pool(q, k, v, 3, 4))(q[None], k[None], v[None])
