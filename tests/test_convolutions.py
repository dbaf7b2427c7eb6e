"""Convolutions along the sequence keep their tensors in [B, S, C], however little is known of ranks."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build/release/adgen"))
MODEL = ROOT / "golden/short_convolution"

PROJECTION = "        query_states = self.q_proj(hidden_states).view(hidden_shape).transpose(1, 2)\n"
OUTPUT = "        self.o_proj = nn.Linear("


def translated(tmp_path, change):
    text = (MODEL / "modeling_tamarind.py").read_text()
    (tmp_path / "configuration_tamarind.py").write_text((MODEL / "configuration_tamarind.py").read_text())
    (tmp_path / "modeling_tamarind.py").write_text(change(text))
    out = tmp_path / "out.py"
    command = [ADGEN, str(tmp_path / "modeling_tamarind.py"), "-o", str(out), "--quiet"]
    subprocess.run(command, check=True, timeout=60)
    return out.read_text()


def test_a_norm_that_takes_several_ranks_leaves_no_transposes(tmp_path):
    """The class of the layer's norm norms heads, too, so what it returns has no rank that is known: that comes from
    the parts of the projection, which the convolution is given the product of."""

    def change(text):
        assert PROJECTION in text and text.count(OUTPUT) == 1
        norm = PROJECTION.replace(".transpose", "\n        query_states = self.q_norm(query_states * 1.0).transpose")
        text = text.replace(PROJECTION, norm).replace("self.conv.bias, self.activation)", "self.conv.bias)")
        text = text.replace(OUTPUT, "        self.q_norm = TamarindRMSNorm(self.head_dim, eps=None or 1e-5)\n" + OUTPUT)
        return text.replace("self.variance_epsilon = eps", "self.variance_epsilon = self.eps_of(eps)").replace(
            "    def extra_repr(self):",
            "    def eps_of(self, eps):\n        return eps or 1e-6\n\n    def extra_repr(self):",
        )

    text = translated(tmp_path, change)
    assert "torch_causal_conv1d" in text and "q_norm" in text
    assert "transpose" not in text
