"""What is submitted as a Ray job: the command, its environment, and the same for a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import ray_bench
from ray_bench.errors import ConfigError
from ray_bench.needs import name_of, requirements

#: Between Ray's request to stop and its SIGKILL; Ray's own 3 s are fewer than a sweep takes to
#: drop its runs and give their places back.
STOP_WAIT_S = 30
_OWN_PYTHON = ("pip", "uv", "conda", "image_uri", "container")
_COMPILED = "**/__pycache__/"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A sweep to run as a job.

    Attributes:
        arguments: those of `ray-bench run`.
        python: the interpreter on the cluster; None: the one that its Ray runs with.
        working_dir: folder or URI that becomes the job's working directory; None: no folder.
        runtime_env: what the user asks of Ray's runtime environment.
        install: have Ray install what the cluster lacks.
        brings_report: have the job write its report into its log.
        num_cpus: CPUs that Ray keeps free for the program itself.
    """

    arguments: tuple[str, ...]
    python: str | None = None
    working_dir: str | None = None
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    install: bool = False
    brings_report: bool = False
    submission_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    num_cpus: float | None = None

    def environment(self) -> dict[str, Any]:
        """Return the runtime environment, without the working directory.

        Raises:
            ConfigError: If the packages to install are said twice.
        """
        asked = dict(self.runtime_env)
        asked.pop("working_dir", None)
        env_vars = {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S), **asked.get("env_vars", {})}
        made = {
            **asked,
            "env_vars": env_vars,
            "py_modules": [*asked.get("py_modules", ()), *own_package()],
            "excludes": [*asked.get("excludes", ()), _COMPILED],
        }
        if self.install:
            made["pip"] = self._packages()
        return made

    def _packages(self) -> list[str]:
        taken = [key for key in _OWN_PYTHON if key in self.runtime_env]
        if taken:
            raise ConfigError(
                f"--install and `{taken[0]}` of --runtime-env both choose the job's packages; name "
                "those of ray_bench there, or leave one of the two out."
            )
        # The cluster's Ray is that of its processes; another one could not talk to them.
        return [one for one in requirements() if name_of(one) != "ray"]

    def interpreter(self, found: str | None) -> list[str]:
        """Return how the job starts Python.

        Args:
            found: the interpreter of the cluster's Ray; None if nobody knows it.
        """
        if self.python is not None:
            return [self.python]
        if "py_executable" in self.runtime_env:
            return shlex.split(self.runtime_env["py_executable"])
        has_own = self.install or any(key in self.runtime_env for key in _OWN_PYTHON)
        return ["python" if has_own or found is None else found]

    def words(self, found: str | None) -> list[str]:
        """Return the entry point."""
        module = "ray_bench.cli.parcel" if self.brings_report else "ray_bench"
        return [*self.interpreter(found), "-m", module, "run", *self.arguments]

    def shell_line(self, address: str, found: str | None, *, waits: bool) -> str:
        """Return the `ray job submit` that does the same."""
        line = ["ray", "job", "submit", "--address", address]
        line += [] if self.working_dir is None else ["--working-dir", self.working_dir]
        line += ["--runtime-env-json", json.dumps(self.environment())]
        line += [] if self.submission_id is None else ["--submission-id", self.submission_id]
        line += ["--metadata-json", json.dumps(dict(self.metadata))] if self.metadata else []
        line += [] if self.num_cpus is None else ["--entrypoint-num-cpus", f"{self.num_cpus:g}"]
        line += [] if waits else ["--no-wait"]
        return shlex.join([*line, "--", *self.words(found)])


def own_package() -> list[str]:
    """Return the folders that bring ray_bench itself: its code, and what says what it needs."""
    assert ray_bench.__file__ is not None
    return [str(Path(ray_bench.__file__).parent), *_metadata_folder()]


def _metadata_folder() -> list[str]:
    try:
        installed = metadata.distribution("ray-bench")
    except metadata.PackageNotFoundError:
        return []
    found = [file for file in installed.files or () if file.name == "METADATA"]
    return [str(Path(str(installed.locate_file(file))).parent) for file in found]
