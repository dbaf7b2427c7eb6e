"""`--assume short-context`: what it makes of choices of keys, what it leaves refused, and that it is said."""

import json
from pathlib import Path

import pytest
import transformers
from golden_cases import GOLDEN, run

ASSUMED = ("--assume", "short-context")
SOURCE = GOLDEN / "error_chosen_keys"
CHOICE = "scores.topk(min(self.num_keys, scores.shape[-1]), dim=-1).indices"
CALL = "        chosen = self.indexer(hidden_states, attention_mask[:, 0])\n"
HIDDEN = """        hidden = torch.ones_like(attention_mask, dtype=torch.bool).scatter(-1, chosen[:, None], False)
        attention_mask = attention_mask.masked_fill(hidden, torch.finfo(hidden_states.dtype).min)
"""


def edited(folder, *edits):
    """The source of the golden with parts of its text replaced, in a folder with its configuration."""
    text = (SOURCE / "modeling_alder.py").read_text(encoding="utf-8")
    for before, after in edits:
        assert text.count(before) == 1
        text = text.replace(before, after)
    (folder / "modeling_alder.py").write_text(text, encoding="utf-8")
    (folder / "configuration_alder.py").write_bytes((SOURCE / "configuration_alder.py").read_bytes())
    return folder


def translated(folder):
    return run("modeling_alder.py", *ASSUMED, cwd=folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The translation of the golden's source as it is."""
    done = translated(edited(tmp_path_factory.mktemp("plain")))
    assert done.status == 3
    return done.out


SAME = {
    "function": [(CHOICE, "torch.topk(scores, k=min(scores.size(-1), self.num_keys), dim=-1)[1]")],
    "default dimension": [(CHOICE, "scores.topk(min(self.num_keys, scores.shape[-1]))[1].to(torch.int32).long()")],
    "marks of what is seen": [
        (
            HIDDEN,
            """        seen = torch.zeros_like(attention_mask, dtype=torch.bool).scatter(-1, chosen.unsqueeze(1), True)
        attention_mask = attention_mask.masked_fill(~seen, torch.finfo(hidden_states.dtype).min)
""",
        )
    ],
    "additive": [
        (
            HIDDEN,
            """        low = torch.finfo(hidden_states.dtype).min
        unseen = torch.full_like(attention_mask, low).scatter(-1, chosen[:, None], 0.0)
        attention_mask = unseen + attention_mask[..., : key_states.shape[2]]
""",
        )
    ],
    "either kind of mask": [
        (
            HIDDEN,
            """        hidden = torch.ones_like(attention_mask, dtype=torch.bool).scatter(-1, chosen[:, None], False)
        if attention_mask.dtype == torch.bool:
            attention_mask = attention_mask & ~hidden
        else:
            attention_mask = attention_mask.masked_fill(hidden, torch.finfo(hidden_states.dtype).min)
""",
        )
    ],
}


@pytest.mark.parametrize("edits", SAME.values(), ids=SAME)
def test_choices_that_are_written_in_another_way_are_the_same(edits, tmp_path, plain):
    assert translated(edited(tmp_path, *edits)).out == plain


REFUSED = {
    "as many keys in every case": [(CHOICE, "scores.topk(self.num_keys, dim=-1).indices")],
    "half of them": [(CHOICE, "scores.topk(min(self.num_keys, scores.shape[-1]) // 2, dim=-1).indices")],
    "at least": [(CHOICE, "scores.topk(max(self.num_keys, scores.shape[-1]), dim=-1).indices")],
    "among queries": [(CHOICE, "scores.topk(min(self.num_keys, scores.shape[-1]), dim=1).indices")],
    "by the width": [(CHOICE, "scores.topk(min(self.num_keys, hidden_states.shape[-1]), dim=-1).indices")],
    "the values": [(CHOICE, "scores.topk(min(self.num_keys, scores.shape[-1]), dim=-1).values.long()")],
    "blocks of keys": [
        (
            "        return " + CHOICE,
            """        scores = scores.unflatten(-1, (-1, 4)).amax(-1)
        return scores.topk(min(self.num_keys, scores.shape[-1]), dim=-1).indices""",
        )
    ],
    "what is chosen is hidden": [
        (
            HIDDEN,
            """        seen = torch.zeros_like(attention_mask, dtype=torch.bool).scatter(-1, chosen[:, None], True)
        attention_mask = torch.where(~seen, attention_mask, torch.finfo(hidden_states.dtype).min)
""",
        )
    ],
    "added up": [("chosen[:, None], False)", 'chosen[:, None], False, reduce="add")')],
    "a number is changed": [(CALL, CALL + "        chosen[..., 0] = 3\n")],
    "under another name": [(CALL, CALL + "        other = chosen.contiguous()\n        other[..., 0] = 3\n")],
    "what is hidden is changed": [
        (
            "        attention_mask = attention_mask.masked",
            """        hidden[..., 0] = True
        attention_mask = attention_mask.masked""",
        )
    ],
    "another dimension is written": [("scatter(-1, chosen", "scatter(-2, chosen")],
    "only the best of them": [("chosen[:, None], False", "chosen[:, None, :, :8], False")],
}


@pytest.mark.parametrize("edits", REFUSED.values(), ids=REFUSED)
def test_what_need_not_take_all_keys_is_refused(edits, tmp_path):
    done = translated(edited(tmp_path, *edits))
    assert done.status == 1
    assert not done.out
    assert b"error: " in done.err


@pytest.mark.parametrize("case", ["experts", "latent_attention", "bias_by_distance"])
def test_it_changes_nothing_where_no_keys_are_chosen(case):
    folder = GOLDEN / case
    source = next(folder.glob("modeling_*.py")).name
    with_it, without = run(source, *ASSUMED, cwd=folder), run(source, cwd=folder)
    assert (with_it.out, with_it.err, with_it.status) == (without.out, without.err, without.status)


def test_there_must_be_such_an_assumption(tmp_path):
    for command in (["modeling_alder.py"], ["keys", "modeling_alder.py", "--config", "c.json"]):
        done = run(*command, "--assume", "long-context", cwd=edited(tmp_path))
        assert done.status == 2
        assert b"there is no assumption `long-context`" in done.err


def test_the_report_says_it_with_its_place(tmp_path):
    done = run("modeling_alder.py", *ASSUMED, "-o", "out.py", "--report", "report.json", cwd=edited(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert done.status == 3
    assert (report["status"], report["limit"]) == ("short-context", "config.num_keys")
    (fact,) = [r for r in report["trace"] if r["kind"] == "fact" and r["id"] == "short-context"]
    lines = (tmp_path / "modeling_alder.py").read_text(encoding="utf-8").splitlines()
    assert "scores.topk(" in lines[fact["line"] - 1]
    text = (tmp_path / "out.py").read_text(encoding="utf-8").split('"""')[1]
    assert "Assumed (short-context): " in text
    assert "``config.num_keys``" in text


def test_a_second_run_changes_nothing(tmp_path, plain):
    (tmp_path / "modeling_alder.py").write_bytes(plain)
    done = run("modeling_alder.py", cwd=tmp_path)
    assert (done.status, done.out) == (3, plain)
    assert b"at most config.num_keys tokens" in done.err


@pytest.mark.parametrize(
    ("package", "line"),
    [
        (["--package", str(Path(transformers.__file__).parent)], "max_seq_len: 512 # at most config.num_keys"),
        ([], "max_seq_len: 4096 # FILL IN: at most config.num_keys"),
    ],
    ids=["known", "unknown"],
)
def test_settings_keep_to_the_limit(package, line, tmp_path):
    options = ["--hf-id", "example/Alder-1B", "-o", "tree", *package]
    done = run("onboard", "modeling_alder.py", *ASSUMED, *options, cwd=edited(tmp_path))
    assert done.status == 3
    (settings,) = (tmp_path / "tree").rglob("alder-1b.yaml")
    assert f"\n{line}" in settings.read_text(encoding="utf-8")
    for name in ("ONBOARDING.md", "PULL_REQUEST.md"):
        assert "at most `config.num_keys` tokens" in (tmp_path / "tree" / name).read_text(encoding="utf-8")
