"""A running sweep in the browser: what is so far, what is asked of it, and the stream of it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ray_bench.serve.board import LogPart
from ray_bench.serve.live.drawn import pace, steady
from ray_bench.serve.live.gather import LiveViews
from ray_bench.serve.live.speeds import speeds, speedup
from ray_bench.serve.live.words import findings, rough
from ray_bench.serve.pages.jobs import end_of_log
from ray_bench.store import ResultsStore
from ray_bench.store.live import write_live
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.plan import new_plan
from ray_bench.sweep.progress import SweepProgress
from ray_bench.sweep.requested import resolve
from tests.samples import data_of
from tests.serve.conftest import PAGE

SETTINGS = ("workload=emulated", "world_sizes=[1,2]", "repeats=2", "price_per_worker_hour=2")
SETTINGS += ("measure.sentinel=false", "steps=40")
NOW = datetime.now(UTC)


@pytest.fixture
def store(results):
    return ResultsStore(results)


@pytest.fixture
def plan(store):
    """A sweep of four runs, of which three have ended and the last goes on."""
    plan = new_plan(resolve(None, SETTINGS).config, store, "ray-bench run ...")
    store.write_sweep(plan.sweep)
    live = LiveSweep(plan.sweep.sweep_id, SweepProgress(plan.planned))
    for run in plan.planned[:3]:
        live.run_started(run)
        speed = 100.0 * run.point.world_size**0.9 + run.repeat
        data = data_of(run, plan.sweep.sweep_id, throughput_samples_per_s=speed, with_tables=False)
        store.write_run(data)
        live.run_finished(data.run)
    live.run_started(plan.planned[3])
    write_live(store, plan.sweep.sweep_id, live.state())
    return plan


def change_live(store, plan, **changes):
    path = store.local_folder / "live" / f"{plan.sweep.sweep_id}.json"
    state = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(state))


def put_job(client, board, plan, **changes):
    """A job of the board that measures the sweep."""
    client.post("/api/v1/jobs", json={"settings": list(SETTINGS)})
    values = {"phase": "running", "sweep_id": plan.sweep.sweep_id, "place": None, **changes}
    return board.put(replace(board.jobs()[0], started_at_utc=NOW, **values))


def url(plan, part="live"):
    return f"/sweeps/{plan.sweep.sweep_id}/{part}"


def test_it_says_how_far_it_is_and_what_the_rest_will_tell(client, plan):
    text = client.get(url(plan), headers=PAGE).text
    assert "3 of 4 runs done, about" in text
    assert "live, updated" in text
    assert "2 workers are 1.8" in text
    last = plan.planned[3].point.world_size
    assert f"<b>Run 4</b> gives {last} worker" in text
    assert "of about" in text, "money"
    assert "USD" in text
    assert text.count('<td class="now"') == 1
    assert "Stop now" not in text, "it was started elsewhere"
    assert "It was started elsewhere" in text
    part = client.get(url(plan), headers={**PAGE, "HX-Request": "true"}).text
    assert "<html" not in part
    assert f'sse-connect="/sweeps/{plan.sweep.sweep_id}/events?log=0&amp;level=2"' in part
    assert ("<h1" in part, '<h2 class="answer"' in part) == (False, True), "the report has the h1"


def test_a_sweep_of_the_board_can_be_stopped_after_this_run_or_now(client, board, plan):
    job = put_job(client, board, plan)
    text = client.get(url(plan), headers=PAGE).text
    assert "Stop after this run" in text
    assert "one line" in text, "its log"
    assert client.get(f"/jobs/{job.job_id}", headers=PAGE).headers["location"] == url(plan)
    asked = client.get(f"/jobs/{job.job_id}/stop", headers=PAGE).text
    assert "The run that is under way is dropped" in asked
    for when in ("after", "now"):
        answer = client.post(f"/jobs/{job.job_id}/stop", data={"when": when}, headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, url(plan))
    assert board.stopped == [(job.job_id, False), (job.job_id, True)]
    assert client.post(f"/jobs/{job.job_id}/stop", data={"when": "x"}).status_code == 422
    assert client.get("/jobs/nobody/stop", headers=PAGE).status_code == 404
    assert "one line" in client.get(f"/jobs/{job.job_id}/log").text


def test_a_sweep_that_has_stopped_is_resumed_once(client, board, store, plan):
    job = put_job(client, board, plan, phase="stopped")
    change_live(store, plan, state="interrupted", runs=[])
    text = client.get(url(plan), headers=PAGE).text
    assert "Stopped: 3 of 4 runs done" in text
    assert "sse-connect" not in text
    first = client.post(url(plan, "resume"), headers=PAGE)
    assert (first.status_code, first.headers["location"]) == (303, "/jobs/job-2")
    assert board.job("job-2").request.resumed == plan.sweep.sweep_id
    assert client.post(url(plan, "resume"), headers=PAGE).headers["location"] == "/jobs/job-2"
    assert len(board.jobs()) == 2
    board.put(replace(board.job("job-2"), phase="running", sweep_id=plan.sweep.sweep_id))
    starting = client.get(url(plan), headers=PAGE).text
    assert "3 of 4 runs done, the rest starts" in starting
    assert "sse-connect" in starting
    assert job.job_id != "job-2"


def test_a_sweep_that_runs_is_not_resumed(client, board, plan):
    assert client.post(url(plan, "resume"), headers=PAGE).status_code == 409
    assert board.jobs() == ()


def test_silence_is_said_and_numbers_are_as_of_then(client, store, plan):
    then = datetime.now(UTC) - timedelta(seconds=40)
    change_live(store, plan, updated_at_utc=then.isoformat())
    text = client.get(url(plan), headers=PAGE).text
    assert "No news for 4" in text
    assert f"as of {then:%H:%M:%S}" in text
    assert ">Resume<" not in text, "it may come back"


def test_silence_and_the_end_of_a_job_are_no_start(client, board, store, plan):
    then = datetime.now(UTC) - timedelta(seconds=400)
    change_live(store, plan, updated_at_utc=then.isoformat())
    job = put_job(client, board, plan)
    board.put(replace(job, started_at_utc=then - timedelta(seconds=9)))
    text = client.get(url(plan), headers=PAGE).text
    assert "No news for 6 min" in text
    assert "the rest starts" not in text
    change_live(store, plan, state="finished", runs=[])
    assert "the rest starts" not in client.get(url(plan), headers=PAGE).text


def test_a_run_that_diverged_is_no_failure(client, store, plan):
    run = plan.planned[3]
    changes = {"status": "diverged", "throughput_samples_per_s": None, "with_tables": False}
    store.write_run(data_of(run, plan.sweep.sweep_id, **changes))
    change_live(store, plan, num_ended=4, num_failed=1, num_lasting=1, runs=[])
    text = client.get(url(plan), headers=PAGE).text
    assert "<dt>Diverged or stopped</dt><dd>1<" in text
    assert "<dt>Failed</dt><dd>0<" in text
    assert '<span class="vh">ended,</span> diverged' in text
    assert 'class="fail"' not in text
    runs = client.get(url(plan, "runs"), headers=PAGE).text
    assert '<span class="state warn"><svg class="ico warn"' in runs


def test_a_finding_has_its_interval_or_says_that_it_has_none(store, plan):
    runs = store.runs(plan.sweep.sweep_id)
    assert findings(speeds(runs)).endswith("(too few runs for an interval)")
    more = data_of(
        plan.planned[3], plan.sweep.sweep_id, throughput_samples_per_s=150.0, with_tables=False
    )
    assert re.search(r"keep \d+ % of .* \(\d+ to \d+ %\)$", findings(speeds((*runs, more.run))))


def test_a_sweep_that_was_deleted_is_gone(client, store, plan):
    assert client.get(url(plan), headers=PAGE).status_code == 200
    (store.local_folder / "sweeps" / f"{plan.sweep.sweep_id}.parquet").unlink()
    assert client.get(url(plan), headers=PAGE).status_code == 404
    assert client.get(url(plan, "events")).status_code == 404


def test_of_a_long_log_the_end_is_shown_in_whole_lines():
    text = "".join(f"line {i}\n" for i in range(20_000))

    class Board:
        def log(self, job_id, offset):
            part = text[offset : offset + 128 * 1024]
            return LogPart(part, min(offset, len(text)) + len(part), is_whole=True)

    end = end_of_log(Board(), "job")
    assert end.text.splitlines()[-1] == "line 19999"
    assert 60_000 < len(end.text) <= 65_536
    assert text.endswith("\n" + end.text)
    assert end.next_offset == len(text)


def test_the_stream_tells_every_part_once_and_ends_with_the_sweep(client, board, store, plan):
    put_job(client, board, plan, phase="finished")
    change_live(store, plan, state="finished", runs=[])
    answer = client.get(url(plan, "events"), headers={"Last-Event-ID": "4"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [x for x in answer.text.split("\n\n") if x.startswith("event: ")]
    names = [x.splitlines()[0].removeprefix("event: ") for x in events]
    assert names == ["state", "said", "acts", "news", "body", "rest", "log", "over"]
    assert "its report is there" in answer.text
    assert "data: line" in events[-2], "the log goes on where the browser was"
    assert "id: 9" in events[-2]


def test_hostile_texts_stay_texts(client, board, store, plan):
    change_live(store, plan, state="failed", message="<script>alert(1)</script>\n\nevent: over")
    put_job(client, board, plan, phase="failed")
    board.log = lambda _, offset: LogPart("\x1b[31m\u202elog"[offset:], 9, is_whole=True)
    for text in (client.get(url(plan), headers=PAGE).text, client.get(url(plan, "events")).text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
        assert not {"\x1b", "\u202e"} & set(text)
        assert text.count("\nevent: over") <= 1


@pytest.mark.parametrize("name", ["nobody", "..", "%2e%2e%2fetc", "sweep"])
def test_sweeps_that_are_not_there(client, name):
    for part in ("live", "events"):
        assert client.get(f"/sweeps/{name}/{part}", headers=PAGE).status_code == 404
    assert client.post(f"/sweeps/{name}/resume", headers=PAGE).status_code == 404


def test_runs_are_read_again_only_when_one_more_has_ended(store, plan, monkeypatch):
    views = LiveViews(store)
    seen = views.view(plan.sweep.sweep_id)
    monkeypatch.setattr(type(store), "runs", lambda *_: pytest.fail("nothing has ended"))
    change_live(store, plan, elapsed_s=99.0)
    assert views.view(plan.sweep.sweep_id).live["elapsed_s"] == 99.0
    assert len(seen.runs) == 3


def test_speed_so_far_has_the_interval_of_its_runs(store, plan):
    runs = store.runs(plan.sweep.sweep_id)
    one, two = speeds(runs)
    by_size = {speed.world_size: len(speed.rates) for speed in (one, two)}
    assert sorted(by_size.values()) == [1, 2]
    single, pair = sorted((one, two), key=lambda x: len(x.rates))
    assert single.rate.low is None
    assert pair.rate.low < pair.rate.value < pair.rate.high
    assert speedup(two, one).value == pytest.approx(two.rate.value / one.rate.value)
    assert speedup(two, one).low is None
    drawn = pace((one, two))
    assert all(0 <= y <= 1000 for dot in drawn.dots for y in (dot.y, *dot.singles))
    assert "no interval" in {dot.interval.partition(", ")[2] for dot in drawn.dots}
    assert pace(()) is None


def test_the_pace_of_a_run_is_against_its_median():
    drawn = steady({"pace": [[1.0, 100.0], [2.0, 104.0], [3.0, 97.0]]})
    assert (drawn.title, drawn.reach, drawn.seconds) == (
        "This run: its pace stays within 4 % of the median",
        5,
        (1, 3),
    )
    assert drawn.dots[1][1] < 500 < drawn.dots[2][1]
    assert steady(None) is None
    assert steady({"pace": [[1.0, 0.0]] * 3}) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "5 s"), (41, "40 s"), (600, "10 min"), (7790, "2 h 10 min")]
)
def test_what_is_not_known_to_the_second_is_rough(seconds, text):
    assert rough(seconds) == text


@pytest.mark.parametrize("suffix", ["", "/live"])
def test_a_configuration_that_leaves_out_the_batch_has_no_plan_and_a_page(client, suffix):
    assert client.get(f"/sweeps/sweep-1{suffix}", headers=PAGE).status_code == 200
