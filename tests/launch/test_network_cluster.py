"""`ray-bench network` and `doctor` on a real Ray head."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ray_bench.measure.network import MIN_SAMPLES, SIZES_BYTES
from ray_bench.store import ResultsStore
from tests.launch.head import Head

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def ray_bench(head: Head, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ray_bench", *arguments, "--address", head.gcs, "--format", "json"],
        capture_output=True,
        text=True,
        env=head.environment,
        timeout=280,
        check=False,
    )


def test_two_workers_are_measured_at_every_size(head, tmp_path):
    done = ray_bench(head, "network", "--world-sizes", "2", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (section,) = json.loads(done.stdout)["sections"]
    model, times = section["tables"]
    assert [row["num_bytes"]["value"] for row in times["rows"]] == list(SIZES_BYTES)
    assert {row["world_size"]["value"] for row in times["rows"]} == {2}
    assert all(row["bus"]["value"] > 0 for row in times["rows"])
    assert model["rows"][-1]["beta"]["value"] > 0
    store = ResultsStore(tmp_path)
    columns = store.network(*store.network_ids())
    assert set(columns["num_nodes"]) == {1}
    assert set(columns["backend"]) == {"gloo"}
    assert len(columns["duration_s"]) >= MIN_SAMPLES * len(SIZES_BYTES)


def test_doctor_looks_at_the_cluster(head):
    done = ray_bench(head, "doctor")
    assert done.returncode == 0, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["cluster"]["state"] == "ok"
    assert "2 CPUs, 0 GPUs: world sizes up to 2 on CPU" in checks["cluster"]["seen"]
