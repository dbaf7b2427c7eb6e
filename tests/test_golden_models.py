"""Goldens that are whole models are run: the input as a Hugging Face model, the expected output against it."""

import re

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
    report = verify.verify(case.folder / "expected.py", register(case))
    limited = "short-context" if "--assume" in case.args else "prefill-only"
    want = limited if case.expected().status == 3 else "verified"
    assert report.verdict == want, verify.render(report)


CALL = re.compile(r"torch\.ops\.auto_deploy\.torch_moe\(.*?\n        \)", re.DOTALL)
PLAIN = """sum(
            expert.w2(F.silu(expert.w1(hidden_states)) * expert.w3(hidden_states))
            * routing_weights.masked_fill(selected_experts != e, 0.0).sum(-1, keepdim=True)
            for e, expert in enumerate(self.experts)
        )"""


def test_plain_experts_are_flagged_where_the_op_computes_them(tmp_path):
    case = next(case for case in models() if case.name == "experts_as_modules")
    text, count = CALL.subn(PLAIN, (case.folder / "expected.py").read_text(encoding="utf-8"))
    assert count == 1
    model = tmp_path / "modeling_plain.py"
    model.write_text(text, encoding="utf-8")
    report = verify.verify(model, register(case), verify.Options(variants="default"))
    assert report.verdict == "wrong"
    assert "plain PyTorch moe" in verify.render(report)
