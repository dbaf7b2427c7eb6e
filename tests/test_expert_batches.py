"""Experts that get all tokens in one batch: what is the sum over the chosen ones, and what may be another."""

import pytest
from golden_cases import GOLDEN, run

SOURCE = GOLDEN / "experts_weighted_before"
BEST = "best, chosen = torch.topk(router_logits, self.top_k, dim=1)"
SPREAD = 'torch.full_like(router_logits, float("-inf")).scatter(1, chosen, best)'
REPEATED = "hidden_states.repeat(count, 1) * router_scores.transpose(0, 1).reshape(-1, 1)"
VIEW = "hidden_states.view(self.num_experts, -1, self.hidden_size)"
SUM = "self.experts(routed).reshape(count, -1, self.hidden_size).sum(dim=0).view(shape)"


def translated(folder, *edits):
    """The golden with parts of its text replaced."""
    text = (SOURCE / "modeling_celtis.py").read_text(encoding="utf-8")
    for before, after in edits:
        assert text.count(before) == 1
        text = text.replace(before, after)
    (folder / "modeling_celtis.py").write_text(text, encoding="utf-8")
    (folder / "configuration_celtis.py").write_bytes((SOURCE / "configuration_celtis.py").read_bytes())
    return run("modeling_celtis.py", cwd=folder)


SAME = {
    "in place": [(".scatter(1, chosen, best)", ".scatter_(1, chosen, best)")],
    "by the size of the weights": [
        ("hidden_states.view(self.num_experts,", "hidden_states.view(self.gate_up_proj.shape[0],")
    ],
    "a low number": [('float("-inf")', "torch.finfo(router_logits.dtype).min")],
    "weights first": [
        (REPEATED, "router_scores.transpose(-1, -2).reshape(-1, 1) * hidden_states.repeat(router_scores.shape[1], 1)"),
    ],
}


@pytest.mark.parametrize("edits", SAME.values(), ids=SAME)
def test_the_same_in_other_words(edits, tmp_path):
    done = translated(tmp_path, *edits)
    assert (done.out, done.status) == ((SOURCE / "expected.py").read_bytes(), 0), done.err.decode()


REFUSED = {
    "another number of logits": [("config.num_experts, bias=False", "config.num_experts + 1, bias=False")],
    "another number of parts": [(VIEW, "hidden_states.view(2 * self.num_experts, -1, self.hidden_size)")],
    "other rows": [(VIEW, "hidden_states.view(self.num_experts, -1, 2 * self.hidden_size)")],
    "zeros among the logits": [('float("-inf")', "0.0")],
    "an expert that may be chosen twice": [(BEST, BEST + "\n        chosen = chosen * 0")],
    "scores that something else reads": [
        (
            SUM,
            SUM.replace(".view(shape)", " * router_scores.sum(-1, keepdim=True)).view(shape)").replace(
                "self.", "(self.", 1
            ),
        )
    ],
    "experts that run once more": [(SUM, SUM + " + self.experts(routed).mean()")],
    "sums over tokens": [
        ("reshape(count, -1, self.hidden_size).sum(dim=0)", "reshape(count, -1, self.hidden_size).sum(dim=1)")
    ],
    "parts in another order": [("router_scores.transpose(0, 1).reshape(-1, 1)", "router_scores.reshape(-1, 1)")],
}


@pytest.mark.parametrize("edits", REFUSED.values(), ids=REFUSED)
def test_what_may_be_another_sum_is_refused(edits, tmp_path):
    done = translated(tmp_path, *edits)
    assert done.status == 1
    assert not done.out
    assert b"error: " in done.err
