"""What ray_bench needs of the Python that runs it, and what of that is not there.

pyproject.toml says it: that of a checkout, or the metadata of an installed package.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from importlib import metadata
from pathlib import Path

_PROJECT = "ray-bench"
_CHECKOUT = Path(__file__).parents[1] / "pyproject.toml"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements() -> tuple[str, ...]:
    """Return all dependencies, as pip takes them; none where nothing says what they are."""
    if _CHECKOUT.is_file():
        project = tomllib.loads(_CHECKOUT.read_text(encoding="utf-8"))["project"]
        if project["name"] == _PROJECT:
            return tuple(project["dependencies"])
    try:
        required = metadata.requires(_PROJECT) or []
    except metadata.PackageNotFoundError:
        return ()
    return tuple(line for line in required if ";" not in line)  # without those of extras


def name_of(requirement: str) -> str:
    """Return the package of a requirement: "ray" of "ray[default]>=2.60"."""
    found = _NAME.match(requirement)
    assert found is not None, "pip would not take it"
    return found[0].lower()


def missing() -> tuple[str, ...]:
    """Return the dependencies that this Python lacks, or has in a version that is too old."""
    return tuple(one for one in requirements() if not _is_met(one))


def lacking(packages: tuple[str, ...]) -> str:
    """Say what this Python lacks, and what to do."""
    listed = ", ".join(packages)
    return (
        f"{sys.executable} lacks {listed}, which ray_bench needs. If it is not the Python of the "
        "cluster's Ray: `ray-bench submit` finds that one, `ray job submit ... -- "
        "/path/to/python ...` names it. If it is: submit with --install, or install on every "
        f"machine: {shlex.join([sys.executable, '-m', 'pip', 'install', *packages])}"
    )


def _is_met(requirement: str) -> bool:
    try:
        have = metadata.version(name_of(requirement))
    except metadata.PackageNotFoundError:
        return False
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return True  # Ray needs it too, so Ray itself is missing, which says enough
    return Requirement(requirement).specifier.contains(have, prereleases=True)
