"""The verifier accepts a right model and catches every way of breaking it that is listed here."""

from pathlib import Path

import pytest
import torch
from adgen_reference import clean, compare, graph, hf, verify

pytest.importorskip("transformers", minversion="5.20")
LEAN = Path(__file__).parent / "data" / "lean_gemma2.py"

# (name, text, replacement, check that must fail, variants to try)
MUTANTS = [
    ("scale", "config.query_pre_attn_scalar**-0.5", "config.head_dim**-0.5", "logits", "default"),
    ("norm weight", "1.0 + self.weight", "torch.ones_like(self.weight)", "logits", "default"),
    ("norm offset", "1.0 + self.weight", "self.weight", "logits", "default"),
    ("norm epsilon", "self.eps = eps", "self.eps = 1e-6", "logits", "default"),
    ("window lost", "if sliding else None", "if False else None", "logits", "default"),
    ("window + 1", "config.sliding_window if sliding", "config.sliding_window + 1 if sliding", "logits", "default"),
    ("window in every layer", "if sliding else None", "if True else None", "logits", "default"),
    ("rope layout", "torch_rope_with_explicit_cos_sin", "torch_rope_with_qk_interleaving", "logits", "default"),
    ("rope theta", 'rope["rope_theta"]', "10000.0", "logits", "rope_theta=500"),
    ("rope of keys", "q, k = OPS.torch_rope", "q, _ = OPS.torch_rope", "logits", "default"),
    (
        "positions",
        "tables = self.rotary_emb(x, position_ids)",
        "tables = self.rotary_emb(x, torch.arange(x.shape[1])[None])",
        "logits",
        "default",
    ),
    ("longrope", "far = position_ids.max() >= self.limit", "far = position_ids.max() < 0", "logits", "rope=longrope"),
    ("scaling factor", "angles.cos() * factor", "angles.cos()", "logits", "rope=yarn"),
    (
        "bias lost",
        "config.hidden_size, config.attention_bias",
        "config.hidden_size, False",
        "keys",
        "attention_bias=True",
    ),
    (
        "activation",
        "ACT2FN[config.hidden_activation]",
        "nn.GELU(approximate='tanh')",
        "logits",
        "hidden_activation=silu",
    ),
    ("attention cap", "self.cap = config.attn_logit_softcapping", "self.cap = None", "logits", "default"),
    ("logit cap", "self.final_cap = config.final_logit_softcapping", "self.final_cap = None", "logits", "default"),
    ("no cap", "if self.final_cap is not None:", "if True:", "logits", "final_logit_softcapping=None"),
    ("embedding scale", "super().forward(ids) * self.scale", "super().forward(ids)", "logits", "default"),
    (
        "scaled inputs_embeds",
        "x = inputs_embeds\n",
        "x = inputs_embeds * (1 if input_ids is not None else 8)\n",
        "logits",
        "default",
    ),
    ("not causal", "is_causal=True", "is_causal=False", "logits", "default"),
    ("layout", 'layout="bsnd"', 'layout="bnsd"', "logits", "default"),
    (
        "kv heads",
        "v = self.v_proj(x).view(batch, length, self.kv_heads, self.dim)",
        "v = self.v_proj(x).view(batch, length, self.kv_heads, self.dim).flip(2)",
        "logits",
        "default",
    ),
    ("residual", "x = x + self.post_attention_layernorm", "x = self.post_attention_layernorm", "logits", "default"),
    (
        "gate and up",
        "self.act_fn(self.gate_proj(x)) * self.up_proj(x)",
        "self.gate_proj(x) * self.act_fn(self.up_proj(x))",
        "logits",
        "default",
    ),
    ("missing key", "post_feedforward_layernorm", "post_mlp_layernorm", "keys", "default"),
    ("extra key", "self.cap = ", "self.sink = nn.Parameter(torch.zeros(4)); self.cap = ", "keys", "default"),
    (
        "tied",
        '_tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}',
        "_tied_weights_keys = {}",
        "keys",
        "default",
    ),
    ("persistent table", "sin() * factor, persistent=False", "sin() * factor", "keys", "default"),
    ("registration", '"Gemma2Config", Lean', '"GemmaConfig", Lean', "keys", "default"),
    ("static batch", "y.reshape(batch, length,", "y.reshape(2, length,", "export", "default"),
    ("static length", "y.reshape(batch, length,", "y.reshape(batch, 24,", "export", "default"),
    (
        "plain norm",
        "return OPS.torch_rmsnorm(x, 1.0 + self.weight, self.eps)",
        "return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * (1 + self.weight)",
        "ops",
        "default",
    ),
    (
        "plain rope",
        "q, k = OPS.torch_rope_with_explicit_cos_sin(q, k, tables[0], tables[1], 2)",
        "c, s = tables[0].unsqueeze(2), tables[1].unsqueeze(2); h = self.dim // 2\n"
        "        q = q * c + torch.cat((-q[..., h:], q[..., :h]), -1) * s\n"
        "        k = k * c + torch.cat((-k[..., h:], k[..., :h]), -1) * s",
        "ops",
        "default",
    ),
    (
        "cache argument",
        "inputs_embeds=None, **kwargs):\n        assert",
        "inputs_embeds=None, past_key_values=None, **kwargs):\n        assert",
        "clean",
        "default",
    ),
    (
        "import",
        "from transformers.utils import ModelOutput",
        "from transformers.utils import NoSuchThing, ModelOutput",
        "import",
        "default",
    ),
]

PLAIN_ATTENTION = """y = self.plain(q, k, v)
        return self.o_proj(y.reshape(batch, length, self.heads * self.dim))

    def plain(self, q, k, v):
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        repeat = self.heads // self.kv_heads
        k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        scores = q @ k.transpose(2, 3) * self.scale
        if self.cap is not None:
            scores = torch.tanh(scores / self.cap) * self.cap
        place = torch.arange(q.shape[2])
        distance = place[:, None] - place[None]
        hidden = distance < 0
        if self.window is not None:
            hidden = hidden | (distance >= self.window)
        scores = scores.masked_fill(hidden, float("-inf"))
        return (scores.softmax(-1) @ v).transpose(1, 2)

    def unused(self, y, batch, length):
"""


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    hf.quiet()
    torch.set_num_threads(1)


def _verify(text: str, folder: Path, variants: str, **options) -> verify.Report:
    path = folder / "modeling_mutant.py"
    path.write_text(text)
    return verify.verify(path, "gemma2", verify.Options(variants, **options))


def test_right_model_is_verified(tmp_path):
    report = _verify(LEAN.read_text(), tmp_path, "all", bfloat16=True)
    assert report.verdict == "verified", verify.render(report)
    assert report.worst_rmse < 1e-5 and report.bfloat16_rmse < 0.05
    assert len(report.passed) >= 15
    assert report.ops["torch_attention"] == 2


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m[0].replace(" ", "-"))
def test_mutant_is_caught(mutant, tmp_path):
    _, text, replacement, check, variants = mutant
    source = LEAN.read_text()
    assert text in source
    report = _verify(source.replace(text, replacement), tmp_path, variants)
    assert (report.verdict, report.check) == ("wrong", check), verify.render(report)


def _with_plain_attention() -> str:
    source = LEAN.read_text()
    start = source.index("y = OPS.torch_attention(")
    end = source.index("return self.o_proj(")
    return source[:start] + PLAIN_ATTENTION + "        " + source[end:]


def test_plain_attention_is_flagged(tmp_path):
    report = _verify(_with_plain_attention(), tmp_path, "default")
    assert (report.verdict, report.check) == ("wrong", "ops")
    assert "attention" in report.first_difference


class Latents(torch.nn.Module):
    """Attention on keys and values that are expanded from latents."""

    def __init__(self, bias: bool = False, shared: int = 1, window: int | None = None):
        super().__init__()
        self.expand = torch.nn.Linear(8, 4 * 10, bias=bias)
        self.shared, self.window = shared, window

    def forward(self, input_ids, position_ids):
        latent = input_ids[..., None].float() * torch.arange(8) + position_ids[..., None]
        k, v = self.expand(latent).view(*input_ids.shape, 4, 10).split([6, 4], dim=-1)
        rotated = latent[..., : 2 * self.shared].unflatten(-1, (self.shared, 2))
        k = torch.cat((k, rotated.expand(-1, -1, 4, -1)), dim=-1)
        q = torch.cat((torch.ones_like(k[..., :6]), rotated.expand(-1, -1, 4, -1)), dim=-1)
        attention = torch.ops.auto_deploy.torch_attention
        return attention(q, k, v, is_causal=True, sliding_window=self.window, layout="bsnd")


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [({}, ["latent attention"]), ({"bias": True}, []), ({"shared": 4}, []), ({"window": 3}, [])],
    ids=["latents", "bias", "rotated-part-of-each-head", "window"],
)
def test_expanded_latents_are_flagged_where_an_op_takes_them(arguments, kinds):
    ids, positions = compare.inputs()["plain"]
    program = graph.export(Latents(**arguments), ids, positions)
    found = graph.plain_idioms(program, graph.canonical_ops(program))
    assert [kind for kind, _ in found] == kinds


def test_mixing_outside_canonical_ops_is_prefill_only(tmp_path):
    report = _verify(_with_plain_attention(), tmp_path, "default", allow_plain=frozenset({"attention"}))
    assert (report.verdict, report.check) == ("prefill-only", "servable"), verify.render(report)
    assert verify.EXIT[report.verdict] == 3


def test_mask_argument_is_prefill_only(tmp_path):
    text = LEAN.read_text().replace(
        "            is_causal=True,\n",
        "            attn_mask=torch.zeros(1, 1, 1, 1),\n            is_causal=True,\n",
    )
    report = _verify(text, tmp_path, "default")
    assert (report.verdict, report.check) == ("prefill-only", "servable")
    assert "attn_mask" in report.first_difference


ASSUMED = "Assumed (short-context): sequences are of at most ``config.{}``\ntokens. Longer ones differ."


def _with_limit(text: str, name: str) -> str:
    start = text.index('"""') + 3
    return text[:start] + ASSUMED.format(name) + "\n" + text[start:]


def test_a_limit_without_need_is_wrong(tmp_path):
    report = _verify(_with_limit(LEAN.read_text(), "sliding_window"), tmp_path, "default")
    assert (report.verdict, report.check) == ("wrong", "limit"), verify.render(report)
    assert "no difference beyond" in report.first_difference


def test_a_file_differs_beyond_its_limit_only(tmp_path):
    """Without its windows the model is the same for sequences that are no longer than one."""
    text = LEAN.read_text().replace("if sliding else None", "if False else None")
    report = _verify(_with_limit(text, "sliding_window"), tmp_path, "default")
    assert report.verdict == "short-context", verify.render(report)
    assert report.first_difference == "behind config.sliding_window tokens, as stated"
    assert verify.EXIT[report.verdict] == 3


def test_unknown_type_is_an_error_not_a_pass(tmp_path):
    path = tmp_path / "modeling_x.py"
    path.write_text(LEAN.read_text())
    report = verify.verify(path, "no_such_type")
    assert report.verdict == "unproved" and verify.EXIT[report.verdict] == 1


def test_leftovers_are_found(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(
        '"""dropout in words is fine, so is use_cache."""\n'
        "from transformers.cache_utils import DynamicCache\n"
        "def f(x, attention_mask=None):\n"
        "    if self.training:\n"
        "        x = F.dropout(x, p=config.attention_dropout)\n"
        "    g(x, dropout_p=0.0)\n"
        "    return self._ad_cos_cached\n"
        "class A:\n"
        "    supports_gradient_checkpointing = False\n"
    )
    found = clean.leftovers(path)
    assert [line.split(":")[0] for line in found] == ["2", "2", "3", "4", "5", "5"]
