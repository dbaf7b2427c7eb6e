"""What README shows as output is what the program prints."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from golden_cases import ADGEN, GOLDEN, ROOT

transformers = pytest.importorskip("transformers", minversion="5.23")
PACKAGE = Path(transformers.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENV = {**os.environ, "PATH": "", "NO_COLOR": "1"}

QWEN = {
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}
ASPEN = {"hidden_size": 32, "vocab_size": 64, "num_hidden_layers": 1, "dtype": "bfloat16"}


def adgen(*args, cwd=ROOT, package=True):
    command = [ADGEN, *map(str, args), *(["--package", str(PACKAGE)] if package else [])]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=ENV, timeout=60)


def is_shown(text):
    """Whether README has it, indented as a block."""
    return "".join(f"    {line}" if line.strip() else line for line in text.splitlines(True)) in README


def test_survey():
    assert is_shown(adgen("survey", "golden/experts/modeling_hornbeam.py").stdout)


def test_onboarding(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    shutil.copytree(ROOT / "tests/data/checkout", tmp_path / "TensorRT-LLM")
    command = re.search(r"^    \$ adgen (onboard .*)$", README, re.M)[1].split()
    run = adgen(*command, cwd=tmp_path)
    assert run.returncode == 0
    assert is_shown(run.stderr)
    shown = re.search(r"^```diff\n(.*?)^```$", README, re.M | re.S)[1]
    assert shown in run.stdout
    facts = re.findall(r"^- .*\n", (tmp_path / "notes/ONBOARDING.md").read_text(), re.M)[:3]
    assert is_shown("".join(facts))


def test_review(tmp_path):
    """The bad example of the item, with one more parameter."""
    items = yaml.safe_load((ROOT / "rules/review.yaml").read_text())["review"]
    text = "# SPDX-License-Identifier: Apache-2.0\n\n" + next(item["bad"] for item in items if item["id"] == "C1")
    text = text.replace("GenerationMixin):\n", "GenerationMixin):\n    supports_gradient_checkpointing = False\n")
    text = text.replace("position_ids=None, **kwargs)", "position_ids=None, attention_mask=None)")
    (tmp_path / "modeling_elm.py").write_text(text)
    lines = adgen("review", "modeling_elm.py", cwd=tmp_path).stdout.splitlines()
    shown = README[
        README.index("    modeling_elm.py:17:16: error") : README.index("The exit status is 1 where something")
    ]
    for line in shown.splitlines():
        assert line[4:] in [*lines, "  ..."], line


def test_state_dict(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(ASPEN))
    run = adgen("keys", GOLDEN / "qk_norm/modeling_aspen.py", "--config", "config.json", cwd=tmp_path)
    shown = README[README.index("    model.embed_tokens.weight ") : README.index("Tied weights are marked")]
    names = [line.split()[0] for line in shown.splitlines() if line.strip()]
    assert [line.split()[0] for line in run.stdout.splitlines() if line.strip()] == names


def test_trace_and_refusal():
    run = adgen("modeling_aspen.py", "--trace", "-o", "/dev/null", cwd=GOLDEN / "qk_norm", package=False)
    shown = re.findall(r"^    (modeling_aspen\.py:\d+:\d+: .*)$", README, re.M)
    assert len(shown) == 6
    assert set(shown) <= set(run.stderr.splitlines())
    refused = adgen("modeling_alder.py", cwd=GOLDEN / "error_data_dependent", package=False)
    assert is_shown(refused.stderr)
