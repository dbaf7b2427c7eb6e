"""pytest plug-in: ``-p adgen_reference.plugin`` makes emitted tests run without TensorRT-LLM."""

from __future__ import annotations

import sys
from pathlib import Path

from . import standins

_CUSTOM = "tensorrt_llm._torch.auto_deploy.models.custom"


def pytest_configure(config) -> None:
    """Install the stand-ins before any test module is imported."""
    standins.install()


def pytest_collect_file(file_path, parent) -> None:
    """Where there is no package of custom models, it is that of the tree around, or the folder."""
    package = sys.modules.get(_CUSTOM)
    if not getattr(package, "__adgen_standin__", False):
        return
    custom = Path(*_CUSTOM.split("."))
    for folder in (file_path.parent, *(parent / custom for parent in file_path.parents)):
        if folder.is_dir() and str(folder) not in package.__path__:
            package.__path__.append(str(folder))


def pytest_report_header(config) -> str:
    kind = "real" if not standins.install() else "CPU reference"
    return f"auto_deploy ops: {kind}"
