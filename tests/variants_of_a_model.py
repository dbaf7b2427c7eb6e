"""A small golden model with another `AspenMLP.forward`, and perhaps another end of the layer."""

import os
import subprocess
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build/release/adgen"))
MODEL = ROOT / "golden/qk_norm"
FORWARD = "        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))\n"
END = """\
        hidden_states = self.mlp(hidden_states)
        hidden_states = residual + hidden_states
        return hidden_states
"""


def mlp(gate="x", up="x"):
    return f"return self.down_proj(self.act_fn(self.gate_proj({gate})) * self.up_proj({up}))"


def case(lines, end=None, method=""):
    return lines, end, method


def indented(text, columns):
    return textwrap.indent(text.rstrip("\n") + "\n", " " * columns)


def write(folder, name, parts):
    """The model with the parts of a case, under a name of its own; returns its file."""
    lines, end, method = parts
    text = (MODEL / "modeling_aspen.py").read_text()
    assert FORWARD in text and END in text
    text = text.replace(FORWARD, indented(lines, 8) + ("\n" + indented(method, 4) if method else ""))
    text = text.replace(END, indented(end, 8)) if end else text
    title = name.title().replace("_", "")
    for file, body in (("modeling", text), ("configuration", (MODEL / "configuration_aspen.py").read_text())):
        body = body.replace("Aspen", f"Aspen{title}").replace("aspen", f"aspen_{name}")
        (folder / f"{file}_aspen_{name}.py").write_text(body)
    return folder / f"modeling_aspen_{name}.py"


def translate(path, out):
    command = [ADGEN, str(path), "-o", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
