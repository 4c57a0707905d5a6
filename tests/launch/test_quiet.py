"""What Ray runs beside the workers on a cluster of the sweep's own."""

import os

import pytest
import ray
from ray._private import worker as ray_worker
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback

from ray_bench.launch.cluster import connected
from ray_bench.launch.quiet import QuietTrainer


def callbacks_of(trainer_class):
    trainer = trainer_class(lambda: None, scaling_config=ScalingConfig(num_workers=1))
    return [type(callback) for callback in trainer._create_default_callbacks()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Data, about itself
def test_only_the_datasets_are_left_out():
    ours, every = callbacks_of(QuietTrainer), callbacks_of(TorchTrainer)
    assert DatasetsCallback in every
    assert ours == [kind for kind in every if kind is not DatasetsCallback]


@pytest.mark.cluster
def test_an_own_cluster_has_no_idle_readers_and_the_rest_gives_way():
    with connected("local"):
        node = ray_worker._global_node
        assert {"log_monitor", "monitor"}.isdisjoint(node.all_processes)
        assert {"raylet", "gcs_server"} <= set(node.all_processes)
        for kind, processes in node.all_processes.items():
            for info in processes:
                wanted = 0 if kind == "raylet" else 19
                assert os.getpriority(os.PRIO_PROCESS, info.process.pid) == wanted, kind
        assert ray.get(ray.remote(lambda: 2).remote()) == 2
