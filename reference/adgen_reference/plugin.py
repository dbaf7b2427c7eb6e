"""pytest plug-in: ``-p adgen_reference.plugin`` makes emitted tests run without TensorRT-LLM."""

from __future__ import annotations

import sys

from . import standins

_CUSTOM = "tensorrt_llm._torch.auto_deploy.models.custom"


def pytest_configure(config) -> None:
    """Install the stand-ins before any test module is imported."""
    standins.install()


def pytest_collect_file(file_path, parent) -> None:
    """Where there is no folder of custom models, the folder of the tests is it."""
    package = sys.modules.get(_CUSTOM)
    folder = str(file_path.parent)
    if getattr(package, "__adgen_standin__", False) and folder not in package.__path__:
        package.__path__.append(folder)


def pytest_report_header(config) -> str:
    kind = "real" if not standins.install() else "CPU reference"
    return f"auto_deploy ops: {kind}"
