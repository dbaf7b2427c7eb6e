"""Models of several modalities, of which the part for text is translated."""

import json
from pathlib import Path

import pytest
from golden_cases import GOLDEN, run

TRANSLATION = GOLDEN / "tower_by_type" / "expected.py"
TEXT = {
    "model_type": "larch",
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "pad_token_id": None,
    "max_position_embeddings": 32,
    "sliding_window": 8,
    "layer_types": ["sliding_attention"],
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
}


def unexpected(tmp_path, *names):
    """What `adgen keys` says of a checkpoint that has these tensors, beside what it lacks."""
    transformers = pytest.importorskip("transformers", minversion="5.20")
    package = Path(transformers.__file__).parent
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {**TEXT, "model_type": "qwen2"}}))
    (tmp_path / "index.json").write_text(json.dumps({"weight_map": {name: "model.safetensors" for name in names}}))
    options = ["--config", "config.json", "--index", "index.json", "--json", "--package", str(package)]
    return json.loads(run("keys", "got_ocr2", *options, cwd=tmp_path).out)["unexpected"]


def test_weights_of_other_modalities_are_not_unexpected(tmp_path):
    assert unexpected(tmp_path, "vision_tower.conv.weight", "multi_modal_projector.linear.bias") == []


def test_weights_that_only_sound_like_theirs_are(tmp_path):
    names = ["model.other_vision_tower.weight", "vision_towers.conv.weight"]
    assert unexpected(tmp_path, *names) == names


def test_another_text_model_is_refused():
    transformers = pytest.importorskip("transformers")
    from adgen_reference import emitted

    entry = emitted.import_file(TRANSLATION).registered["HazelConfig"]

    def config(model_type):
        text = transformers.PretrainedConfig(**{**TEXT, "model_type": model_type})
        text.model_type = model_type
        whole = transformers.PretrainedConfig(tie_word_embeddings=False)
        whole.text_config = text
        return whole

    assert entry(config("larch")).get_input_embeddings().weight.shape == (64, 32)
    with pytest.raises(NotImplementedError, match="fir"):
        entry(config("fir"))
