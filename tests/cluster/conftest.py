"""Labs of several hosts; skipped, with the reason, where none can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.cluster.hosts import why_not
from tests.cluster.lab import Lab, running_lab


@pytest.fixture(scope="session")
def make_lab() -> Callable[..., AbstractContextManager[Lab]]:
    """`running_lab`, where a lab can be made."""
    if reason := why_not():
        pytest.skip(f"no network lab: {reason}")
    return running_lab


@pytest.fixture(scope="session")
def two_hosts(make_lab) -> Iterator[Lab]:
    """Two hosts of one name, a gigabit apart, whose first interface leads nowhere."""
    with make_lab(2, rate="1gbit", same_name="box", has_decoy=True) as lab:
        yield lab
