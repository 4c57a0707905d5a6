import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis import observed
from ray_bench.analysis import study as study_module
from ray_bench.analysis.accuracy import convergence_epoch, difference
from ray_bench.analysis.decision.advice import Ask, Reason
from ray_bench.analysis.decision.aim import Aim
from ray_bench.analysis.groups import differences, groups_of
from ray_bench.analysis.phases import overhead, phase_gains
from ray_bench.analysis.predict import WORLD_SIZES
from ray_bench.analysis.resources import cost
from ray_bench.analysis.study import studies
from ray_bench.analysis.times import (
    run_time,
    run_time_with_setup,
    saving,
    total_s,
    with_setup_s,
)
from ray_bench.analysis.verdict import Bottleneck
from ray_bench.config.metric_target import accuracy_target
from tests.synthetic import synthetic


def only(**changes):
    (study,) = studies(synthetic(**changes))
    return study


def test_planted_speedup_is_found():
    study = only(noise=0.001)
    found = {row.world_size: row.speedup.value for row in study.rows}
    assert found[8] == pytest.approx(5.926, rel=0.005)
    assert study.law.serial_frac.value == pytest.approx(0.05, abs=0.002)
    assert study.law.serial_frac.contains(0.05)


def test_usual_world_sizes_are_predicted_as_far_as_the_points_tell():
    study = only()
    sizes = {x.world_size for x in study.predictions}
    unknown = {x.world_size for x in study.fit.forecast(WORLD_SIZES) if x.unknown}
    assert sizes == {1, *WORLD_SIZES} - unknown
    assert {16, 32} <= sizes
    assert {x.world_size for x in only(world_sizes=(1, 2)).predictions} == {1, 2, 4}
    bare = only(repeats=1, with_blocks=False)
    assert {x.world_size for x in bare.predictions} == {1, *WORLD_SIZES}
    assert all(x.speedup is None for x in bare.predictions)


def test_too_many_workers_for_the_batch_are_not_predicted():
    study = only(world_sizes=(1, 2, 4), batch=24, noise=0.001)
    by_size = {x.world_size: x for x in study.predictions}
    assert by_size[32].speedup is None
    assert not by_size[16].is_divisible
    assert by_size[16].speedup is not None


def test_weak_scaling_keeps_the_batch_per_worker():
    study = only(scaling="weak")
    assert {x.batch_per_worker for x in study.predictions} == {128}
    assert study.law.name == "Gustafson"
    assert study.rows[-1].efficiency_frac.value == pytest.approx(0.983, abs=0.01)


def test_wrapped_world_size_one_is_kept_apart():
    study = only(ddp_at_one=True)
    assert len(study.runs_at(1)) == 3
    assert study.ddp_at_one is not None
    assert not study.first_baseline.point.is_ddp


def test_phase_contributions_add_up():
    study = only()
    for split in study.phases[1:]:
        gains = phase_gains(split, study.phases[0])
        assert sum(g.contribution_frac for g in gains) == pytest.approx(1)
        assert next(g for g in gains if g.phase == "exposed_comm").contribution_frac < 0


def test_phases_of_a_step_add_up_to_its_time():
    study = only(noise=0)
    assert study.phases[-1].total_s == pytest.approx(study.first.step_time_s / 5.926, rel=0.001)
    assert not study.phases[-1].differs_from(study.phases[-1].total_s * 1.05)
    assert study.phases[-1].differs_from(study.phases[-1].total_s * 1.5)


def test_runs_that_differ_in_speed_are_not_joined():
    results = synthetic()
    bf16 = [replace(r, point=replace(r.point, precision="bf16")) for r in results.runs[:3]]
    found = groups_of(replace(results, runs=results.runs + tuple(bf16)))
    assert len(found) == 2
    assert differences(found) == ("precision",)


def test_seeds_and_rules_are_joined_for_speed_and_apart_for_accuracy():
    study = only(world_sizes=(1, 2), rules=("none", "linear"), seeds=(0, 1))
    assert len(study.runs_at(2)) == 12
    assert [(r.world_size, r.lr_rule, r.num_seeds) for r in study.accuracy] == [
        (1, "linear", 2),
        (1, "none", 2),
        (2, "linear", 2),
        (2, "none", 2),
    ]


def test_invalid_runs_are_left_out():
    study = only(flags=lambda n: ("clock_mismatch",) if n == 8 else ())
    assert study.group.world_sizes == (1, 2, 4)


def test_convergence_is_the_first_epoch_that_cannot_be_told_from_the_best():
    # One binomial standard error of 0.9 in 900 is 0.01.
    assert convergence_epoch(np.array([0.5, 0.88, 0.891, 0.9, 0.895]), 900) == 3
    assert convergence_epoch(np.array([np.nan, np.nan]), 900) is None


def test_accuracy_difference_of_single_runs_is_binomial():
    one, two = synthetic((1, 2), repeats=1).runs
    one = replace(one, final_val_accuracy_frac=0.5, num_val_samples=10_000)
    two = replace(two, final_val_accuracy_frac=0.5, num_val_samples=10_000)
    found = difference([two], [one])
    assert found.value == 0
    assert found.high == pytest.approx(1.96 * 0.005 * 2**0.5, rel=1e-3)


def by_steps():
    """The same steps at every world size in weak scaling: more workers see more data."""
    results = synthetic((1, 2), scaling="weak")
    runs = tuple(
        replace(r, num_epochs=float(r.point.world_size), train_s=100.0) for r in results.runs
    )
    (study,) = studies(replace(results, runs=runs))
    return study


def test_steps_instead_of_epochs_are_compared_for_the_same_data():
    study = by_steps()
    found = saving(study.times[1], study.times)
    assert found.ratio.value == pytest.approx(study.rows[1].speedup.value)


def test_start_up_is_added_to_the_time_for_the_same_data():
    study = by_steps()
    after = study.times[1]
    work = run_time(after, study.times).estimate
    whole = run_time_with_setup(after, study.times).estimate
    assert whole.value == pytest.approx(work.value + after.setup_s)
    assert whole.high / whole.low < work.high / work.low
    same_work = only()
    assert run_time_with_setup(same_work.times[1], same_work.times) is same_work.times[1].with_setup


def test_cost_follows_time_and_workers():
    row = only(noise=0).resources[1]
    seconds = row.time.estimate.value
    assert cost(row.worker_s, 1.5).value == pytest.approx(2 * seconds / 3600 * 1.5)
    assert cost(row.worker_s, None) is None


@pytest.mark.parametrize(
    ("changes", "recommended", "reason"),
    [
        ({}, 8, Reason.RIGHT),
        ({"world_sizes": (1,)}, None, Reason.ONE_WORLD_SIZE),
        ({"flags": lambda _: ("oversubscribed",)}, None, Reason.OVERSUBSCRIBED),
        ({"repeats": 1, "with_blocks": False}, None, Reason.NO_INTERVAL),
        ({"step_s": lambda n, _: 0.1, "noise": 0.02}, 1, Reason.RIGHT),
        ({"step_s": lambda n, _: 0.1 / n**0.4}, 1, Reason.RIGHT),
        ({"step_s": lambda n, _: {1: 0.1, 2: 0.1, 4: 0.04, 8: 0.03}[n]}, 4, Reason.RIGHT),
        ({"step_s": lambda n, _: {1: 0.1, 2: 0.1, 4: 0.04, 8: 0.015}[n]}, 8, Reason.RIGHT),
        ({"throughput_samples_per_s": None, "with_blocks": False}, None, Reason.NOTHING_MEASURED),
    ],
)
def test_recommendation(changes, recommended, reason):
    decision = only(**changes).decision
    assert (decision.recommended, decision.reason) == (recommended, reason)


def test_claims_come_from_world_sizes_that_fit_the_host():
    study = only(flags=lambda n: ("oversubscribed",) if n == 8 else ())
    assert study.decision.recommended == 4
    assert study.verdict.judged_at == 4


def test_bottleneck_is_the_phase_that_loses_most():
    study = only()
    assert study.verdict.bottleneck is Bottleneck.OPTIMIZER
    assert only(with_phases=False).verdict.bottleneck is Bottleneck.NO_PHASES
    assert only(step_s=lambda n, _: 0.1 / n).verdict.bottleneck is Bottleneck.NONE


def test_added_overhead_is_what_ideal_scaling_does_not_explain():
    study = only(noise=0)
    found = overhead(study.phases[-1], study.phases[0])
    step = study.phases[-1].step_s
    before = study.phases[0].step_s
    assert found.sync_s * 128 == pytest.approx(step["exposed_comm"])
    assert found.coordination_s * 128 == pytest.approx(step["other"] - before["other"] / 8)


def test_phases_have_an_interval_over_runs():
    step = only(noise=0.02).phases[-1].step["forward"]
    assert step.low < step.value < step.high
    assert only(repeats=1).phases[-1].step["forward"].low is None


def test_energy_is_compared_for_the_same_data():
    results = synthetic((1, 2), scaling="weak", energy_j=600.0)
    runs = tuple(replace(r, num_epochs=float(r.point.world_size)) for r in results.runs)
    (study,) = studies(replace(results, runs=runs))
    assert [row.energy_j for row in study.resources] == pytest.approx([600, 300])
    assert study.resources[1].energy_ratio == pytest.approx(0.5)


def test_energy_without_epochs_is_compared_for_the_same_samples():
    results = synthetic((1, 2), scaling="weak", energy_j=600.0)
    runs = tuple(replace(r, num_epochs=None, num_steps=100) for r in results.runs)
    (study,) = studies(replace(results, runs=runs))
    assert [row.energy_j for row in study.resources] == pytest.approx([600, 300])
    unknown = tuple(replace(r, num_steps=None) for r in runs)
    (study,) = studies(replace(results, runs=unknown))
    assert [row.energy_j for row in study.resources] == [None, None]


def test_analysis_runs_without_torch_ray_and_pyarrow():
    code = (
        "import sys\n"
        "for name in ('torch', 'ray', 'pyarrow', 'rich', 'pydantic'): sys.modules[name] = None\n"
        "import ray_bench.analysis.study\n"
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_compilation_is_part_of_start_up():
    run = replace(studies(synthetic((1,)))[0].first, setup_s=5.0, compile_s=60.0)
    assert run.startup_s == 65.0
    assert with_setup_s(run) == pytest.approx(65.0 + total_s(run))
    assert replace(run, compile_s=None).startup_s == 5.0
    assert replace(run, setup_s=None).startup_s is None


def forbid(monkeypatch, module, *names):
    def refuse(*_, **__):
        raise AssertionError("this was not asked for")

    for name in names:
        monkeypatch.setattr(module, name, refuse)


def test_speedups_need_no_law_and_no_decision(monkeypatch):
    forbid(monkeypatch, study_module, "fit_curve", "serial_law", "predictions", "decide")
    forbid(monkeypatch, observed, "phase_splits", "waterfalls", "anomalies", "time_rows", "judge")
    study = only()
    assert [row.world_size for row in study.rows] == [1, 2, 4, 8]
    with pytest.raises(AssertionError, match="not asked"):
        _ = study.decision


AIMS = (Aim("fastest"), Aim("cheapest"), Aim("deadline", 60.0), Aim("efficiency", 0.9))


def test_another_wish_fits_no_law_again(monkeypatch):
    results = synthetic(noise=0.01)
    asks = [Ask(aim=aim) for aim in AIMS] + [Ask(max_workers=6), Ask(epochs=3.0)]
    asks.append(Ask(target=accuracy_target(0.5)))
    fresh = [studies(results, ask)[0].decision for ask in asks]
    (study,) = studies(results)
    before = study.decision
    forbid(monkeypatch, study_module, "fit_curve")
    forbid(monkeypatch, observed, "curve_of", "time_rows", "resource_rows")
    assert [study.decide(ask) for ask in asks] == fresh
    assert study.decide(study.ask) == before
    assert len({x.recommended for x in fresh}) > 1


def test_what_was_measured_is_found_by_world_size():
    study = only(flags=lambda size: ("oversubscribed",) if size == 8 else ())
    for at in map(study.size, (1, 2, 4, 8)):
        n = at.world_size
        assert [at.row] == [x for x in study.rows if x.world_size == n]
        assert [at.time] == [x for x in study.times if x.world_size == n]
        assert [at.resources] == [x for x in study.resources if x.world_size == n]
        assert [at.phases] == [x for x in study.phases if x.world_size == n]
        assert at.runs == study.runs_at(n) != ()
        assert at.is_clean == (n != 8)
    nothing = study.size(3)
    assert (nothing.row, nothing.time, nothing.resources, nothing.phases) == (None,) * 4
    assert (nothing.sync, nothing.batch, nothing.runs, nothing.is_clean) == (None, None, (), False)
    assert study.clean_sizes == (1, 2, 4)
