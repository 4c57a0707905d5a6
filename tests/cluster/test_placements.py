"""So many workers on each of so many nodes, where Ray by itself would take one node."""

from __future__ import annotations

import pytest

from ray_bench.store import ResultsStore

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

SHORT = ("measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0")


def test_two_workers_are_on_each_of_two_nodes_that_could_hold_all_four(make_lab, tmp_path):
    with make_lab(2, num_cpus=4) as lab:
        asked = ("world_sizes=[4]", "placements=[2x2]", "steps=5", *SHORT)
        done = lab.ray_bench("run", "workload=emulated", *asked, "--results", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    results = ResultsStore(tmp_path).read()
    (run,) = results.ok_runs
    (environment,) = results.environments.values()
    assert environment.num_nodes == 2
    assert environment.hostnames == ("host1", "host2")
    assert "placement_differs" not in run.flags
