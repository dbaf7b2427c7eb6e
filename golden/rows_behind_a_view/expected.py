# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Teasel authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Teasel for AutoDeploy.

Source: modeling_teasel.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention is an AutoDeploy canonical op in BSND layout

Not servable with a cache: TeaselPositions reads the first rows of `table` instead of those at
position_ids.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers.generation import GenerationMixin
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory


class TeaselPositions(nn.Module):
    def __init__(self, length: int, width: int):
        super().__init__()
        inv_freq = 1.0 / (10000.0 ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
        freqs = torch.outer(torch.arange(length, dtype=torch.float32), inv_freq)
        self.register_buffer(
            "table", torch.cat((freqs.sin(), freqs.cos()), dim=-1), persistent=False
        )

    def forward(self, x) -> torch.Tensor:
        table = self.table[0:].to(x.dtype)
        rows = table[None, :]
        return x + rows[:, : x.shape[1]]


class TeaselAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.head_dim = config.n_embd // config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).split(width, dim=2)
        q = q.view(batch, length, self.n_head, self.head_dim)
        k = k.view(batch, length, self.n_head, self.head_dim)
        v = v.view(batch, length, self.n_head, self.head_dim)
        context = torch.ops.auto_deploy.torch_attention(q, k, v, is_causal=True, layout="bsnd")
        return self.proj(context.reshape(batch, length, width))


class TeaselBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = TeaselAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states) -> torch.Tensor:
        hidden_states = hidden_states + self.attn(self.ln_1(hidden_states))
        x = self.ln_2(hidden_states)
        return hidden_states + self.down(F.relu(self.up(x)))


@dataclass
class TeaselModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class TeaselCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class TeaselPreTrainedModel(PreTrainedModel):
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = False


class TeaselModel(TeaselPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = TeaselPositions(config.n_positions, config.n_embd)
        self.h = nn.ModuleList([TeaselBlock(config) for _ in range(config.n_layer)])
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.wte

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.wte = value

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> TeaselModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.wte(input_ids)
        hidden_states = self.positions(inputs_embeds)
        for block in self.h:
            hidden_states = block(hidden_states)
        return TeaselModelOutput(last_hidden_state=hidden_states)


class TeaselForCausalLM(TeaselPreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.transformer = TeaselModel(config)
        self.output_layer = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.transformer.wte

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.transformer.wte = value

    def get_decoder(self) -> TeaselModel:
        return self.transformer

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> TeaselCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        hidden_states = self.transformer(
            input_ids, position_ids, inputs_embeds, **kwargs
        ).last_hidden_state
        return TeaselCausalLMOutput(logits=self.output_layer(hidden_states).float())


AutoModelForCausalLMFactory.register_custom_model_cls("TeaselConfig", TeaselForCausalLM)
