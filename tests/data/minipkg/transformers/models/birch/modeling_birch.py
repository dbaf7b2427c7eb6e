from torch import nn

from ...generation import GenerationMixin
from ...modeling_utils import PreTrainedModel
from .configuration_birch import BirchConfig, BirchTextConfig


class BirchPreTrainedModel(PreTrainedModel):
    config_class = BirchConfig


class BirchForCausalLM(BirchPreTrainedModel, GenerationMixin):
    def __init__(self, config: BirchTextConfig):
        super().__init__(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, inputs_embeds=None, **kwargs):
        return self.lm_head(inputs_embeds)


class BirchForConditionalGeneration(BirchPreTrainedModel, GenerationMixin):
    def __init__(self, config: BirchConfig):
        super().__init__(config)
        self.language_model = BirchForCausalLM(config.text_config)

    def forward(self, inputs_embeds=None, **kwargs):
        return self.language_model(inputs_embeds)
