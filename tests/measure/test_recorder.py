"""Steps in, timed blocks out, on disk as they end."""

from __future__ import annotations

from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.journal import lines_of
from ray_bench.measure.recorder import Recorder
from tests.fakes import FakeClock


def test_blocks_are_on_disk_while_steps_are_still_made(tmp_path):
    clock, path = FakeClock(), tmp_path / "rank-0.jsonl"
    measure = MeasureConfig(warmup_steps=6, warmup_s=0, block_s=0.02)
    recorder = Recorder(measure, rank=0, agree=lambda x: x)
    assert not recorder.has_started
    recorder.start(path, clock, optimizer="SGD")
    timed = []
    for _ in range(12):
        clock.advance(0.01)
        timed.append(recorder.step(4, source="indices", lr=0.1))
    recorder.evaluated()
    clock.advance(0.5)
    timed += [recorder.step(4, source="indices", lr=0.1)]
    lines = lines_of(path)
    assert [line["kind"] for line in lines] == ["facts", *["block"] * 6, "warm", *["block"] * 3]
    blocks = [line for line in lines if line["kind"] == "block" and not line["is_warmup"]]
    assert [(x["num_steps"], round(x["duration_s"], 6)) for x in blocks] == [
        (2, 0.02),
        (2, 0.02),
        (1, 0.01),
    ]
    assert timed == [False] * 7 + [True] * 5 + [False]
    recorder.close("over")
    end = lines_of(path)[-1]
    assert (end["kind"], end["reason"], end["num_timed"]) == ("end", "over", 5)
