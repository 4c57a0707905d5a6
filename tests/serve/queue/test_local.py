"""The queue of this machine: one after the other, over restarts and kills; nothing is lost."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from ray_bench.errors import LaunchError, StoreError
from ray_bench.serve.queue.folder import JobFolder
from tests.serve.queue.conftest import at, until, wanted


def started(settings) -> list[dict]:
    """What the fakes were called with, in the order in which they began."""
    files = sorted(Path(settings.results).glob("sweep-*.json"), key=lambda x: x.stat().st_mtime_ns)
    return [json.loads(x.read_text()) for x in files]


def test_a_sweep_is_run_with_its_words_and_its_end_is_learned(board, settings, monkeypatch):
    monkeypatch.setenv("HARMLESS", "kept")
    monkeypatch.setenv("SOME_TOKEN", "Bearer a-secret-token")
    monkeypatch.setenv("RAY_BENCH_TOKEN", "a-token-of-nobody-any-more")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    request = wanted("", name="x; touch /tmp/pwned $(id)", tags=("a", "b"), budget="20min")
    job = at(board, board.submit(request, "ann"), "finished")
    assert (job.actor, job.exit_code, job.error, job.place) == ("ann", 0, None, None)
    assert job.started_at_utc <= job.ended_at_utc
    (call,) = started(settings)
    assert call["words"] == [
        *("run", "demo", "world_sizes=[1,2]", f"--results={settings.results}", "--budget=20min"),
        *("--name=x; touch /tmp/pwned $(id)", "--tag=a", "--tag=b"),
    ]
    assert job.sweep_id == f"sweep-{call['pid']}"
    assert "a-secret-token" not in json.dumps(call)
    assert call["environment"]["HARMLESS"] == "kept"
    assert not {"RAY_ADDRESS", "RAY_BENCH_TOKEN"} & set(call["environment"])
    assert call["cwd"] == os.getcwd(), "data and modules are where the service was started"
    part = board.log(job.job_id, 0)
    assert part.text == f"Sweep {job.sweep_id} begins.\ndone\n"
    assert (part.is_whole, board.log(job.job_id, part.next_offset).text) == (True, "")
    assert board.job_of_sweep(job.sweep_id) == job


def test_sweeps_follow_each_other_and_one_that_waits_can_be_taken_out(board, settings):
    first, second, third = (board.submit(wanted("wait", name=x), "ann") for x in "abc")
    at(board, first, "running", has_sweep=True)
    assert [(x.job_id, x.phase, x.place) for x in board.jobs()] == [
        (third.job_id, "queued", 2),
        (second.job_id, "queued", 1),
        (first.job_id, "running", None),
    ]
    board.stop(second.job_id, now=False)
    assert board.job(second.job_id).phase == "stopped"
    assert board.job(third.job_id).place == 1
    board.stop(first.job_id, now=True)
    assert at(board, first, "stopped").exit_code == 130
    at(board, third, "running", has_sweep=True)
    assert len(started(settings)) == 2, "the cancelled one never began"
    with pytest.raises(LaunchError, match="has ended already"):
        board.stop(first.job_id, now=True)


def test_the_same_key_is_one_job_also_from_two_services_at_once(board, make_board, settings):
    other = make_board()
    request = wanted("", request_key="chosen-by-the-form")
    found = []
    threads = [
        threading.Thread(target=lambda b=b: found.append(b.submit(request, "ann").job_id))
        for b in (board, other) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    at(board, board.job(found[0]), "finished")
    assert len(board.jobs()) == len(started(settings)) == 1
    assert other.jobs() == board.jobs()


def test_one_of_two_services_starts_jobs_and_the_other_takes_over(make_board, settings):
    one = make_board()
    until(lambda: one._lock is not None)
    two = make_board()
    job = two.submit(wanted("wait"), "ann")
    at(two, job, "running", has_sweep=True)
    assert two._lock is None
    one.close()
    until(lambda: two._lock is not None)
    assert at(two, job, "running").sweep_id is not None, "it goes on"
    two.stop(job.job_id, now=False)
    assert at(two, job, "stopped").exit_code == 130


def test_stop_after_this_run_leaves_a_note_in_the_results(board, settings):
    job = at(board, board.submit(wanted("wait"), "ann"), "running", has_sweep=True)
    board.stop(job.job_id, now=False)
    ended = at(board, job, "stopped")
    note = Path(settings.results) / "live" / f"{ended.sweep_id}.stop"
    assert (note.read_text(), ended.exit_code) == ("stop\n", 130)


def test_a_failure_says_its_last_words_without_the_terminal_s_codes(board):
    job = at(board, board.submit(wanted("fail"), "ann"), "failed")
    assert (job.exit_code, job.error) == (1, "[31mit does not fit[0m.")


def test_a_resumed_sweep_is_asked_for_by_its_id(board, settings):
    job = at(board, board.submit(wanted("", resumed="sweep-7"), "ann"), "finished")
    assert job.sweep_id == "sweep-7"
    assert started(settings)[0]["words"][-2:] == ["--resume", "--sweep=sweep-7"]


SERVICE = """
import sys, time
from pathlib import Path
from ray_bench.serve.queue.local import LocalBoard
from ray_bench.serve.settings import ServeSettings
from tests.serve.queue.conftest import PROGRAM, wanted
board = LocalBoard(ServeSettings(results=sys.argv[1], state_dir=Path(sys.argv[2])), PROGRAM)
for number in range(1000):
    print(board.submit(wanted("wait", request_key=str(number)), "ann").job_id, flush=True)
    time.sleep(0.01)
"""


def test_a_service_that_is_killed_loses_and_doubles_nothing(make_board, settings, tmp_path):
    """Killed while it submits one job after the other; the form then sends the last one again."""
    command = [sys.executable, "-c", SERVICE, settings.results, str(settings.state_dir)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as service:
        try:
            said = [service.stdout.readline().strip() for _ in range(5)]
            until(lambda: started(settings))
        finally:
            service.kill()
        said += service.stdout.read().split()
    board = make_board()
    known = {job.job_id: job for job in board.jobs()}
    assert set(said) <= set(known)
    assert len(known) - len(said) <= 1, "the one that was being answered"
    again = board.submit(wanted("wait", request_key=str(len(said) - 1)), "ann")
    assert again.job_id == said[-1]
    (running,) = [job for job in board.jobs() if job.phase == "running"]
    at(board, running, "running", has_sweep=True)
    assert len(started(settings)) == 1, "its sweep goes on without the service"
    for job in board.jobs():
        if job.phase == "queued":
            board.stop(job.job_id, now=True)
    board.stop(running.job_id, now=True)
    assert at(board, running, "stopped").exit_code == 130


def test_a_watcher_that_is_killed_is_no_end_that_is_known(board):
    job = at(board, board.submit(wanted("wait"), "ann"), "running", has_sweep=True)
    watcher = JobFolder(board._folder / job.job_id).watcher()
    (sweep,) = watcher.children()
    watcher.kill()
    ended = at(board, job, "failed")
    assert ended.exit_code is None
    assert "was killed" in ended.error
    sweep.terminate()
    psutil.wait_procs([sweep], timeout=10)


def test_another_process_with_the_number_of_a_watcher_is_left_alone(board, make_board, settings):
    folder = JobFolder(board._folder / ("job-" + "0" * 16))
    read_only = replace(settings, read_only=True)
    board.close()
    folder.write_request(wanted(), "ann")
    claim = {"pid": os.getpid(), "created_s": 1.0, "at_utc": "2026-03-01T00:00:00+00:00"}
    (folder.path / "begun.json").write_text(json.dumps(claim))
    looking = make_board(settings=read_only)
    assert looking.job(folder.job_id).phase == "failed"
    with pytest.raises(LaunchError, match="has ended already"):
        looking.stop(folder.job_id, now=True)


@pytest.mark.parametrize(
    "job_id", ["", "..", "../..", "job-", "job-xyz", "job-" + "0" * 16, "a\0b"]
)
def test_names_that_are_no_jobs_are_none(board, job_id):
    assert board.job(job_id) is None
    with pytest.raises(LaunchError, match="There is no job"):
        board.stop(job_id, now=True)
    with pytest.raises(LaunchError, match="There is no job"):
        board.log(job_id, 0)


def test_a_folder_that_cannot_be_written_is_refused(settings, tmp_path, make_board):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--state-dir"):
        make_board(settings=replace(settings, state_dir=tmp_path / "file"))


def test_a_log_is_given_in_whole_lines_and_parts(board, make_board, settings):
    board.close()
    folder = JobFolder(settings.state_dir / "queue" / ("job-" + "1" * 16))
    folder.write_request(wanted(), "ann")
    folder.log.write_bytes("one\ntwö".encode()[:-1])
    assert (folder.part(0, has_ended=False).text, folder.part(0, has_ended=False).next_offset) == (
        "one\n",
        4,
    )
    assert folder.part(0, has_ended=True).text.startswith("one\ntw")
    assert folder.part(10**9, has_ended=True).is_whole


def test_a_file_of_a_job_that_is_damaged_is_said_and_the_queue_goes_on(board, settings):
    damaged = settings.state_dir / "queue" / "job-0123456789abcdef"
    damaged.mkdir()
    (damaged / "request.json").write_text("")
    with pytest.raises(StoreError, match=r"request\.json is damaged.*Remove the folder"):
        board.jobs()
    folder = JobFolder(settings.state_dir / "queue" / "job-0123456789abcde0")
    assert folder.write_request(wanted("", request_key="k"), "ann")
    (damaged / "request.json").unlink()
    job = board.job(folder.job_id)
    assert at(board, job, "finished").exit_code == 0
