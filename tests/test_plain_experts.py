"""Experts that no operator computes are called for all tokens: where that is the same, and nowhere else."""

import pytest
import torch
from golden_cases import GOLDEN, run

pytest.importorskip("transformers", minversion="5.20")
from adgen_reference import hf, source, verify  # noqa: E402

CASE = GOLDEN / "experts_with_norm"
RESULT = "self.w2(self.norm(self.act_fn(gate) * up.clamp(min=-7.0, max=7.0)))"

BY_TOKEN = {
    "softmax": "self.w2(torch.softmax(gate, dim=-1) * up)",
    "mean": "self.w2(gate * (up - up.mean(-1, keepdim=True)))",
    "where": "self.w2(torch.where(gate > 0, gate, 0.1 * up))",
    "size": "self.w2(gate * up / up.shape[-1])",
    "parts": "self.w2(torch.cat((gate[..., :4], up[..., 4:]), dim=-1))",
    "input": "self.w2(gate * up) + torch.sigmoid(hidden_states) * hidden_states",
}

ACROSS_TOKENS = {
    "softmax": "self.w2(torch.softmax(gate, dim=0) * up)",
    "mean": "self.w2(gate * (up - up.mean()))",
    "mean_of_tokens": "self.w2(gate * (up - up.mean(dim=0, keepdim=True)))",
    "norm": "self.w2(gate * up / up.norm())",
    "number_of_tokens": "self.w2(gate * up / hidden_states.shape[0])",
    "length": "self.w2(gate * up / len(hidden_states))",
    "order": "self.w2((gate * up).flip(0))",
    "sum_so_far": "self.w2(torch.cumsum(gate * up, dim=0))",
    "first": "self.w2(gate * up[:1])",
    "product": "self.w2(gate @ (gate.T @ up))",
    "broadcast": "self.w2((gate[:, None] * up).mean(1))",
    "cut": "self.w2(gate.chunk(1, dim=0)[0] * up)",
    "noise": "self.w2(gate * up + torch.rand_like(up))",
    "largest": "self.w2(gate * up.max())",
}


def translate(folder, result):
    """The golden with another expert; what adgen says of it, and where the files are."""
    for path in CASE.glob("*_laburnum.py"):
        text = path.read_text(encoding="utf-8")
        assert RESULT in text or not path.name.startswith("modeling")
        (folder / path.name).write_text(text.replace(RESULT, result), encoding="utf-8")
    out = folder / "out.py"
    return run("modeling_laburnum.py", "-o", str(out), cwd=folder), folder / "modeling_laburnum.py", out


@pytest.mark.parametrize("name", BY_TOKEN)
def test_what_treats_every_token_alike(name, tmp_path):
    hf.quiet()
    torch.set_num_threads(1)
    done, model, out = translate(tmp_path, BY_TOKEN[name])
    assert done.status == 0, done.err.decode()
    assert "for expert_id, expert in enumerate(self.experts):" in out.read_text(encoding="utf-8")
    report = verify.verify(out, source.register(model), verify.Options(variants="default"))
    assert report.verdict == "verified", verify.render(report)


@pytest.mark.parametrize("name", ACROSS_TOKENS)
def test_what_does_not_is_refused(name, tmp_path):
    done, _, out = translate(tmp_path, ACROSS_TOKENS[name])
    assert done.status == 1
    assert "not known to be the sum over all that a token chose" in done.err.decode()
    assert not out.exists()
