"""Rotary embeddings and normalisation."""

from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ._library import op


def _rotate_half(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return x * cos + _rotate_half(x) * sin


def _pair_fake(q, k, *tables, unsqueeze_dim=1):
    return torch.empty_like(q), torch.empty_like(k)


def _explicit_fake(q, k, cos, sin, unsqueeze_dim=1):
    return _pair_fake(q, k)


@op(_explicit_fake)
def torch_rope_with_explicit_cos_sin(
    q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1
) -> tuple[Tensor, Tensor]:
    """Half-split rotation; cos, sin [B, S, D] with the half table twice, cast to q's dtype first.

    ``unsqueeze_dim`` is where the head axis lies: 2 for [B,S,N,D], 1 for [B,N,S,D].
    """
    cos = cos.to(q.dtype).unsqueeze(unsqueeze_dim)
    sin = sin.to(q.dtype).unsqueeze(unsqueeze_dim)
    return _rotate(q, cos, sin).to(q.dtype), _rotate(k, cos, sin).to(k.dtype)


def _complex_fake(xq, xk, freqs_cis, unsqueeze_dim=2):
    return _pair_fake(xq, xk)


@op(_complex_fake)
def torch_rope_with_complex_freqs(
    xq: Tensor, xk: Tensor, freqs_cis: Tensor, unsqueeze_dim: int = 2
) -> tuple[Tensor, Tensor]:
    """Adjacent lanes are one complex number and stay adjacent; freqs_cis [B, S, D/2] complex."""
    freqs = freqs_cis.unsqueeze(unsqueeze_dim)

    def turn(x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(pairs * freqs).flatten(3).to(x.dtype)

    return turn(xq), turn(xk)


def _interleaving_fake(q, k, cos, sin, unsqueeze_dim=1):
    return _pair_fake(q, k)


@op(_interleaving_fake)
def torch_rope_with_qk_interleaving(
    q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1
) -> tuple[Tensor, Tensor]:
    """Adjacent pairs in, halves out: lanes are regrouped even first, then rotated by halves.

    The tables are not cast: float32 tables give a float32 result although the fake kernel
    promises q's dtype.
    """
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)

    def regroup(x: Tensor) -> Tensor:
        return torch.cat((x[..., 0::2], x[..., 1::2]), dim=-1)

    return _rotate(regroup(q), cos, sin), _rotate(regroup(k), cos, sin)


def _rmsnorm_fake(input, weight, eps):
    return torch.empty_like(input)


@op(_rmsnorm_fake)
def torch_rmsnorm(input: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMS norm over the last dim; rounded to the input's dtype *before* the weight multiplies."""
    wide = input.float()
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    out = torch.empty_like(input)
    return out.copy_(weight * normed.to(input.dtype))


def _rmsnorm_gated_fake(
    x, weight, gate, eps, group_size, norm_before_gate=False, tp_mode="none", layer_type="unknown"
):
    return x.new_empty(x.shape)


@op(_rmsnorm_gated_fake)
def torch_rmsnorm_gated(
    x: Tensor,
    weight: Tensor,
    gate: Optional[Tensor],
    eps: float,
    group_size: int,
    norm_before_gate: bool = False,
    tp_mode: str = "none",
    layer_type: str = "unknown",
) -> Tensor:
    """RMS norm over groups of ``group_size`` lanes, times silu(gate) before or after; all fp32."""
    wide = x.float()
    if gate is not None and not norm_before_gate:
        wide = wide * F.silu(gate.float())
    grouped = wide.reshape(*wide.shape[:-1], -1, group_size)
    grouped = grouped * torch.rsqrt(grouped.pow(2).mean(-1, keepdim=True) + eps)
    wide = grouped.reshape(wide.shape) * weight.float()
    if gate is not None and norm_before_gate:
        wide = wide * F.silu(gate.float())
    return wide.to(x.dtype).contiguous()


def _l2norm_fake(x, eps=1e-6):
    return torch.empty_like(x)


@op(_l2norm_fake)
def torch_l2norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """x / sqrt(sum(x^2) + eps) over the last dim: the sum, not the mean."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).sum(-1, keepdim=True) + eps)).to(x.dtype)


def _sharded_fake(input, weight, eps, world_size):
    return torch.empty_like(input)


@op(_sharded_fake)
def sharded_rmsnorm(input: Tensor, weight: Tensor, eps: float, world_size: int) -> Tensor:
    """torch_rmsnorm of one rank; this reference knows a world of one only."""
    if world_size != 1:
        raise NotImplementedError("the CPU reference has one rank")
    wide = input.float()
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return weight * normed.to(input.dtype)
