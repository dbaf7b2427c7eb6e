"""Translate and verify every decoder language model: ``python -m adgen_reference.sweep``.

For each model type the emitted file is made by adgen (or taken from ``--emitted``), verified in
all variants by a pool of worker processes, and the verdict compared with the one recorded in
``tests/expected_verdicts.tsv``.  Exit status 1 where a model got worse.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from . import corpus, table
from .worker import Worker

_RANKED_ERROR = re.compile(r"(?:^|: )error: (.*)", re.M)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _lines(path: str | Path) -> int:
    try:
        return len(Path(path).read_text(encoding="utf-8").splitlines())
    except OSError:
        return 0


def _first_error(text: str) -> str:
    """Message and rule of the first diagnostic, else the first line there is."""
    text = _COLOUR.sub("", text)
    found = _RANKED_ERROR.search(text)
    if found:
        return found.group(1).strip()
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def translate(
    adgen: str, entry: corpus.Entry, target: Path, timeout: float, extra: list[str]
) -> tuple[str, str, int]:
    """Run adgen; ("ok" | "limited" | "refused" | "wrong", message, milliseconds)."""
    if not entry.file:
        return "unproved", "the package has no modeling file for it", 0
    command = [adgen, entry.file, "--entry", entry.class_name, "-o", str(target), *extra]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except FileNotFoundError:
        return "unproved", f"no such program: {adgen}", 0
    except subprocess.TimeoutExpired:
        return "wrong", f"adgen did not end within {timeout:.0f} s", int(timeout * 1000)
    ms = int(1000 * (time.perf_counter() - start))
    if done.returncode in (0, 3) and target.exists():
        return ("ok" if done.returncode == 0 else "limited"), done.stderr, ms
    if done.returncode == 1:
        if target.exists():
            return "wrong", "adgen refused the input but wrote a file", ms
        return "refused", _first_error(done.stderr), ms
    return "wrong", f"adgen: exit status {done.returncode}: {_first_error(done.stderr)}", ms


class Sweep:
    """The state of one run: what is to do, what is done."""

    def __init__(self, options: argparse.Namespace, folder: Path):
        self.options = options
        self.folder = folder
        self.tiers = corpus.read_tiers(options.tests / "tiers.yaml")
        self.allowed = corpus.read_allowed(options.tests / "allowed_plain.yaml")
        self.todo: queue.Queue[corpus.Entry] = queue.Queue()
        self.rows: list[table.Row] = []
        self.lock = threading.Lock()
        self.total = 0

    def chosen(self) -> list[corpus.Entry]:
        """The entries that the options ask for."""
        wanted = self.options.types
        items = corpus.entries()
        if wanted:
            unknown = set(wanted) - {e.model_type for e in items}
            if unknown:
                raise SystemExit(f"no causal language model: {', '.join(sorted(unknown))}")
            return [e for e in items if e.model_type in wanted]
        if self.options.tier:
            return [e for e in items if self.tiers.get(e.model_type) in self.options.tier]
        return items

    def _emit(self, entry: corpus.Entry, row: table.Row) -> tuple[Path | None, str]:
        """The file to verify (None if there is none: the row then has its verdict)."""
        if self.options.emitted:
            path = self.options.emitted / f"modeling_{entry.model_type}.py"
            if not path.exists():
                row.verdict, row.first_difference = "refused", "no emitted file"
                return None, ""
            return path, "ok"
        target = self.folder / f"modeling_{entry.model_type.replace('-', '_')}.py"
        status, message, row.adgen_ms = translate(
            self.options.adgen, entry, target, self.options.timeout, self.options.adgen_option
        )
        if status not in ("ok", "limited"):
            row.verdict, row.first_difference = status, message
            row.check = "adgen" if status == "wrong" else ""
            return None, status
        return target, status

    def _one(self, entry: corpus.Entry, worker: Worker) -> table.Row:
        row = table.Row(entry.model_type, self.tiers.get(entry.model_type, "?"), "unproved")
        row.lines_in = _lines(entry.file) if entry.file else 0
        path, status = self._emit(entry, row)
        if path is None:
            return row
        request = {
            "file": str(path),
            "model_type": entry.model_type,
            "variants": self.options.variants,
            "embeds": self.options.transformers_python == sys.executable,
            "adgen": "" if self.options.no_keys else str(Path(self.options.adgen).resolve()),
            "allow_plain": [x for x in self.options.allow_plain.split(",") if x],
        }
        request["allow_plain"] += self.allowed.get(entry.model_type, [])
        report = worker.ask(request, self.options.timeout)
        row.lines_out = _lines(path)
        for name in ("verdict", "check", "variant", "first_difference"):
            setattr(row, name, report.get(name, ""))
        row.ops = " ".join(f"{k}:{v}" for k, v in sorted(report.get("ops", {}).items()))
        row.plain = " ".join(report.get("plain", []))
        row.variants = len(report.get("passed", []))
        row.discarded = len(report.get("discarded", []))
        row.verify_ms = report.get("ms", 0)
        limited = row.verdict in ("prefill-only", "short-context")
        if limited and status == "ok" and not self.options.emitted:
            row.first_difference = f"adgen says done, but {row.verdict}: {row.first_difference}"
            row.verdict = "wrong"
        elif row.verdict == "verified" and status == "limited":
            row.verdict, row.check = "prefill-only", "adgen"
            row.first_difference = "adgen says that it is limited, no check finds why"
        return row

    def _progress(self, row: table.Row) -> None:
        done, width = len(self.rows), len(str(self.total))
        note = f"  {row.check}: {row.first_difference}" if row.first_difference else ""
        seconds = row.verify_ms / 1000
        line = f"[{done:{width}d}/{self.total}] {row.model_type:24s} {row.verdict:12s}"
        print(f"{line} {seconds:5.1f}s{note[:110]}", file=sys.stderr, flush=True)

    def _loop(self) -> None:
        worker = Worker(self.options.transformers_python)
        try:
            while True:
                entry = self.todo.get_nowait()
                row = self._one(entry, worker)
                with self.lock:
                    self.rows.append(row)
                    self._progress(row)
        except queue.Empty:
            pass
        finally:
            worker.close()

    def run(self) -> list[table.Row]:
        """Work through all entries; rows in the order of tiers and names."""
        items = self.chosen()
        self.total = len(items)
        for item in items:
            self.todo.put(item)
        jobs = min(self.options.jobs, max(1, self.total))
        threads = [threading.Thread(target=self._loop) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(self.rows, key=lambda row: (row.tier, row.model_type))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    root = corpus.TESTS.parent
    parser = argparse.ArgumentParser(prog="python -m adgen_reference.sweep", description=__doc__)
    parser.add_argument("--types", nargs="+", default=[], help="model types (default: all)")
    parser.add_argument("--tier", nargs="+", default=[], help="tiers, such as T1")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--adgen", default=str(root / "build" / "release" / "adgen"))
    parser.add_argument("--adgen-option", action="append", default=[], help="handed on to adgen")
    parser.add_argument("--emitted", type=Path, help="verify modeling_T.py of this folder instead")
    parser.add_argument(
        "--transformers-python",
        default=sys.executable,
        help="interpreter that verifies, such as one with transformers 4.57",
    )
    parser.add_argument("--variants", default="all")
    parser.add_argument(
        "--no-keys", action="store_true", help="do not compare with what `adgen keys` finds"
    )
    parser.add_argument("--allow-plain", default="")
    parser.add_argument("--timeout", type=float, default=180, help="seconds a type")
    parser.add_argument("--tests", type=Path, default=corpus.TESTS)
    parser.add_argument("--expected", type=Path, help="default: expected_verdicts.tsv in --tests")
    parser.add_argument("--record", action="store_true", help="record the verdicts found")
    parser.add_argument(
        "--out",
        type=Path,
        default=root / "build" / "sweep",
        help="folder for sweep.tsv, sweep.md and the emitted files",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    other = options.transformers_python != sys.executable
    if options.record and other and options.expected is None:
        print("--record with another interpreter needs --expected FILE", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out, prefix="emitted-") as scratch:
        sweep = Sweep(options, Path(scratch))
        rows = sweep.run()
        kept = options.out / "models"
        kept.mkdir(exist_ok=True)
        for file in Path(scratch).glob("modeling_*.py"):
            file.replace(kept / file.name)
    table.write_tsv(rows, options.out / "sweep.tsv")
    table.write_markdown(rows, options.out / "sweep.md")
    (options.out / "sweep.json").write_text(json.dumps([vars(r) for r in rows], indent=1))
    print(table.summary(rows))
    path = options.expected or options.tests / "expected_verdicts.tsv"
    expected = table.read_expected(path)
    if other:  # a type that the other version does not have is no step back
        rows = [row for row in rows if row.verdict != "unproved"]
    worse, better = table.changes(rows, expected)
    if options.record:
        expected.update({row.model_type: row.verdict for row in rows})
        table.write_expected(path, expected)
        print(f"\nrecorded {len(rows)} verdicts in {path}")
        return 0
    for title, lines in (("worse than recorded", worse), ("better than recorded", better)):
        if lines:
            print(f"\n{title}:\n  " + "\n  ".join(lines))
    if better:
        print("run again with --record to record them")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
