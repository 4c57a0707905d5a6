"""What a budget pays for, and in which order."""

import pytest

from ray_bench.config.grid import expand
from ray_bench.errors import ConfigError
from ray_bench.sweep.budget import (
    AffordableRuns,
    Budget,
    Spending,
    informative_order,
    parse_budget,
)
from ray_bench.sweep.estimate import Estimates
from tests.sweep.test_estimate import config_of
from tests.sweep.test_estimate import run_of as run_of_batch


def run_of(size, *, rate):
    return run_of_batch(size, rate=rate, batch=48)


def planned_of(sizes=(1, 2, 4, 8), repeats=2):
    config = config_of(
        batch_size=48, world_sizes=sizes, repeats=repeats, measure={"sentinel": False}
    )
    return config, informative_order(expand(config))


def test_the_ends_of_the_curve_come_first_then_what_halves_the_gap():
    _, runs = planned_of(sizes=(1, 2, 3, 4, 8, 16))
    sizes = [run.point.world_size for run in runs]
    assert sizes[:6] == [1, 16, 4, 2, 8, 3]
    assert [run.repeat for run in runs] == [0] * 6 + [1] * 6
    assert [run.order_index for run in runs] == list(range(12))


@pytest.mark.parametrize(
    ("text", "budget"),
    [("20min", Budget("s", 1200.0)), ("1.5 h", Budget("s", 5400.0)),
     ("5USD", Budget("money", 5.0, 3.6)), ("5", Budget("money", 5.0, 3.6))],
)  # fmt: skip
def test_a_budget_is_time_or_money(text, budget):
    assert parse_budget(text, config_of(price_per_worker_hour=3.6)) == budget


@pytest.mark.parametrize(
    ("text", "changes", "words"),
    [
        ("soon", {"price_per_worker_hour": 1.0}, "Cannot read the budget"),
        ("0min", {"price_per_worker_hour": 1.0}, "budget"),
        ("5USD", {}, "needs a price"),
        ("5EUR", {"price_per_worker_hour": 1.0}, "currency"),
        ("20min", {"interleaved": True}, "ladder"),
    ],
)
def test_what_is_no_budget_is_refused(text, changes, words):
    with pytest.raises(ConfigError, match=words):
        parse_budget(text, config_of(**changes))


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def affordable(runs, config, budget, known, clock, further=None):
    spending = Spending(budget, clock)
    return AffordableRuns(runs, spending, budget, lambda: Estimates(config, known), further)


def test_where_nothing_is_known_the_first_run_tells():
    config, runs = planned_of()
    clock, known = Clock(), []
    source = affordable(runs, config, Budget("s", 76.0), known, clock)
    (first,) = source.next()
    assert (first.point.world_size, first.repeat) == (1, 0)
    known.append(run_of(1, rate=1000.0))
    clock.now_s = 16.0
    # 60 s are left. Half-way between no gain and a linear one, 8, 2 and 4 workers take 34, 17 and
    # 22 s: 8 and 2 fit, then 4 does not.
    assert [run.point.world_size for run in source.next()] == [8, 2]


def test_nothing_is_begun_that_does_not_fit():
    config, runs = planned_of(repeats=1)
    known = [run_of(1, rate=100.0), run_of(2, rate=190.0), run_of(4, rate=380.0)]
    known.append(run_of(8, rate=760.0))  # 106, 59, 32 and 19 s, and a fifth more
    source = affordable(runs, config, Budget("s", 70.0), known, Clock())
    assert [run.point.world_size for run in source.next()] == [8, 4]
    assert affordable(runs, config, Budget("s", 15.0), known, Clock()).next() == ()


def test_money_counts_workers():
    budget = Budget("money", 1.0, 36.0)  # 0.01 a worker and second
    spending = Spending(budget, Clock())
    assert spending.left_s(4) == pytest.approx(25.0)
    spending.finished(run_of(4, rate=1000.0))  # 4 workers, 16 s
    assert spending.left == pytest.approx(0.36)


def test_a_stop_rule_may_go_on_as_far_as_the_budget():
    config, runs = planned_of(repeats=2)
    known = [run_of(n, rate=1000.0 * n) for n in (1, 2, 4, 8)]
    later = iter([runs[4:], ()])
    source = affordable(runs[:4], config, Budget("s", 1000.0), known, Clock(), lambda: next(later))
    assert [run.repeat for run in source.next()] == [0] * 4
    assert [run.repeat for run in source.next()] == [1] * 4
    assert source.next() == ()
