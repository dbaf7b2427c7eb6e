"""Tiny configurations made from a configuration class, with no knowledge of models.

``base_overrides`` gives the small values of all fields; ``build`` makes a configuration from them
and a variant's changes.  Which variants there are is the business of ``variants``.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from typing import Any

from . import sizes

MAX_LAYERS = 6
_TOKEN = re.compile(r".*_token_(id|index)|.*_token")


def config_class(model_type: str) -> type:
    """The configuration class of a model type."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return CONFIG_MAPPING[model_type]


def _base_names() -> set[str]:
    from transformers import PretrainedConfig

    if dataclasses.is_dataclass(PretrainedConfig):
        return {field.name for field in dataclasses.fields(PretrainedConfig)}
    return set(inspect.signature(PretrainedConfig.__init__).parameters)


_SHARED = {"tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id"}


def _has_own_init(cls: type) -> bool:
    """True for a constructor that someone wrote, which a dataclass keeps."""
    return inspect.unwrap(cls.__init__).__code__.co_filename != "<string>"


def declared(cls: type) -> dict[str, Any]:
    """Names a class takes -> annotation; those of the common base class are left out.

    Dataclass fields under transformers 5, parameters of ``__init__`` under 4.
    """
    if dataclasses.is_dataclass(cls) and not _has_own_init(cls):
        found = {f.name: f.type for f in dataclasses.fields(cls) if f.init}
    else:
        parameters = inspect.signature(cls.__init__).parameters.values()
        found = {
            p.name: p.annotation
            for p in parameters
            if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
    base = _base_names()
    return {k: v for k, v in found.items() if k not in base or k in _SHARED}


def field_value(config: Any, name: str) -> Any:
    """A field's value, also where the class guards it (per-layer configurations)."""
    try:
        return getattr(config, name, None)
    except Exception:
        return vars(config).get(name)


def _sub_configs(config: Any) -> dict[str, Any]:
    from transformers import PretrainedConfig

    return {k: v for k, v in vars(config).items() if isinstance(v, PretrainedConfig)}


def _standard_name(cls: type, name: str) -> str:
    """The common name of a field that the class's attribute_map renames."""
    for common, own in getattr(cls, "attribute_map", {}).items():
        if own == name:
            return common
    return name


def _small(cls: type, name: str, default: Any, hidden: int | None) -> Any:
    value = sizes.small_value(name, default, hidden)
    if value is default or value == default:
        value = sizes.small_value(_standard_name(cls, name), default, hidden)
    return value


def _layer_lists(default: Any, names: list[str], count: int) -> dict[str, list]:
    found = {}
    for name in names:
        value = field_value(default, name)
        if isinstance(value, (list, tuple)) and len(value) == count and count > 2:
            found[name] = list(value)
    return found


def _representatives(lists: dict[str, list], least: int) -> list[int]:
    """Indices of layers that show every distinct combination of per-layer values."""
    columns = list(zip(*[[repr(x) for x in values] for values in lists.values()]))
    chosen: list[int] = []
    seen = set()
    for index, column in enumerate(columns):
        if column not in seen and len(chosen) < MAX_LAYERS:
            seen.add(column)
            chosen.append(index)
    for index in range(len(columns)):
        if len(chosen) >= least:
            break
        if index not in chosen:
            chosen.append(index)
    return sorted(chosen)


def base_overrides(cls: type) -> dict[str, Any]:
    """Keyword arguments that make a small configuration of ``cls``, sub-configurations included."""
    default = cls()
    names = list(declared(cls))
    hidden = field_value(default, "hidden_size")
    hidden = hidden if isinstance(hidden, int) else None
    out: dict[str, Any] = {}
    token = sizes.VOCAB - 1
    for name in names:
        value = field_value(default, name)
        if name in _sub_configs(default):
            continue
        if sizes.is_layer_count(name) and isinstance(value, int):
            continue
        if re.search(r"_dim$", name) and _is_derived(default, name):
            continue
        small = _small(cls, name, value, hidden)
        if (
            small == value
            and isinstance(value, int)
            and not isinstance(value, bool)
            and _TOKEN.fullmatch(name)
        ):
            small, token = token, token - 1
        if small is not value and small != value:
            out[name] = small
    out.update(_layers(default, names))
    out.update(_related(names, default, out))
    for name, sub in _sub_configs(default).items():
        out[name] = type(sub)(**base_overrides(type(sub)))
    return out


def _related(names: list[str], default: Any, out: dict[str, Any]) -> dict[str, Any]:
    """Fields whose small values follow from others."""
    related: dict[str, Any] = {}
    for name in ("is_decoder", "causal"):  # a language model attends to the past
        if name in names:
            related[name] = True
    if "expand" in names and "num_heads" in names and "head_dim" in names:
        related["num_heads"] = int(field_value(default, "expand") * sizes.HIDDEN) // sizes.HEAD_DIM
    if "qk_rope_head_dim" in names:
        # Latent attention has no kv heads; the rotary part is what head_dim means there.
        for name in ("num_key_value_heads",):
            if name in names:
                related[name] = sizes.HEADS
    return related


def _layers(default: Any, names: list[str]) -> dict[str, Any]:
    """Layer counts and everything that is listed per layer."""
    counts = [n for n in names if sizes.is_layer_count(n) and field_value(default, n)]
    out: dict[str, Any] = {}
    for name in counts:
        count = field_value(default, name)
        if not isinstance(count, int):
            continue
        lists = _layer_lists(default, names, count)
        least = 4 if any(_is_period(default, n) for n in names) else 2
        chosen = _representatives(lists, least) if lists else list(range(least))
        for key, values in lists.items():
            if len({repr(v) for v in values}) > 1 or not _is_derived(default, key):
                out[key] = [values[i] for i in chosen]
        out[name] = len(chosen)
        for key in names:
            nested = _nested_pattern(field_value(default, key), len(chosen))
            if nested is not None:
                out[key] = nested
    return out


def _is_derived(config: Any, name: str) -> bool:
    """True if the class makes the field itself where None is given."""
    cls = type(config)
    if dataclasses.is_dataclass(cls) and not _has_own_init(cls):
        return any(f.name == name and f.default is None for f in dataclasses.fields(cls))
    parameter = inspect.signature(cls.__init__).parameters.get(name)
    return parameter is not None and parameter.default is None


def per_layer_fields(config: Any) -> set[str]:
    """Names of fields that list one value per layer."""
    names = list(declared(type(config)))
    found: set[str] = set()
    for name in names:
        count = field_value(config, name)
        if sizes.is_layer_count(name) and isinstance(count, int):
            found |= set(_layer_lists(config, names, count))
    return found


def _is_period(config: Any, name: str) -> bool:
    value = field_value(config, name)
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value > 1
        and bool(re.search(r"period|pattern|interval|every_n|group_size|offset|freq$|_step$", name))
    )


def _nested_pattern(value: Any, layers: int) -> list | None:
    """[[[kinds...], repeat]] for that many layers, where a field is written in that way."""
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], (list, tuple)):
        return None
    if len(value[0]) != 2 or not isinstance(value[0][0], list) or not isinstance(value[0][1], int):
        return None
    return [[list(value[0][0]), max(1, layers // len(value[0][0]))]]


def build(model_type: str, changes: dict[str, Any] | None = None) -> Any:
    """A tiny configuration; ``changes`` wins over the small values, None *sets* None."""
    return make(config_class(model_type), base_overrides(config_class(model_type)), changes)


def make(cls: type, overrides: dict[str, Any], changes: dict[str, Any] | None = None) -> Any:
    """A configuration of ``cls`` from copies of the overrides and of the changes to them."""
    merged = {**copy.deepcopy(overrides), **copy.deepcopy(changes or {})}
    return cls(**merged)
