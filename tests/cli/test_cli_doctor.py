"""`ray-bench doctor` on this machine, without waiting for its noise."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from ray_bench.measure import doctor
from ray_bench.measure.check import Check
from ray_bench.measure.noise import Noise


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    noise = Noise(spread_frac=0.004, steal_frac=None, load_per_core=0.1)
    monkeypatch.setattr(doctor, "listen", lambda num_cores: noise)


def test_json_has_every_check(ray_bench):
    outcome = ray_bench("doctor", "--format", "json")
    assert outcome.code == 0, outcome.err
    checks = json.loads(outcome.out)["checks"]
    assert {"cores", "noise", "GPUs", "memory", "data sets", "cluster"} <= {
        check["name"] for check in checks
    }
    for check in checks:
        assert (check["change"] is not None) or check["state"] != "limited"


def test_a_screen_says_what_is_limited(ray_bench, monkeypatch):
    monkeypatch.setattr(
        doctor,
        "machine_checks",
        lambda: [Check(name="CPU energy", state="limited", seen="no counter", change="Get one.")],
    )
    outcome = ray_bench("doctor")
    assert outcome.code == 0
    assert "no counter" in outcome.out
    assert "Get one." in outcome.out
    assert "Limited or unknown: CPU energy" in outcome.out
    assert len(outcome.out.splitlines()) < 24


def test_a_screen_is_enough(ray_bench):
    assert len(ray_bench("doctor").out.splitlines()) <= 40


def test_a_cluster_is_looked_at_where_one_is_named(ray_bench, monkeypatch):
    module = ModuleType("ray_bench.launch.doctor")
    module.cluster_check = lambda address: Check(name="cluster", state="ok", seen=f"at {address}")
    monkeypatch.setitem(sys.modules, "ray_bench.launch.doctor", module)
    assert "at auto" in ray_bench("doctor", "--address", "auto").out
