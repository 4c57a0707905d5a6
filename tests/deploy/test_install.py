"""What the recipes install, installed into an empty environment, measures and reports.

Takes the packages from wherever uv takes them on this machine; the first time PyTorch is several
gigabytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ray_bench.store.results_store import ResultsStore
from tests.deploy.recipes import DOCKERFILE, RAY_YAML, ROOT, installs
from tests.launch.head import Head, running_head

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(3000)]
UV = Path(sys.executable).parent / "uv"


def clean_environment() -> dict[str, str]:
    """That of this process, without what points to this checkout or to another Ray."""
    left_out = ("RAY_", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def run(*words: object, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of an environment that has what every recipe installs: they are all alike."""
    if not UV.exists():
        pytest.skip("uv is not beside this Python")
    asked = {tuple(installs(path)[1:]) for path in (*RAY_YAML, DOCKERFILE)}
    assert len(asked) == 1
    folder = tmp_path_factory.mktemp("empty")
    run(UV, "venv", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    packages = (ROOT, *next(iter(asked)))
    run(UV, "pip", "install", "--compile-bytecode", "--python", python, *packages, cwd=folder)
    return folder / "venv"


def test_the_smoke_job_runs_on_what_a_recipe_installs(installed, tmp_path):
    (tmp_path / "jobs").mkdir()
    shutil.copy(ROOT / "jobs" / "smoke.py", tmp_path / "jobs")  # without the package beside it
    said = run(installed / "bin" / "python", "jobs/smoke.py", cwd=tmp_path)
    assert "Written:" in said
    assert "report.html" in said


@pytest.fixture
def bare_head(installed, tmp_path) -> Iterator[Head]:
    """A head on that environment without ray_bench in it, started by its path."""
    python = installed / "bin" / "python"
    run(UV, "pip", "uninstall", "--python", python, "ray-bench", cwd=tmp_path)
    (tmp_path / "head").mkdir()
    with running_head(tmp_path / "head", ray=installed / "bin" / "ray") as head:
        yield head


def test_a_cluster_without_ray_bench_takes_a_sweep_in_one_command(bare_head, installed, tmp_path):
    (tmp_path / "laptop").mkdir()
    said = run(
        sys.executable, "-m", "ray_bench", "submit", "workload=cnn-digits", "world_sizes=[2]",
        "epochs=1", "--results", tmp_path / "there", "--report", "here",
        cwd=tmp_path / "laptop", **bare_head.environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert f"{installed}/bin/python -m ray_bench.cli.parcel run" in said  # not that of the PATH
    assert (tmp_path / "laptop" / "here" / "report.html").stat().st_size > 100_000
    (stored,) = ResultsStore(tmp_path / "there").read().ok_runs
    assert stored.point.world_size == 2
