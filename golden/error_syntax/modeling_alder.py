import torch
from torch import nn


class AlderMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False

    def forward(self, x):
        return self.up_proj(x)
