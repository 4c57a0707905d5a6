"""Runs that one group of workers makes one after the other, and what the listener hears of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import PlacesTakenError
from ray_bench.launch import reporter as reporting
from ray_bench.launch.failures import Failure
from ray_bench.launch.reporter import Reporter
from ray_bench.launch.requests import ExpectedRun, Ladders
from ray_bench.launch.session import Session
from ray_bench.launch.sweep import launches_of
from ray_bench.launch.words import RankWords
from ray_bench.records import BlockRecord
from tests.fakes import TinyWorkload
from tests.launch.local import launch_here, launch_of
from tests.requests import ladder_request

SEEDS = (0, 1, 2)
FAILURE = Failure("ValueError", "no", 0)


def config_of(**changes):
    return SweepConfig(
        workload="tests.fakes:TinyWorkload",
        epochs=1,
        launch={"share_workers": True},
        measure={"phase_steps": 0, "noise_steps": 0},
        **changes,
    ).with_defaults(TinyWorkload.defaults)


def launches(tmp_path, box, **changes):
    config = config_of(**changes)
    runs = [ExpectedRun(planned=run, sweep_id="s", attempt=1) for run in expand(config)]
    place = Session(config=config, use_gpu=False, scratch_dir=str(tmp_path), listener=None)
    return launches_of(runs, place, box)


def done(launch, number):
    data = launch.work.expected[number].failed(FAILURE, datetime.now(UTC))
    return replace(data, run=replace(data.run, status="ok", launch_id=launch.launch_id))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_they_train_as_they_would_with_workers_of_their_own(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=SEEDS)
    runs = launch_here(launch)
    expected = launch.work.expected
    assert [data.run.run_id for data in runs] == [x.planned.run_id for x in expected]
    for run, data in zip(expected, runs, strict=True):
        (alone,) = launch_here(launch_of([run.planned], launch.config, tmp_path, box))
        assert data.run.final_train_loss == alone.run.final_train_loss
        assert (data.run.launch_id, alone.run.launch_id) == (launch.launch_id, None)
    first, *later = [data.run for data in runs]
    assert first.setup_s > 0
    assert first.peak_memory_bytes > 0
    assert {(run.setup_s, run.peak_memory_bytes) for run in later} == {(None, None)}
    starts = [run.started_at_utc for run in (first, *later)]
    assert starts == sorted(set(starts))
    assert all(run.wall_s > 0 for run in later)


def test_only_rule_and_seed_may_differ(tmp_path, box):
    found = launches(
        tmp_path, box, world_sizes=(1, 2), seeds=(0, 1), lr_rules=("none", "linear"),
        scaling="weak", precision=("fp32", "bf16"), repeats=2,
    )  # fmt: skip
    for launch in found:
        planned = [run.planned for run in launch.work.expected]
        points = {replace(run.point, lr=0.0, lr_rule="none", seed=0) for run in planned}
        assert len(points) == 1
        assert len({run.repeat for run in planned}) == 1
    sizes = [len(launch.work.expected) for launch in found]
    assert (sum(sizes), max(sizes)) == (len(expand(found[0].config)), 4)
    assert len({launch.launch_id for launch in found}) == len(found)


class Heard:
    """A listener that remembers."""

    def __init__(self):
        self.told = []  # (what, seed)
        self.runs = []
        self.words = []  # (seed, rank, step, records)

    def run_started(self, planned):
        self.told.append(("started", planned.point.seed))

    def note(self, text):
        self.told.append(("note", text))

    def rank_told(self, planned, words):
        self.words.append((planned.point.seed, words.rank, words.step, words.records))

    def run_finished(self, data):
        self.told.append((data.run.status, data.run.point.seed))
        self.data = data
        self.runs.append(data.run)


def trial_of(launch, outcome=FAILURE):
    return SimpleNamespace(
        config={"launch": launch}, last_result={"outcome": outcome}, pickled_error_file=None
    )


@pytest.mark.parametrize("is_lost", [False, True])
def test_runs_after_one_that_failed_are_left_for_other_workers(monkeypatch, tmp_path, box, is_lost):
    monkeypatch.setattr(reporting, "release_groups_of_the_dead", lambda: None)
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=SEEDS)
    heard = Heard()
    reporter = Reporter(heard, [launch])
    began = datetime.now(UTC)
    reporter.on_trial_start(0, [], trial_of(launch))
    box.runs += [done(launch, 0), done(launch, 0)]  # Ray made the workers begin again
    reporter.on_step_end(0, [])
    end = reporter.on_trial_error if is_lost else reporter.on_trial_complete
    end(0, [], trial_of(launch))
    assert reporter.error is None
    first, second, third = (run.planned.point.seed for run in launch.work.expected)
    assert heard.told == [
        ("started", first), ("ok", first), ("started", second), ("failed", second),
    ]  # fmt: skip
    assert [run.planned.point.seed for run in reporter.left] == [third]
    last = heard.runs[-1]
    assert last.launch_id == launch.launch_id
    ended = last.started_at_utc + timedelta(seconds=last.wall_s)
    assert began <= last.started_at_utc < ended <= datetime.now(UTC)


def test_a_run_that_failed_before_it_was_announced_is_announced_first(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0, 1))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    box.runs.append(done(launch, 0))
    reporter.on_trial_complete(0, [], trial_of(launch))
    first, second = (run.planned.point.seed for run in launch.work.expected)
    assert heard.told == [
        ("started", first), ("ok", first), ("started", second), ("failed", second),
    ]  # fmt: skip


def test_the_last_that_failed_leaves_nothing(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    reporter = Reporter(Heard(), [launch])
    reporter.on_trial_complete(0, [], trial_of(launch))
    assert reporter.left == []


def test_a_launch_that_breaks_after_its_last_run_was_handed_over_has_failed_nothing(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    box.runs.append(done(launch, 0))
    reporter.on_trial_complete(0, [], trial_of(launch))
    assert [what for what, _ in heard.told] == ["started", "ok"]


def test_what_has_finished_is_stored_after_ctrl_c(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0, 1))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    box.runs.append(done(launch, 0))
    reporter.on_trial_start(0, [], trial_of(launch))
    reporter.interrupt()
    assert [what for what, _ in heard.told] == ["started", "ok", "interrupted"]
    assert heard.runs[-1].error_message == "The sweep was stopped by an interrupt."


def test_what_a_trial_says_is_heard(monkeypatch, tmp_path, box):
    monkeypatch.setattr(reporting, "release_groups_of_the_dead", lambda: None)
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    verdict = Failure("RanksMissing", "rank 0 is gone", 0)
    said = ("waiting for 2 places", 12.5, verdict)
    box.said += [(launch.launch_id, word) for word in said]
    reporter.on_trial_error(0, [], trial_of(launch))
    assert heard.told[1:] == [("note", "waiting for 2 places"), ("failed", 0)]
    (run,) = heard.runs
    assert (run.error_type, run.wait_s) == ("RanksMissing", 12.5)


def test_places_that_are_taken_are_asked_for_once_more_and_then_the_sweep_ends(
    monkeypatch, tmp_path, box
):
    taken = Failure("PlacesTaken", "Gave up after 600 s.", None)
    monkeypatch.setattr(reporting, "wait_for", lambda *_, **__: taken)
    first, second = launches(tmp_path, box, world_sizes=(1,), repeats=2)
    heard = Heard()
    reporter = Reporter(heard, [first, second])
    reporter.on_trial_start(0, [], trial_of(first))
    with pytest.raises(KeyboardInterrupt):
        reporter.on_trial_complete(0, [], trial_of(first, taken))
    assert isinstance(reporter.error, PlacesTakenError)
    (run,) = heard.runs
    assert (run.wall_s, run.error_type) == (0.0, "PlacesTaken")
    assert run.wait_s > 0
    monkeypatch.setattr(reporting, "wait_for", lambda *_, **__: 1.0)
    reporter = Reporter(Heard(), [first, second])
    reporter.on_trial_complete(0, [], trial_of(first, taken))
    assert reporter.error is None


def block_of(rank, number, num_steps=3):
    return BlockRecord(
        run_id="any", rank=rank, block=number, epoch=1, num_steps=num_steps, num_samples=8,
        start_s=0.0, duration_s=0.1, is_warmup=False,
    )  # fmt: skip


def words_of(launch, number, rank, **values):
    key = None if number is None else launch.work.expected[number].key
    records = tuple((key, record) for record in values.pop("records", ()))
    return RankWords(
        launch_id=launch.launch_id, rank=rank, phase="training", key=key, courier_id=f"c{rank}",
        records=records, **values,
    )  # fmt: skip


def test_a_run_that_fails_late_keeps_what_came_of_it(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0, 1))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    first, second = launch.work.expected
    box.words.append(words_of(launch, 0, 0, records=[block_of(0, 0)]))
    box.runs.append(done(launch, 0))
    box.words += [
        words_of(launch, None, 1, step=2),
        words_of(launch, 1, 1, records=[block_of(1, 0), block_of(1, 1)], step=6),
        words_of(launch, 1, 0, records=[block_of(0, 0), block_of(0, 0)], step=3),
    ]
    reporter.on_step_end(0, [])
    box.words.append(words_of(launch, 0, 1, records=[block_of(1, 9)]))  # late, of what is over
    failure = Failure("ValueError", "no", 1, traceback="Traceback ...")
    box.words.append(words_of(launch, 1, 1, failure=failure, is_last=True))
    reporter.on_trial_complete(0, [], trial_of(launch, Failure("RuntimeError", "gloo", 0)))
    assert reporter.error is None
    run, data = heard.data.run, heard.data
    assert (run.status, run.num_steps, run.point) == ("failed", 6, second.planned.point)
    assert (run.error_type, run.error_rank) == ("ValueError", 1)
    assert run.error_traceback == "Traceback ..."
    assert [(block.rank, block.block, block.run_id) for block in data.blocks] == [
        (0, 0, run.run_id), (1, 0, run.run_id), (1, 1, run.run_id),
    ]  # fmt: skip
    seeds = [first.planned.point.seed, second.planned.point.seed]
    assert heard.words[1:] == [(seeds[0], 1, 2, ()), (seeds[1], 1, 6, ()), (seeds[1], 0, 3, ())]


def test_a_run_that_ended_well_has_what_rank_0_delivered_and_nothing_else(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    box.words.append(words_of(launch, 0, 0, records=[block_of(0, 0)]))
    box.runs.append(done(launch, 0))
    reporter.on_step_end(0, [])
    assert heard.data.blocks == ()


def test_a_run_that_is_timed_stays_when_its_workers_are_lost_in_the_passes(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0, 1))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    timed = done(launch, 0)
    run = replace(timed.run, flags=("emulated",), wall_s=1.0)
    box.timed.append(replace(timed, run=run, failures=()))
    failure = Failure("ValueError", "no", 1, traceback="Traceback ...")
    box.words.append(words_of(launch, 0, 1, failure=failure, is_last=True))
    reporter.on_trial_complete(0, [], trial_of(launch, Failure("WorkerDied", "gone", 0)))
    assert reporter.error is None
    (run,) = heard.runs
    assert run.status == "ok"
    assert run.flags == ("emulated", "passes_failed")
    assert run.wall_s >= 1.0
    assert [(x.part, x.rank, x.error_type) for x in heard.data.failures] == [
        ("passes", 0, "WorkerDied"),
        ("passes", 1, "ValueError"),
    ]
    # The other gets other workers.
    assert [x.planned.point.seed for x in reporter.left] == [
        launch.work.expected[1].planned.point.seed
    ]


def test_a_run_that_ctrl_c_ends_in_its_passes_is_dropped(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    box.timed.append(done(launch, 0))
    reporter.interrupt()
    assert [run.status for run in heard.runs] == ["interrupted"]


def test_a_run_that_ended_well_forgets_that_it_was_timed_before(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    box.timed.append(done(launch, 0))
    box.runs.append(done(launch, 0))
    reporter.on_trial_complete(0, [], trial_of(launch))
    assert [run.flags for run in heard.runs] == [()]


def test_a_trial_that_is_lost_as_soon_as_it_began_has_the_time_that_it_took(
    monkeypatch, tmp_path, box
):
    monkeypatch.setattr(reporting, "release_groups_of_the_dead", lambda: None)
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    # It is heard only now.
    box.said.append((launch.launch_id, 0.5))
    box.said_at = datetime.now(UTC) - timedelta(seconds=7)
    reporter.on_trial_error(0, [], trial_of(launch))
    (run,) = heard.runs
    assert run.wall_s == pytest.approx(7, abs=1)
    assert run.wait_s == 0.5


def test_what_each_rank_has_said_of_its_end_is_kept_the_cause_first(tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    lost = "[gloo] Connection closed by peer"
    for rank, (kind, words) in enumerate([("ConnectionLost", lost), ("KeyError", "'x'")]):
        said = Failure(kind, words, rank, traceback=f"trace {rank}")
        box.words.append(words_of(launch, 0, rank, failure=said, is_last=True))
    reporter.on_trial_complete(0, [], trial_of(launch, Failure("ConnectionLost", lost, 0)))
    assert [(x.rank, x.error_type, x.error_traceback) for x in heard.data.failures] == [
        (1, "KeyError", "trace 1"), (0, "ConnectionLost", "trace 0"),
    ]  # fmt: skip


def test_the_turns_of_a_round_that_failed_have_its_time_together(monkeypatch, tmp_path, box):
    monkeypatch.setattr(reporting, "release_groups_of_the_dead", lambda: None)
    config = config_of(world_sizes=(1, 2, 4), interleaved=True, repeats=2)
    ladder = ladder_request(config, expand(config))
    (usual,) = launches(tmp_path, box, world_sizes=(1,), seeds=(0,))
    launch = replace(usual, work=Ladders(ladders=(ladder,)), config=config)
    heard = Heard()
    reporter = Reporter(heard, [launch])
    reporter.on_trial_start(0, [], trial_of(launch))
    box.said.append((launch.launch_id, 0.0))
    box.said_at = datetime.now(UTC) - timedelta(seconds=30)
    reporter.on_trial_error(0, [], trial_of(launch))
    assert reporter.error is None
    first_round = [run for run in launch.work.expected if run.planned.repeat == 0]
    assert len(heard.runs) == len(first_round) > 1
    assert sum(run.wall_s for run in heard.runs) == pytest.approx(30, abs=2)
