"""Everything that adgen emits of the installed package, without running a model: form, and a second run."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from golden_cases import ADGEN

transformers = pytest.importorskip("transformers", minversion="5.20")
PACKAGE = Path(transformers.__file__).parent


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    """The folder with every file that `adgen --all` writes."""
    folder = tmp_path_factory.mktemp("emitted")
    subprocess.run([ADGEN, "--all", "--package", PACKAGE, "--out-dir", folder, "-q"], capture_output=True, check=False)
    assert len(list(folder.glob("modeling_*.py"))) > 60
    return folder


def ruff(*args):
    return subprocess.run([sys.executable, "-m", "ruff", *args], capture_output=True, text=True, check=False)


def test_ruff_has_nothing_to_say(emitted):
    rules = ["--isolated", "--select=E,F,I,W", "--line-length=100"]
    done = ruff("check", *rules, "--config=lint.isort.known-first-party=['tensorrt_llm']", emitted)
    assert done.returncode == 0, done.stdout


def test_ruff_format_changes_nothing(emitted):
    done = ruff("format", "--isolated", "--line-length=100", "--check", emitted)
    assert done.returncode == 0, done.stdout


def test_second_run_changes_nothing(emitted):
    changed = []
    for file in sorted(emitted.glob("modeling_*.py")):
        command = [ADGEN, file, "--package", PACKAGE, "-o", file, "--check", "-q"]
        if subprocess.run(command, capture_output=True, check=False).returncode not in (0, 3):  # 3: prefill-only
            changed.append(file.name)
    assert not changed


def names(node, context):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def is_module(value):
    """`Class(...)`: maybe a module whose parameters the checkpoint holds, read or not."""
    return isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1][0].isupper()


def unread(tree):
    """What a file defines and does not read."""
    read = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}
    for n in ast.walk(tree):
        if isinstance(n, ast.Assign) and not is_module(n.value):
            stores = [t for t in n.targets if isinstance(t, ast.Attribute) and ast.unparse(t.value) == "self"]
            yield from (f"self.{t.attr}" for t in stores if t.attr not in read)
        if isinstance(n, ast.FunctionDef):
            yield from names(n, ast.Store) - names(n, ast.Load) - {"_"}
    everywhere = names(tree, ast.Load)
    yield from (n.name for n in tree.body if hasattr(n, "name") and n.name not in everywhere)


def test_nothing_is_without_a_use(emitted):
    found = {}
    for file in emitted.glob("modeling_*.py"):
        unused = sorted(set(unread(ast.parse(file.read_text()))))
        if unused:
            found[file.name] = unused
    assert not found


def test_what_is_not_understood_is_marked(tmp_path):
    """With --partial every type gives Python: the same as without, or with a marker at each gap."""
    report = tmp_path / "report.json"
    command = [ADGEN, "--all", "--partial", "--package", PACKAGE, "--out-dir", tmp_path, "--report", report, "-q"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 3
    for account in json.loads(report.read_text()):
        name = account["model_type"].replace("-", "_").replace(".", "_")
        text = (tmp_path / f"modeling_{name}.py").read_text()
        compile(text, name, "exec", dont_inherit=True)
        code = " ".join(line.strip().lstrip("# ") for line in text.split('"""', 2)[2].splitlines())
        gaps = [d["message"] for d in account["diagnostics"] if d["severity"] == "not understood"]
        assert (account["status"] == "partial") == bool(gaps) == ("INCOMPLETE" in text), name
        for message in gaps:
            assert f"adgen: not translated: {message}" in code, (name, message)
