"""The cases under golden/: what each holds, and how adgen runs on it.

A case is a folder: `modeling_*.py`, often with its `configuration_*.py`; `args`, more arguments of the command line, if
there are any; and `expected.py`, the whole output.  Where the input is refused there is `expected.err` instead, what
adgen says; where both are there, it writes and warns, or what it writes has gaps (`--partial`).  `status` holds the
exit status if it is not 0 (or 1 for errors), `report.json`, where a case is about that, the whole report, and
`tests.py` likewise the tests that come with the model.
"""

import os
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "golden"
ADGEN = Path(os.environ.get("ADGEN", ROOT / "build" / "release" / "adgen")).resolve()


@dataclass(frozen=True)
class Result:
    """What one run of adgen gave."""

    out: bytes
    err: bytes
    status: int


@dataclass(frozen=True)
class Case:
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def input(self) -> Path:
        return next(self.folder.glob("modeling_*.py"))

    @property
    def args(self) -> list[str]:
        return shlex.split(self._text("args"))

    @property
    def is_partial(self) -> bool:
        """What is written has gaps: Python, but no model."""
        return "--partial" in self.args

    def _text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def expected(self) -> Result:
        out, err = (self.folder / "expected.py"), (self.folder / "expected.err")
        wanted = out.read_bytes() if out.exists() else b""
        status = self._text("status").strip() or ("0" if out.exists() else "1")
        return Result(wanted, err.read_bytes() if err.exists() else b"", int(status))

    def report(self) -> str | None:
        """What --report writes, if the case is about that."""
        if not (self.folder / "report.json").exists():
            return None
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "report.json"
            self.run("--report", str(out))
            return out.read_text(encoding="utf-8")

    def tests(self) -> str | None:
        """What --test writes, if the case is about that."""
        if not (self.folder / "tests.py").exists():
            return None
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            self.run("-o", str(out / self.input.name), "--test", str(out / "tests.py"))
            return (out / "tests.py").read_text(encoding="utf-8")

    def run(self, *extra: str, stdin: bytes | None = None) -> Result:
        """Run in the case's folder, so that messages hold no path of this machine."""
        source = [self.input.name] if stdin is None else ["-", "--stdin-filename", self.input.name]
        return run(*source, *self.args, *extra, cwd=self.folder, stdin=stdin)


def run(*args: str, cwd: Path, stdin: bytes | None = None) -> Result:
    # No Python on PATH: a translation of a file must not depend on the packages that are installed.
    environment = {**os.environ, "PATH": "", "NO_COLOR": "1"}
    done = subprocess.run([ADGEN, *args], cwd=cwd, input=stdin, capture_output=True, env=environment, timeout=60)
    return Result(done.stdout, done.stderr, done.returncode)


def cases() -> list[Case]:
    return [Case(path.parent) for path in sorted(GOLDEN.glob("*/modeling_*.py"))]


def written_cases() -> list[Case]:
    return [case for case in cases() if (case.folder / "expected.py").exists()]


def good_cases() -> list[Case]:
    """Those that are models."""
    return [case for case in written_cases() if not case.is_partial]
