"""Does a model mix tokens anywhere but in the ops that the cache insertion replaces?

Those ops are replaced by functions of one token; then a token may no longer influence the logits
at any other position, and what it gives may depend on its position_ids alone, not on its place in
the call: a step of generation holds the last token and nothing before it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from . import compare, emitted, sizes
from .ops import SEQUENCE_MIXING


def _trace(x: torch.Tensor) -> torch.Tensor:
    """A number for each vector that tells whether it was rotated, as its length would not."""
    ramp = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device) / x.shape[-1]
    return (x * ramp).mean(-1, keepdim=True)


def _own_value(arguments: dict[str, Any]) -> torch.Tensor:
    """Attention in which each token sees itself only; what it gives shows its query and key too."""
    value, query, key = arguments["value"], arguments["query"], arguments["key"]
    axis = 2 if arguments["layout"] == "bsnd" else 1
    groups = query.shape[axis] // value.shape[axis]
    own = (value + _trace(key)).repeat_interleave(groups, dim=axis)
    return (own + _trace(query)).contiguous()


def _own_latent(arguments: dict[str, Any]) -> torch.Tensor:
    weight, q_nope = arguments["kv_b_proj_weight"], arguments["q_nope"]
    bsnd = arguments["layout"] == "bsnd"
    heads, nope = q_nope.shape[2 if bsnd else 1], q_nope.shape[3]
    latent = arguments["compressed_kv"]
    kv = F.linear(latent, weight).view(*latent.shape[:2], heads, -1)
    out = kv[..., nope:]
    return (out if bsnd else out.transpose(1, 2)).contiguous()


_LOCAL = {
    "torch_attention": _own_value,
    "torch_mla": _own_latent,
    "torch_dsa": _own_latent,
    "torch_ssm": lambda a: a["hidden_states"].float() * a["D"].float()[:, None],
    "torch_causal_conv1d": lambda a: a["input"] * a["weight"][:, 0, -1],
    "torch_gated_delta_rule": lambda a: a["v"].to(a["q"].dtype, copy=True),
}
assert set(_LOCAL) == set(SEQUENCE_MIXING)


class TokenLocal(TorchDispatchMode):
    """Within this mode the sequence-mixing ops look at one token at a time."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.namespace == "auto_deploy":
            local = _LOCAL.get(func._schema.name.split("::")[1])
            if local is not None:
                arguments = {a.name: a.default_value for a in func._schema.arguments}
                arguments.update(zip(arguments, args))
                arguments.update(kwargs)
                return local(arguments)
        return func(*args, **kwargs)


def leak(model: torch.nn.Module) -> str | None:
    """None, or the first pair of positions that still influence each other."""
    ids, positions = compare.inputs()["plain"]
    with TokenLocal():
        base = emitted.logits(model, ids, positions)
        for changed in (0, sizes.SEQUENCE // 2, sizes.SEQUENCE - 1):
            other = ids.clone()
            other[:, changed] = (other[:, changed] + 7) % sizes.LAST_PLAIN_TOKEN
            moved = (emitted.logits(model, other, positions) - base).abs().amax(dim=(0, 2))
            moved[changed] = 0
            limit = 1e-4 * base.abs().max()
            if bool((moved > limit).any()):
                where = int(moved.argmax())
                return f"token {changed} reaches position {where} outside the canonical ops"
        first = sizes.SEQUENCE // 3
        moved = emitted.logits(model, ids[:, first:], positions[:, first:]) - base[:, first:]
        if bool((moved.abs() > 1e-4 * base.abs().max()).any()):
            return "a token gives other logits in a shorter call, with the same position_ids"
    return None
