"""The rate as it was applied, against the samples of all ranks."""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.rates import rate_rows
from tests.samples import make_run


def blocks(lrs, run_id):
    """Two ranks, ten samples each a block."""
    count = len(lrs)
    return {
        "run_id": np.array([run_id] * (2 * count), dtype=object),
        "rank": np.repeat([0, 1], count),
        "block": np.tile(np.arange(count), 2),
        "num_samples": np.full(2 * count, 10),
        "applied_lr": np.tile(np.asarray(lrs, dtype=float), 2),
    }


def test_rates_stand_against_samples_of_all_ranks_with_the_highest():
    run = make_run()
    lrs = np.concatenate([np.linspace(0, 1, 8), np.linspace(0.9, 0.1, 93)])
    rows = rate_rows([run], blocks(lrs, run.run_id))
    assert [row.num_samples for row in rows] == [20, 160, 520, 1020, 1520, 2020]
    assert [row.lr for row in rows] == [lrs[n // 20 - 1] for n in (20, 160, 520, 1020, 1520, 2020)]


def test_a_rate_that_was_not_recorded_is_not_told():
    run = make_run()
    assert rate_rows([run], blocks([np.nan] * 4, run.run_id)) == ()
    assert rate_rows([run], {}) == ()
    assert rate_rows([run], blocks([0.1] * 4, "another")) == ()
