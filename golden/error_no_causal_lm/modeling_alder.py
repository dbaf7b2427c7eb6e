from torch import nn

from transformers.modeling_utils import PreTrainedModel


class AlderEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states):
        return self.dense(hidden_states)


class AlderModel(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.encoder = AlderEncoder(config)

    def forward(self, hidden_states):
        return self.encoder(hidden_states)
