"""What every test shares."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from ray_bench.store import ResultsStore

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test keeps aside goes to no real home."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def store(tmp_path: Path) -> ResultsStore:
    """A store in a folder that does not exist yet."""
    return ResultsStore(tmp_path / "results")
