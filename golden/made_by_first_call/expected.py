# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Medlar authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Medlar for AutoDeploy.

Source: modeling_medlar.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention and RoPE are AutoDeploy canonical ops in BSND layout
* cos/sin tables are built once and indexed once per forward by ``position_ids``
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


class MedlarRotaryEmbedding(nn.Module):
    def __init__(self, dim, max_position_embeddings, base):
        super().__init__()
        self.inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.int64).float() / dim))

        positions = torch.arange(max_position_embeddings, dtype=torch.float)
        freqs = torch.outer(positions, self.inv_freq)
        emb = torch.cat((freqs, freqs), dim=-1)
        self.register_buffer("_ad_cos_cached", emb.cos(), persistent=False)
        self.register_buffer("_ad_sin_cached", emb.sin(), persistent=False)

    def forward(self, x, position_ids):
        return self._ad_cos_cached[position_ids].to(dtype=x.dtype), self._ad_sin_cached[
            position_ids
        ].to(dtype=x.dtype)


class MedlarLongRotaryEmbedding(nn.Module):
    def __init__(self, dim, config):
        super().__init__()
        self.dim = dim
        self.max_position_embeddings = config.max_position_embeddings
        self.base = config.rope_theta
        self.short_factor = config.long_context["short_factor"]
        self.long_factor = config.long_context["long_factor"]
        self.original_max_position_embeddings = config.original_max_position_embeddings

    def forward(self, x, position_ids):
        seq_len = torch.max(position_ids) + 1
        factors = torch.where(
            seq_len > self.original_max_position_embeddings,
            torch.tensor(self.long_factor, dtype=torch.float32, device=x.device),
            torch.tensor(self.short_factor, dtype=torch.float32, device=x.device),
        )
        exponents = (
            torch.arange(0, self.dim, 2, dtype=torch.int64, device=x.device).float() / self.dim
        )
        inv_freq = 1.0 / (factors * self.base**exponents)

        freqs = position_ids[:, :, None].float() * inv_freq[None, None, :]
        emb = torch.cat((freqs, freqs), dim=-1)
        scale = self.max_position_embeddings / self.original_max_position_embeddings
        attention_factor = 1.0 if scale <= 1.0 else math.sqrt(1 + math.log(scale))
        return (emb.cos() * attention_factor).to(dtype=x.dtype), (emb.sin() * attention_factor).to(
            dtype=x.dtype
        )


class MedlarAttention(nn.Module):
    def __init__(self, config, layer_idx: int):
        super().__init__()
        self.hidden_size = config.hidden_size
        self.num_heads = config.num_attention_heads
        self.head_dim = self.hidden_size // self.num_heads
        self.query_key_value = nn.Linear(self.hidden_size, 3 * self.hidden_size, bias=True)
        self.dense = nn.Linear(self.hidden_size, self.hidden_size, bias=True)
        if layer_idx % 2 == 0:
            self.rotary_emb = MedlarRotaryEmbedding(
                self.head_dim, config.max_position_embeddings, config.rope_theta
            )
        else:
            self.rotary_emb = MedlarLongRotaryEmbedding(self.head_dim, config)
        self.sliding_window = config.sliding_window + 1 if config.sliding_window else None

    def forward(self, hidden_states, position_ids) -> torch.Tensor:
        bsz, q_len, _ = hidden_states.size()
        qkv = self.query_key_value(hidden_states).view(bsz, q_len, 3, self.num_heads, self.head_dim)
        query, key, value_2 = (qkv[:, :, i] for i in range(3))
        value = value_2.transpose(1, 2)
        cos, sin = self.rotary_emb(value, position_ids)
        query, key = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(query, key, cos, sin, 2)
        output = torch.ops.auto_deploy.torch_attention(
            query,
            key,
            value_2,
            is_causal=True,
            scale=1.0 / math.sqrt(self.head_dim),
            sliding_window=self.sliding_window,
            layout="bsnd",
        ).reshape(bsz, q_len, self.hidden_size)
        return self.dense(output)


class MedlarMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.act = ACT2FN[config.hidden_act]

    def forward(self, x) -> torch.Tensor:
        return self.fc2(self.act(self.fc1(x)))


class MedlarLayer(nn.Module):
    def __init__(self, config, layer_idx: int):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attn = MedlarAttention(config, layer_idx)
        self.ln_2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = MedlarMLP(config)

    def forward(self, hidden_states, position_ids) -> torch.Tensor:
        output = self.attn(self.ln_1(hidden_states), position_ids)
        hidden_states = hidden_states + output
        return hidden_states + self.mlp(self.ln_2(hidden_states))


@dataclass
class MedlarModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class MedlarCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class MedlarPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    supports_gradient_checkpointing = False


class MedlarModel(MedlarPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(
            [MedlarLayer(config, layer_idx) for layer_idx in range(config.num_hidden_layers)]
        )
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
    ) -> MedlarModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds.to(self.norm.weight.dtype)
        for layer in self.layers:
            hidden_states = layer(hidden_states, position_ids)
        return MedlarModelOutput(last_hidden_state=self.norm(hidden_states))


class MedlarForCausalLM(MedlarPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = MedlarModel(config)
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

    def get_decoder(self) -> MedlarModel:
        return self.model

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> MedlarCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(input_ids, position_ids, inputs_embeds, **kwargs)
        return MedlarCausalLMOutput(logits=self.lm_head(outputs.last_hidden_state).float())


AutoModelForCausalLMFactory.register_custom_model_cls("MedlarConfig", MedlarForCausalLM)
