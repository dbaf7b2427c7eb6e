"""Checks on the exported graph: export itself, canonical ops, what stayed plain PyTorch."""

from __future__ import annotations

from collections import Counter

import torch
from torch.export import Dim, ExportedProgram
from torch.fx import Node

from . import compare, hf
from .ops import MOES, ROPES, SEQUENCE_MIXING

#: Shapes at which the exported program is compared: neither is the one it was traced at.
OTHER_SHAPES = ((3, 31), (1, 5))
_THROUGH = (
    "_to_copy",
    "to",
    "dropout",
    "expand",
    "view",
    "reshape",
    "_unsafe_view",
    "clone",
    "contiguous",
    "transpose",
    "unsqueeze",
    "alias",
    "type_as",
    "slice",
    "permute",
    "mul",
    "detach",
)


def export(
    model: torch.nn.Module, input_ids: torch.Tensor, position_ids: torch.Tensor
) -> ExportedProgram:
    """Export as AutoDeploy does: keywords only, batch and sequence dynamic, not strict."""
    dynamic = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    with torch.no_grad():
        return torch.export.export(
            model,
            (),
            kwargs={"input_ids": input_ids, "position_ids": position_ids},
            dynamic_shapes={"input_ids": dict(dynamic), "position_ids": dict(dynamic)},
            strict=False,
        )


@torch.no_grad()
def differs_elsewhere(model: torch.nn.Module, program: ExportedProgram) -> str | None:
    """Compare the program with the model at other shapes; None or the first difference."""
    runner = program.module()
    for batch, length in OTHER_SHAPES:
        ids = hf.token_ids(batch, length, seed=batch)
        positions = (torch.arange(length) + batch).expand(batch, -1).contiguous()
        want = model(input_ids=ids, position_ids=positions).logits
        try:
            got = runner(input_ids=ids, position_ids=positions).logits
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            return f"at {batch}x{length}: {type(error).__name__}: {text}"
        error = compare.rmse(got, want)
        if error > compare.TOLERANCE:
            return f"at {batch}x{length}: relative RMSE {error:.2e} to the module itself"
    return None


def _name(node: Node) -> str:
    """Name of the op without namespace and overload; "" for anything that is no call."""
    if not isinstance(node, Node) or node.op != "call_function":
        return ""
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        return target._schema.name.split("::")[1]
    return getattr(target, "__name__", "")


def canonical_ops(program: ExportedProgram) -> Counter[str]:
    """How often each auto_deploy op occurs."""
    found: Counter[str] = Counter()
    for node in program.graph.nodes:
        if node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload):
            if node.target.namespace == "auto_deploy":
                found[_name(node)] += 1
    return found


def _arguments(node: Node) -> dict:
    """Arguments of a call of an op by name, defaults included."""
    arguments = {a.name: a.default_value for a in node.target._schema.arguments}
    arguments.update(zip(arguments, node.args))
    arguments.update(node.kwargs)
    return arguments


def _where(node: Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    paths = [path for path, _ in stack.values()]
    return paths[-1] if paths and paths[-1] else "the top level"


def _reaches(node: Node, goals: tuple[str, ...], depth: int = 8) -> bool:
    """True if a user of ``node``, through ops that only move data, is one of ``goals``."""
    for user in node.users:
        if _name(user) in goals:
            return True
        if depth and _name(user) in _THROUGH and _reaches(user, goals, depth - 1):
            return True
    return False


def _source(node: Node, depth: int = 6) -> Node:
    """The node a value comes from, through casts and copies."""
    while depth and _name(node) in ("_to_copy", "to", "clone", "alias", "type_as", "contiguous"):
        node, depth = node.args[0], depth - 1
    return node


def _is_square(node: Node) -> bool:
    node = _source(node)
    if _name(node) == "pow":
        return node.args[1] == 2
    if _name(node) == "square":
        return True
    return _name(node) == "mul" and node.args[0] is node.args[1]


def _is_rms(node: Node) -> bool:
    """``node`` is rsqrt (or a power of -1/2) of a mean of squares that were not centred."""
    name = _name(node)
    if name == "pow" and node.args[1] != -0.5 or name not in ("rsqrt", "pow"):
        return False
    inner = _source(node.args[0])
    if _name(inner) in ("add", "clamp", "clamp_min"):
        inner = _source(inner.args[0])
    if _name(inner) != "mean" or not isinstance(inner.args[0], Node):
        return False
    square = _source(inner.args[0])
    return _is_square(square) and _name(_source(square.args[0])) not in ("sub", "rsub")


def _is_rotation(node: Node) -> bool:
    """``node`` joins (-b, a) or (b, -a), or (a cos - b sin, b cos + a sin): a rotation."""
    if _name(node) not in ("cat", "stack") or len(node.args[0]) != 2:
        return False
    first, second = (_source(n) for n in node.args[0])
    while _name(first) in ("unsqueeze", "view") and _name(second) == _name(first):
        first, second = _source(first.args[0]), _source(second.args[0])
    if (_name(first) == "neg") != (_name(second) == "neg"):
        return True
    if _name(first) not in ("sub", "add") or _name(second) not in ("add", "sub"):
        return False
    parts = [*first.args[:2], *second.args[:2]]
    return all(isinstance(p, Node) and _name(_source(p)) == "mul" for p in parts) and (
        {_name(first), _name(second)} == {"sub", "add"}
    )


def _expansion(node: Node, depth: int = 8) -> Node | None:
    """The linear layer without a bias of whose heads ``node`` is a part; None for anything else."""
    parts = ("getitem", "split_with_sizes", "split", "slice", "view", "reshape", "transpose")
    while depth and _name(node) in parts:
        node, depth = _source(node.args[0]), depth - 1
    has_bias = _name(node) == "linear" and len(node.args) > 2 and node.args[2] is not None
    return node if _name(node) == "linear" and not has_bias else None


def _is_latent_attention(node: Node) -> bool:
    """Keys and values come from one linear layer; a part of each key is shared by all heads."""
    arguments = _arguments(node)
    query, key, value = (_source(arguments[name]) for name in ("query", "key", "value"))
    options = ("attn_mask", "sinks", "sliding_window", "logit_cap")
    if any(arguments[name] is not None for name in options) or not arguments["is_causal"]:
        return False
    if not all(_name(x) == "cat" and len(x.args[0]) == 2 for x in (query, key)):
        return False
    heads = 2 if arguments["layout"] == "bsnd" else 1
    own, shared = (_source(part) for part in key.args[0])
    if _name(shared) != "expand" or shared.args[0].meta["val"].shape[heads] != 1:
        return False
    if query.meta["val"].shape[heads] != key.meta["val"].shape[heads]:
        return False
    return _expansion(own) is not None and _expansion(own) is _expansion(value)


def _expert_results(choice: Node) -> list[Node]:
    """What experts make that are weighted where the best of ``choice`` name them, else by zero."""
    found, seen, todo = [], {choice}, list(choice.users)
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        name = _name(node)
        if name == "mul" and any(_name(_source(a)) == "sum" for a in node.args[:2]):
            found += [a for a in map(_source, node.args[:2]) if _name(a) != "sum"]
        elif name in ("getitem", "ne", "masked_fill", "sum", "_to_copy", "to"):
            todo += node.users
    return found


def _activated(node: Node) -> Node | None:
    """x of act(x), for the activations that torch_moe has; None for anything else."""
    if _name(node) == "silu":
        return node.args[0]
    inner = _source(node.args[0]) if _is_square(node) else None
    return inner.args[0] if _name(inner) == "relu" else None


def _is_expert_of_op(result: Node) -> bool:
    """An expert as torch_moe has them: linear layers without biases around its activations."""
    if _name(result) != "linear" or _expansion(result) is not result:
        return False
    hidden = _source(result.args[0])
    gated = _name(hidden) == "mul" and all(isinstance(a, Node) for a in hidden.args)
    factors = [_source(a) for a in hidden.args] if gated and not _is_square(hidden) else [hidden]
    before = [_activated(factor) for factor in factors]
    known = [b if b is not None else f for b, f in zip(before, factors)]
    return any(b is not None for b in before) and all(_expansion(_source(k)) for k in known)


def plain_idioms(program: ExportedProgram, ops: Counter[str]) -> list[tuple[str, str]]:
    """(kind, where) of computations for which a canonical op exists but was not used."""
    found = []
    for node in program.graph.nodes:
        name = _name(node)
        if name in ("_softmax", "softmax") and _reaches(node, ("matmul", "bmm", "einsum")):
            found.append(("attention", _where(node)))
        elif name in ("scaled_dot_product_attention",):
            found.append(("attention", _where(node)))
        elif _is_rms(node):
            found.append(("norm", _where(node)))
        elif _is_rotation(node) or (
            name == "view_as_complex" and not _reaches(node, ("torch_rope_with_complex_freqs",))
        ):
            found.append(("rope", _where(node)))
        elif name == "torch_attention" and _is_latent_attention(node):
            found.append(("latent attention", _where(node)))
        elif name == "topk" and not any(ops[m] for m in MOES):
            experts = _expert_results(node)
            if not experts or any(map(_is_expert_of_op, experts)):
                found.append(("moe", _where(node)))
    return found


def unservable_calls(program: ExportedProgram) -> str | None:
    """The first sequence-mixing op whose arguments AutoDeploy's cache insertion cannot take."""
    for node in program.graph.nodes:
        name = _name(node)
        if name not in SEQUENCE_MIXING or node.target.namespace != "auto_deploy":
            continue
        problem = _unservable(name, _arguments(node))
        if problem:
            return f"{name} at {_where(node)}: {problem}"
    return None


def _unservable(name: str, arguments: dict) -> str | None:
    scale = arguments.get("scale")
    if scale is not None and type(scale) is not float:
        return f"scale is {type(scale).__name__}, not a Python float"
    if name == "torch_attention":
        if arguments["attn_mask"] is not None:
            return "attn_mask is given"
        if arguments["dropout_p"] != 0.0:
            return "dropout_p is not 0"
        if not arguments["is_causal"]:
            return "is_causal is not set"
        for key in ("sliding_window", "logit_cap"):
            if isinstance(arguments[key], (Node, torch.SymInt, torch.SymFloat)):
                return f"{key} is computed in the graph"
    if name == "torch_causal_conv1d":
        kernel = arguments["weight"].meta["val"].shape[-1]
        if arguments["padding"] != (kernel - 1) * arguments["dilation"]:
            return f"padding {arguments['padding']} is not causal for kernel size {kernel}"
    return None


def rope_ops(ops: Counter[str]) -> int:
    """How many rotary ops there are."""
    return sum(ops[name] for name in ROPES)
