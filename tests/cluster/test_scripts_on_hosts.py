"""Somebody else's script over several hosts: its ranks meet, and the record is of both hosts."""

from __future__ import annotations

import pytest

from ray_bench.store import ResultsStore

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

SCRIPT = """
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

dist.init_process_group("gloo")
net = DistributedDataParallel(torch.nn.Linear(64, 8))
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for _ in range(1000):
    for (x,) in DataLoader(TensorDataset(torch.randn(64, 64)), 8):
        net(x).sum().backward()
        optimizer.step()
"""


def test_a_script_has_a_rank_on_each_host(two_hosts, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    done = two_hosts.ray_bench(
        "run", "world_sizes=[2]", "steps=30", "launch.placement=STRICT_SPREAD",
        "measure.warmup_s=0.2", "--results", str(tmp_path / "results"), "--", str(script),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = ResultsStore(tmp_path / "results").read()
    (run,) = results.ok_runs
    addresses = [two_hosts.network.address(host) for host in two_hosts.hosts]
    assert sorted(run.rank_addresses) == addresses
    assert len(set(run.rank_node_ids)) == 2
    (environment,) = results.environments.values()
    assert environment.num_nodes == 2
    assert (run.strategy, run.mean_local_samples, run.launched) == ("ddp", 8, "script")
    assert not {"oversubscribed", "ranks_apart"} & set(run.flags)
