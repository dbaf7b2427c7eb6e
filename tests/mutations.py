"""Mistakes to put into emitted models.

A mutation finds its places by the structure of the code, in any model, and puts another expression into one of them at
a time.  Both are computed when the mutant runs, so that it is known whether they differ there at all: a bias that the
configuration does not have cannot be lost.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import torch

CUSTOM = "tensorrt_llm._torch.auto_deploy.models.custom"
_COUNTER = itertools.count()
_MARK = "_mutated"


@dataclass(frozen=True)
class Mutant:
    kind: str
    line: int
    text: str


# -- what is changed ---------------------------------------------------------------------------------------------------


def _is_op(node: ast.AST, *names: str) -> bool:
    """A call of a canonical operator, of any where there is no name."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func).startswith("torch.ops.auto_deploy.")
        and (not names or node.func.attr in names)
    )


def _expression(text: str, **parts: ast.expr) -> ast.expr:
    """The expression of a text in which names stand for parts."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node):
            return copy.deepcopy(parts.get(node.id, node))

    return Fill().visit(ast.parse(text, mode="eval").body)


def _with_keyword(call: ast.Call, name: str, change: Callable[[ast.expr], ast.expr]) -> ast.Call | None:
    """The call with another value of a keyword argument; None where it is not given."""
    call = copy.deepcopy(call)
    for keyword in call.keywords:
        if keyword.arg == name:
            keyword.value = change(keyword.value)
            return call
    return None


def _value_of(text: str) -> Callable[[ast.expr], ast.expr]:
    return lambda value: _expression(text, value=value)


def scale(node):
    """Scores of attention are scaled otherwise."""
    if not _is_op(node, "torch_attention", "torch_mla"):
        return None
    changed = _with_keyword(node, "scale", _value_of("value * 1.1"))
    if changed is None:
        changed = copy.deepcopy(node)
        changed.keywords.append(ast.keyword("scale", ast.Constant(0.3)))
    return changed


def window(node):
    """A window is ignored."""
    return _with_keyword(node, "sliding_window", _value_of("None")) if _is_op(node) else None


def score_cap(node):
    """The soft cap of scores is ignored."""
    return _with_keyword(node, "logit_cap", _value_of("None")) if _is_op(node) else None


def sinks(node):
    """The sinks of attention are ignored."""
    return _with_keyword(node, "sinks", _value_of("None")) if _is_op(node) else None


def norm_weight(node):
    """A norm has no weight."""
    changed = copy.deepcopy(node)
    if _is_op(node, "torch_rmsnorm"):
        changed.args[1] = _expression("torch.ones_like(weight)", weight=node.args[1])
        return changed
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".layer_norm") and len(node.args) > 2:
        changed.args[2] = ast.Constant(None)
        return changed
    return None


def rope_layout(node):
    """Lanes are rotated in pairs instead of halves, or in halves instead of pairs."""
    layouts = ("torch_rope_with_explicit_cos_sin", "torch_rope_with_qk_interleaving")
    if not _is_op(node, *layouts):
        return None
    changed = copy.deepcopy(node)
    changed.func.attr = layouts[1 - layouts.index(node.func.attr)]
    return changed


def rope_direction(node):
    """Lanes are rotated the other way."""
    if not _is_op(node) or "_rope_with_" not in node.func.attr:
        return None
    changed = copy.deepcopy(node)
    complex_table = changed.func.attr.endswith("freqs")
    changed.args[2 if complex_table else 3] = _expression(
        "table.conj()" if complex_table else "-table", table=node.args[2 if complex_table else 3]
    )
    return changed


def normalisation(node):
    """What is divided by its sum is not."""
    divides = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    if not divides or ".sum(" not in ast.unparse(node.right):
        return None
    return copy.deepcopy(node.left)


def experts_in_another_order(node):
    """Every expert has the first weights of another."""
    if _is_op(node, "torch_moe"):
        return _with_keyword(node, "w1_weight", _value_of("value[::-1]"))
    if _is_op(node, "torch_moe_dense_mlp"):
        changed = copy.deepcopy(node)
        changed.args[2] = _expression("weight.flip(0)", weight=node.args[2])
        return changed
    return None


def gate_and_up_exchanged(node):
    """Experts take one projection for the other."""
    if not _is_op(node, "torch_moe"):
        return None
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    changed = _with_keyword(node, "w1_weight", lambda _: given["w3_weight"])
    return _with_keyword(changed, "w3_weight", lambda _: given["w1_weight"])


def choice_lost(node):
    """The router's weights are given to other experts."""
    if not _is_op(node, "torch_moe"):
        return None
    changed = copy.deepcopy(node)
    changed.args[1] = _expression("chosen.flip(-1)", chosen=node.args[1])
    return changed


def parts_exchanged(node):
    """Two parts of a tensor are taken for each other."""
    cuts = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if not cuts or node.func.attr not in ("chunk", "split", "unbind"):
        return None
    return _expression("(lambda parts: parts[:-2] + (parts[-1], parts[-2]))(tuple(whole))", whole=node)


def soft_cap(node):
    """Nothing is capped softly."""
    called = isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.tanh"
    return copy.deepcopy(node.args[0]) if called else None


def addend_lost(node):
    """One of two that are added is forgotten: a residual, a bias of a router, what shared experts make."""
    adds = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
    if not adds or any(isinstance(side, ast.Constant) for side in (node.left, node.right)):
        return None
    return copy.deepcopy(node.right)


def tied_head(node):
    """The head is not the embedding."""
    keys = isinstance(node, ast.Dict) and [getattr(key, "value", None) for key in node.keys]
    ties = keys and all(isinstance(key, str) and key.endswith(".weight") for key in keys)
    return ast.Constant(None) if ties else None


KINDS = (
    scale,
    window,
    score_cap,
    sinks,
    norm_weight,
    rope_layout,
    rope_direction,
    normalisation,
    experts_in_another_order,
    gate_and_up_exchanged,
    choice_lost,
    parts_exchanged,
    soft_cap,
    addend_lost,
    tied_head,
)


def _attributes(tree: ast.Module, library_class: str) -> set[str]:
    """Names of attributes that hold such a module."""
    return {
        statement.targets[0].attr
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Attribute)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == library_class
    }


def _bias_lost(tree: ast.Module) -> Callable[[ast.AST], ast.expr | None]:
    linear = _attributes(tree, "nn.Linear")

    def bias_lost(node):
        """A linear layer has no bias."""
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 1
        if not called or node.func.attr not in linear:
            return None
        return _expression("nn.functional.linear(x, layer.weight)", x=node.args[0], layer=node.func)

    return bias_lost


def _norm_object(tree: ast.Module) -> Callable[[ast.AST], ast.expr | None]:
    norms = _attributes(tree, "nn.LayerNorm")

    def layer_norm_weight(node):
        """A layer norm of PyTorch has neither weight nor bias."""
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 1
        if not called or node.func.attr not in norms:
            return None
        return _expression("nn.functional.layer_norm(x, norm.normalized_shape)", x=node.args[0], norm=node.func)

    return layer_norm_weight


# -- mutants -----------------------------------------------------------------------------------------------------------


class _Replace(ast.NodeTransformer):
    """Replaces the expression at one place; counts the places."""

    def __init__(self, change, place: int):
        self.change, self.place, self.count, self.line = change, place, 0, 0

    def generic_visit(self, node):
        changed = self.change(node) if isinstance(node, ast.expr) else None
        here = changed is not None and self.count == self.place
        self.count += changed is not None
        node = super().generic_visit(node)
        if not here:
            return node
        self.line = node.lineno
        both = [ast.Lambda(ast.arguments([], [], None, [], [], None, []), value) for value in (node, changed)]
        return ast.Call(ast.Name(_MARK, ast.Load()), both, [])


def mutants(text: str) -> Iterator[Mutant]:
    """All mutants of a model, by kind and place."""
    tree = ast.parse(text)
    for change in (*KINDS, _bias_lost(tree), _norm_object(tree)):
        for place in itertools.count():
            replace = _Replace(change, place)
            mutant = replace.visit(copy.deepcopy(tree))
            if replace.count <= place:
                break
            mutant.body.insert(1, ast.parse(f"from mutations import {_MARK}").body[0])
            yield Mutant(change.__name__, replace.line, ast.unparse(ast.fix_missing_locations(mutant)))


# -- running -----------------------------------------------------------------------------------------------------------

differed = False


def is_equivalent(text: str, mutant: Mutant) -> bool:
    """A mistake that is none: without a rotation a bias of the keys adds the same to all scores of a query."""
    line = text.splitlines()[mutant.line - 1].strip()
    keys = re.match(r"(k|keys?)(_\w+)? = ", line) is not None
    return mutant.kind == "bias_lost" and keys and "auto_deploy.torch_rope" not in text


def _same(a, b) -> bool:
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and torch.equal(a, b)
    return type(a) is type(b) and not isinstance(a, torch.Tensor) and a == b


def _mutated(before, after):
    """What a mutant has in one place; notes whether that differs from what was there."""
    global differed
    value = before()
    try:
        changed = after()
    except Exception:
        differed = True
        raise
    differed = differed or not _same(value, changed)
    return changed


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"emitted_{next(_COUNTER)}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _flags(tests: ModuleType) -> list[str]:
    """The flags for which the tests have a model with the other value."""
    marks = getattr(getattr(tests, "test_other_setting", None), "pytestmark", [])
    return [field for mark in marks for field in mark.args[1]]


def fails(tests: ModuleType) -> bool:
    """Whether a test of the whole model fails, one with another setting, or that of the tied head."""
    calls = [(tests.test_full_model, (1, 8, torch.float32))]
    if hasattr(tests, "test_tied_head"):
        calls.append((tests.test_tied_head, (1, 8)))
    calls += [(tests.test_other_setting, (field,)) for field in _flags(tests)]
    for test, arguments in calls:
        torch.manual_seed(42)
        try:
            test(*arguments)
        except pytest.skip.Exception:
            continue
        except Exception:
            return True
    return False


def verdict(tests: ModuleType, model: ModuleType, mutant: Mutant, folder: Path) -> str:
    """`caught`, `survived`, or `same`: what the mutant changes is nothing with the small configuration."""
    global differed
    differed = False
    path = folder / f"{Path(model.__file__).stem}_mutant.py"
    path.write_text(mutant.text, encoding="utf-8")
    own = {name: value for name, value in vars(tests).items() if getattr(value, "__module__", "") == model.__name__}
    try:
        changed = load(path)
        vars(tests).update({name: getattr(changed, name) for name in own})
        caught = fails(tests)
    finally:
        vars(tests).update(own)
    return "same" if not differed else "caught" if caught else "survived"
