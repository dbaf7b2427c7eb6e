"""Second attempts at a tiny configuration that Hugging Face refuses to build or to run.

Classes constrain their fields in ways that are not written anywhere: kv heads that must equal the
heads, fields whose default None no model can use.  Each repair is a general guess; the smallest
combination that works is taken.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

from . import sizes, tiny

Overrides = dict[str, Any]
_LAYER_KINDS = (
    ("sliding_attention", "full_attention"),
    ("conv", "full_attention"),
    ("linear_attention", "full_attention"),
    ("full_attention", "full_attention"),
)


def _same_heads(cls: type, default: Any, out: Overrides) -> bool:
    """As many kv heads as heads."""
    names = [n for n in tiny.declared(cls) if re.search(r"key_value_heads$|kv_heads$", n)]
    for name in names:
        out[name] = sizes.HEADS
    return bool(names)


def _fill_none(cls: type, default: Any, out: Overrides) -> bool:
    """Whole numbers whose default is None get the small value of their name.

    Constructors of transformers 4 do not say what is a number.
    """
    filled = False
    for name, kind in tiny.declared(cls).items():
        untyped = kind is inspect.Parameter.empty
        if (
            not untyped
            and "int" not in str(kind)
            or out.get(name, tiny.field_value(default, name)) is not None
        ):
            continue
        small = sizes.small_value(name, 1 << 20, None)
        if small != 1 << 20 and not re.search(r"token|window|chunk", name):
            out[name] = small
            filled = True
    return filled


def _rope_head(cls: type, default: Any, out: Overrides) -> bool:
    """head_dim names the rotary part of the head."""
    names = tiny.declared(cls)
    if "qk_rope_head_dim" not in names:
        return False
    out["head_dim"] = out.get("qk_rope_head_dim", sizes.HEAD_DIM)
    return True


def _more_layers(cls: type, default: Any, out: Overrides) -> bool:
    """The pattern of layers twice."""
    grown = False
    for name in tiny.declared(cls):
        value = out.get(name)
        if sizes.is_layer_count(name) and isinstance(value, int):
            out[name], grown = 2 * value, True
    for name, value in list(out.items()):
        count = len(value) if isinstance(value, list) else 0
        if name in tiny.per_layer_fields(default) and count:
            out[name] = value * 2
    return grown


def _clip(cls: type, default: Any, out: Overrides) -> bool:
    """Clipping that is off by default is on."""
    names = [n for n in tiny.declared(cls) if "clip" in n and tiny.field_value(default, n) is None]
    for name in names:
        out[name] = 0.5
    return bool(names)


def _layer_kinds(kinds: tuple[str, ...]) -> Callable[[type, Any, Overrides], bool]:
    def apply(cls: type, default: Any, out: Overrides) -> bool:
        if "layer_types" not in tiny.declared(cls) or tiny.field_value(default, "layer_types"):
            return False
        count = next((v for k, v in out.items() if sizes.is_layer_count(k)), 2)
        out["layer_types"] = [kinds[i % len(kinds)] for i in range(count)]
        return True

    return apply


def _rope_per_kind(cls: type, default: Any, out: Overrides) -> bool:
    """Rotary parameters listed per layer type."""
    kinds = tiny.field_value(default, "layer_types")
    rope = tiny.field_value(default, "rope_parameters")
    if not kinds or not isinstance(rope, dict):
        return False
    flat = rope if "rope_type" in rope else {"rope_type": "default", "rope_theta": 10000.0}
    out["rope_parameters"] = {kind: dict(flat) for kind in dict.fromkeys(kinds)}
    return True


def _rope_sections(cls: type, default: Any, out: Overrides) -> bool:
    """Frequencies shared out among axes: as many as the small heads have."""
    rope = tiny.field_value(default, "rope_parameters")
    sizes_known = "head_dim" in out or {"hidden_size", "num_attention_heads"} <= out.keys()
    if "rope_parameters" not in tiny.declared(cls) or not sizes_known:
        return False
    rope = dict(rope) if isinstance(rope, dict) and rope else {"rope_theta": 10000.0}
    head = out.get("head_dim") or out["hidden_size"] // out["num_attention_heads"]
    half = int(head * rope.get("partial_rotary_factor", 1.0)) // 2
    sections = [half - 2 * (half // 4), half // 4, half // 4]
    out["rope_parameters"] = {"rope_type": "default", **rope, "mrope_section": sections}
    return True


def _rope_theta_below(cls: type, default: Any, out: Overrides) -> bool:
    """Sub-configurations that are asked for a rope_theta although they declare none."""
    changed = False
    for value in out.values():
        if hasattr(value, "to_dict") and not hasattr(value, "rope_theta"):
            value.rope_theta = 10000.0
            changed = True
    return changed


def _low_padding(cls: type, default: Any, out: Overrides) -> bool:
    """Positions that are counted from the padding token on need room behind it."""
    changed = "pad_token_id" in out
    out["pad_token_id"] = 0
    return changed


REPAIRS: list[Callable[[type, Any, Overrides], bool]] = [
    _same_heads,
    _fill_none,
    _rope_head,
    _more_layers,
    _rope_per_kind,
    _rope_sections,
    _rope_theta_below,
    *[_layer_kinds(kinds) for kinds in _LAYER_KINDS],
    _clip,
    _low_padding,
]


def attempts(cls: type):
    """Overrides to try, the plain ones first; at most two repairs at once."""
    default = cls()
    yield tiny.base_overrides(cls)
    for count in (1, 2):
        for chosen in combinations(REPAIRS, count):
            out = tiny.base_overrides(cls)
            if all([repair(cls, default, out) for repair in chosen]):
                yield out
    for name, value in tiny.base_overrides(cls).items():
        if not hasattr(value, "to_dict"):
            continue
        sub_class = type(value)
        sub_default = sub_class()
        for repair in REPAIRS:
            sub = tiny.base_overrides(sub_class)
            if repair(sub_class, sub_default, sub):
                out = tiny.base_overrides(cls)
                _rope_theta_below(cls, default, out)
                try:
                    out[name] = tiny.make(sub_class, sub)
                except Exception:
                    continue
                _rope_theta_below(cls, default, out)
                yield out
