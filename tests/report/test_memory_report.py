"""Peak memory in the report: measured, predicted, and whether it fits."""

from __future__ import annotations

import pytest

from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from tests.synthetic import synthetic

GIB = 2**30


def report_of(**values):
    report = build_report(synthetic(**values))
    found = [t for s in report.sections for t in s.tables if t.key == "memory"]
    return found[0] if found else None, markdown_report(report)


def rows_of(table):
    keys = [column.key for column in table.columns]
    return {row[0].value: dict(zip(keys, row, strict=True)) for row in table.rows}


def test_sizes_that_do_not_fit_are_marked():
    table, text = report_of(world_sizes=(4, 8), peak_memory_bytes=2 * GIB)
    remarks = {size: row["remark"].value for size, row in rows_of(table).items()}
    assert remarks[4] is None  # it ran
    assert remarks[1] == "fits"
    assert remarks[64] == "does not fit"  # 64 GiB of the host among 64 workers
    assert "Two batches do not test the line." in text


def test_one_batch_is_said_and_not_extrapolated():
    table, text = report_of(world_sizes=(2,), repeats=1)
    assert all(row["predicted"].value is None for row in rows_of(table).values())
    assert "not known from one batch per worker (64)" in text


@pytest.mark.parametrize("device", ["NVIDIA A100-SXM4-40GB", "Tesla T4"])
def test_gpus_have_a_capacity_where_their_name_tells(device):
    table, text = report_of(world_sizes=(2, 4), device=device)
    known = {row["capacity"].value for row in rows_of(table).values()}
    assert known == ({40 * GIB} if "40GB" in device else {None})
    assert ("as the name of the GPU says" in text) is ("40GB" in device)


def test_without_peaks_there_is_no_table():
    assert report_of(peak_memory_bytes=None)[0] is None
