"""`adgen survey`: what kind of model it is. What is expected of real types follows from their configurations by hand."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from golden_cases import ADGEN, GOLDEN

transformers = pytest.importorskip("transformers")
PACKAGE = Path(transformers.__file__).parent
ASPEN = GOLDEN / "qk_norm/modeling_aspen.py"
TINY = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "max_position_embeddings": 128,
    "rope_parameters": {"rope_type": "default", "rope_theta": 50000.0},
    "dtype": "bfloat16",
}


def survey(*args, path="/nonexistent", **kwargs):
    command = [str(ADGEN), "survey", *map(str, args)]
    env = {**os.environ, "PATH": str(path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, **kwargs)


@pytest.fixture
def config(tmp_path):
    """Write a configuration."""

    def write(fields):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(fields))
        return path

    return write


@pytest.fixture
def architecture(config):
    """What is said of a model type of the package with a configuration."""

    def read(model_type, fields):
        run = survey(model_type, "--package", PACKAGE, "--config", config(fields), "--json")
        assert (run.returncode, run.stderr) == (0, "")
        return json.loads(run.stdout)["architecture"]

    return read


def part(facts, kind, name, *fields):
    """Some of the facts of a kind of layers."""
    return tuple(facts["layer_kinds"][kind][name][field] for field in fields)


# -- a golden model --------------------------------------------------------------------------------------------------


def test_golden(config):
    run = survey(ASPEN, "--package", PACKAGE, "--config", config(TINY), "--json")
    facts = json.loads(run.stdout)["architecture"]
    assert (run.returncode, run.stderr) == (0, "")
    assert (facts["model"], facts["config_class"], facts["model_type"]) == ("AspenForCausalLM", "AspenConfig", "aspen")
    assert (facts["layers"], facts["layer_kinds"][0]["count"]) == ([0, 0], 2)
    assert part(facts, 0, "attention", "kind", "heads", "kv_heads", "key_dim", "value_dim") == ("GQA", 4, 2, 8, 8)
    assert part(facts, 0, "attention", "window", "soft_cap", "sinks", "bias", "latent") == (0, 0, False, False, 0)
    assert part(facts, 0, "attention", "scale") == (pytest.approx(8**-0.5),)
    assert part(facts, 0, "rotary", "kind", "dim", "partial") == ("halves", 8, False)
    assert part(facts, 0, "mlp", "kind", "width", "activation") == ("gated", 48, "silu")
    assert facts["rotary_tables"] == [{"layer_type": None, "type": "default", "theta": 50000}]
    rms = {"kind": "RMS", "eps": 1e-6}
    assert facts["norms"] == [{**rms, "inside_attention": False}, {**rms, "inside_attention": True}]
    assert (facts["hidden_size"], facts["vocabulary"], facts["context"]) == (32, 64, 128)
    assert (facts["tied_head"], facts["learned_positions"]) == (False, 0)
    layer = 32 * 32 * 2 + 2 * 16 * 32 + 2 * 8 + 3 * 48 * 32 + 2 * 32
    assert facts["parameters"] == facts["active_parameters"] == 2 * 64 * 32 + 2 * layer + 32
    assert facts["bytes"] == {"bfloat16": 2 * facts["parameters"]}
    assert facts["not_followed"] is None


def test_a_translation_has_the_facts_of_its_source(config, tmp_path):
    emitted = tmp_path / "modeling_aspen.py"
    subprocess.run([str(ADGEN), str(ASPEN), "-o", str(emitted), "-q"], check=True)
    path = config(TINY)
    both = [json.loads(survey(file, "--config", path, "--json").stdout)["architecture"] for file in (ASPEN, emitted)]
    assert both[0]["layer_kinds"] == both[1]["layer_kinds"]
    assert both[0]["parameters"] == both[1]["parameters"]


def test_without_a_configuration_the_defaults_count():
    facts = json.loads(survey(ASPEN, "--package", PACKAGE, "--json").stdout)["architecture"]
    assert (facts["values"], facts["hidden_size"], len(facts["layers"])) == (None, 1024, 16)
    assert part(facts, 0, "attention", "heads", "kv_heads", "key_dim") == (16, 4, 64)


def test_what_the_constructor_refuses_is_unknown(config):
    run = survey(ASPEN, "--package", PACKAGE, "--config", config({**TINY, "hidden_size": "wide"}), "--json")
    facts = json.loads(run.stdout)["architecture"]
    assert "[raised]" in run.stderr
    assert (facts["parameters"], facts["hidden_size"], facts["layer_kinds"]) == (None, None, [])
    assert facts["model"] == "AspenForCausalLM"


# -- model types of the package --------------------------------------------------------------------------------------


def test_dense_with_grouped_queries(architecture):
    facts = architecture(
        "qwen3",
        {
            "vocab_size": 151936,
            "hidden_size": 4096,
            "intermediate_size": 12288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 40960,
            "rope_theta": 1000000,
            "tie_word_embeddings": False,
            "torch_dtype": "bfloat16",
        },
    )
    assert part(facts, 0, "attention", "kind", "heads", "kv_heads", "key_dim") == ("GQA", 32, 8, 128)
    assert part(facts, 0, "rotary", "kind", "dim", "partial") == ("halves", 128, False)
    assert part(facts, 0, "mlp", "kind", "width", "activation") == ("gated", 12288, "silu")
    assert facts["rotary_tables"] == [{"layer_type": None, "type": "default", "theta": 1000000}]
    assert (len(facts["layers"]), facts["context"]) == (36, 40960)
    assert facts["parameters"] == 8190735360  # as the published checkpoint's index says
    assert facts["bytes"] == {"bfloat16": 16381470720}


def test_windows_in_turn_and_a_soft_cap(architecture):
    fields = {"num_hidden_layers": 4, "sliding_window": 512, "query_pre_attn_scalar": 144, "num_key_value_heads": 1}
    facts = architecture("gemma2", {**fields, "head_dim": 64, "attn_logit_softcapping": 30.0})
    assert facts["layers"] == [0, 1, 0, 1]
    assert part(facts, 0, "attention", "kind", "kv_heads", "window", "soft_cap") == ("MQA", 1, 512, 30)
    assert part(facts, 1, "attention", "window", "soft_cap") == (0, 30)
    assert part(facts, 0, "attention", "scale") == (pytest.approx(1 / 12),)
    assert part(facts, 0, "mlp", "kind", "activation") == ("gated", "gelu_pytorch_tanh")
    assert facts["tied_head"] is True


def test_latent_attention_and_experts_behind_dense_layers(architecture):
    facts = architecture(
        "deepseek_v3",
        {
            "num_hidden_layers": 4,
            "first_k_dense_replace": 3,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "qk_nope_head_dim": 48,
            "qk_rope_head_dim": 16,
            "v_head_dim": 32,
            "kv_lora_rank": 64,
            "hidden_size": 256,
            "intermediate_size": 640,
            "moe_intermediate_size": 96,
            "n_routed_experts": 32,
            "num_experts_per_tok": 4,
            "n_shared_experts": 2,
        },
    )
    assert facts["layers"] == [0, 0, 0, 1]
    names = ("kind", "heads", "key_dim", "value_dim", "latent")
    assert part(facts, 1, "attention", *names) == ("MLA", 16, 64, 32, 64)
    assert part(facts, 1, "rotary", "kind", "dim") == ("interleaved", 16)
    assert part(facts, 0, "mlp", "kind", "width") == ("gated", 640)
    assert "experts" not in facts["layer_kinds"][0]
    assert part(facts, 1, "experts", "count", "top_k", "width", "gated") == (32, 4, 96, True)
    assert part(facts, 1, "shared", "kind", "width") == ("gated", 2 * 96)
    assert facts["parameters"] - facts["active_parameters"] == (32 - 4) * 3 * 96 * 256


def test_sinks_and_experts_that_all_tokens_are_given(architecture):
    facts = architecture("gpt_oss", {"num_hidden_layers": 2, "num_local_experts": 16, "num_experts_per_tok": 2})
    assert facts["layers"] == [0, 1]
    assert part(facts, 0, "attention", "kind", "window", "sinks") == ("GQA", 128, True)
    assert part(facts, 1, "attention", "window", "sinks") == (0, True)
    assert part(facts, 0, "experts", "count", "top_k", "width") == (16, 2, 2880)
    assert [rope["type"] for rope in facts["rotary_tables"]] == ["yarn"]


def test_rotary_on_a_part_of_the_head(architecture):
    fields = {"num_hidden_layers": 1, "hidden_size": 160, "num_attention_heads": 2, "partial_rotary_factor": 0.4}
    facts = architecture("phi", fields)
    assert part(facts, 0, "rotary", "kind", "dim", "partial") == ("halves", 32, True)
    assert part(facts, 0, "mlp", "kind", "activation") == ("plain", "gelu_new")
    assert facts["norms"] == [{"kind": "layer", "eps": 1e-5, "inside_attention": False}]


def test_layers_without_rotary(architecture):
    facts = architecture("smollm3", {"num_hidden_layers": 8, "no_rope_layer_interval": 4})
    assert facts["layers"] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert [kind["rotary"]["kind"] for kind in facts["layer_kinds"]] == ["halves", "none"]


def test_learned_positions(architecture):
    facts = architecture("gpt2", {"n_layer": 2, "n_positions": 256, "n_embd": 96, "n_head": 3})
    assert (facts["learned_positions"], facts["context"], facts["hidden_size"]) == (256, 256, 96)
    assert part(facts, 0, "attention", "kind", "heads", "key_dim") == ("MHA", 3, 32)
    assert part(facts, 0, "rotary", "kind") == ("none",)
    assert part(facts, 0, "mlp", "kind", "width") == ("plain", 4 * 96)
    assert facts["rotary_tables"] == []


def test_a_bias_on_the_scores(architecture):
    facts = architecture("bloom", {"n_layer": 1, "hidden_size": 64, "n_head": 4})
    assert part(facts, 0, "attention", "kind", "bias", "window") == ("MHA", True, 0)
    assert part(facts, 0, "rotary", "kind") == ("none",)
