"""What the tests of this folder share: a Ray head, and an inbox without one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import ray

from tests.launch.head import Head, running_head
from tests.launch.local import Box


@pytest.fixture(scope="session")
def head(tmp_path_factory) -> Iterator[Head]:
    with running_head(tmp_path_factory.mktemp("head")) as running:
        yield running


@pytest.fixture
def box(monkeypatch) -> Box:
    monkeypatch.setattr(ray, "get", lambda answer, timeout=None: answer)
    return Box()
