# Copyright 2026 The Acorn authors. All rights reserved.
import torch
from torch import nn

from ...cache_utils import Cache
from ...generation import GenerationMixin
from ...modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from ...modeling_utils import PreTrainedModel
from .configuration_acorn import AcornConfig


class AcornRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states):
        input_dtype = hidden_states.dtype
        hidden_states = hidden_states.to(torch.float32)
        variance = hidden_states.pow(2).mean(-1, keepdim=True)
        hidden_states = hidden_states * torch.rsqrt(variance + self.variance_epsilon)
        return self.weight * hidden_states.to(input_dtype)


class AcornLayer(nn.Module):
    def __init__(self, config: AcornConfig, layer_idx: int):
        super().__init__()
        self.layer_idx = layer_idx
        self.norm = AcornRMSNorm(config.hidden_size)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, hidden_states, past_key_values: Cache | None = None):
        if past_key_values is not None:
            hidden_states = past_key_values.update(hidden_states, self.layer_idx)
        return hidden_states + self.down_proj(torch.relu(self.up_proj(self.norm(hidden_states))))


class AcornPreTrainedModel(PreTrainedModel):
    config: AcornConfig
    base_model_prefix = "model"
    _no_split_modules = ["AcornLayer"]


class AcornModel(AcornPreTrainedModel):
    def __init__(self, config: AcornConfig):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([AcornLayer(config, i) for i in range(config.num_hidden_layers)])
        self.norm = AcornRMSNorm(config.hidden_size)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, past_key_values=None, inputs_embeds=None, **kwargs):
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds
        for layer in self.layers:
            hidden_states = layer(hidden_states, past_key_values=past_key_values)
        hidden_states = self.norm(hidden_states)
        return BaseModelOutputWithPast(last_hidden_state=hidden_states, past_key_values=past_key_values)


class AcornForCausalLM(AcornPreTrainedModel, GenerationMixin):
    def __init__(self, config):
        super().__init__(config)
        self.model = AcornModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, past_key_values=None, inputs_embeds=None, labels=None, **kwargs):
        outputs = self.model(
            input_ids=input_ids,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        logits = self.lm_head(outputs.last_hidden_state)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=outputs.past_key_values)
