# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Myrtle authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Myrtle for AutoDeploy.

Source: modeling_myrtle.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention and RMSNorm are AutoDeploy canonical ops in BSND layout

Not servable with a cache: MyrtleAttention adds a bias to its scores through `attn_mask`, which
AutoDeploy does not cache.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.generation import GenerationMixin
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory


class MyrtleRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return torch.ops.auto_deploy.torch_rmsnorm(
            hidden_states, self.weight, self.variance_epsilon
        )


class MyrtleMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x) -> torch.Tensor:
        return self.down_proj(torch.relu(self.up_proj(x)) ** 2)


class MyrtleAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads = config.num_attention_heads
        hidden_size = config.hidden_size
        self.head_dim = getattr(config, "head_dim", hidden_size // config.num_attention_heads)
        self.scaling = self.head_dim**-0.5

        self.q_proj = nn.Linear(hidden_size, config.num_attention_heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden_size, config.num_key_value_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, config.num_key_value_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(config.num_attention_heads * self.head_dim, hidden_size, bias=False)

    def forward(self, hidden_states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        input_shape = hidden_states.shape[:-1]
        hidden_shape = (*input_shape, -1, self.head_dim)
        query_states = self.q_proj(hidden_states).view(hidden_shape)
        key_states = self.k_proj(hidden_states).view(hidden_shape)
        value_states = self.v_proj(hidden_states).view(hidden_shape)

        bias = bias.view(hidden_states.shape[0], self.num_heads, 1, -1)

        attn_output = torch.ops.auto_deploy.torch_attention(
            query_states,
            key_states,
            value_states,
            attn_mask=bias,
            is_causal=True,
            scale=self.scaling,
            layout="bsnd",
        )
        return self.o_proj(attn_output.reshape(*input_shape, -1))


class MyrtleDecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = MyrtleAttention(config=config)
        self.mlp = MyrtleMLP(config)
        self.input_layernorm = MyrtleRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = MyrtleRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, hidden_states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        residual = hidden_states
        hidden_states = self.input_layernorm(hidden_states)
        hidden_states = self.self_attn(hidden_states, bias)
        hidden_states = residual + hidden_states

        residual = hidden_states
        hidden_states = self.post_attention_layernorm(hidden_states)
        hidden_states = self.mlp(hidden_states)
        return residual + hidden_states


@dataclass
class MyrtleModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class MyrtleCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class MyrtlePreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    _no_split_modules = ["MyrtleDecoderLayer"]
    supports_gradient_checkpointing = False


class MyrtleModel(MyrtlePreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(
            [MyrtleDecoderLayer(config) for _ in range(config.num_hidden_layers)]
        )
        self.norm = MyrtleRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
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
    ) -> MyrtleModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds.to(self.norm.weight.dtype)
        slopes = 2.0 ** (
            -8.0
            * torch.arange(1, self.config.num_attention_heads + 1, device=hidden_states.device)
            / self.config.num_attention_heads
        )
        bias = slopes[:, None, None] * position_ids[:, None, None, :]
        bias = bias.flatten(0, 1).to(hidden_states.dtype)

        for decoder_layer in self.layers:
            hidden_states = decoder_layer(hidden_states, bias)
        return MyrtleModelOutput(last_hidden_state=self.norm(hidden_states))


class MyrtleForCausalLM(MyrtlePreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = MyrtleModel(config)
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

    def get_decoder(self) -> MyrtleModel:
        return self.model

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> MyrtleCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(input_ids, position_ids, inputs_embeds, **kwargs)
        return MyrtleCausalLMOutput(logits=self.lm_head(outputs.last_hidden_state).float())


AutoModelForCausalLMFactory.register_custom_model_cls("MyrtleConfig", MyrtleForCausalLM)
