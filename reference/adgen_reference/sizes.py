"""Small values for the fields of a configuration class, by the names that fields have.

No model is named here: a rule is a pattern over field names and applies to whatever class has
such a field.  The shapes are chosen so that mistakes show: heads != kv heads, ffn width no
multiple of the hidden size, windows shorter than the sequence, epsilons large enough to matter,
multipliers that are not one.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

HIDDEN = 64  #: width of the residual stream
HEADS = 4  #: query heads
KV_HEADS = 2
HEAD_DIM = 16
VOCAB = 128
POSITIONS = 128  #: length of position tables
WINDOW = 8  #: sliding windows and attention chunks, in tokens
EXPERTS = 8
LOGIT_CAP = 5.0
#: Small enough to matter, large enough that what the op's order of cap and mask leaks (a masked
#: score becomes -cap, not -inf) stays below the tolerance.
ATTENTION_CAP = 20.0
SEQUENCE = 24  #: tokens per row of the test input: longer than any window or chunk
FIRST_PLAIN_TOKEN, LAST_PLAIN_TOKEN = 4, 100  #: ids in between have no special meaning

_CHOSEN = (
    r"num_experts_per_tok(en)?|moe_topk|moe_k|top_k_experts|moe_top_k|num_selected_experts"
    r"|experts_per_token|router_top_k"
)
_AT_MOST = {_CHOSEN}  #: patterns whose value is an upper bound for the default

# (pattern over the whole name, value); the first that matches wins.
_INTS: list[tuple[str, int]] = [
    (r"pad_token_id|pad_token", 0),
    (r"bos_token_id|decoder_start_token_id", 1),
    (r"eos_token_id|eod_token_id|sep_token_id", 2),
    (r"query_pre_attn_scalar", 4),
    (r"max_window_layers", 1),
    (r"original_max_position_embeddings|initial_context_length", 32),
    (
        r"max_position_embeddings|n_positions|n_ctx|max_seq_len|seq_length|max_sequence_length"
        r"|context_length|position_bias_max_distance",
        POSITIONS,
    ),
    (r"vocab_size|vocab_size_per_layer_input|embedding_size_per_layer_input|.*_vocab_size", VOCAB),
    (r"unpadded_vocab_size", VOCAB - 8),
    (
        r"(text_)?(hidden_size|n_embd|d_model|dim_model|embed_dim|word_embed_proj_dim|embedding_dim)",
        HIDDEN,
    ),
    (
        r"adapter_(in|out)(put)?_(dim|size)|out_hidden_size|output_dim|projection_dim"
        r"|projector_hidden_size|vision_output_dim",
        HIDDEN,
    ),
    (r"hidden_size_per_layer_input|ple_.*dim|laurel_rank|.*_low_rank.*|gated_norm_rank", 8),
    (r"moe_intermediate_size|expert_ffn_hidden_size|moe_ffn_.*size|expert_dim", 40),
    (r".*shared.*intermediate_size|moe_shared_.*size", 48),
    (r".*intermediate_size|n_inner|.*ffn_dim|d_ff|dim_ff|dff|(ffn_)?ffn_hidden_size", 96),
    (r"mamba_n_heads|mamba_num_heads|n_mamba_heads", 8),
    (r"index(er)?_kv_heads", 1),
    (r".*(key_value_heads|kv_heads|kv_n_heads)|linear_num_key_heads|num_key_heads", KV_HEADS),
    (r"linear_num_value_heads|num_value_heads", 4),
    (r"index(er)?_(n|num)_heads", 2),
    (r"(.*_)?(num_attention_heads|attention_heads|n_heads?|num_heads)", HEADS),
    (r"qk_rope_head_dim|rope_head_dim|qk_rope_dim", 8),
    (r"v_head_dim|swa_v_head_dim", 24),
    (r"index_topk|.*topk_tokens|.*topk_blocks|index_top_k", 4),
    (r"indexer_budget|token_budget", 8),
    (r".*compress_ratio", 2),
    (r"o_groups", 2),
    (
        r"(.*_)?(head_dim|dim_head|mamba_d_head|kv_channels|d_kv|head_width)|mamba_headdim"
        r"|linear_(key|value)_head_dim|qk_nope_head_dim|attention_head_size",
        HEAD_DIM,
    ),
    (r"rotary_dim", 8),
    (r"q_lora_rank", 24),
    (r"kv_lora_rank", 20),
    (r".*lora_rank|.*_rank|adapter_rank", 12),
    (_CHOSEN, 2),
    (r"num_zero_experts|zero_expert_num", 2),
    (r"(num|n)_shared_experts|moe_num_shared_experts", 1),
    (r"(.*_)?num_experts|n_routed_experts|num_local_experts|num_routed_experts", EXPERTS),
    (r"n_group|num_expert_group|n_expert_groups", 2),
    (r"topk_group", 1),
    (r"first_k_dense_replace|num_dense_layers|moe_layer_start_index|num_hash_layers", 1),
    (r"moe_layer_end_index", 64),
    (r"num_kv_shared_layers", 2),
    (r"mamba_d_ssm|attention_hidden_size_expanded", 2 * HIDDEN),
    (r"mamba_n_groups|n_groups|mamba_ngroups|ngroups", 2),
    (r"mamba_d_state|state_size|ssm_state_size|d_state", 16),
    (r"time_step_rank|mamba_dt_rank|dt_rank", 4),
    (r"(mamba_)?chunk_size|attention_chunk_size|chunkwise_size", WINDOW),
    (
        r"(.*_)?(sliding_window(_size)?|window_size|window_len|local_window|keep_window_size)",
        WINDOW,
    ),
    (r"(attn_layer|expert_layer)_offset", 1),
    (
        r"layer_group_size|.*_pattern|(attn_layer|expert_layer)_period|.*_every_n_layers"
        r"|.*_layer_interval|moe_layer_freq|moe_layer_interval|interleave_moe_layer_step"
        r"|full_attention_interval",
        2,
    ),
    (r"d_rel", 8),
    (r"rel_extent", 16),
    (r"num_mtp_layers|num_nextn_predict_layers", 0),
]

_LAYERS = (
    r"(.*_)?(num_hidden_layers|n_layers?|num_layers|num_layers_per_stack|encoder_layers"
    r"|decoder_layers)"
)
_SKIPPED_LAYERS = (
    r"num_kv_shared_layers|num_mtp_layers|.*dense_layers|max_window_layers|num_hash_layers"
)
_MULTIPLIER = r"(.*_)?(multiplier|scale|scaling|scaling_factor)"


def _spread(name: str, choices: tuple[float, ...]) -> float:
    """One of ``choices``, always the same for a name."""
    return choices[zlib.crc32(name.encode()) % len(choices)]


def is_layer_count(name: str) -> bool:
    """True for fields that say how many layers there are."""
    return bool(re.fullmatch(_LAYERS, name)) and not re.fullmatch(_SKIPPED_LAYERS, name)


def small_value(name: str, default: Any, hidden: int | None) -> Any:
    """The small stand-in for ``default``, or ``default`` itself where no rule applies.

    ``hidden`` is the class's own hidden size: a width without a rule keeps its ratio to it.
    """
    if isinstance(default, bool) or default is None:
        return default
    if isinstance(default, int):
        for pattern, value in _INTS:
            if re.fullmatch(pattern, name):
                return min(default, value) if pattern in _AT_MOST else value
        if hidden and default >= HIDDEN and re.search(r"hidden_size|_dim$|width|_size$", name):
            return max(8, default * HIDDEN // hidden)
        return default
    if isinstance(default, float):
        return _small_float(name, default)
    if isinstance(default, (list, tuple)) and default and all(x == 1.0 for x in default):
        if re.fullmatch(r".*multipliers", name):
            return [0.7 + 0.15 * i for i in range(len(default))]
    return default


def _small_float(name: str, default: float) -> float:
    if re.fullmatch(r"query_pre_attn_scalar", name):
        return 4.0
    if re.search(r"soft_?cap", name):
        return ATTENTION_CAP if re.search(r"at+n", name) else LOGIT_CAP
    if re.search(r"(eps|epsilon)$", name) and 0 < default < 1e-3:
        return _spread(name, (0.01, 0.02, 0.015))
    if name == "attention_multiplier":
        return 0.3
    if default == 1.0 and re.fullmatch(_MULTIPLIER, name) and "time_step" not in name:
        return _spread(name, (0.7, 0.8, 1.3))
    return default
