"""Results in an object store that is there, away, overloaded, or silent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ray_bench.errors import AlreadyStoredError, ConfigError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.store.patience import VARIABLE, patience_s
from tests.samples import make_data, make_sweep
from tests.store.conftest import BUCKET

ROOT = f"s3://{BUCKET}/results"
FAULTS = ("away", "503", "lost")


def store_at(proxy, said=None) -> ResultsStore:
    say = (lambda text: None) if said is None else said.append
    return ResultsStore(f"{ROOT}?{proxy.uri_options}", say=say)


def fill(store, **changes) -> None:
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(make_data(**changes))


def test_endpoint_and_scheme_of_the_uri(proxy):
    store = store_at(proxy)
    store.check_writable()
    fill(store)
    assert store.read().runs == (make_data().run,)
    assert store.write_text("report.md", "x") == f"{ROOT}/report.md"
    assert store.read_text("report.md") == "x"
    assert store.read_text("other.md") is None


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_endpoint_of_the_environment(proxy, monkeypatch, name):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}/")
    fill(ResultsStore(ROOT))
    assert ResultsStore(ROOT).read().sweep == make_sweep(run_ids=("a",))


def test_attempts_stay(proxy):
    store = store_at(proxy)
    fill(store, status="failed")
    store.write_run(make_data(attempt=2))
    assert [run.attempt for run in store.runs(make_sweep().sweep_id)] == [2]
    assert [run.status for run in store.attempts(make_sweep().sweep_id)] == ["failed", "ok"]


@pytest.mark.parametrize("mode", FAULTS)
def test_an_outage_is_borne_and_said(proxy, mode):
    said: list[str] = []
    store = store_at(proxy, said)
    store.check_writable()
    with proxy.fails(mode, 0.4):
        fill(store)
    assert said[0].startswith(f"results in {ROOT} cannot be reached (")
    assert said[0].endswith("trying again for 180 s more")
    assert said[-1] == f"results in {ROOT} can be reached again"
    with proxy.fails(mode, 0.4):
        assert store.read().runs == (make_data().run,)


def test_the_reason_is_short(proxy):
    said: list[str] = []
    with proxy.fails("503", 0.2):
        store_at(proxy, said).check_writable()
    assert "cannot be reached (503);" in said[0]


def test_a_lost_answer_writes_the_run_once(proxy):
    store = store_at(proxy)
    store.write_sweep(make_sweep(run_ids=("a",)))
    with proxy.fails("lost", 0.3):
        store.write_run(make_data())
    store.write_run(make_data())
    assert len(store.read().runs) == 1
    with pytest.raises(AlreadyStoredError, match=r"stored already, with other content.*kept in"):
        store.write_run(make_data(wall_s=1.0))
    assert store.read().runs[0].wall_s == make_data().run.wall_s


def test_a_silent_store_is_an_error_in_time(proxy, monkeypatch):
    monkeypatch.setattr("ray_bench.store.patience.TRY_S", 0.2)
    monkeypatch.setenv(VARIABLE, "0.5")
    said: list[str] = []
    store = store_at(proxy, said)
    proxy.mode = "hang"
    with pytest.raises(StoreError, match=r"Cannot list .*no answer within 0.2 s"):
        store.write_sweep(make_sweep())
    assert "no answer" in said[0]


def test_a_store_that_was_given_up_on_is_not_waited_for_again(proxy, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0.3")
    said: list[str] = []
    store = store_at(proxy, said)
    proxy.mode = "503"
    with pytest.raises(StoreError):
        store.sweeps()
    proxy.requests.clear()
    with pytest.raises(StoreError, match=r"Cannot list .*503|SLOW_DOWN"):
        store.sweeps()
    assert len(proxy.requests) == 1
    proxy.mode = "pass"
    assert store.sweeps() == ()
    with proxy.fails("503", 0.1):
        assert store.sweeps() == ()


@pytest.mark.parametrize("what", ["bucket", "access"])
def test_what_cannot_heal_is_not_tried_again(proxy, what):
    said: list[str] = []
    root = f"s3://nobucket/results?{proxy.uri_options}" if what == "bucket" else ROOT
    proxy.mode = "pass" if what == "bucket" else "403"
    store = ResultsStore(root, say=said.append) if what == "bucket" else store_at(proxy, said)
    with pytest.raises(StoreError, match=r"NO_SUCH_BUCKET|ACCESS_DENIED"):
        store.check_writable()
    assert said == []
    assert len(proxy.requests) == 1


def test_a_run_that_cannot_be_stored_waits_on_this_machine(proxy, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0.2")
    said: list[str] = []
    store = store_at(proxy, said)
    store.write_sweep(make_sweep())
    proxy.go_away()
    with pytest.raises(StoreError, match=r"The run is kept in .*, and will be stored when"):
        store.write_run(make_data())
    proxy.come()
    store.write_run(make_data(run_id="b"))
    assert [run.run_id for run in store.read().runs] == ["a", "b"]
    assert "Stored 1 run that was kept aside" in said[-1]
    assert list(store.read().blocks["run_id"]) == ["a", "a", "b", "b"]


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "1e9"])
def test_patience_is_a_number_of_seconds(monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match=VARIABLE):
        patience_s()


def test_google_goes_the_same_way(proxy, monkeypatch):
    """There is no Google here: that it cannot be reached is found by its own client."""
    monkeypatch.setenv(VARIABLE, "0")
    proxy.go_away()
    options = f"endpoint_override=127.0.0.1:{proxy.port}&scheme=http&retry_limit_seconds=1"
    store = ResultsStore(f"gs://anonymous@bucket/results?{options}")
    with pytest.raises(StoreError, match=r"Cannot list gs://.*Could not connect"):
        store.write_sweep(make_sweep())


def test_listing_a_store_takes_few_requests(proxy):
    store = store_at(proxy)
    for number in range(20):
        sweep_id = f"s{number:02}"
        store.write_sweep(make_sweep(sweep_id=sweep_id, run_ids=("a",)))
        store.write_run(make_data(sweep_id=sweep_id, with_tables=False))
    proxy.requests.clear()
    assert len(store.summaries()) == 20
    lists = [request for request in proxy.requests if "list-type=2" in request]
    # sweeps and runs with the index of each, and that there are no labels and no answers
    assert len(lists) == 6
    # Two requests a file, what it is and its content: the segment that the 17th sweep made of those
    # before it, the 4 sweeps and 20 runs that have none. Then a segment of each kind is made.
    assert len(proxy.requests) == 6 + 2 * (1 + 4 + 20) + 2
    proxy.requests.clear()
    assert len(store.summaries()) == 20
    assert len(proxy.requests) == 6 + 2 * 3  # two segments of sweeps, one of runs


def test_ctrl_c_ends_a_program_whose_store_hangs(proxy):
    proxy.mode = "hang"
    child = subprocess.Popen(
        [sys.executable, "-m", "ray_bench", "report", f"{ROOT}?{proxy.uri_options}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    while not proxy.requests:
        time.sleep(0.05)
    begun_s = time.monotonic()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert time.monotonic() - begun_s < 15


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["away", "503", "hang"])
def test_twenty_seconds_without_a_store_lose_nothing(proxy, monkeypatch, mode):
    monkeypatch.setattr("ray_bench.store.patience.FIRST_WAIT_S", 0.5)
    said: list[str] = []
    store = store_at(proxy, said)
    store.write_sweep(make_sweep(run_ids=tuple("abcdefgh")))
    with contextlib.ExitStack() as faults:
        for run_id in "abcdefgh":
            if run_id == "d":
                faults.enter_context(proxy.fails(mode, 20))
            store.write_run(make_data(run_id=run_id))
    assert [run.run_id for run in store.read().runs] == list("abcdefgh")
    assert len(store.read().blocks["run_id"]) == 16
    assert said[-1].endswith("can be reached again")


def test_of_two_who_label_at_once_neither_loses_anything(proxy):
    one, other = store_at(proxy), store_at(proxy)
    fill(one)
    sweep_id = make_sweep().sweep_id
    with ThreadPoolExecutor(2) as pool:
        for number in range(5):
            pool.submit(one.label, sweep_id, added=(f"a{number}",), note=f"{number}")
            pool.submit(other.label, sweep_id, added=(f"b{number}",), name=f"n{number}")
    found = one.labels(sweep_id)
    assert sorted(found.tags) == [f"{who}{number}" for who in "ab" for number in range(5)]
    assert found.name is not None
    assert found.note is not None
    assert one.undo_label(sweep_id)
    assert len(other.labels(sweep_id).tags) == 9
    assert one.sweep_id("a0" if "a0" in other.labels(sweep_id).tags else "b0") == sweep_id
    (summary,) = other.summaries()
    assert summary.labels == other.labels(sweep_id)
