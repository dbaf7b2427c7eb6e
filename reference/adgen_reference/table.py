"""The sweep's table: rows, files, comparison with the expected verdicts, summary by cause."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

RANK = {
    "verified": 3,
    "prefill-only": 2,
    "short-context": 2,
    "refused": 1,
    "unproved": 1,
    "wrong": 0,
}


@dataclass
class Row:
    """The outcome for one model type."""

    model_type: str
    tier: str
    verdict: str
    check: str = ""
    variant: str = ""
    first_difference: str = ""
    ops: str = ""
    plain: str = ""
    variants: int = 0
    discarded: int = 0
    lines_in: int = 0
    lines_out: int = 0
    adgen_ms: int = 0
    verify_ms: int = 0

    def cause(self) -> str:
        """What rows of one kind share: the refusal's rule, or the check that differs."""
        text = self.first_difference
        if self.verdict == "refused":
            rule = re.search(r"\[([\w.-]+)\]\s*$", text)
            return rule.group(1) if rule else re.sub(r"'[^']*'|\d+", "…", text)
        if self.check == "adgen":
            return text
        text = re.sub(r" in \S+$| at \S+:.*|;.*", "", text)
        if self.check in ("logits", "keys"):
            text = text.split(":")[0].split(" at ")[0]
        return f"{self.check}: {re.sub(r'[0-9][0-9.e+-]*', '#', text)[:80].strip()}"


def _cell(value: object) -> str:
    return str(value).replace("\t", " ").replace("\n", " ")


def write_tsv(rows: list[Row], path: Path) -> None:
    """All columns, tabs between them."""
    names = [f.name for f in fields(Row)]
    lines = ["\t".join(names)]
    lines += ["\t".join(_cell(getattr(row, name)) for name in names) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_markdown(rows: list[Row], path: Path) -> None:
    """The columns that people read."""
    head = ["model type", "tier", "verdict", "first difference", "ops", "lines", "ms"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        where = f"{row.check} [{row.variant}]: " if row.check else ""
        difference = (where + row.first_difference)[:160] if row.first_difference else ""
        cells = [
            row.model_type,
            row.tier,
            row.verdict,
            difference,
            row.ops,
            f"{row.lines_in} → {row.lines_out}",
            str(row.adgen_ms),
        ]
        lines.append("| " + " | ".join(_cell(c).replace("|", "\\|") for c in cells) + " |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_expected(path: Path) -> dict[str, str]:
    """Model type -> verdict; empty if there is no such file."""
    if not path.exists():
        return {}
    pairs = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {p[0]: p[1] for p in pairs if len(p) >= 2 and not p[0].startswith("#")}


def write_expected(path: Path, expected: dict[str, str]) -> None:
    """Record verdicts, sorted by model type."""
    lines = ["# model type\tverdict"]
    lines += [f"{name}\t{verdict}" for name, verdict in sorted(expected.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def changes(rows: list[Row], expected: dict[str, str]) -> tuple[list[str], list[str]]:
    """(worse, better) as lines; a wrong file that nobody expects is worse than anything."""
    worse, better = [], []
    for row in rows:
        before = expected.get(row.model_type)
        line = f"{row.model_type}: {before or 'not recorded'} -> {row.verdict}"
        if before is None:
            (worse if row.verdict == "wrong" else better).append(line)
        elif RANK[row.verdict] < RANK[before]:
            worse.append(line)
        elif RANK[row.verdict] > RANK[before]:
            better.append(line)
    return worse, better


def summary(rows: list[Row]) -> str:
    """Counts by tier and verdict, then by cause, the most frequent first."""
    verdicts = [v for v in RANK if any(r.verdict == v for r in rows)]
    tiers = sorted({r.tier for r in rows})
    lines = ["tier".ljust(6) + "".join(v.rjust(14) for v in verdicts) + "total".rjust(8)]
    for tier in [*tiers, "all"]:
        here = [r for r in rows if tier in ("all", r.tier)]
        counts = Counter(r.verdict for r in here)
        cells = "".join(str(counts[v]).rjust(14) for v in verdicts)
        lines.append(tier.ljust(6) + cells + str(len(here)).rjust(8))
    for verdict in verdicts:
        if verdict == "verified":
            continue
        causes: dict[str, list[str]] = {}
        for row in rows:
            if row.verdict == verdict:
                causes.setdefault(row.cause(), []).append(row.model_type)
        lines.append(f"\n{verdict}, by cause:")
        for cause, names in sorted(causes.items(), key=lambda item: -len(item[1])):
            shown = " ".join(names[:8]) + (" …" if len(names) > 8 else "")
            lines.append(f"  {len(names):3d}  {cause}: {shown}")
    return "\n".join(lines)
