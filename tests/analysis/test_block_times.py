"""Blocks over the clock: when they ran, against the median of their world size."""

import numpy as np
import pytest

from ray_bench.analysis import block_times as module
from ray_bench.analysis.block_times import block_times
from ray_bench.analysis.columns import split_by_run
from tests.synthetic import synthetic


def with_starts(results, origin_s=0.0):
    """Give the made-up blocks the starts that they have when one follows the other."""
    tables = split_by_run(results.blocks)
    for table in tables.values():
        start = np.zeros(len(table["block"]))
        for rank in np.unique(table["rank"]):
            mine = table["rank"] == rank
            start[mine] = np.cumsum(table["duration_s"][mine]) - table["duration_s"][mine]
        table["start_s"] = start + origin_s
    return tables


def test_points_are_where_the_clock_was():
    results = synthetic((1, 2), repeats=2, noise=0.0, gap_s=100.0)
    found = block_times(results.runs, with_starts(results))
    assert len(found) == 4 * 25
    assert [x.clock_s for x in found] == sorted(x.clock_s for x in found)
    last = results.runs[-1]
    mine = [x for x in found if x.run_id == last.run_id]
    # Launched 300 s after the first, 7.5 s of start-up, then a warm-up block of two steps.
    step_s = last.step_time_s
    assert mine[0].clock_s == pytest.approx(307.5 + 3 * step_s, rel=0.02)
    assert mine[0].step_s == pytest.approx(step_s, rel=0.05)


def test_a_machine_that_slows_down_is_seen_against_its_own_world_size():
    results = synthetic((1, 2), repeats=4, noise=0.0, gap_s=60.0)
    tables = with_starts(results)
    for run in results.runs[4:6]:
        tables[run.run_id]["duration_s"] = tables[run.run_id]["duration_s"] * 1.2
    found = block_times(results.runs, tables)
    slow = [x.slower_frac for x in found if x.run_id == results.runs[4].run_id]
    usual = [x.slower_frac for x in found if x.run_id == results.runs[7].run_id]
    change = (1 + np.median(slow)) / (1 + np.median(usual))
    assert change == pytest.approx(1.2, rel=0.02)
    for size in (1, 2):
        assert np.median([x.slower_frac for x in found if x.world_size == size]) == pytest.approx(0)


def test_turns_of_a_ladder_are_not_counted_twice():
    results = synthetic((1, 2), repeats=2, ladder=True, gap_s=10.0, setup_s=0.0)
    late = block_times(results.runs, with_starts(results, origin_s=500.0))
    early = block_times(results.runs, with_starts(results))
    assert [x.clock_s for x in late] == pytest.approx([x.clock_s for x in early])


def test_many_blocks_are_joined_and_none_is_lost(monkeypatch):
    results = synthetic((1, 2), repeats=2)
    tables = with_starts(results)
    monkeypatch.setattr(module, "MAX_POINTS", 12)
    found = block_times(results.runs, tables)
    assert len(found) == 12
    assert sum(x.num_blocks for x in found) == 4 * 25
    run = results.runs[0]
    steady = ~tables[run.run_id]["is_warmup"]
    seconds = tables[run.run_id]["duration_s"][steady].sum()
    mine = [x for x in found if x.run_id == run.run_id]
    assert sum(x.step_s * 2 * x.num_blocks for x in mine) == pytest.approx(seconds)


def test_blocks_without_a_start_have_no_place_on_the_clock():
    results = synthetic((1, 2))
    tables = {
        run_id: {name: x for name, x in table.items() if name != "start_s"}
        for run_id, table in split_by_run(results.blocks).items()
    }
    assert block_times(results.runs, tables) == ()
    assert block_times(results.runs, {}) == ()
