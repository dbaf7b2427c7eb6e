# Copyright 2026 The Fennel authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Keywords that are collected in dictionaries before they are given."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_fennel import FennelConfig


class FennelNorm(nn.Module):
    def __init__(self, width: int, eps: float = 1e-3, scale: float = 1.0, shift: float = 0.0):
        super().__init__()
        self.ln = nn.LayerNorm(width, eps=eps)
        self.scale = scale
        self.shift = shift

    def forward(self, x):
        return self.scale * self.ln(x) + self.shift


class FennelAttention(nn.Module):
    def __init__(self, config: FennelConfig):
        super().__init__()
        self.n_head = config.n_head
        self.head_dim = config.n_embd // config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x, attention_mask=None):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).split(width, dim=2)
        q, k, v = [t.view(batch, length, self.n_head, self.head_dim).transpose(1, 2) for t in (q, k, v)]
        if q.shape[2] == k.shape[2]:
            context = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            context = F.scaled_dot_product_attention(q, k, v)
        return self.proj(context.transpose(1, 2).reshape(batch, length, width))


class FennelBlock(nn.Module):
    def __init__(self, config: FennelConfig):
        super().__init__()
        kwargs = dict(width=config.n_embd, unused=1)
        kwargs.pop("unused")
        kwargs.update(eps=2 * config.layer_norm_epsilon)
        kwargs.setdefault("scale", 0.5)
        kwargs.setdefault("eps", 1.0)
        self.ln_1 = FennelNorm(**kwargs)
        self.attn = FennelAttention(config)
        same = kwargs
        same["scale"] = 0.25
        factors = [1.0, 2.0]
        factors[0] = 4.0
        del same["eps"]
        self.ln_2 = FennelNorm(shift=factors[0], **kwargs)
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states, attention_mask=None):
        hidden_states = hidden_states + self.attn(self.ln_1(hidden_states), attention_mask)
        x = self.ln_2(hidden_states)
        return hidden_states + self.down(F.relu(self.up(x)))


class FennelPreTrainedModel(PreTrainedModel):
    config_class = FennelConfig
    base_model_prefix = "transformer"


class FennelModel(FennelPreTrainedModel):
    def __init__(self, config: FennelConfig):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList([FennelBlock(config) for _ in range(config.n_layer)])
        self.post_init()

    def forward(self, input_ids, position_ids=None, attention_mask=None):
        hidden_states = self.wte(input_ids) + self.wpe(position_ids)
        for block in self.h:
            hidden_states = block(hidden_states, attention_mask)
        return hidden_states


class FennelForCausalLM(FennelPreTrainedModel):
    def __init__(self, config: FennelConfig):
        super().__init__(config)
        self.transformer = FennelModel(config)
        self.output_layer = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids, position_ids=None, attention_mask=None, **kwargs):
        hidden_states = self.transformer(input_ids, position_ids, attention_mask)
        return CausalLMOutputWithPast(logits=self.output_layer(hidden_states))
