"""Which errors of an object store are waited out."""

from __future__ import annotations

import pytest

from ray_bench.store.patience import is_passing

PLACE = "When reading information for key 'throttling/internal_failure' in bucket 'slowdown': "


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError("AWS Error SLOW_DOWN during PutObject operation"), True),
        (OSError("AWS Error UNKNOWN (HTTP status 503) during HeadObject operation"), True),
        (OSError("AWS Error UNKNOWN (HTTP status 404) during HeadObject operation"), False),
        (OSError(f"{PLACE}AWS Error ACCESS_DENIED during GetObject operation"), False),
        (OSError(f"{PLACE}AWS Error NO_SUCH_BUCKET during GetObject operation"), False),
        (OSError("No space left on device"), False),
        (TimeoutError("anything"), True),
        (ConnectionResetError("anything"), True),
    ],
)
def test_what_heals_by_waiting_is_told_by_the_stores_words(error, passes):
    assert is_passing(error) is passes
