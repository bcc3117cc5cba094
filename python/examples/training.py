"""What one step of training is: optimizer, learning rate, types."""
import contextlib

import torch
import torch.distributed as dist

from byte_llama import loss_of


def optimizer_of(model, learning_rate):
    """AdamW with decay on matrices, not on the gains of norms."""
    parameters = list(model.parameters())
    groups = [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
              {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95),
                             fused=parameters[0].is_cuda)


def learning_rate_at(step, steps, peak, warmup):
    """A linear rise over `warmup` steps, then constant, then a linear fall over the last tenth."""
    rise = min(1.0, (step + 1) / max(1, warmup))
    fall = min(1.0, (steps - step) / max(1, steps // 10))
    return peak * rise * fall


def autocast(device):
    """Products in bfloat16 on a GPU with weights in float32; float32 on the host."""
    if torch.device(device).type == "cpu":
        return contextlib.nullcontext()
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


def average(tensors, mesh):
    """Replaces each tensor by its mean over the ranks of the mesh."""
    for x in tensors:
        dist.all_reduce(x, group=mesh.get_group())
        x /= mesh.size()


def train_step(model, optimizer, batch, learning_rate):
    """One update; the loss before it, a tensor on the device, so that nothing waits for it. Ranks of a mesh
    have the same batch, of which each computes its part, and the same update."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    with autocast(batch.device):
        loss = loss_of(model, batch)
    loss.backward()
    loss = loss.detach()
    if model.mesh is not None:
        average([loss, *(p.grad for p in model.parameters())], model.mesh)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss


@torch.no_grad()
def held_out_loss(model, sequences):
    """Mean loss of sequences [count, N + 1], one at a time, by dense attention."""
    with evaluating(model), autocast(sequences.device):
        losses = torch.stack([loss_of(model, s[None]) for s in sequences])
    if model.mesh is not None:
        average([losses], model.mesh)
    return sum(losses.tolist()) / len(losses)


@contextlib.contextmanager
def evaluating(model):
    """Evaluation mode, in which attention is dense, as when the model generates. Nothing is compiled
    for it: evaluations are few."""
    model.eval()
    stance = torch.compiler.set_stance("force_eager")
    try:
        with stance:
            yield
    finally:
        model.train()
