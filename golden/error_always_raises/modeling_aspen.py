"""A head that wants what no language model is given: the hidden states of another model."""

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast


class AspenForCausalLM(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def forward(self, input_ids: torch.LongTensor, position_ids=None, draft_states=None, **kwargs):
        if draft_states is None:
            raise ValueError("draft_states are needed")
        return CausalLMOutputWithPast(logits=self.lm_head(draft_states))
