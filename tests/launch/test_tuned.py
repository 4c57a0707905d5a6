"""What Ray runs beside the workers on a cluster of the sweep's own."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import ray
from ray._private import state as ray_state
from ray._private import worker as ray_worker
from ray.train import ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer
from ray.util.placement_group import (
    placement_group,
    placement_group_table,
    remove_placement_group,
)

from ray_bench.config.load import load
from ray_bench.launch.cluster import connected
from ray_bench.launch.trial import make_trainer
from ray_bench.launch.tuned import release_groups_of_the_dead
from ray_bench.launch.tuned.own_cluster import is_own_cluster, own_cluster
from ray_bench.launch.tuned.plain import CLEANER, PlainTrainer
from ray_bench.launch.tuned.trainer import TunedTrainer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Data, on itself


def callbacks_of(trainer_class):
    trainer = trainer_class(lambda: None, scaling_config=ScalingConfig(num_workers=1))
    return [type(callback) for callback in trainer._create_default_callbacks()]


@pytest.mark.parametrize(
    ("trainer", "left_out"),
    [(TunedTrainer, ("DatasetsCallback", CLEANER)), (PlainTrainer, (CLEANER,))],
)
def test_nobody_looks_after_placement_groups_but_we(trainer, left_out):
    every = [kind.__name__ for kind in callbacks_of(TorchTrainer)]
    assert set(left_out) <= set(every)
    ours = [kind.__name__ for kind in callbacks_of(trainer)]
    assert ours == [name for name in every if name not in left_out]


def test_an_own_cluster_is_known_while_it_lasts():
    with own_cluster():
        assert is_own_cluster()
    assert not is_own_cluster()


@pytest.fixture(scope="module")
def cluster():
    with connected("local", tuned=True):
        yield ray_worker._global_node


@pytest.mark.cluster
def test_an_own_cluster_has_no_idle_readers_and_the_rest_gives_way(cluster):
    assert {"log_monitor", "monitor", "dashboard"}.isdisjoint(cluster.all_processes)
    assert {"raylet", "gcs_server"} <= set(cluster.all_processes)
    for kind, processes in cluster.all_processes.items():
        for info in processes:
            wanted = 0 if kind == "raylet" else 19
            threads = [thread.id for thread in psutil.Process(info.process.pid).threads()]
            assert {os.getpriority(os.PRIO_PROCESS, t) for t in threads} == {wanted}, kind


@pytest.mark.cluster
def test_a_signal_to_our_process_group_does_not_reach_an_own_cluster(cluster):
    for kind, processes in cluster.all_processes.items():
        for info in processes:
            assert os.getpgid(info.process.pid) == info.process.pid, kind


@pytest.mark.cluster
def test_no_process_of_an_own_cluster_misses_the_dashboard(cluster):
    time.sleep(5)  # it would be looked for every second
    log = Path(cluster.get_logs_dir_path()) / "dashboard_agent.log"
    assert log.exists()
    assert "Traceback" not in log.read_text()


@pytest.mark.cluster
def test_an_own_cluster_keeps_no_idle_worker(cluster):
    raylet = psutil.Process(cluster.all_processes["raylet"][0].process.pid)

    def workers():
        names = [" ".join(child.cmdline()) for child in raylet.children()]
        return [name for name in names if name.startswith("ray::") and "Agent" not in name]

    assert ray.get(ray.remote(lambda: 2).remote()) == 2
    assert workers()
    end_s = time.monotonic() + 30
    while workers() and time.monotonic() < end_s:
        time.sleep(0.2)
    assert workers() == []


@pytest.mark.cluster
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
def test_a_worker_process_starts_with_one_malloc_arena_and_full_priority(cluster, tmp_path):
    def start(config):
        # What malloc saw: glibc reads its environment before Python runs.
        seen = Path("/proc/self/environ").read_bytes().split(b"\0")
        return b"MALLOC_ARENA_MAX=1" in seen, os.getpriority(os.PRIO_PROCESS, 0)

    assert fit(start, tmp_path, "environment") == (True, 0)


@pytest.mark.cluster
def test_a_run_on_an_own_cluster_starts_only_the_actors_that_it_needs(cluster, tmp_path):
    trial = Trial.remote()
    ray.get(trial.__ray_ready__.remote())
    before = set(ray_state.actors())
    ray.get(trial.fit.remote(lambda config: None, tmp_path, "actors"))
    started = [x for key, x in ray_state.actors().items() if key not in before]
    with_a_process = {x["ActorClassName"] for x in started if x["Pid"]}
    assert with_a_process == {"PatientWorker"}, started


@pytest.mark.cluster
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc")
def test_a_workers_main_thread_sleeps_while_it_trains(cluster, tmp_path):
    def wakes_per_s(config):
        status = Path(f"/proc/self/task/{os.getpid()}/status")

        def wakes():
            (line,) = (x for x in status.read_text().splitlines() if x.startswith("voluntary"))
            return int(line.split()[1])

        before, begin_s = wakes(), time.perf_counter()
        time.sleep(6)
        return (wakes() - before) / (time.perf_counter() - begin_s)

    # An idle actor of Ray's wakes 100 times a second.
    assert ray.get(Trial.remote().fit.remote(wakes_per_s, tmp_path, "sleeps")) < 50


@pytest.mark.cluster
def test_ray_trains_own_report_fails_and_says_so(cluster, tmp_path):
    trial = Trial.remote()
    with pytest.raises(TrainingFailedError, match="ActorDiedError"):
        ray.get(trial.fit.remote(lambda config: ray.train.report({}), tmp_path, "report"))


@pytest.mark.cluster
def test_with_the_plain_trainer_rays_own_report_works(cluster, tmp_path):
    def report(config):
        ray.train.report({"loss": 1.0})
        return "reported"

    fitted = Trial.remote().fit.remote(report, tmp_path, "plain", tuned=False)
    assert ray.get(fitted) == "reported"


@pytest.mark.cluster
def test_a_ray_that_returns_nothing_gets_the_value_of_rank_0_delivered(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.delattr(ray.train.Result, "return_value")
    assert fit(lambda config: "done", tmp_path, "delivered", tuned=False) == "done"


@pytest.mark.cluster
def test_outside_of_an_actor_ray_starts_its_controller(cluster, tmp_path):
    assert fit(lambda config: "done", tmp_path, "outside") == "done"


@pytest.mark.cluster
def test_a_trial_that_is_killed_leaves_its_resources_to_the_next_run(cluster, tmp_path):
    of_driver = placement_group([{"memory": 1}])
    assert of_driver.wait(10)
    trial = Trial.remote()
    pid = ray.get(trial.pid.remote())

    def kill_trial(config):
        os.kill(pid, signal.SIGKILL)
        time.sleep(60)

    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(trial.fit.remote(kill_trial, tmp_path, "killed", num_workers=2))
    states = placement_group_states()
    assert states.count("CREATED") == 2
    release_groups_of_the_dead()
    assert placement_group_states().count("CREATED") == 1
    assert placement_group_table(of_driver)["state"] == "CREATED"
    remove_placement_group(of_driver)
    assert ray.get(Trial.remote().fit.remote(lambda config: "done", tmp_path, "next")) == "done"


def placement_group_states():
    return [x["state"] for x in placement_group_table().values()]


@ray.remote(num_cpus=0)
class Trial:
    def pid(self):
        return os.getpid()

    def fit(self, *arguments, **more):
        return fit(*arguments, **more)


def fit(loop, folder, name, num_workers=1, tuned=True):
    cpus = 0.5 * ray.cluster_resources()["CPU"]
    config = load("demo", [f"cpus_per_worker={cpus}", f"launch.tuned={tuned}"])
    return (
        make_trainer(
            config,
            num_workers=num_workers,
            use_gpu=False,
            loop=loop,
            loop_config={},
            name=name,
            scratch_dir=str(folder),
        )
        .fit()
        .return_value
    )
