"""`adgen keys`: the state dict of a translation without Python, against the one that PyTorch makes."""

import argparse
import json
import os
import subprocess
from pathlib import Path

import pytest
from golden_cases import ADGEN, GOLDEN

CASE = GOLDEN / "dense_gqa"
FIELDS = {
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
    "pad_token_id": None,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "dtype": "bfloat16",
}


def keys(*args, python=None):
    """A run of `adgen keys`; without a Python it finds no transformers package but the one it is given."""
    path = os.pathsep.join([str(Path(python).parent)] if python else ["/nonexistent"])
    command = [str(ADGEN), "keys", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})


@pytest.fixture
def config(tmp_path):
    """Write a configuration."""

    def write(fields, name="config.json"):
        path = tmp_path / name
        path.write_text(fields if isinstance(fields, str) else json.dumps(fields))
        return path

    return write


@pytest.fixture
def tiny(config):
    """What is known of the tiny model of FIELDS."""
    run = keys(CASE / "expected.py", "--config", config(FIELDS), "--json")
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


# -- output ----------------------------------------------------------------------------------------------------------


def test_json(tiny):
    assert list(tiny) == ["model", "config", "keys", "totals"]
    assert (tiny["model"], tiny["config"]) == ("AlderForCausalLM", None)
    assert list(tiny["keys"])[:2] == ["model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"]
    assert tiny["keys"]["model.layers.1.self_attn.k_proj.weight"] == {
        "shape": [16, 32],
        "dtype": "bfloat16",
        "kind": "parameter",
    }
    count = sum(a * (b[0] if b else 1) for a, *b in (key["shape"] for key in tiny["keys"].values()))
    assert tiny["totals"] == {"parameters": count, "active_parameters": count, "bytes": {"bfloat16": 2 * count}}


def test_text(config, tiny):
    run = keys(CASE / "expected.py", "--config", config(FIELDS))
    lines = run.stdout.splitlines()
    assert lines[0].split() == ["model.embed_tokens.weight", "[64,", "32]", "bfloat16"]
    assert lines.index("") == len(tiny["keys"])
    assert lines[-2:] == ["parameters: 19,616", "bfloat16: 39,232 bytes"]


def test_standard_input(config):
    text = (CASE / "expected.py").read_text()
    command = [str(ADGEN), "keys", "-", "--config", str(config(FIELDS))]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert run.stdout == keys(CASE / "expected.py", "--config", config(FIELDS)).stdout


def test_help():
    run = keys("--help")
    assert (run.returncode, run.stderr) == (0, "")
    for word in ("usage: adgen keys INPUT", "--config", "--index", "--json", "--package", "Exit status"):
        assert word in run.stdout
    assert "--output" not in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 120


# -- an index --------------------------------------------------------------------------------------------------------


def indexed(config, names):
    return config({"metadata": {}, "weight_map": dict.fromkeys(names, "model.safetensors")}, "index.json")


def test_index_that_fits(config, tiny):
    run = keys(CASE / "expected.py", "--config", config(FIELDS), "--index", indexed(config, tiny["keys"]))
    assert run.returncode == 0
    assert run.stdout.endswith("the index has these keys and no others\n")


def test_index_that_does_not_fit(config, tiny):
    names = [*list(tiny["keys"])[1:], "model.layers.2.mlp.up_proj.weight", "a"]
    index = indexed(config, names)
    run = keys(CASE / "expected.py", "--config", config(FIELDS), "--index", index, "--json")
    assert (run.returncode, run.stderr) == (1, "")
    found = json.loads(run.stdout)
    assert found["missing"] == ["model.embed_tokens.weight"]
    assert found["unexpected"] == ["a", "model.layers.2.mlp.up_proj.weight"]
    run = keys(CASE / "expected.py", "--config", config(FIELDS), "--index", index)
    assert run.returncode == 1
    assert "\nmissing in the index: model.embed_tokens.weight\nunexpected in the index: a\n" in run.stdout


def test_one_key_of_tied_weights_is_enough(config):
    case = GOLDEN / "soft_cap_tied"
    fields = {**FIELDS, "final_logit_softcapping": 30.0, "rope_theta": 10000.0}
    for tie in (True, False):
        path = config({**fields, "tie_word_embeddings": tie})
        run = keys(case / "expected.py", "--config", path, "--json")
        assert run.returncode == 0, run.stderr
        found = json.loads(run.stdout)
        head = found["keys"]["lm_head.weight"]
        assert head.get("tied_to") == ("model.embed_tokens.weight" if tie else None)
        names = [name for name in found["keys"] if name != "lm_head.weight"]
        run = keys(case / "expected.py", "--config", path, "--index", indexed(config, names), "--json")
        assert json.loads(run.stdout)["missing"] == ([] if tie else ["lm_head.weight"])


# -- errors ----------------------------------------------------------------------------------------------------------


def refused(run, *words):
    assert (run.returncode, run.stdout) == (1, "")
    for word in words:
        assert word in run.stderr


def test_configuration_that_cannot_be_read(config, tmp_path):
    refused(keys(CASE / "expected.py", "--config", tmp_path / "none.json"), "none.json: there is no such file")
    refused(keys(CASE / "expected.py", "--config", tmp_path), "cannot be read")
    refused(keys(CASE / "expected.py", "--config", config('{\n "a": 1,\n b}')), "config.json:3:2: this is not JSON")
    refused(keys(CASE / "expected.py", "--config", config("")), "config.json:1:1: this is not JSON")
    for text in (
        '{"a": 1} 2',
        '{"a": 01}',
        '{"a": .5}',
        '{"a": 1.}',
        '{"a": "\\x"}',
        '{"a": [1,]}',
        "{'a': 1}",
        '{"a": "\n"}',
    ):
        refused(keys(CASE / "expected.py", "--config", config(text)), "this is not JSON")
    refused(keys(CASE / "expected.py", "--config", config("[" * 1000)), "this is not JSON")
    refused(keys(CASE / "expected.py", "--config", config("[1]")), "config.json: this is no JSON object")


def test_index_that_cannot_be_read(config, tmp_path):
    path = config(FIELDS)
    refused(keys(CASE / "expected.py", "--config", path, "--index", tmp_path / "none"), "none: there is no such file")
    refused(
        keys(CASE / "expected.py", "--config", path, "--index", config({"a": 1}, "i.json")),
        "`weight_map`",
        "index.json of",
    )


def test_field_that_is_missing(config):
    fields = {name: value for name, value in FIELDS.items() if name != "num_hidden_layers"}
    run = keys(CASE / "expected.py", "--config", config(fields))
    refused(run, "expected.py:", "the configuration has no `num_hidden_layers`", "is not at hand", "^~~~")


@pytest.mark.parametrize("value", [8.5, 8.0, "8", -8, [8], None])
def test_size_that_is_none(config, value):
    run = keys(CASE / "expected.py", "--config", config({**FIELDS, "intermediate_size": value}))
    refused(run, "expected.py:", "TypeError: `out_features` must be an integer that is not negative")


def test_dtype_that_is_none(config):
    for value in ("float7", "int64", 7):
        run = keys(CASE / "expected.py", "--config", config({**FIELDS, "dtype": value}))
        refused(run, "`dtype` of the configuration is no floating dtype")


def test_padding_outside_of_the_vocabulary(config):
    run = keys(CASE / "expected.py", "--config", config({**FIELDS, "pad_token_id": 64}))
    refused(run, "expected.py:", "AssertionError: Padding_idx must be within num_embeddings")


def test_package_that_is_not_at_hand(config):
    run = keys(CASE / "modeling_alder.py", "--config", config({}))
    refused(
        run,
        "configuration_alder.py:",
        "`transformers.configuration_utils.PreTrainedConfig`, a base of this class",
        "`--package DIR`",
    )


def test_source_that_is_refused(config):
    refused(keys(GOLDEN / "error_data_dependent/modeling_alder.py", "--config", config({})), "[data-dependent]")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["keys", "x.py"], "needs `--config FILE`"),
        (["keys"], "there is no INPUT"),
        (["keys", "x.py", "--config", "c", "-o", "f"], "`adgen keys` takes no `--output`"),
        (["keys", "x.py", "--config", "c", "--bundle-config"], "`adgen keys` takes no `--bundle-config`"),
        (["x.py", "--json"], "`--json` belongs to `adgen keys`"),
        (["x.py", "--config", "c"], "`--config` belongs to `adgen keys`"),
    ],
)
def test_usage(args, words):
    run = subprocess.run([str(ADGEN), *args], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert words in run.stderr


# -- constructors ----------------------------------------------------------------------------------------------------

CONSTRUCTORS = [
    "s = [1, 2]; t = s; s.append(3); n = len(t)",
    "s = [1, 2]; t = s; s += [3]; n = len(t)",
    "s = [1, 2]; t = s; s *= 2; n = len(t)",
    "s = {'a': 1}; t = s; s |= {'b': 2}; n = len(t)",
    "s = [1, 2]; s.pop(); n = s[-1]",
    "s = [1, 2, 7]; x = s.pop(); n = x + s[-1]",
    "s = [1, 2]; t = s; s.pop(0); n = t[0]",
    "s = [1, 2]; s.reverse(); s.remove(1); n = s[0]",
    "s = {'a': 1}; s.clear(); n = 2 if 'a' in s else 5",
    "s = {'silu': 1}; s.pop(config.hidden_act); n = s.get('silu', 5)",
    "s = {'silu': 1}; s[config.hidden_act] = 3; n = s['silu']",
    "s = {'silu': 1}\nfor k in ('silu', 'b'):\n    s[k] = 7\nn = s['silu']",
    "s = {}\nif config.vocab_size == 3:\n    s['a'] = 1\nn = s.get('a', 5)",
    "s = {}\nif config.vocab_size == 3:\n    s['a'] = 1\nn = 3 if 'a' in s else 5",
    "s = {'a': 2}\nif config.vocab_size == 64:\n    s.pop('a')\nn = s.get('a', 5)",
    "s = [[1]]; s[0].append(3); n = s[0][-1]",
    "s = {'k': {'a': 1}}; s['k']['a'] = 6; n = s['k']['a']",
    "n = len('ab' * 2) + [5].count(5) + 1 ** 10**15",
]


def with_parameter(tmp_path, lines, value):
    """The translation of CASE whose model has a parameter `w`, and the same with lines of a constructor before."""
    text = (CASE / "expected.py").read_text()
    head, _, tail = text.rpartition("        self.post_init()\n")
    body = "".join(f"        {line}\n" for line in [*lines, f"self.w = {value}", "self.post_init()"])
    tail = tail.replace("outputs.last_hidden_state)", "outputs.last_hidden_state * self.w.sum())")
    path = tmp_path / "modeling_alder.py"
    path.write_text(head + body + tail)
    return path


@pytest.mark.parametrize("body", CONSTRUCTORS)
def test_collections_that_change(body, config, tmp_path):
    """What a translation makes of a constructor, and what is found in it, is what Python computes."""
    scope = {"config": argparse.Namespace(**FIELDS)}
    exec(body, scope)
    lines = body.replace("; ", "\n").splitlines()
    path = with_parameter(tmp_path, lines, "nn.Parameter(torch.zeros(n))")
    run = keys(path, "--config", config(FIELDS), "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["keys"]["w"]["shape"] == [scope["n"]]


def test_tensors_that_are_nobodys_parameter(config, tmp_path):
    lines = ["p = nn.Parameter(torch.zeros(64, 4))", "self.v = p.detach()"]
    path = with_parameter(tmp_path, lines, "nn.Parameter(p.chunk(2)[0])")
    path.write_text(path.read_text().replace("self.w.sum()", "self.w.sum() * self.v.sum()"))
    run = keys(path, "--config", config(FIELDS), "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)["keys"]
    assert found["w"]["shape"] == [32, 4] and "v" not in found


def test_modules_of_a_list_are_replaced(config, tmp_path):
    lines = ["self.heads = nn.ModuleList([nn.Linear(8, 8)])", "self.heads[0] = nn.Linear(8, 8, bias=False)"]
    path = with_parameter(tmp_path, lines, "nn.Parameter(torch.zeros(8))")
    path.write_text(path.read_text().replace("self.w.sum()", "self.heads[0](self.w).sum()"))
    run = keys(path, "--config", config(FIELDS), "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)["keys"]
    assert "heads.0.weight" in found and "heads.0.bias" not in found


# -- against PyTorch -------------------------------------------------------------------------------------------------

# Configurations of a few fields, for real sizes: what is left out has the default of the class.
FEW = {
    "apertus": "an activation with parameters",
    "bart": "a decoder of an encoder-decoder model, tied weights under other names",
    "biogpt": "learned positions",
    "codegen": "fields under other names (attribute_map)",
    "dots1": "a default with which no model can be built",
    "ernie4_5_moe": "a correction bias in a module of its own, dense layers before",
    "gemma3n_text": "widths by layer, layers that share keys",
    "gemma4_unified_text": "a configuration that reads differently by layer",
    "gpt2": "transposed weights",
    "gpt_oss": "stacked experts with biases",
    "granitemoe": "experts out of stacked weights",
    "hrm_text": "fused projections that are taken apart",
    "llama": "fields with validators",
    "moshi": "sub-configurations, one of them by its type",
    "qwen3_moe": "experts, dense layers by pattern",
    "smollm3": "lists that are made in a loop",
}
ALL = {"tie_word_embeddings": True, "dtype": "bfloat16"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Each type's translation."""
    pytest.importorskip("transformers", minversion="5.23")
    from adgen_reference import corpus, hf

    hf.quiet()
    folder = tmp_path_factory.mktemp("keys")
    entries = {e.model_type: e for e in corpus.entries()}
    for name in FEW:
        command = [str(ADGEN), entries[name].file, "--entry", entries[name].class_name, "-q"]
        done = subprocess.run([*command, "-o", str(folder / f"{name}.py")], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stderr
    return folder


def outcome(function):
    """What a function returns, or the name of what it raises."""
    try:
        return function(), None
    except Exception as error:
        return None, error


@pytest.mark.parametrize("fields", [{}, ALL], ids=["empty", "tied"])
@pytest.mark.parametrize("model_type", FEW)
def test_defaults(files, model_type, fields):
    from adgen_reference import emitted, static_keys, tiny

    file = files / f"{model_type}.py"
    ((name, entry),) = emitted.import_file(file).registered.items()
    config = tiny.config_class(model_type)(**fields)
    if type(config).__name__ != name:
        config = config.get_text_config(decoder=True)
    model, raised = outcome(lambda: static_keys.built(entry, config))
    found, refusal = outcome(lambda: static_keys.found_by_adgen(str(ADGEN), file, json.dumps(fields)))
    if raised:
        assert type(raised).__name__ in str(refusal)
    else:
        assert refusal is None, refusal
        assert static_keys.difference(found, model) is None


@pytest.mark.parametrize("model_type", ["qwen3_moe", "gpt_oss", "ernie4_5_moe"])
def test_active_parameters(files, model_type):
    """Of each expert's parameters a token meets as many as its router chooses."""
    from adgen_reference import emitted, static_keys, variants

    file = files / f"{model_type}.py"
    config = variants.discover(model_type, "default").usable[0].config
    (entry,) = emitted.import_file(file).registered.values()
    found = static_keys.found_by_adgen(str(ADGEN), file, json.dumps(config.to_dict(), default=str))
    model = static_keys.built(entry, config)
    experts = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
    count = len({name.split(".experts.")[1].split(".")[0] for name in model.state_dict() if ".experts." in name})
    if model_type == "gpt_oss":
        count = config.num_local_experts
    chosen = getattr(config, "num_experts_per_tok", None) or config.moe_k
    total = sum(p.numel() for p in model.parameters())
    assert found["totals"]["parameters"] == total
    assert found["totals"]["active_parameters"] == total - experts * (count - chosen) // count
