"""What a rank has measured reaches the driver at once, whatever becomes of the rank."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import ray

from ray_bench.launch import courier as module
from ray_bench.launch.arrived import Arrived
from ray_bench.launch.collect import collect
from ray_bench.launch.courier import Courier
from ray_bench.launch.words import line_of, records_of
from ray_bench.launch.worker import launch_worker
from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord
from tests.launch.local import fit_here, launch_of, loop_config
from tests.train.test_loop import request

KEY = ("test", "a")


def make_block(*, rank: int = 0, block: int = 0, **changes) -> BlockRecord:
    values = {"run_id": "a", "rank": rank, "block": block, "epoch": 1, "num_steps": 5}
    values |= {"num_samples": 160, "start_s": 0.5, "duration_s": 0.25, "is_warmup": False}
    return BlockRecord(**{**values, **changes})


def make_epoch(**changes) -> EpochRecord:
    values = {"run_id": "a", "epoch": 1, "num_steps": 10, "num_samples": 640, "train_s": 1.5}
    values |= {"eval_s": None, "lr": 0.2, "train_loss": 2.0, "train_accuracy_frac": 0.5}
    values |= {"val_loss": None, "val_accuracy_frac": None}
    return EpochRecord(**{**values, **changes})


def make_evaluation(**changes) -> EvaluationRecord:
    values = {"run_id": "a", "evaluation": 0, "epoch": 1, "num_samples": 640, "train_s": 1.5}
    values |= {"with_eval_s": 2.0, "eval_s": 0.5, "val_loss": 1.0, "val_accuracy_frac": 0.5}
    return EvaluationRecord(**{**values, "num_val_samples": 100, **changes})


def courier_of(box, folder, *, rank=0, launch_id="launch") -> Courier:
    """Return a courier whose thread sends nothing."""
    return Courier(box, launch_id=launch_id, rank=rank, folder=str(folder), every_s=None)


def begun(box, folder, **values) -> Courier:
    made = courier_of(box, folder, **values)
    made.live.sweep_id, made.live.run_id = KEY
    return made


def test_records_are_sent_once_and_the_file_goes_at_the_end(box, tmp_path):
    with begun(box, tmp_path) as courier:
        courier.record(make_block(block=0))
        courier.send()
        courier.record(make_block(block=1))
        courier.record(make_epoch())
        courier.send()
        assert len(list(tmp_path.iterdir())) == 1
    told = [record for words in box.words for _, record in words.records]
    assert told == [make_block(block=0), make_block(block=1), make_epoch()]
    assert [words.is_last for words in box.words] == [False, False, True]
    assert list(tmp_path.iterdir()) == []


def test_what_the_inbox_did_not_take_is_sent_again(box, tmp_path):
    arrived = Arrived()

    def lose(words):
        arrived.add(words)  # it came, and the answer was lost
        raise ray.exceptions.GetTimeoutError("late")

    with begun(box, tmp_path) as courier:
        courier.record(make_block(block=0))
        box.tell = SimpleNamespace(remote=lose)
        assert not courier.send()
        box.tell = SimpleNamespace(remote=box.words.append)
        courier.record(make_block(block=1))
    for words in box.words:
        arrived.add(words)
    assert [block.block for block in arrived.so_far(KEY).blocks] == [0, 1]


def test_evaluations_of_rank_0_are_kept_of_a_run_that_did_not_end(box, tmp_path):
    with begun(box, tmp_path) as courier:
        courier.record(make_epoch())
        courier.record(make_evaluation(evaluation=1))
        courier.record(make_evaluation())
    arrived = Arrived()
    for words in box.words:
        arrived.add(words)
    so_far = arrived.so_far(KEY)
    assert so_far.evaluations == (make_evaluation(), make_evaluation(evaluation=1))
    assert so_far.epochs == (make_epoch(),)


def test_between_two_runs_nothing_is_recorded(box, tmp_path):
    with courier_of(box, tmp_path) as courier:
        courier.record(make_block())
    assert [words.records for words in box.words] == [()]


def test_the_file_of_a_rank_that_was_killed_gives_the_rest(box, tmp_path):
    killed = begun(box, tmp_path, rank=1)
    killed.record(make_block(rank=1, block=0))
    killed.send()
    killed.record(make_block(rank=1, block=1))
    (file,) = tmp_path.iterdir()
    with file.open("a") as torn:
        torn.write('["block", ["test", "a"], ["a", 1, 2, 1')
    arrived = Arrived()
    for words in box.words:
        arrived.add(words)
    found = collect(arrived.last_words)
    for rank, records in found.items():
        arrived.keep(rank, records)
    assert arrived.so_far(KEY).blocks == (
        make_block(rank=1, block=0),
        make_block(rank=1, block=1),
    )
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_rank_that_ended_in_order_is_not_asked_for(box, tmp_path):
    with begun(box, tmp_path) as courier:
        courier.record(make_block())
    arrived = Arrived()
    for words in box.words:
        arrived.add(words)
    assert collect(arrived.last_words) == {}


def test_lines_are_read_back_as_they_were():
    kept = (make_block(block=3), make_epoch(train_loss=0.1 + 0.2), make_evaluation())
    records = [(KEY, record) for record in kept]
    assert records_of(line_of(*record) for record in records) == records


def test_a_full_disk_ends_the_file_and_not_the_run(box, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with begun(box, tmp_path) as courier:
        with monkeypatch.context() as patch:
            patch.setattr(module.os, "write", full)
            courier.record(make_block(block=0))
        courier.record(make_block(block=1))
    assert [record.block for words in box.words for _, record in words.records] == [0, 1]


def test_a_rank_that_was_started_again_begins_with_nothing(box, tmp_path):
    first, second = begun(box, tmp_path), begun(box, tmp_path)
    first.record(make_block(block=7))
    first.send()
    second.record(make_block(block=0))
    second.send()
    arrived = Arrived()
    for words in box.words:
        arrived.add(words)
    assert [block.block for block in arrived.so_far(KEY).blocks] == [0]


def test_a_run_that_is_over_is_forgotten_with_all_that_comes_late(box, tmp_path):
    courier, arrived = begun(box, tmp_path), Arrived()
    courier.record(make_block())
    courier.send()
    arrived.forget(KEY)
    arrived.add(box.words[-1])
    assert arrived.so_far(KEY).blocks == ()
    assert arrived.so_far(KEY).num_steps is None


class _UnpicklableError(Exception):
    def __reduce__(self):
        raise TypeError("no")


def test_an_error_that_cannot_be_pickled_is_told_in_words(box, tmp_path):
    def fail():
        raise _UnpicklableError("\x1b[31mthe data\x1b[0m are bad")

    with pytest.raises(_UnpicklableError), begun(box, tmp_path, rank=3):
        fail()
    failure = box.words[-1].failure
    assert (failure.type, failure.rank) == ("_UnpicklableError", 3)
    assert failure.traceback.startswith("Traceback (most recent call last)")
    assert "in fail" in failure.traceback
    assert failure.traceback.endswith("_UnpicklableError: the data are bad")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_launch_tells_what_it_measures_and_does(box, tmp_path):
    run = request(epochs=2)
    launch = launch_of([run.planned], run.config, tmp_path, box)
    fit_here(launch_worker, launch.config, loop_config(launch), tmp_path)
    (data,), words = box.runs, box.words
    told = [record for said in words for _, record in said.records]
    assert [x for x in told if isinstance(x, BlockRecord)] == list(data.blocks)
    assert [x for x in told if isinstance(x, EpochRecord)] == list(data.epochs)
    last = words[-1]
    assert (last.is_last, last.rank, last.failure) == (True, 0, None)
    assert (last.step, last.num_steps, last.num_samples) == (10, 10, 100)
    assert last.loss > 0
    assert list(tmp_path.glob("**/*.jsonl")) == []
