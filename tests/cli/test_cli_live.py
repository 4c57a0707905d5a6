"""Tests of counting and showing progress, on a clock that is set by hand."""

import io
import os
import sys
import time

import pytest
from rich.console import Console

from ray_bench.cli.live import (
    LiveTable,
    PlainLines,
    display_for,
    live_lines,
    run_line,
    summary_line,
)
from ray_bench.cli.output import PatientConsole
from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.launch.words import RankWords
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.progress import SweepProgress, as_duration
from tests.samples import data_of

CONFIG = SweepConfig(
    workload="cnn-digits",
    world_sizes=(1, 2),
    repeats=2,
    batch_size=64,
    lr=0.1,
    measure={"sentinel": False},
)
PLANNED = expand(CONFIG)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock):
    return SweepProgress(PLANNED, clock_s=clock)


def ended(planned, **changes):
    return data_of(planned, "sweep", **changes).run


def of_size(size):
    return [run for run in PLANNED if run.point.world_size == size]


def test_counts(progress):
    first, second = of_size(1)
    progress.started(first)
    row = progress.rows[0]
    assert (row.num_running, row.num_left) == (1, 1)
    progress.finished(ended(first, throughput_samples_per_s=100.0))
    progress.finished(ended(second, throughput_samples_per_s=300.0))
    assert (row.num_running, row.num_left, row.num_done) == (0, 0, 2)
    assert row.throughput_samples_per_s == 200.0
    assert progress.num_ended == 2


def test_failures_count_as_ended_but_not_as_done(progress):
    progress.finished(ended(PLANNED[0], status="failed"))
    assert sum(row.num_failed for row in progress.rows) == 1
    assert progress.num_ended == 1
    assert progress.left_s() is None


def test_the_time_left_follows_world_sizes(progress, clock):
    one, other_one = of_size(1)
    two, other_two = of_size(2)
    assert progress.left_s() is None
    progress.finished(ended(one, wall_s=30.0))
    assert progress.left_s() == 90.0
    progress.finished(ended(two, wall_s=10.0))
    assert progress.left_s() == 40.0
    progress.started(other_one)
    clock.now_s += 12.0
    assert progress.left_s() == 28.0
    clock.now_s += 1000.0
    assert progress.left_s() == 0.0
    assert other_two.run_id not in progress._running


def test_runs_of_an_earlier_call_are_counted(clock):
    progress = SweepProgress(PLANNED, [ended(PLANNED[0])], clock_s=clock)
    assert progress.num_ended == 1
    assert "1 of 4 runs, 0 s, about 37 s left" in summary_line(progress)


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "12 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds, text):
    assert as_duration(seconds) == text


def test_a_run_has_a_line(progress):
    (run, _) = of_size(2)
    done = ended(run, throughput_samples_per_s=1234.4)
    progress.finished(done)
    assert run_line(progress, done) == "[1/4] cnn-digits w=2 linear: 1,234 samples/s in 12.3 s"


def test_labels_name_what_differs():
    config = CONFIG.model_copy(
        update={"seeds": (0, 7), "ddp": CONFIG.ddp.model_copy(update={"at_world_size_one": True})}
    )
    labels = [row.label for row in SweepProgress(expand(config)).rows]
    assert "cnn-digits w=1 linear seed=7" in labels
    assert "cnn-digits w=1 ddp linear seed=0" in labels
    assert len(set(labels)) == len(labels) == 6


def test_points_are_told_apart_by_their_placement():
    config = SweepConfig(
        workload="x", world_sizes=(1, 4), batch_size=64, lr=0.1, placements=("spread", "2x2")
    )
    labels = [row.label for row in SweepProgress(expand(config)).rows]
    assert labels == ["x w=1 linear", "x w=4 2x2 linear", "x w=4 spread linear"]


def test_the_table_on_a_terminal(progress):
    sink = io.StringIO()
    console = Console(file=sink, force_terminal=True, width=80, color_system=None)
    with LiveTable(LiveSweep("s", progress), console) as table:
        progress.started(PLANNED[0])
        run = ended(PLANNED[0], status="failed", error_type="E", error_message="[red] no markup")
        progress.finished(run)
        table.finished(run)
    shown = sink.getvalue()
    assert "FAILED after 12.3 s: E: [red] no markup" in shown
    assert "samples/s" in shown
    assert "1 of 4 runs" in shown


def test_a_run_that_had_only_waited_says_so(progress):
    run = ended(
        PLANNED[0], status="failed", error_type="PlacesTaken", error_message="No.",
        wall_s=0.0, wait_s=12.5,
    )  # fmt: skip
    assert "FAILED after 12.5 s of waiting: PlacesTaken: No." in run_line(progress, run)


def test_the_table_only_shows_on_a_terminal(progress, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    live = LiveSweep("s", progress)
    assert isinstance(display_for(live, quiet=False), LiveTable)
    assert not isinstance(display_for(live, quiet=True), LiveTable)


def training(clock, progress, *, step=340, num_steps=800, **changes):
    """A run of two ranks that has made steps, one in 0.1 s."""
    live = LiveSweep("s", progress, clock)
    (planned, _) = of_size(2)
    live.run_started(planned)
    for done in (1, step):
        for rank in range(2):
            values = {"phase": "training", "step": done, "step_ended_s": 0.1 * done}
            values |= {"num_samples": 32 * done, "num_steps": num_steps, "loss": 1.2345}
            said = RankWords(launch_id="l", rank=rank, courier_id="c", **values | changes)
            live.rank_told(planned, said)
        clock.now_s += 0.1 * (step - 1) if done == 1 else 0.0
    return live


def test_a_line_says_what_goes_on(clock, progress):
    live = training(clock, progress)
    assert live_lines(live) == [
        "[1/4] cnn-digits w=2 linear: training, step 340 of 800, 640 samples/s so far, "
        "loss 1.23, about 46 s left"
    ]


def test_a_long_step_and_a_silent_rank_are_told(clock, progress):
    live = training(clock, progress)
    clock.now_s += 14
    (line,) = live_lines(live)
    assert "training, in step 341 of 800 since 14 s, " in line
    clock.now_s += 20
    (line,) = live_lines(live)
    assert line.endswith("; ranks 0, 1 not heard of for 34 s")


def test_an_evaluation_tells_how_far_it_is(clock, progress):
    shares = {"num_evaluated": 500, "num_to_evaluate": 2500}
    live = training(clock, progress, phase="evaluating", **shares)
    clock.now_s += 40
    (line,) = live_lines(live)
    assert "evaluating 1,000 of 5,000 samples since 1 min 14 s, " in line
    assert "step" not in line


def test_without_a_terminal_there_is_a_line_now_and_then(clock, progress, capsys):
    live = training(clock, progress)
    with PlainLines(live, every_s=0.01) as lines:
        end_s = time.monotonic() + 30
        while "so far" not in capsys.readouterr().err and time.monotonic() < end_s:
            time.sleep(0.01)
    assert time.monotonic() < end_s
    assert not lines._thread.is_alive()


def test_quiet_says_nothing_of_what_goes_on(clock, progress, capsys):
    with PlainLines(training(clock, progress), failures_only=True, every_s=0.0) as lines:
        assert not lines._thread.is_alive()
    assert capsys.readouterr().err == ""


def test_the_table_has_the_run_that_goes_on(clock, progress):
    sink = io.StringIO()
    console = Console(file=sink, force_terminal=True, width=120, color_system=None)
    with LiveTable(training(clock, progress), console):
        pass
    assert "[1/4] cnn-digits w=2 linear: training, step 340 of 800, " in sink.getvalue()


@pytest.mark.parametrize("console_kind", ["plain", "table"])
def test_a_display_outlives_its_reader(clock, progress, monkeypatch, console_kind):
    """A pipe is closed by whoever read it; the sweep goes on."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as nobody:
        monkeypatch.setattr(sys, "stderr", nobody)
        live = training(clock, progress)
        if console_kind == "plain":
            display = PlainLines(live, every_s=60)
        else:
            display = LiveTable(live, PatientConsole(stderr=True, force_terminal=True))
        with display:
            for run in of_size(2):
                record = ended(run, status="failed", error_message="no")
                live.run_finished(record)
                display.finished(record)
                display.note("and so on")
