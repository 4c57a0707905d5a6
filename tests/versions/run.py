"""Installs every combination of the matrix and measures a sweep and a ladder of two workers in it.

    make test-versions
    python -m tests.versions.run --only ray-2.56 --keep

Takes tens of minutes and some 20 GB below .versions/, which are removed at the end. Whatever index
and cache uv is told to use are used (UV_INDEX_URL, UV_CACHE_DIR, ...).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ray_bench.launch.tuned import TESTED
from ray_bench.records import Results
from ray_bench.store import ResultsStore
from tests.versions.matrix import MATRIX, Versions

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".versions"
INSTALL_PATIENCE_S = 1800
RUN_PATIENCE_S = 600
_SWEEP = ("workload=cnn-digits", "world_sizes=[1,2]", "epochs=1", "cpus_per_worker=0.5")
#: Every way in which workers are started: alone for each run, and together for a ladder.
_COMMANDS = {
    "sweep": _SWEEP,
    "ladder": (
        *(*_SWEEP, "--interleaved", "ladder.rounds=2", "ladder.turn_s=0.2"),
        "measure.network=true",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one combination."""

    versions: Versions
    trainer: str  # "-" where no run says it
    why: str  # "ok", or what went wrong
    installed_s: float
    measured_s: float


def main() -> int:
    """Try the combinations that were asked for; return 1 if one failed."""
    asked = _arguments()
    chosen = [versions for versions in MATRIX if asked.only in versions.name]
    shutil.rmtree(CACHE / "results", ignore_errors=True)
    outcomes = []
    try:
        for versions in chosen:
            outcomes.append(_try(versions))
            _say(_row(outcomes[-1]))
            if not asked.keep:
                shutil.rmtree(CACHE / versions.name, ignore_errors=True)
    finally:
        if not asked.keep:
            shutil.rmtree(CACHE, ignore_errors=True)
    table = "\n".join([*_HEADER, *map(_row, outcomes)]) + "\n"
    _say(table)
    if asked.save is not None:
        asked.save.write_text(table)
    return int(not outcomes or any(outcome.why != "ok" for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of the name of the wanted ones")
    parser.add_argument("--keep", action="store_true", help="leave the environments and logs")
    parser.add_argument("--save", type=Path, help="write the table to this file")
    return parser.parse_args()


def _try(versions: Versions) -> Outcome:
    """Install and measure; a failure is an outcome."""
    begin_s = time.perf_counter()
    installed_s, trainer, why = 0.0, "-", "ok"
    try:
        _install(versions)
        installed_s = time.perf_counter() - begin_s
        trainers = {_measure(versions, name) for name in _COMMANDS}
        trainer = ", ".join(sorted(trainers))
    except FailedError as err:
        why = str(err)
    end_s = time.perf_counter()
    installed_s = installed_s or end_s - begin_s
    return Outcome(
        versions=versions,
        trainer=trainer,
        why=why,
        installed_s=installed_s,
        measured_s=end_s - begin_s - installed_s,
    )


class FailedError(Exception):
    """What did not work."""


def _install(versions: Versions) -> None:
    """Make the environment anew, with the project as it is now."""
    folder = CACHE / versions.name
    python = str(_python(versions.python))
    _run(["uv", "venv", "--clear", "--python", python, str(folder)], folder, "environment")
    dist = CACHE / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    _run(["uv", "build", "--wheel", "--out-dir", str(dist), str(ROOT)], folder, "build")
    (wheel,) = dist.glob("*.whl")
    wanted = [
        f"ray[default,train,tune]=={versions.ray}",
        f"torch=={versions.torch}",
        f"torchvision=={versions.torchvision}",
    ]
    how: list[str] = []
    if versions.lowest:  # of what is asked for here, so the project's own bounds are
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        how = ["--resolution", "lowest-direct", *project["dependencies"]]
    to = ["--python", str(folder / "bin" / "python")]
    _run(["uv", "pip", "install", *how, *to, *wanted, str(wheel)], folder, "install")


def _measure(versions: Versions, name: str) -> str:
    """Run one command and return the trainer that all its runs name."""
    folder = CACHE / versions.name
    results = CACHE / "results" / versions.name / name
    command = [str(folder / "bin" / "ray-bench"), "run", *_COMMANDS[name]]
    _run([*command, "--results", str(results)], folder, name, patience_s=RUN_PATIENCE_S)
    return _trainer(ResultsStore(results).read(), versions)


def _trainer(results: Results, versions: Versions) -> str:
    """Return the trainer of runs that are all there, ok, and made with these versions."""
    runs = results.ok_runs
    if len(runs) < len(results.sweep.run_ids):
        causes = {run.error_message or "" for run in results.failed_runs} or {"a run is missing"}
        raise FailedError("; ".join(causes))
    for host in results.environments.values():
        seen = (host.ray_version, host.torch_version.split("+")[0], host.python_version)
        asked = (versions.ray, versions.torch, versions.python)
        if not all(x.startswith(y) for x, y in zip(seen, asked, strict=True)):
            raise FailedError(f"it ran with {seen} instead of {asked}")
    trainers = {run.trainer or "unknown" for run in runs}
    expected = {"tuned" if versions.ray in TESTED else "plain"}
    if trainers != expected:
        raise FailedError(f"runs took {trainers} instead of {expected}")
    return trainers.pop()


def _python(version: str) -> Path | str:
    """Return an interpreter that runs: a shim of pyenv may not. Else uv looks for one."""
    found = shutil.which(f"python{version}")
    of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in [*([Path(found)] if found else []), *of_pyenv]:
        done = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
        if done.returncode == 0:
            return candidate
    return version


def _run(
    command: Sequence[str], folder: Path, step: str, *, patience_s: float | None = None
) -> None:
    """Run a command, its output to a log beside the environment.

    Raises:
        FailedError: It ended with another exit code than 0, or not in time.
    """
    program, *rest = command
    if program == "uv":
        program = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    log = CACHE / "logs" / f"{folder.name}.{step}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    borrowed = ("PYTHONPATH", "VIRTUAL_ENV", "RAY_ADDRESS", "PYTHONDONTWRITEBYTECODE")
    environment = {k: v for k, v in os.environ.items() if k not in borrowed}
    try:
        with log.open("w") as output:
            subprocess.run(
                [program or "uv", *rest],
                cwd=CACHE,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=patience_s or INSTALL_PATIENCE_S,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as err:
        raise FailedError(f"{step}: {_cause(log) or err}") from err


def _cause(log: Path) -> str:
    """Return the last lines of a log, on one line that fits a table."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return " / ".join(line.strip() for line in lines[-3:]).replace("|", "/")[:300]


_HEADER = (
    "| Ray | torch | torchvision | Python | other dependencies | trainer | outcome | installed | "
    "measured |",
    "| :-- | :-- | :-- | :-- | :-- | :-- | :-- | --: | --: |",
)


def _row(outcome: Outcome) -> str:
    versions = outcome.versions
    cells = (
        *(versions.ray, versions.torch, versions.torchvision, versions.python),
        "the lowest" if versions.lowest else "the newest",
        *(outcome.trainer, outcome.why),
        *(f"{outcome.installed_s:.0f} s", f"{outcome.measured_s:.0f} s"),
    )
    return f"| {' | '.join(cells)} |"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
