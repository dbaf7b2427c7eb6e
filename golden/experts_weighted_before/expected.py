# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Celtis authors.
# SPDX-License-Identifier: Apache-2.0

"""Prefill-only Celtis for AutoDeploy.

Source: modeling_celtis.py, translated by adgen.

Differences from the source:
* prefill only: no KV cache, no attention masks, no training code, no output collection
* attention, RoPE and RMSNorm are AutoDeploy canonical ops in BSND layout
* every expert is a module; the loop over the chosen ones is the canonical op for it
* cos/sin tables are built once and indexed once per forward by ``position_ids``
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.generation import GenerationMixin
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory
from tensorrt_llm._torch.utils import ActivationType


def _unstack_gate_up_proj(module, state_dict, prefix, *args):
    """The checkpoint holds the weights of all modules of a list in `experts.gate_up_proj`."""
    stacked = state_dict.pop(prefix + "experts.gate_up_proj", None)
    if stacked is not None:
        own = module.state_dict()  # of the list there may be a part
        for i, weight in enumerate(stacked):
            names = (f"experts.{i}.gate_proj.weight", f"experts.{i}.up_proj.weight")
            for name, part in zip(names, weight.t().chunk(2)):
                if name in own:
                    state_dict[prefix + name] = part


def _unstack_down_proj(module, state_dict, prefix, *args):
    """The checkpoint holds the weights of all modules of a list in `experts.down_proj`."""
    stacked = state_dict.pop(prefix + "experts.down_proj", None)
    if stacked is not None:
        own = module.state_dict()  # of the list there may be a part
        for i, weight in enumerate(stacked):
            name = f"experts.{i}.down_proj.weight"
            if name in own:
                state_dict[prefix + name] = weight.t()


def _get_moe_activation(name: str) -> int:
    """The number by which torch_moe knows an activation."""
    if name in ("silu", "swish"):
        return int(ActivationType.Silu)
    if name == "relu2":
        return int(ActivationType.Relu2)
    raise NotImplementedError(f"torch_moe has no activation {name!r}")


class CeltisRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return torch.ops.auto_deploy.torch_rmsnorm(
            hidden_states, self.weight, self.variance_epsilon
        )


class CeltisExpert(nn.Module):
    def __init__(self, hidden_size: int, intermediate_size: int):
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)


class CeltisExperts(nn.ModuleList):
    def __init__(self, config):
        super().__init__(
            [
                CeltisExpert(config.hidden_size, config.moe_intermediate_size)
                for _ in range(config.num_experts)
            ]
        )
        self.act_fn = _get_moe_activation(config.hidden_act)

    def forward(
        self,
        hidden_states: torch.Tensor,
        selected_experts: torch.Tensor,
        routing_weights: torch.Tensor,
    ) -> torch.Tensor:
        return torch.ops.auto_deploy.torch_moe(
            hidden_states,
            selected_experts,
            routing_weights,
            w1_weight=[expert.gate_proj.weight for expert in self],
            w2_weight=[expert.down_proj.weight for expert in self],
            w3_weight=[expert.up_proj.weight for expert in self],
            is_gated_mlp=True,
            act_fn=self.act_fn,
            apply_routing_on_input=True,
        )


class CeltisRouter(nn.Linear):
    def __init__(self, config):
        super().__init__(config.hidden_size, config.num_experts, bias=False)
        self.top_k = config.num_experts_per_tok

    def forward(self, hidden_states: torch.Tensor):
        router_logits = super().forward(hidden_states)
        best, chosen = torch.topk(router_logits, self.top_k, dim=1)
        return torch.sigmoid(best.float()).to(best.dtype), chosen


class CeltisSparseMoeBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.hidden_size = config.hidden_size
        self.gate = CeltisRouter(config)
        self.experts = CeltisExperts(config)
        self._register_load_state_dict_pre_hook(_unstack_gate_up_proj, with_module=True)
        self._register_load_state_dict_pre_hook(_unstack_down_proj, with_module=True)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        shape = hidden_states.shape
        hidden_states = hidden_states.reshape(-1, self.hidden_size)
        router_scores, selected_experts = self.gate(hidden_states)
        return self.experts(hidden_states, selected_experts, router_scores).view(shape)


class CeltisRotaryEmbedding(nn.Module):
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


class CeltisAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden_size = config.hidden_size
        self.head_dim = getattr(config, "head_dim", hidden_size // config.num_attention_heads)
        self.scaling = self.head_dim**-0.5

        self.q_proj = nn.Linear(hidden_size, config.num_attention_heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden_size, config.num_key_value_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, config.num_key_value_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(config.num_attention_heads * self.head_dim, hidden_size, bias=False)

    def forward(
        self, hidden_states: torch.Tensor, position_embeddings: tuple[torch.Tensor, torch.Tensor]
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

        attn_output = torch.ops.auto_deploy.torch_attention(
            query_states,
            key_states,
            value_states,
            is_causal=True,
            scale=self.scaling,
            layout="bsnd",
        )
        return self.o_proj(attn_output.reshape(*input_shape, -1))


class CeltisDecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = CeltisAttention(config=config)
        self.mlp = CeltisSparseMoeBlock(config)
        self.input_layernorm = CeltisRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = CeltisRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self, hidden_states: torch.Tensor, position_embeddings: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        residual = hidden_states
        hidden_states = self.input_layernorm(hidden_states)
        hidden_states = self.self_attn(hidden_states, position_embeddings)
        hidden_states = residual + hidden_states

        residual = hidden_states
        hidden_states = self.post_attention_layernorm(hidden_states)
        hidden_states = self.mlp(hidden_states)
        return residual + hidden_states


@dataclass
class CeltisModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class CeltisCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class CeltisPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    _no_split_modules = ["CeltisDecoderLayer"]
    supports_gradient_checkpointing = False


class CeltisModel(CeltisPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(
            [CeltisDecoderLayer(config) for _ in range(config.num_hidden_layers)]
        )
        self.norm = CeltisRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.rotary_emb = CeltisRotaryEmbedding(config=config)
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
    ) -> CeltisModelOutput:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds.to(self.norm.weight.dtype)
        position_embeddings = self.rotary_emb(hidden_states, position_ids)

        for decoder_layer in self.layers:
            hidden_states = decoder_layer(hidden_states, position_embeddings)
        return CeltisModelOutput(last_hidden_state=self.norm(hidden_states))


class CeltisForCausalLM(CeltisPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = CeltisModel(config)
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

    def get_decoder(self) -> CeltisModel:
        return self.model

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        position_ids: torch.LongTensor | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        **kwargs,
    ) -> CeltisCausalLMOutput:
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(input_ids, position_ids, inputs_embeds, **kwargs)
        return CeltisCausalLMOutput(logits=self.lm_head(outputs.last_hidden_state).float())


AutoModelForCausalLMFactory.register_custom_model_cls("CeltisConfig", CeltisForCausalLM)
