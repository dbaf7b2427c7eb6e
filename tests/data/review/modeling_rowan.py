"""Rowan for AutoDeploy, written by hand with every habit of Hugging Face: `expect:` names what a review finds."""

import math
from dataclasses import dataclass

import torch
from transformers.cache_utils import DynamicCache  # expect: C4
import torch.nn.functional as F
from torch import nn
from transformers.generation import GenerationMixin
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

from ..hf import AutoModelForCausalLMFactory
from .modeling_maple import MapleMLP  # expect: B1


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def grouped(x, n_rep):
    batch, length, heads, dim = x.shape
    return x[:, :, :, None, :].expand(batch, length, heads, n_rep, dim).reshape(batch, length, heads * n_rep, dim)


class RowanRMSNorm(nn.Module):
    def __init__(self, size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        wide = x.to(torch.float32)
        scaled = wide / torch.sqrt((wide * wide).mean(-1, keepdim=True) + self.eps)
        return self.weight * scaled.to(x.dtype)  # expect: C1


class RowanRotaryEmbedding(nn.Module):
    def __init__(self, dim, length, base):
        super().__init__()
        inv_freq = 1.0 / base ** (torch.arange(0, dim, 2).float() / dim)
        angles = torch.outer(torch.arange(length).float(), inv_freq)
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos_table", angles.cos(), persistent=False)  # expect: D1
        self.register_buffer("_ad_sin_cached", angles.sin())  # expect: D1

    def forward(self, x):
        return self.cos_table.to(x.dtype), self._ad_sin_cached.to(x.dtype)


class RowanAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads, self.num_kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = config.hidden_size // self.num_heads
        self.dropout = nn.Dropout(config.attention_dropout)  # expect: C5 C5
        self.q_proj = nn.Linear(config.hidden_size, self.num_heads * self.head_dim)
        self.k_proj = nn.Linear(config.hidden_size, self.num_kv_heads * self.head_dim)
        self.v_proj = nn.Linear(config.hidden_size, self.num_kv_heads * self.head_dim)
        self.o_proj = nn.Linear(self.num_heads * self.head_dim, config.hidden_size)

    def forward(self, hidden_states, position_embeddings, position_ids, past_key_value=None):  # expect: CA3
        batch, length, _ = hidden_states.shape
        q = self.q_proj(hidden_states).view(batch, length, self.num_heads, self.head_dim)
        k = self.k_proj(hidden_states).view(batch, length, self.num_kv_heads, self.head_dim)
        v = self.v_proj(hidden_states).view(batch, length, self.num_kv_heads, self.head_dim)
        cos, sin = position_embeddings
        cos, sin = cos[position_ids][:, :, None], sin[position_ids][:, :, None]  # expect: D2
        q = q * cos + rotate_half(q) * sin  # expect: C1
        k = k * cos + rotate_half(k) * sin  # expect: C1
        if past_key_value is not None:  # expect: C4
            k, v = past_key_value.update(k, v, 0)
        k = grouped(k, self.num_heads // self.num_kv_heads)  # expect: C8
        v = grouped(v, self.num_heads // self.num_kv_heads)  # expect: C8
        out = torch.ops.auto_deploy.torch_attention(q, k, v, is_causal=True, layout="bsnd")
        if self.training:  # expect: C5
            out = self.dropout(out)
        return self.o_proj(out.reshape(batch, length, -1))


class RowanLinearAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, hidden_states):
        q, k, v = self.qkv(hidden_states).chunk(3, dim=-1)
        return torch.ops.auto_deploy.flashinfer_linear_attention(q, k, v)  # expect: C3


class RowanMoE(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = nn.Parameter(torch.empty(config.num_experts, config.hidden_size, 4))  # expect: D4
        self.gate = nn.Linear(config.hidden_size, config.num_experts)
        self.experts = nn.ModuleList([MapleMLP(config) for _ in range(config.num_experts)])

    def _split(self, state_dict, prefix, *args):  # expect: BA2
        state_dict.pop(prefix + "experts.up_proj", None)

    def forward(self, x):
        flat = x.view(-1, x.shape[-1])
        weights, chosen = torch.topk(self.gate(flat).sigmoid(), 2)
        return torch.ops.auto_deploy.torch_moe(
            flat,
            chosen,
            weights,
            w1_weight=[expert.gate_up_proj.weight[:4] for expert in self.experts],  # expect: D5
            w2_weight=[expert.up_proj.weight for expert in self.experts],  # expect: D5
            w3_weight=[],  # expect: D5
        ).view(x.shape)


class RowanLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention, self.linear = RowanAttention(config), RowanLinearAttention(config)
        self.moe, self.norm = RowanMoE(config), RowanRMSNorm(config.hidden_size)

    def forward(self, x, position_embeddings, position_ids, attention_mask=None):  # expect: CA3
        x = x + self.attention(self.norm(x), position_embeddings, position_ids)
        if attention_mask is not None:  # expect: CA2
            x = x * attention_mask[:, :, None]
        x = x + torch.ops.fast_kernels.gelu(self.linear(x))  # expect: C2
        return x + self.moe(x) / math.sqrt(2.0)


@dataclass
class RowanOutput(ModelOutput):
    logits: torch.FloatTensor | None = None
    hidden_states: torch.FloatTensor | None = None


class RowanPreTrainedModel(PreTrainedModel):
    supports_gradient_checkpointing = True  # expect: C5
    _supports_sdpa = True  # expect: C6


class RowanModel(RowanPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.rotary = RowanRotaryEmbedding(config.head_dim, config.max_position_embeddings, config.rope_theta)
        self.layers = nn.ModuleList([RowanLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, input_ids=None, position_ids=None):
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1])[None]  # expect: CA1
        x = self.embed_tokens(input_ids)
        tables = self.rotary(x)
        for layer in self.layers:
            x = layer(x, tables, position_ids)
        kept = x[(x.abs().sum(-1) > 0).nonzero()[:, 0]]  # expect: E1
        return x + kept.sum()


class RowanForCausalLM(RowanPreTrainedModel, GenerationMixin):
    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = RowanModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def prepare_inputs_for_generation(self, input_ids, **kwargs):  # expect: C4
        return {"input_ids": input_ids}

    def forward(self, input_ids=None, position_ids=None, **kwargs):  # expect: CA1
        hidden_states = self.model(input_ids, position_ids)
        hidden_states = F.dropout(hidden_states, p=0.1, training=self.training)  # expect: C5
        if self.config.use_cache:  # expect: CA2
            hidden_states = hidden_states + 0
        return RowanOutput(
            logits=self.lm_head(hidden_states),
            hidden_states=hidden_states,  # expect: A2
        )


AutoModelForCausalLMFactory.register_custom_model_cls("RowanConfig", RowanForCausalLM)


class RowanExtra(nn.Module):  # expect: A5
    pass
