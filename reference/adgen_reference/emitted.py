"""Loading an emitted model file: import it, find its entry, build it, load a checkpoint into it."""

from __future__ import annotations

import copy
import importlib.util
import itertools
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import standins

_PACKAGE = "tensorrt_llm._torch.auto_deploy.models.custom"
_COUNTER = itertools.count()


@dataclass
class EmittedFile:
    """An imported file and what it registered: configuration class name -> model class."""

    path: Path
    registered: dict[str, type]
    configs: dict[str, type] = field(default_factory=dict)  #: classes that the file defines

    def entry(self, config: Any, reference: torch.nn.Module) -> tuple[type, Any]:
        """The class registered for a configuration, and the configuration to build it from.

        Several model types can share a modeling file (another configuration class, or a composite
        one of which the reference keeps the text part): then what the reference uses counts.
        """
        own = getattr(type(reference), "config_class", None)
        names = [
            (type(config).__name__, config),
            (type(reference.config).__name__, reference.config),
            (getattr(own, "__name__", ""), reference.config),
        ]
        for name, used in names:
            if name in self.registered:
                return self.registered[name], self._own(name, used)
        known = ", ".join(self.registered) or "nothing"
        raise LookupError(f"no class is registered for {names[0][0]} (registered: {known})")

    def _own(self, name: str, config: Any) -> Any:
        """The configuration as the file's own class, if it brings one, reads it from its JSON.

        The JSON holds what differs from the defaults, so the defaults are put to the test too.
        """
        if name not in self.configs:
            return config
        return self.configs[name].from_dict(json.loads(config.to_json_string()))


def import_file(path: str | Path) -> EmittedFile:
    """Import a file as a module of AutoDeploy's folder of custom models.

    So its imports may be absolute or relative to that folder.  What it registers is forgotten
    again: the library keeps its own configuration classes.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    path = Path(path)
    mapping = standins.factory()._custom_model_mapping
    before, known = dict(mapping), dict(CONFIG_MAPPING._extra_content)
    mapping.clear()
    CONFIG_MAPPING._extra_content.clear()
    name = f"{_PACKAGE}.{path.stem}_{next(_COUNTER)}"
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        configs = {cls.__name__: cls for cls in CONFIG_MAPPING._extra_content.values()}
        return EmittedFile(path, dict(mapping), configs)
    finally:
        mapping.clear()
        mapping.update(before)
        CONFIG_MAPPING._extra_content.clear()
        CONFIG_MAPPING._extra_content.update(known)


def build(entry: type, config: Any, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """Build as the factory does; the configuration is copied."""
    config = copy.deepcopy(config)
    model = entry._from_config(config) if hasattr(entry, "_from_config") else entry(config)
    return model.to(dtype).eval()


def renamed(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Apply the class's ``_checkpoint_conversion_mapping``, as the factory does before loading."""
    rules = getattr(model, "_checkpoint_conversion_mapping", None) or {}
    out = {}
    for key, tensor in state.items():
        for pattern, replacement in rules.items():
            key = re.sub(pattern, replacement, key)
        out[key] = tensor
    return out


def left_out(model: torch.nn.Module, key: str) -> bool:
    """True for a key that the class says not to be for: another modality's, in a text model.

    That the logits do not need it is not taken on trust: its random values would change them.
    """
    patterns = getattr(type(model), "_keys_to_ignore_on_load_unexpected", None) or ()
    return any(re.search(pattern, key) for pattern in patterns)


def load(model: torch.nn.Module, published: dict[str, torch.Tensor]) -> str | None:
    """Load a published checkpoint in one go; None, or the first key that is left over."""
    try:
        left = model.load_state_dict(renamed(model, published), strict=False)
    except RuntimeError as error:
        return " ".join(str(error).split())[:400]
    unexpected = sorted(key for key in left.unexpected_keys if not left_out(model, key))
    if unexpected:
        return f"unexpected: {', '.join(unexpected[:4])}"
    state = model.state_dict(keep_vars=True)
    missing = set(left.missing_keys)
    filled = {t.data_ptr() for k, t in state.items() if k not in missing and t.numel()}
    alone = sorted(k for k in missing if k in state and state[k].data_ptr() not in filled)
    if alone:
        return f"missing: {', '.join(alone[:4])}"
    return None


def load_in_parts(model: torch.nn.Module, published: dict[str, torch.Tensor]) -> str | None:
    """Load a checkpoint file by file (two halves); None, or what differs from loading it whole.

    Hooks must bear seeing only a part of the keys.
    """
    whole = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.zero_()
    names = sorted(published)
    half = len(names) // 2
    for part in (names[:half], names[half:]):
        try:
            model.load_state_dict(renamed(model, {k: published[k] for k in part}), strict=False)
        except Exception as error:
            return f"loading in parts: {type(error).__name__}: {str(error)[:200]}"
    for name, tensor in model.state_dict().items():
        if not torch.equal(tensor, whole[name]):
            return f"loading in parts leaves another value in {name}"
    return None


@torch.no_grad()
def logits(
    model: torch.nn.Module,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor,
    inputs_embeds: torch.Tensor | None = None,
) -> torch.Tensor:
    """Logits of an emitted model."""
    if inputs_embeds is not None:
        return model(inputs_embeds=inputs_embeds, position_ids=position_ids).logits
    return model(input_ids=input_ids, position_ids=position_ids).logits
