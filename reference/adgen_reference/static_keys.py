"""The state dict that `adgen keys` finds without Python beside the one that PyTorch makes.

Models are built on the meta device, so that real sizes cost nothing.
"""

from __future__ import annotations

import copy
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch

from . import emitted


def of_adgen(adgen: str, file: str | Path, config: str, *options: str) -> dict[str, Any]:
    """What `adgen keys --json` prints for a configuration in JSON; RuntimeError where it refuses."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as out:
        out.write(config)
        out.flush()
        command = [adgen, "keys", str(file), "--config", out.name, "--json", *options]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if not run.stdout:
        raise RuntimeError(run.stderr.strip())
    return json.loads(run.stdout)


def of_torch(entry: type, config: Any) -> dict[str, tuple[list[int], str]]:
    """Key -> shape and dtype of the model that a configuration builds."""
    with torch.device("meta"):
        model = entry._from_config(copy.deepcopy(config))
    return {
        name: (list(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in model.state_dict().items()
    }


def difference(found: dict[str, Any], expected: dict[str, tuple[list[int], str]]) -> str | None:
    """The first key, shape or dtype that differs; None if all are equal, and in the same order."""
    keys = {name: (key["shape"], key["dtype"]) for name, key in found["keys"].items()}
    for name, value in expected.items():
        if name not in keys:
            return f"adgen does not find {name}"
        if keys[name] != value:
            return f"{name} is {value}, adgen says {keys[name]}"
    for name in keys:
        if name not in expected:
            return f"only adgen finds {name}"
    return None if list(keys) == list(expected) else "the order differs"


def check(adgen: str, file: str | Path, entry: type, config: Any, *options: str) -> str | None:
    """The first difference for a configuration, which is handed over as JSON; None if there is none."""
    return check_json(adgen, file, entry, config, json.dumps(config.to_dict(), default=str), *options)


def check_json(
    adgen: str, file: str | Path, entry: type, config: Any, text: str, *options: str
) -> str | None:
    """The same for the JSON that the configuration was made of.

    A configuration that no model can be built from must be refused, for what Python raises.
    """
    expected, raised, refusal, found = {}, None, None, {}
    try:
        expected = of_torch(entry, config)
    except Exception as error:
        raised = type(error).__name__
    try:
        found = of_adgen(adgen, file, text, *options)
    except RuntimeError as error:
        refusal = str(error)
    if raised:
        return None if refusal and raised in refusal else f"{raised} is raised, not {refusal}"
    return f"adgen refuses: {refusal}" if refusal else difference(found, expected)


def registered(file: str | Path) -> tuple[str, type]:
    """Name of the configuration class, and the model class, that an emitted file registers."""
    ((name, entry),) = emitted.import_file(file).registered.items()
    return name, entry
