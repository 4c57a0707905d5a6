"""Pictures have the numbers of the tables, and there is none without data."""

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.report.charts.fields import FIELDS
from ray_bench.report.model import build_report
from ray_bench.report.network import network_report
from ray_bench.report.pictures.clock import frame
from ray_bench.report.pictures.ranks import MAX_RANKS
from ray_bench.report.pictures.scaling import FORECAST, IDEAL, MEASURED, NO_CLAIM
from ray_bench.report.sections.steps import phase_name
from tests.network_samples import network_columns
from tests.report.reports import CASES, report_of, tables
from tests.synthetic import synthetic

SOME = ("strong", "weak", "not_from_one", "ladder", "no_price", "rules", "oversubscribed", "golden")


def pictures(case):
    return {picture.key: picture for picture in report_of(case).pictures}


def cells(case, key, column, by=("world_size",)):
    """Cells of a column, by the values of other columns."""
    table = tables(report_of(case))[key]
    names = [x.key for x in table.columns]
    rows = (dict(zip(names, row, strict=True)) for row in table.rows)
    return {tuple(row[x].value for x in by): row[column] for row in rows}


def crossed(case, key, column):
    """Cells of a table that crosses names with world sizes, by size and name."""
    table = tables(report_of(case))[key]
    places = {x.key: i for i, x in enumerate(table.columns)}
    return {
        (int(name.removeprefix(f"{column}_")), row[0].value): row[i]
        for row in table.rows
        for name, i in places.items()
        if name.startswith(f"{column}_")
    }


def sizes_of(case, *, is_measured):
    sizes = report_of(case).screens[0].numbers.sizes
    return {x.world_size for x in sizes if x.is_measured is is_measured}


def check(rows, name, wanted, by=("world_size",)):
    """Rows have value, bounds and kind of the cells; every row has a cell."""
    assert rows
    for row in rows:
        cell = wanted[tuple(row[x] for x in by)]
        ours = (row[name], row.get(f"{name}_low"), row.get(f"{name}_high"), row["kind"])
        assert ours == (cell.value, cell.low, cell.high, cell.kind), (name, row)


def of(picture, *series):
    return [row for row in picture.rows if row["series"] in series]


@pytest.mark.parametrize("case", SOME)
def test_speedup_and_efficiency_are_those_of_the_tables(case):
    speedup, efficiency = (pictures(case)[x] for x in ("speedup", "efficiency"))
    points = (MEASURED, NO_CLAIM)
    check(of(speedup, *points), "speedup", cells(case, "numbers", "speedup"))
    check(of(efficiency, *points), "efficiency_frac", cells(case, "numbers", "efficiency"))
    base = min(sizes_of(case, is_measured=True))
    assert all(row["speedup"] == row["world_size"] / base for row in of(speedup, IDEAL))
    if case == "oversubscribed":
        assert not of(speedup, FORECAST)
        assert {x["world_size"] for x in of(speedup, NO_CLAIM)} == {2, 4, 8}
        return
    assert not of(speedup, NO_CLAIM)
    beyond = sizes_of(case, is_measured=False)
    for picture, name, key in (
        (speedup, "speedup", "speedup"),
        (efficiency, "efficiency_frac", "efficiency"),
    ):
        rows = [row for row in of(picture, FORECAST) if row["world_size"] in beyond]
        check(rows, name, cells(case, "numbers", key))
    law = [row for row in speedup.rows if str(row["series"]).endswith("'s law")]
    check(law, "speedup", cells(case, "amdahl_curve", "law"))


def test_the_band_of_the_forecast_widens():
    rows = of(pictures("strong")["speedup"], FORECAST)
    widths = [row["speedup_high"] / row["speedup_low"] for row in rows if row["world_size"] >= 8]
    assert len(widths) == 3  # 8 and two doublings: 64 workers are not known
    assert widths == sorted(widths)


@pytest.mark.parametrize("case", ["strong", "weak", "ladder", "golden"])
def test_the_serial_share_is_that_of_the_table(case):
    rows = of(pictures(case)["serial_share"], MEASURED)
    check(rows, "serial_frac", cells(case, "numbers", "serial_share"))


@pytest.mark.parametrize("case", ["strong", "weak", "no_price", "golden"])
def test_time_and_cost_are_those_of_the_decision(case):
    rows = pictures(case)["front"].rows
    check(rows, "time_s", cells(case, "numbers", "run_time"))
    assert sum(row["is_recommended"] for row in rows) == 1
    if case == "no_price":
        check(rows, "worker_s", cells(case, "numbers", "worker_time"))
    else:
        wanted = cells(case, "numbers", "cost")
        assert [row["cost"] for row in rows] == [wanted[row["world_size"],].value for row in rows]


def title(phase):
    """A phase of a picture as the table has it."""
    return phase_name(phase.replace(" ", "_"))


def test_phases_are_those_of_the_table_and_so_is_their_mean_over_ranks():
    stacked, ranks = (pictures("straggler")[x] for x in ("phases", "rank_times"))
    step = crossed("straggler", "phases", "step")
    assert stacked.rows
    for row in stacked.rows:
        cell = step[row["world_size"], title(row["phase"])]
        assert (row["step_s"], row["step_s_low"]) == (cell.value, cell.low)
    for phase in {row["phase"] for row in ranks.rows}:
        mine = [row["step_s"] for row in ranks.rows if row["phase"] == phase]
        size = ranks.rows[0]["world_size"]
        assert sum(mine) / len(mine) == pytest.approx(step[size, title(phase)].value, rel=1e-9)


def test_a_slow_rank_stands_out_and_is_named():
    picture = pictures("straggler")["rank_times"]
    worst = max(picture.rows, key=lambda row: row["behind_frac"] * (row["phase"] == "backward"))
    assert (worst["rank"], worst["phase"]) == (1, "backward")
    assert "Surely slower: rank 1." in picture.alt
    assert len({row["rank"] for row in picture.rows}) <= MAX_RANKS


@pytest.mark.parametrize("case", ["strong", "weak", "synchronised"])
def test_the_waterfall_adds_up_to_what_the_table_says(case):
    rows = pictures(case)["waterfall"].rows
    by = ("world_size", "step")
    points = crossed(case, "waterfall", "points")
    wanted = {(n, f"{name[0].lower()}{name[1:]}"): cell for (n, name), cell in points.items()}
    changes = [row for row in rows if "change_points" in row]
    check(changes, "change_points", wanted, by)
    check([rows[-1]], "efficiency_frac", wanted, by)
    assert math.isclose(1 + sum(x["change_points"] for x in changes), rows[-1]["efficiency_frac"])
    steps = [step for size, step in wanted if size == rows[0]["world_size"]]
    assert [row["step"] for row in rows] == ["ideal", *steps[: steps.index("measured") + 1]]
    for before, after in itertools.pairwise(rows[:-1]):
        assert after["from_frac"] == pytest.approx(before["efficiency_frac"])


@pytest.mark.parametrize("case", ["strong", "rules", "golden"])
def test_accuracies_are_those_of_the_table(case):
    has_rules = case == "rules"

    def place(row):
        epoch, rule = row["epoch"], row["lr_rule"]
        return row["world_size"], f"{epoch}, {rule}" if has_rules else str(epoch)

    table = crossed(case, "progress", "accuracy")
    for key in ("accuracy_time", "accuracy_epoch"):
        rows = {place(row): row for row in pictures(case)[key].rows}
        found = {x: cell for x, cell in table.items() if cell.value is not None}
        assert found.keys() <= rows.keys()
        assert all(rows[x]["val_accuracy_frac"] == cell.value for x, cell in found.items())
    times = crossed(case, "progress", "time")
    rows = {place(row): row for row in pictures(case)["accuracy_time"].rows}
    assert all(rows[x]["train_s"] == c.value for x, c in times.items() if c.value is not None)


def test_all_reduce_times_are_those_of_the_table():
    report = network_report("net", network_columns((2, 4)))
    (picture,) = report.pictures
    (table,) = (x for x in report.sections[0].tables if x.key == "network_times")
    wanted = {(row[1].value, row[2].value): row[3] for row in table.rows}
    check(of(picture, "measured"), "time_s", wanted, ("world_size", "num_bytes"))
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
    "no_accuracy": {"accuracy_time", "accuracy_epoch"},
    "nothing_within": {"front", "block_times"},
    "oversubscribed": {"front", "waterfall"},
    "no_throughput": {"speedup", "efficiency", "serial_share", "front"},
    "strong": {"all_reduce"},
}


@pytest.mark.parametrize("case", WITHOUT)
def test_there_is_no_picture_without_data(case):
    assert not WITHOUT[case] & pictures(case).keys()


def test_the_turns_of_a_ladder_are_no_training():
    assert not {"accuracy_time", "accuracy_epoch"} & pictures("ladder").keys()


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
