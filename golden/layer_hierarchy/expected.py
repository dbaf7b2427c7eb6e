# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Tamarack authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Tamarack for AutoDeploy.

Source: modeling_tamarack.py, translated by adgen.

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
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory


class TamarackRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return torch.ops.auto_deploy.torch_rmsnorm(
            hidden_states, self.weight, self.variance_epsilon
        )


class TamarackMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(self, x) -> torch.Tensor:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class TamarackRotaryEmbedding(nn.Module):
    pass


class TamarackNormedAttention(nn.Module):
    def __init__(self, config):
        super().__init__()

        self.q_proj = nn.Linear(
            config.hidden_size, config.num_attention_heads * config.head_dim, bias=False
        )
        self.k_proj = nn.Linear(
            config.hidden_size, config.num_key_value_heads * config.head_dim, bias=False
        )
        self.v_proj = nn.Linear(
            config.hidden_size, config.num_key_value_heads * config.head_dim, bias=False
        )
        self.o_proj = nn.Linear(
            config.num_attention_heads * config.head_dim, config.hidden_size, bias=False
        )
        self.out_norm = TamarackRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self):
        attn_output, _ = super().forward()
        return self.out_norm(attn_output)


class TamarackDecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = TamarackNormedAttention(config=config)
        self.mlp = TamarackMLP(config)
        self.input_layernorm = TamarackRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = TamarackRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        residual = hidden_states
        hidden_states = self.self_attn()
        hidden_states = residual + hidden_states

        residual = hidden_states
        hidden_states = self.post_attention_layernorm(hidden_states)
        hidden_states = self.mlp(hidden_states)
        return residual + hidden_states


@dataclass
class TamarackModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class TamarackCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class TamarackPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    _no_split_modules = ["TamarackDecoderLayer"]
    supports_gradient_checkpointing = False


class TamarackModel(TamarackPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(
            [TamarackDecoderLayer(config) for _ in range(config.num_hidden_layers)]
        )
        self.norm = TamarackRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.rotary_emb = TamarackRotaryEmbedding()
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
    ) -> TamarackModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"

        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)

        hidden_states = inputs_embeds

        for decoder_layer in self.layers:
            hidden_states = decoder_layer(hidden_states)

        hidden_states = self.norm(hidden_states)
        return TamarackModelOutput(last_hidden_state=hidden_states)


class TamarackForCausalLM(TamarackPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = TamarackModel(config)
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

    def get_decoder(self) -> TamarackModel:
        return self.model

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> TamarackCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(
            input_ids=input_ids, inputs_embeds=inputs_embeds, position_ids=position_ids, **kwargs
        )
        logits = self.lm_head(outputs.last_hidden_state).float()

        return TamarackCausalLMOutput(logits=logits)


AutoModelForCausalLMFactory.register_custom_model_cls("TamarackConfig", TamarackForCausalLM)
