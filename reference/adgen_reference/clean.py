"""Leftovers of training and of generation in an emitted file, found on its syntax tree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_EXACT = {
    "past_key_values",
    "past_key_value",
    "attention_mask",
    "causal_mask",
    "use_cache",
    "cache_position",
    "labels",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "output_router_logits",
    "repeat_kv",
    "DynamicCache",
    "StaticCache",
    "Cache",
    "logits_to_keep",
    "num_logits_to_keep",
    "training",
    "head_mask",
    "encoder_hidden_states",
    "eager_attention_forward",
    "ALL_ATTENTION_FUNCTIONS",
    "_attn_implementation",
    "attention_interface",
    "loss_function",
    "FlashAttentionKwargs",
    "TransformersKwargs",
    "Unpack",
    "gradient_checkpointing",
    "_gradient_checkpointing_func",
    "GradientCheckpointingLayer",
    "cu_seq_lens_q",
    "checkpoint",
}
_PATTERNS = re.compile(r"dropout|flash|sdpa|create_\w*mask|gradient_checkpoint|layerdrop", re.I)
_MODULES = re.compile(r"transformers\.(masking_utils|cache_utils|modeling_flash|integrations)")
_ALLOWED = {"supports_gradient_checkpointing", "dropout_p"}


def _names(node: ast.AST):
    """Identifiers that a node itself spells out."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, (ast.arg, ast.keyword)):
        yield node.arg or ""
    elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.name.rpartition(".")[2]


def _own_prefix(tree: ast.AST) -> str:
    """The name of the model, with which its classes begin: it may be any word."""
    ends = "ForCausalLM"
    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return next((name.removesuffix(ends) for name in classes if name.endswith(ends)), "")


def leftovers(path: str | Path) -> list[str]:
    """``line: name`` of everything that a prefill-only model has no use for."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    found, prefix = [], _own_prefix(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.ImportFrom):
            if _MODULES.match(node.module or ""):
                found.append((line, f"import from {node.module}"))
            if re.search(r"(^|\.)modeling_(?!utils|outputs|rope_utils|layers)", node.module or ""):
                found.append((line, f"import from {node.module}"))
        for name in _names(node):
            suspect = name in _EXACT or _PATTERNS.search(name.removeprefix(prefix))
            if suspect and name not in _ALLOWED:
                found.append((line, name))
    return [f"{line}: {name}" for line, name in sorted(set(found))]
