"""Tensors and lists that change in place: what anything else would see is followed or refused.

A case that is translated is run against its source; one that is not names the variable that the change would reach.
"""

import pytest
from golden_cases import GOLDEN, run
from variants_of_a_model import case, mlp, translate, write

pytest.importorskip("transformers", minversion="5.20")
from adgen_reference import hf, source, verify  # noqa: E402

# what the MLP was given is read after it
READ_AGAIN = """\
normed = hidden_states
hidden_states = self.mlp(hidden_states)
return residual + hidden_states + normed
"""


# name -> (case, the variable that the message names)
REFUSED = {
    "argument": (case("x += 1.5\n" + mlp(), READ_AGAIN), "normed"),
    "argument_returned": (case("x += 1.5\nreturn x", READ_AGAIN), "normed"),
    "argument_by_method": (case("x.add_(1.5)\n" + mlp(), READ_AGAIN), "normed"),
    "argument_by_store": (case("x[..., 0] = 0.25\n" + mlp(), READ_AGAIN), "normed"),
    "result_is_argument": (
        case(
            "return x",
            "normed = hidden_states\nhidden_states = self.mlp(hidden_states)\nhidden_states += 1\n"
            "return residual + hidden_states + normed",
        ),
        "normed",
    ),
    "residual_is_argument": (
        case("x += 0.5\nreturn x", "hidden_states = self.mlp(residual)\nreturn residual + hidden_states"),
        "residual",
    ),
    "slice_before": (case("y = x[..., :4]\nx += 1.5\n" + mlp(up="x * y.sum(-1, keepdim=True)")), "y"),
    "view_before": (case("y = x.view(x.shape)\nx.mul_(0.5)\n" + mlp("y")), "y"),
    "slice_changes": (case("y = x[..., :4]\ny += 1.5\n" + mlp()), "x"),
    "transposed_changes": (case("y = x.transpose(0, 1)\ny.mul_(0.5)\n" + mlp()), "x"),
    "chunk_changes": (case("a, b = x.chunk(2, dim=-1)\na *= 0.5\n" + mlp()), "x"),
    "store_in_a_view": (case("x.view(-1)[0] = 3.0\n" + mlp()), "x"),
    "tuple": (case("a = x * 1\nt = (a, x)\na += 1\n" + mlp("t[0]")), "a"),
    "element_of_a_list": (case("a = x * 1\ns = [a, x * 2]\ns[0] += 1\n" + mlp("a", "s[1]")), "a"),
    "elements_of_a_loop": (case("s = [x * 1, x * 2]\nfor t in s:\n    t += 1\n" + mlp("s[0]", "s[1]")), "s_0"),
    "cast": (case("a = x * 1\nb = a.float()\nb += 1\n" + mlp("a", "b")), "a"),
    "choice": (case("a = x * 1\nb = a if self.hidden_size > 3 else x\nb += 1\n" + mlp("a", "b")), "a"),
    "unsqueezed": (case("a = x * 1\nb = a.unsqueeze(0)\na += 1\n" + mlp("b[0]")), "b"),
}

VERIFIED = {
    "helper": case("self.bump(x)\n" + mlp(), None, "def bump(self, x):\n    x += 1.5\n"),
    "two_names": case("a = x * 1\nb = a\nb += 1\n" + mlp("a", "b")),
    "residual": case(mlp(), "hidden_states = self.mlp(hidden_states)\nresidual += hidden_states\nreturn residual"),
    "list_by_helper_in_a_loop": case(
        "s = []\nfor i in range(3):\n    self.push(s, x * i)\n" + mlp() + " * len(s)",
        None,
        "def push(self, s, x):\n    if x is not None:\n        s.append(x)\n",
    ),
    "popped_in_a_loop": case(
        "s = [x, x * 2, x * 3]\nt = 0\nfor i in range(2):\n    t = t + s.pop()\n" + mlp("t", "s[0]") + " * len(s)"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_something_else_would_see_is_refused(name, tmp_path):
    parts, variable = REFUSED[name]
    done = translate(write(tmp_path, name, parts), tmp_path / "out.py")
    assert done.returncode == 1
    assert f"may be read as `{variable}` later [changed-outside]" in done.stderr
    assert not (tmp_path / "out.py").exists()


@pytest.mark.parametrize("name", VERIFIED)
def test_what_nothing_else_sees_is_translated(name, tmp_path):
    hf.quiet()
    path = write(tmp_path, name, VERIFIED[name])
    done = translate(path, tmp_path / "out.py")
    assert done.returncode == 0, done.stderr
    report = verify.verify(tmp_path / "out.py", source.register(path, None))
    assert report.verdict == "verified", verify.render(report)


def changed_mask(folder, *changes):
    """A model whose attention changes a copy of its mask first."""
    before = "        attention_interface: Callable = ALL_ATTENTION_FUNCTIONS"
    text = (GOLDEN / "dense_gqa" / "modeling_alder.py").read_text(encoding="utf-8")
    assert text.count(before) == 1
    lines = "".join(
        f"        {line}\n" for line in ("mask = attention_mask.clone()", *changes, "attention_mask = mask")
    )
    (folder / "modeling_alder.py").write_text(text.replace(before, lines + before), encoding="utf-8")
    return run("modeling_alder.py", cwd=folder)


@pytest.mark.parametrize("change", ["mask[..., 0] = 0.0", "mask = ~mask.bool()", "mask.zero_()"])
def test_a_mask_that_changes_is_not_known_any_more(change, tmp_path):
    done = changed_mask(tmp_path, change)
    assert done.status == 1
    assert b"mask" in done.err


PADDING = (
    "padding = torch.{ones}(mask.shape[0], mask.shape[-1])",
    "padding = mask[:, :, :, :n] + padding[:, None, None, :]",
)
FILLED = "mask[:, :, :, {start}:n] = mask[:, :, :, :n].masked_fill(padding == {number}, torch.finfo(mask.dtype).min)"


@pytest.mark.parametrize(
    ("ones", "start", "number", "status"),
    [("ones", "", 0, 0), ("zeros", "", 0, 1), ("ones", "1", 0, 1), ("ones", "", 1, 1)],
)
def test_padding_that_is_written_into_a_mask_is_none(ones, start, number, status, tmp_path):
    """As releases of 4.4x and 4.5x do it. Where it would hide something, or stands elsewhere, the mask is unknown."""
    lines = [line.format(ones=ones, start=start, number=number) for line in ("n = mask.shape[-1]", *PADDING, FILLED)]
    done = changed_mask(tmp_path, *lines)
    assert done.status == status, done.err
    assert status == 0 or b"mask" in done.err
