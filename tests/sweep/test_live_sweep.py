"""The live state of a sweep: on clocks that are set by hand, and in a store that may fail."""

from __future__ import annotations

import json
import threading

import pytest

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import LaunchError, SchemaVersionError, StoreError
from ray_bench.launch.words import RankWords
from ray_bench.store import ResultsStore
from ray_bench.store.live import MAX_BYTES, read_live, write_live
from ray_bench.sweep import keep_live
from ray_bench.sweep.keep_live import kept_live
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.progress import SweepProgress
from tests.samples import data_of


def planned_of(**changes):
    config = SweepConfig(
        workload="emulated", batch_size=64, lr=0.1, measure={"sentinel": False}, **changes
    )
    return expand(config)


PLANNED = planned_of(world_sizes=(2,), repeats=2)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def live(clock):
    return LiveSweep("s", SweepProgress(PLANNED, clock_s=clock), clock)


def words(rank, step, ended_s=None, **changes):
    values = {"launch_id": "l", "rank": rank, "phase": "training", "num_steps": 100}
    values |= {"step": step, "step_ended_s": ended_s, "num_samples": 32 * step, "courier_id": "c"}
    return RankWords(**{**values, **changes})


def training(live, clock, steps=10):
    """Two ranks make a step a second; their own clocks began elsewhere."""
    live.run_started(PLANNED[0])
    for step in range(1, steps + 1):
        clock.now_s += 1
        for rank in range(2):
            live.rank_told(PLANNED[0], words(rank, step, 50.0 + step, loss=2.0 + rank))
    (run,) = live.runs
    return run


def test_a_run_is_told_as_it_goes(live, clock):
    run = training(live, clock)
    state = live.state()
    (shown,) = state["runs"]
    assert (state["state"], state["num_planned"], state["num_ended"]) == ("running", 2, 0)
    assert (shown["number"], shown["phase"], shown["step"], shown["num_steps"]) == (
        1, "training", 10, 100,
    )  # fmt: skip
    assert shown["so_far_samples_per_s"] == 64.0
    assert shown["so_far_loss"] == 2.5
    assert shown["left_s"] == 90.0
    assert [rank["rank"] for rank in shown["ranks"]] == [0, 1]
    assert run.trouble(clock.now_s) is None
    assert json.loads(json.dumps(state)) == state


def test_a_long_step_and_a_long_evaluation_are_told_by_the_drivers_clock(live, clock):
    training(live, clock)
    clock.now_s += 14
    (shown,) = live.state()["runs"]
    assert (shown["step"], shown["step_since_s"]) == (10, 14.0)
    evaluating = {"phase": "evaluating", "num_evaluated": 100, "num_to_evaluate": 400}
    for rank in range(2):
        live.rank_told(PLANNED[0], words(rank, 10, 60.0, **evaluating))
    clock.now_s += 40
    (shown,) = live.state()["runs"]
    assert (shown["phase"], shown["phase_since_s"]) == ("evaluating", 40.0)
    assert (shown["num_evaluated"], shown["num_to_evaluate"]) == (200, 800)
    assert shown["step_since_s"] is None
    assert shown["so_far_samples_per_s"] is None


def test_a_rank_that_is_silent_is_named(live, clock):
    run = training(live, clock)
    for _ in range(31):
        clock.now_s += 1
        live.rank_told(PLANNED[0], words(0, 10, 60.0))
    assert run.trouble(clock.now_s) == "rank 1 not heard of for 31 s"


def test_a_rank_that_speaks_and_does_not_move_is_named(live, clock):
    run = training(live, clock)
    for second in range(31):
        clock.now_s += 1
        live.rank_told(PLANNED[0], words(0, 11, 61.0))
        live.rank_told(PLANNED[0], words(1, 10, 60.0))
        assert (run.trouble(clock.now_s) is None) == (second < 30 - 1)
    assert run.trouble(clock.now_s) == "rank 1 not done with step 11 after 31 s; usually 1 s"


def test_a_slow_step_is_no_trouble_where_steps_are_slow(live, clock):
    live.run_started(PLANNED[0])
    for step in range(1, 5):
        clock.now_s += 20
        for rank in range(2):
            live.rank_told(PLANNED[0], words(rank, step, 20.0 * step))
    (run,) = live.runs
    for _ in range(199):
        clock.now_s += 1
        for rank in range(2):
            live.rank_told(PLANNED[0], words(rank, 4, 80.0))
    assert run.trouble(clock.now_s) is None
    assert run.step_since_s(clock.now_s) == 199
    clock.now_s += 2
    assert run.trouble(clock.now_s) == "no rank done with step 5 after 201 s; usually 20 s"


def test_throughput_is_unknown_until_all_ranks_have_spoken(live, clock):
    live.run_started(PLANNED[0])
    for step in (1, 2):
        live.rank_told(PLANNED[0], words(0, step, float(step)))
    (run,) = live.runs
    assert run.samples_per_s is None


def test_the_driver_speaks_for_a_run_without_ranks(live, clock):
    live.run_started(PLANNED[0])
    waits = {"phase": "waiting for places", "detail": "2 workers", "num_steps": None}
    live.rank_told(PLANNED[0], words(None, 0, **waits))
    clock.now_s += 7
    (shown,) = live.state()["runs"]
    assert (shown["phase"], shown["phase_detail"], shown["phase_since_s"]) == (
        "waiting for places", "2 workers", 7.0,
    )  # fmt: skip


def test_a_run_that_has_ended_goes_on_no_more(live, clock):
    training(live, clock)
    live.run_storing(PLANNED[0].run_id)
    assert live.state()["runs"][0]["phase"] == "storing"
    live.run_finished(data_of(PLANNED[0], "s").run)
    live.rank_told(PLANNED[0], words(0, 100, 99.0))  # late
    state = live.state()
    assert (state["runs"], state["num_ended"]) == ([], 1)


def test_a_very_large_sweep_is_told_in_part(clock):
    planned = planned_of(world_sizes=(1, 2, 4, 8), seeds=tuple(range(400)), scaling="weak")
    live = LiveSweep("s", SweepProgress(planned, clock_s=clock), clock)
    for run in planned[:40]:
        live.run_started(run)
        for rank in range(200):
            live.rank_told(run, words(rank, 1, 1.0, node_id="n" * 56))
    state = live.state()
    assert len(json.dumps(state)) < MAX_BYTES
    assert state["num_points"] == 1600
    assert 0 < len(state["points"]) < 1600
    assert state["points"][0]["num_running"] == 1


def test_what_is_written_is_read_with_version_and_time(tmp_path):
    store = ResultsStore(tmp_path)
    assert read_live(store, "s") is None
    write_live(store, "s", {"state": "running"})
    write_live(store, "s", {"state": "finished"})
    found = read_live(store, "s")
    assert (found["state"], found["schema_version"]) == ("finished", 1)
    assert found["updated_at_utc"].endswith("+00:00")
    assert [path.name for path in (tmp_path / "live").iterdir()] == ["s.json"]


def test_a_damaged_state_and_one_of_a_newer_version_are_refused(tmp_path):
    store = ResultsStore(tmp_path)
    for text, error in (("{", StoreError), ("[]", StoreError), ('{"a": 1}', StoreError),
                        ('{"schema_version": 99}', SchemaVersionError)):  # fmt: skip
        store.write_text("live/s.json", text)
        with pytest.raises(error, match=r"live/s\.json"):
            read_live(store, "s")


def test_a_state_that_is_too_large_is_refused(tmp_path):
    with pytest.raises(StoreError, match="may have 65536"):
        write_live(ResultsStore(tmp_path), "s", {"points": "x" * MAX_BYTES})


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (None, "finished", None),
        (KeyboardInterrupt(), "interrupted", None),
        (LaunchError("The head is gone."), "failed", "The head is gone."),
        (ValueError("odd"), "failed", "ValueError: odd"),
    ],
)
def test_a_sweep_that_has_ended_says_how(tmp_path, live, error, state, message):
    store = ResultsStore(tmp_path)
    before = threading.active_count()

    def measure():
        with kept_live(store, "s", live, pytest.fail):
            assert live.state()["state"] == "running"
            if error is not None:
                raise error

    if error is None:
        measure()
    else:
        with pytest.raises(type(error)):
            measure()
    found = read_live(store, "s")
    assert (found["state"], found["message"], found["runs"]) == (state, message, [])
    assert threading.active_count() == before


def test_a_store_that_fails_does_not_disturb_the_sweep(tmp_path, live, monkeypatch):
    (tmp_path / "live").write_text("a file is in the way")
    monkeypatch.setattr(keep_live, "LOCAL_EVERY_S", 0.01)
    said, enough = [], threading.Event()
    state = live.state

    def counted():
        counted.calls += 1
        if counted.calls > 5:
            enough.set()
        return state()

    counted.calls = 0
    live.state = counted
    with kept_live(ResultsStore(tmp_path), "s", live, said.append):
        assert enough.wait(30)
    assert len(said) == 1
    assert said[0].startswith("note: the live state of the sweep is not up to date. Cannot write")
