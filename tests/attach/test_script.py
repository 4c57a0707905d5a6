"""A script runs as it does without us."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ray_bench.attach.__main__ import main
from ray_bench.attach.script import run_script
from ray_bench.attach.summary import summary_of
from ray_bench.errors import ConfigError
from ray_bench.journals.convert import attached_run
from ray_bench.measure.journal import lines_of

ROOT = Path(__file__).parents[2]

SEEN = """
import json, pickle, sys
from helper import NAME
class Thing:
    pass
assert isinstance(pickle.loads(pickle.dumps(Thing())), Thing)
assert sys.modules["__main__"].Thing is Thing
print(json.dumps([__name__, sys.argv[1:], NAME, __file__.endswith(".py")]))
if "--exit" in sys.argv:
    sys.exit(3)
if "--raise" in sys.argv:
    raise ValueError("planted")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "helper.py").write_text("NAME = 'helper'\n")
    (tmp_path / "train.py").write_text(SEEN)
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "near.py").write_text("NEAR = 1\n")
    (package / "run.py").write_text(f"from .near import NEAR\n{SEEN}")
    return tmp_path


def attach(folder, *arguments, launcher=(sys.executable,)):
    return subprocess.run(
        [*launcher, "-m", "ray_bench.attach", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("target", "how", "status"),
    [(("train.py",), "--exit", 3), (("-m", "package.run"), "--raise", 1)],
)
def test_the_script_has_its_own_main_arguments_and_exit_code(folder, target, how, status):
    done = attach(folder, *target, "--steps", "4", how)
    assert done.returncode == status
    assert json.loads(done.stdout) == ["__main__", ["--steps", "4", how], "helper", True]
    assert "no step was timed" in done.stderr
    assert ("ValueError: planted" in done.stderr) is (how == "--raise")


@pytest.mark.parametrize(("target", "is_module"), [("nowhere.py", False), ("nowhere.run", True)])
def test_a_slip_in_the_name_has_a_remedy(target, is_module, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ConfigError, match="nowhere"):
        run_script(target, [], is_module=is_module)


def test_without_a_script_the_usage_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["attach", "--steps", "3"])
    with pytest.raises(SystemExit):
        main()
    assert "SCRIPT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--block-s", "0"), ("--block-s", "nan"), ("--warmup-s", "-1"), ("--steps", "-5")],
)
def test_nonsense_is_refused_with_its_option_before_the_script_runs(
    option, value, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["attach", option, value, "train.py"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"{option}: must be" in capsys.readouterr().err


DDP = """
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset
dist.init_process_group("gloo")
data = TensorDataset(torch.randn(400, 8), torch.randn(400, 1))
net = DistributedDataParallel(torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), 0.01)
for epoch in range(100):
    for index, (x, y) in enumerate(DataLoader(data, 10, sampler=DistributedSampler(data))):
        (net(x) - y).square().mean().backward()
        if index % 2:
            optimizer.step()
            optimizer.zero_grad()
dist.destroy_process_group()
"""


def test_ranks_under_torchrun_end_together_after_the_steps_that_were_asked_for(tmp_path):
    (tmp_path / "train.py").write_text(DDP)
    torchrun = (str(Path(sys.executable).parent / "torchrun"), "--standalone", "--nproc-per-node=2")
    options = ("--warmup-s", "0.01", "--block-s", "1e-9", "--steps", "20")
    done = attach(tmp_path, *options, "train.py", launcher=torchrun)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results/attached").iterdir()
    found = summary_of(list(folder.glob("rank-*.jsonl")))
    assert (found.num_ranks, found.num_steps, found.samples_per_step) == (2, 20, pytest.approx(40))
    assert found.sources == ("indices",)
    blocks = [x for x in lines_of(folder / "rank-0.jsonl") if x["kind"] == "block"]
    assert {x["num_steps"] for x in blocks} == {1}  # as long as was asked
    assert "2 ranks, 20 steps" in done.stderr
    facts = json.loads((folder / "rank-1.jsonl").read_text().splitlines()[0])
    assert (facts["strategy"], facts["num_ranks"]) == ("ddp", 2)
    data = attached_run(folder, sweep_id="s", run_id="r")
    assert (data.run.status, data.run.point.accumulate_steps) == ("ok", 2)
    assert data.run.point.global_batch_size == 40
    # Gradients are reduced in both backward passes of a step: waiting is not told from transfer.
    exposed = [x for x in data.phases if x.phase == "exposed_comm"]
    assert len(exposed) == 2 * 20
    assert all(x.duration_s > 0 for x in exposed)
    assert data.buckets == ()
