"""adgen onboard: what it writes, what it changes in a checkout, and that it does so as a whole or not at all.

The checkout is tests/data/checkout, a miniature made for this project.  Whole files that are expected, each of them
looked at, are in tests/data/onboard.
"""

import ast
import difflib
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import transformers
import yaml
from golden_cases import ADGEN, GOLDEN

ROOT = Path(__file__).resolve().parent.parent
CHECKOUT = ROOT / "tests/data/checkout"
EXPECTED = ROOT / "tests/data/onboard"
PACKAGE = Path(transformers.__file__).parent
DENSE = GOLDEN / "dense_gqa/modeling_alder.py"
MOE = GOLDEN / "experts_as_modules/modeling_sorrelwood.py"

MODELS = "tensorrt_llm/_torch/auto_deploy/models/custom"
TESTS = "tests/unittest/auto_deploy/singlegpu/models"
REGISTRY = "examples/auto_deploy/model_registry"
INTERNAL = "tensorrt_llm/_torch/auto_deploy/config/model_registry_internal"
COOKBOOKS = "examples/auto_deploy/cookbooks"
MATRIX = "docs/source/models/supported-models.md"
LISTS = (f"{MODELS}/__init__.py", f"{REGISTRY}/models.yaml", MATRIX)

CONFIG = {
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "vocab_size": 32000,
    "max_position_embeddings": 2048,
    "dtype": "bfloat16",
}


def onboard(*args, status=0, **kwargs):
    command = [ADGEN, "onboard", *map(str, args), "--package", str(PACKAGE)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)
    assert run.returncode == status, run.stderr
    return run


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def digest(folder):
    """Every file and folder, and what is in it."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "folder"
        for p in folder.rglob("*")
    }


@pytest.fixture
def checkout(tmp_path):
    return Path(shutil.copytree(CHECKOUT, tmp_path / "checkout"))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def moe(checkout, config, tmp_path):
    """A mixture of experts of a family that the checkout has, with the report."""
    run = onboard(
        MOE, "--into", checkout, "-o", tmp_path / "texts", "--hf-id", "zelkova-ai/Zelkova-Moe-2B", "--config", config
    )
    return run, checkout, tmp_path / "texts"


# -- a checkout ------------------------------------------------------------------------------------------------------


def test_lists_of_a_checkout(checkout):
    before = files(checkout)
    run = onboard(DENSE, "--into", checkout, "--hf-id", "oak-labs/Alder-1B")
    after = files(checkout)
    new = {
        f"{MODELS}/modeling_alder.py",
        f"{TESTS}/test_alder_modeling.py",
        f"{REGISTRY}/configs/alder-1b.yaml",
        f"{COOKBOOKS}/alder_1b_trtllm_cookbook.ipynb",
    }
    assert set(after) - set(before) == new
    assert {name for name in before if before[name] != after[name]} == set(LISTS)
    for name in LISTS:
        assert after[name].decode() == (EXPECTED / "dense" / Path(name).name).read_text()
    shown = re.findall(r"^\+\+\+ b/(.*)$", run.stdout, re.M)
    assert shown == list(LISTS)
    for name in new:
        assert f"wrote {checkout}/{name}" in run.stderr
    for name in LISTS:
        assert f"edited {checkout}/{name}" in run.stderr


def test_a_mixture_of_experts(moe):
    _, checkout, texts = moe
    found = {**files(checkout), **files(texts)}
    names = {Path(name).name: name for name in found}
    expected = files(EXPECTED / "moe")
    assert len(expected) == 7
    for name, text in expected.items():
        assert found[names[name]].decode() == text.decode(), name
        assert text.endswith(b"\n") and not text.endswith(b"\n\n"), name


def test_model_and_tests_are_those_of_a_translation(tmp_path):
    onboard(DENSE, "-o", tmp_path / "tree")
    model, tests = tmp_path / "modeling_alder.py", tmp_path / "tests.py"
    subprocess.run([ADGEN, DENSE, "-o", model, "--test", tests], check=True, capture_output=True)
    assert (tmp_path / "tree" / MODELS / "modeling_alder.py").read_bytes() == model.read_bytes()
    assert (tmp_path / "tree" / TESTS / "test_alder_modeling.py").read_bytes() == tests.read_bytes()


def test_the_tests_find_the_model_in_the_tree(tmp_path):
    """As pytest runs them in a checkout, here with stand-ins for TensorRT-LLM."""
    onboard("qwen3", "-o", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "adgen_reference.plugin", "-k", "test_mlp or test_export"]
    run = subprocess.run(
        [*command, f"{TESTS}/test_qwen3_modeling.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "reference")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert re.search(r"^5 passed", run.stdout, re.M), run.stdout


def test_a_second_time_changes_nothing(moe, config):
    _, checkout, texts = moe
    before = digest(checkout), digest(texts)
    args = [MOE, "--into", checkout, "-o", texts, "--hf-id", "zelkova-ai/Zelkova-Moe-2B", "--config", config]
    run = onboard(*args)
    assert (digest(checkout), digest(texts)) == before
    assert run.stdout == ""
    assert run.stderr.count("is up to date") == 9
    assert "wrote" not in run.stderr and "edited" not in run.stderr


def test_another_size_of_the_family(moe, config):
    """It shares model, tests and row."""
    _, checkout, _ = moe
    before = files(checkout)
    run = onboard(MOE, "--into", checkout, "--hf-id", "zelkova-ai/Zelkova-Moe-7B", "--config", config)
    after = files(checkout)
    assert set(after) - set(before) == {
        f"{REGISTRY}/configs/zelkova-moe-7b.yaml",
        f"{COOKBOOKS}/zelkova_moe_7b_trtllm_cookbook.ipynb",
    }
    assert [name for name in before if before[name] != after[name]] == [LISTS[1]]
    names = [entry["name"] for entry in yaml.safe_load(after[LISTS[1]])["models"]]
    assert names[-3:] == ["zelkova-ai/zelkova-2b", "zelkova-ai/Zelkova-Moe-2B", "zelkova-ai/Zelkova-Moe-7B"]
    assert run.stdout.count("+++ ") == 1


def test_dry_run_is_a_patch(checkout, tmp_path):
    args = [DENSE, "--hf-id", "oak-labs/Alder-1B", "--into"]
    other = Path(shutil.copytree(checkout, tmp_path / "other"))
    before = digest(checkout)
    patch = onboard(*args, checkout, "--dry-run").stdout
    assert digest(checkout) == before
    onboard(*args, other)
    subprocess.run(["git", "apply", "-"], input=patch, text=True, cwd=checkout, check=True)
    assert files(checkout) == files(other)


def test_dry_run_of_a_new_tree(tmp_path):
    run = onboard(DENSE, "--hf-id", "oak-labs/Alder-1B", "-o", tmp_path / "tree", "--dry-run")
    assert not (tmp_path / "tree").exists()
    assert run.stdout.count("--- /dev/null\n") == 6


def test_what_is_there_is_not_replaced_without_force(checkout):
    mine = checkout / MODELS / "modeling_alder.py"
    mine.write_text("# by hand\n")
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, status=1)
    assert f"error: {mine} is there and differs\n    help: --force" in run.stderr
    assert digest(checkout) == before
    run = onboard(DENSE, "--into", checkout, "--dry-run", status=1)
    assert "-# by hand\n" in run.stdout and "is there and differs" in run.stderr
    assert digest(checkout) == before
    onboard(DENSE, "--into", checkout, "--force")
    assert "class AlderForCausalLM" in mine.read_text()


def test_the_report_that_was_filled_in_is_kept(moe, config):
    _, checkout, texts = moe
    report = texts / "ONBOARDING.md"
    report.write_text(report.read_text().replace("**FILL IN**", "PASS"))
    args = [MOE, "--into", checkout, "-o", texts, "--hf-id", "zelkova-ai/Zelkova-Moe-2B", "--config", config]
    assert f"{report} is there and differs" in onboard(*args, status=1).stderr
    assert "PASS" in report.read_text()


# -- all or nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_a_checkout_without_a_list_is_left_alone(checkout, name):
    (checkout / name).unlink()
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, "--hf-id", "oak-labs/Alder-1B", status=1)
    assert f"{checkout}/{name}: there is no such file" in run.stderr
    assert "root of a checkout" in run.stderr
    assert digest(checkout) == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (LISTS[0], "import this\n", "no import of a model"),
        (LISTS[0], "from .modeling_oak import X\n", "no `__all__`"),
        (LISTS[0], "from .modeling_oak import X\n__all__ = (*X,)\n", "no `__all__` of names alone"),
        (LISTS[0], "from .modeling_oak import (\n", "syntax"),
        (LISTS[1], "models: []\n", "no list `models`"),
        (LISTS[1], "models: [{name: a/b}]\n", "no list `models`"),
        (LISTS[1], "models:\n- id: a\n", "no list `models`"),
        (LISTS[1], "models:\n- [\n", "not YAML"),
        (LISTS[2], "| Architecture | Model |\n|--|--|\n| `A` | b |\n", "no table of three columns"),
        (LISTS[2], "nothing\r\nat all\n", "no table"),
    ],
)
def test_a_list_that_is_none_is_refused(checkout, name, text, said):
    (checkout / name).write_bytes(text.encode())
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, "--hf-id", "oak-labs/Alder-1B", status=1)
    assert f"{checkout}/{name}" in run.stderr and said in run.stderr
    assert digest(checkout) == before


def test_a_folder_that_cannot_be_made(checkout):
    shutil.rmtree(checkout / COOKBOOKS)
    (checkout / COOKBOOKS).write_text("a file\n")
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, "--hf-id", "oak-labs/Alder-1B", status=1)
    assert f"{checkout}/{COOKBOOKS}: cannot create" in run.stderr
    assert digest(checkout) == before


def test_a_disk_that_is_full(checkout):
    """The second file does not fit any more."""
    before = digest(checkout)
    limit = 9800

    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    sizes = [(DENSE.parent / name).stat().st_size for name in ("expected.py", "tests.py")]
    assert sizes[0] < limit < sizes[1]
    run = onboard(
        DENSE, "--into", checkout, "--hf-id", "oak-labs/Alder-1B", status=1, preexec_fn=full, restore_signals=False
    )
    assert "cannot write: File too large" in run.stderr
    assert digest(checkout) == before


def test_what_is_refused_writes_nothing(tmp_path):
    source = GOLDEN / "error_chunked_mask/modeling_alder.py"
    onboard(source, "-o", tmp_path / "tree", "--hf-id", "a/b", status=1)
    assert not (tmp_path / "tree").exists()


def test_what_is_translated_already_has_no_tests(tmp_path):
    run = onboard(GOLDEN / "dense_gqa/expected.py", "-o", tmp_path / "tree", status=1)
    assert "is translated already" in run.stderr
    assert not (tmp_path / "tree").exists()


def test_a_configuration_that_cannot_be_read(tmp_path):
    (tmp_path / "config.json").write_text("{")
    run = onboard(DENSE, "-o", tmp_path / "tree", "--config", tmp_path / "config.json", status=1)
    assert "config.json" in run.stderr
    assert not (tmp_path / "tree").exists()


# -- forms of the lists ----------------------------------------------------------------------------------------------


def only_added(before: bytes, after: bytes) -> str:
    """The text that was added, if nothing else has changed."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    added = b""
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        assert kind in ("equal", "insert"), (kind, before[i1:i2], after[j1:j2])
        added += after[j1:j2] if kind == "insert" else b""
    return added.decode()


IMPORT = "from .modeling_oak import OakForCausalLM\n"
PACKAGES = {
    "tuple on one line": IMPORT + '__all__ = ("OakForCausalLM",)\n',
    "list": IMPORT + "__all__ = ['AcornForCausalLM', 'OakForCausalLM']\n",
    "no comma at the end": IMPORT + '__all__ = (\n    "Aa",\n    "OakForCausalLM"\n)\n',
    "last one": 'from .modeling_aa import Aa, Ab\n__all__ = (\n    "Aa",\n    "Ab"  # second\n)\n',
    "bracket on the last line": IMPORT + '__all__ = (\n    "Aa",\n    "Ab")\n',
    "two on a line": IMPORT + '__all__ = (\n    "Aa", "OakForCausalLM",\n    "PineForCausalLM",\n)\n',
    "no parentheses": IMPORT + '__all__ = "Aa", "OakForCausalLM"\n',
    "no newline at the end": IMPORT + '__all__ = ("OakForCausalLM",)',
    "imports below": '__all__ = ("OakForCausalLM",)\nfrom .modeling_aa import Aa',
    "the import is there": "from .modeling_alder import AlderForCausalLM\n__all__ = ('Oak',)\n",
    "the name is there": IMPORT + '__all__ = ("AlderForCausalLM",)\n',
    "another class of the module": "from .modeling_alder import Alder\n__all__ = ('Alder',)\n",
}


@pytest.mark.parametrize("form", PACKAGES)
@pytest.mark.parametrize("raw", ["lines", "returns", "mark"])
def test_forms_of_the_package(checkout, form, raw):
    path = checkout / LISTS[0]
    text = PACKAGES[form].encode()
    text = {"lines": text, "returns": text.replace(b"\n", b"\r\n"), "mark": b"\xef\xbb\xbf" + text}[raw]
    path.write_bytes(text)
    onboard(DENSE, "--into", checkout)
    after = path.read_bytes()
    only_added(text, after)
    assert (b"\r" in after) == (raw == "returns") and after.count(b"\r\n") == after.count(b"\r")
    assert raw != "returns" or after.count(b"\n") == after.count(b"\r\n")
    assert after.endswith(b"\n") == text.endswith(b"\n")
    tree = ast.parse(after.decode("utf-8-sig"))
    imported = [a.name for s in tree.body if isinstance(s, ast.ImportFrom) for a in s.names]
    exported = next(ast.literal_eval(s.value) for s in tree.body if isinstance(s, ast.Assign))
    assert imported.count("AlderForCausalLM") == 1
    assert list(exported).count("AlderForCausalLM") == 1
    onboard(DENSE, "--into", checkout)
    assert path.read_bytes() == after


def test_a_class_of_another_module_is_not_hidden(checkout):
    path = checkout / LISTS[0]
    path.write_text(IMPORT + 'from .modeling_old import AlderForCausalLM\n__all__ = ("AlderForCausalLM",)\n')
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, status=1)
    assert f"{path}:2:1: error: `AlderForCausalLM` comes from another module already" in run.stderr
    assert digest(checkout) == before


def test_another_model_for_the_configuration_is_not_outdone(checkout):
    other = checkout / MODELS / "modeling_oak.py"
    other.write_text('import f\n\nf.F.register_custom_model_cls("AlderConfig", OakForCausalLM)\n')
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, status=1)
    assert f"error: {other}:3: OakForCausalLM is registered for AlderConfig already\n    help: it may" in run.stderr
    assert digest(checkout) == before
    onboard(DENSE, "--into", checkout, "--force")
    assert (checkout / MODELS / "modeling_alder.py").exists()


def test_mixed_line_ends_are_refused(checkout):
    path = checkout / LISTS[0]
    path.write_bytes((IMPORT + '__all__ = ("OakForCausalLM",)\r\n').encode())
    run = onboard(DENSE, "--into", checkout, status=1)
    assert "its line ends are mixed" in run.stderr


OLD = "  yaml_extra: ['dashboard_default.yaml']\n"
REGISTRIES = {
    # what is there, which model, after which line its entry stands, what is added
    "behind the last of its family": (
        f"models:\n- name: oak/Alder-8B\n{OLD}- name: oak/Pine-1B\n{OLD}",
        f"models:\n- name: oak/Alder-8B\n{OLD}",
        "- name: oak/Alder-1B\n  yaml_extra: ['dashboard_default.yaml', 'world_size_1.yaml', 'alder-1b.yaml']\n",
    ),
    "another organisation is another family": (
        f"models:\n- name: elm/Alder-8B\n{OLD}- name: oak/Pine-1B\n{OLD}",
        f"models:\n- name: elm/Alder-8B\n{OLD}- name: oak/Pine-1B\n{OLD}",
        "- name: oak/Alder-1B\n  yaml_extra: ['dashboard_default.yaml', 'world_size_1.yaml', 'alder-1b.yaml']\n",
    ),
    "a list that is indented, and not the last": (
        f"models:\n  - name: oak/Pine-1B\n    config_id: x\n  {OLD}# behind\nother: 1\n",
        f"models:\n  - name: oak/Pine-1B\n    config_id: x\n  {OLD}",
        "  - name: oak/Alder-1B\n    config_id: alder_1b\n"
        "    yaml_extra: ['dashboard_default.yaml', 'world_size_1.yaml', 'alder-1b.yaml']\n",
    ),
    "defaults and users' settings": (
        "models:\n- name: oak/Alder-8B\n  ad_defaults: ['ad_base.yaml']\n  user_configs: ['a.yaml']\n  world_size: 2\n",
        "models:\n- name: oak/Alder-8B\n  ad_defaults: ['ad_base.yaml']\n  user_configs: ['a.yaml']\n  world_size: 2\n",
        "- name: oak/Alder-1B\n  ad_defaults: ['ad_base.yaml']\n  user_configs: ['alder-1b.yaml']\n  world_size: 1\n",
    ),
    "titles, and letters of more than a byte": (
        f"# größer → kleiner\nmodels:\n# --- Pine ---\n- name: oak/Pine-1B\n{OLD}  # ŵhy\n\n",
        f"# größer → kleiner\nmodels:\n# --- Pine ---\n- name: oak/Pine-1B\n{OLD}  # ŵhy\n",
        "\n# --- Alder-1B ---\n- name: oak/Alder-1B\n"
        "  yaml_extra: ['dashboard_default.yaml', 'world_size_1.yaml', 'alder-1b.yaml']\n",
    ),
    "it is there already": (f"models:\n- name: oak/Alder-1B\n{OLD}", "", ""),
}


@pytest.mark.parametrize("form", REGISTRIES)
def test_forms_of_the_registry(checkout, config, form):
    before, above, added = REGISTRIES[form]
    path = checkout / LISTS[1]
    path.write_text(before)
    onboard(DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B", "--config", config)
    assert path.read_text() == above + added + before[len(above) :]
    names = [entry["name"] for entry in yaml.safe_load(path.read_text())["models"]]
    assert names.count("oak/Alder-1B") == 1


# An entry that is there: before, and after `--force` with one GPU; all else of the file stays.
ENTRIES = {
    "the usual one": (
        "- name: oak/Alder-1B\n  config_id: default_ws_4\n"
        "  yaml_extra: ['dashboard_default.yaml', 'world_size_4.yaml'] # why\n",
        "- name: oak/Alder-1B\n  config_id: alder_1b\n"
        "  yaml_extra: ['dashboard_default.yaml', 'world_size_1.yaml', 'alder-1b.yaml'] # why\n",
    ),
    "settings and an id of somebody": (
        '- yaml_extra: ["mine.yaml",\n    "world_size_1.yaml"]\n  config_id: "mine"  # ours\n  name: oak/Alder-1B\n',
        '- yaml_extra: ["mine.yaml",\n    "world_size_1.yaml", \'alder-1b.yaml\']\n  config_id: "mine"  # ours\n'
        "  name: oak/Alder-1B\n",
    ),
    "a list in lines": (
        "- name: oak/Alder-1B\n  yaml_extra:\n    - dashboard_default.yaml\n    # two\n    - world_size_2.yaml\n",
        "- name: oak/Alder-1B\n  yaml_extra:\n    - dashboard_default.yaml\n    # two\n    - 'world_size_1.yaml'\n"
        "    - 'alder-1b.yaml'\n",
    ),
    "defaults and users' settings": (
        "- name: oak/Alder-1B\n  ad_defaults: ['ad_base.yaml']\n  user_configs: ['a.yaml']\n  world_size: 2\n",
        "- name: oak/Alder-1B\n  ad_defaults: ['ad_base.yaml']\n  user_configs: ['a.yaml', 'alder-1b.yaml']\n"
        "  world_size: 1\n",
    ),
    "two, one of them with our settings": (
        "- name: oak/Alder-1B\n  yaml_extra: ['other.yaml']\n"
        "- name: oak/Alder-1B\n  yaml_extra: ['world_size_8.yaml', 'alder-1b.yaml']\n",
        "- name: oak/Alder-1B\n  yaml_extra: ['other.yaml']\n"
        "- name: oak/Alder-1B\n  yaml_extra: ['world_size_1.yaml', 'alder-1b.yaml']\n",
    ),
    "two, and nothing tells which": 2
    * ("- name: oak/Alder-1B\n  yaml_extra: ['a.yaml']\n- name: oak/Alder-1B\n  yaml_extra: ['b.yaml']\n",),
}


@pytest.mark.parametrize("form", ENTRIES)
def test_an_entry_is_updated_with_force(checkout, config, tmp_path, form):
    before, after = ENTRIES[form]
    above, below = "# größer\nmodels:\n- name: a/b\n  yaml_extra: []\n", "# the end\n- name: z/z\n  yaml_extra: [x]\n"
    path = checkout / LISTS[1]
    path.write_text(above + before + below)
    args = [DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B", "--config", config]
    onboard(*args, "-o", tmp_path / "texts")
    assert path.read_text() == above + before + below
    told = (tmp_path / "texts/ONBOARDING.md").read_text()
    assert ("was left as it is; `--force` updates it" in told) == ("alder-1b.yaml" not in before)
    onboard(*args, "--force")
    assert path.read_text() == above + after + below
    assert all(item["name"] for item in yaml.safe_load(path.read_text())["models"])
    assert onboard(*args, "--force").stdout == ""


HEAD = "| Architecture | Model | HuggingFace Example |\n|---|---|---|\n"
NOTE = (
    "Supported via the [AutoDeploy](../features/auto_deploy/auto-deploy.md) backend. "
    "See [AD config](../../../examples/auto_deploy/model_registry/configs/alder-1b.yaml).\n"
)
MATRICES = {
    "a footnote of its own": (
        f"{HEAD}| `A` | a | `a/a` |\n\n[^3]: b\n",
        f"{HEAD}| `A` | a | `a/a` |\n| `AlderForCausalLM` [^4] | Alder-1B | `oak/Alder-1B` |\n\n[^3]: b\n[^4]: {NOTE}",
    ),
    "the first footnote": (
        f"{HEAD}| `Z` | z | `z/z` |\n",
        f"{HEAD}| `AlderForCausalLM` [^1] | Alder-1B | `oak/Alder-1B` |\n| `Z` | z | `z/z` |\n\n[^1]: {NOTE}",
    ),
    "behind all, with the first footnote": (
        f"{HEAD}| `A` | a | `a/a` |",
        f"{HEAD}| `A` | a | `a/a` |\n| `AlderForCausalLM` [^1] | Alder-1B | `oak/Alder-1B` |\n\n[^1]: {NOTE}"[:-1],
    ),
    "the row is there": (f"{HEAD}| `AlderForCausalLM` | a | `a/a` |\n", f"{HEAD}| `AlderForCausalLM` | a | `a/a` |\n"),
}


@pytest.mark.parametrize("form", MATRICES)
def test_forms_of_the_matrix(checkout, form):
    before, after = MATRICES[form]
    path = checkout / MATRIX
    path.write_text(before)
    onboard(DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B")
    assert path.read_text() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("| `a/a` |", "| `a/a`, `oak/Alder-1B` |"),
        ("| `a/a`                  |", "| `a/a`, `oak/Alder-1B`  |"),
        ("|`a/a`|", "|`a/a`, `oak/Alder-1B`|"),
        ("| `a/a`, `oak/Alder-1B` |", "| `a/a`, `oak/Alder-1B` |"),
        ("|  |", "| `oak/Alder-1B` |"),
    ],
)
def test_a_row_gets_one_more_example_with_force(checkout, before, after):
    path = checkout / MATRIX
    row = f"{HEAD}| `AaForCausalLM` | a | `a` |\n| `AlderForCausalLM` [^9] | Alder, Älder "
    path.write_text(f"{row}{before}\n\n[^9]: x\n")
    args = [DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B"]
    onboard(*args)
    assert path.read_text() == f"{row}{before}\n\n[^9]: x\n"
    onboard(*args, "--force")
    assert path.read_text() == f"{row}{after}\n\n[^9]: x\n"


def test_a_row_of_features(checkout, config, tmp_path):
    """What follows from the model is said; what only a run can tell is not made up."""
    path = checkout / MATRIX
    features = "| Model Architecture/Feature | CUDA Graph | MTP | Sliding Window Attention |\n|---|---|---|---|\n"
    first, second = (
        "| `AcornForCausalLM`         | Yes        | Yes | No |\n",
        "| `OakForCausalLM` | Yes [^1] | No | Yes |\n",
    )
    path.write_text(f"{HEAD}| `A` | a | `a/a` |\n\n{features}{first}{second}\n[^1]: x\n")
    args = [DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B", "--key-model"]
    onboard(*args, "--config", config)
    row = "| `AlderForCausalLM`         | Untested   | No  | N/A |\n"
    assert f"{features}{first}{row}{second}" in path.read_text()
    before = path.read_text()
    onboard(*args, "--config", config)
    assert path.read_text() == before
    windows = GOLDEN / "window_attribute/modeling_cedar.py"
    args = [windows, "--into", checkout, "--hf-id", "oak/Cedar-1B", "--key-model"]
    onboard(*args, "--config", config)
    assert "| `CedarForCausalLM`         | Untested   | No  | Untested |\n" in path.read_text()


def test_where_there_is_no_table_of_features(checkout):
    path = checkout / MATRIX
    path.write_text(f"{HEAD}| `A` | a | `a/a` |\n")
    before = digest(checkout)
    run = onboard(DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B", "--key-model", status=1)
    assert "there is no table of features, `Model Architecture/Feature` first" in run.stderr
    assert digest(checkout) == before
    run = onboard(DENSE, "-o", checkout / "new", "--key-model", status=2)
    assert "`--key-model` goes with `--into CHECKOUT` and `--hf-id ORG/NAME`" in run.stderr


def test_a_class_that_pytorch_serves_has_no_footnote(moe):
    _, checkout, texts = moe
    assert "| `SorrelwoodForCausalLM`   " in (checkout / MATRIX).read_text()
    assert "No footnote" in (texts / "ONBOARDING.md").read_text()


def test_an_older_checkout_has_its_tests_elsewhere(checkout):
    older = "tests/unittest/_torch/auto_deploy/unit/singlegpu/models"
    shutil.rmtree(checkout / "tests")
    (checkout / older).mkdir(parents=True)
    onboard(DENSE, "--into", checkout)
    assert (checkout / older / "test_alder_modeling.py").exists()


# -- settings --------------------------------------------------------------------------------------------------------


def settings(folder, stem):
    return yaml.safe_load((folder / REGISTRY / f"configs/{stem}.yaml").read_text())


def test_settings_are_complete(tmp_path, config):
    onboard(DENSE, "-o", tmp_path, "--hf-id", "oak-labs/Alder-1B", "--config", config)
    found = settings(tmp_path, "alder-1b")
    assert found["runtime"] == "trtllm"
    assert found["compile_backend"] == "torch-cudagraph"
    assert found["attn_backend"] == "trtllm"
    assert found["model_factory"] == "AutoModelForCausalLM"
    assert found["world_size"] == 1
    assert found["max_seq_len"] == found["max_num_tokens"] == CONFIG["max_position_embeddings"]
    assert max(found["cuda_graph_config"]["batch_sizes"]) == found["max_batch_size"]
    assert "transforms" not in found
    assert "FILL IN" not in (tmp_path / REGISTRY / "configs/alder-1b.yaml").read_text()


def test_two_experts_are_exported(tmp_path):
    onboard(MOE, "-o", tmp_path, "--hf-id", "a/M")
    assert settings(tmp_path, "m")["transforms"] == {"export_to_gm": {"num_moe_experts_for_export": 2}}


@pytest.mark.parametrize(("width", "gpus"), [(2816, 1), (40960, 2), (409600, 4), (4096000, 8)])
def test_world_size_follows_from_the_parameters(tmp_path, width, gpus):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**CONFIG, "intermediate_size": width}))
    onboard(DENSE, "-o", tmp_path, "--hf-id", "a/M", "--config", config)
    assert settings(tmp_path, "m")["world_size"] == gpus
    assert f"world_size_{gpus}.yaml" in (tmp_path / "ONBOARDING.md").read_text()


def test_settings_in_two_files(tmp_path, config):
    args = ["--hf-id", "oak-labs/Alder-1B", "--config", config]
    onboard(DENSE, "-o", tmp_path / "one", *args)
    onboard(DENSE, "-o", tmp_path / "two", *args, "--registry-layout", "split")
    user = settings(tmp_path / "two", "alder-1b")
    ours = yaml.safe_load((tmp_path / "two" / INTERNAL / "configs/alder-1b_ad.yaml").read_text())
    assert {**user, **ours} == settings(tmp_path / "one", "alder-1b")
    assert set(ours) == {"runtime", "compile_backend", "attn_backend", "model_factory"}
    for folder, complete in (("one", True), ("two", False)):
        notebook = (tmp_path / folder / COOKBOOKS / "alder_1b_trtllm_cookbook.ipynb").read_text()
        assert ("complete by itself" in notebook) == complete
        assert ("alder-1b_ad.yaml" in notebook) == (not complete)
    report = (tmp_path / "two/ONBOARDING.md").read_text()
    assert "'world_size_1.yaml', 'alder-1b_ad.yaml', 'alder-1b.yaml']" in report
    assert report.index("alder-1b_ad.yaml \\\n") < report.index(f"--args.yaml-extra {REGISTRY}/configs/alder-1b.yaml")


def test_a_checkout_that_keeps_them_apart(checkout, config):
    (checkout / INTERNAL).mkdir(parents=True)
    entry = (
        "- name: oak/Alder-8B\n  ad_defaults: ['ad_base.yaml', 'alder-8b_ad.yaml']\n  user_configs: ['alder-8b.yaml']\n"
    )
    (checkout / INTERNAL / "models.yaml").write_text(f"models:\n{entry}")
    (checkout / LISTS[1]).unlink()
    onboard(DENSE, "--into", checkout, "--hf-id", "oak/Alder-1B", "--config", config)
    assert (checkout / INTERNAL / "configs/alder-1b_ad.yaml").exists()
    assert (checkout / INTERNAL / "models.yaml").read_text() == (
        f"models:\n{entry}- name: oak/Alder-1B\n  ad_defaults: ['ad_base.yaml', 'alder-1b_ad.yaml']\n"
        "  user_configs: ['alder-1b.yaml']\n  world_size: 1\n"
    )


# -- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [DENSE, MOE], ids=["dense", "experts"])
def test_notebooks(tmp_path, source):
    onboard(source, "-o", tmp_path, "--hf-id", "oak-labs/A-1.5B-chat")
    path = tmp_path / COOKBOOKS / "a_1.5b_chat_trtllm_cookbook.ipynb"
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 4)
    assert len(notebook.cells) == 15
    assert nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n" == path.read_text()
    text = "\n".join(cell.source for cell in notebook.cells)
    assert 'trtllm-serve "oak-labs/A-1.5B-chat"' in text
    assert f"--extra_llm_api_options {REGISTRY}/configs/a-1.5b-chat.yaml" in text
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            if re.search(r"^[!%]", cell.source, re.M) is None:
                compile(cell.source, "cell", "exec")


def test_the_report_names_every_test(moe):
    _, checkout, texts = moe
    tests = (checkout / TESTS / "test_sorrelwood_modeling.py").read_text()
    named = re.findall(r"^\| `(test_\w+)` \| Level \d", (texts / "ONBOARDING.md").read_text(), re.M)
    assert named == re.findall(r"^def (test_\w+)", tests, re.M)


def test_the_report_has_the_review(moe):
    _, checkout, texts = moe
    made = [f"{MODELS}/modeling_sorrelwood.py", f"{TESTS}/test_sorrelwood_modeling.py"]
    command = [ADGEN, "review", "--format", "json", *made, "--package", str(PACKAGE)]
    run = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=60, check=True)
    report = (texts / "ONBOARDING.md").read_text()
    for file in json.loads(run.stdout)["files"]:
        verdicts = [item["verdict"] for item in file["checklist"]]
        said = ", ".join(
            f"{verdicts.count(verdict)} {what}"
            for verdict, what in (("PASS", "items passed"), ("FAIL", "failed"), ("not applicable", "not applicable"))
        )
        assert f"- `{file['path']}`: PASS; {said}\n" in report
        for item in file["checklist"]:
            assert (f"  - {item['rule']}, " in report) == (item["verdict"] == "not checked")


def test_a_configuration_of_another_type_is_said(tmp_path, config):
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**json.loads(config.read_text()), "model_type": "larch"}))
    run = onboard(DENSE, "-o", tmp_path / "tree", "--config", other)
    assert "is of type `larch`, and read as AlderConfig, which is of type `alder`" in run.stderr


def test_a_quantised_checkpoint_is_said_to_be(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**CONFIG, "quantization_config": {"quant_method": "fp8"}}))
    onboard(DENSE, "-o", tmp_path / "tree", "--hf-id", "oak-labs/Alder-1B", "--config", config)
    assert "- the checkpoint is quantised (fp8)\n" in (tmp_path / "tree/ONBOARDING.md").read_text()
    notebook = (tmp_path / "tree" / COOKBOOKS / "alder_1b_trtllm_cookbook.ipynb").read_text()
    assert "GiB in bfloat16, less as they are published, quantised (fp8);" in notebook


def test_every_file_is_in_the_report(tmp_path):
    run = onboard(DENSE, "-o", tmp_path, "--hf-id", "oak-labs/Alder-1B")
    for name in ("ONBOARDING.md", "PULL_REQUEST.md"):
        text = (tmp_path / name).read_text()
        for path in files(tmp_path):
            assert path in ("ONBOARDING.md", "PULL_REQUEST.md") or f"`{path}`" in text
        assert f"wrote {tmp_path}/{name}, with {text.count('FILL IN')} places marked FILL IN" in run.stderr
        assert "@" not in text


def test_few_layers_have_all_kinds(tmp_path):
    """Layers of the tenth kind are reached by a run with ten."""
    source = GOLDEN / "experts_after_dense_layers/modeling_medlar.py"
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"num_hidden_layers": 20, "first_k_dense_replace": 9}))
    onboard(source, "-o", tmp_path, "--hf-id", "a/M", "--config", config)
    assert "--args.model-kwargs.num-hidden-layers=10\n" in (tmp_path / "ONBOARDING.md").read_text()


def test_without_an_id(tmp_path, config):
    run = onboard(DENSE, "-o", tmp_path / "tree", "--config", config)
    assert "no settings, registry entry, row of the support matrix or cookbook: they take the name" in run.stderr
    assert sorted(files(tmp_path / "tree")) == [
        "ONBOARDING.md",
        "PULL_REQUEST.md",
        f"{MODELS}/modeling_alder.py",
        f"{TESTS}/test_alder_modeling.py",
    ]
    for name, sections in (("ONBOARDING.md", 5), ("PULL_REQUEST.md", 1)):
        text = (tmp_path / "tree" / name).read_text()
        assert text.count("Not made, with all that is published: they take the name") == sections
        assert "every prompt" not in text


def test_without_a_configuration_sizes_are_marked(tmp_path):
    onboard(DENSE, "-o", tmp_path, "--hf-id", "oak-labs/Alder-1B")
    report = (tmp_path / "ONBOARDING.md").read_text()
    assert "**FILL IN:** sizes are the defaults of `AlderConfig`" in report
    text = (tmp_path / REGISTRY / "configs/alder-1b.yaml").read_text()
    assert re.search(r"^world_size: \d # FILL IN: by the defaults", text, re.M)


def test_prefill_only_is_not_published(tmp_path):
    source = next((GOLDEN / "bias_by_distance").glob("modeling_*.py"))
    run = onboard(source, "-o", tmp_path, "--hf-id", "a/M", status=3)
    assert "adgen: prefill-only: " in run.stderr
    assert "cookbook: AutoDeploy cannot generate with the model" in run.stderr
    assert not (tmp_path / "examples").exists()
    for name in ("ONBOARDING.md", "PULL_REQUEST.md"):
        assert "- **AutoDeploy cannot generate with it: " in (tmp_path / name).read_text()


def test_templates_name_no_model():
    listed = subprocess.run([ADGEN, "--list-models", "--package", PACKAGE], capture_output=True, text=True, check=True)
    types = {line.split()[0].lower() for line in listed.stdout.splitlines()}
    assert "qwen3" in types
    for template in (ROOT / "templates").iterdir():
        words = set(re.findall(r"[a-z][a-z0-9_]+", template.read_text().lower()))
        assert not words & types, template.name


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([DENSE], "needs `-o DIR` or `--into CHECKOUT`"),
        ([DENSE, "-o", "x", "--hf-id", "Alder"], "`--hf-id` is ORG/NAME"),
        ([DENSE, "-o", "x", "--hf-id", "a/b/c"], "`--hf-id` is ORG/NAME"),
        ([DENSE, "-o", "x", "--hf-id", "a/b c"], "`--hf-id` is ORG/NAME"),
        ([DENSE, "-o", "x", "--hf-id", "a/.."], "`--hf-id` is ORG/NAME"),
        ([DENSE, "-o", "x", "--hf-id", "a/b--c"], "`--hf-id` is ORG/NAME"),
        ([DENSE, "-o", "x", "--hf-id", "a/b."], "`--hf-id` is ORG/NAME"),
        ([DENSE, "-o", "x", "--registry-layout", "both"], "`--registry-layout` is joined or split"),
        (["-", "-o", "x"], "names files after its INPUT"),
        ([DENSE, "-o", "x", "--diff"], "`adgen onboard` takes no `--diff`"),
        (["-o", "x"], "there is no INPUT"),
    ],
)
def test_usage_errors(tmp_path, args, said):
    run = onboard(*args, status=2, cwd=tmp_path)
    assert said in run.stderr
    assert os.listdir(tmp_path) == []


def test_help():
    run = onboard("--help")
    assert "--into CHECKOUT" in run.stdout and "-o, --output DIR" in run.stdout
    assert "--out-dir" not in run.stdout
