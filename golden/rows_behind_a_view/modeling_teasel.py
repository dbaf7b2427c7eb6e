# Copyright 2026 The Teasel authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""The first rows of a table, through a variable and a function."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_teasel import TeaselConfig


def add_positions(x, table):
    rows = table[None, :]
    return x + rows[:, : x.shape[1]]


class TeaselPositions(nn.Module):
    def __init__(self, length: int, width: int):
        super().__init__()
        inv_freq = 1.0 / (10000.0 ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
        freqs = torch.outer(torch.arange(length, dtype=torch.float32), inv_freq)
        self.register_buffer("table", torch.cat((freqs.sin(), freqs.cos()), dim=-1), persistent=False)

    def forward(self, x):
        return add_positions(x, self.table[0:].to(x.dtype))


class TeaselAttention(nn.Module):
    def __init__(self, config: TeaselConfig):
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


class TeaselBlock(nn.Module):
    def __init__(self, config: TeaselConfig):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = TeaselAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states, attention_mask=None):
        hidden_states = hidden_states + self.attn(self.ln_1(hidden_states), attention_mask)
        x = self.ln_2(hidden_states)
        return hidden_states + self.down(F.relu(self.up(x)))


class TeaselPreTrainedModel(PreTrainedModel):
    config_class = TeaselConfig
    base_model_prefix = "transformer"


class TeaselModel(TeaselPreTrainedModel):
    def __init__(self, config: TeaselConfig):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = TeaselPositions(config.n_positions, config.n_embd)
        self.h = nn.ModuleList([TeaselBlock(config) for _ in range(config.n_layer)])
        self.post_init()

    def forward(self, input_ids, position_ids=None, attention_mask=None):
        hidden_states = self.positions(self.wte(input_ids))
        for block in self.h:
            hidden_states = block(hidden_states, attention_mask)
        return hidden_states


class TeaselForCausalLM(TeaselPreTrainedModel):
    def __init__(self, config: TeaselConfig):
        super().__init__(config)
        self.transformer = TeaselModel(config)
        self.output_layer = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids, position_ids=None, attention_mask=None, **kwargs):
        hidden_states = self.transformer(input_ids, position_ids, attention_mask)
        return CausalLMOutputWithPast(logits=self.output_layer(hidden_states))
