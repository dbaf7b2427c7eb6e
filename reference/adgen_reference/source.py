"""Model files outside of the transformers package: import one and make it known to the library.

So a file that lies beside a checkpoint on the hub, or somebody's own, is compared like a model of
the package.  It is imported as a module of a folder of ``transformers.models``, where relative
imports lead both beside it and into the library.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
import types
from pathlib import Path

_PREFIX = "transformers.models.source"
_COUNTER = itertools.count()


def _load(package: str, path: Path) -> types.ModuleType:
    name = f"{package}.{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_named(model: type) -> bool:
    return model.__name__.endswith(("ForCausalLM", "LMHeadModel"))


def _makes_logits(model: type) -> bool:
    """Whether a forward of its own returns what causal LMs return."""
    forward = vars(model).get("forward")
    names = inspect.unwrap(forward).__code__.co_names if forward else ()
    return any("CausalLMOutput" in name for name in names)


def _entry(module: types.ModuleType, wanted: str | None) -> type:
    """The class asked for, else the only one that is named as a causal LM, or is one."""
    from transformers import PreTrainedModel

    if wanted:
        return getattr(module, wanted)
    models = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, PreTrainedModel)
        and value.__module__ == module.__name__
    ]
    found = list(filter(_is_named, models)) or list(filter(_makes_logits, models))
    if len(found) != 1:
        names = ", ".join(value.__name__ for value in found) or "none"
        raise LookupError(f"{module.__file__} should have one causal LM, it has {names}")
    return found[0]


def _config(module: types.ModuleType, package: str, entry: type) -> type:
    """The configuration class that the model declares, else the one of the file beside it."""
    from transformers import PretrainedConfig

    if getattr(entry, "config_class", None):
        return entry.config_class
    folder = Path(module.__file__).parent
    found = [
        value
        for path in sorted(folder.glob("configuration_*.py"))
        for value in vars(_load(package, path)).values()
        if isinstance(value, type)
        and issubclass(value, PretrainedConfig)
        and value.__module__.startswith(package)
    ]
    if len(found) != 1:
        raise LookupError(f"{entry.__name__} should declare its config_class")
    return found[0]


def register(path: str | Path, entry: str | None = None) -> str:
    """Make a model file known to the auto classes of the library; its model type."""
    import transformers

    path = Path(path).resolve()
    package = f"{_PREFIX}_{next(_COUNTER)}"
    folder = types.ModuleType(package)
    folder.__path__ = [str(path.parent)]
    sys.modules[package] = folder
    module = _load(package, path)
    head = _entry(module, entry)
    config = _config(module, package, head)
    config.model_type = config.model_type or path.stem
    head.config_class = config
    transformers.AutoConfig.register(config.model_type, config, exist_ok=True)
    transformers.AutoModelForCausalLM.register(config, head, exist_ok=True)
    return config.model_type
