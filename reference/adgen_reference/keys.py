"""The published checkpoint of a Hugging Face model: the names and layouts found on disk.

transformers 5 renames and merges tensors when it loads a checkpoint.  The published form is what
those transforms turn into the module's own state; here they are run backwards.  Under versions
without transforms the module's own names are the published ones.

Not taken from ``save_pretrained``: that forgets prefix changes, which are part of what is
published.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import torch


def tied_names(model: torch.nn.Module) -> set[str]:
    """State-dict names that repeat a tensor which has another name, and are not published.

    A checkpoint holds a shared tensor once, under the name that the model declares as source.
    """
    by_place: dict[tuple, list[str]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
        if tensor.numel() == 0:
            continue  # all such tensors may stand at one place
        by_place.setdefault(place, []).append(name)
    declared = getattr(model, "all_tied_weights_keys", None)
    if not isinstance(declared, dict):
        declared = dict.fromkeys(getattr(model, "_tied_weights_keys", None) or ())
    dropped: set[str] = set()
    for names in by_place.values():
        if len(names) < 2:
            continue
        targets = [n for n in names if n in declared]
        dropped.update(targets if 0 < len(targets) < len(names) else names[1:])
    return dropped


def own_state_dict(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The module's state under its own names, each shared tensor once, contiguous copies."""
    skip = tied_names(model)
    return {
        name: tensor.detach().clone().contiguous()
        for name, tensor in model.state_dict().items()
        if name not in skip
    }


def transforms(model: torch.nn.Module) -> list[Any]:
    """The load-time transforms of a model, in order; empty where the library has none."""
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
    except ImportError:
        return []
    return list(get_model_conversion_mapping(model, add_legacy=False) or [])


def _reverse(model: torch.nn.Module, state: dict[str, torch.Tensor], chosen: list[Any]) -> dict:
    """Run the chosen transforms backwards over a state dict."""
    if not chosen:
        return dict(state)
    from transformers.core_model_loading import revert_weight_conversion

    missing = object()
    before = model.__dict__.get("_weight_conversions", missing)
    model._weight_conversions = copy.deepcopy(chosen)
    try:
        return revert_weight_conversion(model, dict(state))
    finally:
        if before is missing:
            del model.__dict__["_weight_conversions"]
        else:
            model._weight_conversions = before


def _without_remnants(out: dict[str, torch.Tensor], own: set[str]) -> dict[str, torch.Tensor]:
    """Drop items of lists that a stacked tensor has rows for, but that lack other tensors.

    Experts that hand on what they are given have rows in one stacked tensor of a layer and none in
    another: nothing reads these rows, and a checkpoint, which has the experts one by one, does not
    hold them.
    """
    stacked = {name.rpartition(".")[0] + "." for name in own}
    lists: dict[str, dict[str, set[str]]] = {}
    for name in out.keys() - own:
        match = re.fullmatch(r"(.+?\.)(\d+)\.(\D+)", name)
        if match and match[1] in stacked:
            lists.setdefault(match[1], {}).setdefault(match[2], set()).add(match[3])
    remnants = {
        f"{path}{index}.{rest}"
        for path, items in lists.items()
        for index, found in items.items()
        if any(found < others for others in items.values())
        for rest in found
    }
    return {name: tensor for name, tensor in out.items() if name not in remnants}


def _without_class_mapping(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict:
    """Names before a release without transforms renames them as the model's class says."""
    mapping = getattr(model, "_checkpoint_conversion_mapping", None) or {}
    out = {}
    for name, tensor in state.items():
        for pattern, own in mapping.items():
            published = re.sub(r"\(.*\)", "", pattern.lstrip("^"))
            name, count = re.subn(own, published, name)
            if count:
                break
        out[name] = tensor
    return out


def published_state_dict(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Names and tensors as a checkpoint on disk holds them."""
    state = own_state_dict(model)
    if importlib.util.find_spec("transformers.conversion_mapping") is None:
        return _without_class_mapping(model, state)
    out = _without_remnants(_reverse(model, state, transforms(model)), set(state))
    return {name: tensor.contiguous() for name, tensor in out.items()}


def self_check(model: torch.nn.Module) -> str | None:
    """Load the published form with the library itself; None if it restores the model exactly.

    Otherwise the first difference, as text.
    """
    from safetensors.torch import save_file

    published = published_state_dict(model)
    with tempfile.TemporaryDirectory() as folder:
        save_file(
            {k: v.clone() for k, v in published.items()},
            Path(folder) / "model.safetensors",
            metadata={"format": "pt"},
        )
        config = copy.deepcopy(model.config)
        (Path(folder) / "config.json").write_text(json.dumps(config.to_dict(), default=str))
        try:
            loaded, info = type(model).from_pretrained(
                folder, config=config, output_loading_info=True, dtype=torch.float32
            )
        except Exception as error:
            return f"from_pretrained: {type(error).__name__}: {str(error)[:300]}"
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "conversion_errors"):
        left = info.get(kind)
        if left:
            return f"{kind}: {sorted(map(str, left))[:4]}"
    want, got = model.state_dict(), loaded.state_dict()
    for name in want:
        if name not in got or not torch.equal(want[name], got[name]):
            return f"value of {name}"
    return None
