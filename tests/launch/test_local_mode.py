"""Ray Train's local mode: the whole trainer in this process, no cluster."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.launch.requests import TrialRequest
from ray_bench.launch.worker import WorkerRequest, train_worker
from ray_bench.records import RunData
from tests.fakes import TinyWorkload
from tests.launch.local import fit_here
from tests.train.test_loop import request


@pytest.mark.parametrize("is_ddp", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_trainer_returns_the_records_of_a_run(tmp_path, is_ddp):
    run = request(epochs=2, measure={"phase_steps": 2})
    planned = replace(run.planned, point=replace(run.planned.point, is_ddp=is_ddp))
    asked = WorkerRequest(run=replace(run, planned=planned), import_path=os.getcwd())
    data = fit_here(train_worker, run.config, {"request": asked}, tmp_path)
    assert isinstance(data, RunData)
    assert data.run.status == "ok"
    assert len(data.epochs) == 2
    assert data.run.backend == ("gloo" if is_ddp else None)
    assert data.environment is not None


def test_requests_pickle_to_other_processes(tmp_path):
    import pickle

    config = SweepConfig(workload="tests.fakes:TinyWorkload").with_defaults(TinyWorkload.defaults)
    asked = TrialRequest(
        planned=expand(config)[0],
        config=config,
        sweep_id="s",
        attempt=1,
        use_gpu=False,
        commit=None,
        import_path=".",
        scratch_dir=str(tmp_path),
    )
    assert pickle.loads(pickle.dumps(asked)) == asked
