"""A run goes on from its last checkpoint, and its losses are those of a run that was not ended."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ray_bench.config.load import load
from ray_bench.errors import ConfigError, TrainingError
from ray_bench.measure.clock import SystemClock
from ray_bench.train.group import Group
from ray_bench.train.run import train_rank
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, losses, request, train
from tests.vault import FolderVault


class Dying(TinyWorkload):
    """Has batch statistics, dropout, and an end in the middle of an epoch, from 1."""

    def __init__(self, dies_in: int | None = None) -> None:
        super().__init__(54)
        self.dies_in = dies_in

    def build(self, context):
        module, batches, loss_fn = super().build(context)
        self.epoch = 0
        set_epoch = batches.set_epoch

        def counted(epoch):
            self.epoch = epoch
            set_epoch(epoch)

        batches.set_epoch = counted
        parts = (module[0], torch.nn.BatchNorm1d(16), torch.nn.Dropout(0.2), module[1], module[2])
        return torch.nn.Sequential(*parts), batches, self._loss(loss_fn)

    def _loss(self, loss_fn):
        num_calls = 0

        def loss(outputs, targets):
            nonlocal num_calls
            num_calls += 1
            if self.epoch == self.dies_in and num_calls % 5 == 3:
                raise RuntimeError("planted: the worker is lost")
            return loss_fn(outputs, targets)

        return loss


def asked(**values):
    optimizer = {"name": "adamw", "ema_half_life_samples": 100, "warmup_epochs": 1}
    return {
        "epochs": 5,
        "lr": 0.01,
        "optimizer": optimizer,
        "schedule": {"name": "cosine"},
        **values,
    }


def run(folder, group: Group, dies_in: int | None = None, attempt: int = 1, **values):
    wanted = replace(request(group.world_size, **asked(**values)), attempt=attempt)
    vault = FolderVault(folder, group)
    return train_rank(wanted, Dying(dies_in), group, SystemClock(group.device), vault=vault)


def is_alike(resumed, whole) -> None:
    assert losses(resumed) == losses(whole)  # bit by bit
    found, wanted = (
        [(x.val_loss, x.lr, x.num_samples) for x in data.epochs] for data in (resumed, whole)
    )
    assert found == wanted
    assert [x.num_samples for x in resumed.evaluations] == [
        x.num_samples for x in whole.evaluations
    ]
    blocks = [block for block in resumed.blocks if block.rank == 0]
    assert [block.block for block in blocks] == list(range(len(blocks)))
    assert "resumed" in resumed.run.flags
    assert {"clock_backwards", "clock_mismatch", "resumed"}.isdisjoint(whole.run.flags)
    assert "clock_backwards" not in resumed.run.flags


def test_one_worker_goes_on_bit_by_bit_and_says_how_good_each_checkpoint_is(tmp_path):
    whole = run(tmp_path / "a", alone())
    with pytest.raises(RuntimeError, match="planted"):
        run(tmp_path / "b", alone(), dies_in=3)
    assert set(FolderVault(tmp_path / "b", alone()).scores) == {"epoch-00001", "epoch-00002"}
    resumed = run(tmp_path / "b", alone())
    is_alike(resumed, whole)
    assert resumed.run.saving_s > 0
    scores = FolderVault(tmp_path / "b", alone()).scores
    assert scores == {f"epoch-{x.epoch:05d}": x.val_accuracy_frac for x in whole.epochs}


def test_ranks_go_on_with_batch_statistics_of_their_own(tmp_path):
    def job(group):
        values = {"evaluation": {"every": 2}}
        whole = run(tmp_path / "a", group, **values)
        with pytest.raises(RuntimeError, match="planted"):
            run(tmp_path / "b", group, dies_in=3, **values)
        return whole, run(tmp_path / "b", group, **values)

    for whole, resumed in run_ranks(job, 2, tmp_path):
        is_alike(resumed, whole)
    scores = FolderVault(tmp_path / "b", alone()).scores
    unknown = {name for name, score in scores.items() if math.isnan(score)}
    assert unknown == {"epoch-00001", "epoch-00003"}


def test_a_run_that_is_made_again_after_its_end_begins_anew(tmp_path):
    first = run(tmp_path, alone(), epochs=2)
    restarted = run(tmp_path, alone(), epochs=2)  # its workers were lost in a pass
    again = run(tmp_path, alone(), epochs=2, attempt=2)
    assert losses(first) == losses(restarted) == losses(again)
    assert "resumed" in restarted.run.flags
    assert "resumed" not in again.run.flags


def test_no_checkpoint_is_written_where_none_is_asked_for():
    data = train(request(epochs=2), TinyWorkload(), alone())
    assert data.run.saving_s is None
    assert load("demo").checkpoint.dir is None


def test_another_number_of_ranks_and_a_damaged_file_are_told(tmp_path):
    run(tmp_path, alone(), epochs=1)
    (state,) = tmp_path.rglob("rank-0000.pt")
    other = state.with_name("rank-0001.pt")
    other.write_bytes(b"")
    with pytest.raises(TrainingError, match=r"is of 2 ranks, and the run has 1"):
        run(tmp_path, alone(), epochs=1)
    other.unlink()
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"cannot be read .*to begin anew"):
        run(tmp_path, alone(), epochs=1)


@pytest.mark.parametrize("key", ["launch.share_workers", "interleaved"])
def test_runs_that_share_workers_have_no_checkpoints(key):
    with pytest.raises(ConfigError, match=f"`{key}` makes several runs in one group"):
        load("demo", ["checkpoint.dir=kept", f"{key}=true"])


def test_a_folder_is_absolute_and_a_uri_stays():
    assert load("demo", ["checkpoint.dir=kept"]).checkpoint.dir.startswith("/")
    uri = "s3://bucket/kept"
    assert load("demo", [f"checkpoint.dir={uri}"]).checkpoint.dir == uri
