# Copyright 2026 The Sorrel authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""einops with an ellipsis, einsum, classes chosen with None, a version that is asked for, attributes of a class."""

import math
from typing import Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange, repeat
from torch.nn.utils import skip_init
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_sorrel import SorrelConfig

try:
    from flash_attn.modules.mha import FlashSelfAttention
    from flash_attn.ops.fused_dense import FusedDense
except ImportError:
    FlashSelfAttention, FusedDense = None, None


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    x1, x2 = x.chunk(2, dim=-1)
    turned = torch.cat((-x2, x1), dim=-1)
    cos, sin = rearrange(cos, "b s d -> b s 1 d"), rearrange(sin, "b s d -> b s 1 d")
    return x * cos + turned * sin


class SorrelRotaryEmbedding(nn.Module):
    def __init__(self, dim: int, length: int, base: float = 10000.0):
        super().__init__()
        inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim))
        freqs = torch.outer(torch.arange(length, dtype=torch.float32), inv_freq)
        self.register_buffer("table", torch.cat((freqs, freqs), dim=-1), persistent=False)

    def forward(self, position_ids):
        angles = self.table[position_ids]
        return angles.cos(), angles.sin()


class SelfAttention(nn.Module):
    SCALE = 0.5

    def __init__(self, softmax_scale: Optional[float] = None, dropout: float = 0.0):
        super().__init__()
        self.softmax_scale = softmax_scale
        self.drop = nn.Dropout(dropout)

    def forward(self, q, k, v, key_padding_mask=None, **kwargs):
        scale = self.softmax_scale or self.SCALE / math.sqrt(q.shape[-1])
        q, k = [t.to(torch.float32) for t in [q, k]]
        scores = torch.einsum("bthd,bshd->bhts", q, k) * scale
        if key_padding_mask is not None:
            keep = rearrange(key_padding_mask, "b s -> b 1 1 s")
            scores = scores.masked_fill(keep == 0, -10000.0)
        mask = torch.triu(torch.full((q.shape[1], q.shape[1]), -10000.0, device=scores.device), 1)
        scores = scores + mask.to(dtype=scores.dtype)
        weights = self.drop(torch.softmax(scores, dim=-1).to(v.dtype))
        return torch.einsum("bhts,bshd->bthd", weights, v)


class SorrelMixer(nn.Module):
    def __init__(self, config: SorrelConfig, layer_idx: Optional[int] = None):
        super().__init__()
        self.n_head = config.n_head
        self.n_head_kv = config.n_head_kv
        self.head_dim = config.n_embd // config.n_head
        linear_cls = FusedDense if config.fused_dense else nn.Linear
        if linear_cls is None:
            linear_cls = nn.Linear
        attn_cls = FlashSelfAttention if config.flash_attn else SelfAttention
        if attn_cls is None:
            attn_cls = SelfAttention
        self.Wq = linear_cls(config.n_embd, config.n_embd)
        self.Wkv = linear_cls(config.n_embd, 2 * self.n_head_kv * self.head_dim)
        self.out_proj = linear_cls(config.n_embd, config.n_embd)
        self.inner_attn = attn_cls()
        self.layer_idx = layer_idx

    def forward(self, x, cos, sin, past_key_values=None, attention_mask=None):
        q = rearrange(self.Wq(x), "... (h d) -> ... h d", d=self.head_dim)
        kv = rearrange(self.Wkv(x), "... (two h d) -> ... two h d", two=2, d=self.head_dim)
        k, v = kv.unbind(dim=2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k = repeat(k, "... h d -> ... (h g) d", g=self.n_head // self.n_head_kv)
        v = repeat(v, "... h d -> ... (h g) d", g=self.n_head // self.n_head_kv)
        context = self.inner_attn(q, k, v, key_padding_mask=attention_mask)
        return self.out_proj(rearrange(context, "... h d -> ... (h d)"))


class SorrelBlock(nn.Module):
    def __init__(self, config: SorrelConfig, layer_idx: int, device=None):
        super().__init__()
        self.ln = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mixer = SorrelMixer(config, layer_idx)
        self.fc1 = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.fc2 = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states, cos, sin, past_key_values=None, attention_mask=None):
        residual = hidden_states
        hidden_states = self.ln(hidden_states)
        attn_output = self.mixer(hidden_states, cos, sin, past_key_values, attention_mask)
        if int(torch.__version__.split(".")[0]) >= 2:
            feed_forward = self.fc2(F.gelu(self.fc1(hidden_states), approximate="tanh"))
        else:
            feed_forward = self.fc2(torch.jit.script(F.gelu)(self.fc1(hidden_states)))
        return attn_output + feed_forward + residual


class SorrelPreTrainedModel(PreTrainedModel):
    config_class = SorrelConfig
    base_model_prefix = "transformer"
    _no_split_modules = ["SorrelBlock"]


class SorrelModel(SorrelPreTrainedModel):
    def __init__(self, config: SorrelConfig, empty_init: bool = True):
        super().__init__(config)
        make = skip_init if empty_init else (lambda cls, *args: cls(*args))
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.rotary = SorrelRotaryEmbedding(config.n_embd // config.n_head, config.n_positions)
        self.h = nn.ModuleList([make(SorrelBlock, config, i) for i in range(config.n_layer)])
        self.post_init()

    def forward(self, input_ids, position_ids=None, past_key_values=None, attention_mask=None):
        input_shape = input_ids.size()
        hidden_states = self.wte(input_ids.view(-1, input_shape[-1]))
        cos, sin = self.rotary(position_ids)
        for layer in self.h:
            hidden_states = layer(hidden_states, cos, sin, past_key_values, attention_mask)
        return hidden_states


class SorrelHead(nn.Module):
    def __init__(self, config: SorrelConfig):
        super().__init__()
        self.ln = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.linear = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, hidden_states):
        return self.linear(self.ln(hidden_states)).to(torch.float32)


class SorrelForConditionalGeneration(SorrelPreTrainedModel):
    def __init__(self, config: SorrelConfig):
        super().__init__(config)
        self.transformer = SorrelModel(config)
        self.lm_head = SorrelHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head.linear

    def forward(
        self, input_ids, position_ids=None, past_key_values=None, attention_mask=None, labels=None, **kwargs
    ) -> Tuple:
        hidden_states = self.transformer(input_ids, position_ids, past_key_values, attention_mask)
        logits = self.lm_head(hidden_states)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=past_key_values)
