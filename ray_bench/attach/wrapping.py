"""A function of somebody else's that is replaced for a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def wrap(owner: Any, name: str, around: Callable[[Callable[..., Any]], Any]) -> Callable[[], None]:
    """Put `around(original)` in place of an attribute; return what puts the original back."""
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(around(original)))
    return lambda: setattr(owner, name, original)
