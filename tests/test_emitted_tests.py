"""The tests that --test writes: they pass for what adgen emits, and fail for a model with a mistake in it."""

import ast
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


# -- a source that no library has -------------------------------------------------------------------------------------

HUB = [
    "hub_2023",
    "latent_attention_of_a_hub_file",
    "bundled_config_of_a_hub_file",
    "early_hub_mixer",
    "experts",
    "experts_with_norm",
]


def emit_beside(source, folder):
    """A model and tests of a file that is not of the package; their texts."""
    name = source.stem.removeprefix("modeling_")
    model, test = folder / source.name, folder / f"test_{name}_modeling.py"
    args = source.parent / "args"
    options = args.read_text().split() if args.exists() else []
    done = run(source.name, *options, "-o", str(model), "--test", str(test), cwd=source.parent)
    assert done.status in (0, 3), done.err.decode()
    return model.read_text(encoding="utf-8"), test.read_text(encoding="utf-8"), done.err.decode()


@pytest.mark.parametrize("case", HUB)
def test_a_source_of_its_own(tmp_path, case):
    """The tests hold the reference: they pass where the source is not found, and see a mistake of the model."""
    source = next((GOLDEN / case).glob("modeling_*.py"))
    green, red = tmp_path / "green", tmp_path / "red"
    green.mkdir(), red.mkdir()
    model, test, said = emit_beside(source, green)
    assert "warning" not in said
    passed, failed = run_tests(green, which="not bfloat16")[f"test_{source.stem.removeprefix('modeling_')}_modeling"]
    assert not failed
    layer = next(name for name in ("test_decoder_layer", "test_block") if f"def {name}(" in test)
    levels = LEVELS - {"test_decoder_layer"} | {layer}
    assert passed >= levels
    scale = next(text for text in ("scale=", "hidden_states + residual", "residual + ") if text in model)
    (red / source.name).write_text(model.replace(scale, {"scale=": "scale=1.1 * "}.get(scale, "1.1 * " + scale)))
    (red / f"test_{case}.py").write_text(test)
    passed, failed = run_tests(red, which="not bfloat16 and not 2-6")[f"test_{case}"]
    assert failed >= levels


def definitions(text):
    """What a file defines, by name, without what only documents."""
    found = {}
    for stmt in ast.parse(text).body:
        for node in ast.walk(stmt):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            node.decorator_list = [d for d in node.decorator_list if "docstring" not in ast.unparse(d)]
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        if isinstance(stmt, ast.ClassDef | ast.FunctionDef):
            found[stmt.name] = ast.unparse(stmt)
    return found


HELPERS = """
from transformers.utils import logging

logger = logging.get_logger(__name__)
WARNED = {}


def scaled(x):
    from .constants_aspen import FACTOR

    return FACTOR * x


def nobody_calls_this():
    return scaled(WARNED)
"""


def hub_folder(folder, helpers=HELPERS, end=""):
    """golden/qk_norm as a folder of the hub, whose MLP is trained with what two more files hold."""
    for file in ("configuration_aspen.py", "modeling_aspen.py"):
        text = (GOLDEN / "qk_norm" / file).read_text(encoding="utf-8").replace("from ...", "from transformers.")
        (folder / file).write_text(text, encoding="utf-8")
    source = folder / "modeling_aspen.py"
    text = source.read_text(encoding="utf-8")
    text = text.replace(
        "        return self.down_proj(",
        "        if self.training:\n            x = scaled(x)\n        return self.down_proj(",
    )
    text = text.replace("import AspenConfig\n", "import AspenConfig\nfrom .helpers_aspen import scaled\n")
    source.write_text(text + end, encoding="utf-8")
    (folder / "helpers_aspen.py").write_text(helpers, encoding="utf-8")
    (folder / "constants_aspen.py").write_text("FACTOR = 0.5\nOTHER = 2\n", encoding="utf-8")
    return source


def test_the_reference_is_the_source(tmp_path):
    """Every definition that the entry reaches is there as it was, over all files; no other is."""
    folder, out = tmp_path / "hub", tmp_path / "out"
    folder.mkdir(), out.mkdir()
    end = "\n\nclass AspenForTokenClassification(AspenPreTrainedModel):\n    pass\n\n\nAspenMLP.added = 3\n"
    source = hub_folder(folder, end=end)
    _, test, said = emit_beside(source, out)
    assert "warning" not in said
    copied = definitions(test)
    for file in ("configuration_aspen.py", "modeling_aspen.py"):
        of_file = definitions((folder / file).read_text(encoding="utf-8"))
        left_out = set(of_file) - set(copied)
        assert left_out <= {"AspenForTokenClassification"}
        assert {name: copied[name] for name in of_file if name in copied} == {
            name: text for name, text in of_file.items() if name not in left_out
        }
    assert "nobody_calls_this" not in test
    assert "AspenMLP.added = 3\n" in test
    assert "FACTOR = 0.5\n" in test
    assert "OTHER" not in test
    assert not any(line.startswith(("from .", "    from .")) for line in test.splitlines())
    passed, failed = run_tests(out, which="not bfloat16 and not 2-6")["test_aspen_modeling"]
    assert not failed
    assert passed >= LEVELS


@pytest.mark.parametrize(
    ("helpers", "end", "why"),
    [
        (HELPERS, "\n\ndef _tensors(x):\n    return x\n\n\nAspenMLP.made = _tensors(3)\n", "a `_tensors` of their own"),
        (
            HELPERS.replace("scaled(x):", "scaled(x, used=repeat_kv):") + "\n\ndef repeat_kv():\n    pass\n",
            "",
            "`repeat_kv`",
        ),
        (HELPERS.replace("import FACTOR", "import FACTOR as F").replace("FACTOR *", "F *"), "", "under another one"),
    ],
)
def test_what_cannot_be_copied_is_imported(tmp_path, helpers, end, why):
    """And skipped, where it is not found; where it is, a translation under its name does not pass for it."""
    folder, out = tmp_path / "hub", tmp_path / "out"
    folder.mkdir(), out.mkdir()
    _, _, said = emit_beside(hub_folder(folder, helpers, end), out)
    assert f"the reference cannot be copied into the tests: {why}" in said or why in said
    assert "they import it from `modeling_aspen`, and are skipped where that is not found" in said
    passed, failed = run_tests(out)["test_aspen_modeling"]
    assert not passed | failed
    passed, failed = run_tests(out, out, folder)["test_aspen_modeling"]
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
