"""Goldens: the whole output and the whole message of small inputs that show one thing each."""

import ast
import subprocess
import sys

import pytest
from golden_cases import ROOT, cases, good_cases, run, written_cases

all_cases = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
written = pytest.mark.parametrize("case", written_cases(), ids=lambda case: case.name)
good = pytest.mark.parametrize("case", good_cases(), ids=lambda case: case.name)
WRITTEN = ("expected.py", "tests.py")
RUFF = [sys.executable, "-m", "ruff"]


@all_cases
def test_expected(case):
    got, want = case.run(), case.expected()
    assert got.err.decode() == want.err.decode()
    assert got.out.decode() == want.out.decode(), "`make golden-update` shows the difference"
    assert got.status == want.status


@all_cases
def test_report(case):
    if (case.folder / "report.json").exists():
        assert case.report() == (case.folder / "report.json").read_text(encoding="utf-8")


@all_cases
def test_tests(case):
    if (case.folder / "tests.py").exists():
        assert case.tests() == (case.folder / "tests.py").read_text(encoding="utf-8")


@all_cases
def test_again_and_from_standard_input(case):
    first = case.run()
    assert case.run() == first
    assert case.run(stdin=case.input.read_bytes()) == first


@written
def test_compiles(case):
    compile(case.expected().out, case.name, "exec", dont_inherit=True)


@good
def test_second_run_changes_nothing(case, tmp_path):
    """What is written is a fixed point: adgen says so, and leaves the file and its verdict alone."""
    target = tmp_path / case.input.name
    target.write_bytes(case.expected().out)
    before = target.stat().st_mtime_ns
    again = run(target.name, "-o", target.name, cwd=tmp_path)
    assert target.read_bytes() == case.expected().out
    assert target.stat().st_mtime_ns == before
    assert again.status == case.run().status
    assert b"translated already" in again.err


@pytest.mark.parametrize("case", [c for c in cases() if c.is_partial], ids=lambda case: case.name)
def test_gaps_are_seen(case):
    """A marker for each gap, a docstring that says so, no registration; and a gap is the error of other runs."""
    got = case.run()
    text = got.out.decode()
    code = ast.parse(text)
    assert got.status == 3
    assert ast.get_docstring(code).startswith("INCOMPLETE")
    assert "register_custom_model_cls" not in ast.unparse(code)
    errors = run(case.input.name, cwd=case.folder).err.decode().splitlines()
    messages = [line.split(" error: ")[1] for line in errors if " error: " in line]
    assert messages
    flat = " ".join(line.strip().lstrip("# ") for line in text.split('"""')[2].splitlines())
    for message in messages:
        assert f"adgen: not translated: {message}" in flat
        assert f"not understood: {message}" in got.err.decode()


def ruff(*arguments):
    files = [str(path) for case in good_cases() for path in case.folder.glob("*.py") if path.name in WRITTEN]
    done = subprocess.run([*RUFF, *arguments, *files], capture_output=True, text=True, cwd=ROOT)
    return done.stdout + done.stderr if done.returncode else ""


def test_ruff_check():
    config = 'lint.isort.known-first-party=["tensorrt_llm"]'
    assert not ruff("check", "--isolated", "--line-length=100", "--select=E,F,I,W", f"--config={config}")


def test_ruff_format():
    assert not ruff("format", "--isolated", "--line-length=100", "--diff")


def test_there_is_no_case_without_expectation():
    for case in cases():
        assert (case.folder / "expected.py").exists() or (case.folder / "expected.err").exists(), case.name
