"""One fact about a machine or a cluster, and what to change where it limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "limited", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact: what was seen, and what to change where it limits what can be measured."""

    name: str
    state: State
    seen: str
    change: str | None = None


def judged(name: str, seen: str, *, is_ok: bool, change: str) -> Check:
    """Return a fact that is fine, or that limits and has to be changed."""
    if is_ok:
        return Check(name=name, state="ok", seen=seen)
    return Check(name=name, state="limited", seen=seen, change=change)
