"""Variants of a tiny configuration: each switches one feature that the class's fields offer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import tiny


@dataclass
class Variant:
    """A configuration that Hugging Face builds and runs."""

    name: str
    config: Any
    structural: bool = False  #: the module or its graph is another one, not just its numbers


@dataclass
class Discovered:
    """Usable variants, the names of those discarded, and why there is none if there is none."""

    usable: list[Variant] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    reason: str = ""


def discover(model_type: str, wanted: str = "all") -> Discovered:
    """The variants of a model type."""
    out = Discovered()
    try:
        out.usable.append(Variant("default", tiny.build(model_type)))
    except Exception as error:
        out.reason = f"no tiny configuration: {type(error).__name__}: {str(error)[:200]}"
    return out
