"""The tree that adgen reads is the tree that Python reads: every modeling and configuration file of transformers."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor

import pyast
import pytest

ROOT = pathlib.Path(__file__).parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build/release/adgen"))
DATA = ROOT / "tests/data"


def corpus():
    package = pathlib.Path(importlib.util.find_spec("transformers").origin).parent
    files = sorted(package.glob("models/*/modeling_*.py")) + sorted(package.glob("models/*/configuration_*.py"))
    return files + sorted(package.glob("*.py"))


def first_difference(path, ours, theirs):
    for mine, real in zip(ours.split("\n"), theirs.split("\n"), strict=False):
        if mine != real:
            return f"{path}\n  adgen:  {mine[:600]}\n  python: {real[:600]}"
    return f"{path}: the dumps have different lengths"


def compare(paths, spans):
    """The differences found in a batch of files, which one process of adgen reads."""
    command = [ADGEN, "debug-ast", *(["--spans"] if spans else []), *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True)
    dumps = run.stdout.split("\n=====\n")[:-1]
    if len(dumps) != len(paths):
        return [f"{len(dumps)} dumps for {len(paths)} files\n{run.stderr}"]
    differences = []
    for path, ours in zip(paths, dumps, strict=True):
        with warnings.catch_warnings():  # of strange syntax in our own test data
            warnings.simplefilter("ignore")
            theirs = pyast.dump(path.read_text(encoding="utf-8-sig"), spans)
        if pyast.resolve_names(ours) != theirs:
            differences.append(first_difference(path, ours, theirs))
    return differences + ([run.stderr] if run.returncode != 0 else [])


def batches(files, size=40):
    return [files[start : start + size] for start in range(0, len(files), size)]


def test_corpus():
    files = corpus()
    assert len(files) > 500
    with ProcessPoolExecutor() as pool:
        results = pool.map(compare, batches(files), [True] * len(files))
    differences = [difference for result in results for difference in result]
    assert not differences, "\n".join(differences[:10])


@pytest.mark.parametrize("path", sorted(DATA.glob("syntax*.py")), ids=lambda path: path.name)
@pytest.mark.parametrize("spans", [False, True])
def test_syntax(path, spans):
    if path.stem == "syntax312" and sys.version_info < (3, 12):
        pytest.skip("this Python cannot read it")
    assert compare([path], spans) == []
