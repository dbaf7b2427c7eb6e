"""What Python does and the translation does not follow is refused, and what lets tokens see each other is said.

Each case is a small golden model with another `AspenMLP.forward`; see tests/test_changes.py for changes in place.
"""

import pytest
from golden_cases import GOLDEN, run
from variants_of_a_model import case, mlp, translate, write

REFUSED = {
    "closure_of_a_comprehension": ("fs = [lambda a: a * i for i in range(3)]\n" + mlp("fs[0](x)"), "define `i`"),
    "walrus_in_a_comprehension": ("ys = [last := x * i for i in range(1, 4)]\n" + mlp("last"), "define `last`"),
    "loop_variable_afterwards": ("for i in range(4):\n    pass\n" + mlp("x * i"), "define `i`"),
    "function_with_keywords": (
        "def f(a, b=1.0, **kw):\n    return a * b\nd = dict({}, b=x.mean())\n" + mlp("f(x, **d)"),
        "define `f`",
    ),
    "loop_with_else_and_break": (
        "t = 1.0\nfor i in range(3):\n    if i == 7:\n        break\nelse:\n    t = 2.5\n" + mlp("x * t"),
        "[statement]",
    ),
    "caught_exception": (
        "try:\n    y = x * 2\n    z = {}['k']\nexcept KeyError:\n    y = x * 3\n" + mlp("y"),
        "whether this catches something",
    ),
    "check_with_an_effect": ("s = [x]\nassert s.append(x * 2) is None\n" + mlp("s[-1]"), "[statement]"),
    "branch_on_data": ("if x.sum() > 0:\n    x = x * 2\n" + mlp(), "[data-dependent]"),
    "written_into": ("g = self.gate_proj(x)\ntorch.mul(g, 0.5, out=g)\nreturn self.down_proj(g)", "`out` names"),
    "parts_of_the_sequence": (
        "y = torch.cat([self.gate_proj(c) for c in x.split(2, dim=1)], dim=1)\nreturn self.down_proj(y)",
        "[sequence-loop]",
    ),
}

KEPT = {
    "default": ("self.acc(1)\n" + mlp(), "def acc(self, v, s=[]):\n    s.append(v)\n    return s\n", "default of `s`"),
    "recursion": (
        mlp("self.rec(x, 3)"),
        "def rec(self, x, n):\n    if n == 0:\n        return x\n    return self.rec(x * 1.5, n - 1)\n",
        "define `rec`",
    ),
}

# what an operation does along S -> how the message names it
MIXES = {
    "x - x.mean(dim=1, keepdim=True)": "mean",
    "x * torch.softmax(x.sum(-1), dim=-1).unsqueeze(-1)": "softmax",
    "x / x.abs().amax(dim=-1).amax(dim=-1)[:, None, None]": "amax",
    "x + x.select(1, 0).unsqueeze(1)": "select",
    "x + x.narrow(1, 0, 1)": "narrow",
    "x.sort(dim=1).values": "sort",
    "x + torch.chunk(x, 2, dim=1)[0].mean(1, keepdim=True)": "chunk",
    "torch.tril(torch.ones(x.shape[1], x.shape[1])) @ x": "@",
    "torch.fft.fft(x, dim=1).real": "fft",
    "nn.functional.avg_pool1d(x.transpose(1, 2), 3, 1, 1).transpose(1, 2)": "avg_pool1d",
    "(x.transpose(1, 2) - x.transpose(1, 2).mean(-1, keepdim=True)).transpose(1, 2)": "mean",
}
APART = [
    "x.sort(dim=-1).values",
    "x * x.sum(-1, keepdim=True)",
    "torch.cat([x[..., -3:], x[..., :-3]], dim=-1)",
    "x.reshape(x.shape[0], -1, 8).mean(-1).reshape(x.shape[0], x.shape[1], -1).repeat(1, 1, 8)",
]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_followed_is_refused(name, tmp_path):
    lines, message = REFUSED[name]
    done = translate(write(tmp_path, name, case(lines)), tmp_path / "out.py")
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.py").exists()


@pytest.mark.parametrize("name", KEPT)
def test_what_outlives_a_call_or_calls_itself_is_refused(name, tmp_path):
    lines, method, message = KEPT[name]
    done = translate(write(tmp_path, name, case(lines, None, method)), tmp_path / "out.py")
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize("text", MIXES)
def test_what_mixes_tokens_is_prefill_only(text, tmp_path):
    done = translate(write(tmp_path, "mixed", case(mlp(f"({text})"))), tmp_path / "out.py")
    assert done.returncode == 3, done.stderr
    assert f"mixes tokens in `{MIXES[text]}`" in done.stderr


@pytest.mark.parametrize("text", APART)
def test_what_keeps_tokens_apart_is_not(text, tmp_path):
    done = translate(write(tmp_path, "apart", case(mlp(f"({text})"))), tmp_path / "out.py")
    assert done.returncode == 0, done.stderr


LOOP = """        masks = {}
        for layer_type in set(self.config.layer_types):
            masks[layer_type] = mask_makers[layer_type]()
"""
COMPREHENSION = "        masks = {kind: mask_makers[kind]() for kind in set(self.config.layer_types)}\n"


def _with_masks(folder, lines):
    case = GOLDEN / "experts_clamped"
    text = (case / "modeling_rowan.py").read_text(encoding="utf-8")
    assert text.count(LOOP) == 1
    (folder / "modeling_rowan.py").write_text(text.replace(LOOP, lines), encoding="utf-8")
    (folder / "configuration_rowan.py").write_bytes((case / "configuration_rowan.py").read_bytes())
    return run("modeling_rowan.py", cwd=folder)


def test_masks_of_a_comprehension_are_those_of_a_loop(tmp_path):
    done = _with_masks(tmp_path, COMPREHENSION)
    assert (done.status, done.out) == (0, (GOLDEN / "experts_clamped" / "expected.py").read_bytes())


@pytest.mark.parametrize(
    "lines",
    [
        COMPREHENSION + "        inputs_embeds = inputs_embeds * len(masks)\n",
        COMPREHENSION.replace("mask_makers", "dict"),
    ],
    ids=["counted", "another dictionary"],
)
def test_masks_under_keys_that_are_not_known_are_refused(lines, tmp_path):
    assert _with_masks(tmp_path, lines).status == 1
