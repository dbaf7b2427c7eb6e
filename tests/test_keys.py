"""Published keys and tiny configurations, for one model type of each kind of load transform."""

import pytest
import torch
from adgen_reference import hf, keys, tiny, variants

transformers = pytest.importorskip("transformers")
FIVE = tuple(int(x) for x in transformers.__version__.split(".")[:2]) >= (5, 20)

# (model type, a name that the checkpoint has, a name that only the module has)
PUBLISHED = [
    ("qwen3", "model.layers.0.self_attn.q_proj.weight", None),
    ("gpt_neox", "embed_out.weight", "lm_head.weight"),
    ("qwen3_moe", "model.layers.0.mlp.experts.7.up_proj.weight", "model.layers.0.mlp.experts.gate_up_proj"),
    ("mixtral", "model.layers.1.block_sparse_moe.experts.0.w2.weight", "model.layers.1.mlp.experts.down_proj"),
    ("nemotron_h", "backbone.embeddings.weight", "model.embeddings.weight"),
    ("granitemoe", "model.layers.0.block_sparse_moe.input_linear.weight", None),
    ("gemma3n_text", "model.language_model.embed_tokens.weight", "model.embed_tokens.weight"),
    ("hrm_text", "model.H_module.layers.0.attn.gqkv_proj.weight", None),
]


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    hf.quiet()
    torch.set_num_threads(1)


def model_of(model_type: str) -> torch.nn.Module:
    model = hf.build_model(variants.discover(model_type, "default").usable[0].config)
    hf.randomise(model)
    return model


@pytest.mark.skipif(not FIVE, reason="the load-time transforms of 5.20")
@pytest.mark.parametrize("case", PUBLISHED, ids=lambda c: c[0])
def test_published_names(case):
    model_type, present, absent = case
    model = model_of(model_type)
    published = keys.published_state_dict(model)
    assert present in published
    assert absent not in published
    assert keys.self_check(model) is None


@pytest.mark.skipif(not FIVE, reason="the load-time transforms of 5.20")
def test_rows_that_no_expert_reads_are_not_published():
    model = model_of("longcat_flash")
    experts = model.model.layers[0].mlp.experts
    assert (len(experts.gate_up_proj), len(experts.down_proj)) == (10, 8)
    names = [n for n in keys.published_state_dict(model) if n.startswith("model.layers.0.mlp.experts.")]
    assert len(names) == 3 * 8 and not any(".experts.8." in n for n in names)


def test_tied_weights_are_published_once():
    model = model_of("gpt2")
    assert "lm_head.weight" in model.state_dict()
    assert "lm_head.weight" not in keys.published_state_dict(model)


def test_randomise_is_reproducible_and_leaves_nothing_trivial():
    first, second = model_of("qwen3"), model_of("qwen3")
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=False):
        assert torch.equal(a, b), name
        assert a.std() > 0.05, name


def test_tiny_configuration_shows_both_kinds_of_layers():
    config = tiny.build("gemma2")
    assert set(config.layer_types) == {"sliding_attention", "full_attention"}
    assert config.num_key_value_heads < config.num_attention_heads
    assert config.sliding_window < 24
    assert config.query_pre_attn_scalar != config.head_dim


def test_variants_switch_features():
    found = variants.discover("qwen3")
    names = {v.name for v in found.usable}
    assert {
        "default",
        "attention_bias=True",
        "tie_word_embeddings=True",
        "layers=local+full",
        "rope=yarn",
        "rope=llama3",
        "rope=linear",
        "num_key_value_heads=1",
    } <= names
    by_name = {v.name: v for v in found.usable}
    assert by_name["attention_bias=True"].structural
    assert not by_name["rope=yarn"].structural


def test_every_coefficient_is_used():
    """No parameter of the tiny model is without influence on the logits."""
    model = model_of("qwen3_moe")
    ids = hf.token_ids(2, 24)
    model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.square().sum().backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert idle == []
