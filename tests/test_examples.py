"""The examples of the README and of docs/: the code runs, the commands parse, nothing drifts."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
import typer.main

from ray_bench.cli.main import app, main
from ray_bench.config.grid import expand
from ray_bench.config.load import load
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.records import PHASES, RunData
from ray_bench.store import ResultsStore
from ray_bench.train.group import Group
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog
from tests.ranks import run_ranks
from tests.requests import run_request
from tests.samples import make_data, make_sweep

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = ROOT / "examples" / "my_workload.py"


def blocks_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands_of(page: Path, program: str) -> list[list[str]]:
    """The words of every command line that starts with, or hands a job to, the program."""
    lines = "".join(blocks_of(page, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[line.index(program) :] for line in words if program in line]


ALL_COMMANDS = [
    pytest.param(words, id=f"{page.stem}: {shlex.join(words)}")
    for page in PAGES
    for words in commands_of(page, "ray-bench")
]
#: What `jobs/sweep.py` takes is what `ray-bench run` takes.
RUNS = [p for p in ALL_COMMANDS if p.values[0][1:2] == ["run"]] + [
    pytest.param(["ray-bench", "run", *words[1:]], id=f"{page.stem}: {shlex.join(words)}")
    for page in PAGES
    for words in commands_of(page, "jobs/sweep.py")
]


@pytest.fixture
def my_workload(monkeypatch):
    """The example, found as its user's would be: in the working directory."""
    monkeypatch.chdir(EXAMPLE.parent)
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    yield catalog.load("my_workload:MyWorkload")
    sys.modules.pop("my_workload", None)


@pytest.fixture
def loader_workload():
    """The DataLoader example of docs/workloads.md."""
    code = blocks_of(ROOT / "docs" / "workloads.md", "python")[0]
    names: dict[str, type] = {}
    exec(compile(code, "docs/workloads.md", "exec"), names)
    return names["MyLoaderWorkload"]()


def train(workload: object, group: Group, **values) -> RunData:
    config = SweepConfig.model_validate(
        {
            "workload": "my_workload:MyWorkload",
            "world_sizes": [group.world_size],
            "measure": {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 2},
            **values,
        }
    ).with_defaults(getattr(workload, "defaults", catalog.WorkloadDefaults()))
    run = run_request(config, expand(config)[0])
    return train_rank(run, workload, group, SystemClock(group.device))


def alone() -> Group:
    import torch

    return Group(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))


def test_the_example_learns_and_is_stored(my_workload, store):
    data = train(my_workload, alone())
    assert data.run.final_val_accuracy_frac > 0.7  # guessing: 0.1
    assert (data.run.num_train_samples, data.run.num_val_samples) == (20_000, 2_000)
    assert data.run.point.global_batch_size == my_workload.defaults.batch_size
    store.write_sweep(make_sweep(sweep_id="test", run_ids=(data.run.run_id,)))
    store.write_run(data)
    assert store.read().ok_runs[0].dataset == "clusters"


def test_the_example_trains_the_same_on_two_ranks(my_workload, tmp_path):
    single = train(my_workload, alone(), epochs=1)
    for data in run_ranks(lambda group: train(my_workload, group, epochs=1), 2, tmp_path):
        assert data.epochs[0].train_loss == pytest.approx(single.epochs[0].train_loss, rel=1e-3)
        assert data.run.num_val_samples == 2_000
        assert {phase.phase for phase in data.phases} == set(PHASES)


def test_the_loader_example_learns(loader_workload):
    losses = [epoch.train_loss for epoch in train(loader_workload, alone(), epochs=3).epochs]
    assert losses == sorted(losses, reverse=True)


def test_the_loader_example_shares_its_samples_between_two_ranks(loader_workload, tmp_path):
    for data in run_ranks(lambda group: train(loader_workload, group), 2, tmp_path):
        assert data.epochs[0].num_samples == 1000
        assert data.epochs[0].num_steps == 8  # 128 a step: 64 on each rank


def test_the_loader_example_can_be_stored(loader_workload, store):
    data = train(loader_workload, alone())
    store.write_run(data)
    assert data.run.dataset is None
    assert data.run.num_train_samples == 1000


def test_the_readme_shows_the_example_as_it_is():
    assert blocks_of(README, "python")[0] == EXAMPLE.read_text()


def test_the_readme_stays_short():
    assert len(README.read_text().splitlines()) <= 200


def test_the_yaml_of_the_readme_is_a_configuration(tmp_path):
    (text,) = blocks_of(README, "yaml")
    (tmp_path / "sweep.yaml").write_text(text)
    config = load(str(tmp_path / "sweep.yaml"))
    assert (config.world_sizes, config.repeats) == ((1, 2, 4), 3)


@pytest.mark.parametrize(
    "code", [*blocks_of(README, "python")[1:], *blocks_of(ROOT / "docs" / "results.md", "python")]
)
def test_the_python_lines_read_a_store(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store = ResultsStore("results")
    store.write_sweep(make_sweep())
    store.write_run(make_data())
    exec(compile(code, "page", "exec"), {})
    out = capsys.readouterr().out
    assert "1234.4" in out  # the throughput of the made-up run
    assert "0.25" in out  # the seconds of its block


@pytest.mark.parametrize("words", ALL_COMMANDS)
def test_the_commands_parse(words):
    group = typer.main.get_command(app)
    if len(words) == 1:  # the name of the program in running text of a comment
        return
    command = group.get_command(group.make_context("ray-bench", words[1:]), words[1])
    assert command is not None, words[1]
    command.make_context(words[1], words[2:])  # raises on an unknown option or argument


@pytest.mark.parametrize("words", RUNS)
def test_the_sweeps_can_be_planned(words, tmp_path, monkeypatch, capsys):
    """Every `run` and job of the pages, as a dry run in a folder with the files that they name."""
    (tmp_path / "sweep.yaml").write_text(blocks_of(README, "yaml")[0])
    (tmp_path / "my_workload.py").write_text(EXAMPLE.read_text())
    for name in ("train.py", "my_module.py"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = [word.replace("my_package.my_module", "my_workload") for word in words]
    words = [word.replace("/shared/results", "results") for word in words]
    words = [word for word in words if word not in ("--resume", "--extend")]
    with pytest.raises(SystemExit) as end:
        main([words[1], "--dry-run", *words[2:]])
    sys.modules.pop("my_workload", None)
    assert end.value.code == 0, capsys.readouterr().err
