"""Energy counters: sums over packages, wraps undone, unknown is None."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ray_bench.measure.energy import RaplMeter, rank_meter


def package(root: Path, name: str, energy_uj: int) -> Path:
    domain = root / name
    domain.mkdir()
    (domain / "energy_uj").write_text(f"{energy_uj}\n")
    (domain / "max_energy_range_uj").write_text("1000000\n")
    return domain / "energy_uj"


def test_packages_add_up_and_subdomains_do_not(tmp_path):
    first, second = package(tmp_path, "intel-rapl:0", 100), package(tmp_path, "intel-rapl:1", 200)
    core = package(tmp_path, "intel-rapl:0:0", 50)
    meter = RaplMeter(tmp_path)
    for path, energy in ((first, 500_100), (second, 300_200), (core, 999)):
        path.write_text(str(energy))
    assert meter.joules() == pytest.approx(0.8)


def test_a_wrapped_counter_is_undone(tmp_path):
    counter = package(tmp_path, "intel-rapl:0", 900_000)
    meter = RaplMeter(tmp_path)
    counter.write_text("100000")
    assert meter.joules() == pytest.approx(0.2)


def test_a_counter_that_wrapped_at_an_unknown_value_is_none_and_never_negative(tmp_path):
    counter = package(tmp_path, "intel-rapl:0", 900_000)
    (counter.parent / "max_energy_range_uj").unlink()
    meter = RaplMeter(tmp_path)
    counter.write_text("100000")
    assert meter.joules() is None


def test_no_counter_is_none_and_not_zero(tmp_path):
    assert RaplMeter(tmp_path).joules() is None


def test_one_unreadable_package_makes_the_sum_unknown(tmp_path):
    package(tmp_path, "intel-rapl:0", 1)
    (tmp_path / "intel-rapl:1").mkdir()
    assert RaplMeter(tmp_path).joules() is None


def test_only_the_first_rank_of_a_host_reads_the_host():
    cpu = torch.device("cpu")
    assert rank_meter(cpu, is_node_leader=False) is None
    assert isinstance(rank_meter(cpu, is_node_leader=True), RaplMeter)
