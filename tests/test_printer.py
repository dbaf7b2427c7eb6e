"""The printer against `ruff format` and CPython, over every modeling and configuration file of transformers.

What is printed must be stable under `ruff format`, mean the same as the source, and be a fixed point of our own. All
files go through one process of adgen (ADGEN, or build/release/adgen) and one of ruff."""

import ast
import importlib.util
import inspect
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build" / "release" / "adgen"))
STYLE = ["--no-cache", "--isolated", "--line-length", "100"]


def find_ruff():
    beside = pathlib.Path(sys.executable).parent / "ruff"
    return str(beside) if beside.exists() else shutil.which("ruff")


def sources():
    spec = importlib.util.find_spec("transformers")
    if spec is None:
        return []
    models = pathlib.Path(spec.origin).parent / "models"
    return sorted([*models.glob("*/modeling_*.py"), *models.glob("*/configuration_*.py")])


SOURCES = sources()
RUFF = find_ruff()

pytestmark = [
    pytest.mark.skipif(not os.path.exists(ADGEN), reason="adgen is not built"),
    pytest.mark.skipif(not SOURCES, reason="transformers is not installed"),
]


def print_files(files, folder):
    subprocess.run([ADGEN, "debug-format", "--into", folder, *files], check=True)
    return [folder / f"{i}.py" for i in range(len(files))]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    return print_files(SOURCES, tmp_path_factory.mktemp("printed"))


def comparable(text):
    """The tree of a source text, with docstrings as inspect.cleandoc leaves them."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                docstring = node.body[0].value
                lines = inspect.cleandoc(docstring.value).strip().splitlines()
                docstring.value = "\n".join(line.rstrip() for line in lines)
    return ast.dump(tree)


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_stable_under_ruff(printed):
    done = subprocess.run([RUFF, "format", "--check", *STYLE, printed[0].parent], capture_output=True, text=True)
    changed = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("Would reformat")]
    names = [str(SOURCES[int(pathlib.Path(path).stem)]) for path in changed]
    assert done.returncode == 0, f"{len(names)} files change: {names[:5]}\n{done.stderr}"


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_same_text_as_ruff(printed, tmp_path):
    """Equal to what ruff makes of the source, but for what the tree does not hold: doubled parentheses around a tuple,
    `fmt: off`."""
    for i, source in enumerate(SOURCES):
        shutil.copyfile(source, tmp_path / f"{i}.py")
    subprocess.run([RUFF, "format", "--quiet", *STYLE, tmp_path], check=True)
    same = sum((tmp_path / path.name).read_bytes() == path.read_bytes() for path in printed)
    assert same >= 0.96 * len(printed)


def test_same_meaning(printed):
    differ = [
        str(source)
        for source, path in zip(SOURCES, printed, strict=False)
        if source.read_bytes() != path.read_bytes()
        and comparable(source.read_text("utf-8")) != comparable(path.read_text("utf-8"))
    ]
    assert differ == []


def test_comments_survive(printed):
    """Every comment of the source is in the output; order and place are ruff's matter."""

    def comments(path):
        text = path.read_text("utf-8")
        return sum(line.lstrip().startswith("#") for line in text.splitlines())

    lost = [str(source) for source, path in zip(SOURCES, printed, strict=False) if comments(path) < comments(source)]
    assert lost == []


def test_fixed_point(printed, tmp_path):
    again = print_files(printed, tmp_path)
    assert [str(a) for a, b in zip(printed, again, strict=False) if a.read_bytes() != b.read_bytes()] == []
