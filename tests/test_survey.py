"""`adgen survey`: what kind of model it is. What is expected of real types follows by hand from configurations."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from golden_cases import ADGEN, GOLDEN

transformers = pytest.importorskip("transformers")
FIVE = tuple(int(x) for x in transformers.__version__.split(".")[:2]) >= (5, 20)
pytestmark = pytest.mark.skipif(not FIVE, reason="configurations as 5.20 has them")
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
    "pad_token_id": None,
    "dtype": "bfloat16",
}


def survey(*args, path="/nonexistent", **kwargs):
    command = [str(ADGEN), "survey", *map(str, args)]
    env = {**os.environ, "PATH": str(path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, **kwargs)


def found(*args, **kwargs):
    """All that a survey says, as JSON."""
    run = survey(*args, "--package", PACKAGE, "--json", **kwargs)
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


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


def test_a_configuration_may_come_through_a_pipe(config, tmp_path):
    """As in `--config <(...)`, which can be read once, or on standard input."""
    written = found(ASPEN, "--config", config(TINY))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", config(TINY), pipe]) as writer:
        piped = found(ASPEN, "--config", pipe)
    assert writer.returncode == 0
    standard = found(ASPEN, "--config", "-", input=json.dumps(TINY))
    assert standard["architecture"].pop("values") == "standard input"
    for facts in (written, piped):
        facts["architecture"].pop("values")
    assert written == piped == standard
    run = survey("-", "--config", "-", input="{}")
    assert (run.returncode, run.stdout) == (2, "")
    assert "only one of INPUT, `--config` and `--index` can be standard input" in run.stderr
    run = survey(ASPEN, "--config", "/dev/zero", "--package", PACKAGE)
    assert (run.returncode, "/dev/zero is too large" in run.stderr) == (1, True)


def test_a_configuration_of_another_type_is_said(config):
    run = survey(ASPEN, "--package", PACKAGE, "--config", config({**TINY, "model_type": "larch"}))
    assert run.returncode == 0
    assert "is of type `larch`, and read as AspenConfig, which is of type `aspen`" in run.stderr


def test_a_quantised_checkpoint_is_said_to_be(config):
    fields = {**TINY, "dtype": "bfloat16", "quantization_config": {"quant_method": "fp8"}}
    run = survey(ASPEN, "--package", PACKAGE, "--config", config(fields))
    assert "MiB in bfloat16; less in the checkpoint, which is quantised (fp8)\n" in run.stdout
    run = survey(ASPEN, "--package", PACKAGE, "--config", config(fields), "--json")
    assert json.loads(run.stdout)["memory"]["quantised"] == "fp8"


def test_a_translation_has_the_facts_of_its_source(config, tmp_path):
    emitted = tmp_path / "modeling_aspen.py"
    subprocess.run([str(ADGEN), str(ASPEN), "-o", str(emitted), "-q"], check=True)
    path = config(TINY)
    args = ("--package", PACKAGE, "--config", path, "--json")
    both = [json.loads(survey(file, *args).stdout)["architecture"] for file in (ASPEN, emitted)]
    assert both[0]["layer_kinds"] == both[1]["layer_kinds"]
    assert both[0]["parameters"] == both[1]["parameters"]


def test_without_a_configuration_the_defaults_count():
    facts = json.loads(survey(ASPEN, "--package", PACKAGE, "--json").stdout)["architecture"]
    assert (facts["values"], facts["hidden_size"], len(facts["layers"])) == (None, 1024, 16)
    assert part(facts, 0, "attention", "heads", "kv_heads", "key_dim") == (16, 4, 64)


def test_what_the_constructor_refuses_is_unknown(config):
    run = survey(ASPEN, "--package", PACKAGE, "--config", config({**TINY, "hidden_size": "wide"}), "--json")
    found = json.loads(run.stdout)
    facts = found["architecture"]
    assert (run.returncode, run.stderr) == (0, "")
    assert found["not_built"].endswith("[raised]")
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
            "q_lora_rank": 80,
            "hidden_size": 256,
            "intermediate_size": 640,
            "moe_intermediate_size": 96,
            "n_routed_experts": 32,
            "num_experts_per_tok": 4,
            "n_shared_experts": 2,
        },
    )
    assert facts["layers"] == [0, 0, 0, 1]
    names = ("kind", "heads", "key_dim", "value_dim", "latent", "query_latent")
    assert part(facts, 1, "attention", *names) == ("MLA", 16, 64, 32, 64, 80)
    assert part(facts, 1, "rotary", "kind", "dim") == ("interleaved", 16)
    assert part(facts, 0, "mlp", "kind", "width") == ("gated", 640)
    assert "experts" not in facts["layer_kinds"][0]
    assert part(facts, 1, "experts", "count", "top_k", "width", "gated") == (32, 4, 96, True)
    assert part(facts, 1, "experts", "activation") == ("silu",)
    assert part(facts, 1, "shared", "kind", "width") == ("gated", 2 * 96)
    assert facts["parameters"] - facts["active_parameters"] == (32 - 4) * 3 * 96 * 256


def test_experts_in_a_list_of_the_module_that_mixes():
    facts = found(GOLDEN / "experts_as_modules/modeling_sorrelwood.py")["architecture"]
    assert part(facts, 0, "experts", "count", "top_k", "width") == (8, 2, 2816)
    assert facts["parameters"] - facts["active_parameters"] == 16 * (8 - 2) * 3 * 2816 * 1024


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


def test_all_stacks_have_layers(architecture):
    facts = architecture("hrm_text", {"num_hidden_layers": 3})  # in each of two stacks, which run in turn
    assert facts["layers"] == [0] * 6


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


# -- memory ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gpus(tmp_path):
    """A folder with an nvidia-smi that lists GPUs of so many MiB, where it is asked as it should be."""

    def make(*mib, status=0):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "nvidia-smi"
        lines = "".join(f"echo {size}\n" for size in mib)
        asked = "--query-gpu=memory.total --format=csv,noheader,nounits"
        program.write_text(f'#!/bin/sh\n[ "$*" = "{asked}" ] || exit 3\n{lines}exit {status}\n')
        program.chmod(0o755)
        return folder

    return make


# Embedding and head of 2 * 2**29 parameters at a width of 64, 2 GiB in bfloat16; the rest is less than half a MiB.
TWO_GIB = {**TINY, "vocab_size": 2**23, "num_hidden_layers": 1}
FITS = [
    ((), "no GPU seen", None),
    ((4000,), "one", None),
    ((1000, 4000), "one", None),
    ((1100, 1100), "sharded", 2),
    ((1100, 600, 600, 600), "sharded", 4),
    ((600, 600, 600), "no", None),
    ((800,), "no", None),
]


@pytest.mark.parametrize("case", FITS, ids=str)
def test_memory(case, config, gpus):
    mib, fits, shards = case
    path = gpus(*mib) if mib else "/nonexistent"
    memory = found(ASPEN, "--config", config({**TWO_GIB, "hidden_size": 64}), path=path)["memory"]
    assert (memory["fits"], memory.get("shards")) == (fits, shards)
    assert (memory["gpus"], memory["total_mib"]) == (len(mib), sum(mib))
    assert 2**31 < memory["bytes"] < 2**31 + 2**19
    assert (memory["dtype"], memory["dtype_assumed"]) == ("bfloat16", False)


def test_an_nvidia_smi_that_fails_sees_no_gpu(config, gpus):
    memory = found(ASPEN, "--config", config(TINY), path=gpus(80000, status=9))["memory"]
    assert (memory["fits"], memory["gpus"]) == ("no GPU seen", 0)


def test_a_configuration_without_a_dtype_is_taken_as_bfloat16(config):
    fields = {name: value for name, value in TINY.items() if name != "dtype"}
    facts = found(ASPEN, "--config", config(fields))
    assert (facts["memory"]["dtype"], facts["memory"]["dtype_assumed"]) == ("bfloat16", True)
    assert facts["memory"]["bytes"] == 2 * facts["architecture"]["parameters"]
    assert list(facts["architecture"]["bytes"]) == ["float32"]


# (parameters in billions, GPUs, whether the table has no row)
SIZES = [
    (1.9, 1, False),
    (2.1, 2, False),
    (14.9, 2, False),
    (17, 4, True),
    (21, 4, False),
    (79, 4, False),
    (81, 8, False),
]


@pytest.mark.parametrize("case", SIZES, ids=str)
def test_world_size(case, config):
    billions, size, between = case
    fields = {**TINY, "hidden_size": 4096, "num_hidden_layers": 1, "vocab_size": round(billions * 1e9 / (2 * 4096))}
    memory = found(ASPEN, "--config", config(fields))["memory"]
    assert (memory["world_size"], memory.get("world_size_not_in_table", False)) == (size, between)


# -- what depends on the data ----------------------------------------------------------------------------------------


def lines(path, text):
    return [i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line]


def test_what_a_rule_rewrites():
    path = GOLDEN / "experts/modeling_hornbeam.py"
    facts = found(path)
    nonzero, where = facts["data_dependent"]
    assert ([nonzero["line"]], nonzero["what"]) == (lines(path, ".nonzero()"), "`nonzero`")
    assert (nonzero["status"], nonzero["by"]) == ("rewritten", ["experts-chosen"])
    assert ([where["line"]], where["status"]) == (lines(path, "torch.where("), "rewritten")
    assert nonzero["where"] == "HornbeamExperts.forward"
    assert facts["translation"] == {"status": "done", "diagnostics": []}


def test_what_a_fact_removes():
    path = PACKAGE / "models/mixtral/modeling_mixtral.py"
    removed = [item for item in found("mixtral")["data_dependent"] if item["status"] == "removed"]
    assert [item["where"] for item in removed] == ["load_balancing_loss_func"]
    assert [item["line"] for item in removed] == lines(path, "torch.histc(")
    assert removed[0]["by"]


def test_a_refused_model_is_surveyed():
    path = GOLDEN / "error_data_dependent/modeling_alder.py"
    facts = found(path)
    assert facts["translation"]["status"] == "refused"
    assert [(d["id"], d["line"]) for d in facts["translation"]["diagnostics"]] == [
        ("data-dependent", lines(path, ".nonzero()")[0])
    ]
    assert facts["data_dependent"][0]["status"] == "not understood"
    # what could be read of it all the same: 16 heads on 4 of 64, 32000 by 1024
    architecture = facts["architecture"]
    assert part(architecture, 0, "attention", "kind", "heads", "kv_heads", "key_dim") == ("GQA", 16, 4, 64)
    assert part(architecture, 0, "mlp", "kind") == (None,)
    assert architecture["not_followed"].endswith(", in model.layers.0.mlp")
    layer = 1024 * 1024 * 2 + 2 * 256 * 1024 + 3 * 1024 * 2816 + 2 * 1024
    assert architecture["parameters"] == 2 * 32000 * 1024 + 16 * layer + 1024


def test_a_state_space_has_no_attention_to_speak_of():
    facts = found("mamba")
    assert facts["translation"]["status"] == "refused"
    assert len(facts["architecture"]["layers"]) == 32
    assert part(facts["architecture"], 0, "attention", "kind") == (None,)
    assert facts["architecture"]["parameters"] > 1e8


# -- what a tree has already -----------------------------------------------------------------------------------------

CUSTOM = "tensorrt_llm/_torch/auto_deploy/models/custom"
OTHER = """
class OakForCausalLM(OakPreTrainedModel):
    pass

AutoModelForCausalLMFactory.register_custom_model_cls("OakConfig", OakForCausalLM)
"""
OWN = """
import torch

class AspenADForCausalLM(torch.nn.Module):
    pass

AutoModelForCausalLMFactory.register_custom_model_cls("AspenConfig", AspenADForCausalLM)
"""
TYPE = """
class AspenMoeConfig(PretrainedConfig):
    model_type = "aspen_moe"

try:
    AutoConfig.register("aspen", AspenMoeConfig, exist_ok=True)
except ValueError:
    pass
"""
INIT = """from .modeling_aspen import AspenADForCausalLM
from .modeling_oak import OakForCausalLM

__all__ = (
    "AspenADForCausalLM",
    "OakForCausalLM",
)
"""
REGISTRY = """version: '2.0'
description: a registry
models:
# --- Aspen ---
- name: forest/Aspen2-8B
  config_id: default_ws_2
  yaml_extra: ['dashboard_default.yaml', 'world_size_2.yaml']
# out of memory
# - name: forest/Aspen2-70B-Instruct
- name: meadow/aspen2-1B-fp8
  config_id: default_ws_1
  yaml_extra: ['dashboard_default.yaml', 'world_size_1.yaml']
- name: forest/Aspen-8B
  config_id: default_ws_2
  yaml_extra: ['dashboard_default.yaml', 'world_size_2.yaml']
"""
MATRIX = """# Supported Models

| Architecture | Model | HuggingFace Example |
| ------------ | ----- | ------------------- |
| `AspenForCausalLMExtra` | Aspen | `forest/Aspen2-8B` |
| `AspenForCausalLM` [^5] | Aspen | `forest/Aspen2-8B` |
"""


@pytest.fixture
def checkout(tmp_path):
    """A small tree with these files among the custom models."""

    def make(init=INIT, registry=REGISTRY, **models):
        folder = tmp_path / "tree" / CUSTOM
        folder.mkdir(parents=True)
        for name, text in {"modeling_oak": OTHER, **models}.items():
            (folder / f"{name}.py").write_text(text)
        (folder / "__init__.py").write_text(init)
        files = {"examples/auto_deploy/model_registry/models.yaml": registry}
        files["docs/source/models/supported-models.md"] = MATRIX
        for name, text in files.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
        return tmp_path / "tree"

    return make


def coverage(tree, hf_id="forest/Aspen2-8B"):
    return found(ASPEN, "--into", tree, *(["--hf-id", hf_id] if hf_id else []))["coverage"]


def test_a_new_model(checkout):
    facts = coverage(checkout())
    assert (facts["conclusion"], facts["file"], facts["custom_models"]) == ("new file", None, [])


def test_a_covered_model(checkout):
    facts = coverage(checkout(modeling_aspen=OWN))
    assert (facts["conclusion"], facts["file"]) == ("covered", "modeling_aspen.py")
    assert facts["custom_models"] == [
        {
            "file": "modeling_aspen.py",
            "line": 7,
            "config_class": "AspenConfig",
            "model": "AspenADForCausalLM",
            "imported": True,
            "exported": True,
        }
    ]


def test_a_file_that_nothing_imports_does_not_cover(checkout):
    facts = coverage(checkout(init="", modeling_aspen=OWN))
    assert (facts["conclusion"], facts["file"]) == ("extend", "modeling_aspen.py")
    assert facts["custom_models"][0]["imported"] is False


def test_a_file_that_knows_the_type_is_to_be_extended(checkout):
    facts = coverage(checkout(modeling_aspen_moe=TYPE))
    assert (facts["conclusion"], facts["file"]) == ("extend", "modeling_aspen_moe.py")
    assert (facts["custom_models"][0]["line"], facts["custom_models"][0]["config_class"]) == (6, None)


def test_a_file_that_is_no_python_is_named(checkout):
    facts = coverage(checkout(modeling_broken="def ("))
    assert (facts["conclusion"], facts["not_readable"]) == ("new file", ["modeling_broken.py"])


def test_the_family_in_the_registry(checkout):
    entries = coverage(checkout())["registry"]
    assert [(e["name"], e["kinship"], e["disabled"]) for e in entries] == [
        ("forest/Aspen2-8B", "this model", False),
        ("meadow/aspen2-1B-fp8", "same stem", False),
        ("forest/Aspen2-70B-Instruct", "same family", True),
    ]
    assert entries[0]["yaml_extra"] == ["dashboard_default.yaml", "world_size_2.yaml"]
    assert entries[0]["line"] == lines_of(REGISTRY, "- name: forest/Aspen2-8B")


def lines_of(text, line):
    return text.splitlines().index(line) + 1


def test_the_support_matrix(checkout):
    tree = checkout()
    facts = coverage(tree, "forest/Aspen2-70B")
    assert facts["support_matrix_line"] == 6
    assert facts["support_matrix_names_it"] is False
    assert coverage(tree)["support_matrix_names_it"] is True


def test_without_a_name_the_registry_is_not_looked_at(checkout):
    assert "registry" not in coverage(checkout(registry="["), None)


def test_text_is_the_same_every_time_and_says_all(checkout):
    tree = checkout(modeling_aspen=OWN)
    args = (ASPEN, "--package", PACKAGE, "--into", tree, "--hf-id", "forest/Aspen2-9B")
    run = survey(*args)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == survey(*args).stdout
    said = [line.split(":", 1) for line in run.stdout.splitlines() if ":" in line]
    said = {name.strip(): value.strip() for name, value in reversed(said)}
    assert said["attention"] == "GQA, 16 heads on 4 of 64"
    assert said["rotary"] == "halves, 64"
    assert said["MLP"] == "gated, width 2,816, silu"
    assert said["GPUs"] == "no GPU seen"
    assert said["translation"] == "done"
    assert said["depends on data"] == "nothing"
    assert said["registered"] == "modeling_aspen.py:7, AspenADForCausalLM for AspenConfig, imported and in __all__"
    assert said["registry"] == "no entry for forest/Aspen2-9B"
    assert said["conclusion"] == "already covered by modeling_aspen.py"


def test_nothing_in_the_tree_changes(checkout):
    tree = checkout(modeling_aspen=OWN)
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    coverage(tree)
    assert before == {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}


# -- what cannot be surveyed -----------------------------------------------------------------------------------------

REFUSED = [
    (("--into", "/nonexistent"), 1, "no TensorRT-LLM tree"),
    (("--config", "/nonexistent"), 1, "there is no such file"),
    (("--hf-id", "a/b"), 2, "goes with `--into CHECKOUT`"),
    (("--into", ".", "--hf-id", "a"), 2, "`--hf-id` is ORG/NAME"),
    (("--index", "i"), 2, "`adgen survey` takes no `--index`"),
    (("-o", "f"), 2, "`adgen survey` takes no `--output`"),
]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused(case):
    args, status, message = case
    run = survey(ASPEN, "--package", PACKAGE, *args)
    assert (run.returncode, run.stdout) == (status, "")
    assert message in run.stderr


def test_a_file_without_a_model():
    run = survey(GOLDEN / "error_no_causal_lm/modeling_alder.py", "--package", PACKAGE)
    assert (run.returncode, run.stdout) == (1, "")
    assert "[no-causal-lm]" in run.stderr


def test_standard_input():
    run = survey("-", "--stdin-filename", ASPEN, "--package", PACKAGE, "--json", input=ASPEN.read_text())
    assert json.loads(run.stdout)["architecture"]["model"] == "AspenForCausalLM"


# -- against the configurations of the package -----------------------------------------------------------------------

TYPES = [
    *("apertus", "arcee", "bitnet", "cohere2", "cwm", "deepseek_v2", "dots1", "ernie4_5", "exaone4", "gemma", "glm4"),
    *("gpt_neox", "gptj", "granite", "helium", "llama", "mistral", "nemotron", "olmo2", "olmoe", "opt", "phi3"),
    *("qwen2_moe", "seed_oss", "stablelm", "starcoder2", "falcon", "bart", "mpt", "minimax_m2"),
]
# What they call it, the first that they have.
NAMES = {
    "heads": ("num_attention_heads", "n_heads", "decoder_attention_heads"),
    "layers": ("decoder_layers", "num_hidden_layers", "n_layers"),
    "hidden_size": ("hidden_size", "d_model"),
    "vocabulary": ("vocab_size",),
    "context": ("max_position_embeddings",),
    "kv_heads": ("num_key_value_heads",),
    "key_dim": ("head_dim",),
    "width": ("decoder_ffn_dim", "ffn_dim", "ffn_hidden_size", "n_inner", "intermediate_size"),
    "experts": ("n_routed_experts", "num_local_experts", "num_experts"),
    "top_k": ("num_experts_per_tok",),
    "activation": ("hidden_act", "activation_function", "hidden_activation", "activation"),
}


def read_off(facts):
    """The same facts of a survey, those that are known; of the layers of the first kind."""
    kind = facts["layer_kinds"][0]
    dense, experts = kind.get("mlp", {}), kind.get("experts", {})
    latent = kind["attention"]["kind"] == "MLA"
    return {
        "layers": len(facts["layers"]),
        "hidden_size": facts["hidden_size"],
        "vocabulary": facts["vocabulary"],
        "context": facts["context"],
        "heads": kind["attention"]["heads"],
        "kv_heads": None if latent else kind["attention"]["kv_heads"],
        "key_dim": None if latent else kind["attention"]["key_dim"],
        "width": dense.get("width"),
        "activation": dense.get("activation") or experts.get("activation"),
        "experts": experts.get("count"),
        "top_k": experts.get("top_k"),
    }


@pytest.mark.parametrize("model_type", TYPES)
def test_the_configuration_of_the_package_says_the_same(model_type, config):
    # some defaults stand for nothing, and the constructor does not take them
    experts = {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1}
    more = {"dots1": experts, "nemotron": {"num_key_value_heads": 8}}
    expected = transformers.CONFIG_MAPPING[model_type](**more.get(model_type, {}))
    run = survey(model_type, "--package", PACKAGE, "--config", config(more.get(model_type, {})), "--json")
    assert (run.returncode, run.stderr) == (0, "")
    facts = json.loads(run.stdout)["architecture"]
    assert facts["not_followed"] is None
    for fact, value in read_off(facts).items():
        wanted = [getattr(expected, name) for name in NAMES[fact] if getattr(expected, name, None) is not None]
        if value is not None and wanted:
            assert value == wanted[0], fact
