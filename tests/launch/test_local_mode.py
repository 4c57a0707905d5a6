"""Ray Train's local mode: the whole trainer in this process, no cluster."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.records import RunData
from tests.fakes import TinyWorkload
from tests.launch.local import launch_here, launch_of
from tests.train.test_loop import request


@pytest.mark.parametrize("is_ddp", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_trainer_hands_over_the_records_of_a_run(tmp_path, box, is_ddp):
    run = request(epochs=2, measure={"phase_steps": 2})
    planned = replace(run.planned, point=replace(run.planned.point, is_ddp=is_ddp))
    (data,) = launch_here(launch_of([planned], run.config, tmp_path, box))
    assert isinstance(data, RunData)
    assert (data.run.status, data.run.launch_id) == ("ok", None)
    assert len(data.epochs) == 2
    assert data.run.backend == ("gloo" if is_ddp else None)
    assert data.environment is not None
    assert data.run.wall_s > data.run.setup_s > 0


def test_launches_pickle_to_other_processes(tmp_path):
    config = SweepConfig(workload="tests.fakes:TinyWorkload").with_defaults(TinyWorkload.defaults)
    asked = launch_of(expand(config)[:1], config, tmp_path, None)
    assert pickle.loads(pickle.dumps(asked)) == asked
