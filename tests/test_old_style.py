"""Decoders in the styles of hub files: the translation computes what the source does, with canonical attention."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from adgen_reference import emitted, hf, standins

ROOT = Path(__file__).resolve().parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build/release/adgen"))
STYLES = ROOT / "tests/data/old"
LEFT_OVER = ("tril", "triu", "masked_fill", "softmax", "attention_mask", "transpose(1, 2)", "arange(q_len")


def source_module(path):
    spec = importlib.util.spec_from_file_location(f"old_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def translate(path, out):
    done = subprocess.run([ADGEN, str(path), "-o", str(out)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return out.read_text()


def models(name, tmp_path):
    path = STYLES / f"modeling_{name}.py"
    text = translate(path, tmp_path / f"emitted_{name}.py")
    source = source_module(path)
    prefix = name.capitalize()
    config = getattr(source, f"{prefix}Config")()
    config._attn_implementation = "eager"
    reference = getattr(source, f"{prefix}ForCausalLM")(config).eval()
    hf.randomise(reference)
    standins.install()
    file = emitted.import_file(tmp_path / f"emitted_{name}.py")
    model = emitted.build(file.registered[f"{prefix}Config"], config)
    missing, unexpected = model.load_state_dict(reference.state_dict(), strict=False)
    assert not missing and not unexpected
    return text, reference, model


@pytest.mark.parametrize(
    ("name", "attention"),
    [
        ("buffer", "sliding_window=self.sliding_window"),
        ("added", "is_causal=True"),
        ("sliding", "sliding_window=self.sliding_window"),
    ],
)
def test_same_logits_without_masks(name, attention, tmp_path):
    text, reference, model = models(name, tmp_path)
    assert attention in text and "torch_attention(" in text
    assert not [word for word in LEFT_OVER if word in text]
    ids = torch.randint(0, 64, (2, 11))
    positions = torch.arange(11).expand(2, -1)
    with torch.no_grad():
        want = reference(input_ids=ids, position_ids=positions)[0]
        got = model(input_ids=ids, position_ids=positions).logits
    assert (got - want).norm() / want.norm() < 1e-5


def test_a_layer_says_its_window_with_what_it_was_given(tmp_path):
    text = translate(STYLES / "modeling_buffer.py", tmp_path / "out.py")
    assert 'self.sliding_window = config.window_size if kind == "near" else None' in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("diagonal=1 - config.window_size", "diagonal=1"),
        ("== 0, float", "!= 0, float"),
        ('float("-inf")', "0.0"),
        ("[:, :, :T, :T]", "[:, :, 1 : T + 1, :T]"),
    ],
)
def test_other_masks_are_not_taken_for_causal(old, new, tmp_path):
    text = (STYLES / "modeling_buffer.py").read_text()
    assert old in text
    path = tmp_path / "modeling_buffer.py"
    path.write_text(text.replace(old, new))
    done = subprocess.run(
        [ADGEN, str(path), "-o", str(tmp_path / "out.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.returncode == 1 or "torch_attention(" not in (tmp_path / "out.py").read_text()
