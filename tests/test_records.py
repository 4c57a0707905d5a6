"""How a run ended, as records say it."""

import pytest

from ray_bench.cli.live import run_line
from ray_bench.records import MAX_TRACEBACK_CHARS, Place, PlannedRun, kept_traceback
from ray_bench.sweep.progress import SweepProgress
from tests.samples import make_point, make_run


@pytest.mark.parametrize("status", ["failed", "diverged", "preempted", "interrupted"])
def test_every_status_but_ok_is_not_finished_and_is_named(status):
    run = make_run(status=status, error_type="E")
    progress = SweepProgress([PlannedRun(point=make_point(), repeat=0, order_index=0)])
    progress.finished(run)
    assert (run.is_finished, progress.num_failed) == (False, 1)
    assert f": {status.upper()} after 12.3 s: E" in run_line(progress, run)
    assert make_run().is_finished


def test_of_a_traceback_the_end_is_kept_without_colours():
    text = kept_traceback("x" * 9_000 + "\x1b[36mValueError: the cause\x1b[0m\n")
    assert len(text) == MAX_TRACEBACK_CHARS
    assert text.endswith("xValueError: the cause")


def test_a_point_has_a_place_and_a_training_and_parts_may_be_unknown():
    point = make_point(placement="2x1", num_nodes=2, workers_per_node=1)
    assert point.place == Place(world_size=2, placement="2x1", num_nodes=2, workers_per_node=1)
    assert point.training == make_point(world_size=8).training
    names = ("scaling", "lr_rule", "seed", "precision", "base_lr", "lr")
    script = make_point(workload="train.py", **dict.fromkeys(names))
    assert script.rule == "own"
    assert script.point_id.startswith("train-w2-")
