"""The decoder language models of the installed transformers package, and their tiers."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

#: Where tiers and expected verdicts lie: in the checkout, else (installed) in the current folder.
_BESIDE = Path(__file__).resolve().parents[2] / "tests"
TESTS = _BESIDE if (_BESIDE / "tiers.yaml").exists() else Path.cwd() / "tests"


@dataclass
class Entry:
    """One model type: its causal-LM class and the file that defines it ("" if there is none)."""

    model_type: str
    class_name: str
    file: str


def read_tiers(path: Path | None = None) -> dict[str, str]:
    """Model type -> tier."""
    import yaml

    content = yaml.safe_load((path or TESTS / "tiers.yaml").read_text(encoding="utf-8"))
    return {str(name): tier for tier, names in content.items() for name in names}


def read_allowed(path: Path) -> dict[str, list[str]]:
    """Model type -> kinds of plain PyTorch (attention, norm, rope, moe) that no op equals."""
    import yaml

    if not path.exists():
        return {}
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {str(name): list(entry["kinds"]) for name, entry in content.items()}


def _defining_file(folder: Path, class_name: str) -> str:
    for file in sorted(folder.glob("modeling_*.py")):
        if re.search(rf"^class {class_name}\b", file.read_text(encoding="utf-8"), re.M):
            return str(file)
    return ""


def entries() -> list[Entry]:
    """Every model type of the causal-LM mapping, in its order."""
    import transformers
    from transformers.models.auto import configuration_auto, modeling_auto

    models = Path(transformers.__file__).parent / "models"
    found = []
    for name, class_name in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items():
        if isinstance(class_name, (list, tuple)):
            class_name = class_name[0]
        folder = models / configuration_auto.model_type_to_module_name(name)
        file = _defining_file(folder, class_name) or _elsewhere(models, class_name)
        found.append(Entry(name, class_name, file))
    return found


def _elsewhere(models: Path, class_name: str) -> str:
    """The file of a class that belongs to another type's folder."""
    for folder in sorted(models.iterdir()):
        if folder.is_dir() and class_name.lower().startswith(folder.name.replace("_", "")):
            found = _defining_file(folder, class_name)
            if found:
                return found
    return ""


def as_rows(items: list[Entry]) -> list[dict[str, str]]:
    """Entries as plain dictionaries."""
    return [asdict(item) for item in items]
