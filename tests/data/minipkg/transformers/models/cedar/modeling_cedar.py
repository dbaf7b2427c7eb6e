from ...generation import GenerationMixin
from ...modeling_utils import PreTrainedModel


class CedarPreTrainedModel(PreTrainedModel):
    config_class = "CedarConfig"


class CedarForCausalLM(CedarPreTrainedModel, GenerationMixin):
    def forward(self, input_ids=None):
        return input_ids


class CedarLMHeadModel(CedarPreTrainedModel, GenerationMixin):
    def forward(self, input_ids=None):
        return input_ids
