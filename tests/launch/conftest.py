"""One Ray head for all tests of this folder that need a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.launch.head import Head, running_head


@pytest.fixture(scope="session")
def head(tmp_path_factory) -> Iterator[Head]:
    with running_head(tmp_path_factory.mktemp("head")) as running:
        yield running
