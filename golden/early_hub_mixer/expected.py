# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Sorrel authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Sorrel for AutoDeploy.

Source: modeling_sorrel.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention and RoPE are AutoDeploy canonical ops in BSND layout
"""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import PreTrainedModel
from transformers.generation import GenerationMixin
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory


class SorrelRotaryEmbedding(nn.Module):
    def __init__(self, dim: int, length: int):
        super().__init__()
        inv_freq = 1.0 / (10000.0 ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim))
        freqs = torch.outer(torch.arange(length, dtype=torch.float32), inv_freq)
        self.register_buffer("table", torch.cat((freqs, freqs), dim=-1), persistent=False)

    def forward(self, position_ids):
        angles = self.table[position_ids]
        return angles.cos(), angles.sin()


class SelfAttention(nn.Module):
    def forward(self, q, k, v) -> torch.Tensor:
        scale = 0.5 / math.sqrt(q.shape[-1])
        q = q.to(torch.float32)
        k = k.to(torch.float32)
        return torch.ops.auto_deploy.torch_attention(
            q, k, v, is_causal=True, scale=scale, layout="bsnd"
        )


class SorrelMixer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.n_head_kv = config.n_head_kv
        self.head_dim = config.n_embd // config.n_head
        self.Wq = nn.Linear(config.n_embd, config.n_embd)
        self.Wkv = nn.Linear(config.n_embd, 2 * self.n_head_kv * self.head_dim)
        self.out_proj = nn.Linear(config.n_embd, config.n_embd)
        self.inner_attn = SelfAttention()

    def forward(self, x, cos, sin) -> torch.Tensor:
        tensor = self.Wq(x)
        q = tensor.reshape(tensor.shape[0], tensor.shape[1], -1, self.head_dim)
        tensor = self.Wkv(x)
        kv = tensor.reshape(tensor.shape[0], tensor.shape[1], 2, -1, self.head_dim)
        k, v = kv.unbind(dim=2)
        q, k = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(q, k, cos, sin, 2)
        k = k.unsqueeze(3).expand(-1, -1, -1, self.n_head // self.n_head_kv, -1).flatten(2, 3)
        v = v.unsqueeze(3).expand(-1, -1, -1, self.n_head // self.n_head_kv, -1).flatten(2, 3)
        return self.out_proj(self.inner_attn(q, k, v).flatten(2, 3))


class SorrelBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mixer = SorrelMixer(config)
        self.fc1 = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.fc2 = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states, cos, sin) -> torch.Tensor:
        residual = hidden_states
        hidden_states = self.ln(hidden_states)
        attn_output = self.mixer(hidden_states, cos, sin)
        feed_forward = self.fc2(F.gelu(self.fc1(hidden_states), approximate="tanh"))
        return attn_output + feed_forward + residual


class SorrelHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.linear = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, hidden_states) -> torch.Tensor:
        return self.linear(self.ln(hidden_states)).to(torch.float32)


@dataclass
class SorrelModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class SorrelCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class SorrelPreTrainedModel(PreTrainedModel):
    base_model_prefix = "transformer"
    _no_split_modules = ["SorrelBlock"]
    supports_gradient_checkpointing = False


class SorrelModel(SorrelPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.rotary = SorrelRotaryEmbedding(config.n_embd // config.n_head, config.n_positions)
        self.h = nn.ModuleList([SorrelBlock(config) for _ in range(config.n_layer)])
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
    ) -> SorrelModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.wte(input_ids)
        hidden_states = inputs_embeds
        cos, sin = self.rotary(position_ids)
        for layer in self.h:
            hidden_states = layer(hidden_states, cos, sin)
        return SorrelModelOutput(last_hidden_state=hidden_states)


class SorrelForCausalLM(SorrelPreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.transformer = SorrelModel(config)
        self.lm_head = SorrelHead(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.transformer.wte

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.transformer.wte = value

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head.linear

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.lm_head.linear = value

    def get_decoder(self) -> SorrelModel:
        return self.transformer

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> SorrelCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        hidden_states = self.transformer(
            input_ids, position_ids, inputs_embeds, **kwargs
        ).last_hidden_state
        return SorrelCausalLMOutput(logits=self.lm_head(hidden_states).float())


AutoModelForCausalLMFactory.register_custom_model_cls("SorrelConfig", SorrelForCausalLM)
