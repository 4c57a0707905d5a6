"""Batches that are the workload's own, and tokens, in the report: as counted, or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.analysis.batches import batch_rows, step_samples, token_rows
from ray_bench.report.json_report import json_report
from ray_bench.report.model import build_report
from tests.report.reports import CASES, column, tables
from tests.synthetic import synthetic


def counted(mean=25.0, least=4, most=64, tokens_per_sample=None):
    """The made-up strong scaling, of which the batches were counted."""
    results = synthetic(**CASES["strong"])
    runs = tuple(
        replace(
            run,
            mean_local_samples=mean,
            least_local_samples=least,
            most_local_samples=most,
            throughput_tokens_per_s=None
            if tokens_per_sample is None
            else tokens_per_sample * run.throughput_samples_per_s,
        )
        for run in results.runs
    )
    return replace(results, runs=runs)


def measured(report, key):
    """A quantity at the sizes that were measured."""
    basis = column(report, "numbers", "basis")
    pairs = zip(basis, column(report, "numbers", key), strict=True)
    return [cell for where, cell in pairs if where.value == "measured"]


def words_of(report):
    return " ".join(report.screens[0].context)


def test_the_counted_batch_is_shown_and_not_the_one_that_was_asked_for():
    report = build_report(counted())
    assert "mean 25 samples per step per worker, from 4 to 64" in words_of(report)
    assert {cell.value for cell in measured(report, "batch")} == {25.0}
    rows = tables(report)["batches"].rows
    asked = [row[1].value for row in rows]
    assert asked == sorted(asked, reverse=True)
    assert {tuple(cell.value for cell in row[2:]) for row in rows} == {(25.0, 4, 64)}


def test_a_step_is_as_long_as_its_own_samples_take():
    runs = counted().runs
    (run, *_) = [run for run in runs if run.point.world_size == 2]
    assert step_samples([run]) == 50.0
    assert step_samples([run, replace(run, mean_local_samples=27.0)]) == 52.0


@pytest.mark.parametrize("mean", [None, 7.9])
def test_batches_as_asked_for_are_not_spoken_of(mean):
    """The last batch of an epoch is smaller, and in the mean: no reason for a table."""
    results = synthetic(**CASES["strong"])
    sizes = {run.run_id: run.point.local_batch_size for run in results.runs}
    runs = tuple(
        replace(
            run,
            mean_local_samples=mean,
            least_local_samples=None if mean is None else sizes[run.run_id],
            most_local_samples=None if mean is None else sizes[run.run_id],
        )
        for run in results.runs
    )
    report = build_report(replace(results, runs=runs))
    assert "samples per step in all" in words_of(report)
    assert "batches" not in tables(report)
    assert batch_rows(runs) == ()


def test_tokens_have_a_table_where_they_are_counted():
    report = build_report(counted(tokens_per_sample=20.0))
    rows = tables(report)["tokens"].rows
    speeds = measured(report, "throughput")
    for row, samples in zip(rows, speeds, strict=True):
        assert row[1].value == pytest.approx(20 * samples.value, rel=1e-6)
        assert row[1].low < row[1].value < row[1].high
        assert (row[2].value, row[3].value) == (pytest.approx(20), pytest.approx(500))
    assert '"unit": "tokens/s"' in json_report(report)
    assert "tokens" not in tables(build_report(counted()))


def test_runs_that_do_not_tell_are_left_out_of_the_tokens():
    runs = counted(tokens_per_sample=20.0).runs
    silent = [replace(run, throughput_tokens_per_s=None) for run in runs]
    assert token_rows(silent) == ()
    mixed = [runs[0], *silent[1:]]
    assert [row.world_size for row in token_rows(mixed)] == [runs[0].point.world_size]
