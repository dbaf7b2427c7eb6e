"""Variants of a tiny configuration: each switches one feature that the class's fields offer.

Variants that Hugging Face cannot build or run are discarded and counted.  Those that change
nothing there stay: the emitted model must ignore the field too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch

from . import compare, features, hf, repairs, tiny

MAX_VARIANTS = 40
PATIENCE = 20.0  #: seconds to spend on finding a configuration that works
MAX_PARAMETERS = 40_000_000  #: a model with more is not tiny


@dataclass
class Variant:
    """A configuration that Hugging Face builds and runs."""

    name: str
    config: Any
    structural: bool = False  #: names or shapes of the state differ from the default's
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Discovered:
    """Usable variants, names of those discarded or without effect, why there is none at all."""

    usable: list[Variant] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    without_effect: list[str] = field(default_factory=list)
    reason: str = ""


@dataclass
class _Run:
    """What a configuration does in Hugging Face."""

    shapes: dict[str, tuple]
    outputs: list[torch.Tensor]

    def equals(self, other: _Run) -> bool:
        return self.shapes == other.shapes and all(
            torch.equal(a, b) for a, b in zip(self.outputs, other.outputs)
        )


def _window_is_empty(config) -> bool:
    """Whether a window of no token is set: Hugging Face then averages over all positions."""
    text = config.get_text_config()
    window = getattr(text, "sliding_window", None)
    return isinstance(window, int) and window < 1


def _try(config: Any) -> _Run:
    """Build and run; raises if that is impossible or the logits are not finite."""
    model = hf.build_model(config)
    if sum(p.numel() for p in model.parameters()) > MAX_PARAMETERS:
        raise ValueError("the model is not tiny")
    hf.randomise(model)
    sets = compare.inputs()
    outputs = [hf.logits(model, *sets[name]) for name in ("plain", "shifted")]
    if not all(bool(torch.isfinite(x).all()) for x in outputs):
        raise ArithmeticError("logits are not finite")
    return _Run({k: tuple(v.shape) for k, v in model.state_dict().items()}, outputs)


def _fix(cls: type, overrides: dict[str, Any], fixed: dict[str, Any]) -> None:
    """Set values, in the part of the configuration that has such a field."""
    for name, value in fixed.items():
        parts = [part for part in overrides.values() if hasattr(part, "to_dict")]
        owner = next((part for part in parts if hasattr(part, name)), None)
        if name in tiny.declared(cls) or owner is None:
            overrides[name] = value
        else:
            setattr(owner, name, value)


def _keep(changes: dict[str, Any], fixed: dict[str, Any]) -> None:
    """The same in parts of a configuration that a variant changes as a whole."""
    for part in changes.values():
        for name, value in fixed.items():
            if hasattr(part, "to_dict") and hasattr(part, name):
                setattr(part, name, value)


def base(model_type: str, fixed: dict[str, Any]) -> tuple[type, dict[str, Any], _Run]:
    """Configuration class, overrides of the default variant, and its run; raises if none works.

    What is fixed wins over the small values.
    """
    cls = tiny.config_class(model_type)
    first: Exception | None = None
    deadline = time.monotonic() + PATIENCE
    for overrides in repairs.attempts(cls):
        _fix(cls, overrides, fixed)
        try:
            return cls, overrides, _try(tiny.make(cls, overrides))
        except Exception as error:
            first = first or error
        if time.monotonic() > deadline:
            break
    assert first is not None
    raise first


def discover(
    model_type: str, wanted: str = "all", fixed: dict[str, Any] | None = None
) -> Discovered:
    """The variants of a model type: "all", "default", or names joined by commas.

    All of them have the fixed values.
    """
    fixed = fixed or {}
    out = Discovered()
    try:
        cls, overrides, default = base(model_type, fixed)
    except Exception as error:
        out.reason = f"no tiny model: {type(error).__name__}: {str(error)[:200]}"
        return out
    config = tiny.make(cls, overrides)
    out.usable.append(Variant("default", config))
    if wanted == "default":
        return out
    names = None if wanted == "all" else set(wanted.split(","))
    for name, changes in features.changes(cls, config, overrides).items():
        if names is not None and name not in names or fixed.keys() & changes.keys():
            continue
        if len(out.usable) > MAX_VARIANTS:
            break
        _keep(changes, fixed)
        try:
            other = tiny.make(cls, overrides, changes)
            if _window_is_empty(other):
                raise ValueError("a window below 1 leaves queries without a key")
            run = _try(other)
        except Exception:
            out.discarded.append(name)
            continue
        if run.equals(default):
            out.without_effect.append(name)
        out.usable.append(Variant(name, other, run.shapes != default.shapes, changes))
    if names is not None and "default" not in names:
        out.usable = out.usable[1:]
        out.reason = "" if out.usable else f"no variant {wanted}"
    return out
