"""Verify an emitted model against Hugging Face: ``python -m adgen_reference.verify``.

Checks, in this order: *clean* (no leftovers in the source), then for each variant of the tiny
configuration *keys*, *logits*, *export*, *ops* and *servable*.  The verdict is ``verified``;
``prefill-only`` if just *servable* fails; ``wrong`` if anything else does; ``unproved`` if no tiny
model of the type can be built.  Exit status 0, 3, 1, 1.

A file that states a limit of length (see ``limits``) is ``short-context`` where all else is fine,
and so is *limit*: it differs beyond the limit, and not before.  Exit status 3.

A variant for which the emitted constructor itself raises ``NotImplementedError`` is *declined*: the
file says clearly that it cannot be that model.  The default configuration may not be.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import (
    clean,
    compare,
    emitted,
    graph,
    hf,
    keys,
    limits,
    servable,
    source,
    static_keys,
    variants,
)

EXIT = {
    "verified": 0,
    "prefill-only": 3,
    "short-context": 3,
    "wrong": 1,
    "unproved": 1,
    "refused": 1,
}


@dataclass
class Options:
    """What to verify: names of variants, "default" or "all"; kinds of plain PyTorch to accept."""

    variants: str = "all"
    allow_plain: frozenset[str] = frozenset()
    bfloat16: bool = False
    export_all: bool = False
    embeds: bool = True  #: also compare inputs_embeds (other versions may scale them elsewhere)
    adgen: str = ""  #: the program: also compare the keys that it finds without Python


@dataclass
class Report:
    """The outcome for one file and model type."""

    model_type: str
    verdict: str = "verified"
    first_difference: str = ""
    check: str = ""
    variant: str = ""
    ops: dict[str, int] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)
    worst_rmse: float = 0.0
    bfloat16_rmse: float | None = None
    remark: str = ""
    ms: int = 0

    def fail(self, check: str, variant: str, message: str) -> None:
        """Note a difference; the first one that makes the file wrong is kept."""
        verdict = "prefill-only" if check == "servable" else "wrong"
        if self.verdict == "wrong" or (self.verdict == verdict):
            return
        self.verdict, self.check, self.variant = verdict, check, variant
        self.first_difference = message


class Difference(Exception):
    """A check failed; carries its name."""

    def __init__(self, check: str, message: str):
        super().__init__(message)
        self.check = check


class Declined(Exception):
    """The emitted model says that it does not implement a configuration."""


def _guard(check: str, function, *args):
    """Run a step of a check; an exception in it is that check's difference."""
    try:
        return function(*args)
    except (Difference, Declined):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        library = ("adgen_reference", "torch/", "transformers/")
        own = [f for f in frames if not any(part in f.filename for part in library)]
        place = f" (line {own[-1].lineno} of {Path(own[-1].filename).name})" if own else ""
        text = " ".join(str(error).split())[:300]
        raise Difference(check, f"{type(error).__name__}: {text}{place}") from error


def _build(file: emitted.EmittedFile, entry, config, variant: str):
    """The emitted model, or Declined where its own code says so."""
    try:
        return emitted.build(entry, config)
    except NotImplementedError as error:
        raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
        if variant != "default" and Path(raised_in) == Path(file.path):
            raise Declined(str(error)) from error
        raise


def _check_logits(reference, candidate, report: Report) -> None:
    sets = compare.inputs()
    if not hf.takes_positions(reference):
        sets = {"plain": sets["plain"]}
    for name, (ids, positions) in sets.items():
        want = hf.logits(reference, ids, positions)
        got = _guard("logits", emitted.logits, candidate, ids, positions)
        if got.dtype != torch.float32:
            raise Difference("logits", f"logits are {got.dtype}")
        error = compare.rmse(got, want)
        if error > compare.TOLERANCE:
            first = compare.first_difference(
                reference,
                lambda: hf.logits(reference, ids, positions),
                candidate,
                lambda: emitted.logits(candidate, ids, positions),
            )
            text = f"relative RMSE {error:.2e} at {name} positions; differs in: {first}"
            raise Difference("logits", text)
        report.worst_rmse = max(report.worst_rmse, error)


def _check_embeds(reference, candidate, report: Report) -> None:
    """The same with random ``inputs_embeds``, where the reference takes nothing but those."""
    ids, positions = compare.inputs()["plain"]
    width = candidate.get_input_embeddings().weight.shape[-1]
    generator = torch.Generator().manual_seed(3)
    embeds = torch.randn(*ids.shape, width, generator=generator)
    try:
        want = hf.logits(reference, ids, positions, embeds.clone())
    except Exception:
        return
    got = _guard("logits", emitted.logits, candidate, ids, positions, embeds.clone())
    error = compare.rmse(got, want)
    if error > compare.TOLERANCE:
        raise Difference("logits", f"relative RMSE {error:.2e} from inputs_embeds")
    report.worst_rmse = max(report.worst_rmse, error)


def _check_graph(candidate, report: Report, options: Options, variant: str) -> None:
    ids, positions = compare.inputs()["plain"]
    program = _guard("export", graph.export, candidate, ids, positions)
    difference = _guard("export", graph.differs_elsewhere, candidate, program)
    if difference:
        raise Difference("export", difference)
    ops = graph.canonical_ops(program)
    plain = graph.plain_idioms(program, ops)
    if variant == "default" or not report.ops:
        report.ops = dict(ops)
    kinds = Counter(kind for kind, _ in plain)
    report.plain = sorted(set(report.plain) | {f"{k} x{n}" for k, n in kinds.items()})
    for kind, where in plain:
        if kind not in options.allow_plain:
            raise Difference("ops", f"plain PyTorch {kind} in {where}")
    problem = graph.unservable_calls(program) or _guard("servable", servable.leak, candidate)
    if problem:
        report.fail("servable", variant, problem)


def _check_bfloat16(reference, candidate, report: Report) -> None:
    ids, positions = compare.inputs()["plain"]
    try:
        want = hf.logits(reference.to(torch.bfloat16), ids, positions)
        got = emitted.logits(candidate.to(torch.bfloat16), ids, positions)
        report.bfloat16_rmse = compare.rmse(got, want)
    except Exception:
        report.bfloat16_rmse = float("nan")


def check_variant(
    file: emitted.EmittedFile, variant: variants.Variant, report: Report, options: Options
) -> None:
    """All checks for one configuration; raises Difference at the first that fails."""
    reference = hf.build_model(variant.config)
    hf.randomise(reference)
    entry, config = _guard("keys", file.entry, variant.config, reference)
    if type(config).__name__ in file.configs:
        report.remark = "built from the file's own configuration class"
    elif type(config) is not type(variant.config) or config.model_type != report.model_type:
        report.remark = f"registered for {type(config).__name__}, tried with {report.model_type}"
    candidate = _guard("keys", _build, file, entry, config, variant.name)
    published = keys.published_state_dict(reference)
    left = _guard("keys", emitted.load, candidate, published)
    if left is None and variant.name == "default":
        left = _guard("keys", emitted.load_in_parts, candidate, published)
    if left is None and options.adgen:
        left = static_keys.check(options.adgen, file.path, config, candidate, published)
    if left:
        raise Difference("keys", left)
    _check_logits(reference, candidate, report)
    if variant.name == "default" and options.embeds:
        _check_embeds(reference, candidate, report)
    if variant.name == "default" or options.export_all or variant.structural:
        _check_graph(candidate, report, options, variant.name)
    if options.bfloat16 and variant.name == "default":
        _check_bfloat16(reference, candidate, report)


def _check_limit(
    file: emitted.EmittedFile, model_type: str, names: list[str], report: Report
) -> None:
    """That the file differs where its limit is exceeded, and only there."""
    chosen = variants.discover(model_type, "default", limits.lowered(names))
    if not chosen.usable:
        raise Difference("limit", chosen.reason)
    config = chosen.usable[0].config
    reference = hf.build_model(config)
    hf.randomise(reference)
    candidate = _guard("limit", emitted.build, *file.entry(config, reference))
    _guard("limit", emitted.load, candidate, keys.published_state_dict(reference))
    ids, positions = compare.inputs()["plain"]
    got = _guard("limit", emitted.logits, candidate, ids, positions)
    problem = limits.difference(got, hf.logits(reference, ids, positions))
    if problem:
        raise Difference("limit", problem)
    if report.verdict == "verified":
        report.verdict, report.check = "short-context", "limit"
        report.first_difference = f"behind config.{' and config.'.join(names)} tokens, as stated"


def verify(path: str | Path, model_type: str, options: Options | None = None) -> Report:
    """Apply the verification contract to a file."""
    options = options or Options()
    report = Report(model_type)
    start = time.perf_counter()
    try:
        left = _guard("clean", clean.leftovers, path)
        if left:
            report.fail("clean", "", f"left over at line {left[0]}")
        file = _guard("import", emitted.import_file, path)
        limited = _guard("limit", limits.fields, path)
        chosen = variants.discover(model_type, options.variants, limits.raised(limited))
        report.discarded = chosen.discarded
        if not chosen.usable:
            report.verdict, report.first_difference = "unproved", chosen.reason
            return report
        for variant in chosen.usable:
            try:
                check_variant(file, variant, report, options)
                report.passed.append(variant.name)
            except Declined as declined:
                report.declined.append(f"{variant.name}: {declined}")
            except Difference as difference:
                report.fail(difference.check, variant.name, str(difference))
                if variant.name == "default":
                    break
        if limited and report.passed:
            _check_limit(file, model_type, limited, report)
    except Difference as difference:
        report.fail(difference.check, "", str(difference))
    finally:
        report.ms = int(1000 * (time.perf_counter() - start))
    return report


def render(report: Report) -> str:
    """The report for people."""
    head = "PASS" if report.verdict == "verified" else report.verdict.upper()
    lines = [f"{head}: {report.model_type}"]
    if report.first_difference:
        where = f" [{report.variant}]" if report.variant else ""
        lines.append(f"  {report.check}{where}: {report.first_difference}")
    ops = ", ".join(f"{name} x{count}" for name, count in sorted(report.ops.items()))
    lines.append(f"  variants passed: {len(report.passed)} ({', '.join(report.passed)})")
    lines.append(f"  discarded: {len(report.discarded)}")
    if report.declined:
        lines.append(f"  declined: {len(report.declined)} ({', '.join(report.declined)})")
    lines.append(f"  worst relative RMSE: {report.worst_rmse:.1e}")
    lines.append(f"  ops: {ops or 'none'}")
    if report.plain:
        lines.append(f"  plain PyTorch: {', '.join(report.plain)}")
    if report.remark:
        lines.append(f"  note: {report.remark}")
    if report.bfloat16_rmse is not None:
        lines.append(f"  bfloat16: relative RMSE {report.bfloat16_rmse:.1e}")
    return "\n".join(lines)


def parse(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m adgen_reference.verify", description=__doc__)
    parser.add_argument("file", type=Path, help="the emitted model file")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model-type", help="model type of the package, such as qwen3")
    model.add_argument(
        "--source", type=Path, help="the modeling file itself, its configuration file beside it"
    )
    parser.add_argument("--entry", help="the class of --source, where it has several causal LMs")
    parser.add_argument("--variants", default="all", help="all, default, or names with commas")
    parser.add_argument("--export-all", action="store_true", help="export every variant")
    parser.add_argument(
        "--allow-plain",
        default="",
        metavar="KINDS",
        help="plain PyTorch to accept: attention,latent attention,norm,rope,moe",
    )
    parser.add_argument(
        "--no-embeds",
        action="store_true",
        help="do not compare inputs_embeds (for another transformers version)",
    )
    parser.add_argument("--bfloat16", action="store_true", help="also report the error in bfloat16")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    hf.quiet()
    torch.set_num_threads(1)
    allowed = frozenset(filter(None, options.allow_plain.split(",")))
    report = verify(
        options.file,
        options.model_type or source.register(options.source, options.entry),
        Options(
            options.variants, allowed, options.bfloat16, options.export_all, not options.no_embeds
        ),
    )
    print(json.dumps(asdict(report), indent=2) if options.json else render(report))
    return EXIT[report.verdict]


if __name__ == "__main__":
    sys.exit(main())
