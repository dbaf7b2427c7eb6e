"""Attention ops: softmax attention, multi-head latent attention, sparse latent attention."""

from __future__ import annotations

import math
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ._library import op

_LAYOUTS = ("bnsd", "bsnd")


def _to_bnsd(x: Tensor, layout: str) -> Tensor:
    if layout not in _LAYOUTS:
        raise ValueError(f"layout must be one of {_LAYOUTS}, got {layout!r}")
    return x.transpose(1, 2) if layout == "bsnd" else x


def _repeat_heads(x: Tensor, n_heads: int) -> Tensor:
    """[B, N_kv, S, D] -> [B, n_heads, S, D]; kv head j serves heads j*r .. j*r+r-1."""
    if n_heads % x.shape[1]:
        raise ValueError(f"{n_heads} query heads are no multiple of {x.shape[1]} kv heads")
    return x.repeat_interleave(n_heads // x.shape[1], dim=1)


def _forbidden(s_q: int, s_k: int, is_causal: bool, window: int | None, device) -> Tensor | None:
    """[S_q, S_k] bool, True where a key may not be seen.

    Causality holds only for S_q == S_k.  A window forbids the future by itself; for S_q != S_k it
    places the queries after all the keys.
    """
    forbidden = None
    if is_causal and s_q == s_k:
        forbidden = torch.ones(s_q, s_k, dtype=torch.bool, device=device).triu(1)
    if window is not None and window > 0:
        first = 0 if s_q == s_k else s_k
        query = torch.arange(first, first + s_q, device=device)
        distance = query[:, None] - torch.arange(s_k, device=device)[None, :]
        outside = (distance < 0) | (distance >= window)
        forbidden = outside if forbidden is None else forbidden | outside
    return forbidden


def _softmax_with_sinks(scores: Tensor, sinks: Tensor) -> Tensor:
    """Softmax whose denominator has one more term, exp(sink), per head [N]."""
    sink = sinks.view(1, -1, 1, 1)
    top = scores.max(dim=-1, keepdim=True).values
    weights = torch.exp(scores - top)
    return weights / (weights.sum(dim=-1, keepdim=True) + torch.exp(sink - top))


def _attention_out(query, key, value, *args, layout: str = "bnsd", **kwargs) -> Tensor:
    return query.new_empty(*query.shape[:-1], value.shape[-1])


def _torch_attention_fake(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p=0.0,
    is_causal=False,
    scale=None,
    sinks=None,
    sliding_window=None,
    logit_cap=None,
    layout="bnsd",
    layer_idx=None,
    shared_kv_source_layer_idx=None,
    layer_type="mha",
):
    return query.new_empty(*query.shape[:-1], value.shape[-1])


@op(_torch_attention_fake)
def torch_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Optional[Tensor] = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Optional[float] = None,
    sinks: Optional[Tensor] = None,
    sliding_window: Optional[int] = None,
    logit_cap: Optional[float] = None,
    layout: str = "bnsd",
    layer_idx: Optional[int] = None,
    shared_kv_source_layer_idx: Optional[int] = None,
    layer_type: str = "mha",
) -> Tensor:
    """Softmax attention with grouped heads.

    The order is: scale, mask, causal, window, soft cap, softmax.  So the cap turns a masked score
    into -cap, and a boolean mask *adds one* to the scores that it keeps.
    """
    q = _to_bnsd(query, layout)
    if _to_bnsd(key, layout).shape[1] != _to_bnsd(value, layout).shape[1]:
        raise ValueError("key and value have different numbers of heads")
    k = _repeat_heads(_to_bnsd(key, layout), q.shape[1])
    v = _repeat_heads(_to_bnsd(value, layout), q.shape[1])
    scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            attn_mask = attn_mask.to(scores.dtype).masked_fill(~attn_mask, float("-inf"))
        scores = scores + attn_mask
    forbidden = _forbidden(q.shape[2], k.shape[2], is_causal, sliding_window, q.device)
    if forbidden is not None:
        scores = scores.masked_fill(forbidden, float("-inf"))
    if logit_cap is not None and logit_cap > 0:
        scores = logit_cap * torch.tanh(scores / logit_cap)
    if sinks is None:
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
    else:
        weights = _softmax_with_sinks(scores, sinks).to(v.dtype)
    return _to_bnsd(weights @ v, layout).contiguous()


def _sdpa_fake(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    return query.new_empty(*query.shape[:-1], value.shape[-1])


@op(_sdpa_fake)
def torch_attention_sdpa(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Optional[Tensor] = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Optional[float] = None,
    enable_gqa: bool = False,
) -> Tensor:
    """F.scaled_dot_product_attention on [B, N, S, D]."""
    return F.scaled_dot_product_attention(
        query.contiguous(),
        key.contiguous(),
        value.contiguous(),
        attn_mask=attn_mask,
        dropout_p=dropout_p,
        is_causal=is_causal,
        scale=scale,
        enable_gqa=enable_gqa,
    ).contiguous()


def _repeat_kv_fake(hidden_states, n_rep):
    batch, heads, seq, dim = hidden_states.shape
    return hidden_states.new_empty(batch, heads * n_rep, seq, dim)


@op(_repeat_kv_fake)
def torch_attention_repeat_kv(hidden_states: Tensor, n_rep: int) -> Tensor:
    """[B, N_kv, S, D] -> [B, N_kv*n_rep, S, D]; a copy even for n_rep == 1."""
    return hidden_states.repeat_interleave(n_rep, dim=1).clone(
        memory_format=torch.contiguous_format
    )


def _latent_attention(
    q_nope: Tensor,
    q_pe: Tensor,
    compressed_kv: Tensor,
    kpe: Tensor,
    weight: Tensor,
    is_causal: bool,
    scale: float | None,
    layout: str,
    extra: Tensor | None,
) -> Tensor:
    """MLA with an optional additive [B, S_q, S_k] score term; maths of the softmax in fp32."""
    q_nope, q_pe, kpe = (_to_bnsd(x, layout) for x in (q_nope, q_pe, kpe))
    heads, nope = q_nope.shape[1], q_nope.shape[3]
    value_dim = weight.shape[0] // heads - nope
    batch, s_k, _ = compressed_kv.shape
    kv = F.linear(compressed_kv, weight).view(batch, s_k, heads, nope + value_dim).transpose(1, 2)
    k_nope, value = kv.split([nope, value_dim], dim=-1)
    q = torch.cat((q_nope, q_pe), dim=-1)
    k = torch.cat((k_nope, kpe.expand(-1, heads, -1, -1)), dim=-1)
    scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
    forbidden = _forbidden(q.shape[2], s_k, is_causal, None, q.device)
    if forbidden is not None:
        scores = scores.masked_fill(forbidden, float("-inf"))
    if extra is not None:
        scores = scores + extra[:, None]
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
    return _to_bnsd(weights @ value, layout).contiguous()


def _mla_shape(q_nope: Tensor, weight: Tensor, layout: str) -> Tensor:
    heads = q_nope.shape[2 if layout == "bsnd" else 1]
    return q_nope.new_empty(*q_nope.shape[:-1], weight.shape[0] // heads - q_nope.shape[-1])


def _torch_mla_fake(
    q_nope,
    q_pe,
    compressed_kv,
    kpe,
    kv_b_proj_weight,
    is_causal=True,
    scale=None,
    layout="bsnd",
    enable_sharding=False,
    layer_type="mla",
):
    return _mla_shape(q_nope, kv_b_proj_weight, layout)


@op(_torch_mla_fake)
def torch_mla(
    q_nope: Tensor,
    q_pe: Tensor,
    compressed_kv: Tensor,
    kpe: Tensor,
    kv_b_proj_weight: Tensor,
    is_causal: bool = True,
    scale: Optional[float] = None,
    layout: str = "bsnd",
    enable_sharding: bool = False,
    layer_type: str = "mla",
) -> Tensor:
    """Multi-head latent attention.

    q_nope [B,S,N,Dn], q_pe [B,S,N,Dr] and kpe [B,S,1,Dr] with RoPE applied, compressed_kv [B,S,R]
    normalised, kv_b_proj_weight [N*(Dn+Dv), R].  Returns [B,S,N,Dv].
    """
    return _latent_attention(
        q_nope, q_pe, compressed_kv, kpe, kv_b_proj_weight, is_causal, scale, layout, None
    )


def _torch_dsa_fake(
    q_nope,
    q_pe,
    compressed_kv,
    kpe,
    kv_b_proj_weight,
    index_q,
    index_k,
    index_weights,
    index_topk=64,
    is_causal=True,
    scale=None,
    layout="bsnd",
):
    return _mla_shape(q_nope, kv_b_proj_weight, layout)


@op(_torch_dsa_fake)
def torch_dsa(
    q_nope: Tensor,
    q_pe: Tensor,
    compressed_kv: Tensor,
    kpe: Tensor,
    kv_b_proj_weight: Tensor,
    index_q: Tensor,
    index_k: Tensor,
    index_weights: Tensor,
    index_topk: int = 64,
    is_causal: bool = True,
    scale: Optional[float] = None,
    layout: str = "bsnd",
) -> Tensor:
    """torch_mla restricted to the ``index_topk`` keys that the indexer ranks best.

    index_q [B,S,H,D], index_k [B,S,D], index_weights [B,S,H].  There is no ReLU on the per-head
    products, unlike the indexers of transformers.
    """
    products = torch.einsum("bshd,btd->bsht", index_q.float(), index_k.float())
    rank = (products * index_weights.float().unsqueeze(-1)).sum(2) / math.sqrt(index_q.shape[-1])
    s_q, s_k = rank.shape[1:]
    forbidden = _forbidden(s_q, s_k, is_causal, None, rank.device)
    if forbidden is not None:
        rank = rank.masked_fill(forbidden, float("-inf"))
    chosen = rank.topk(min(index_topk, s_k), dim=-1).indices
    extra = torch.full_like(rank, float("-inf")).scatter_(-1, chosen, 0.0)
    return _latent_attention(
        q_nope,
        q_pe,
        compressed_kv,
        kpe,
        kv_b_proj_weight,
        is_causal,
        scale,
        layout,
        extra.to(q_nope.dtype),
    )
