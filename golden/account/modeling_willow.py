# Copyright 2026 The Willow authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""A little of everything that can become of a statement."""

import torch
from torch import nn

from ...cache_utils import DynamicCache
from ...masking_utils import create_causal_mask
from ...modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from ...modeling_utils import PreTrainedModel
from ...utils import logging
from .configuration_willow import WillowConfig

logger = logging.get_logger(__name__)


class WillowNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def _norm(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)

    def forward(self, x):
        return self.weight * self._norm(x.float()).type_as(x)


class WillowOddNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        scale = torch.rsqrt(x.float().pow(4).mean(-1, keepdim=True) + self.eps)
        return self.weight * (x.float() * scale).type_as(x)


class WillowAdapter(nn.Module):
    def forward(self, x):
        return x


class WillowLayer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.layer_idx = layer_idx
        self.num_heads = config.num_attention_heads
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.norm = WillowNorm(config.hidden_size, config.norm_eps)
        self.out_norm = WillowOddNorm(config.hidden_size, config.norm_eps)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.resid_dropout)

    def forward(self, hidden_states, mask=None, past_key_values=None, output_attentions=False):
        assert hidden_states.dim() == 3
        shape = (*hidden_states.shape[:-1], -1, self.head_dim)
        query, key, value = self.qkv(self.norm(hidden_states)).chunk(3, dim=-1)
        query, key, value = query.view(shape), key.view(shape), value.view(shape)
        query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        weights = query @ key.transpose(-1, -2) * self.head_dim**-0.5
        if mask is not None:
            weights = weights + mask
        weights = weights.softmax(-1)
        if self.training and output_attentions:
            logger.warning_once("weights are those before dropout")
        output = (weights @ value).transpose(1, 2).flatten(2)
        output = self.out_norm(self.out(output))
        hidden_states = hidden_states + self.dropout(output)
        return hidden_states, weights if output_attentions else None


class WillowPreTrainedModel(PreTrainedModel):
    config: WillowConfig
    base_model_prefix = "model"
    _supports_sdpa = False


class WillowModel(WillowPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.embed_positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.layers = nn.ModuleList([WillowLayer(config, i) for i in range(config.num_hidden_layers)])
        self.gradient_checkpointing = False
        self.post_init()

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        use_cache=None,
    ):
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        use_cache = use_cache if use_cache is not None else self.config.use_cache
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        causal_mask = create_causal_mask(
            config=self.config,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            position_ids=position_ids,
        )
        hidden_states = inputs_embeds + self.embed_positions(position_ids)
        for layer in self.layers:
            if self.gradient_checkpointing and self.training:
                hidden_states, _ = self._gradient_checkpointing_func(layer.__call__, hidden_states, causal_mask)
            else:
                hidden_states, _ = layer(hidden_states, causal_mask, past_key_values)
        return BaseModelOutputWithPast(last_hidden_state=hidden_states, past_key_values=past_key_values)


class WillowForCausalLM(WillowPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = WillowModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def prepare(self, input_ids):
        return {"input_ids": input_ids}

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        use_cache=None,
    ):
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
        )
        logits = self.lm_head(outputs.last_hidden_state)
        loss = None
        if labels is not None:
            loss = nn.functional.cross_entropy(logits.view(-1, self.vocab_size), labels.view(-1))
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=outputs.past_key_values)
