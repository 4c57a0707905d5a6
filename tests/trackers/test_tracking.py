"""What becomes of runs when a tracker fails."""

import threading

import pytest

from ray_bench.trackers.entry import Entries
from ray_bench.trackers.tracking import Tracking
from tests.samples import make_data


class Tracker:
    """Fails while `down` is set, and for runs named in `poison`."""

    name, key, place = "Fake", "fake", "nowhere"

    def __init__(self, *, down=False, poison=()):
        self.down, self.poison = down, poison
        self.got, self.num_tries, self.is_closed = [], 0, False

    def open(self):
        if self.down:
            raise ConnectionError("https://me:secret@host is\n down\x1b[2J.")

    def log(self, entry):
        self.num_tries += 1
        self.open()
        if entry.run_id in self.poison:
            raise ValueError("bad run")
        self.got.append(entry.run_id)

    def close(self):
        self.is_closed = True


def tracking(tracker, **options):
    said = []
    return Tracking([tracker], Entries(), said.append, **options), said


def test_every_run_arrives_and_it_is_said_where():
    tracker = Tracker()
    runs, said = tracking(tracker)
    with runs:
        for name in "abc":
            runs.run_finished(make_data(run_id=name))
            assert tracker.got[-1] == name
    assert said == ["Fake: 3 runs in nowhere"]
    assert tracker.is_closed


def test_a_failure_is_said_once_without_secrets_and_control_characters():
    tracker = Tracker(down=True)
    runs, said = tracking(tracker)
    with runs:
        for name in "abcd":
            runs.run_finished(make_data(run_id=name))
    first, last = said
    assert (
        "Fake failed, and the sweep goes on without it: ConnectionError: https://host is" in first
    )
    assert first.isprintable()
    assert last == "warning: Fake has 0 of 4 runs; the results have them all."
    assert tracker.num_tries == 4 + 2  # at the end it is not tried for ever
    assert tracker.is_closed


def test_what_failed_is_tried_again_at_the_end():
    tracker = Tracker(down=True)
    runs, said = tracking(tracker)
    with runs:
        runs.run_finished(make_data(run_id="a"))
        tracker.down = False
        runs.run_finished(make_data(run_id="b"))
        assert tracker.got == ["b"]
    assert tracker.got == ["b", "a"]
    assert said[-1] == "Fake: 2 runs in nowhere"


def test_one_run_that_a_tracker_refuses_does_not_hold_up_the_others():
    tracker = Tracker(poison=("a",))
    runs, said = tracking(tracker)
    with runs:
        for name in "abc":
            runs.run_finished(make_data(run_id=name))
    assert tracker.got == ["b", "c"]
    assert said[-1] == "warning: Fake has 2 of 3 runs; the results have them all."


def test_a_ladder_is_handed_over_at_its_end_also_when_it_is_interrupted():
    tracker = Tracker()
    runs, said = tracking(tracker, at_end=True)
    runs.run_finished(make_data(run_id="a"))
    assert tracker.got == []
    with pytest.raises(KeyboardInterrupt), runs:
        raise KeyboardInterrupt
    assert tracker.got == ["a"]
    assert said == ["Fake: 1 run in nowhere"]


def test_nothing_is_said_where_nothing_ran():
    runs, said = tracking(Tracker())
    with runs:
        pass
    assert said == []


class Hanging(Tracker):
    """Does not come back from one of its calls."""

    def __init__(self, method):
        super().__init__()
        self.method, self.calls, self.release = method, [], threading.Event()

    def _call(self, name):
        self.calls.append(name)
        if name == self.method:
            self.release.wait(10)

    def open(self):
        self._call("open")

    def log(self, entry):
        self._call("log")

    def close(self):
        self._call("close")


@pytest.mark.parametrize("method", ["open", "log", "close"])
def test_a_call_that_does_not_come_back_is_the_last_one(method):
    tracker = Hanging(method)
    runs, said = tracking(tracker, patience_s=0.05)
    with runs:
        for name in "ab":
            runs.run_finished(make_data(run_id=name))
    assert tracker.calls.count(method) == 1
    assert tracker.calls[-1] == method
    assert "Fake failed, and the sweep goes on without it: it did not answer for 0.05 s" in said[0]
    assert "trackers.fake=false leaves it out" in said[0]
    if method != "close":
        assert said[1:] == ["warning: Fake has 0 of 2 runs; the results have them all."]
    tracker.release.set()


class Exiting(Tracker):
    """As libraries do that take an error for the end of the program."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def open(self):
        raise self.error

    close = open


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), RecursionError(), OSError()])
def test_whatever_a_tracker_raises_at_any_of_its_calls_is_a_warning(error):
    runs, said = tracking(Exiting(error))
    with runs:
        runs.run_finished(make_data(run_id="a"))
    assert type(error).__name__ in said[0]
    assert len(said) == 2


def test_all_calls_are_made_in_one_thread():
    class Telling(Tracker):
        threads: set = set()  # noqa: RUF012

        def open(self):
            self.threads.add(threading.get_ident())

        close = open

    runs, _ = tracking(Telling())
    with runs:
        runs.run_finished(make_data(run_id="a"))
    assert len(Telling.threads) == 1
    assert threading.get_ident() not in Telling.threads


def test_a_run_of_which_no_entry_can_be_made_is_told():
    class NoEntries:
        def of(self, data):
            raise KeyError(data.run.run_id)

    said = []
    runs = Tracking([Tracker()], NoEntries(), said.append)
    with runs:
        runs.run_finished(make_data(run_id="a"))
    assert "KeyError" in said[0]
