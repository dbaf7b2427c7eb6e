"""pytest plug-in: ``-p adgen_reference.plugin`` makes emitted tests run without TensorRT-LLM."""

from __future__ import annotations

from . import standins


def pytest_configure(config) -> None:
    """Install the stand-ins before any test module is imported."""
    standins.install()


def pytest_report_header(config) -> str:
    kind = "real" if not standins.install() else "CPU reference"
    return f"auto_deploy ops: {kind}"
