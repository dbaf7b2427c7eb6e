# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Hornbeam authors.
# SPDX-License-Identifier: Apache-2.0

"""Equivalence tests of the AutoDeploy Hornbeam against Hugging Face, from the bottom up:
blocks, decoder layers, the full model, and the exported model, also at a second shape.

The reference is HornbeamForCausalLM of modeling_hornbeam.py, copied below,
in eager mode with the same weights and tokens. Its attention mask is all ones: from that it makes
the causal and windowed masks of its layers, while without one its attention is not causal. A block
is given what the reference's block was given. Every weight is random, so that no norm, bias or
buffer can be left out unnoticed.
"""

import copy
import inspect
from collections.abc import Callable

import pytest
import torch
from _model_test_utils import assert_rmse_close
from huggingface_hub.dataclasses import strict
from torch import nn
from torch.export import Dim
from transformers.activations import ACT2FN
from transformers.cache_utils import Cache, DynamicCache
from transformers.configuration_utils import PreTrainedConfig
from transformers.generation import GenerationMixin
from transformers.integrations import use_kernel_forward_from_hub
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_rope_utils import (
    ROPE_INIT_FUNCTIONS,
    RopeParameters,
    dynamic_rope_update,
)
from transformers.modeling_utils import (
    ALL_ATTENTION_FUNCTIONS,
    PreTrainedModel,
    slice_logits_to_keep,
)
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, can_return_tuple
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from tensorrt_llm._torch.auto_deploy.export import torch_export_to_gm
from tensorrt_llm._torch.auto_deploy.models.custom import modeling_hornbeam as custom
from tensorrt_llm._torch.auto_deploy.utils._graph import move_to_device

_BATCH_AND_SEQUENCE_TEST_CASES = ((2, 6), (1, 8))

_shapes = pytest.mark.parametrize("B,S", _BATCH_AND_SEQUENCE_TEST_CASES)
_dtypes = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"]
)


@pytest.fixture(autouse=True)
def set_seed():
    torch.manual_seed(42)


# ---------------------------------------------------------------------------
# Reference: from modeling_hornbeam.py and configuration_hornbeam.py, unchanged but for docstrings
# ---------------------------------------------------------------------------


@strict
class HornbeamConfig(PreTrainedConfig):
    model_type = "hornbeam"
    keys_to_ignore_at_inference = ["past_key_values"]

    vocab_size: int = 32000
    hidden_size: int = 1024
    moe_intermediate_size: int = 704
    num_experts: int = 16
    num_experts_per_tok: int = 2
    norm_topk_prob: bool = True
    num_hidden_layers: int = 16
    num_attention_heads: int = 16
    num_key_value_heads: int = 4
    head_dim: int = 64
    hidden_act: str = "silu"
    max_position_embeddings: int = 8192
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    use_cache: bool = True
    tie_word_embeddings: bool = False
    rope_parameters: RopeParameters | dict | None = None
    attention_dropout: float | int = 0.0
    pad_token_id: int | None = None
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2


@use_kernel_forward_from_hub("RMSNorm")
class HornbeamRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        input_dtype = hidden_states.dtype
        hidden_states = hidden_states.to(torch.float32)
        variance = hidden_states.pow(2).mean(-1, keepdim=True)
        hidden_states = hidden_states * torch.rsqrt(variance + self.variance_epsilon)
        return self.weight * hidden_states.to(input_dtype)

    def extra_repr(self):
        return f"{tuple(self.weight.shape)}, eps={self.variance_epsilon}"


class HornbeamExperts(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_experts = config.num_experts
        self.hidden_dim = config.hidden_size
        self.intermediate_dim = config.moe_intermediate_size
        self.gate_up_proj = nn.Parameter(
            torch.empty(self.num_experts, 2 * self.intermediate_dim, self.hidden_dim)
        )
        self.down_proj = nn.Parameter(
            torch.empty(self.num_experts, self.hidden_dim, self.intermediate_dim)
        )
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(
        self, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor
    ):
        final_hidden_states = torch.zeros_like(hidden_states)
        with torch.no_grad():
            expert_mask = nn.functional.one_hot(top_k_index, num_classes=self.num_experts)
            expert_mask = expert_mask.permute(2, 1, 0)
            expert_hit = torch.greater(expert_mask.sum(dim=(-1, -2)), 0).nonzero()

        for expert_idx in expert_hit:
            expert_idx = expert_idx[0]
            top_k_pos, token_idx = torch.where(expert_mask[expert_idx])
            current_state = hidden_states[token_idx]
            gate, up = nn.functional.linear(current_state, self.gate_up_proj[expert_idx]).chunk(
                2, dim=-1
            )
            current_hidden_states = self.act_fn(gate) * up
            current_hidden_states = nn.functional.linear(
                current_hidden_states, self.down_proj[expert_idx]
            )
            current_hidden_states = (
                current_hidden_states * top_k_weights[token_idx, top_k_pos, None]
            )
            final_hidden_states.index_add_(
                0, token_idx, current_hidden_states.to(final_hidden_states.dtype)
            )

        return final_hidden_states


class HornbeamRouter(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.norm_topk_prob = config.norm_topk_prob
        self.weight = nn.Parameter(torch.zeros(config.num_experts, config.hidden_size))

    def forward(self, hidden_states):
        router_logits = nn.functional.linear(hidden_states, self.weight)
        router_probs = nn.functional.softmax(router_logits, dim=-1, dtype=torch.float)
        top_k_weights, top_k_index = torch.topk(router_probs, self.top_k, dim=-1)
        if self.norm_topk_prob:
            top_k_weights = top_k_weights / top_k_weights.sum(dim=-1, keepdim=True)
        return router_logits, top_k_weights.to(hidden_states.dtype), top_k_index


class HornbeamSparseMoeBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate = HornbeamRouter(config)
        self.experts = HornbeamExperts(config)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        batch_size, sequence_length, hidden_dim = hidden_states.shape
        hidden_states = hidden_states.view(-1, hidden_dim)
        _, top_k_weights, top_k_index = self.gate(hidden_states)
        hidden_states = self.experts(hidden_states, top_k_index, top_k_weights)
        return hidden_states.reshape(batch_size, sequence_length, hidden_dim)


class HornbeamRotaryEmbedding(nn.Module):
    def __init__(self, config: HornbeamConfig):
        super().__init__()
        self.max_seq_len_cached = config.max_position_embeddings
        self.original_max_seq_len = config.max_position_embeddings
        self.config = config

        self.rope_type = self.config.rope_parameters["rope_type"]
        rope_init_fn: Callable = self.compute_default_rope_parameters
        if self.rope_type != "default":
            rope_init_fn = ROPE_INIT_FUNCTIONS[self.rope_type]
        inv_freq, self.attention_scaling = rope_init_fn(self.config)

        self.inv_freq = nn.Buffer(inv_freq, persistent=False)
        self.original_inv_freq = nn.Buffer(inv_freq.clone(), persistent=False)

    @staticmethod
    def compute_default_rope_parameters(
        config: HornbeamConfig, **kwargs
    ) -> tuple[torch.Tensor, float]:
        base = config.rope_parameters["rope_theta"]
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        attention_factor = 1.0  # Unused in this type of RoPE
        # Compute the inverse frequencies
        inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float) / dim))
        return inv_freq, attention_factor

    @torch.no_grad()
    @dynamic_rope_update
    def forward(self, x, position_ids):
        freqs = position_ids[..., None].float() * self.inv_freq.to(
            device=x.device, dtype=torch.float
        )
        emb = torch.cat((freqs, freqs), dim=-1)
        cos = emb.cos() * self.attention_scaling
        sin = emb.sin() * self.attention_scaling

        return cos.to(dtype=x.dtype), sin.to(dtype=x.dtype)


def rotate_half(x):
    x1 = x[..., : x.shape[-1] // 2]
    x2 = x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


def apply_rotary_pos_emb(q, k, cos, sin, unsqueeze_dim=1):
    cos = cos.unsqueeze(unsqueeze_dim)
    sin = sin.unsqueeze(unsqueeze_dim)
    q_embed = (q * cos) + (rotate_half(q) * sin)
    k_embed = (k * cos) + (rotate_half(k) * sin)
    return q_embed, k_embed


def repeat_kv(hidden_states: torch.Tensor, n_rep: int) -> torch.Tensor:
    batch, num_key_value_heads, slen, head_dim = hidden_states.shape
    if n_rep == 1:
        return hidden_states
    hidden_states = hidden_states[:, :, None, :, :].expand(
        batch, num_key_value_heads, n_rep, slen, head_dim
    )
    return hidden_states.reshape(batch, num_key_value_heads * n_rep, slen, head_dim)


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs: Unpack[TransformersKwargs],
):
    key_states = repeat_kv(key, module.num_key_value_groups)
    value_states = repeat_kv(value, module.num_key_value_groups)

    attn_weights = torch.matmul(query, key_states.transpose(2, 3)) * scaling
    if attention_mask is not None:
        attn_weights = attn_weights + attention_mask

    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)
    attn_weights = nn.functional.dropout(attn_weights, p=dropout, training=module.training)
    attn_output = torch.matmul(attn_weights, value_states)
    attn_output = attn_output.transpose(1, 2).contiguous()

    return attn_output, attn_weights


class HornbeamAttention(nn.Module):
    def __init__(self, config: HornbeamConfig, layer_idx: int):
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.head_dim = getattr(
            config, "head_dim", config.hidden_size // config.num_attention_heads
        )
        self.num_key_value_groups = config.num_attention_heads // config.num_key_value_heads
        self.scaling = self.head_dim**-0.5
        self.attention_dropout = config.attention_dropout
        self.is_causal = True

        self.q_proj = nn.Linear(
            config.hidden_size, config.num_attention_heads * self.head_dim, bias=False
        )
        self.k_proj = nn.Linear(
            config.hidden_size, config.num_key_value_heads * self.head_dim, bias=False
        )
        self.v_proj = nn.Linear(
            config.hidden_size, config.num_key_value_heads * self.head_dim, bias=False
        )
        self.o_proj = nn.Linear(
            config.num_attention_heads * self.head_dim, config.hidden_size, bias=False
        )

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        attention_mask: torch.Tensor | None,
        past_key_values: Cache | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        input_shape = hidden_states.shape[:-1]
        hidden_shape = (*input_shape, -1, self.head_dim)

        query_states = self.q_proj(hidden_states).view(hidden_shape).transpose(1, 2)
        key_states = self.k_proj(hidden_states).view(hidden_shape).transpose(1, 2)
        value_states = self.v_proj(hidden_states).view(hidden_shape).transpose(1, 2)

        cos, sin = position_embeddings
        query_states, key_states = apply_rotary_pos_emb(query_states, key_states, cos, sin)

        if past_key_values is not None:
            key_states, value_states = past_key_values.update(
                key_states, value_states, self.layer_idx
            )

        attention_interface: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )

        attn_output, attn_weights = attention_interface(
            self,
            query_states,
            key_states,
            value_states,
            attention_mask,
            dropout=0.0 if not self.training else self.attention_dropout,
            scaling=self.scaling,
            **kwargs,
        )

        attn_output = attn_output.reshape(*input_shape, -1).contiguous()
        attn_output = self.o_proj(attn_output)
        return attn_output, attn_weights


class HornbeamDecoderLayer(GradientCheckpointingLayer):
    def __init__(self, config: HornbeamConfig, layer_idx: int):
        super().__init__()
        self.hidden_size = config.hidden_size
        self.self_attn = HornbeamAttention(config=config, layer_idx=layer_idx)
        self.mlp = HornbeamSparseMoeBlock(config)
        self.input_layernorm = HornbeamRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = HornbeamRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = False,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> torch.Tensor:
        residual = hidden_states
        hidden_states = self.input_layernorm(hidden_states)
        hidden_states, _ = self.self_attn(
            hidden_states=hidden_states,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            position_embeddings=position_embeddings,
            **kwargs,
        )
        hidden_states = residual + hidden_states

        residual = hidden_states
        hidden_states = self.post_attention_layernorm(hidden_states)
        hidden_states = self.mlp(hidden_states)
        hidden_states = residual + hidden_states
        return hidden_states


class HornbeamPreTrainedModel(PreTrainedModel):
    config: HornbeamConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["HornbeamDecoderLayer"]
    _skip_keys_device_placement = ["past_key_values"]
    _supports_flash_attn = True
    _supports_sdpa = True
    _can_record_outputs = {"hidden_states": HornbeamDecoderLayer, "attentions": HornbeamAttention}


class HornbeamModel(HornbeamPreTrainedModel):
    def __init__(self, config: HornbeamConfig):
        super().__init__(config)
        self.padding_idx = config.pad_token_id
        self.vocab_size = config.vocab_size
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, self.padding_idx)
        self.layers = nn.ModuleList(
            [
                HornbeamDecoderLayer(config, layer_idx)
                for layer_idx in range(config.num_hidden_layers)
            ]
        )
        self.norm = HornbeamRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.rotary_emb = HornbeamRotaryEmbedding(config=config)
        self.gradient_checkpointing = False
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> BaseModelOutputWithPast:
        if (input_ids is None) ^ (inputs_embeds is not None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")

        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)

        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)

        if position_ids is None:
            past_seen_tokens = (
                past_key_values.get_seq_length() if past_key_values is not None else 0
            )
            position_ids = (
                torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device) + past_seen_tokens
            )
            position_ids = position_ids.unsqueeze(0)

        causal_mask = create_causal_mask(
            config=self.config,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            position_ids=position_ids,
        )

        hidden_states = inputs_embeds
        position_embeddings = self.rotary_emb(hidden_states, position_ids=position_ids)

        for decoder_layer in self.layers[: self.config.num_hidden_layers]:
            hidden_states = decoder_layer(
                hidden_states,
                attention_mask=causal_mask,
                position_ids=position_ids,
                past_key_values=past_key_values,
                use_cache=use_cache,
                position_embeddings=position_embeddings,
                **kwargs,
            )

        hidden_states = self.norm(hidden_states)
        return BaseModelOutputWithPast(
            last_hidden_state=hidden_states,
            past_key_values=past_key_values,
        )


class HornbeamForCausalLM(HornbeamPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
    _tp_plan = {"lm_head": "colwise_gather_output"}

    def __init__(self, config):
        super().__init__(config)
        self.model = HornbeamModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs: Unpack[TransformersKwargs],
    ) -> CausalLMOutputWithPast:
        outputs: BaseModelOutputWithPast = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            **kwargs,
        )

        hidden_states = outputs.last_hidden_state
        hidden_states = slice_logits_to_keep(hidden_states, logits_to_keep)
        logits = self.lm_head(hidden_states)

        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs
            )

        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )


# ---------------------------------------------------------------------------
# Configuration, reference, weights
# ---------------------------------------------------------------------------


def _create_small_config(**changes):
    fields = {
        "vocab_size": 1000,
        "hidden_size": 64,
        "moe_intermediate_size": 32,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return HornbeamConfig(**{**fields, **changes})


@torch.no_grad()
def _randomize(model):
    """Give every weight and saved buffer a value that matters."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.dim() < 2:
            tensor += 0.25 * torch.randn_like(tensor)
        else:
            tensor.normal_(std=0.5 if "emb" in name else 0.5 * tensor.shape[-1] ** -0.5)


def _build_hf_model(config, dtype):
    """The reference with random weights, in eager mode; its rotary frequencies stay float32."""
    config._experts_implementation = "eager"
    model = HornbeamForCausalLM._from_config(config, attn_implementation="eager", dtype=dtype)
    _randomize(model)
    return model.eval()


def _build_models(dtype, **changes):
    """The reference, and the model under test with its weights."""
    hf_model = _build_hf_model(_create_small_config(**changes), dtype)
    model = custom.HornbeamForCausalLM(_create_small_config(**changes)).to(dtype).eval()
    model.load_state_dict(hf_model.state_dict())
    return hf_model, model


def _create_inputs(B, S):
    input_ids = torch.randint(3, 1000, (B, S))
    position_ids = torch.arange(S).unsqueeze(0).expand(B, -1)
    return {"input_ids": input_ids, "position_ids": position_ids}


def _hf_inputs(inputs):
    """The inputs as the reference takes them, with the mask that makes it causal."""
    attention_mask = torch.ones_like(inputs["input_ids"])
    return {**inputs, "attention_mask": attention_mask, "use_cache": False}


def _assert_close(actual, expected, dtype, tolerance, message=""):
    """float32 is held to rounding; bfloat16 to what is usual for the kind of block."""
    if dtype == torch.float32:
        tolerance = 1e-5
    assert_rmse_close(actual, expected, tolerance, message)


def _record_calls(model, inputs):
    """Run the model; the first call of every module, by path: arguments and what it returned."""
    calls = {}

    def enter(path, args, kwargs):
        calls.setdefault(path, [copy.deepcopy(args), copy.deepcopy(kwargs), None])

    def leave(path, output):
        if calls[path][2] is None:
            calls[path][2] = copy.deepcopy(output)

    handles = []
    for path, module in model.named_modules():
        handles += [
            module.register_forward_pre_hook(
                lambda _, args, kwargs, path=path: enter(path, args, kwargs), with_kwargs=True
            ),
            module.register_forward_hook(lambda _, args, output, path=path: leave(path, output)),
        ]
    model(**inputs)
    for handle in handles:
        handle.remove()
    return calls


def _tensors(value):
    """The tensors in what a module was given or returned, in order."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value] if isinstance(value, torch.Tensor) else []


def _arguments(module, args, kwargs):
    """The arguments of a call by the names of the module's parameters."""
    bound = inspect.signature(module.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _replace_inputs(module, call, hf_module, hf_call):
    """The arguments of a call, with the reference's tensors where it has one of that name."""
    arguments = _arguments(module, *call[:2])
    for name, value in _arguments(hf_module, *hf_call[:2]).items():
        old = arguments.get(name)
        if isinstance(value, torch.Tensor) and isinstance(old, torch.Tensor):
            arguments[name] = value
    return arguments


def _check_blocks(block_class, B, S, dtype, tolerance):
    """All blocks of a class compute what the reference's blocks of the same paths do."""
    hf_model, model = _build_models(dtype)
    inputs = _create_inputs(B, S)
    hf_calls = _record_calls(hf_model, _hf_inputs(inputs))
    calls = _record_calls(model, inputs)
    paths = [path for path, m in model.named_modules() if type(m) is block_class and path in calls]
    # The reference runs no expert that no token chose, and may have tables in other places.
    paths = [path for path in paths if path in hf_calls]
    if not paths:
        pytest.skip(f"no {block_class.__name__} is where the reference has one")
    for path in paths:
        block, hf_block = model.get_submodule(path), hf_model.get_submodule(path)
        hf_call = hf_calls[path]
        output = block(**_replace_inputs(block, calls[path], hf_block, hf_call))
        # The reference may return more, such as attention weights: those of our shapes count.
        expected = iter(_tensors(hf_call[2]))
        assert _tensors(output)
        for actual in _tensors(output):
            shape = actual.squeeze(0).shape  # tables of positions may come as a batch of one
            wanted = next((t for t in expected if t.squeeze(0).shape == shape), None)
            assert wanted is not None, f"{path}: the reference returns nothing of this shape"
            _assert_close(actual, wanted, dtype, tolerance, f"{path}: ")


# ---------------------------------------------------------------------------
# Level 1: blocks
# ---------------------------------------------------------------------------


@_shapes
@_dtypes
@torch.no_grad()
def test_attention(B, S, dtype):
    _check_blocks(custom.HornbeamAttention, B, S, dtype, 0.10)


@_shapes
@_dtypes
@torch.no_grad()
def test_sparse_moe_block(B, S, dtype):
    _check_blocks(custom.HornbeamSparseMoeBlock, B, S, dtype, 0.02)


@_shapes
@_dtypes
@torch.no_grad()
def test_router(B, S, dtype):
    _check_blocks(custom.HornbeamRouter, B, S, dtype, 0.02)


@_shapes
@_dtypes
@torch.no_grad()
def test_experts(B, S, dtype):
    _check_blocks(custom.HornbeamExperts, B, S, dtype, 0.02)


@_shapes
@_dtypes
@torch.no_grad()
def test_rms_norm(B, S, dtype):
    _check_blocks(custom.HornbeamRMSNorm, B, S, dtype, 0.01)


@_shapes
@_dtypes
@torch.no_grad()
def test_rotary_embedding(B, S, dtype):
    _check_blocks(custom.HornbeamRotaryEmbedding, B, S, dtype, 0.01)


# ---------------------------------------------------------------------------
# Level 2: decoder layers
# ---------------------------------------------------------------------------


@_shapes
@_dtypes
@torch.no_grad()
def test_decoder_layer(B, S, dtype):
    _check_blocks(custom.HornbeamDecoderLayer, B, S, dtype, 0.05)


# ---------------------------------------------------------------------------
# Level 3: full model
# ---------------------------------------------------------------------------


@_shapes
@_dtypes
@torch.no_grad()
def test_full_model(B, S, dtype):
    hf_model, model = _build_models(dtype)
    inputs = _create_inputs(B, S)
    expected = hf_model(**_hf_inputs(inputs)).logits
    actual = model(**inputs).logits
    assert actual.shape == (B, S, 1000)
    assert actual.dtype == torch.float32
    _assert_close(actual, expected, dtype, 0.05, "logits: ")


@pytest.mark.parametrize("field", ["norm_topk_prob"])
@torch.no_grad()
def test_other_setting(field):
    """A flag of the configuration has the other value."""
    changes = {field: not getattr(_create_small_config(), field)}
    try:
        _create_small_config(**changes)
    except Exception as refusal:
        pytest.skip(f"the configuration refuses it: {refusal}")
    try:
        hf_model, model = _build_models(torch.float32, **changes)
    except NotImplementedError as refusal:
        pytest.skip(f"the model refuses it: {refusal}")
    inputs = _create_inputs(1, 8)
    expected = hf_model(**_hf_inputs(inputs)).logits
    _assert_close(model(**inputs).logits, expected, torch.float32, 0.05, "logits: ")


@_shapes
@torch.no_grad()
def test_tied_head(B, S):
    """With tied embeddings, of which the checkpoint has one, the head is the embedding."""
    hf_model, model = _build_models(torch.float32, tie_word_embeddings=True)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    inputs = _create_inputs(B, S)
    expected = hf_model(**_hf_inputs(inputs)).logits
    _assert_close(model(**inputs).logits, expected, torch.float32, 0.05, "logits: ")


# ---------------------------------------------------------------------------
# Level 4: export
# ---------------------------------------------------------------------------


@torch.no_grad()
def test_export():
    hf_model, model = _build_models(torch.float32)
    inputs = _create_inputs(2, 6)
    dynamic = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    gm = torch_export_to_gm(model, args=(), kwargs=inputs, dynamic_shapes=(dynamic, dynamic))
    move_to_device(gm, "cpu")
    for B, S in ((2, 6), (1, 4), (3, 11)):
        inputs = _create_inputs(B, S)
        expected = hf_model(**_hf_inputs(inputs)).logits
        actual = gm(**inputs)["logits"]
        assert actual.shape == (B, S, 1000)
        _assert_close(actual, expected, torch.float32, 0.05, f"exported, {B} x {S}: ")
