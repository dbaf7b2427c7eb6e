"""Which features a configuration class offers, read from its fields."""

from __future__ import annotations

import copy
import inspect
import re
import typing
from typing import Any

from . import sizes, tiny

_SKIP = re.compile(
    r"use_cache|output_.*|return_.*|.*dropout.*|.*pdrop|.*jitter.*|initializer.*|.*init_.*|init_std"
    r"|.*aux_loss.*|.*loss.*|summary_.*|pretraining_tp|classifier.*|is_decoder|causal|is_causal"
    r"|add_cross_attention|.*bidirectional.*|prefix_lm|.*_token_(id|index)|slow_but_exact|use_mamba.*"
    r"|use_associative_scan|layerdrop|chunk_size_feed_forward|rescale_prenorm_residual|.*mtp.*"
    r"|gradient.*|.*_kernel|mode|.*_dtype|is_encoder_decoder|weight_mode|vocab_size.*|.*_nextn_.*"
    r"|layer_types|rope_.*|max_position.*|max_seq.*|.*hidden_layers|architectures"
)
_ACTIVATION = re.compile(r"(mlp_)?hidden_act|activation_function|hidden_activation|activation")
_STATE_KINDS = ("conv", "linear_attention")
_WINDOW = re.compile(r"sliding_window(_size)?|attention_window|attention_chunk_size")


def rope_types(rotary_dim: int) -> dict[str, dict[str, Any]]:
    """Valid parameters of each scaled rotary type for a rotary width."""
    half = rotary_dim // 2
    original = 32
    return {
        "linear": {"factor": 2.5},
        "dynamic": {"factor": 2.0},
        "yarn": {
            "factor": 4.0,
            "original_max_position_embeddings": original,
            "beta_fast": 8.0,
            "beta_slow": 1.0,
        },
        "longrope": {
            "short_factor": [1.0 + 0.1 * i for i in range(half)],
            "long_factor": [1.5 + 0.3 * i for i in range(half)],
            "original_max_position_embeddings": original,
            "factor": 4.0,
        },
        "llama3": {
            "factor": 4.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": original,
        },
        "proportional": {"factor": 2.0},
    }


def _rotary_dim(config: Any, rope: dict[str, Any]) -> int:
    heads = tiny.field_value(config, "num_attention_heads") or sizes.HEADS
    dim = tiny.field_value(config, "qk_rope_head_dim") or tiny.field_value(config, "head_dim")
    dim = dim or (tiny.field_value(config, "hidden_size") or sizes.HIDDEN) // heads
    return int(dim * (rope.get("partial_rotary_factor") or 1.0))


def _rope_field(config: Any) -> str | None:
    """The field that holds rotary parameters: of transformers 5, else of 4."""
    names = tiny.declared(type(config))
    for name in ("rope_parameters", "rope_scaling"):
        if name in names:
            return name
    return None


def _rope_changes(config: Any) -> dict[str, dict[str, Any]]:
    """Variants of the rotary embedding."""
    name = _rope_field(config)
    if name is None:
        return {}
    rope = tiny.field_value(config, name)
    rope = copy.deepcopy(rope) if isinstance(rope, dict) else {}
    nested = bool(rope) and all(isinstance(v, dict) for v in rope.values())

    def replaced(kind: str, extra: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        kept = ("rope_theta", "partial_rotary_factor", "mrope_section")
        keep = {k: entry[k] for k in kept if k in entry}
        return {**keep, "rope_type": kind, **extra}

    out: dict[str, dict[str, Any]] = {}
    if name == "rope_scaling":  # as it was before it had a rope_type, and nothing besides
        for kind in ("linear", "dynamic"):
            out[f"rope={kind}, as a type"] = {name: {"type": kind, "factor": 2.5}}
    entry = next(iter(rope.values())) if nested else rope
    for kind in rope_types(16):
        if nested:
            value = {
                layer: replaced(kind, rope_types(_rotary_dim(config, v))[kind], v)
                for layer, v in rope.items()
            }
        else:
            value = replaced(kind, rope_types(_rotary_dim(config, rope))[kind], rope)
        out[f"rope={kind}"] = {name: value}
    if name == "rope_parameters" and entry:
        factor = 0.25 if entry.get("partial_rotary_factor") == 0.5 else 0.5
        if nested:
            value = {k: {**v, "partial_rotary_factor": factor} for k, v in rope.items()}
        else:
            value = {**rope, "partial_rotary_factor": factor}
        out[f"partial_rotary_factor={factor}"] = {name: value}
        theta = (
            {k: {**v, "rope_theta": 500.0} for k, v in rope.items()}
            if nested
            else {**rope, "rope_theta": 500.0}
        )
        out["rope_theta=500"] = {name: theta}
    return out


def _literals(kind: Any) -> list[Any]:
    """Values that an annotation lists with Literal."""
    if typing.get_origin(kind) is typing.Literal:
        return list(typing.get_args(kind))
    return [v for part in typing.get_args(kind) for v in _literals(part)]


def _of_none(name: str, kind: str) -> Any:
    """A value for an optional field that is None by default; None where there is no idea."""
    if _WINDOW.fullmatch(name):
        return sizes.WINDOW
    if re.search(r"soft_?cap", name):
        return sizes.ATTENTION_CAP if re.search(r"at+n", name) else sizes.LOGIT_CAP
    if "clip" in name:
        return 0.5
    if "list[int]" in kind and re.search(r"layer_indices$|_idxs$", name):
        return [1]
    if "int" in kind:
        small = sizes.small_value(name, 1 << 20, None)
        return None if small == 1 << 20 else small
    if "float" in kind:
        return 0.5
    if "bool" in kind:
        return True
    return None


def _one_field(name: str, kind: Any, value: Any) -> list[Any]:
    """Other values for a field."""
    text = str(kind)
    if isinstance(value, bool):
        return [not value]
    if _ACTIVATION.fullmatch(name) and isinstance(value, str):
        return ["gelu_pytorch_tanh" if value == "silu" else "silu"]
    if _literals(kind):
        return [v for v in _literals(kind) if v != value]
    if value is None:
        other = _of_none(name, text)
        return [] if other is None else [other]
    out: list[Any] = []
    if re.search(r"key_value_heads$|kv_heads$", name) and isinstance(value, int):
        out += [n for n in (1, sizes.HEADS) if n != value]
    elif name == "head_dim" and isinstance(value, int):
        out += [2 * value]
    elif re.fullmatch(r"n_group|topk_group|num_expert_group", name) and value != 1:
        out += [1]
    elif isinstance(value, int) and value == 0:
        small = sizes.small_value(name, 1 << 20, None)
        out += [small] if small != 1 << 20 and small else []
    elif re.fullmatch(r"(num|n)_shared_experts|first_k_dense_replace|num_dense_layers", name):
        out += [0]
    if "None" in text and not isinstance(value, (list, dict)):
        out.append(None)
    return out


def changes(cls: type, config: Any, overrides: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Variant name -> changed fields, one feature each; the order is that of the fields."""
    out: dict[str, dict[str, Any]] = {}
    names = tiny.declared(cls)
    for name, kind in names.items():
        if _SKIP.fullmatch(name) or name in overrides and hasattr(overrides[name], "to_dict"):
            continue
        value = tiny.field_value(config, name)
        for other in _one_field(name, kind, value):
            change = {name: other}
            if name == "use_sliding_window" and other and "sliding_window" in names:
                change["sliding_window"] = sizes.WINDOW
            out[f"{name}={other}"] = change
    out.update(_layer_changes(config, names))
    out.update(_state_changes(config, names))
    out.update(_rope_changes(config))
    out.update(_text_changes(config, overrides))
    return out


def _text_changes(config: Any, overrides: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Variants of the part for text, where the configuration is one of several modalities."""
    text = config.get_text_config()
    parts = [name for name in overrides if tiny.field_value(config, name) is text]
    if text is config or not parts:
        return {}
    cls, out = type(text), {}
    small = tiny.base_overrides(cls)
    plain = tiny.make(cls, small)
    for name in tiny.declared(cls):  # what a repair has made otherwise
        value = tiny.field_value(text, name)
        if value != tiny.field_value(plain, name):
            small[name] = value
    for name, change in changes(cls, text, small).items():
        try:
            out[f"{parts[0]}.{name}"] = {parts[0]: tiny.make(cls, small, change)}
        except Exception:  # a value that the class refuses
            continue
    return out


def _state_changes(config: Any, names: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Layers with attention and layers with a state in turn, where there are both."""
    field = next((n for n in ("layer_types", "layers_block_type") if n in names), "")
    kinds = tiny.field_value(config, field) if field else None
    source = inspect.getsource(inspect.getmodule(type(config)) or type(config))
    known = [k for k in _STATE_KINDS if f'"{k}"' in source]
    if not kinds or not known or "num_attention_heads" not in names:
        return {}
    known.append("full_attention")
    if set(known) <= set(kinds):
        return {}
    pattern = [known[i % len(known)] for i in range(len(kinds))]
    return {f"layers={'+'.join(known)}": {field: pattern}}


def _layer_changes(config: Any, names: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Layer patterns: everything full, everything sliding, and both."""
    kinds = tiny.field_value(config, "layer_types")
    if "layer_types" not in names or not kinds:
        return {}
    known = set(kinds) | {"full_attention"}
    if not known <= {"full_attention", "sliding_attention", "chunked_attention"}:
        return {}
    windows = [n for n in names if _WINDOW.fullmatch(n)]
    if not windows:
        return {}
    extra: dict[str, Any] = {n: sizes.WINDOW for n in windows}
    if "use_sliding_window" in names:
        extra["use_sliding_window"] = True
    local = next((k for k in kinds if k != "full_attention"), "sliding_attention")
    patterns = {
        "layers=local+full": [local, "full_attention"],
        "layers=full": ["full_attention"],
        "layers=local": [local],
    }
    return {
        name: {"layer_types": [p[i % len(p)] for i in range(len(kinds))], **extra}
        for name, p in patterns.items()
    }
