# SPDX-License-Identifier: Apache-2.0

"""A prefill-only decoder in AutoDeploy style that computes what Gemma 2 computes.

Written for the tests of the verifier: it is correct, and the tests break it in small ways.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.generation import GenerationMixin
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.modeling_utils import PreTrainedModel
from transformers.models.gemma2.configuration_gemma2 import Gemma2Config
from transformers.utils import ModelOutput

import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory

OPS = torch.ops.auto_deploy


class LeanNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x):
        return OPS.torch_rmsnorm(x, 1.0 + self.weight, self.eps)


class LeanEmbedding(nn.Embedding):
    def __init__(self, count, width, padding, scale):
        super().__init__(count, width, padding)
        self.scale = scale

    def forward(self, ids):
        return super().forward(ids) * self.scale


class LeanRotary(nn.Module):
    def __init__(self, config):
        super().__init__()
        rope = config.rope_parameters
        if rope["rope_type"] == "default":
            steps = torch.arange(0, config.head_dim, 2, dtype=torch.float) / config.head_dim
            frequencies, factor = 1.0 / rope["rope_theta"] ** steps, 1.0
        else:
            frequencies, factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](config, device=None)
        tables = [frequencies]
        self.limit = config.max_position_embeddings
        if rope["rope_type"] == "longrope":
            self.limit = rope["original_max_position_embeddings"]
            init = ROPE_INIT_FUNCTIONS["longrope"]
            tables.append(init(config, device=None, seq_len=self.limit + 1)[0])
        places = torch.arange(config.max_position_embeddings, dtype=torch.float)
        angles = torch.stack([torch.outer(places, table) for table in tables])
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("_ad_cos_cached", angles.cos() * factor, persistent=False)
        self.register_buffer("_ad_sin_cached", angles.sin() * factor, persistent=False)

    def forward(self, x, position_ids):
        cos = self._ad_cos_cached[:, position_ids]
        sin = self._ad_sin_cached[:, position_ids]
        if cos.shape[0] > 1:
            far = position_ids.max() >= self.limit
            cos, sin = torch.where(far, cos[1], cos[0]), torch.where(far, sin[1], sin[0])
        else:
            cos, sin = cos[0], sin[0]
        return cos.to(x.dtype), sin.to(x.dtype)


class LeanAttention(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.dim = config.head_dim
        self.heads = config.num_attention_heads
        self.kv_heads = config.num_key_value_heads
        self.scale = config.query_pre_attn_scalar**-0.5
        self.cap = config.attn_logit_softcapping
        sliding = config.layer_types[layer_idx] == "sliding_attention"
        self.window = config.sliding_window if sliding else None
        width, bias = config.hidden_size, config.attention_bias
        self.q_proj = nn.Linear(width, self.heads * self.dim, bias=bias)
        self.k_proj = nn.Linear(width, self.kv_heads * self.dim, bias=bias)
        self.v_proj = nn.Linear(width, self.kv_heads * self.dim, bias=bias)
        self.o_proj = nn.Linear(self.heads * self.dim, width, bias=bias)

    def forward(self, x, tables):
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.dim)
        k = self.k_proj(x).view(batch, length, self.kv_heads, self.dim)
        v = self.v_proj(x).view(batch, length, self.kv_heads, self.dim)
        q, k = OPS.torch_rope_with_explicit_cos_sin(q, k, tables[0], tables[1], 2)
        y = OPS.torch_attention(
            q,
            k,
            v,
            is_causal=True,
            scale=self.scale,
            sliding_window=self.window,
            logit_cap=self.cap,
            layout="bsnd",
        )
        return self.o_proj(y.reshape(batch, length, self.heads * self.dim))


class LeanMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.act_fn = ACT2FN[config.hidden_activation]

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class LeanLayer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        width, eps = config.hidden_size, config.rms_norm_eps
        self.self_attn = LeanAttention(config, layer_idx)
        self.mlp = LeanMLP(config)
        self.input_layernorm = LeanNorm(width, eps)
        self.post_attention_layernorm = LeanNorm(width, eps)
        self.pre_feedforward_layernorm = LeanNorm(width, eps)
        self.post_feedforward_layernorm = LeanNorm(width, eps)

    def forward(self, x, tables):
        x = x + self.post_attention_layernorm(self.self_attn(self.input_layernorm(x), tables))
        return x + self.post_feedforward_layernorm(self.mlp(self.pre_feedforward_layernorm(x)))


@dataclass
class LeanModelOutput(ModelOutput):
    last_hidden_state: torch.FloatTensor | None = None


@dataclass
class LeanCausalLMOutput(ModelOutput):
    logits: torch.FloatTensor | None = None


class LeanPreTrainedModel(PreTrainedModel):
    config_class = Gemma2Config
    base_model_prefix = "model"
    supports_gradient_checkpointing = False


class LeanModel(LeanPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = LeanEmbedding(
            config.vocab_size, config.hidden_size, config.pad_token_id, config.hidden_size**0.5
        )
        self.layers = nn.ModuleList(
            [LeanLayer(config, index) for index in range(config.num_hidden_layers)]
        )
        self.norm = LeanNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = LeanRotary(config)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, **kwargs):
        assert position_ids is not None, "position_ids must be provided for AD export"
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        x = inputs_embeds
        tables = self.rotary_emb(x, position_ids)
        for layer in self.layers:
            x = layer(x, tables)
        return LeanModelOutput(last_hidden_state=self.norm(x))


class LeanForCausalLM(LeanPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.model = LeanModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.final_cap = config.final_logit_softcapping
        self.post_init()

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def get_output_embeddings(self):
        return self.lm_head

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, **kwargs):
        assert position_ids is not None, "position_ids must be provided for AD export"
        outputs = self.model(input_ids, position_ids, inputs_embeds)
        logits = self.lm_head(outputs.last_hidden_state).float()
        if self.final_cap is not None:
            logits = torch.tanh(logits / self.final_cap) * self.final_cap
        return LeanCausalLMOutput(logits=logits)


AutoModelForCausalLMFactory.register_custom_model_cls("Gemma2Config", LeanForCausalLM)
