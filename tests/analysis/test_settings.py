"""What a setting is worth: the ratio at the same world size, of groups equal in all else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.groups import groups_of
from ray_bench.analysis.per_run import per_run
from ray_bench.analysis.settings import setting_rows
from ray_bench.analysis.study import studies
from ray_bench.records import Results
from ray_bench.report.model import build_report
from tests.synthetic import synthetic


def with_settings(results: Results, name: str, gain: float, **settings) -> Results:
    """The same runs again with other settings, so many times as fast."""
    runs = [
        replace(
            run,
            run_id=f"{run.run_id}-{name}",
            point=replace(run.point, **settings),
            throughput_samples_per_s=run.throughput_samples_per_s * gain,
        )
        for run in results.runs
    ]
    return replace(results, runs=(*results.runs, *runs))


def rows_of(results: Results):
    return setting_rows([(study.group, study.curve) for study in studies(results)])


def bare(**values) -> Results:
    return synthetic((1, 2), with_blocks=False, with_phases=False, with_accuracy=False, **values)


def test_the_worth_of_a_setting_is_the_ratio_at_the_same_world_size():
    rows = rows_of(with_settings(bare(), "bf16", 1.9, precision="bf16"))
    assert [(r.setting, r.value, r.reference, r.world_size) for r in rows] == [
        ("precision", "bf16", "fp32", 1),
        ("precision", "bf16", "fp32", 2),
    ]
    for row in rows:
        assert row.ratio.value == pytest.approx(1.9)
        assert row.ratio.contains(1.9)
        assert row.is_clear


def test_rounds_of_a_ladder_are_compared_pair_by_pair():
    """Noise that both share falls out: the interval is far narrower than that of the means."""
    rows = rows_of(
        with_settings(bare(ladder=True, repeats=6, noise=0.1), "b", 1.2, compile="default")
    )
    for row in rows:
        assert row.ratio.value == pytest.approx(1.2)
        assert row.ratio.high - row.ratio.low < 1e-6


def test_no_gain_is_within_noise():
    rng = np.random.default_rng(3)
    results = with_settings(bare(repeats=6, noise=0.05), "same", 1.0, precision="bf16")
    runs = [
        replace(r, throughput_samples_per_s=r.throughput_samples_per_s * rng.lognormal(0, 0.02))
        for r in results.runs
    ]
    assert not any(row.is_clear for row in rows_of(replace(results, runs=tuple(runs))))


def test_only_groups_that_differ_in_one_setting_are_compared():
    both = with_settings(bare(), "bf16", 2.0, precision="bf16")
    four = with_settings(both, "last", 1.5, memory_format="channels_last")
    found = {(r.setting, r.value, r.others, r.world_size): r.ratio.value for r in rows_of(four)}
    assert len(found) == 8  # 2 settings x 2 values of the other x 2 world sizes
    for (setting, *_), ratio in found.items():
        assert ratio == pytest.approx({"precision": 2.0, "memory_format": 1.5}[setting])


def in_ddp(results: Results, **settings) -> Results:
    """Points as the grid makes them: without DDP there is neither cap nor compression."""
    runs = tuple(
        replace(r, point=replace(r.point, **(settings if r.point.is_ddp else {})))
        for r in results.runs
    )
    return replace(results, runs=runs)


def with_halved(results: Results) -> Results:
    """The runs in DDP again, 1.3 times as fast with half the bytes."""
    results = in_ddp(results, bucket_cap="25", compression="none")
    wrapped = replace(results, runs=tuple(r for r in results.runs if r.point.is_ddp))
    halved = with_settings(wrapped, "halved", 1.3, compression="bf16").runs[len(wrapped.runs) :]
    return replace(results, runs=(*results.runs, *halved))


def test_plain_runs_are_the_baseline_of_every_group_that_differs_in_ddp_alone():
    both = with_halved(bare())
    assert [group.world_sizes for group in groups_of(both)] == [(1, 2), (1, 2)]
    (row,) = rows_of(both)
    assert (row.setting, row.value, row.world_size) == ("compression", "bf16", 2)
    assert row.ratio.value == pytest.approx(1.3)


def test_a_baseline_that_curves_share_is_on_the_first_of_them():
    both = with_halved(bare())
    found = studies(both)
    assert [study.group.key["compression"] for study in found] == ["none", "bf16"]
    curves = {
        (run.point.is_ddp, run.point.compression): row.curve
        for run, row in zip(both.runs, per_run(both, found), strict=True)
    }
    assert curves == {(False, None): 1, (True, "none"): 1, (True, "bf16"): 2}


def test_the_report_has_a_table_of_settings_where_some_were_varied():
    varied = build_report(with_settings(bare(), "bf16", 1.9, precision="bf16"))
    (section,) = [section for section in varied.sections if section.key == "settings"]
    (table,) = section.tables
    assert [row[0].value for row in table.rows] == ["precision"] * 2
    assert any(flag.key == "settings_varied" for flag in varied.flags)
    assert not any(section.key == "settings" for section in build_report(bare()).sections)
