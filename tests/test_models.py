"""Models of the installed package, translated and verified: all plain dense ones, and one for each mechanism.

`make sweep` does the same for every decoder language model.
"""

import json

import pytest
from adgen_reference import corpus, sweep
from golden_cases import ADGEN

pytest.importorskip("transformers", minversion="5.23")
PLAIN = sorted(name for name, tier in corpus.read_tiers().items() if tier == "T1")
MECHANISMS = {
    "apertus": "a norm on queries and keys, an activation with parameters",
    "cohere": "interleaved rotary, parallel residual, LayerNorm without bias, scaled logits",
    "exaone4": "windows and layers without positions by pattern",
    "gemma2": "soft caps, norm of 1 + weight, scaled embeddings, window in every second layer",
    "gemma3_text": "rotary parameters by type of layer",
    "glm4": "partial rotary on neighbours, norms after attention and MLP",
    "got_ocr2": "a text model of another file, by the type of a part of the configuration; an encoder that is left out",
    "gpt2": "learned positions, transposed weights, an entry with another name",
    "gpt_neox": "fused projections by head, parallel residual, partial rotary",
    "granite": "multipliers of embeddings, attention, residuals, logits",
    "lfm3": "convolutions over the last tokens, windows in some of the other layers",
    "nemotron_h": "state spaces, mixers from a table, experts without a gate",
    "olmo2": "norm of all heads together, norms after",
    "phi3": "fused projections, two sets of rotary frequencies",
    "smollm3": "layers without positions",
    "starcoder2": "biases everywhere, LayerNorm, window in the mask",
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep")
    wanted = [*PLAIN, *MECHANISMS]
    arguments = ["--adgen", str(ADGEN), "--out", str(out), "--types", *wanted]
    status = sweep.main(arguments)
    found = {row["model_type"]: row for row in json.loads((out / "sweep.json").read_text())}
    return status, found


@pytest.mark.parametrize("model_type", [*PLAIN, *MECHANISMS])
def test_verified(rows, model_type):
    row = rows[1][model_type]
    assert row["verdict"] == "verified", f"{row['check']} [{row['variant']}]: {row['first_difference']}"


def test_nothing_got_worse(rows):
    assert rows[0] == 0


ASSUMED = {
    "axk2": "an indexer in every layer, latent attention with a gate",
    "dots3_note_text": "layers with windows among those with an indexer, each with sizes of its own",
    "glm_moe_dsa": "layers that share what another one's indexer chose",
    "hy_v4": "a sink in every head, several residual streams",
    "llama4": "attention within chunks, in a part of the configuration",
}


def test_equal_for_short_sequences_where_an_indexer_chooses_keys(tmp_path):
    options = ["--adgen-option=--assume", "--adgen-option=short-context"]
    arguments = ["--adgen", str(ADGEN), "--out", str(tmp_path), "--variants", "default", *options]
    assert sweep.main([*arguments, "--types", *ASSUMED]) == 0
    rows = json.loads((tmp_path / "sweep.json").read_text())
    assert {row["model_type"]: row["verdict"] for row in rows} == dict.fromkeys(ASSUMED, "short-context")
