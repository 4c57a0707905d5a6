"""The self-check finds what was planted, and fails where the instrument is broken.

Real gloo ranks without Ray; `ray-bench selfcheck` takes the same cases through the whole product.
"""

from __future__ import annotations

import pytest

from ray_bench.analysis.selfcheck import check_case
from ray_bench.config.planted import CASES, planted_config
from ray_bench.config.rounds import ladder_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.phases import PhaseProbe
from ray_bench.store import ResultsStore
from ray_bench.train import phase_pass
from ray_bench.train.group import Group
from ray_bench.train.ladder import train_ladder
from ray_bench.workloads.emulated import Emulated
from tests.ranks import run_ranks
from tests.requests import ladder_request
from tests.samples import make_sweep

pytestmark = pytest.mark.slow


class ShiftedClock:
    """The clock of another host: as good as any, with a zero of its own on every rank."""

    def __init__(self, group: Group) -> None:
        self._clock = SystemClock(group.device)
        self._shift_ns = group.rank * 70_000_000

    def now_ns(self) -> int:
        return self._clock.now_ns() + self._shift_ns

    def synchronize(self) -> None:
        self._clock.synchronize()


def small(case: str) -> SweepConfig:
    config = planted_config(case)
    sizes = tuple(size for size in (1, 2, 4) if size in config.world_sizes or size == 4)
    changes = {"world_sizes": sizes, "ladder": config.ladder.model_copy(update={"rounds": 4})}
    if config.emulated.has_wire:  # fewer ranks send fewer messages; each must be seen
        changes["emulated"] = config.emulated.model_copy(update={"latency_s": 0.004})
    return config.model_copy(update=changes)


def wrong(case: str, tmp_path) -> set[str]:
    """Measure a case on four ranks; return what the self-check says was not found."""
    config = small(case)
    planned = ladder_runs(config)
    sweep = make_sweep(run_ids=tuple(run.run_id for run in planned))
    request = ladder_request(config, planned, sweep_id=sweep.sweep_id)

    def job(group: Group) -> list:
        runs: list = []
        train_ladder(request, Emulated, group, ShiftedClock(group), runs.extend)
        return runs

    store = ResultsStore(tmp_path / "results")
    store.write_sweep(sweep)
    for data in run_ranks(job, 4, tmp_path)[0]:
        store.write_run(data)
    checks = check_case(case, config, store.read())
    print(*checks, sep="\n")  # noqa: T201  # shown where the test fails
    return {check.quantity for check in checks if not check.is_passed}


@pytest.mark.parametrize("case", CASES)
def test_what_was_planted_is_found(case, tmp_path):
    assert wrong(case, tmp_path) == set()


def test_without_the_hook_the_network_is_not_found(monkeypatch, tmp_path):
    monkeypatch.setattr(PhaseProbe, "hook", lambda self, inner: inner)
    assert {"alpha", "beta"} <= wrong("slow network", tmp_path)


def test_without_synchronised_clocks_the_network_is_not_found(monkeypatch, tmp_path):
    monkeypatch.setattr(phase_pass, "clock_offset_ns", lambda *_, **__: 0)
    assert wrong("slow network", tmp_path)


def test_a_clock_that_stops_short_of_the_work_is_not_believed(monkeypatch, tmp_path):
    real = SystemClock.now_ns
    monkeypatch.setattr(SystemClock, "now_ns", lambda self: int(real(self) * 0.5))
    assert wrong("serial time", tmp_path) == {"world sizes measured"}
