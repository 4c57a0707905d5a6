"""The network in a sweep's report, on its own, and the devices of a run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.resources import mfu_frac
from ray_bench.errors import AnalysisError
from ray_bench.report.cells import Cell
from ray_bench.report.format import show
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from ray_bench.report.network import network_report
from tests.network_samples import network_columns
from tests.synthetic import environment, synthetic


def table_of(report, key):
    (found,) = [table for s in report.sections for table in s.tables if table.key == key]
    return found


def keys_of(report):
    return {table.key for section in report.sections for table in section.tables}


def test_a_sweep_that_measured_its_network_has_a_section():
    results = synthetic((1, 2))
    assert not {"network_model", "network_times"} & keys_of(build_report(results))
    report = build_report(replace(results, network=network_columns((2,))))
    assert {"network_model", "network_times"} <= keys_of(report)
    assert len(table_of(report, "network_times").rows) == 10


def test_alpha_and_beta_are_shown_with_intervals():
    report = network_report("n", network_columns((2, 4)))
    values = json.loads(json_report(report))
    (model,) = [t for s in values["sections"] for t in s["tables"] if t["key"] == "network_model"]
    ring = model["rows"][-1]
    assert ring["world_size"]["value"] == "2, 4"
    assert ring["alpha"]["low"] < 2e-5 < ring["alpha"]["high"]
    assert ring["beta"]["low"] < 1e-9 < ring["beta"]["high"]
    assert ring["bandwidth"]["low"] < 1.0 < ring["bandwidth"]["high"]
    text = markdown_report(report)
    assert "64 MiB" in text
    assert "ns/B" in text
    assert "4 B" in text


def test_a_poor_model_and_a_missing_kind_of_link_are_said_in_words():
    columns = network_columns((2, 4), noise=0.01)
    slow = columns["num_bytes"] == 2**16
    bent = {**columns, "duration_s": columns["duration_s"] * np.where(slow, 5.0, 1.0)}
    text = markdown_report(network_report("n", bent))
    assert "% off within a node (64 KiB with" in text
    assert "nothing is known about links between nodes" in text
    good = markdown_report(network_report("n", columns))
    assert "% off" not in good


def test_links_within_and_between_nodes_are_apart():
    near, far = network_columns((2,)), network_columns((2,), num_nodes=2, alpha=1e-4)
    both = {name: np.concatenate([near[name], far[name]]) for name in near}
    report = network_report("n", both)
    links = [row[0].value for row in table_of(report, "network_model").rows]
    assert links == [
        "within a node",
        "within a node, all",
        "between nodes",
        "between nodes, all",
    ]
    assert "nothing is known" not in markdown_report(report)


def test_a_network_without_rows_is_an_error_with_a_remedy():
    with pytest.raises(AnalysisError, match="measure one with"):
        network_report("n", {})


GPU = {
    "flops_per_sample": 1e9,
    "device_peak_flops_per_s": 1e12,
    "gpu_util_frac": 0.9,
    "gpu_memory_util_frac": 0.4,
    "gpu_clock_mhz": 1410.0,
    "gpu_temperature_c": 71.0,
    "gpu_throttle_reasons": ("power cap",),
}


def test_devices_are_shown_where_something_is_known():
    assert "devices" not in keys_of(build_report(synthetic((1, 2))))
    report = build_report(synthetic((1, 2), **GPU))
    table = table_of(report, "devices").drawn
    shown = {
        column.key: str(show(cell))
        for column, cell in zip(table.columns, table.rows[0], strict=True)
    }
    assert shown["util"] == "90.0 %"
    assert shown["clock"] == "1410 MHz"
    assert shown["temperature"] == "71 C"
    assert shown["slowed"] == "power cap"
    assert shown["peak"] == "1.00 TFLOP/s"
    assert shown["flops"] == "1.00 GFLOP"
    assert shown["mfu"].endswith(" %")


def test_columns_of_which_nothing_is_known_are_not_drawn():
    report = build_report(synthetic((1, 2), flops_per_sample=1e9))
    table = table_of(report, "devices").drawn
    assert [column.key for column in table.columns] == ["world_size", "flops"]
    assert "MFU" not in " ".join(table.notes)


def test_mfu_is_work_over_what_all_devices_could_do():
    run = next(r for r in synthetic((4,), **GPU).runs)
    run = replace(run, throughput_samples_per_s=1000.0)
    assert mfu_frac(run) == pytest.approx(1000 * 1e9 / (4 * 1e12))
    assert mfu_frac(replace(run, flops_per_sample=None)) is None
    assert mfu_frac(replace(run, device_peak_flops_per_s=None)) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"niceness": 15}, "niceness (0 and 15)"),
        ({"cpu_governor": "powersave"}, "cpu governor (unknown and powersave)"),
    ],
)
def test_environments_that_change_speed_are_not_joined_and_the_report_says_why(changes, words):
    results = synthetic((1, 2))
    other = environment(**changes)
    runs = tuple(
        replace(r, environment_hash=other.environment_hash) if r.point.world_size == 2 else r
        for r in results.runs
    )
    both = {**results.environments, other.environment_hash: other}
    flags = build_report(replace(results, runs=runs, environments=both)).flags
    (flag,) = [flag for flag in flags if flag.key == "not_joined"]
    assert words in flag.text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(4, "bytes"), "4 B"),
        (Cell(2**16, "bytes"), "64 KiB"),
        (Cell(2**26, "bytes"), "64 MiB"),
        (Cell(1.5 * 2**10, "bytes", "measured"), "1.50 KiB"),
        (Cell(1.62e-5, "GB/s", "measured"), "16.2 kB/s"),
        (Cell(0.0275, "GB/s", "measured"), "27.5 MB/s"),
        (Cell(12.34, "GB/s", "measured"), "12.3 GB/s"),
        (Cell(8.5e-10, "s/byte", "measured"), "0.850 ns/B"),
        (Cell(61.2e6, "FLOP", "measured"), "61.2 MFLOP"),
    ],
)
def test_units_of_the_network_and_of_devices(cell, text):
    assert str(show(cell)) == text
