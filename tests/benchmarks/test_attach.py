"""What a script's measurement costs, and whether a script has the speed of the same workload."""

from __future__ import annotations

import pytest

from benchmarks import agreement, attach
from benchmarks.agreement import SCRIPT, WORKLOAD, comparisons_of, verdict
from benchmarks.attach_rank import slowest


def test_the_slowest_rank_counts_arm_by_arm():
    assert slowest([[(1.0, 2.0), (3.0, 1.0)], [(2.0, 1.0), (2.0, 4.0)]]) == [(2.0, 2.0), (3.0, 4.0)]


def test_step_times_and_speedups_are_compared_round_by_round():
    found = {
        WORKLOAD: [{1: 0.010, 2: 0.012}, {1: 0.020, 2: 0.024}],
        SCRIPT: [{1: 0.011, 2: 0.012}, {1: 0.022, 2: 0.024}],
    }
    one, two, speedup = comparisons_of(found)
    assert one.ratio.value == pytest.approx(1 / 1.1)
    assert two.pairs == ((0.012, 0.012), (0.024, 0.024))
    # Weak scaling: twice the samples in 1.2 times the time.
    assert speedup.pairs[0] == pytest.approx((2 / 1.2, 2 * 11 / 12))


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ([0.0101, 0.0099, 0.0100], "no difference is shown, and none beyond 2.5%"),
        ([0.0201, 0.0199, 0.0200], "they differ by 50.0%"),
    ],
)
def test_agreement_is_told_with_what_it_excludes(theirs, words):
    found = {WORKLOAD: [{1: 0.0100}] * 3, SCRIPT: [{1: x} for x in theirs]}
    assert verdict(comparisons_of(found)[0]).endswith(f"{words}.")


def test_a_single_round_tells_no_interval():
    found = {WORKLOAD: [{1: 0.01}], SCRIPT: [{1: 0.02}]}
    text = verdict(comparisons_of(found)[0])
    assert text == "step time, 1 worker: workload 10.0 ms/step, script 20.0 ms/step."


@pytest.mark.slow
@pytest.mark.parametrize("num_ranks", [1, 2])
def test_both_arms_make_their_turns_and_the_attachment_measures(num_ranks):
    arguments = attach.arguments_of(["--rounds", "2", "--turn-s", "0.02"])
    found, work = attach.compare(0.002, num_ranks, arguments)
    assert len(found.pairs) == 2
    assert all(0.0005 < x < 0.5 for pair in found.pairs for x in pair)
    assert found.aim is None
    assert work.name.endswith("work of the attachment")


@pytest.mark.slow
def test_what_fails_is_said_with_the_end_of_its_output(tmp_path):
    arguments = agreement.arguments_of(["--batch-size", "7", "--steps", "1"])
    arguments.world_sizes = [0]
    with pytest.raises(RuntimeError, match="world_sizes"):
        agreement.sweep(SCRIPT, tmp_path, arguments)
