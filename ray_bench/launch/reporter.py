"""From what Tune and the workers tell to what the listener hears."""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import ray
from ray import tune

from ray_bench.errors import LaunchError, PlacesTakenError
from ray_bench.launch.arrived import Arrived
from ray_bench.launch.collect import collect
from ray_bench.launch.failures import Failure, blamed, describe
from ray_bench.launch.inbox import Mail
from ray_bench.launch.interrupt import INTERRUPTION
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.requests import ExpectedRun, Launch
from ray_bench.launch.tuned import release_groups_of_the_dead, trainer_of
from ray_bench.launch.vacancy import demand_of_launch, wait_for
from ray_bench.launch.words import RankWords, RunKey
from ray_bench.records import RunData

#: Between two looks at what trials say.
HEAR_EVERY_S = 1.0
#: When a sweep ends in a hurry: `ray job stop` leaves 3 s for everything.
LAST_ANSWER_S = 0.7
#: After a run that has waited in vain for as long as was asked.
ASK_AGAIN_S = 10.0

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
        self._launches = launches
        self._began: dict[str, datetime] = {}  # the run that is going on, by launch
        self._waited: dict[str, float | None] = {}  # for places, by launch that has begun
        self._verdicts: dict[str, Failure] = {}  # of launches that were ended, by launch
        self._heard_s = 0.0
        self._timed: dict[RunKey, RunData] = {}  # whose passes go on, for when they are lost
        self._arrived = {launch.launch_id: Arrived() for launch in launches}

    def __reduce__(self) -> tuple[Any, ...]:
        # Tune pickles its callbacks to restore a sweep later. Nothing here restores one, and a
        # listener may hold what cannot be pickled: the lock of a terminal.
        return tune.Callback, ()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        with self._keeping_error():
            self._start_next(_launch_of(trial).launch_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune calls this several times a second."""
        del iteration, trials, info
        with self._keeping_error():
            self._go_on()
            if time.monotonic() - self._heard_s > HEAR_EVERY_S:
                self._hear()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        self.num_finished += 1
        with self._keeping_error():
            self._go_on()
            self._hear()
            outcome = trial.last_result["outcome"]
            if isinstance(outcome, Failure):
                self._fail(_launch_of(trial), outcome)
                if outcome.type == "PlacesTaken":
                    self._ask_once_more()
            else:
                self._ended(outcome)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this where a trial ended without returning anything."""
        del iteration, trials, info
        self.num_finished += 1
        with self._keeping_error():
            release_groups_of_the_dead()
            self._go_on()
            self._hear()
            launch = _launch_of(trial)
            verdict = self._verdicts.get(launch.launch_id)
            self._fail(launch, verdict or describe(_error_of(trial)))

    def interrupt(self) -> None:
        """Hand over what has finished, and the runs that the interruption ended, in a moment."""
        with contextlib.suppress(ray.exceptions.RayError):  # what the inbox has is lost then
            self.take_finished(limit_s=LAST_ANSWER_S)
        by = INTERRUPTION.asked_by or "an interrupt"
        stopped = Failure("Interrupted", f"The sweep was stopped by {by}.", None, "interrupted")
        for launch in self._launches:
            if launch.launch_id in self._began:
                self._fail(launch, stopped)

    def take_finished(self, limit_s: float | None = None) -> list[str]:
        """Hand over what workers have finished; return the launches that it came from."""
        launches = []
        mail: Mail = ray.get(self._inbox.take.remote(), timeout=limit_s)
        self._listen(mail.words)
        self._timed |= {(data.run.sweep_id, data.run.run_id): data for data in mail.timed}
        for data in mail.runs:
            key = (data.run.sweep_id, data.run.run_id)
            launch_id = self._launch_of[key]
            waiting = self._waiting[launch_id]
            self._waited[launch_id] = None  # the first run has the wait
            finished = [run for run in waiting if run.key == key]
            for run in finished:  # none where Ray made the workers begin again
                waiting.remove(run)
                self._arrived[launch_id].forget(key)
                self._timed.pop(key, None)
                self._listener.run_finished(data)
                launches.append(launch_id)
        return launches

    def _listen(self, words: Sequence[RankWords]) -> None:
        for said in words:
            arrived = self._arrived.get(said.launch_id)
            if arrived is None:
                continue  # of a launch before these, whose runs have ended
            arrived.add(said)
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

    def _hear(self) -> None:
        """Hear what trials say: whom they wait for, that they begin, why they end a launch."""
        self._heard_s = time.monotonic()
        for launch_id, word, said_at in ray.get(self._inbox.news.remote()):
            if isinstance(word, Failure):
                self._verdicts[launch_id] = word
            elif isinstance(word, str):
                self._listener.note(word)
            else:
                self._waited[launch_id] = word
                self._began[launch_id] = said_at

    def _ask_once_more(self) -> None:
        """Wait for the next launch's places for a moment; without them the sweep ends.

        Raises:
            PlacesTakenError: Every further run would wait as long, and in vain.
        """
        waits = (x for x in self._launches if x.launch_id not in self._began)
        launch = next(waits, None)
        if launch is None:
            return
        note, demand = self._listener.note, demand_of_launch(launch)
        found = wait_for(demand, launch.hosts, limit_s=ASK_AGAIN_S, tell=note)
        if isinstance(found, Failure):
            raise PlacesTakenError(f"The places of the next run are taken too. {found.message}")

    def _start_next(self, launch_id: str) -> None:
        self._began[launch_id] = datetime.now(UTC)
        if waiting := self._waiting[launch_id]:
            self._listener.run_started(waiting[0].planned)

    def _fail(self, launch: Launch, failure: Failure) -> None:
        """Hand over the runs that a failure ended, and keep those that it left."""
        failed, left = launch.work.parted(self._waiting[launch.launch_id])
        arrived = self._arrived[launch.launch_id]
        if failure.status != "interrupted":  # then there is no time
            for rank, records in collect(arrived.last_words).items():
                arrived.keep(rank, records)
            failure = blamed(failure, arrived.failures)
        now = datetime.now(UTC)
        began = self._began.get(launch.launch_id, now)
        since_s = (now - began).total_seconds()
        # What ends before it has its places has only waited.
        has_begun = launch.launch_id in self._waited
        wait_s = self._waited[launch.launch_id] if has_begun else since_s
        told = arrived.failures
        for run in failed:
            timed = self._timed.pop(run.key, None)
            if timed is not None and failure.status != "interrupted":
                data = run.without_passes(timed, failure, told, wall_s=since_s)
            else:
                data = run.failed(
                    failure,
                    began,
                    # The turns of a round, of which nothing came, have the time together.
                    wall_s=since_s / len(failed) if has_begun else 0.0,
                    wait_s=wait_s,
                    launch_id=launch.launch_id if launch.work.is_shared else None,
                    trainer=trainer_of(launch.config),
                    so_far=arrived.so_far(run.key),
                    told=told,
                )
            self._listener.run_finished(data)
        self._waiting[launch.launch_id] = []
        self.left += left

    @contextlib.contextmanager
    def _keeping_error(self) -> Iterator[None]:
        """Keep an error for `fit`: Tune would print it with its traceback, and go on."""
        with INTERRUPTION.put_off():
            try:
                yield
            except Exception as err:  # noqa: BLE001  # `fit` raises it again
                self.error = self.error or err
        if self.error is not None:
            raise KeyboardInterrupt  # the only thing that Tune lets through


def _launch_of(trial: Any) -> Launch:
    launch: Launch = trial.config["launch"]
    return launch


def _error_of(trial: Any) -> BaseException:
    # `trial.get_error` looks where the file comes later.
    if trial.pickled_error_file is None:
        return LaunchError("Tune lost the run without an error.")
    error: BaseException = pickle.loads(Path(trial.pickled_error_file).read_bytes())
    return error
