"""What is concluded: the answer, the findings, and their evidence."""

import re
from dataclasses import replace

import pytest

from ray_bench.report.model import build_report
from tests.report.reports import CASES, column, tables
from tests.synthetic import Sync, synthetic


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("strong", "Use 8 workers: 5.9"),
        ("one_size", "world_sizes=[1,2]"),
        ("nothing_within", "repeats=3"),
        ("oversubscribed", "No scaling claim"),
        ("all_failed", "no valid run finished"),
        ("invalid", "no valid run finished"),
        ("retrograde", "2 workers are slower"),
        ("no_throughput", "no run was long enough"),
    ],
)
def test_answer(case, words):
    assert words in build_report(synthetic(**CASES[case])).answer


def test_no_gain_is_said():
    report = build_report(synthetic((1, 2), step_s=lambda n, _: 0.1, noise=0.02))
    assert "Cannot tell 2 from 1 worker" in report.answer
    assert "contains 1" in report.answer


def test_start_up_that_eats_the_gain_is_said():
    results = synthetic((1, 2), noise=0.001, eval_s=0.0)
    runs = tuple(
        replace(r, train_s=10.0 / r.point.world_size, setup_s=6.0 + 6 * r.point.world_size)
        for r in results.runs
    )
    report = build_report(replace(results, runs=runs))
    assert "Counting start-up" in report.answer
    assert "Counting start-up" not in build_report(synthetic()).answer


def test_every_rule_has_its_accuracy_in_the_findings():
    words = " ".join(
        str(cell.value)
        for cell in column(build_report(synthetic(**CASES["rules"])), "findings", "finding")
    )
    assert all(f"rule {rule}" in words for rule in ("none", "linear", "sqrt"))


def test_a_law_that_does_not_fit_gives_no_serial_share_in_the_findings():
    found = column(build_report(synthetic(**CASES["superlinear"])), "findings", "finding")
    assert any("does not describe the measurements" in cell.value for cell in found)
    assert not any("serial share of" in cell.value for cell in found)


@pytest.mark.parametrize(("size", "next_sizes"), [(1, "[1,2]"), (2, "[1,2]"), (8, "[1,8]")])
def test_a_single_world_size_is_told_what_to_measure_next(size, next_sizes):
    answer = build_report(synthetic((size,))).answer
    assert (
        f"{size} is the only world size that was measured. Next: world_sizes={next_sizes}" in answer
    )


def test_a_straggler_is_named_in_answer_and_findings():
    report = build_report(synthetic((1, 2, 4), **CASES["straggler"]))
    assert "rank 1, slower in backward than the others, which wait (straggler)" in report.answer
    (row,) = [r for r in tables(report)["slow_ranks"].rows if r[0].value == 4]
    assert [cell.value for cell in row[1:3]] == [1, "backward"]
    worst = tables(report)["losses"].rows[0]
    assert [cell.value for cell in worst[:3]] == ["straggler", "backward", "1"]
    assert re.fullmatch(r"behind 7\.\d+ ms, skew wait 5\.\d+ ms", worst[5].value)
    (finding,) = [
        cell.value
        for cell in column(report, "findings", "finding")
        if str(cell.value).startswith("Limit")
    ]
    assert "Look for other jobs, lower clocks" in finding


def test_synchronisation_is_shown_in_its_parts():
    report = build_report(synthetic((1, 2, 4), **CASES["synchronised"]))
    assert [cell.value for cell in column(report, "sync", "world_size")] == [2, 4]
    for name in ("total", "exposed", "transfer", "hidden", "contention"):
        assert all(cell.value is not None for cell in column(report, "sync", name))
    assert all(c.low < c.value < c.high for c in column(report, "sync", "contention"))


def test_contention_that_is_not_seen_is_said():
    report = build_report(synthetic((1, 2, 4), sync=Sync(contention_s=-0.001)))
    assert any("not seen" in str(c.value) for c in column(report, "findings", "finding"))
