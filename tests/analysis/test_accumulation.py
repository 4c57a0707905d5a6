"""Micro-batches in the analysis: what is joined, what is said, and what a forecast may not use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.analysis.comparison import Allow, compare
from ray_bench.analysis.groups import groups_of
from ray_bench.analysis.replay.profile import step_profile
from ray_bench.analysis.study import studies
from ray_bench.errors import AnalysisError, IncompatibleRunsError
from ray_bench.records import Results
from ray_bench.report.model import build_report
from tests.planted import planted
from tests.synthetic import Sync, synthetic


def cut(results: Results, **by) -> Results:
    """The same runs, with other micro-batches: `counts` by world size, or one for all."""
    counts, most = by.get("counts"), by.get("most")
    runs = tuple(
        replace(
            run,
            point=replace(
                run.point,
                accumulate_steps=counts[run.point.world_size] if most else by["count"],
                max_local_batch_size=most,
            ),
        )
        for run in results.runs
    )
    return replace(results, runs=runs)


DESIGN = {"most": 32, "counts": {1: 4, 2: 2, 4: None}}


def by_design() -> Results:
    return cut(synthetic((1, 2, 4)), **DESIGN)


def test_other_micro_batches_are_another_curve():
    base = synthetic((1, 2))
    other = cut(base, count=4)
    runs = tuple(replace(run, run_id=f"{run.run_id}-4") for run in other.runs)
    both = replace(base, runs=(*base.runs, *runs))
    assert [g.key["accumulate_steps"] for g in groups_of(both)] == ["1", "4"]
    report = build_report(both)
    (words,) = [flag.text for flag in report.flags if flag.key == "settings_varied"]
    assert "accumulate steps (1 and 4)" in words


def test_micro_batches_that_a_limit_decides_are_one_curve_and_it_is_said():
    (group,) = groups_of(by_design())
    assert group.world_sizes == (1, 2, 4)
    report = build_report(by_design())
    (words,) = [flag.text for flag in report.flags if flag.key == "accumulated"]
    assert "4 with 1 worker, 2 with 2 workers, 1 with 4 workers" in words
    assert "Beyond 4 workers micro-batches have fewer than 32 samples" in words


def test_a_forecast_that_the_design_does_not_carry_is_marked():
    report = build_report(by_design())
    section = next(x for x in report.sections if x.key == "predictions")
    (words,) = [x for x in section.paragraphs if "micro" in x]
    assert words.startswith("8, 16, 32 workers: ")  # of 64 the points tell nothing


def test_a_fixed_number_is_said_and_marks_no_forecast():
    report = build_report(cut(synthetic((1, 2, 4)), count=4))
    (words,) = [flag.text for flag in report.flags if flag.key == "accumulated"]
    assert "in 4 micro-batches (accumulate_steps=4)" in words
    assert "Beyond" not in words
    assert not [flag for flag in build_report(synthetic()).flags if flag.key == "accumulated"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"count": 2}, "accumulate_steps ('1' and '2')"),
        ({"most": 32, "counts": {1: 4, 2: 2, 4: None, 8: None}}, "at most 32 samples at once"),
    ],
)
def test_sweeps_with_other_micro_batches_are_not_compared_without_a_word(values, words):
    base, new = planted(1), planted(2)
    with pytest.raises(IncompatibleRunsError) as caught:
        compare(base, cut(new, **values))
    assert words in str(caught.value)
    assert "--allow settings" in str(caught.value)
    assert compare(base, cut(new, **values), allow=[Allow.SETTINGS]).gated


def test_clipping_is_a_difference_too():
    new = planted(2)
    runs = tuple(replace(r, point=replace(r.point, clip_grad_norm=1.0)) for r in new.runs)
    with pytest.raises(IncompatibleRunsError, match="clip_grad_norm"):
        compare(planted(1), replace(new, runs=runs))


def profile_of(results: Results):
    return step_profile(results, studies(results)[0])


def test_the_replay_hides_communication_behind_the_last_micro_batch_alone():
    whole = synthetic((1, 2), ddp_at_one=True, sync=Sync())
    plain, quarter = profile_of(whole), profile_of(cut(whole, count=4))
    assert quarter.backward_s == pytest.approx(plain.backward_s / 4)
    before_s = plain.before_s + plain.backward_s * 3 / 4
    assert quarter.before_s == pytest.approx(before_s)


def test_the_replay_refuses_what_it_does_not_know():
    with pytest.raises(AnalysisError, match=r"max_local_batch_size=32.*fixed accumulate_steps"):
        profile_of(by_design())
