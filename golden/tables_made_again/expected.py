# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Spindle authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Spindle for AutoDeploy.

Source: modeling_spindle.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention and RoPE are AutoDeploy canonical ops in BSND layout
* a configuration with ``norm_head=True`` is declined: the constructor raises
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.generation import GenerationMixin
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory


class SpindleRotaryEmbedding(nn.Module):
    def __init__(self, dim, max_position_embeddings, base):
        super().__init__()
        self.dim = dim
        inv_freq = 1.0 / (base ** (torch.arange(0, self.dim, 2).float() / self.dim))
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        dtype = torch.get_default_dtype()
        self.max_seq_len_cached = max_position_embeddings
        t = torch.arange(
            self.max_seq_len_cached, device=self.inv_freq.device, dtype=self.inv_freq.dtype
        )
        freqs = torch.outer(t, self.inv_freq.to(t.device))
        emb = torch.cat((freqs, freqs), dim=-1)
        self.register_buffer("cos_cached", emb.cos().to(dtype), persistent=False)
        self.register_buffer("sin_cached", emb.sin().to(dtype), persistent=False)
        self.max_seq_len_cached = None


class SpindleRampedRotaryEmbedding(nn.Module):
    def __init__(self, dim, max_position_embeddings, base, scaling_factor):
        super().__init__()
        self.dim = dim
        inv_freq = 1.0 / (base ** (torch.arange(0, self.dim, 2).float() / self.dim))
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        dtype = torch.get_default_dtype()
        dim = self.dim
        freqs = 1.0 / (
            base
            ** (torch.arange(0, dim, 2, dtype=torch.float32, device=self.inv_freq.device) / dim)
        )
        high = dim // 4
        dim = dim // 2
        if 0 == high:
            high = high + 0.001
        slow = torch.clamp((torch.arange(dim, dtype=torch.float32) - 0) / (high - 0), 0, 1).to(
            device=self.inv_freq.device, dtype=torch.float32
        )
        inv_freq = freqs / scaling_factor * slow + freqs * (1 - slow)
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        freqs = torch.outer(
            torch.arange(max_position_embeddings, device=self.inv_freq.device, dtype=torch.float32),
            inv_freq,
        )
        emb = torch.cat((freqs, freqs), dim=-1)
        self.register_buffer("cos_cached", emb.cos().to(dtype), persistent=False)
        self.register_buffer("sin_cached", emb.sin().to(dtype), persistent=False)


class SpindleAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.hidden_size = config.hidden_size
        self.num_heads = config.num_attention_heads
        self.head_dim = self.hidden_size // self.num_heads
        self.query_key_value = nn.Linear(self.hidden_size, 3 * self.hidden_size, bias=True)
        self.dense = nn.Linear(self.hidden_size, self.hidden_size, bias=True)
        rotary_dim = int(self.head_dim * config.partial_rotary_factor)
        if config.position_scaling is None:
            self.rotary_emb = SpindleRotaryEmbedding(
                rotary_dim, config.max_position_embeddings, config.rope_theta
            )
        else:
            self.rotary_emb = SpindleRampedRotaryEmbedding(
                rotary_dim,
                config.max_position_embeddings,
                config.rope_theta,
                scaling_factor=config.position_scaling["factor"],
            )

    def forward(self, hidden_states, position_ids) -> torch.Tensor:
        bsz, q_len, _ = hidden_states.size()
        qkv = self.query_key_value(hidden_states).view(bsz, q_len, 3, self.num_heads, self.head_dim)
        query, key, value = (qkv[:, :, i] for i in range(3))
        query_rot = query[..., : self.rotary_emb.dim]
        query_pass = query[..., self.rotary_emb.dim :]
        key_rot = key[..., : self.rotary_emb.dim]
        key_pass = key[..., self.rotary_emb.dim :]
        query_rot, key_rot = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(
            query_rot,
            key_rot,
            self.rotary_emb.cos_cached[position_ids].to(value.dtype),
            self.rotary_emb.sin_cached[position_ids].to(value.dtype),
            2,
        )
        query = torch.cat((query_rot, query_pass), dim=-1)
        key = torch.cat((key_rot, key_pass), dim=-1)
        output = torch.ops.auto_deploy.torch_attention(
            query, key, value, is_causal=True, scale=1.0 / math.sqrt(self.head_dim), layout="bsnd"
        ).reshape(bsz, q_len, self.hidden_size)
        return self.dense(output)


class SpindleMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.act = ACT2FN[config.hidden_act]

    def forward(self, x) -> torch.Tensor:
        return self.fc2(self.act(self.fc1(x)))


class SpindleLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attn = SpindleAttention(config)
        self.ln_2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = SpindleMLP(config)

    def forward(self, hidden_states, position_ids) -> torch.Tensor:
        output = self.attn(self.ln_1(hidden_states), position_ids)
        hidden_states = hidden_states + output
        return hidden_states + self.mlp(self.ln_2(hidden_states))


class SpindleHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.vocab_size, config.hidden_size))

    def forward(self, hidden_states) -> torch.Tensor:
        return nn.functional.linear(hidden_states, self.weight)


@dataclass
class SpindleModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class SpindleCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class SpindlePreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    supports_gradient_checkpointing = False


class SpindleModel(SpindlePreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList([SpindleLayer(config) for _ in range(config.num_hidden_layers)])
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embed_tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embed_tokens = value

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> SpindleModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds.to(self.norm.weight.dtype)
        for layer in self.layers:
            hidden_states = layer(hidden_states, position_ids)
        return SpindleModelOutput(last_hidden_state=self.norm(hidden_states))


class SpindleForCausalLM(SpindlePreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        if config.norm_head:
            raise NotImplementedError("norm_head=True is not implemented")
        self.model = SpindleModel(config)
        self.lm_head = SpindleHead(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.model.embed_tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.model.embed_tokens = value

    def get_decoder(self) -> SpindleModel:
        return self.model

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> SpindleCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(input_ids, position_ids, inputs_embeds, **kwargs)
        return SpindleCausalLMOutput(logits=self.lm_head(outputs.last_hidden_state).float())


AutoModelForCausalLMFactory.register_custom_model_cls("SpindleConfig", SpindleForCausalLM)
