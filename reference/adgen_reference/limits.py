"""Files that hold up to a length only, by an assumption that they state in their docstring.

Up to the limit such a file is held to what every other is: the fields of the configuration that
the limit stands in are raised to the length of the test inputs.  Beyond it the first tokens, which
see no more keys than the limit allows, must still agree, and some token behind them must not: a
limit without need is a mistake too.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import torch

from . import compare, sizes

_STATED = re.compile(r"Assumed \([\w-]+\): .*? at most (.*?) tokens\.")
_FIELD = re.compile(r"``config(?:\.\w+\[layer_idx\])?\.(\w+)``")  # of all layers, or of each


def fields(path: str | Path) -> list[str]:
    """The fields that the file says its limits are; raises where a limit is something else."""
    text = ast.get_docstring(ast.parse(Path(path).read_text(encoding="utf-8"))) or ""
    stated = _STATED.search(" ".join(text.split()))
    if stated is None:
        return []
    named = _FIELD.findall(stated.group(1))
    if len(named) != stated.group(1).count("``") // 2:
        raise ValueError(f"a limit that is no field: {stated.group(1)}")
    return named


def raised(names: list[str]) -> dict[str, int]:
    """Changes to a configuration under which the test inputs just keep to the limits."""
    return dict.fromkeys(names, sizes.SEQUENCE)


def lowered(names: list[str]) -> dict[str, int]:
    """The same under which half of each row lies beyond them."""
    return dict.fromkeys(names, sizes.SEQUENCE // 2)


def difference(actual: torch.Tensor, expected: torch.Tensor) -> str | None:
    """What is wrong with logits of rows that are twice as long as the limit; None: nothing."""
    half = sizes.SEQUENCE // 2
    within = compare.rmse(actual[:, :half], expected[:, :half])
    beyond = compare.rmse(actual[:, half:], expected[:, half:])
    if within > compare.TOLERANCE:
        return f"relative RMSE {within:.2e} up to the limit, in longer rows"
    if beyond <= compare.TOLERANCE:
        return "no difference beyond the limit that the file states"
    return None
