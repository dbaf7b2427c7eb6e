"""No emitted test is vacuous: whatever mistake is put into an emitted model, the tests that come with it see it."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import mutations
import pytest
import torch
import transformers
from adgen_reference import hf, standins
from golden_cases import run

pytest.importorskip("transformers", minversion="5.23")
PACKAGE = Path(transformers.__file__).parent
if not standins.install():
    pytest.skip("TensorRT-LLM has a folder of custom models of its own", allow_module_level=True)

# A dozen kinds of models, and the mistakes that must be possible in each: more may be.
EVERYWHERE = {"scale", "addend_lost", "tied_head"}
ROTARY = EVERYWHERE | {"rope_layout", "rope_direction"}
LLAMA = ROTARY | {"norm_weight"}
EXPERTS = LLAMA | {"experts_in_another_order"}
CHOSEN = EXPERTS | {"gate_and_up_exchanged", "choice_lost"}
TYPES = {
    "qwen3": LLAMA | {"window", "bias_lost"},  # grouped queries with norms of their own
    "mistral": LLAMA | {"window"},
    "phi3": LLAMA | {"window", "parts_exchanged"},  # fused projections
    "gpt_neox": ROTARY | {"parts_exchanged", "bias_lost", "layer_norm_weight"},  # parallel residual, partial rotary
    "cohere": ROTARY | {"bias_lost"},  # lanes in pairs, one norm for two branches
    "gemma2": LLAMA | {"window", "score_cap", "soft_cap", "bias_lost"},
    "mixtral": CHOSEN | {"window", "normalisation"},
    "gpt_oss": EXPERTS | {"window", "sinks", "bias_lost"},  # stacked experts with biases
    "deepseek_v3": CHOSEN | {"parts_exchanged", "bias_lost"},  # latent attention, groups of experts, shared ones
    "qwen2_moe": CHOSEN | {"window", "normalisation", "bias_lost"},  # shared experts with a gate
    "opt": EVERYWHERE | {"bias_lost", "layer_norm_weight"},  # learned positions
    "stablelm": ROTARY | {"parts_exchanged", "bias_lost", "layer_norm_weight"},  # partial rotary, norms by head
    "nemotron": ROTARY | {"norm_weight", "bias_lost"},  # layer norm with one more than its weight
    "glm4": LLAMA | {"parts_exchanged", "bias_lost"},  # partial rotary in pairs, norms after the branches
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    hf.quiet()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path):
    """A folder of custom models."""
    path = sys.modules[mutations.CUSTOM].__path__
    path.append(str(tmp_path))
    yield tmp_path
    path.remove(str(tmp_path))


@pytest.mark.parametrize("name", TYPES)
def test_every_mistake_is_seen(name, folder):
    model_file, test_file = folder / f"modeling_{name}.py", folder / f"test_{name}_modeling.py"
    run(name, "--package", str(PACKAGE), "-o", str(model_file), "--test", str(test_file), cwd=folder)
    tests = mutations.load(test_file)
    model = sys.modules.pop(f"{mutations.CUSTOM}.modeling_{name}")
    assert not mutations.fails(tests)
    text = model_file.read_text(encoding="utf-8")
    verdicts = defaultdict(set)
    for mutant in mutations.mutants(text):
        line = text.splitlines()[mutant.line - 1].strip()
        if not mutations.is_equivalent(text, mutant):
            verdicts[mutations.verdict(tests, model, mutant, folder)].add((mutant.kind, line))
    assert not verdicts["survived"]
    assert {kind for kind, _ in verdicts["caught"]} >= TYPES[name]
