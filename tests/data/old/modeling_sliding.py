"""A decoder in the style of transformers 4.45: one mask updated in place, with a window."""

import math
from typing import Optional

import torch
import torch.nn as nn
from transformers import PreTrainedModel, PretrainedConfig
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast


class SlidingConfig(PretrainedConfig):
    model_type = "sliding"

    def __init__(self, vocab_size=64, hidden_size=32, num_heads=4, num_layers=2, max_positions=64, sliding_window=3, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_heads = num_heads
        self.num_layers = num_layers
        self.sliding_window = sliding_window
        self.max_positions = max_positions
        super().__init__(**kwargs)


def create_sinusoidal_positions(num_pos: int, dim: int) -> torch.Tensor:
    inv_freq = 1.0 / (10000 ** (torch.arange(0, dim, 2) / dim))
    sinusoid_inp = torch.einsum("i , j -> i j", torch.arange(num_pos, dtype=torch.float), inv_freq).float()
    return torch.cat((torch.sin(sinusoid_inp), torch.cos(sinusoid_inp)), dim=1)


def rotate_every_two(x):
    x1 = x[:, :, :, ::2]
    x2 = x[:, :, :, 1::2]
    x = torch.stack((-x2, x1), dim=-1)
    return x.flatten(-2)


def apply_rotary_pos_emb(tensor, sin, cos):
    sin = torch.repeat_interleave(sin[:, :, None, :], 2, 3)
    cos = torch.repeat_interleave(cos[:, :, None, :], 2, 3)
    return (tensor * cos) + (rotate_every_two(tensor) * sin)


class SlidingAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads = config.num_heads
        self.head_dim = config.hidden_size // config.num_heads
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.k_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.v_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.register_buffer(
            "embed_positions", create_sinusoidal_positions(config.max_positions, self.head_dim), persistent=False
        )

    def forward(self, hidden_states, attention_mask=None, position_ids=None, output_attentions=False):
        bsz, q_len, _ = hidden_states.size()
        query = self.q_proj(hidden_states).view(bsz, q_len, self.num_heads, self.head_dim)
        key = self.k_proj(hidden_states).view(bsz, q_len, self.num_heads, self.head_dim)
        value = self.v_proj(hidden_states).view(bsz, q_len, self.num_heads, self.head_dim).permute(0, 2, 1, 3)
        embed_positions = self.embed_positions.repeat(position_ids.shape[0], 1, 1)
        repeated = position_ids.unsqueeze(-1).repeat(1, 1, embed_positions.shape[-1])
        sincos = torch.gather(embed_positions, 1, repeated)
        sin, cos = torch.split(sincos, sincos.shape[-1] // 2, dim=-1)
        key = apply_rotary_pos_emb(key, sin, cos).permute(0, 2, 1, 3)
        query = apply_rotary_pos_emb(query, sin, cos).permute(0, 2, 1, 3)
        attn_weights = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(self.head_dim)
        if attn_weights.size() != (bsz, self.num_heads, q_len, q_len):
            raise ValueError("wrong size")
        if attention_mask is not None:
            causal_mask = attention_mask[:, :, :, : key.shape[-2]]
            attn_weights = attn_weights + causal_mask
        attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)
        attn_output = torch.matmul(attn_weights, value)
        attn_output = attn_output.transpose(1, 2).contiguous().reshape(bsz, q_len, -1)
        attn_output = self.out_proj(attn_output)
        if not output_attentions:
            attn_weights = None
        return attn_output, attn_weights


ATTENTION_CLASSES = {"eager": SlidingAttention}


class SlidingLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        self.attn = ATTENTION_CLASSES[config._attn_implementation](config)

    def forward(self, hidden_states, attention_mask=None, position_ids=None, output_attentions=False):
        attn_output, weights = self.attn(self.norm(hidden_states), attention_mask, position_ids, output_attentions)
        outputs = (hidden_states + attn_output,)
        if output_attentions:
            outputs += (weights,)
        return outputs


class SlidingPreTrainedModel(PreTrainedModel):
    config_class = SlidingConfig
    base_model_prefix = "model"


class SlidingModel(SlidingPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([SlidingLayer(config) for _ in range(config.num_layers)])
        self.norm = nn.LayerNorm(config.hidden_size)
        self.post_init()

    def _update_causal_mask(self, attention_mask, input_tensor, cache_position, past_key_values):
        past_seen_tokens = past_key_values.get_seq_length() if past_key_values is not None else 0
        dtype, device = input_tensor.dtype, input_tensor.device
        min_dtype = torch.finfo(dtype).min
        sequence_length = input_tensor.shape[1]
        target_length = attention_mask.shape[-1] if isinstance(attention_mask, torch.Tensor) else past_seen_tokens + sequence_length
        if attention_mask is not None and attention_mask.dim() == 4:
            causal_mask = attention_mask
        else:
            causal_mask = torch.full((sequence_length, target_length), fill_value=min_dtype, dtype=dtype, device=device)
            diagonal_attend_mask = torch.arange(target_length, device=device) > cache_position.reshape(-1, 1)
            if self.config.sliding_window is not None:
                sliding_attend_mask = torch.arange(target_length, device=device) <= (
                    cache_position.reshape(-1, 1) - self.config.sliding_window
                )
                diagonal_attend_mask.bitwise_or_(sliding_attend_mask)
            causal_mask *= diagonal_attend_mask
            causal_mask = causal_mask[None, None, :, :].expand(input_tensor.shape[0], 1, -1, -1)
            if attention_mask is not None:
                causal_mask = causal_mask.clone()
                padding_mask = causal_mask + attention_mask[:, None, None, :]
                causal_mask = causal_mask.masked_fill(padding_mask == 0, min_dtype)
        return causal_mask

    def forward(
        self, input_ids=None, attention_mask=None, position_ids=None, inputs_embeds=None, output_attentions=None, return_dict=None
    ):
        output_attentions = output_attentions if output_attentions is not None else self.config.output_attentions
        if input_ids is not None and inputs_embeds is not None:
            raise ValueError("both")
        elif input_ids is not None:
            batch_size, seq_length = input_ids.shape
        else:
            batch_size, seq_length, _ = inputs_embeds.shape
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        if attention_mask is None:
            cache_position = torch.arange(0, 0 + inputs_embeds.shape[1], device=inputs_embeds.device)
        attention_mask = self._update_causal_mask(attention_mask, inputs_embeds, cache_position, None)
        hidden_states = inputs_embeds
        for layer in self.layers:
            layer_outputs = layer(
                hidden_states, attention_mask=attention_mask, position_ids=position_ids, output_attentions=output_attentions
            )
            hidden_states = layer_outputs[0]
        hidden_states = self.norm(hidden_states)
        if not return_dict:
            return tuple(v for v in [hidden_states] if v is not None)
        return BaseModelOutputWithPast(last_hidden_state=hidden_states)


class SlidingForCausalLM(SlidingPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = SlidingModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, inputs_embeds=None, labels=None, return_dict=None):
        return_dict = return_dict if return_dict is not None else self.config.use_return_dict
        outputs = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, inputs_embeds=inputs_embeds,
            return_dict=return_dict,
        )
        logits = self.lm_head(outputs[0]).float()
        loss = None
        if not return_dict:
            return (logits,) + outputs[1:]
        return CausalLMOutputWithPast(loss=loss, logits=logits)
