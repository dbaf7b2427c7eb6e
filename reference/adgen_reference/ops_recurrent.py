"""Causal convolution, Mamba-2 state space, gated delta rule: plain loops over the sequence."""

from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ._library import op


def _conv_fake(
    input,
    weight,
    bias=None,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    padding_mode="zeros",
    enable_sharding=False,
    output_sizes=None,
    layer_type="unknown",
):
    return torch.empty_like(input)


@op(_conv_fake)
def torch_causal_conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    enable_sharding: bool = False,
    output_sizes: Optional[list[int]] = None,
    layer_type: str = "unknown",
) -> Tensor:
    """Convolution over S of [B, S, C], weight [C, 1, K], cut to the first S steps.

    It is causal because of ``padding = K - 1``, which the caller passes.
    """
    assert padding_mode == "zeros", "only zero padding"
    length = input.shape[1]
    out = F.conv1d(input.transpose(1, 2), weight, bias, stride, padding, dilation, groups)
    return out[..., :length].transpose(1, 2).contiguous()


def _ssm_fake(
    hidden_states,
    A,
    B,
    C,
    D,
    dt,
    dt_bias,
    time_step_limit,
    chunk_size,
    enable_sharding=False,
    layer_type="unknown",
):
    return torch.empty_like(hidden_states, dtype=torch.float32)


@op(_ssm_fake)
def torch_ssm(
    hidden_states: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    dt: Tensor,
    dt_bias: Tensor,
    time_step_limit: list[float],
    chunk_size: int,
    enable_sharding: bool = False,
    layer_type: str = "unknown",
) -> Tensor:
    """h_t = exp(A s_t) h_{t-1} + s_t B_t x_t, y_t = C_t h_t + D x_t, s = clamp(softplus(dt + b)).

    hidden_states [B,S,H,P]; A [H] is -exp(A_log); B, C [B,S,G,N] where group g serves the heads
    g*H/G ..; dt [B,S,H] raw.  The result is float32 whatever the input.
    """
    batch, length, heads, width = hidden_states.shape
    low, high = time_step_limit
    step = torch.clamp(F.softplus(dt + dt_bias), low, high).float()
    x, repeat = hidden_states.float(), heads // B.shape[2]
    b = B.float().repeat_interleave(repeat, dim=2)
    c = C.float().repeat_interleave(repeat, dim=2)
    state = x.new_zeros(batch, heads, width, B.shape[3])
    outputs = []
    for t in range(length):
        decay = torch.exp(A.float() * step[:, t])[..., None, None]
        drive = (step[:, t, :, None] * x[:, t])[..., None] * b[:, t, :, None, :]
        state = decay * state + drive
        outputs.append((state * c[:, t, :, None, :]).sum(-1))
    return torch.stack(outputs, dim=1) + D.float()[:, None] * x


def _delta_fake(
    q, k, v, a, b, A_log, dt_bias, scale=None, enable_sharding=False, layer_type="unknown"
):
    return torch.empty_like(v, dtype=q.dtype)


@op(_delta_fake)
def torch_gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor,
    b: Tensor,
    A_log: Tensor,
    dt_bias: Tensor,
    scale: Optional[float] = None,
    enable_sharding: bool = False,
    layer_type: str = "unknown",
) -> Tensor:
    """Gated delta rule on raw projections.

    q, k [B,S,Hk,K] are L2-normalised inside and repeated to v's Hv heads; a, b [B,S,Hv];
    g = -exp(A_log) softplus(a + dt_bias), beta = sigmoid(b);
    S_t = e^g S_{t-1} + k (beta (v - k^T e^g S_{t-1})), o = scale q^T S.
    """
    dtype = q.dtype
    repeat = v.shape[2] // q.shape[2]

    def unit(x: Tensor) -> Tensor:
        wide = x.float()
        wide = (wide * torch.rsqrt(wide.pow(2).sum(-1, keepdim=True) + 1e-6)).to(dtype)
        return wide.float().repeat_interleave(repeat, dim=2)

    query, key, value = unit(q), unit(k), v.float()
    decay = torch.exp(-A_log.float().exp() * F.softplus(a.float() + dt_bias.float()))
    beta = torch.sigmoid(b.float())
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    state = value.new_zeros(v.shape[0], v.shape[2], q.shape[3], v.shape[3])
    outputs = []
    for t in range(v.shape[1]):
        state = state * decay[:, t, :, None, None]
        seen = (key[:, t, :, :, None] * state).sum(-2)
        change = beta[:, t, :, None] * (value[:, t] - seen)
        state = state + key[:, t, :, :, None] * change[:, :, None, :]
        outputs.append((query[:, t, :, :, None] * state).sum(-2) * scale)
    return torch.stack(outputs, dim=1).to(dtype)
