"""Ten drawn faults happen to a sweep of twelve runs on two hosts; resumed, it is whole."""

from __future__ import annotations

import pytest

from tests.cluster import chaos
from tests.cluster.chaos_faults import drawn
from tests.cluster.chaos_verdict import as_markdown, judge

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(2700)]

#: Together they draw all faults but one.
SEEDS = (5, 6, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_points_are_there_once_and_nothing_is_left(make_lab, seed):
    with (
        make_lab(2, rate="1gbit", same_name="box", has_decoy=True) as lab,
        chaos.stage(lab) as folders,
    ):
        story = chaos.play(lab, folders, seed, drawn(seed, 10))
        verdict = judge(story, folders[0])
    assert not verdict.complaints, as_markdown(verdict)
    assert len(story.hits) == 10, as_markdown(verdict)
