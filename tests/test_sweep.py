"""The sweep with a stand-in for the compiler: verdicts, table, comparison with what is recorded."""

import stat
import sys
from pathlib import Path

import pytest
from adgen_reference import corpus, sweep, table

pytest.importorskip("transformers", minversion="5.23")
LEAN = Path(__file__).parent / "data" / "lean_gemma2.py"

FAKE = """#!{python}
import shutil, sys
source, target = sys.argv[1], sys.argv[sys.argv.index("-o") + 1]
if "gemma2" in source:
    shutil.copy({lean!r}, target)
elif "modeling_phi." in source:
    sys.exit(139)
else:
    sys.stderr.write(source + ":3:1: error: no rule for this [value-unknown]\\n  help: none\\n")
    sys.exit(1)
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "adgen"
    path.write_text(FAKE.format(python=sys.executable, lean=str(LEAN)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def run(tmp_path, fake, *extra):
    return sweep.main(
        [
            "--types",
            "gemma2",
            "llama",
            "phi",
            "--adgen",
            fake,
            "--out",
            str(tmp_path / "out"),
            "--expected",
            str(tmp_path / "expected.tsv"),
            "--variants",
            "default",
            "--no-keys",
            *extra,
        ]
    )


def test_sweep_compares_with_recorded_verdicts(tmp_path, fake, capsys):
    expected = tmp_path / "expected.tsv"
    table.write_expected(expected, {"gemma2": "verified", "llama": "refused", "phi": "wrong"})
    assert run(tmp_path, fake) == 0
    text = capsys.readouterr().out
    assert "value-unknown: llama" in text and "exit status 139" in text
    rows = (tmp_path / "out" / "sweep.tsv").read_text().splitlines()
    assert len(rows) == 4 and any(r.startswith("gemma2\tT2\tverified") for r in rows)
    assert (tmp_path / "out" / "models" / "modeling_gemma2.py").exists()

    table.write_expected(expected, {"gemma2": "refused", "llama": "verified", "phi": "wrong"})
    assert run(tmp_path, fake) == 1
    text = capsys.readouterr().out
    assert "worse than recorded:\n  llama: verified -> refused" in text
    assert "better than recorded:\n  gemma2: refused -> verified" in text

    assert run(tmp_path, fake, "--record") == 0
    assert table.read_expected(expected) == {"gemma2": "verified", "llama": "refused", "phi": "wrong"}


def test_a_wrong_file_that_is_not_recorded_fails(tmp_path, fake):
    assert run(tmp_path, fake) == 1


def test_tiers_cover_the_mapping():
    tiers = corpus.read_tiers()
    items = corpus.entries()
    assert len(items) == 189
    assert sum(tiers[item.model_type].startswith("T") for item in items) == 153
    assert all(item.file for item in items)
