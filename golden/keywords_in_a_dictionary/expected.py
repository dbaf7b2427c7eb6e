# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Fennel authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Fennel for AutoDeploy.

Source: modeling_fennel.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention is an AutoDeploy canonical op in BSND layout
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


class FennelNorm(nn.Module):
    def __init__(self, width: int, eps: float = 1e-3, scale: float = 1.0, shift: float = 0.0):
        super().__init__()
        self.ln = nn.LayerNorm(width, eps=eps)
        self.scale = scale
        self.shift = shift

    def forward(self, x) -> torch.Tensor:
        return self.scale * self.ln(x) + self.shift


class FennelAttention(nn.Module):
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


class FennelBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        kwargs = dict(width=config.n_embd, unused=1)
        kwargs.update(eps=2 * config.layer_norm_epsilon)
        kwargs["scale"] = 0.5
        self.ln_1 = FennelNorm(width=config.n_embd, eps=kwargs["eps"], scale=0.5)
        self.attn = FennelAttention(config)
        self.ln_2 = FennelNorm(shift=4.0, width=config.n_embd, scale=0.25)
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, hidden_states) -> torch.Tensor:
        hidden_states = hidden_states + self.attn(self.ln_1(hidden_states))
        x = self.ln_2(hidden_states)
        return hidden_states + self.down(F.relu(self.up(x)))


@dataclass
class FennelModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class FennelCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class FennelPreTrainedModel(PreTrainedModel):
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = False


class FennelModel(FennelPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList([FennelBlock(config) for _ in range(config.n_layer)])
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
    ) -> FennelModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.wte(input_ids)
        hidden_states = inputs_embeds + self.wpe(position_ids)
        for block in self.h:
            hidden_states = block(hidden_states)
        return FennelModelOutput(last_hidden_state=hidden_states)


class FennelForCausalLM(FennelPreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.transformer = FennelModel(config)
        self.output_layer = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.transformer.wte

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.transformer.wte = value

    def get_decoder(self) -> FennelModel:
        return self.transformer

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> FennelCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        hidden_states = self.transformer(
            input_ids, position_ids, inputs_embeds, **kwargs
        ).last_hidden_state
        return FennelCausalLMOutput(logits=self.output_layer(hidden_states).float())


AutoModelForCausalLMFactory.register_custom_model_cls("FennelConfig", FennelForCausalLM)
