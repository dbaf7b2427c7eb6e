"""Tests of Rowan that prove little: `expect:` names what a review finds."""  # expect: G2 G3

import sys

import torch
from torch import nn
from torch.export import Dim
from transformers import AutoConfig, RowanConfig
from transformers.models.rowan.modeling_rowan import RowanAttention as HFRowanAttention

from tensorrt_llm._torch.auto_deploy.export import torch_export_to_gm
from tensorrt_llm._torch.auto_deploy.models.custom.modeling_rowan import RowanAttention, RowanForCausalLM

sys.path.insert(0, "/home/me/rowan")  # expect: F4


def _config():
    return RowanConfig(vocab_size=50304, hidden_size=64, num_hidden_layers=2)  # expect: F1


def test_runs():  # expect: F2
    output = RowanForCausalLM(_config())(torch.zeros(1, 4).long(), torch.arange(4)[None])
    assert output.logits is not None


def test_published_config():
    assert AutoConfig.from_pretrained("rowan/rowan-7b").hidden_size == 4096  # expect: F1


def test_attention():  # expect: H2
    attention, reference = RowanAttention(_config()), HFRowanAttention(_config(), layer_idx=0)
    x = torch.randn(1, 4, 64)
    expected, _ = reference(x, attention_mask=None)  # expect: G5
    torch.testing.assert_close(attention(x), expected, atol=10.0, rtol=1.0)  # expect: F5 F5


def test_attention_in_a_layer_of_names_only():  # expect: F3
    assert not torch.isnan(RowanAttention(_config())(torch.randn(1, 4, 64))).any()


def test_export():
    model = RowanForCausalLM(_config())
    inputs = {"input_ids": torch.zeros(2, 6).long(), "position_ids": torch.zeros(2, 6).long()}
    gm = torch_export_to_gm(model, kwargs=inputs, dynamic_shapes=({0: Dim.DYNAMIC}, {0: Dim.DYNAMIC}))  # expect: G4 G6
    torch.testing.assert_close(gm(**inputs)["logits"], model(**inputs).logits)


class Reference(nn.Module):
    """Another RowanAttention; Hugging Face's is compared with, too, so this may stay."""

    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(64, 64)
