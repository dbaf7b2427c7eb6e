"""The tests that --test writes: they pass for what adgen emits, and fail for a model with a mistake in it."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

import pytest
import transformers
from golden_cases import GOLDEN, ROOT, run

pytest.importorskip("transformers", minversion="5.23")
PACKAGE = Path(transformers.__file__).parent
LEVELS = {"test_decoder_layer", "test_full_model", "test_export"}

# One type for each mechanism, and tests beside LEVELS that it must have.
TYPES = {
    "qwen3": {"test_attention", "test_mlp", "test_rms_norm", "test_rotary_embedding", "test_tied_head"},  # windows
    "mixtral": {"test_sparse_moe_block", "test_top_k_router", "test_experts", "test_attention"},
    "deepseek_v3": {"test_attention", "test_moe", "test_topk_router", "test_mlp"},  # latent attention
    "gemma3_text": {"test_attention", "test_rotary_embedding", "test_text_scaled_word_embedding"},
    "opt": {"test_learned_positional_embedding", "test_attention"},
}

OPTIONS = {"gemma3_text": ["--bundle-config"]}

# A mistake: type, what is replaced and by what, which tests see it at least.
MISTAKES = {
    "scale": ("qwen3", "self.head_dim**-0.5", "self.head_dim**-0.45", {"test_attention", "test_full_model"}),
    "norm_weight": (
        "qwen3",
        "hidden_states, self.weight,",
        "hidden_states, torch.ones_like(self.weight),",
        {"test_rms_norm", "test_full_model"},
    ),
    "window": (
        "qwen3",
        "sliding_window=self.sliding_window",
        "sliding_window=None",
        {"test_attention", "test_decoder_layer", "test_full_model", "test_export"},
    ),
    "rotary_layout": (
        "qwen3",
        "torch_rope_with_explicit_cos_sin",
        "torch_rope_with_qk_interleaving",
        {"test_attention", "test_full_model"},
    ),
    "tied_head": (
        "qwen3",
        '_tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}',
        "_tied_weights_keys = None",
        {"test_tied_head"},
    ),
    "router_normalisation": (
        "mixtral",
        " / router_top_value.sum(dim=-1, keepdim=True)",
        "",
        {"test_top_k_router", "test_full_model"},
    ),
    "experts_exchanged": (
        "mixtral",
        "w1_weight=[expert.w1.weight",
        "w1_weight=[expert.w3.weight",
        {"test_experts", "test_sparse_moe_block", "test_full_model"},
    ),
    "scaled_experts": ("deepseek_v3", "* self.routed_scaling_factor", "", {"test_full_model"}),
    "latent_scale": ("deepseek_v3", "self.qk_head_dim ** (-0.5)", "self.qk_head_dim ** (-0.4)", {"test_attention"}),
    "bias_lost": ("opt", "bias=config.enable_bias", "bias=False", {"test_attention", "test_full_model"}),
    "bias_ignored": (
        "opt",
        "self.out_proj(",
        "nn.functional.linear(weight=self.out_proj.weight, input=",
        {"test_attention", "test_full_model"},
    ),
    "position_offset": ("opt", "position_ids + self.offset", "position_ids", {"test_full_model"}),
}


def emit(name, folder):
    """A model and its tests; their texts."""
    model, test = folder / f"modeling_{name}.py", folder / f"test_{name}_modeling.py"
    written = ["-o", str(model), "--test", str(test)]
    done = run(name, "--package", str(PACKAGE), *written, *OPTIONS.get(name, []), cwd=folder)
    assert done.status == 0, done.err.decode()
    return model.read_text(encoding="utf-8"), test.read_text(encoding="utf-8")


def run_tests(folder, *paths, which=""):
    """Run the tests of a folder, or some; those that passed and those that failed, by file, without parameters."""
    report = folder / "report.xml"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, [ROOT / "reference", *paths])),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    arguments = ["-q", "-p", "adgen_reference.plugin", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}", "-k", which, str(folder)]
    # In another folder: python -m finds modules where it is run before all others.
    subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, timeout=300)
    found = defaultdict(lambda: (set(), set()))
    for case in ElementTree.parse(report).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        if not skipped:
            found[case.get("classname").rsplit(".")[-1]][failed].add(case.get("name").split("[")[0])
    return found


@pytest.fixture(scope="module")
def green(tmp_path_factory):
    folder = tmp_path_factory.mktemp("green")
    for name in TYPES:
        emit(name, folder)
    return run_tests(folder)


@pytest.mark.parametrize("name", TYPES)
def test_they_pass(green, name):
    passed, failed = green[f"test_{name}_modeling"]
    assert not failed
    assert passed >= LEVELS | TYPES[name]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("broken")
    texts = {name: emit(name, source) for name in {mistake[0] for mistake in MISTAKES.values()}}
    for name, (model_type, before, after, _) in MISTAKES.items():
        model, test = texts[model_type]
        assert before in model, name
        (folder / f"modeling_{name}.py").write_text(model.replace(before, after), encoding="utf-8")
        test = test.replace(f"custom.modeling_{model_type} import", f"custom.modeling_{name} import")
        (folder / f"test_{name}.py").write_text(test, encoding="utf-8")
    return run_tests(folder, which="not bfloat16 and not 2-6")


@pytest.mark.parametrize("name", MISTAKES)
def test_they_see_a_mistake(broken, name):
    assert broken[f"test_{name}"][True] >= MISTAKES[name][3]


@pytest.mark.parametrize(("case", "name"), [("experts", "hornbeam"), ("experts_with_norm", "laburnum")])
def test_a_source_of_its_own(tmp_path, case, name):
    """The reference is the module that was translated; a translation under its name does not pass for it."""
    case, folder, source = GOLDEN / case, tmp_path / "tests", tmp_path / "source"
    folder.mkdir(), source.mkdir()
    written = ["-o", str(folder / f"modeling_{name}.py"), "--test", str(folder / f"test_{name}_modeling.py")]
    run(f"modeling_{name}.py", *written, cwd=case)
    for file in (f"configuration_{name}.py", f"modeling_{name}.py"):
        text = (case / file).read_text(encoding="utf-8").replace("from ...", "from transformers.")
        (source / file).write_text(text.replace("from .config", "from config"), encoding="utf-8")
    passed, failed = run_tests(folder, source)[f"test_{name}_modeling"]
    assert not failed
    assert passed >= LEVELS
    passed, failed = run_tests(folder, folder, source)[f"test_{name}_modeling"]
    assert not passed
    assert failed >= LEVELS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["modeling_alder.py", "--test", "t.py"], "goes with --output"),
        (["modeling_alder.py", "-o", "my-model.py", "--test", "t.py"], "no name of a module"),
        (["expected.py", "-o", "m.py", "--test", "t.py"], "translated already"),
    ],
)
def test_there_are_none(tmp_path, arguments, message):
    case = GOLDEN / "dense_gqa"
    for path in case.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    done = run(*arguments, cwd=tmp_path)
    assert done.status != 0
    assert message in done.err.decode()
    assert not (tmp_path / "t.py").exists()
    assert not (tmp_path / "m.py").exists()
