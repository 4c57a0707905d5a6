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


class Rate:
    """As a tensor on a device: to read it makes the script wait."""

    num_reads = 0

    def __float__(self):
        self.num_reads += 1
        return 0.1


def test_a_learning_rate_on_a_device_is_read_when_a_block_ends(tmp_path):
    clock, lr = FakeClock(), Rate()
    measure = MeasureConfig(warmup_steps=6, warmup_s=0, block_s=0.05)
    recorder = Recorder(measure, rank=0, agree=lambda x: x)
    recorder.start(tmp_path / "rank-0.jsonl", clock)
    for _ in range(17):
        clock.advance(0.01)
        recorder.step(4, lr=lr)
    blocks = [x for x in lines_of(tmp_path / "rank-0.jsonl") if x["kind"] == "block"]
    assert [x["num_steps"] for x in blocks] == [*[1] * 6, 5, 5]
    assert {x["applied_lr"] for x in blocks} == {0.1}
    assert lr.num_reads == len(blocks)
