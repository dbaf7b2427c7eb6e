"""How the CPU reference ops are declared.

Every op lives in the namespace ``torch.ops.auto_deploy`` with the schema of the real one.  The
real ones win: where ``tensorrt_llm`` is installed nothing is registered here.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable

import torch

NAMESPACE = "auto_deploy"
_PENDING: list[tuple[str, Callable, Callable]] = []


def tensorrt_llm_present() -> bool:
    """True if the real package can be imported.

    A stand-in put there by this package is not it, and neither is a folder with files for it.
    """
    module = sys.modules.get("tensorrt_llm")
    if module is not None:
        return not getattr(module, "__adgen_standin__", False)
    spec = importlib.util.find_spec("tensorrt_llm")
    return spec is not None and spec.origin is not None


def op(fake: Callable) -> Callable:
    """Decorator: note a function as the reference of ``auto_deploy::<its name>``.

    ``fake`` computes the output's shape and dtype from the same arguments.  The schema is inferred
    from the annotations, so argument names, order and defaults of the function *are* the schema.
    """

    def note(function: Callable) -> Callable:
        _PENDING.append((function.__name__, function, fake))
        return function

    return note


def register_pending() -> list[str]:
    """Register what was noted and is not known to torch yet; returns the names registered."""
    names = []
    for name, function, fake in _PENDING:
        if hasattr(getattr(torch.ops, NAMESPACE), name):
            continue
        custom = torch.library.custom_op(f"{NAMESPACE}::{name}", function, mutates_args=())
        custom.register_fake(fake)
        names.append(name)
    return names


def op_names() -> list[str]:
    """Names of all reference ops, in order of declaration."""
    return [name for name, _, _ in _PENDING]
