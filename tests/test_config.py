"""What adgen reads from a package agrees with what Python makes of it: model types, classes, files, fields.

The transformers package is the one of the Python that runs the tests."""

import inspect
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build/release/adgen"))

transformers = pytest.importorskip("transformers")
PACKAGE = str(Path(transformers.__file__).parent)


def mappings():
    from transformers.models.auto import configuration_auto, modeling_auto

    return modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, configuration_auto.CONFIG_MAPPING, modeling_auto


def source_of(cls):
    return os.path.realpath(inspect.getsourcefile(cls))


@pytest.fixture(scope="module")
def listed():
    out = subprocess.run([ADGEN, "--list-models", "--package", PACKAGE], capture_output=True, text=True, check=True)
    return {line.split("\t")[0]: line.split("\t") for line in out.stdout.splitlines()}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    out = tmp_path_factory.mktemp("all")
    subprocess.run(
        [ADGEN, "--all", "--out-dir", out / "files", "--report", out / "all.json", "--package", PACKAGE, "-q"],
        capture_output=True,
        check=False,
    )
    return dict(zip(mappings()[0], json.loads((out / "all.json").read_text()), strict=False))


def test_every_type_resolves_as_in_python(listed):
    heads, configs, auto = mappings()
    assert list(listed) == list(heads)
    for model_type, head in heads.items():
        model = auto.MODEL_FOR_CAUSAL_LM_MAPPING._load_attr_from_module(model_type, head)
        config = configs[model_type]
        row = listed[model_type]
        assert row[1:3] == [head, config.__name__], model_type
        assert [os.path.realpath(path) for path in row[3:5]] == [source_of(model), source_of(config)], model_type


def expected_config(model_type, head):
    """The class that the entry is made from: the part for text of a composite configuration, as the Auto classes do."""
    _, configs, auto = mappings()
    model = auto.MODEL_FOR_CAUSAL_LM_MAPPING._load_attr_from_module(model_type, head)
    config = configs[model_type]
    text = (getattr(config, "sub_configs", None) or {}).get("text_config")
    return model.config_class if text is model.config_class else config


def test_configuration_classes(reports):
    found = {t: r.get("configuration", {}).get("class") for t, r in reports.items()}
    assert found == {t: expected_config(t, h).__name__ for t, h in mappings()[0].items()}


def test_fields_are_those_of_every_instance(reports):
    """A claimed field exists in a default instance; what the class body declares is claimed."""
    wrong, missed = {}, {}
    for model_type, head in mappings()[0].items():
        cls = expected_config(model_type, head)
        fields = set(reports[model_type]["configuration"].get("fields", ()))
        assert reports[model_type]["configuration"]["complete"], model_type
        try:
            instance = cls()
        except Exception:  # needs arguments
            continue
        state = dict(vars(instance))

        def has(name, state=state, instance=instance):
            try:
                return name in state or hasattr(instance, name)
            except Exception:  # a field that differs from layer to layer refuses to be read
                return True

        if claimed := sorted(name for name in fields if not has(name)):
            wrong[model_type] = claimed
        if unseen := sorted(set(vars(cls).get("__annotations__", ())) - fields):
            missed[model_type] = unseen
    assert not wrong
    assert not missed
