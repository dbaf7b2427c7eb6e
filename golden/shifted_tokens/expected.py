# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Yarrow authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Yarrow for AutoDeploy.

Source: modeling_yarrow.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention is an AutoDeploy canonical op in BSND layout

Not servable with a cache: YarrowBlock mixes tokens in `pad`, for which AutoDeploy has no cache.
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


class YarrowAttention(nn.Module):
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


class YarrowBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = YarrowAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states) -> torch.Tensor:
        hidden_states = hidden_states + self.attn(self.ln_1(hidden_states))
        x = self.ln_2(hidden_states)
        x = x + F.pad(x, (0, 0, 1, -1))
        return hidden_states + self.down(F.relu(self.up(x)))


@dataclass
class YarrowModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class YarrowCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class YarrowPreTrainedModel(PreTrainedModel):
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = False


class YarrowModel(YarrowPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList([YarrowBlock(config) for _ in range(config.n_layer)])
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
    ) -> YarrowModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.wte(input_ids)
        hidden_states = inputs_embeds + self.wpe(position_ids)
        for block in self.h:
            hidden_states = block(hidden_states)
        return YarrowModelOutput(last_hidden_state=hidden_states)


class YarrowForCausalLM(YarrowPreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.transformer = YarrowModel(config)
        self.output_layer = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.transformer.wte

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.transformer.wte = value

    def get_decoder(self) -> YarrowModel:
        return self.transformer

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> YarrowCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        hidden_states = self.transformer(
            input_ids, position_ids, inputs_embeds, **kwargs
        ).last_hidden_state
        return YarrowCausalLMOutput(logits=self.output_layer(hidden_states).float())


AutoModelForCausalLMFactory.register_custom_model_cls("YarrowConfig", YarrowForCausalLM)
