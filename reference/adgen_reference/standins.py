"""Stand-ins for the parts of ``tensorrt_llm`` that emitted models and tests import.

They let an emitted file run on a machine without TensorRT-LLM.  ``install()`` puts them into
``sys.modules``; where the real package is present it does nothing.
"""

from __future__ import annotations

import enum
import sys
import types

import torch

from ._library import tensorrt_llm_present


class ActivationType(enum.IntEnum):
    """Values of tensorrt_llm._torch.utils.ActivationType."""

    InvalidType = 0
    Identity = 1
    Gelu = 2
    Relu = 3
    Silu = 4
    Swiglu = 5
    Geglu = 6
    SwigluBias = 7
    Relu2 = 8


class AutoModelForCausalLMFactory:
    """Registry of custom model classes by the name of their configuration class."""

    _custom_model_mapping: dict[str, type] = {}

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        cls._custom_model_mapping = {}

    @classmethod
    def register_custom_model_cls(cls, config_cls_name: str, custom_model_cls: type) -> None:
        cls._custom_model_mapping[config_cls_name] = custom_model_cls


class AutoModelForImageTextToTextFactory(AutoModelForCausalLMFactory):
    """A registry of its own, as in TensorRT-LLM."""


def torch_export_to_gm(
    model,
    args=None,
    kwargs=None,
    clone=False,
    *,
    dynamic_shapes=None,
    strict=False,
    patch_configs=None,
    patch_list=None,
    num_moe_experts_for_export=None,
):
    """torch.export, returned as a graph module; the real one also applies patches."""
    with torch.inference_mode():
        program = torch.export.export(
            model, tuple(args or ()), kwargs or {}, dynamic_shapes=dynamic_shapes, strict=strict
        )
    return program.module()


def move_to_device(gm, device):
    """Move parameters and buffers of a graph module."""
    gm.to(device)
    return gm


def assert_rmse_close(actual, expected, rmse_ratio_tol: float, msg: str = "") -> None:
    """Assert sqrt(mean((a-e)^2)) / sqrt(mean(e^2)) < rmse_ratio_tol, both in float32."""
    actual, expected = actual.float(), expected.float()
    ratio = (actual - expected).pow(2).mean().sqrt() / expected.pow(2).mean().sqrt()
    assert ratio < rmse_ratio_tol, f"{msg}rmse ratio {ratio:.3e} is not below {rmse_ratio_tol:.3e}"


_ROOT = "tensorrt_llm._torch"
_MODULES: dict[str, dict[str, object]] = {
    f"{_ROOT}.utils": {"ActivationType": ActivationType},
    f"{_ROOT}.auto_deploy._compat": {"ActivationType": ActivationType},
    f"{_ROOT}.auto_deploy.custom_ops": {},
    f"{_ROOT}.auto_deploy.models.hf": {
        "AutoModelForCausalLMFactory": AutoModelForCausalLMFactory,
        "AutoModelForImageTextToTextFactory": AutoModelForImageTextToTextFactory,
    },
    f"{_ROOT}.auto_deploy.models.custom": {},
    f"{_ROOT}.auto_deploy.export": {"torch_export_to_gm": torch_export_to_gm},
    f"{_ROOT}.auto_deploy.utils._graph": {"move_to_device": move_to_device},
    "_model_test_utils": {"assert_rmse_close": assert_rmse_close},
}


def _module(name: str) -> types.ModuleType:
    """The module of that name, made (with its parents, as packages) where it is missing."""
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name, "Stand-in by adgen_reference.")
    module.__adgen_standin__ = True
    module.__path__ = []
    sys.modules[name] = module
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(_module(parent), leaf, module)
    return module


def install() -> bool:
    """Register the ops and the stand-in modules; False where the real package is there."""
    from . import ops  # noqa: F401  (importing it registers the ops)

    if tensorrt_llm_present():
        return False
    for name, members in _MODULES.items():
        module = _module(name)
        for key, value in members.items():
            setattr(module, key, value)
    return True


def factory():
    """The factory class that emitted files register with: the real one or the stand-in."""
    install()
    from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory as found

    return found


def registered_models() -> dict[str, type]:
    """What has been registered so far: configuration class name -> model class."""
    return factory()._custom_model_mapping
