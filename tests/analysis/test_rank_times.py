"""Times by rank and phase: a planted slow rank stands out by what was planted."""

import numpy as np
import pytest

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.rank_times import rank_times
from tests.synthetic import synthetic


def with_slow_rank(size, batch):
    ranks = [{"forward": 0.03, "backward": 0.06, "skew_wait": 0.01} for _ in range(size)]
    if size > 1:
        ranks[1] = {"forward": 0.03, "backward": 0.07, "skew_wait": 0.0}
    return ranks


def found(**changes):
    results = synthetic((1, 4), ranks_s=with_slow_rank, noise=0.0, **changes)
    return rank_times(results.runs, split_by_run(results.phases)), results


def test_a_slow_rank_is_behind_by_what_was_planted():
    times, _ = found()
    assert list(times) == [4]
    assert len(times[4]) == 4 * 3
    behind = {(x.rank, x.phase): x.behind_frac for x in times[4]}
    assert behind[1, "backward"] == pytest.approx(0.1, rel=0.02)
    assert behind[1, "skew_wait"] == pytest.approx(-0.1, rel=0.02)
    assert abs(behind[0, "backward"]) < 0.001


def test_the_mean_over_ranks_is_the_time_of_the_phase():
    times, results = found()
    table = split_by_run(results.phases)
    runs = [run.run_id for run in results.runs if run.point.world_size == 4]
    for name in ("forward", "backward"):
        means = [table[x]["duration_s"][table[x]["phase"] == name].sum() / (4 * 5) for x in runs]
        ours = np.mean([x.step_s for x in times[4] if x.phase == name])
        assert ours == pytest.approx(np.mean(means))


def test_a_run_that_lacks_a_rank_is_left_out():
    _, results = found(repeats=1)
    tables = split_by_run(results.phases)
    (run,) = (x for x in results.runs if x.point.world_size == 4)
    kept = tables[run.run_id]["rank"] < 3
    tables[run.run_id] = {name: x[kept] for name, x in tables[run.run_id].items()}
    assert rank_times(results.runs, tables) == {}
    assert rank_times(results.runs, {}) == {}
