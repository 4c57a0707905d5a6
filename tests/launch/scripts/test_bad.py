"""Scripts with faults, at two ranks: a clear cause, nothing lost, nothing left."""

from __future__ import annotations

import textwrap
from pathlib import Path

import psutil
import pytest

from tests.launch.scripts.ranks import asked, run_ranks

pytestmark = pytest.mark.slow

HEAD = """
import argparse, os, subprocess, sys, time
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
rank, num_ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
def setup():
    dist.init_process_group("gloo")
    data = TensorDataset(torch.randn(400, 8), torch.randn(400, 1))
    net = DistributedDataParallel(torch.nn.Linear(8, 1))
    return data, net, torch.optim.SGD(net.parameters(), 0.01)
def train(data, net, optimizer, most=10**9, each=lambda step: None):
    step = 0
    while True:
        for x, y in DataLoader(data, 20):
            (net(x) - y).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            each(step)
            if step >= most:
                return
"""

#: Name: (script, arguments, kind of the failure, words of it).
FAILING = {
    "arguments": (
        "argparse.ArgumentParser().parse_args()\ntrain(*setup())",
        ("--x",),
        "ScriptEnded",
        "exit code 2: usage",
    ),
    "raises": (
        """
        def planted(step):
            if step == 40 and rank == 1:
                raise ValueError("planted")
        train(*setup(), each=planted)
        """,
        (),
        "ValueError",
        "planted",
    ),
    "exit-3": (
        "train(*setup(), each=lambda step: sys.exit(3) if step == 40 and rank == 1 else None)",
        (),
        "ScriptEnded",
        "rank 1 ended with exit code 3",
    ),
    "exit-0": ("setup()\nsys.exit(0)", (), "NothingMeasured", "before an optimizer"),
    "no-optimizer": (
        """
        data, net, _ = setup()
        for x, _ in DataLoader(data, 20):
            net(x).sum().backward()
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.01 * p.grad
        """,
        (),
        "NothingMeasured",
        "before an optimizer",
    ),
    "too-short": ("train(*setup(), most=3)", (), "NothingMeasured", "before warm-up was over"),
    "unequal": (
        "train(*setup(), most=30 if rank else 10**9)\ntime.sleep(60)",
        (),
        None,
        "",
    ),
    "hang": (
        """
        def load_the_data():
            time.sleep(600)
        if rank == 1:
            load_the_data()
        train(*setup())
        """,
        (),
        "ScriptHung",
        "It stood in load_the_data (hang.py:",
    ),
    "alone": (
        """
        data = TensorDataset(torch.randn(400, 8), torch.randn(400, 1))
        net = torch.nn.Linear(8, 1)
        train(data, net, torch.optim.SGD(net.parameters(), 0.01))
        """,
        (),
        "NotTogether",
        "each trained alone",
    ),
}


def written(folder: Path, name: str, body: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(HEAD + textwrap.dedent(body))
    return path


def left_over(path: Path) -> list[str]:
    found = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in found if str(path) in words]


@pytest.mark.parametrize("name", FAILING)
def test_a_script_that_fails_says_why(tmp_path, name):
    body, args, kind, words = FAILING[name]
    path = written(tmp_path, name, body)
    limit = "launch.timeout_s=25" if name in ("hang", "unequal") else "launch.timeout_s=120"
    data = run_ranks(asked(path, "steps=100", limit, args=args), tmp_path)
    assert data.run.status == "failed"
    assert left_over(path) == []
    assert data.run.error_message
    assert data.failures[0].error_message == data.run.error_message
    if kind is not None:
        assert data.run.error_type == kind, data.run.error_message
        assert words in data.run.error_message
    if name in ("raises", "exit-3", "unequal"):
        assert {block.rank for block in data.blocks} == {0, 1}
    if name == "raises":
        assert 'raise ValueError("planted")' in (data.run.error_traceback or "")
        assert data.run.error_rank == 1


NOISY = {
    "megabytes": "for _ in range(100):\n    sys.stdout.write(('x' * 99 + chr(10)) * 10_486)",
    "binary": "sys.stdout.buffer.write(os.urandom(300_000))\nsys.stdout.flush()",
    "forks": """
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", __file__])
""",
}


@pytest.mark.parametrize("name", NOISY)
def test_a_noisy_script_is_measured_and_nothing_of_it_is_left(tmp_path, name):
    path = written(tmp_path, name, f"{NOISY[name]}\ntrain(*setup())")
    data = run_ranks(asked(path, "steps=20"), tmp_path)
    assert (data.run.status, data.run.point.global_batch_size) == ("ok", 40)
    assert left_over(path) == []
    assert all(len(output) < 600_000 for output in data.outputs.values())


@pytest.mark.parametrize(("most", "status"), [(400, "ok"), (3, "failed")])
def test_a_rank_that_dies_when_its_script_is_over_loses_nothing(tmp_path, most, status):
    body = f"import atexit\nif rank:\n    atexit.register(os.abort)\ntrain(*setup(), most={most})"
    data = run_ranks(asked(written(tmp_path, "abort", body), "steps=1000"), tmp_path)
    assert (data.run.status, "died_at_exit" in data.run.flags) == (status, True)
    assert data.run.error_type == (None if status == "ok" else "NothingMeasured")


def test_a_script_that_catches_everything_is_ended_all_the_same(tmp_path):
    body = (
        "data, net, optimizer = setup()\nwhile True:\n    try:\n        train(data, net, optimizer)"
    )
    path = written(tmp_path, "catches", f"{body}\n    except:\n        pass")
    data = run_ranks(asked(path, "steps=20"), tmp_path)
    assert (data.run.status, data.run.strategy) == ("ok", "ddp")
    assert left_over(path) == []


def test_without_a_loader_the_samples_are_unknown_and_the_steps_are_not(tmp_path):
    body = """
    _, net, optimizer = setup()
    while True:
        net(torch.randn(16, 8)).sum().backward()
        optimizer.step()
    """
    data = run_ranks(asked(written(tmp_path, "own", body), "steps=20"), tmp_path)
    assert "samples_unknown" in data.run.flags
    assert data.run.throughput_samples_per_s is None
    assert (data.run.step_time_s or 0) > 0
