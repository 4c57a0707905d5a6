"""A rank is followed to its end: measured, failed, hanging, or stopped for another one's sake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ray_bench.launch.failures import Failure
from ray_bench.launch.scripts import rank as script_rank
from ray_bench.launch.scripts.journal import JournalReader
from ray_bench.launch.scripts.process import ScriptProcess, environment_of
from ray_bench.launch.scripts.rank import RankEnd, ScriptRank
from ray_bench.train.live import LiveRank

#: What an attachment would write, without torch.
STEPS = """
import json, os, pathlib, sys, time
place = pathlib.Path(FOLDER) / "attached/20260101-w1"
place.mkdir(parents=True)
file = (place / "rank-0.jsonl").open("w")
def write(kind, **values):
    file.write(json.dumps({"kind": kind, **values}) + "\\n"); file.flush()
def block(number, steps, is_warmup=False):
    write("block", rank=0, block=number, epoch=1, num_steps=steps, num_samples=8 * steps,
          start_s=number, duration_s=1.0, is_warmup=is_warmup, num_tokens=None, lr=0.1)
write("facts", num_ranks=1)
block(0, 5, True)
block(1, 10)
"""


class Meeting:
    """Of a rank whose peers are fine, or have failed."""

    def __init__(self, *, has_failed: bool = False) -> None:
        self.has_failed = has_failed
        self.told = False

    def fail(self) -> None:
        self.told = True


def followed(folder: Path, code: str, *, meeting=None, limit_s=20.0):
    """Return how it ended, what was told of it while it ran, and the meeting."""
    meeting, live, records = meeting or Meeting(), LiveRank(), []
    code = STEPS.replace("FOLDER", repr(str(folder))) + code if "block" not in code else code
    process = ScriptProcess(
        [sys.executable, "-S", "-c", code], environment=environment_of({}), folder="."
    )
    journal = JournalReader(folder, run_id="r", num_steps=10, live=live, record=records.append)
    rank = ScriptRank(0, process, journal, meeting, limit_s=limit_s, show=None)
    try:
        return rank.follow(), live, records, meeting
    finally:
        process.close()


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    for name, seconds in {"LOOK_EVERY_S": 0.05, "ASK_EVERY_S": 0.05, "GRACE_S": 0.3}.items():
        monkeypatch.setattr(script_rank, name, seconds)


def test_a_rank_that_is_measured_has_its_steps_told(tmp_path):
    end, live, records, _ = followed(tmp_path, "write('end', reason='measured')")
    assert (end.failure, end.is_stopped) == (None, False)
    assert (live.step, live.num_steps, live.num_samples, live.phase) == (15, 15, 120, "training")
    assert [block.num_steps for block in records] == [5, 10]
    assert [json.loads(line)["kind"] for line in end.journal.splitlines()][-1] == "end"


def test_what_comes_after_the_measurement_does_not_spoil_it(tmp_path, monkeypatch):
    monkeypatch.setattr(script_rank, "LINGER_S", 0.2)
    end, *_ = followed(tmp_path, "write('end', reason='measured')\ntime.sleep(60)")
    assert end.failure is None


def test_a_script_that_is_measured_may_clean_up_after_itself(tmp_path):
    code = "write('end', reason='measured')\ntime.sleep(0.5)\nprint('cleaned', flush=True)"
    end, *_ = followed(tmp_path, code)
    assert (end.failure, b"cleaned" in end.output) == (None, True)


def test_a_signal_after_the_end_of_the_script_loses_nothing(tmp_path):
    end, _, _, meeting = followed(tmp_path, "write('end')\nos.abort()")
    assert (end.failure, end.died_at_exit, meeting.told) == (None, True, False)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("write('end')\nos._exit(3)", "ScriptEnded", "exit code 3"),
        ("sys.exit(3)", "ScriptEnded", "exit code 3"),
        ("raise KeyError('planted')", "KeyError", "planted"),
        ("write('end', error_type='TrainingError', error_message='said')\nsys.exit('x')",
         "TrainingError", "said"),
        ("write('end', error_type='SystemExit', error_message='4')\nsys.exit(4)",
         "ScriptEnded", "exit code 4"),
    ],
)  # fmt: skip
def test_a_rank_that_fails_tells_the_others(tmp_path, code, kind, words):
    end, _, records, meeting = followed(tmp_path, code)
    assert end.failure is not None
    assert (end.failure.type, end.failure.rank) == (kind, 0)
    assert words in end.failure.message
    assert meeting.told
    assert len(records) == 2


def test_a_rank_that_stands_still_says_where(tmp_path):
    code = "import time  # no block\ndef load_the_data():\n    time.sleep(60)\nload_the_data()\n"
    end, *_ = followed(tmp_path, code, limit_s=0.5)
    assert end.failure is not None
    assert end.failure.type == "ScriptHung"
    assert "has not made a step for 0.5 s. It stood in load_the_data (" in end.failure.message
    assert "launch.timeout_s=0.5" in end.failure.message
    assert "load_the_data" in (end.failure.traceback or "")


def test_a_rank_whose_peer_has_failed_is_stopped_after_a_moment(tmp_path):
    end, *_ = followed(tmp_path, "time.sleep(60)", meeting=Meeting(has_failed=True))
    assert (end.failure, end.is_stopped) == (None, True)


def test_the_first_failure_that_is_no_consequence_is_the_cause():
    def of(rank: int, ended_s: float, kind: str, words: str, trace: str = "") -> RankEnd:
        failure = Failure(kind, words, rank, traceback=trace)
        return RankEnd(
            rank=rank, failure=failure, is_stopped=False, ended_s=ended_s, journal=b"", output=b""
        )

    lost = of(0, 1.0, "ConnectionLost", "Connection closed by peer")
    late, early = of(1, 3.0, "ValueError", "late"), of(2, 2.0, "KeyError", "early")
    waits = of(3, 0.5, "ScriptHung", "x", 'File "/x/torch/distributed/c10d.py", line 1 in wait')
    assert [x.rank for x in sorted((lost, late, early, waits), key=lambda x: x.blame)] == [
        2,
        1,
        3,
        0,
    ]
