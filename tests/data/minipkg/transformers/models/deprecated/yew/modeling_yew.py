from ....modeling_utils import PreTrainedModel


class YewForCausalLMWithMore:
    pass


class YewForCausalLM(PreTrainedModel):
    def forward(self, input_ids=None):
        return input_ids
