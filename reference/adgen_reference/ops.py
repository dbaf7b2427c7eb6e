"""CPU reference of the canonical AutoDeploy ops; importing this module registers them.

Facts about names, arguments, layouts and quirks are those of TensorRT-LLM's
``auto_deploy/custom_ops``.  Quantised ops, distributed ops and the DeepSeek-V4 kernels are not
here: no emitted model calls them.
"""

from __future__ import annotations

from . import ops_attention, ops_linear_moe, ops_recurrent, ops_rope_norm  # noqa: F401
from ._library import op_names, register_pending, tensorrt_llm_present

#: Ops that AutoDeploy's cache insertion replaces: the only places where tokens may meet.
SEQUENCE_MIXING = {
    "torch_attention": "attention",
    "torch_mla": "attention",
    "torch_dsa": "attention",
    "torch_ssm": "recurrence",
    "torch_causal_conv1d": "convolution",
    "torch_gated_delta_rule": "recurrence",
}

NORMS = ("torch_rmsnorm", "torch_rmsnorm_gated", "torch_l2norm")
ROPES = (
    "torch_rope_with_explicit_cos_sin",
    "torch_rope_with_complex_freqs",
    "torch_rope_with_qk_interleaving",
)
MOES = ("torch_moe", "torch_moe_fused", "torch_moe_dense_mlp")

#: Names registered by this package; empty where tensorrt_llm brings its own.
REGISTERED: list[str] = [] if tensorrt_llm_present() else register_pending()
ALL: list[str] = op_names()
