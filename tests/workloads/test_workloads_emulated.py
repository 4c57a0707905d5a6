"""The planted truth is what was planted: each plant costs what it says, and nothing else does."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from ray_bench.config.grid import expand
from ray_bench.config.groups import EmulatedConfig
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.train.run import train_rank
from ray_bench.workloads import wire as wires
from ray_bench.workloads.emulated import FORWARD_FRAC, Emulated, _Device, _SleepingModel
from ray_bench.workloads.wire import VirtualWire, mean_and_latest, wire_s
from tests.ranks import run_ranks
from tests.requests import run_request

#: Long against what other processes on the machine disturb.
COMPUTE_S = 0.006


def run(world_size: int, tmp_path, *, batch_size: int = 16, **planted):
    config = SweepConfig.model_validate(
        {
            "workload": "emulated",
            "world_sizes": [world_size],
            "batch_size": batch_size,
            "lr": 0.1,
            "steps": 9,
            "ddp": {"bucket_cap_mb": 0.001},
            "measure": {
                "warmup_steps": 2,
                "warmup_s": 0,
                "phase_steps": 0,
                "sync_pairs": 0,
                "checkpoint": False,
            },
            "emulated": {"compute_s_per_sample": COMPUTE_S, **planted},
        }
    )
    request = run_request(config, expand(config)[0])
    return run_ranks(
        lambda group: train_rank(request, Emulated(), group, SystemClock(group.device)),
        world_size,
        tmp_path,
    )[0]


def step_s(world_size: int, tmp_path, **planted) -> float:
    return run(world_size, tmp_path, **planted).run.step_time_s


def test_compute_shrinks_with_the_share_and_serial_time_does_not(tmp_path):
    assert step_s(1, tmp_path) == pytest.approx(16 * COMPUTE_S, rel=0.15)
    assert step_s(2, tmp_path) == pytest.approx(8 * COMPUTE_S, rel=0.25)
    assert step_s(2, tmp_path, serial_s=0.1) == pytest.approx(0.1 + 8 * COMPUTE_S, rel=0.15)


def test_a_loader_makes_every_step_wait(tmp_path):
    assert step_s(1, tmp_path, loader_s=0.08) == pytest.approx(0.08 + 16 * COMPUTE_S, rel=0.15)


def test_a_straggler_holds_up_all_ranks(tmp_path):
    slow_s = step_s(2, tmp_path, straggler_rank=1, straggler_slowdown=3.0)
    assert slow_s == pytest.approx(3 * 8 * COMPUTE_S, rel=0.2)


def test_the_wire_takes_its_time_for_each_bucket(tmp_path):
    # Four buckets of 4 to 16 KiB at 2 alpha + bytes beta each; all but the first are hidden behind
    # less compute than they take, so the wire decides.
    planted = {"latency_s": 0.02, "gbit_per_s": 0.008}
    slow_s = step_s(2, tmp_path, **planted)
    wire = sum(wire_s(k * 4096, world_size=2, **planted) for k in (1, 2, 3, 4))
    assert wire == pytest.approx(4 * 2 * 0.02 + 10 * 4096 * 1e-6)
    assert slow_s == pytest.approx(8 * COMPUTE_S / 2 + wire, rel=0.15)


def test_contention_slows_the_backward_pass_while_gradients_are_reduced(tmp_path):
    # Three of the four layers run after the first bucket was handed over.
    batch_s = 16 * COMPUTE_S
    slow_s = step_s(2, tmp_path, batch_size=32, contention_frac=1.0)
    assert slow_s == pytest.approx(batch_s * (1 + 2 / 3 * 3 / 4), rel=0.15)


def test_ranks_train_one_model_through_the_wire(tmp_path):
    losses = [
        run(world_size, tmp_path, latency_s=0.001).run.final_train_loss for world_size in (1, 2)
    ]
    assert losses[0] == pytest.approx(losses[1])


def carry(wire: VirtualWire, values=(1.0,)) -> torch.futures.Future[torch.Tensor]:
    buffer = torch.tensor(values)
    return wire.carry(buffer, ready_at_s=time.perf_counter(), arrived=lambda at_s: None)


def test_an_error_of_the_reduction_comes_through_the_wire(monkeypatch):
    def broken(*_) -> float:
        raise TypeError("peer is gone")

    monkeypatch.setattr(dist, "get_world_size", lambda group: 1)
    wire = VirtualWire(None, world_size=1, latency_s=0.001, gbit_per_s=None)
    with monkeypatch.context() as patch:
        patch.setattr("ray_bench.workloads.wire.mean_and_latest", broken)
        with pytest.raises(Exception, match="peer is gone"):
            carry(wire).wait()
    assert carry(wire).wait() == 1  # the wire itself goes on


def test_the_wire_is_serial(tmp_path):
    def job(group):
        wire = VirtualWire(None, world_size=2, latency_s=0.02, gbit_per_s=None)
        begin_s = time.perf_counter()
        futures = [carry(wire, (float(group.rank), 4.0)) for _ in range(3)]
        values = [future.wait().tolist() for future in futures]
        return values, time.perf_counter() - begin_s

    for values, seconds in run_ranks(job, 2, tmp_path):
        assert values == [[0.5, 4.0]] * 3
        assert seconds == pytest.approx(3 * 2 * 0.02, abs=0.02)


def test_the_ranks_learn_when_the_last_of_them_was_ready(tmp_path):
    def job(group):
        buffer = torch.full((3,), float(group.rank))
        latest_s = mean_and_latest(buffer, 1e6 + group.rank * 1e-6, None)
        return buffer.tolist(), latest_s

    assert run_ranks(job, 3, tmp_path) == [([1.0, 1.0, 1.0], 1e6 + 2e-6)] * 3


def test_between_hosts_a_plain_all_reduce_comes_first_and_its_time_counts(tmp_path, monkeypatch):
    def job(group):
        monkeypatch.setattr(wires, "_host", lambda: f"host {group.rank}")
        monkeypatch.setattr(wires, "mean_and_latest", None)  # a star over one host's link
        wire = VirtualWire(None, world_size=2, latency_s=0.0, gbit_per_s=None)
        if group.rank:
            time.sleep(0.1)
        ready_at_s = time.perf_counter()
        arrivals: list[float] = []
        buffer = torch.tensor([float(group.rank), 4.0])
        wire.carry(buffer, ready_at_s=ready_at_s, arrived=arrivals.append).wait()
        return buffer.tolist(), arrivals[0] - ready_at_s

    (mean, waited_s), (_, late_waited_s) = run_ranks(job, 2, tmp_path)
    assert mean == [0.5, 4.0]
    assert waited_s > 0.09 > late_waited_s


def test_a_host_is_a_kernel_and_in_it_a_network_namespace(tmp_path):
    """Cloned machines have one name and two clocks; containers are apart, as machines are."""

    def proc(name: str, boot_id: str, network: str) -> Path:
        folder = tmp_path / name
        (folder / "sys/kernel/random").mkdir(parents=True)
        (folder / "sys/kernel/random/boot_id").write_text(f"{boot_id}\n")
        (folder / "self/ns").mkdir(parents=True)
        (folder / "self/ns/net").symlink_to(network)
        return folder

    one = wires._host(proc("one", "a", "net:[1]"))
    assert one == wires._host(proc("same", "a", "net:[1]"))
    assert one != wires._host(proc("container", "a", "net:[2]"))
    assert one != wires._host(proc("machine", "b", "net:[1]"))
    assert wires._host(tmp_path / "nowhere") == socket.gethostname()


def test_without_a_wire_there_is_no_limit():
    assert not EmulatedConfig().has_wire
    assert EmulatedConfig(gbit_per_s=1).has_wire


def test_a_turn_catches_up_nothing_from_before_it():
    config = EmulatedConfig(compute_s_per_sample=0.01, num_buckets=1)
    device = _Device()
    model = _SleepingModel(config, device, slowdown=1.0)
    model(torch.zeros(1, 1))
    time.sleep(_Device.QUEUE_S / 2)  # less late than the queue is long
    model.train()
    begin_s = time.perf_counter()
    model(torch.zeros(1, 1))
    assert time.perf_counter() - begin_s >= 0.01 * FORWARD_FRAC
