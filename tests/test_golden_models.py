"""Goldens that are whole models are run: the input as a Hugging Face model, the expected output against it."""

import pytest
import torch
from golden_cases import good_cases

transformers = pytest.importorskip("transformers", minversion="5.20")
from adgen_reference import hf, source, verify  # noqa: E402


def models():
    """Cases with a configuration class beside the model."""
    return [case for case in good_cases() if list(case.folder.glob("configuration_*.py"))]


@pytest.fixture(scope="module", autouse=True)
def quiet_and_single():
    hf.quiet()
    torch.set_num_threads(1)


def register(case):
    """Make the input known to the library; returns its model type."""
    entry = case.args[case.args.index("--entry") + 1] if "--entry" in case.args else None
    return source.register(case.input, entry)


@pytest.mark.parametrize("case", models(), ids=lambda case: case.name)
def test_equals_its_input(case):
    if "\nfrom einops import" in case.input.read_text(encoding="utf-8"):
        pytest.importorskip("einops")
    report = verify.verify(case.folder / "expected.py", register(case))
    want = "prefill-only" if case.expected().status == 3 else "verified"
    assert report.verdict == want, verify.render(report)
