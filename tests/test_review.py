"""`adgen review`: what it finds in hand-written files, what it leaves alone, and how it says so."""

import json
import random
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from golden_cases import ADGEN, GOLDEN, ROOT
from test_cli import MINI

FILES = ROOT / "tests/data/review"
LINDEN, ROWAN = FILES / "modeling_linden.py", FILES / "modeling_rowan.py"
ITEMS = {item["id"]: item for item in yaml.safe_load((ROOT / "rules/review.yaml").read_text())["review"]}
EXAMPLES = [(item, kind) for item in ITEMS for kind in ("bad", "good") if kind in ITEMS[item]]


def review(*args, package=MINI, cwd=None):
    options = ["--package", str(package)] if package else []
    command = [ADGEN, "review", *map(str, args), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=cwd)


def reviewed(*paths, **kwargs):
    """The record of each file."""
    run = review(*paths, "--format", "json", **kwargs)
    assert run.stderr == ""
    files = json.loads(run.stdout)["files"]
    assert run.returncode == any(f["findings"] or f["errors"] for f in files)
    return files


def places(record):
    return sorted((f["line"], f["rule"]) for f in record["findings"])


@pytest.fixture
def written(tmp_path):
    def write(text, name="modeling_elm.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# -- the items --------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_oak(tmp_path):
    """A package that knows a OakConfig."""
    auto = tmp_path / "transformers/models/auto"
    auto.mkdir(parents=True)
    for folder in (auto.parent.parent, auto.parent, auto):
        (folder / "__init__.py").write_text("")
    (auto / "configuration_auto.py").write_text('CONFIG_MAPPING_NAMES = OrderedDict([("oak", "OakConfig")])\n')
    (auto / "auto_mappings.py").write_text('CONFIG_MAPPING_NAMES = OrderedDict([("oak", "OakConfig")])\n')
    (auto / "modeling_auto.py").write_text('MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict([("oak", "L")])\n')
    return auto.parent.parent


@pytest.mark.parametrize("item,kind", EXAMPLES, ids=lambda x: x)
def test_examples(item, kind, written, with_oak):
    (record,) = reviewed(written(ITEMS[item][kind]), package=with_oak)
    assert record["errors"] == []
    found = [f for f in record["findings"] if f["rule"] == item]
    verdict = next(i["verdict"] for i in record["checklist"] if i["rule"] == item)
    assert (bool(found), verdict == "FAIL") == (kind == "bad", kind == "bad")
    assert verdict != "not checked"


def test_every_item_that_is_reported_is_explained():
    source = "".join(path.read_text() for path in (ROOT / "rewrite").glob("review*.c"))
    reported = set(re.findall(r'"([A-Z]{1,2}\d)"', source))
    assert reported == {id for id, item in ITEMS.items() if "by" not in item}
    listed = review("--list-rules", package=None).stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(ITEMS)
    for item in ITEMS.values():
        text = review("--explain", item["id"], package=None).stdout
        assert text.startswith(f"{item['id']}: {item['title']}\n")
        for line in (item.get("bad", "") + item.get("good", "")).splitlines():
            assert line in text
    run = review("--explain", "CA9", package=None)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("adgen: there is no item `CA9`\n")


# -- whole files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FILES.glob("*.py")), ids=lambda p: p.stem)
def test_hand_written(path):
    """`# expect: C1` stands on each line with a finding; two files have none at all."""
    expected = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        ids = re.search(r"# expect: (.*)", line)
        expected += [(number, id) for id in (ids[1].split() if ids else [])]
    (record,) = reviewed(path)
    assert places(record) == sorted(expected)
    unchecked = {i["rule"] for i in record["checklist"] if i["verdict"] == "not checked"}
    assert unchecked == {id for id in ITEMS if "by" in ITEMS[id] and ITEMS[id]["file"] == record["kind"]}


def emitted():
    """What the golden cases say that adgen writes; files with gaps are for a person to go on with."""
    for folder in sorted(GOLDEN.iterdir()):
        args = folder / "args"
        if not (args.exists() and "--partial" in args.read_text()):
            yield from (path for name in ("expected.py", "tests.py") if (path := folder / name).exists())


def test_nothing_is_found_in_what_adgen_writes():
    found = {
        record["path"]: places(record) for record in reviewed(*emitted()) if record["findings"] or record["errors"]
    }
    assert found == {}


def test_nothing_is_found_in_translations_of_the_package(tmp_path):
    transformers = pytest.importorskip("transformers")
    package = Path(transformers.__file__).parent
    run = [ADGEN, "--all", "--package", str(package), "--out-dir", str(tmp_path), "-q"]
    subprocess.run(run, capture_output=True, timeout=300, check=False)
    for name in ("qwen3", "deepseek_v3", "gpt_oss", "mamba2"):
        model, test = tmp_path / f"modeling_{name}.py", tmp_path / f"test_{name}.py"
        run = [ADGEN, name, "--package", str(package), "-o", str(model), "--test", str(test), "-q"]
        subprocess.run(run, capture_output=True, timeout=60, check=False)
    records = reviewed(*sorted(tmp_path.glob("*.py")), package=package)
    assert len(records) > 60
    assert {Path(r["path"]).name: places(r) for r in records if r["findings"] or r["errors"]} == {}


def test_any_file_of_the_package_can_be_reviewed():
    """Hugging Face's own files are full of findings, but none of them is too much."""
    transformers = pytest.importorskip("transformers")
    package = Path(transformers.__file__).parent
    paths = sorted(package.glob("models/*/modeling_*.py"))
    records = reviewed(*paths, package=package)
    assert [r["path"] for r in records] == [str(p) for p in paths]
    assert not any(r["errors"] for r in records)


def test_damaged_files(written):
    """Lines left out or repeated at random: an answer or an error, never an accident."""
    chance = random.Random(5)
    paths = []
    for number in range(60):
        lines = (ROWAN if number % 2 else FILES / "rowan_tests.py").read_text().splitlines()
        for _ in range(1 + number // 6):
            at = chance.randrange(len(lines))
            lines[at : at + chance.randrange(1, 4)] = [lines[chance.randrange(len(lines))]] * chance.randrange(2)
        paths.append(written("\n".join(lines) + "\n", f"damaged_{number}.py"))
    run = review(*paths, "--format", "json")
    assert run.returncode == 1
    assert len(json.loads(run.stdout)["files"]) == 60


# -- what is said -----------------------------------------------------------------------------------------------------

SMALL = """\
from torch import nn


class ElmMLP(nn.Module):
    def forward(self, x, attention_mask=None):
        return x
"""


def test_text(written):
    path = written(SMALL)
    run = review("modeling_elm.py", cwd=path.parent)
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.startswith(
        "modeling_elm.py:1:1: error: no model is registered: AutoDeploy would build Hugging Face's [A5]\n"
        "    from torch import nn\n"
        "    ^\n"
        "modeling_elm.py:5:26: error: `forward` takes `attention_mask`, which AutoDeploy does not pass [CA3]\n"
        "        def forward(self, x, attention_mask=None):\n"
        "                             ^~~~~~~~~~~~~~~~~~~\n"
        "    help: AutoDeploy masks and pads in its runtime; a decoder has no encoder.\n"
        "\n"
        "modeling_elm.py: model, 2 findings\n"
        "  A1   PASS  the registered class is a PreTrainedModel\n"
    )
    assert "\n  A5   FAIL  the model is registered, at the end of the file\n" in run.stdout
    assert "\n  D4   n/a   every expert is a module of its own (for a file with experts)\n" in run.stdout
    quiet = review(path, "-q").stdout
    assert "FAIL" not in quiet and quiet.count(": error: ") == 2
    assert "\033[1;31merror:\033[0m" in review(path, "--color", "always").stdout


def test_nothing_found():
    run = review(LINDEN)
    assert run.returncode == 0
    assert run.stdout.startswith(f"{LINDEN}: model, 0 findings\n") and "FAIL" not in run.stdout
    assert review(LINDEN, "-q").stdout == ""


def test_json(written):
    (record,) = reviewed(written(SMALL))
    assert record["kind"] == "model"
    assert record["findings"][1] == {
        "rule": "CA3",
        "line": 5,
        "column": 26,
        "end_line": 5,
        "end_column": 45,
        "message": "`forward` takes `attention_mask`, which AutoDeploy does not pass",
        "help": "AutoDeploy masks and pads in its runtime; a decoder has no encoder.",
    }
    assert [i["rule"] for i in record["checklist"]] == [i for i in ITEMS if ITEMS[i]["file"] != "test"]


def test_github(written):
    path = written(SMALL, "a,b:c%d.py")
    lines = review(path.name, "--format", "github", cwd=path.parent).stdout.splitlines()
    assert lines[1] == (
        "::error file=a%2Cb%3Ac%25d.py,line=5,endLine=5,col=26,endColumn=45,"
        "title=CA3%3A forward takes no runtime arguments of Hugging Face::"
        "`forward` takes `attention_mask`, which AutoDeploy does not pass"
        "%0AAutoDeploy masks and pads in its runtime; a decoder has no encoder."
    )
    lines = review("nowhere.py", "--format", "github", cwd=path.parent).stdout.splitlines()
    assert len(lines) == 1 and lines[0].startswith("::error file=nowhere.py,title=not reviewed::nowhere.py: ")


def test_sarif(written):
    path = written(SMALL, "a b.py")
    run = review(path.name, ROWAN, "--format", "sarif", cwd=path.parent)
    sarif = json.loads(run.stdout)
    assert sarif["version"] == "2.1.0" and len(sarif["runs"]) == 1
    rules = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(ITEMS)
    assert all(rule["shortDescription"]["text"] and rule["fullDescription"]["text"] for rule in rules)
    results = sarif["runs"][0]["results"]
    assert len(results) > 20
    for result in results:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error" and result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
    assert uris == {"a%20b.py", f"file://{ROWAN}"}
    assert sarif["runs"][0]["invocations"][0] == {"executionSuccessful": True, "toolExecutionNotifications": []}
    failed = json.loads(review("nowhere.py", "--format", "sarif", cwd=path.parent).stdout)["runs"][0]
    assert failed["results"] == [] and not failed["invocations"][0]["executionSuccessful"]
    assert len(failed["invocations"][0]["toolExecutionNotifications"]) == 1


# -- what is meant ----------------------------------------------------------------------------------------------------

IGNORES = """\
# adgen: ignore[A5]
from torch import nn


class ElmMLP(nn.Module):
    def forward(self, x, attention_mask=None):  # adgen: ignore[CA3]
        # adgen: ignore[C5, C4]
        # (which is what the source does)
        if self.training:
            x = x + 1
        text = "# adgen: ignore[C6]"
        return x, text  # adgen: ignore[XX]


class ElmNorm(nn.Module):
    def forward(self, x, use_cache=False):
        return nn.functional.dropout(
            x,
            p=0.5,  # adgen: ignore[C5]
        )
"""


def test_ignore(written):
    (record,) = reviewed(written(IGNORES))
    assert places(record) == [(7, "I1"), (12, "I1"), (16, "CA3")]
    assert [f["message"] for f in record["findings"]][:2] == [
        "there is no finding of C4 to ignore here",
        "there is no item `XX`",
    ]
    items = {i["rule"]: i for i in record["checklist"]}
    assert (items["A5"]["verdict"], items["A5"]["ignored"], items["A5"]["note"]) == ("PASS", 1, "1 ignored")
    assert (items["CA3"]["verdict"], items["CA3"]["ignored"], items["CA3"]["findings"]) == ("FAIL", 1, 1)
    assert (items["C5"]["verdict"], items["C5"]["ignored"]) == ("PASS", 2)


# -- what cannot be reviewed ------------------------------------------------------------------------------------------


def test_errors(written):
    nothing = written("X = 1\n", "nothing.py")
    run = review(nothing)
    assert run.returncode == 1
    assert "there is neither a model nor a test in this file [no-model]" in run.stdout
    run = review(written("def f(:\n", "broken.py"))
    assert run.returncode == 1 and "broken.py:1:7: error: " in run.stdout and "[syntax]" in run.stdout
    run = review(nothing.parent / "missing.py")
    assert run.returncode == 1 and "missing.py: No such file or directory" in run.stdout


def test_one_of_several_fails(written):
    files = reviewed(written("def f(:\n", "broken.py"), LINDEN, ROWAN)
    assert [bool(f["errors"]) for f in files] == [True, False, False]
    assert [bool(f["findings"]) for f in files] == [False, False, True]
    run = review(LINDEN, ROWAN)
    assert run.stdout.splitlines()[-1].startswith("2 files, 1 with findings or not reviewed, ")


def test_another_word_for_the_operators_is_looked_through(written):
    other_word = "ops = torch.ops\nours = ops.auto_deploy\nround = around = round\n\n\n"
    call = "        return ours.triton_norm(x, around(2))\n"
    text = f"import torch\nfrom torch import nn\n\n{other_word}class A(nn.Module):\n    def forward(self, x):\n{call}"
    (record,) = reviewed(written(text))
    assert (text[: text.index("ours.t")].count("\n") + 1, "C3") in places(record)
    assert [f["message"] for f in record["findings"] if f["rule"] == "C3"] == [
        "`torch.ops.auto_deploy.triton_norm` needs a GPU and fixes the backend"
    ]


STACKED = """
from torch import nn
import torch

class OakExperts(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_experts = config.num_experts
        self.down_proj = nn.Parameter(torch.empty(self.num_experts, config.hidden_size, config.intermediate_size))

class L(nn.Module):
    pass
"""
CONVERSION = """
def _build():
    mapping = {
        "oak": [
            WeightConverter(
                source_patterns="experts.*.down_proj.weight",
                target_patterns="experts.down_proj",
                operations=[MergeModulelist(dim=0)],
            ),
        ],
    }
    return mapping
"""
LISTED = """
from torch import nn
from ..hf import AutoModelForCausalLMFactory

class OakExperts(nn.ModuleList):
    def __init__(self, config):
        super().__init__([OakMLP(config) for _ in range(config.num_experts)])

class OakForCausalLM(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.experts = OakExperts(config)

AutoModelForCausalLMFactory.register_custom_model_cls("OakConfig", OakForCausalLM)
"""
HOOK = "        self.experts = OakExperts(config)\n        self._register_load_state_dict_pre_hook(split)\n"


@pytest.mark.parametrize(
    "source,conversion,text,verdict",
    [
        (STACKED, None, LISTED, "FAIL"),
        (STACKED, CONVERSION.replace('"oak"', '"elm"'), LISTED, "FAIL"),
        (STACKED, None, LISTED.replace("        self.experts = OakExperts(config)\n", HOOK), "PASS"),
        (STACKED, CONVERSION, LISTED, "not applicable"),  # on disk each expert has tensors of its own
        (STACKED.replace("self.num_experts, config.h", "config.h"), None, LISTED, "not applicable"),
        (STACKED, None, LISTED.replace("OakConfig", "ElmConfig"), "not applicable"),
        (STACKED, None, LISTED.replace("num_experts", "num_heads"), "not applicable"),
    ],
)
def test_experts_that_are_published_stacked(written, with_oak, source, conversion, text, verdict):
    (with_oak / "models/oak").mkdir()
    (with_oak / "models/oak/__init__.py").write_text("")
    (with_oak / "models/oak/modeling_oak.py").write_text(source)
    if conversion:
        (with_oak / "conversion_mapping.py").write_text(conversion)
    (record,) = reviewed(written(text, "modeling_oak.py"), package=with_oak)
    assert next(item["verdict"] for item in record["checklist"] if item["rule"] == "BA2") == verdict
    said = [f["message"] for f in record["findings"] if f["rule"] == "BA2"]
    wanted = "experts are published stacked, as in transformers' `OakExperts`, and nothing here takes them apart"
    assert said == ([wanted] if verdict == "FAIL" else [])


OAK = """
import copy
import torch
from tensorrt_llm._torch.auto_deploy.models.custom import modeling_oak as ad
from tensorrt_llm._torch.auto_deploy.models.custom.modeling_oak import OakDecoderLayer, OakForCausalLM, OakMLP
from transformers.models.oak.modeling_oak import OakForCausalLM as HFOakForCausalLM

def build():
    hf_model = HFOakForCausalLM(config).eval()
    model = OakForCausalLM(config)
    model.load_state_dict(hf_model.state_dict())
    return hf_model, model.eval()

def build_wrong():
    one, other = OakForCausalLM(config), OakForCausalLM(config)
    return one.eval(), other.eval()

def run(m, x):
    return m(x, positions).logits

def test_layer():
    torch.testing.assert_close(OakDecoderLayer(config)(x), expected(x))
    assert_rmse_close(OakMLP(config)(x), expected_mlp(x), 0.01)

def test_full_model():
"""
ITSELF = "`OakForCausalLM` is compared with itself here, and no test compares the full model with the reference"


@pytest.mark.parametrize(
    "body,found",
    [
        # with the reference, whatever it is called and wherever it is made
        ("a, b = build()\n    assert_rmse_close(run(b, ids), run(a, ids), 0.05)", []),
        ("a, b = build()\n    assert (a(ids).logits - b(ids, p).logits).abs().max() < 1e-3", []),
        ("m = OakForCausalLM(config)\n    torch.testing.assert_close(m(ids, p).logits, expected(m.state_dict()))", []),
        ("m = OakForCausalLM(config)\n    check(m)", []),
        # a test of consistency besides is no finding
        (
            "a, b = build()\n    torch.testing.assert_close(b(ids).logits, a(ids).logits)\n"
            "    torch.testing.assert_close(b(ids).logits, b(ids).logits)",
            [],
        ),
        # with itself
        ("a, b = build_wrong()\n    assert_rmse_close(run(b, ids), run(a, ids), 0.05)", [("G3", ITSELF)]),
        ("a, b = build_wrong()\n    assert (a(ids).logits - b(ids).logits).abs().max() < 1e-3", [("G3", ITSELF)]),
        (
            "m = ad.OakForCausalLM(config).eval()\n    other = copy.deepcopy(m)\n"
            "    assert torch.allclose(torch.softmax(m(ids).logits, -1), torch.softmax(other(ids)[0], -1))",
            [("G3", ITSELF)],
        ),
        ("m = OakForCausalLM(config)\n    y = m(ids).logits\n    torch.testing.assert_close(y, y)", [("G3", ITSELF)]),
        # nothing that can fail
        ("a, b = build()\n    x = run(b, ids)\n    assert x.shape == x.shape", [("F2", None), ("G3", None)]),
        ("a, b = build()\n    assert run(b, ids).isfinite() or True", [("F2", None), ("G3", None)]),
        ("a, b = build()\n    torch.allclose(run(a, ids), run(b, ids))", [("F2", None), ("F2", None), ("G3", None)]),
        # tolerances
        ("a, b = build()\n    torch.testing.assert_close(run(b, ids), run(a, ids), rtol=0.1, atol=1e-1)", []),
        (
            "a, b = build()\n    tol = 5.0\n    torch.testing.assert_close(run(b, i), run(a, i), rtol=tol, atol=0)",
            [("F5", "a tolerance of 5.0 lets mistakes pass")],
        ),
        (
            "a, b = build()\n    torch.testing.assert_close(run(b, i), run(a, i), rtol=0, atol=float('inf'))",
            [("F5", "a tolerance of infinity lets mistakes pass")],
        ),
        (
            "a, b = build()\n    assert (run(a, ids) - run(b, ids)).abs().mean() < 100",
            [("F5", "a tolerance of 100 lets mistakes pass")],
        ),
    ],
)
def test_what_a_comparison_is_worth(written, body, found):
    text = OAK + f"    {body}\n\ndef test_export():\n    pass\n"
    (record,) = reviewed(written(text, "test_oak.py"))
    other = {"G4"}  # there is no export here
    of_test = [f for f in record["findings"] if f["rule"] not in other and "`test_export`" not in f["message"]]
    assert [f["rule"] for f in sorted(of_test, key=lambda f: f["rule"])] == [rule for rule, _ in found]
    for rule, message in found:
        if message:
            assert message in [f["message"] for f in of_test if f["rule"] == rule]


def test_where_the_passes_cannot_follow(written):
    """That is said, and the other items are checked all the same."""
    (record,) = reviewed(written(SMALL))
    items = {i["rule"]: i for i in record["checklist"]}
    for item in ("C1", "C7", "E1"):
        assert items[item]["verdict"] == "not checked" and "no causal LM" in items[item]["note"]


def test_command_line():
    for args, said in (
        ([], "there is no FILE to review"),
        ([LINDEN, "--format", "xml"], "`--format` is text, json, github or sarif, not `xml`"),
        ([LINDEN, "--diff"], "`adgen review` takes no `--diff`"),
    ):
        run = review(*args, package=None)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.startswith(f"adgen: {said}\n")
    run = subprocess.run([ADGEN, "keys", str(LINDEN), str(ROWAN)], capture_output=True, text=True, check=False)
    assert run.returncode == 2 and "one INPUT is expected" in run.stderr


def test_items_of_a_folder(tmp_path):
    """A folder of rules decides what is asked for; what it leaves out is not."""
    rules = tmp_path / "rules"
    rules.mkdir()
    for path in (ROOT / "rules").glob("*.yaml"):
        (rules / path.name).write_text(path.read_text())
    text = (rules / "review.yaml").read_text()
    (rules / "review.yaml").write_text(text[: text.index("- id: A2")])
    run = review(ROWAN, "--rules", rules, "--format", "json")
    (record,) = json.loads(run.stdout)["files"]
    assert [i["rule"] for i in record["checklist"]] == ["A1"] and record["findings"] == []
    (rules / "review.yaml").write_text("review:\n- id: A1\n  file: model\n")
    run = review(ROWAN, "--rules", rules)
    assert run.returncode == 1 and "an item needs `title`" in run.stderr
