"""What Ray runs beside the workers on a cluster of the sweep's own."""

import os
from pathlib import Path

import pytest
import ray
from ray._private import worker as ray_worker
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback

from ray_bench.config.load import load
from ray_bench.launch.cluster import connected
from ray_bench.launch.quiet import QuietTrainer
from ray_bench.launch.trial import make_trainer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Data, on itself


def callbacks_of(trainer_class):
    trainer = trainer_class(lambda: None, scaling_config=ScalingConfig(num_workers=1))
    return [type(callback) for callback in trainer._create_default_callbacks()]


def test_only_the_datasets_are_left_out():
    ours, every = callbacks_of(QuietTrainer), callbacks_of(TorchTrainer)
    assert DatasetsCallback in every
    assert ours == [kind for kind in every if kind is not DatasetsCallback]


@pytest.fixture(scope="module")
def own_cluster():
    with connected("local"):
        yield ray_worker._global_node


@pytest.mark.cluster
def test_an_own_cluster_has_no_idle_readers_and_the_rest_gives_way(own_cluster):
    assert {"log_monitor", "monitor"}.isdisjoint(own_cluster.all_processes)
    assert {"raylet", "gcs_server"} <= set(own_cluster.all_processes)
    for kind, processes in own_cluster.all_processes.items():
        for info in processes:
            wanted = 0 if kind == "raylet" else 19
            assert os.getpriority(os.PRIO_PROCESS, info.process.pid) == wanted, kind
    assert ray.get(ray.remote(lambda: 2).remote()) == 2


@pytest.mark.cluster
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
def test_a_worker_process_starts_with_one_malloc_arena_and_full_priority(own_cluster, tmp_path):
    def start(config):
        # What malloc saw: glibc reads its environment before Python runs.
        seen = Path("/proc/self/environ").read_bytes().split(b"\0")
        return b"MALLOC_ARENA_MAX=1" in seen, os.getpriority(os.PRIO_PROCESS, 0)

    result = make_trainer(
        load("demo", []),
        num_workers=1,
        use_gpu=False,
        loop=start,
        loop_config={},
        name="environment",
        scratch_dir=str(tmp_path),
    ).fit()
    assert result.return_value == (True, 0)
