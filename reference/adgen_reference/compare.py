"""Comparing two models: test inputs, relative error, the first module that differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from . import hf, sizes

TOLERANCE = 1e-4  #: relative RMSE of float32 logits that still counts as equal
BATCH = 2


def rmse(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """sqrt(mean((a-e)^2)) / sqrt(mean(e^2)); infinite where shapes differ or NaN appears."""
    if actual.shape != expected.shape:
        return float("inf")
    actual, expected = actual.double(), expected.double()
    ratio = (actual - expected).pow(2).mean().sqrt() / expected.pow(2).mean().sqrt()
    value = ratio.item()
    return value if value == value else float("inf")


def inputs(seed: int = 0) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Named (input_ids, position_ids): from 0, shifted per row, and with gaps.

    Two rows of sizes.SEQUENCE tokens; every position is below sizes.POSITIONS.
    """
    length = sizes.SEQUENCE
    ids = hf.token_ids(BATCH, length, seed)
    plain = torch.arange(length).expand(BATCH, -1)
    shifts = torch.tensor([[17], [40]])
    generator = torch.Generator().manual_seed(seed + 1)
    steps = torch.randint(1, 5, (BATCH, length), generator=generator)
    gaps = steps.cumsum(-1) - 1
    return {
        "plain": (ids, plain.contiguous()),
        "shifted": (ids, plain + shifts),
        "gaps": (ids, gaps.clamp(max=sizes.POSITIONS - 3)),
    }


def _tensor(output: Any) -> torch.Tensor | None:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (tuple, list)) and output:
        return _tensor(output[0])
    return None


@dataclass
class _Call:
    """First tensor in and first tensor out of a module's first call."""

    given: torch.Tensor | None
    out: torch.Tensor


def _record(model: torch.nn.Module, run: Callable[[], Any]) -> dict[str, _Call]:
    """Calls of all modules, by name, in the order in which they finish (first call only)."""
    seen: dict[str, _Call] = {}
    handles = []

    def hook(name: str):
        def keep(_module, args, kwargs, output):
            tensor = _tensor(output)
            if tensor is not None and name not in seen:
                given = _tensor(args) if args else _tensor(list(kwargs.values()))
                seen[name] = _Call(
                    None if given is None else given.detach().clone(), tensor.detach().clone()
                )

        return keep

    for name, module in model.named_modules():
        if name:
            handles.append(module.register_forward_hook(hook(name), with_kwargs=True))
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _same(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    if a is None or b is None or a.shape != b.shape:
        return False
    if not a.is_floating_point():
        return torch.equal(a, b)
    return rmse(b, a) <= TOLERANCE


def first_difference(
    reference: torch.nn.Module,
    run_reference: Callable[[], Any],
    candidate: torch.nn.Module,
    run_candidate: Callable[[], Any],
) -> str:
    """Where two models part, by comparing modules of the same name.

    First the modules that make another output from the same input (at most three), else the
    first whose output differs.
    """
    wanted = _record(reference, run_reference)
    found = _record(candidate, run_candidate)
    guilty, first = [], ""
    for name, call in wanted.items():
        other = found.get(name)
        if other is None or other.out.shape != call.out.shape or not call.out.is_floating_point():
            continue
        error = rmse(other.out, call.out)
        if error > TOLERANCE:
            kind = type(reference.get_submodule(name)).__name__
            text = f"{name} ({kind}): relative RMSE {error:.2e}"
            first = first or text
            if _same(call.given, other.given):
                guilty.append(text)
    return "; ".join(guilty[:3]) or first or "none of the modules with the same name"
