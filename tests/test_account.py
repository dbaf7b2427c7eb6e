"""The account of a translation: every part of the source has met one fate, for a reason that --explain knows."""

import ast
import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from golden_cases import GOLDEN, Case

ROOT = Path(__file__).resolve().parent.parent
ADGEN = Path(os.environ.get("ADGEN", ROOT / "build" / "release" / "adgen")).resolve()
PACKAGE_TYPES = ["qwen3", "gemma2", "gpt2", "phi3", "cohere2", "olmo2", "opt", "glm4"]
CASES = sorted(p.parent.name for p in GOLDEN.glob("*/expected.py"))
FATES = {"kept", "rewritten", "removed"}


def run(*args, cwd=None):
    return subprocess.run([ADGEN, *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False)


def package() -> Path:
    import transformers

    return Path(transformers.__file__).parent


@cache
def is_explained(reason: str) -> bool:
    return run("--explain", reason).returncode == 0


def report_of(tmp_path, *args, cwd=None):
    out = tmp_path / "report.json"
    done = run(*args, "--report", out, "-q", "-o", tmp_path / "out.py", cwd=cwd)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(out.read_text())


def items(report):
    """Every verdict: definitions, parameters, statements."""
    queue = [i for key in ("classes", "functions", "statements") for i in report[key]]
    for item in queue:
        yield item
        for key in ("functions", "statements", "parameters"):
            queue.extend(item.get(key, []))


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def blocks(node):
    for field in ("body", "orelse", "finalbody"):
        yield getattr(node, field, [])
    for handler in getattr(node, "handlers", []):
        yield handler.body


def statements(body):
    """Statements of a block and of the blocks in it, docstrings aside."""
    for node in body:
        if is_docstring(node):
            continue
        yield node
        for block in blocks(node):
            yield from statements(block)


def expected(tree, report):
    """The places of all statements of the slice: of definitions that are reached, and at module level."""
    inner = {(c["name"], None): c for c in report["classes"]}
    inner |= {(f["name"], None): f for f in report["functions"]}
    inner |= {(f["name"], c["name"]): f for c in report["classes"] for f in c.get("functions", [])}

    def function(node, owner):
        if "statements" in inner[node.name, owner]:
            yield from statements(node.body)

    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            item = inner[node.name, None]
            if "functions" not in item and "statements" not in item:
                continue
            for kid in node.body:
                if isinstance(kid, ast.FunctionDef):
                    yield from function(kid, node.name)
                elif not is_docstring(kid):
                    yield kid
        elif isinstance(node, ast.FunctionDef):
            yield from function(node, None)
        else:
            yield from statements([node])


def check(report, source: str, verified: bool):
    tree, lines = ast.parse(source), source.splitlines()

    def column(node):  # columns of the report count code points, from 1
        return len(lines[node.lineno - 1].encode()[: node.col_offset].decode()) + 1

    told = [(i["line"], i["column"]) for i in items(report) if "text" in i]
    wanted = [(n.lineno, column(n)) for n in expected(tree, report) if not isinstance(n, ast.FunctionDef)]
    assert sorted(told) == sorted(wanted)
    names = {n.name for n in tree.body if isinstance(n, ast.ClassDef)}
    assert {c["name"] for c in report["classes"]} == names
    for item in items(report):
        assert item["status"] in FATES or not verified, item
        if item["status"] in ("removed", "rewritten"):
            assert item["by"] and item["why"], item
        for reason in item.get("by", []):
            assert is_explained(reason), item
        for part in item.get("removed_parts", []):
            assert part["by"] and all(is_explained(reason) for reason in part["by"]), part
    for record in report["trace"]:
        assert is_explained(record["id"]), record


@pytest.mark.parametrize("model_type", PACKAGE_TYPES)
def test_account_of_the_package(model_type, tmp_path):
    report = report_of(tmp_path, model_type, "--package", package())
    check(report, Path(report["input"]).read_text(), verified=True)


@pytest.mark.parametrize("name", CASES)
def test_account_of_a_golden(name, tmp_path):
    case = Case(GOLDEN / name)
    report = report_of(tmp_path, case.input.name, *case.args, cwd=case.folder)
    check(report, case.input.read_text(), verified=not case.is_partial)


def test_helpers_of_attention_are_rewritten_by_its_rules(tmp_path):
    report = report_of(tmp_path, "qwen3", "--package", package())
    by = {f["name"]: f for f in report["functions"]}
    for name, rule in {
        "rotate_half": "rope-half",
        "apply_rotary_pos_emb": "rope-half",
        "repeat_kv": "attention",
        "eager_attention_forward": "attention",
    }.items():
        assert by[name]["status"] == "rewritten" and by[name]["by"] == [rule, "unfolded"], by[name]


def test_trace_is_sorted_by_place():
    case = Case(GOLDEN / "qk_norm")
    lines = run(case.input.name, "--trace", cwd=case.folder).stderr.splitlines()
    places = [tuple(map(int, re.match(r"\S+?:(\d+):(\d+): ", line).groups())) for line in lines]
    assert places == sorted(places) and len(lines) == len(set(lines))
    assert all(re.search(r": (fact|removed|rewritten|near miss) \[[a-z0-9-]+\]", line) for line in lines)


def test_a_near_miss_is_named_with_its_class(tmp_path):
    case = Case(GOLDEN / "qk_norm")
    source = case.input.read_text().replace("variance = hidden_states.pow(2)", "variance = hidden_states.pow(4)")
    assert source != case.input.read_text()
    (tmp_path / case.input.name).write_text(source)
    report = report_of(tmp_path, tmp_path / case.input.name)
    missed = [miss for c in report["classes"] if c["name"] == "AspenRMSNorm" for miss in c["near_misses"]]
    assert missed and missed[0]["rule"].startswith("rmsnorm") and "but" in missed[0]["why"]


def test_rounding_is_said(tmp_path):
    case = Case(GOLDEN / "norm_one_plus_weight")
    report = report_of(tmp_path, case.input.name, cwd=case.folder)
    assert any("rounds in another order" in (r.get("what") or "") for r in report["trace"])


@pytest.mark.parametrize("name", ["error_global", "error_data_dependent"])
def test_a_refusal_names_what_is_not_understood(name, tmp_path):
    case, out = Case(GOLDEN / name), tmp_path / "report.json"
    assert run(case.input.name, "--report", out, cwd=case.folder).returncode == 1
    report = json.loads(out.read_text())
    refused = [i for i in items(report) if i["status"] == "not understood" and "text" in i]
    assert refused and refused[0]["why"] == report["diagnostics"][0]["message"]


def test_what_a_pass_has_done_is_said_by_its_steps(tmp_path):
    report = report_of(tmp_path, "modeling_rowan.py", cwd=GOLDEN / "in_place_operations")
    rewritten = [item for item in items(report) if item["status"] == "rewritten" and "text" in item]
    found = {" ".join(item["text"].split()): item["by"] for item in rewritten}
    steps = {
        "self.gate_proj = nn.Linear(self.hidden_size": ["local-attribute"],
        "states *= self.act_fn": ["out-of-place"],
        "states.clamp_(min=-4.0": ["out-of-place"],
        "emb = torch.cat((freqs, freqs), dim=-1)": ["table"],
        "self.q_proj = nn.Linear(config.hidden_size": ["field-variable"],
        "for decoder_layer in self.layers[:": ["plain-loop"],
        "position_embeddings = self.rotary_emb(": ["by-position"],
        "outputs: BaseModelOutputWithPast = self.model(": ["interface", "by-position"],
        "return CausalLMOutputWithPast(": ["own-outputs", "next-statement"],
    }
    for start, by in steps.items():
        assert [found[text] for text in found if text.startswith(start)] == [by], start


@pytest.mark.parametrize("case", CASES)
def test_no_statement_has_the_word_of_a_pass_of_many_steps(case, tmp_path):
    golden = Case(GOLDEN / case)
    if golden.is_partial:
        pytest.skip("the parts that are not understood have no reasons")
    report = report_of(tmp_path, golden.input.name, *golden.args, cwd=golden.folder)
    assert [item for item in items(report) if set(item.get("by", [])) & {"tidy", "written"}] == []
