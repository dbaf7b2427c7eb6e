"""Linear layers, structure ops that carry sharding hints, and mixture of experts."""

from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ._library import op

# ActivationType of tensorrt_llm._torch.utils: the values that a model may pass as act_fn.
SILU, SWIGLU, RELU2, GELU = 4, 5, 8, 2


def _linear_fake(
    input,
    weight,
    bias,
    tp_mode="none",
    output_sizes=None,
    tp_min_local_shape=1,
    layer_type="unknown",
):
    return input.new_empty(*input.shape[:-1], weight.shape[0])


@op(_linear_fake)
def torch_linear_simple(
    input: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],
    tp_mode: str = "none",
    output_sizes: Optional[list[int]] = None,
    tp_min_local_shape: int = 1,
    layer_type: str = "unknown",
) -> Tensor:
    """F.linear; the keywords are hints for sharding and never change numbers."""
    return F.linear(input, weight, bias)


def _swiglu_fake(input, gate_weight, up_weight, down_weight, gate_bias, up_bias, down_bias):
    return input.new_empty(*input.shape[:-1], down_weight.shape[0])


@op(_swiglu_fake)
def torch_swiglu_mlp(
    input: Tensor,
    gate_weight: Tensor,
    up_weight: Tensor,
    down_weight: Tensor,
    gate_bias: Optional[Tensor],
    up_bias: Optional[Tensor],
    down_bias: Optional[Tensor],
) -> Tensor:
    """down(silu(gate x) * up x)."""
    hidden = F.silu(F.linear(input, gate_weight, gate_bias)) * F.linear(input, up_weight, up_bias)
    return F.linear(hidden, down_weight, down_bias)


def _view_fake(x, shape, tp_scaled_dim=-1, layer_type="unknown"):
    return x.reshape(shape).clone()


@op(_view_fake)
def view(
    x: Tensor, shape: list[int], tp_scaled_dim: int = -1, layer_type: str = "unknown"
) -> Tensor:
    """x.reshape(shape) as a copy."""
    return x.reshape(shape).clone()


def _split_fake(x, split_sizes, dim=-1, enable_sharding=False, layer_type="unknown"):
    return [part.clone() for part in torch.split(x, split_sizes, dim=dim)]


@op(_split_fake)
def split_with_sizes(
    x: Tensor,
    split_sizes: list[int],
    dim: int = -1,
    enable_sharding: bool = False,
    layer_type: str = "unknown",
) -> list[Tensor]:
    """torch.split as copies."""
    return [part.clone() for part in torch.split(x, split_sizes, dim=dim)]


def _all_reduce_fake(x, layer_type="unknown"):
    return x.clone()


@op(_all_reduce_fake)
def all_reduce(x: Tensor, layer_type: str = "unknown") -> Tensor:
    """The sum over ranks; one rank here, so a copy."""
    return x.clone()


def _activation(act_fn: int):
    if act_fn in (SILU, SWIGLU):
        return F.silu
    if act_fn == RELU2:
        return lambda x: torch.square(F.relu(x))
    if act_fn == GELU:
        return lambda x: F.gelu(x, approximate="tanh")
    raise AssertionError(f"torch_moe knows no activation {act_fn}")


def _moe_fake(
    x,
    selected_experts,
    routing_weights,
    w1_weight,
    w2_weight,
    w3_weight,
    is_gated_mlp=True,
    act_fn=SILU,
    mapping_config="",
    max_num_tokens=0,
    apply_routing_on_input=False,
    layer_type="unknown",
):
    return torch.empty_like(x)


@op(_moe_fake)
def torch_moe(
    x: Tensor,
    selected_experts: Tensor,
    routing_weights: Tensor,
    w1_weight: list[Tensor],
    w2_weight: list[Tensor],
    w3_weight: list[Tensor],
    is_gated_mlp: bool = True,
    act_fn: int = SILU,
    mapping_config: str = "",
    max_num_tokens: int = 0,
    apply_routing_on_input: bool = False,
    layer_type: str = "unknown",
) -> Tensor:
    """Sum over the selected experts of weight * w2(act(w1 x) * (w3 x)).

    x [T,H] or [B,S,H], selected_experts [T,K] (ids outside the list are skipped), routing_weights
    [T,K]; w1 = gate [I,H], w2 = down [H,I], w3 = up [I,H].  Not gated: w2 act(w1 x), w3 empty.
    With apply_routing_on_input the weight multiplies the expert's input instead.
    """
    act = _activation(act_fn)
    tokens = x.view(-1, x.shape[-1])
    out = torch.zeros_like(tokens)
    for expert in range(len(w1_weight)):
        rows, slots = torch.where(selected_experts == expert)
        if rows.numel() == 0:
            continue
        current, weight = tokens[rows], routing_weights[rows, slots].unsqueeze(-1)
        if apply_routing_on_input:
            current = (current * weight).to(tokens.dtype)
        w1, w2 = w1_weight[expert], w2_weight[expert]
        current = current.to(w1.dtype) if is_gated_mlp else current
        hidden = act(F.linear(current, w1))
        if is_gated_mlp:
            hidden = hidden * F.linear(current, w3_weight[expert])
        result = F.linear(hidden, w2)
        if not apply_routing_on_input:
            result = result * weight
        out.index_add_(0, rows, result.to(out.dtype))
    return out.view_as(x)


def _moe_fused_fake(x, selected_experts, routing_weights, w3_w1_stacked_weight, w2_stacked_weight):
    return torch.empty_like(x)


@op(_moe_fused_fake)
def torch_moe_fused(
    x: Tensor,
    selected_experts: Tensor,
    routing_weights: Tensor,
    w3_w1_stacked_weight: Tensor,
    w2_stacked_weight: Tensor,
) -> Tensor:
    """torch_moe on stacked weights: [E, 2I, H] with the *up* rows first, and [E, H, I]."""
    up, gate = w3_w1_stacked_weight.chunk(2, dim=1)
    return torch_moe(
        x, selected_experts, routing_weights, list(gate), list(w2_stacked_weight), list(up)
    )


def _router_fake(hidden_states, weight, bias, top_k=2):
    tokens = hidden_states.reshape(-1, hidden_states.shape[-1])
    return hidden_states.new_empty(tokens.shape[0], weight.shape[0])


@op(_router_fake)
def torch_moe_router(hidden_states: Tensor, weight: Tensor, bias: Tensor, top_k: int = 2) -> Tensor:
    """Top-k of the logits, softmax over just those, scattered into zeros [T, E]."""
    tokens = hidden_states.reshape(-1, hidden_states.shape[-1])
    top, index = F.linear(tokens, weight, bias).topk(top_k, dim=-1)
    dense = top.new_zeros(tokens.shape[0], weight.shape[0])
    return dense.scatter_(1, index, torch.softmax(top, dim=-1))


def _dense_mlp_fake(
    hidden_states, routing_weights, gate_up_w, gate_up_b, down_w, down_b, alpha=1.0, limit=10.0
):
    return torch.empty_like(hidden_states)


@op(_dense_mlp_fake)
def torch_moe_dense_mlp(
    hidden_states: Tensor,
    routing_weights: Tensor,
    gate_up_w: Tensor,
    gate_up_b: Tensor,
    down_w: Tensor,
    down_b: Tensor,
    alpha: float = 1.0,
    limit: float = 10.0,
) -> Tensor:
    """Every expert for every token, weighted by the dense routing_weights [T, E].

    gate_up_w [E,H,2I] with gate in the even and up in the odd columns, down_w [E,I,H]; gate is
    clamped above, up on both sides; (up + 1) * gate * sigmoid(alpha * gate).
    """
    tokens = hidden_states.reshape(-1, hidden_states.shape[-1])
    both = torch.einsum("th,ehi->eti", tokens, gate_up_w) + gate_up_b[:, None]
    gate = both[..., 0::2].clamp(max=limit)
    up = both[..., 1::2].clamp(min=-limit, max=limit)
    hidden = (up + 1) * gate * torch.sigmoid(alpha * gate)
    result = torch.einsum("eti,eih->eth", hidden, down_w) + down_b[:, None]
    out = (result * routing_weights.t().unsqueeze(-1)).sum(0)
    return out.to(hidden_states.dtype).reshape(hidden_states.shape).contiguous()
