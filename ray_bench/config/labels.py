"""Ray's label selectors: whether one is well written, and whether a node matches."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"(!?)(?:({_WORD})|in\(({_WORD}(?:, ?{_WORD})*)\))", re.ASCII)


def is_selector(text: str) -> bool:
    """Whether a text is `value`, `!value`, `in(a, b)` or `!in(a, b)`."""
    return _SELECTOR.fullmatch(text) is not None


def matches(labels: Mapping[str, str], selectors: Mapping[str, str]) -> bool:
    """Tell whether a node with some labels matches all selectors, which are well written."""
    return all(_matches(labels.get(key), selector) for key, selector in selectors.items())


def _matches(value: str | None, selector: str) -> bool:
    found = _SELECTOR.fullmatch(selector)
    assert found is not None, "the configuration was checked"
    negated, single, listed = found.groups()
    wanted = [single] if listed is None else [x.strip() for x in listed.split(",")]
    return (value in wanted) != bool(negated)
