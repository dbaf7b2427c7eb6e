# SPDX-FileCopyrightText: Copyright (c) 2026 NVIDIA CORPORATION & AFFILIATES. All rights reserved.
# SPDX-FileCopyrightText: Copyright 2026 The Hornbeam authors.
# SPDX-License-Identifier: Apache-2.0

"""Equivalence tests of the AutoDeploy Hornbeam against Hugging Face, from the bottom up:
blocks, decoder layers, the full model, and the exported model, also at a second shape.

The reference is Hugging Face's HornbeamForCausalLM
in eager mode with the same weights and tokens. Its attention mask is all ones: from that it makes
the causal and windowed masks of its layers, while without one its attention is not causal. A block
is given what the reference's block was given. Every weight is random, so that no norm, bias or
buffer can be left out unnoticed.
"""

import copy
import inspect

import pytest
import torch
from _model_test_utils import assert_rmse_close
from configuration_hornbeam import HornbeamConfig
from torch.export import Dim

from tensorrt_llm._torch.auto_deploy.export import torch_export_to_gm
from tensorrt_llm._torch.auto_deploy.models.custom.modeling_hornbeam import (
    HornbeamAttention,
    HornbeamDecoderLayer,
    HornbeamExperts,
    HornbeamForCausalLM,
    HornbeamRMSNorm,
    HornbeamRotaryEmbedding,
    HornbeamRouter,
    HornbeamSparseMoeBlock,
)
from tensorrt_llm._torch.auto_deploy.utils._graph import move_to_device

_BATCH_AND_SEQUENCE_TEST_CASES = ((2, 6), (1, 8))

_shapes = pytest.mark.parametrize("B,S", _BATCH_AND_SEQUENCE_TEST_CASES)
_dtypes = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"]
)


@pytest.fixture(autouse=True)
def set_seed():
    torch.manual_seed(42)


# ---------------------------------------------------------------------------
# Configuration, reference, weights
# ---------------------------------------------------------------------------


def _create_small_config(**changes):
    fields = {
        "vocab_size": 1000,
        "hidden_size": 64,
        "moe_intermediate_size": 32,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return HornbeamConfig(**{**fields, **changes})


def _get_hf_model_class():
    try:
        from modeling_hornbeam import HornbeamForCausalLM
    except ImportError:
        return None
    return HornbeamForCausalLM


@torch.no_grad()
def _randomize(model):
    """Give every weight and saved buffer a value that matters."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.dim() < 2:
            tensor += 0.25 * torch.randn_like(tensor)
        else:
            tensor.normal_(std=0.5 if "emb" in name else 0.5 * tensor.shape[-1] ** -0.5)


def _build_hf_model(config, dtype):
    """The reference with random weights, in eager mode; its rotary frequencies stay float32."""
    model_class = _get_hf_model_class()
    if model_class is None:
        pytest.skip("transformers does not have HornbeamForCausalLM")
    assert inspect.getfile(model_class) != inspect.getfile(HornbeamForCausalLM), "no reference"
    config._experts_implementation = "eager"
    model = model_class._from_config(config, attn_implementation="eager", dtype=dtype)
    _randomize(model)
    return model.eval()


def _build_models(dtype, **changes):
    """The reference, and the model under test with its weights."""
    hf_model = _build_hf_model(_create_small_config(**changes), dtype)
    model = HornbeamForCausalLM(_create_small_config(**changes)).to(dtype).eval()
    model.load_state_dict(hf_model.state_dict())
    return hf_model, model


def _create_inputs(B, S):
    input_ids = torch.randint(3, 1000, (B, S))
    position_ids = torch.arange(S).unsqueeze(0).expand(B, -1)
    return {"input_ids": input_ids, "position_ids": position_ids}


def _hf_inputs(inputs):
    """The inputs as the reference takes them, with the mask that makes it causal."""
    attention_mask = torch.ones_like(inputs["input_ids"])
    return {**inputs, "attention_mask": attention_mask, "use_cache": False}


def _assert_close(actual, expected, dtype, tolerance, message=""):
    """float32 is held to rounding; bfloat16 to what is usual for the kind of block."""
    if dtype == torch.float32:
        tolerance = 1e-5
    assert_rmse_close(actual, expected, tolerance, message)


def _record_calls(model, inputs):
    """Run the model; the first call of every module, by path: arguments and what it returned."""
    calls = {}

    def enter(path, args, kwargs):
        calls.setdefault(path, [copy.deepcopy(args), copy.deepcopy(kwargs), None])

    def leave(path, output):
        if calls[path][2] is None:
            calls[path][2] = copy.deepcopy(output)

    handles = []
    for path, module in model.named_modules():
        handles += [
            module.register_forward_pre_hook(
                lambda _, args, kwargs, path=path: enter(path, args, kwargs), with_kwargs=True
            ),
            module.register_forward_hook(lambda _, args, output, path=path: leave(path, output)),
        ]
    model(**inputs)
    for handle in handles:
        handle.remove()
    return calls


def _tensors(value):
    """The tensors in what a module was given or returned, in order."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value] if isinstance(value, torch.Tensor) else []


def _arguments(module, args, kwargs):
    """The arguments of a call by the names of the module's parameters."""
    bound = inspect.signature(module.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _replace_inputs(module, call, hf_module, hf_call):
    """The arguments of a call, with the reference's tensors where it has one of that name."""
    arguments = _arguments(module, *call[:2])
    for name, value in _arguments(hf_module, *hf_call[:2]).items():
        old = arguments.get(name)
        if isinstance(value, torch.Tensor) and isinstance(old, torch.Tensor):
            arguments[name] = value
    return arguments


def _check_blocks(block_class, B, S, dtype, tolerance):
    """All blocks of a class compute what the reference's blocks of the same paths do."""
    hf_model, model = _build_models(dtype)
    inputs = _create_inputs(B, S)
    hf_calls = _record_calls(hf_model, _hf_inputs(inputs))
    calls = _record_calls(model, inputs)
    paths = [path for path, m in model.named_modules() if type(m) is block_class and path in calls]
    # The reference runs no expert that no token chose, and may have tables in other places.
    paths = [path for path in paths if path in hf_calls]
    if not paths:
        pytest.skip(f"no {block_class.__name__} is where the reference has one")
    for path in paths:
        block, hf_block = model.get_submodule(path), hf_model.get_submodule(path)
        hf_call = hf_calls[path]
        output = block(**_replace_inputs(block, calls[path], hf_block, hf_call))
        # The reference may return more, such as attention weights: those of our shapes count.
        expected = iter(_tensors(hf_call[2]))
        assert _tensors(output)
        for actual in _tensors(output):
            shape = actual.squeeze(0).shape  # tables of positions may come as a batch of one
            wanted = next((t for t in expected if t.squeeze(0).shape == shape), None)
            assert wanted is not None, f"{path}: the reference returns nothing of this shape"
            _assert_close(actual, wanted, dtype, tolerance, f"{path}: ")


# ---------------------------------------------------------------------------
# Level 1: blocks
# ---------------------------------------------------------------------------


@_shapes
@_dtypes
@torch.no_grad()
def test_attention(B, S, dtype):
    _check_blocks(HornbeamAttention, B, S, dtype, 0.10)


@_shapes
@_dtypes
@torch.no_grad()
def test_sparse_moe_block(B, S, dtype):
    _check_blocks(HornbeamSparseMoeBlock, B, S, dtype, 0.02)


@_shapes
@_dtypes
@torch.no_grad()
def test_router(B, S, dtype):
    _check_blocks(HornbeamRouter, B, S, dtype, 0.02)


@_shapes
@_dtypes
@torch.no_grad()
def test_experts(B, S, dtype):
    _check_blocks(HornbeamExperts, B, S, dtype, 0.02)


@_shapes
@_dtypes
@torch.no_grad()
def test_rms_norm(B, S, dtype):
    _check_blocks(HornbeamRMSNorm, B, S, dtype, 0.01)


@_shapes
@_dtypes
@torch.no_grad()
def test_rotary_embedding(B, S, dtype):
    _check_blocks(HornbeamRotaryEmbedding, B, S, dtype, 0.01)


# ---------------------------------------------------------------------------
# Level 2: decoder layers
# ---------------------------------------------------------------------------


@_shapes
@_dtypes
@torch.no_grad()
def test_decoder_layer(B, S, dtype):
    _check_blocks(HornbeamDecoderLayer, B, S, dtype, 0.05)


# ---------------------------------------------------------------------------
# Level 3: full model
# ---------------------------------------------------------------------------


@_shapes
@_dtypes
@torch.no_grad()
def test_full_model(B, S, dtype):
    hf_model, model = _build_models(dtype)
    inputs = _create_inputs(B, S)
    expected = hf_model(**_hf_inputs(inputs)).logits
    actual = model(**inputs).logits
    assert actual.shape == (B, S, 1000)
    assert actual.dtype == torch.float32
    _assert_close(actual, expected, dtype, 0.05, "logits: ")


@pytest.mark.parametrize("field", ["norm_topk_prob"])
@torch.no_grad()
def test_other_setting(field):
    """A flag of the configuration has the other value."""
    changes = {field: not getattr(_create_small_config(), field)}
    try:
        _create_small_config(**changes)
    except Exception as refusal:
        pytest.skip(f"the configuration refuses it: {refusal}")
    hf_model, model = _build_models(torch.float32, **changes)
    inputs = _create_inputs(1, 8)
    expected = hf_model(**_hf_inputs(inputs)).logits
    _assert_close(model(**inputs).logits, expected, torch.float32, 0.05, "logits: ")


@_shapes
@torch.no_grad()
def test_tied_head(B, S):
    """With tied embeddings, of which the checkpoint has one, the head is the embedding."""
    hf_model, model = _build_models(torch.float32, tie_word_embeddings=True)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    inputs = _create_inputs(B, S)
    expected = hf_model(**_hf_inputs(inputs)).logits
    _assert_close(model(**inputs).logits, expected, torch.float32, 0.05, "logits: ")


# ---------------------------------------------------------------------------
# Level 4: export
# ---------------------------------------------------------------------------


@torch.no_grad()
def test_export():
    hf_model, model = _build_models(torch.float32)
    inputs = _create_inputs(2, 6)
    dynamic = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    gm = torch_export_to_gm(model, args=(), kwargs=inputs, dynamic_shapes=(dynamic, dynamic))
    move_to_device(gm, "cpu")
    for B, S in ((2, 6), (1, 4), (3, 11)):
        inputs = _create_inputs(B, S)
        expected = hf_model(**_hf_inputs(inputs)).logits
        actual = gm(**inputs)["logits"]
        assert actual.shape == (B, S, 1000)
        _assert_close(actual, expected, torch.float32, 0.05, f"exported, {B} x {S}: ")
