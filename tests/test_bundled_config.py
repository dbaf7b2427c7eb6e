"""Configuration classes that adgen puts into a file, against those of the installed package."""

import copy
import inspect

import pytest
from adgen_reference import corpus, emitted, hf, tiny, verify
from golden_cases import run

pytest.importorskip("transformers", minversion="5.23")
TYPES = {
    "cohere2": "types of layers by a pattern in older files, a width that follows from others",
    "gemma3_text": "a hook for rotary parameters by type of layer",
    "gpt_neo": "a static method that computes a field, aliases",
    "gpt_neox": "rotary parameters under older names",
    "granite_swa": "a field that is derived after the base's constructor",
    "minicpm3": "a property, a module of Python",
    "olmo3": "a hook, and a base of frequencies of its own",
    "phi3": "a hook that changes the type of rotary parameters",
    "qwen3": "a window that a flag switches off",
    "smollm3": "lists that are made in a loop",
}
VERIFIED = ("cohere2", "gemma3_text", "phi3", "smollm3")

# Fields as files of several years give them: what a class does not know, it ignores.
GIVEN = (
    {},
    {"num_hidden_layers": 5},
    {"num_hidden_layers": 7, "sliding_window_pattern": 3, "layer_types": None},
    {"num_key_value_heads": None, "head_dim": None, "hidden_size": 128, "num_attention_heads": 8},
    {"use_sliding_window": True, "sliding_window": 77, "max_window_layers": 2, "num_hidden_layers": 5},
    {"sliding_window": None},
    {"rope_theta": 777.0, "rope_scaling": {"type": "linear", "factor": 4.0}},
    {"rope_theta": 777.0, "partial_rotary_factor": 0.75},
    {"rotary_pct": 0.5, "rotary_emb_base": 99, "rope_local_base_freq": 44.0},
    {"tie_word_embeddings": True, "pad_token_id": 3},
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Each type's file with its configuration class."""
    hf.quiet()
    folder = tmp_path_factory.mktemp("bundled")
    entries = {e.model_type: e for e in corpus.entries()}
    for name in TYPES:
        target = folder / f"modeling_{name}.py"
        done = run(entries[name].file, "--entry", entries[name].class_name, "--bundle-config", "-o", target, cwd=folder)
        assert done.status == 0, done.err.decode()
    return {name: folder / f"modeling_{name}.py" for name in TYPES}


def made(cls, given):
    """A configuration, or None where the class refuses the fields."""
    try:
        return cls(**copy.deepcopy(given))
    except Exception:
        return None


@pytest.mark.parametrize("model_type", TYPES)
def test_fields(files, model_type):
    """All that the class of the file makes of the fields is what the class of the package makes of them."""
    (own,) = emitted.import_file(files[model_type]).configs.values()
    library = tiny.config_class(model_type)
    assert (own.__name__, own.model_type) == (library.__name__, model_type)
    compared = 0
    for given in GIVEN:
        want, got = made(library, given), made(own, given)
        if want is None:
            continue
        untouched = {"rope_theta", *given} - set(inspect.signature(own.__init__).parameters)
        names = [n for n in vars(got) if not n.startswith("_") and n not in untouched and hasattr(want, n)]
        properties = [n for n, value in vars(own).items() if isinstance(value, property)]
        for name in names + properties:
            assert getattr(got, name) == getattr(want, name), (given, name)
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("model_type", VERIFIED)
def test_model(files, model_type):
    report = verify.verify(files[model_type], model_type, verify.Options(variants="default"))
    assert report.verdict == "verified", verify.render(report)
    assert "own configuration" in report.remark


def test_the_library_keeps_its_classes(files):
    assert emitted.import_file(files["qwen3"]).configs
    assert tiny.config_class("qwen3").__module__.startswith("transformers.")


@pytest.mark.parametrize("model_type", TYPES)
def test_fixed_point(files, model_type):
    again = run(files[model_type].name, cwd=files[model_type].parent)
    assert again.out == files[model_type].read_bytes()
    assert b"translated already" in again.err
