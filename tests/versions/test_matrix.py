"""What pyproject.toml promises is what `make test-versions` tries."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ray_bench.launch.tuned import TESTED
from tests.versions import run
from tests.versions.matrix import MATRIX

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def release(version):
    return tuple(int(part) for part in version.split("."))


def lowest_allowed(package):
    (found,) = (d for d in PROJECT["dependencies"] if d.split(">=")[0].split("[")[0] == package)
    return release(found.split(">=")[1])


def test_the_lowest_that_are_allowed_are_tried_together():
    (lowest,) = (versions for versions in MATRIX if versions.lowest)
    for package in ("ray", "torch", "torchvision"):
        tried = release(getattr(lowest, package))
        assert tried == min(release(getattr(versions, package)) for versions in MATRIX)
        bound = lowest_allowed(package)
        assert tried[: len(bound)] == bound
    assert PROJECT["requires-python"] == f">={lowest.python}"


def test_every_python_that_is_named_is_tried_with_the_newest_ray():
    newest = max((versions.ray for versions in MATRIX), key=release)
    tried = {versions.python for versions in MATRIX if versions.ray == newest}
    prefix = "Programming Language :: Python :: "
    named = {x.removeprefix(prefix) for x in PROJECT["classifiers"] if x.startswith(prefix)}
    assert tried == named


def test_every_ray_that_is_tuned_is_tried():
    assert set(TESTED) <= {versions.ray for versions in MATRIX}


def test_what_an_interpreter_is_called_is_not_enough(tmp_path, monkeypatch):
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run._python("3.99") == "3.99"
    shim.write_text("#!/bin/sh\nexit 0\n")
    assert run._python("3.99") == shim
