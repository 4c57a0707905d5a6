"""What ray_bench needs, and what it says where that is missing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from ray_bench import needs

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_needs_of_a_checkout_are_those_of_the_project():
    assert list(needs.requirements()) == PROJECT["dependencies"]


def test_an_installed_package_knows_its_needs_without_extras(monkeypatch, tmp_path):
    monkeypatch.setattr(needs, "_CHECKOUT", tmp_path / "pyproject.toml")
    assert sorted(map(needs.name_of, needs.requirements())) == sorted(
        map(needs.name_of, PROJECT["dependencies"])
    )


def test_nothing_says_the_needs(monkeypatch, tmp_path):
    def not_there(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(needs, "_CHECKOUT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(metadata, "requires", not_there)
    assert needs.requirements() == ()


def test_this_environment_lacks_nothing():
    assert needs.missing() == ()


def test_what_is_absent_or_too_old_is_missing(monkeypatch):
    wanted = ("numpy>=1", "numpy>=99", "no-such-package>=1", "ray[default]>=2")
    monkeypatch.setattr(needs, "requirements", lambda: wanted)
    assert needs.missing() == ("numpy>=99", "no-such-package>=1")
    words = needs.lacking(needs.missing())
    assert f"{sys.executable} lacks numpy>=99, no-such-package>=1" in words
    assert "--install" in words
    assert "-m pip install 'numpy>=99'" in words


@pytest.mark.parametrize("module", ["ray_bench", "ray_bench.cli.parcel"])
def test_a_bare_python_says_what_it_lacks(module, tmp_path):
    """As on a machine where `python` is not that of Ray: no site-packages at all."""
    (tmp_path / "ray_bench").symlink_to(ROOT / "ray_bench")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    done = subprocess.run(
        [sys.executable, "-S", "-m", module, "run", "demo", "--results", str(tmp_path / "r")],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "lacks torch>=" in done.stderr
    assert "altair" in done.stderr
    assert "ray-bench submit" in done.stderr
