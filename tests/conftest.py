"""What every test shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from ray_bench.store import ResultsStore


@pytest.fixture
def store(tmp_path: Path) -> ResultsStore:
    """A store in a folder that does not exist yet."""
    return ResultsStore(tmp_path / "results")
