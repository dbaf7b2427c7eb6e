# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Tilia authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Tilia for AutoDeploy.

Source: modeling_tilia.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention, RoPE and RMSNorm are AutoDeploy canonical ops in BSND layout
* cos/sin tables are built once and indexed once per forward by ``position_ids``
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.generation import GenerationMixin
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory


class TiliaRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return torch.ops.auto_deploy.torch_rmsnorm(
            hidden_states, self.weight, self.variance_epsilon
        )


class TiliaMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(self, x) -> torch.Tensor:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class TiliaRotaryEmbedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.rope_type = config.rope_parameters["rope_type"]
        if self.rope_type != "default":
            rope_init_fn = ROPE_INIT_FUNCTIONS[self.rope_type]
            inv_freq, attention_factor = rope_init_fn(config)
        else:
            base = config.rope_parameters["rope_theta"]
            dim = (
                getattr(config, "head_dim", None)
                or config.hidden_size // config.num_attention_heads
            )
            attention_factor = 1.0
            # Compute the inverse frequencies
            inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float) / dim))

        positions = torch.arange(config.max_position_embeddings, dtype=torch.float)
        freqs = torch.outer(positions, inv_freq)
        if self.rope_type == "longrope":
            self.long_context_from = config.rope_parameters["original_max_position_embeddings"]
            long_inv_freq, _ = rope_init_fn(config, seq_len=self.long_context_from + 1)
            freqs = torch.cat((freqs, torch.outer(positions, long_inv_freq)))
        emb = torch.cat((freqs, freqs), dim=-1)
        self.register_buffer("_ad_cos_cached", emb.cos() * attention_factor, persistent=False)
        self.register_buffer("_ad_sin_cached", emb.sin() * attention_factor, persistent=False)

    def forward(self, x, position_ids):
        if self.rope_type == "longrope":
            is_long = position_ids.max() >= self.long_context_from
            position_ids = position_ids + torch.where(is_long, len(self._ad_cos_cached) // 2, 0)
        cos = self._ad_cos_cached[position_ids]
        sin = self._ad_sin_cached[position_ids]
        return cos.to(dtype=x.dtype), sin.to(dtype=x.dtype)


class TiliaAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden_size = config.hidden_size
        self.head_dim = getattr(config, "head_dim", hidden_size // config.num_attention_heads)
        self.scaling = self.head_dim**-0.5
        self.floor_scale = config.floor_scale
        self.query_scale = config.query_scale

        self.q_proj = nn.Linear(hidden_size, config.num_attention_heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden_size, config.num_key_value_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, config.num_key_value_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(config.num_attention_heads * self.head_dim, hidden_size, bias=False)

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        position_ids,
    ) -> torch.Tensor:
        input_shape = hidden_states.shape[:-1]
        hidden_shape = (*input_shape, -1, self.head_dim)
        query_states = self.q_proj(hidden_states).view(hidden_shape)
        key_states = self.k_proj(hidden_states).view(hidden_shape)
        value_states = self.v_proj(hidden_states).view(hidden_shape)

        cos, sin = position_embeddings
        query_states, key_states = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(
            query_states, key_states, cos, sin, 2
        )
        scales = (
            torch.log1p(torch.floor((position_ids.float() + 1.0) / self.floor_scale))
            * self.query_scale
            + 1.0
        )
        scales = scales[:, :, None, None]
        query_states = (query_states * scales).to(query_states.dtype)

        attn_output = torch.ops.auto_deploy.torch_attention(
            query_states,
            key_states,
            value_states,
            is_causal=True,
            scale=self.scaling,
            layout="bsnd",
        )
        return self.o_proj(attn_output.reshape(*input_shape, -1))


class TiliaDecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = TiliaAttention(config=config)
        self.mlp = TiliaMLP(config)
        self.input_layernorm = TiliaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = TiliaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_ids: torch.LongTensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        residual = hidden_states
        hidden_states = self.input_layernorm(hidden_states)
        hidden_states = self.self_attn(
            hidden_states=hidden_states,
            position_ids=position_ids,
            position_embeddings=position_embeddings,
        )
        hidden_states = residual + hidden_states

        residual = hidden_states
        hidden_states = self.post_attention_layernorm(hidden_states)
        hidden_states = self.mlp(hidden_states)
        return residual + hidden_states


@dataclass
class TiliaModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class TiliaCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class TiliaPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    _no_split_modules = ["TiliaDecoderLayer"]
    supports_gradient_checkpointing = False


class TiliaModel(TiliaPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(
            [TiliaDecoderLayer(config) for _ in range(config.num_hidden_layers)]
        )
        self.norm = TiliaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.rotary_emb = TiliaRotaryEmbedding(config=config)
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
    ) -> TiliaModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds.to(self.norm.weight.dtype)
        position_embeddings = self.rotary_emb(hidden_states, position_ids)

        for decoder_layer in self.layers:
            hidden_states = decoder_layer(hidden_states, position_ids, position_embeddings)
        return TiliaModelOutput(last_hidden_state=self.norm(hidden_states))


class TiliaForCausalLM(TiliaPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = TiliaModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.model.embed_tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.model.embed_tokens = value

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.lm_head = value

    def get_decoder(self) -> TiliaModel:
        return self.model

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> TiliaCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(input_ids, position_ids, inputs_embeds, **kwargs)
        return TiliaCausalLMOutput(logits=self.lm_head(outputs.last_hidden_state).float())


AutoModelForCausalLMFactory.register_custom_model_cls("TiliaConfig", TiliaForCausalLM)
