"""Attention within chunks: as a mask, as plain causal attention where that is assumed, and what stays refused."""

import json

import pytest
from golden_cases import GOLDEN, run

ASSUMED = ("--assume", "short-context")
SOURCE = GOLDEN / "chunked_attention_by_layer"
MASKS = '"chunked_attention": create_chunked_causal_mask(**mask_kwargs),'
ADDED = "        attn_weights = attn_weights + attention_mask\n"


def translated(folder, *edits, options=()):
    """The golden with parts of its text replaced."""
    text = (SOURCE / "modeling_pistacia.py").read_text(encoding="utf-8")
    for before, after in edits:
        assert text.count(before) == 1
        text = text.replace(before, after)
    (folder / "modeling_pistacia.py").write_text(text, encoding="utf-8")
    (folder / "configuration_pistacia.py").write_bytes((SOURCE / "configuration_pistacia.py").read_bytes())
    return run("modeling_pistacia.py", *options, cwd=folder)


def test_a_mask_that_is_selected_by_is_the_same(tmp_path):
    bools = "        attn_weights = attn_weights.masked_fill(attention_mask < 0, torch.finfo(query.dtype).min)\n"
    done = translated(tmp_path, (ADDED, bools))
    assert (done.out, done.status) == ((SOURCE / "expected.py").read_bytes(), 3), done.err.decode()


WINDOW = '"sliding_attention": create_sliding_window_causal_mask(**mask_kwargs),\n                '
SLIDES = [
    (MASKS, WINDOW + MASKS),
    ("import create_causal_mask,", "import create_causal_mask, create_sliding_window_causal_mask,"),
]
REFUSED = {
    "windows in other layers": SLIDES,
    "capped scores": [(ADDED, "        attn_weights = torch.tanh(attn_weights / 30.0) * 30.0\n" + ADDED)],
    "more than chunks": [(MASKS, MASKS.replace("**mask_kwargs", "**mask_kwargs, or_mask_function=None or max"))],
}


@pytest.mark.parametrize("edits", REFUSED.values(), ids=REFUSED)
def test_what_the_op_cannot_say_is_refused(edits, tmp_path):
    done = translated(tmp_path, *edits)
    assert done.status == 1
    assert not done.out
    assert b"[mask-escapes]" in done.err


def test_in_one_chunk_a_window_or_a_cap_is_no_obstacle(tmp_path):
    for edits in (SLIDES, REFUSED["capped scores"]):
        done = translated(tmp_path, *edits, options=ASSUMED)
        assert done.status == 3, done.err.decode()
        assert b"chunk_size" not in done.out.split(b'"""')[2]


def test_the_report_names_the_limit_and_the_mask(tmp_path):
    options = (*ASSUMED, "-o", "out.py", "--report", "report.json")
    done = translated(tmp_path, options=options)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (done.status, report["status"], report["limit"]) == (3, "short-context", "config.attention_chunk_size")
    (fact,) = [r for r in report["trace"] if r["kind"] == "fact" and r["id"] == "short-context"]
    lines = (tmp_path / "modeling_pistacia.py").read_text(encoding="utf-8").splitlines()
    assert "create_chunked_causal_mask(" in lines[fact["line"] - 1]


@pytest.mark.parametrize("case", ["chunked_attention", "chunked_attention_by_layer", "chunked_attention_short"])
def test_a_second_run_changes_nothing(case, tmp_path):
    text = (GOLDEN / case / "expected.py").read_bytes()
    (tmp_path / "modeling_again.py").write_bytes(text)
    done = run("modeling_again.py", cwd=tmp_path)
    assert (done.status, done.out) == (3, text)
