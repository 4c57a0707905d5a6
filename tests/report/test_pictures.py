"""Pictures have the numbers of the tables, and there is none without data."""

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.report.model import build_report
from ray_bench.report.network import network_report
from ray_bench.report.picture_fields import FIELDS
from ray_bench.report.pictures.clock import frame
from ray_bench.report.pictures.ranks import MAX_RANKS
from ray_bench.report.pictures.scaling import FORECAST, IDEAL, MEASURED, NO_CLAIM
from tests.network_samples import network_columns
from tests.report.reports import CASES, report_of, tables
from tests.synthetic import synthetic

SOME = ("strong", "weak", "not_from_one", "ladder", "no_price", "rules", "oversubscribed", "golden")


def pictures(case):
    return {picture.key: picture for picture in report_of(case).pictures}


def quantity(case, key):
    """Cells of a quantity of the first screen by world size."""
    numbers = report_of(case).screens[0].numbers
    (found,) = (x for x in numbers.quantities if x.key == key)
    return {x.world_size: cell for x, cell in zip(numbers.sizes, found.cells, strict=True)}


def crossed(case, key, name):
    """Cells of a table that crosses something with world sizes, by what and world size."""
    table = tables(report_of(case))[key]
    names = [x.key for x in table.columns]
    return {
        (str(row[0].value), int(column.rpartition("_")[2])): cell
        for row in table.rows
        for column, cell in zip(names, row, strict=True)
        if column.rpartition("_")[0] == name
    }


def check(rows, name, wanted):
    """Rows have value and bounds of the cells of their world size; every row has a cell."""
    assert rows
    for row in rows:
        cell = wanted[row["world_size"]]
        ours = (row[name], row.get(f"{name}_low"), row.get(f"{name}_high"))
        for mine, theirs in zip(ours, (cell.value, cell.low, cell.high), strict=True):
            assert mine == (None if theirs is None else pytest.approx(theirs, rel=1e-9)), name


def of(picture, *series):
    return [row for row in picture.rows if row["series"] in series]


@pytest.mark.parametrize("case", SOME)
def test_speedup_and_efficiency_are_those_of_the_numbers(case):
    speedup, efficiency = (pictures(case)[x] for x in ("speedup", "efficiency"))
    points = (MEASURED, NO_CLAIM)
    check(of(speedup, *points), "speedup", quantity(case, "speedup"))
    check(of(efficiency, *points), "efficiency_frac", quantity(case, "efficiency"))
    base = min(row["world_size"] for row in of(speedup, *points))
    assert all(row["speedup"] == row["world_size"] / base for row in of(speedup, IDEAL))
    if case == "oversubscribed":
        assert not of(speedup, FORECAST)
        assert {x["world_size"] for x in of(speedup, NO_CLAIM)} == {2, 4, 8}
        return
    assert not of(speedup, NO_CLAIM)
    measured = {row["world_size"] for row in of(speedup, MEASURED)}
    for picture, name, key in (
        (speedup, "speedup", "speedup"),
        (efficiency, "efficiency_frac", "efficiency"),
    ):
        beyond = [x for x in of(picture, FORECAST) if x["world_size"] not in measured]
        check(beyond, name, quantity(case, key))


def test_the_band_of_the_forecast_widens():
    rows = of(pictures("strong")["speedup"], FORECAST)
    widths = [row["speedup_high"] / row["speedup_low"] for row in rows if row["world_size"] >= 8]
    assert len(widths) == 3  # 8 and two doublings: 64 workers are not known
    assert widths == sorted(widths)


@pytest.mark.parametrize("case", ["strong", "weak", "ladder", "golden"])
def test_the_serial_share_is_that_of_the_table(case):
    rows = of(pictures(case)["serial_share"], MEASURED)
    check(rows, "serial_frac", quantity(case, "serial_share"))


@pytest.mark.parametrize("case", ["strong", "weak", "no_price", "golden"])
def test_time_and_cost_are_those_of_the_numbers(case):
    rows = pictures(case)["front"].rows
    check(rows, "time_s", quantity(case, "run_time"))
    assert sum(row["is_recommended"] for row in rows) == 1
    if case == "no_price":
        check(rows, "worker_s", quantity(case, "worker_time"))
    else:
        check(rows, "cost", quantity(case, "cost"))


def test_phases_are_those_of_the_table_and_so_is_their_mean_over_ranks():
    stacked, ranks = (pictures("straggler")[x] for x in ("phases", "rank_times"))
    known = sorted(x.value for x in crossed("straggler", "phases", "step").values() if x.value)
    for row in stacked.rows:
        assert not row["step_s"] or any(row["step_s"] == pytest.approx(x) for x in known)
    size = ranks.rows[0]["world_size"]
    of_size = {row["phase"]: row["step_s"] for row in stacked.rows if row["world_size"] == size}
    for phase in {row["phase"] for row in ranks.rows}:
        mine = [row["step_s"] for row in ranks.rows if row["phase"] == phase]
        assert sum(mine) / len(mine) == pytest.approx(of_size[phase], rel=1e-9)


def test_a_slow_rank_stands_out_and_is_named():
    picture = pictures("straggler")["rank_times"]
    worst = max(picture.rows, key=lambda row: row["behind_frac"] * (row["phase"] == "backward"))
    assert (worst["rank"], worst["phase"]) == (1, "backward")
    assert "Surely slower: rank 1." in picture.alt
    assert len({row["rank"] for row in picture.rows}) <= MAX_RANKS


@pytest.mark.parametrize("case", ["strong", "weak", "synchronised"])
def test_the_waterfall_adds_up_to_what_the_table_says(case):
    rows = pictures(case)["waterfall"].rows
    size = rows[0]["world_size"]
    wanted = {name: x for (name, n), x in crossed(case, "waterfall", "points").items() if n == size}
    changes = [row for row in rows if "change_points" in row]
    steps = list(wanted)[: len(changes)]
    for row, name in zip(changes, steps, strict=True):
        assert row["step"].partition(" (")[0].lower() == name.lower()
        ends = (row["change_points"], row["change_points_low"], row["change_points_high"])
        assert ends == (wanted[name].value, wanted[name].low, wanted[name].high)
    assert rows[-1]["efficiency_frac"] == wanted["Measured"].value
    assert math.isclose(1 + sum(x["change_points"] for x in changes), rows[-1]["efficiency_frac"])
    for before, after in itertools.pairwise(rows[:-1]):
        assert after["from_frac"] == pytest.approx(before["efficiency_frac"])


@pytest.mark.parametrize("case", ["strong", "golden"])
def test_accuracies_are_those_of_the_tables(case):
    progress = crossed(case, "progress", "accuracy")
    times = crossed(case, "progress", "time")
    for key in ("accuracy_time", "accuracy_kept"):
        rows = [x for x in pictures(case)[key].rows if x.get("epoch") is not None]
        found = {(str(x["epoch"]), x["world_size"]): x for x in rows}
        assert progress.keys() <= found.keys()
        assert all(found[x]["val_accuracy_frac"] == cell.value for x, cell in progress.items())
        if key == "accuracy_time":
            assert all(found[x]["train_s"] == cell.value for x, cell in times.items())
    accuracy = tables(report_of(case))["accuracy"]
    against = {row[0].value: row[-1] for row in accuracy.rows}
    rows = [x for x in pictures(case)["accuracy_kept"].rows if "change_points" in x]
    check(rows, "change_points", against)


def test_all_reduce_times_are_those_of_the_table():
    report = network_report("net", network_columns((2, 4)))
    (picture,) = report.pictures
    (table,) = (x for x in report.sections[0].tables if x.key == "network_times")
    wanted = {(row[1].value, row[2].value): row[3] for row in table.rows}
    for row in of(picture, "measured"):
        cell = wanted[row["world_size"], row["num_bytes"]]
        ends = (row["time_s"], row["time_s_low"], row["time_s_high"])
        assert ends == (cell.value, cell.low, cell.high)
    assert len(of(picture, "measured")) == len(wanted)
    (models,) = (x for x in report.sections[0].tables if x.key == "network_model")
    fixed, slope = (models.rows[0][i].value for i in (3, 4))
    lines = [row for row in of(picture, "fitted line") if row["world_size"] == 2]
    assert all(row["time_s"] == fixed + slope * row["num_bytes"] for row in lines)


@pytest.mark.parametrize("case", CASES)
def test_every_picture_has_words_fields_and_a_section(case):
    report = report_of(case)
    keys = [picture.key for picture in report.pictures]
    assert len(keys) == len(set(keys))
    for picture in report.pictures:
        assert picture.section in {section.key for section in report.sections}
        assert picture.rows
        assert any(ch.isdigit() for ch in picture.alt)
        assert picture.alt.endswith((".", ")."))
        for row in picture.rows:
            names = {name.removesuffix("_low").removesuffix("_high") for name in row}
            assert names <= FIELDS.keys()
            numbers = [x for x in row.values() if isinstance(x, float)]
            assert all(math.isfinite(x) for x in numbers)


WITHOUT = {
    "all_failed": {"speedup", "phases", "accuracy_time", "front", "block_times"},
    "one_size": {"speedup", "efficiency", "serial_share", "front", "waterfall", "rank_times"},
    "two_sizes": {"serial_share"},
    "no_phases": {"phases", "waterfall", "rank_times"},
    "no_accuracy": {"accuracy_time", "accuracy_kept"},
    "nothing_within": {"front", "block_times"},
    "oversubscribed": {"front", "waterfall"},
    "no_throughput": {"speedup", "efficiency", "serial_share", "front"},
    "strong": {"all_reduce"},
}


@pytest.mark.parametrize("case", WITHOUT)
def test_there_is_no_picture_without_data(case):
    assert not WITHOUT[case] & pictures(case).keys()


def test_the_turns_of_a_ladder_are_no_training():
    assert not {"accuracy_time", "accuracy_kept"} & pictures("ladder").keys()


@pytest.mark.parametrize(
    ("changes", "factor", "words"),
    [
        ({"repeats": 1}, 1.0, None),
        ({"gap_s": 0.0}, 1.0, None),  # all at once
        ({}, 1.0, "No drift is seen."),
        ({}, 0.98, r"Drift: -1\d(\.\d)? % in throughput."),
    ],
    ids=["no repeats", "no clock", "none", "slower"],
)
def test_a_drift_is_denied_only_where_it_was_looked_for(changes, factor, words):
    results = synthetic((1, 2), **{"repeats": 6, "gap_s": 60.0, "noise": 0.001, **changes})
    runs = tuple(
        replace(run, throughput_samples_per_s=run.throughput_samples_per_s * factor**run.repeat)
        for run in results.runs
    )
    blocks = {**results.blocks, "start_s": np.arange(len(results.blocks["run_id"]), dtype=float)}
    report = build_report(replace(results, runs=runs, blocks=blocks))
    (alt,) = (picture.alt for picture in report.pictures if picture.key == "block_times")
    if words is None:
        assert "rift" not in alt
        assert alt.endswith("median of their world size.")
    else:
        assert re.search(rf"world size\. {words}$", alt)


def test_single_slow_blocks_do_not_hide_a_drift():
    usual = [0.01 * x for x in range(-5, 6)] * 20
    low, high = frame([*usual, 8.0])
    assert -0.2 < low < -0.05
    assert 0.05 < high < 0.2
    assert frame([0.0, 0.0, 0.001]) == [-0.02, 0.02]
