import torch
from torch import nn


class AlderModel(nn.Module):
    def forward(self, x):
        print "shape", x.shape
        return x
