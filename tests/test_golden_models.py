"""Goldens that are whole models are run: the input as a Hugging Face model, the expected output against it."""

import importlib.util
import sys
import types

import pytest
import torch
from golden_cases import good_cases

transformers = pytest.importorskip("transformers", minversion="5.20")
from adgen_reference import hf, verify  # noqa: E402


def models():
    """Cases with a configuration class beside the model."""
    return [case for case in good_cases() if list(case.folder.glob("configuration_*.py"))]


def load(package, path):
    """Import a file as a module of a package of transformers.models, where its relative imports lead somewhere."""
    name = f"{package}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def own(module, suffix, base):
    """The classes of a module that end in a suffix."""
    return [
        value
        for name, value in vars(module).items()
        if name.endswith(suffix) and isinstance(value, type) and issubclass(value, base)
        and value.__module__ == module.__name__
    ]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quiet_and_single():
    hf.quiet()
    torch.set_num_threads(1)


def register(case):
    """Make the input known to the library; returns its model type."""
    package = f"transformers.models.golden_{case.name}"
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = [str(case.folder)]
    config_module = load(package, next(case.folder.glob("configuration_*.py")))
    module = load(package, case.input)
    (config,) = own(config_module, "Config", transformers.PretrainedConfig)
    args = case.args
    if "--entry" in args:
        entry = getattr(module, args[args.index("--entry") + 1])
    else:
        (entry,) = own(module, "ForCausalLM", transformers.PreTrainedModel) or own(
            module, "LMHeadModel", transformers.PreTrainedModel
        )
    config.model_type = config.model_type or case.name
    entry.config_class = config
    transformers.AutoConfig.register(config.model_type, config, exist_ok=True)
    transformers.AutoModelForCausalLM.register(config, entry, exist_ok=True)
    return config.model_type


@pytest.mark.parametrize("case", models(), ids=lambda case: case.name)
def test_equals_its_input(case):
    report = verify.verify(case.folder / "expected.py", register(case))
    want = "prefill-only" if case.expected().status == 3 else "verified"
    assert report.verdict == want, verify.render(report)
