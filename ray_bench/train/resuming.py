"""What a loop puts into a checkpoint, and how it goes on from one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ray_bench.measure.blocks import BlockTimer
from ray_bench.records import BlockRecord, EpochRecord
from ray_bench.train.checkpoints import Place
from ray_bench.train.evaluations import score_of

if TYPE_CHECKING:
    from ray_bench.train.loop import Loop


def save(loop: Loop, place: Place) -> None:
    """Write a checkpoint after an epoch; its seconds are `loop.spent.saving_s`."""
    assert loop.checkpoints is not None, "it is asked for"
    loop.live.phase = "checkpointing"
    loop.clock.synchronize()
    begin_ns = loop.clock.now_ns()
    records = loop.kept_records()
    epochs = [record for record in records if isinstance(record, EpochRecord)]
    loop.checkpoints.save(place, _state(loop), records, score=_score(epochs[-1]))
    loop.spent.saving_s += (loop.clock.now_ns() - begin_ns) * 1e-9


def resume(loop: Loop, timer: BlockTimer) -> Place | None:
    """Go on from the last checkpoint, whose records are recorded again; None without one."""
    found = None if loop.checkpoints is None else loop.checkpoints.load(loop.total_steps)
    if found is None:
        return None
    place, state, records = found
    for record in records:
        loop.record(record)
    blocks = [record for record in records if isinstance(record, BlockRecord)]
    if blocks:
        timer.go_on(len(blocks), blocks[-1].start_s + blocks[-1].duration_s)
    _set(loop, state)
    return place


def _state(loop: Loop) -> dict[str, Any]:
    """Return this rank's own state; rank 0 has what all share, too."""
    own = {
        "buffers": dict(loop.module.named_buffers()),
        "spent": loop.spent.values(),
        "first_loss": None if loop.explosion is None else loop.explosion.first,
        "schedule": loop.schedule.state_dict(),
    }
    if loop.group.rank != 0:
        return own
    return {
        **own,
        "weights": dict(loop.module.named_parameters()),
        "optimizer": loop.stepper.optimizer.state_dict(),
        "average": None if loop.average is None else loop.average.mean,
    }


def _set(loop: Loop, own: dict[str, Any]) -> None:
    mine: dict[str, Any] = {key: own.get(key) for key in ("weights", "optimizer", "average")}
    shared = loop.group.first(mine)
    with torch.no_grad():
        for name, weight in loop.module.named_parameters():
            weight.copy_(shared["weights"][name])
        for name, buffer in loop.module.named_buffers():
            buffer.copy_(own["buffers"][name])
        if loop.average is not None:
            torch._foreach_copy_(loop.average.mean, list(shared["average"]))
    loop.stepper.optimizer.load_state_dict(shared["optimizer"])
    loop.schedule.load_state_dict(own["schedule"])
    loop.spent.set(own["spent"])
    if loop.explosion is not None:
        loop.explosion.first = own["first_loss"]


def _score(epoch: EpochRecord) -> float | None:
    """Return the accuracy of its evaluation, else its loss below 0; None without one."""
    return None if epoch.val_loss is None else score_of(epoch.val_accuracy_frac, epoch.val_loss)
