"""The state dict that `adgen keys` finds without Python, beside the one that PyTorch makes."""

from __future__ import annotations

import copy
import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch


def found_by_adgen(
    adgen: str, file: str | Path, config: str, published: Iterable[str] | None = None
) -> dict[str, Any]:
    """What `adgen keys --json` prints for a configuration in JSON; RuntimeError where it refuses.

    ``published`` are the keys of a checkpoint to compare with.
    """
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "config.json")
        written.write_text(config)
        command = [adgen, "keys", str(file), "--config", str(written), "--json"]
        command += ["--package", str(Path(transformers.__file__).parent)]
        if published is not None:
            index = Path(folder, "model.safetensors.index.json")
            names = dict.fromkeys(published, "model.safetensors")
            index.write_text(json.dumps({"weight_map": names}))
            command += ["--index", str(index)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if not run.stdout or run.returncode not in (0, 1):
        raise RuntimeError(run.stderr.strip() or f"exit status {run.returncode}")
    return json.loads(run.stdout)


def built(entry: type, config: Any) -> torch.nn.Module:
    """The model of a configuration on the meta device, so that real sizes cost nothing."""
    with torch.device("meta"):
        return entry._from_config(copy.deepcopy(config))


def _dtype(name: str, cast: bool) -> str:
    return "floating" if cast and "float" in name else name


def difference(found: dict[str, Any], model: torch.nn.Module, cast: bool = False) -> str | None:
    """The first key, shape or dtype that is not the model's; None if all are, in the same order.

    Also the first key that an index lacks or has too much.  ``cast``: the model's floating tensors
    have got another dtype than the constructor gave them.
    """
    keys = {name: (key["shape"], _dtype(key["dtype"], cast)) for name, key in found["keys"].items()}
    state = model.state_dict()
    for name, tensor in state.items():
        value = (list(tensor.shape), _dtype(str(tensor.dtype).removeprefix("torch."), cast))
        if name not in keys:
            return f"adgen does not find {name}"
        if keys[name] != value:
            return f"{name} is {value}, adgen says {keys[name]}"
    for name in keys:
        if name not in state:
            return f"only adgen finds {name}"
    for side in ("missing", "unexpected"):
        if found.get(side):
            return f"adgen finds {found[side][0]} {side} in the checkpoint"
    return None if list(keys) == list(state) else "the order differs"


def check(
    adgen: str, file: str | Path, config: Any, model: torch.nn.Module, published: Iterable[str]
) -> str | None:
    """The first difference for a model in float32 and the configuration that it was built from."""
    text = json.dumps(config.to_dict(), default=str)
    try:
        return difference(found_by_adgen(adgen, file, text, published), model, cast=True)
    except RuntimeError as error:
        return f"adgen keys: {error}"
