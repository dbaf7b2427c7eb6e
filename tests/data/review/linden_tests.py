"""Tests of Linden, written by hand, in which there is nothing to find."""

import pytest
import torch
from _helpers import compare_models
from torch import nn
from torch.export import Dim
from transformers.models.linden.configuration_linden import LindenConfig

from tensorrt_llm._torch.auto_deploy.export import torch_export_to_gm
from tensorrt_llm._torch.auto_deploy.models.custom.modeling_linden import (
    LindenAttention,
    LindenDecoderLayer,
    LindenForCausalLM,
    LindenL2Norm,
    LindenMLP,
    LindenRotaryEmbedding,
)
from tensorrt_llm._torch.auto_deploy.utils._graph import move_to_device

_SHAPES = ((2, 6), (1, 8))


def _small_config(**changes):
    sizes = {"vocab_size": 1000, "hidden_size": 64, "num_hidden_layers": 3, "max_position_embeddings": 4096}
    return LindenConfig(**{**sizes, **changes})


def assert_rmse_close(actual, expected, rmse_ratio_tol):
    ratio = (actual - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert ratio <= rmse_ratio_tol, f"{ratio} > {rmse_ratio_tol}"


def _get_hf(name):
    try:
        import transformers.models.linden.modeling_linden as hf
    except ImportError:
        return None
    return getattr(hf, name)


def _get_hf_attention_class():
    try:
        from transformers.models.linden.modeling_linden import LindenAttention as HFLindenAttention

        return HFLindenAttention
    except ImportError:
        return None


def _get_hf_model_class():
    try:
        from transformers.models.linden.modeling_linden import LindenForCausalLM as HFLindenForCausalLM

        return HFLindenForCausalLM
    except ImportError:
        return None


@pytest.fixture
def models():
    hf_model = _get_hf_model_class()(_small_config()).eval()
    model = LindenForCausalLM(_small_config()).eval()
    model.load_state_dict(hf_model.state_dict())
    return hf_model, model


class Wrapper(nn.Module):
    """Gives the logits alone."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, position_ids):
        return self.model(input_ids, position_ids).logits


def test_mlp():
    reference, mlp = _get_hf("LindenMLP")(_small_config()), LindenMLP(_small_config())
    mlp.load_state_dict(reference.state_dict())
    x = torch.randn(2, 6, 64)
    torch.testing.assert_close(mlp(x), reference(x), rtol=1e-3, atol=1e-3)


def test_norm_without_weights():
    from transformers.models.linden.modeling_linden import LindenL2Norm as HFLindenL2Norm

    x = torch.randn(2, 6, 64)
    output = LindenL2Norm(1e-6)(x)
    torch.testing.assert_close(output, HFLindenL2Norm(1e-6)(x))
    assert not torch.allclose(output, x)


def test_rotary():
    positions = torch.arange(6)[None]
    ours = LindenRotaryEmbedding(_small_config())(torch.zeros(1), positions)
    theirs = _get_hf_model_class()(_small_config()).model.rotary_emb(torch.zeros(1), positions)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b)


@pytest.mark.parametrize("B,S", _SHAPES)
def test_attention(B, S):
    HFAttention = _get_hf_attention_class()
    if HFAttention is None:
        pytest.skip("transformers has no Linden")
    config = _small_config()
    config._attn_implementation = "eager"
    hf_attention = HFAttention(config, layer_idx=0).eval()
    attention = LindenAttention(config).eval()
    attention.load_state_dict(hf_attention.state_dict())
    x, tables = torch.randn(B, S, 64), (torch.ones(B, S, 16), torch.zeros(B, S, 16))
    mask = torch.full((S, S), float("-inf")).triu(1)[None, None]
    expected, _ = hf_attention(hidden_states=x, position_embeddings=tables, attention_mask=mask)
    assert_rmse_close(attention(x, tables), expected, rmse_ratio_tol=0.10)


class TestLayers:
    def _compare(self, layer, reference):
        layer.load_state_dict(reference.state_dict())
        compare_models(layer, reference)

    def test_layer(self, models):
        self._compare(LindenDecoderLayer(_small_config(), 0), models[0].model.layers[0])


def test_full_model(models):
    hf_model, model = models
    input_ids = torch.randint(0, 1000, (2, 6))
    position_ids = torch.arange(6).expand(2, -1)
    expected = hf_model(input_ids=input_ids, position_ids=position_ids).logits
    assert_rmse_close(model(input_ids, position_ids).logits, expected, rmse_ratio_tol=0.05)


def test_export(models):
    _, model = models
    dynamic = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    inputs = {"input_ids": torch.zeros(2, 6).long(), "position_ids": torch.zeros(2, 6).long()}
    gm = torch_export_to_gm(model, args=(), kwargs=inputs, dynamic_shapes=(dynamic, dynamic))
    move_to_device(gm, "cpu")
    first = gm(**inputs)["logits"]
    assert torch.isfinite(first).all()
    second = gm(input_ids=torch.zeros(1, 4).long(), position_ids=torch.arange(4)[None])["logits"]
    assert second.shape == (1, 4, 1000)
    assert_rmse_close(first, model(**inputs).logits, rmse_ratio_tol=0.05)


def test_experts_are_modules():
    assert isinstance(LindenForCausalLM(_small_config()).model.layers[0].mlp.experts, nn.ModuleList)


def test_positions_are_demanded(models):
    with pytest.raises(ValueError):
        models[1].model(torch.zeros(1, 4).long())
