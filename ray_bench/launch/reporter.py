"""From what Tune and the workers tell to what the listener hears."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import ray
from ray import tune

from ray_bench.errors import LaunchError
from ray_bench.launch.arrived import Arrived
from ray_bench.launch.collect import collect
from ray_bench.launch.failures import Failure, blamed, describe
from ray_bench.launch.inbox import Mail
from ray_bench.launch.interrupt import end_sweep
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.places import PlacesWatch
from ray_bench.launch.requests import ExpectedRun, Launch
from ray_bench.launch.tuned import release_groups_of_the_dead, trainer_of
from ray_bench.launch.words import RankWords

#: Told what a launch returned that ended well.
Ended = Callable[[Any], None]


@final
class Reporter(tune.Callback):
    """Turns Tune's callbacks, which run in the driver, and the inbox into the listener's calls.

    A trial of Tune is a launch. Its runs come through the inbox, each as soon as it has ended.

    Args:
        listener: What it raises ends the sweep.
        launches: All that must end; with fewer the sweep was interrupted. They share an inbox.
        ended: Told what each launch returned that ended well.

    Attributes:
        left: Runs that did not begin, because one before them failed.
        error: The first that the listener raised.
        num_finished: Launches that have ended.
    """

    def __init__(
        self, listener: SweepListener, launches: Sequence[Launch], ended: Ended = lambda _: None
    ) -> None:
        self.left: list[ExpectedRun] = []
        self.error: Exception | None = None
        self.num_finished = 0
        self.num_launches = len(launches)
        self._listener = listener
        self._ended = ended
        self._inbox = launches[0].inbox
        self._waiting = {launch.launch_id: list(launch.work.expected) for launch in launches}
        self._launch_of = {
            run.key: launch.launch_id for launch in launches for run in launch.work.expected
        }
        self._began: dict[str, datetime] = {}  # the run that is going on, by launch
        self._arrived = {launch.launch_id: Arrived() for launch in launches}
        self._places = PlacesWatch(self._pass_on)

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its callbacks to restore a sweep later. Nothing here restores one, and a
        # listener may hold what cannot be pickled: the lock of a terminal.
        return tune.Callback, ()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        with self._keeping_error():
            self._places.started(_launch_of(trial))
            self._start_next(_launch_of(trial).launch_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune calls this several times a second."""
        del iteration, trials, info
        with self._keeping_error():
            self._go_on()
            self._places.look()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        self.num_finished += 1
        with self._keeping_error():
            self._go_on()
            outcome = trial.last_result["outcome"]
            if isinstance(outcome, Failure):
                self._fail(_launch_of(trial), outcome)
            else:
                self._ended(outcome)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this where a trial ended without returning anything."""
        del iteration, trials, info
        self.num_finished += 1
        with self._keeping_error():
            release_groups_of_the_dead()
            self._go_on()
            self._fail(_launch_of(trial), describe(_error_of(trial)))

    def take_finished(self) -> list[str]:
        """Hand over what workers have finished; return the launches that it came from."""
        launches = []
        mail: Mail = ray.get(self._inbox.take.remote())
        self._hear(mail.words)
        for data in mail.runs:
            key = (data.run.sweep_id, data.run.run_id)
            launch_id = self._launch_of[key]
            waiting = self._waiting[launch_id]
            finished = [run for run in waiting if run.key == key]
            for run in finished:  # none where Ray made the workers begin again
                waiting.remove(run)
                self._arrived[launch_id].forget(key)
                self._listener.run_finished(data)
                launches.append(launch_id)
        return launches

    def _hear(self, words: Sequence[RankWords]) -> None:
        for said in words:
            arrived = self._arrived.get(said.launch_id)
            if arrived is None:
                continue  # of a launch before these, whose runs have ended
            arrived.add(said)
            self._places.heard_of(said.launch_id)
            self._pass_on(replace(said, records=()))

    def _pass_on(self, said: RankWords) -> None:
        """Tell the listener, about the run that a rank speaks of or that comes next."""
        waiting = self._waiting[said.launch_id]
        about = [run for run in waiting if said.key in (None, run.key)]
        if about and not said.is_last:
            self._listener.rank_told(about[0].planned, said)

    def _go_on(self) -> None:
        for launch_id in self.take_finished():
            self._start_next(launch_id)

    def _start_next(self, launch_id: str) -> None:
        self._began[launch_id] = datetime.now(UTC)
        if waiting := self._waiting[launch_id]:
            self._listener.run_started(waiting[0].planned)

    def _fail(self, launch: Launch, failure: Failure) -> None:
        """Hand over the runs that a failure ended, and keep those that it left."""
        self._places.heard_of(launch.launch_id)
        failed, left = launch.work.parted(self._waiting[launch.launch_id])
        arrived = self._arrived[launch.launch_id]
        for rank, records in collect(arrived.last_words).items():
            arrived.keep(rank, records)
        failure = blamed(failure, arrived.failures)
        now = datetime.now(UTC)
        began = self._began.get(launch.launch_id, now)
        for run in failed:
            data = run.failed(
                failure,
                began,
                wall_s=(now - began).total_seconds(),
                launch_id=launch.launch_id if launch.work.is_shared else None,
                trainer=trainer_of(launch.config),
                so_far=arrived.so_far(run.key),
            )
            self._listener.run_finished(data)
        self._waiting[launch.launch_id] = []
        self.left += left

    @contextlib.contextmanager
    def _keeping_error(self) -> Iterator[None]:
        """Keep an error for `fit`: Tune would print it with its traceback, and go on."""
        try:
            yield
        except Exception as err:  # noqa: BLE001  # `fit` raises it again
            self.error = self.error or err
            end_sweep()


def _launch_of(trial: Any) -> Launch:
    launch: Launch = trial.config["launch"]
    return launch


def _error_of(trial: Any) -> BaseException:
    # `trial.get_error` looks where the file comes later.
    if trial.pickled_error_file is None:
        return LaunchError("Tune lost the run without an error.")
    error: BaseException = pickle.loads(Path(trial.pickled_error_file).read_bytes())
    return error
