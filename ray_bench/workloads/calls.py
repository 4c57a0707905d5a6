"""How a function can be called: read off its signature, before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ray_bench.errors import TrainingError


def signature_of(function: Callable[..., Any] | None) -> inspect.Signature | None:
    """Return what a function, or a module's forward, takes; None where that cannot be read."""
    if isinstance(function, torch.nn.Module):
        function = function.forward
    try:
        return None if function is None else inspect.signature(function)
    except (TypeError, ValueError):  # of some functions in C
        return None


def binds(signature: inspect.Signature, *args: Any, **keywords: Any) -> bool:
    """Tell whether arguments fit a signature."""
    try:
        signature.bind(*args, **keywords)
    except TypeError:
        return False
    return True


def keywords_of(signature: inspect.Signature | None, inputs: Mapping[str, Any]) -> set[str] | None:
    """Return the names that are keyword arguments of `forward`; None: the mapping is one argument.

    Raises:
        TrainingError: `forward` can be called neither way.
    """
    if signature is None or binds(signature, **inputs):
        return set(inputs)
    known = {name: inputs[name] for name in inputs if name in signature.parameters}
    if binds(signature, **known):
        return set(known)
    if binds(signature, inputs):
        return None
    raise TrainingError(
        f"The module's forward{signature} cannot be called with the batch's {', '.join(inputs)}; "
        "name them alike, or yield (inputs, targets)."
    )
