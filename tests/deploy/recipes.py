"""The recipes, and what each of them installs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
RAY_YAML = [ROOT / "cluster.yaml", ROOT / "deploy" / "onprem.yaml"]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
KUBERAY = sorted((ROOT / "deploy" / "kuberay").glob("*.yaml"))


def installs(recipe: Path) -> list[str]:
    """What the recipe has pip or uv install, uv itself apart: paths and requirements."""
    if recipe == DOCKERFILE:
        text = recipe.read_text().replace("\\\n", " ")
        found = re.search(r"^ARG RAY_VERSION=(\S+)$", text, re.MULTILINE)
        assert found
        text = text.replace("${RAY_VERSION}", found[1])
        commands = re.split(r"&&|\n", text.partition("\nRUN ")[2])
    else:
        commands = yaml.safe_load(recipe.read_text())["setup_commands"]
    words = [shlex.split(command.strip()) for command in commands]
    pips = [line[line.index("install") + 1 :] for line in words if "install" in line]
    asked = [word for line in pips for word in _without_options(line)]
    return [word for word in asked if word != "uv"]


def _without_options(words: list[str]) -> list[str]:
    """`--python PATH` has a value; the other options that the recipes use have none."""
    values = {i + 1 for i, word in enumerate(words) if word == "--python"}
    return [w for i, w in enumerate(words) if not w.startswith("-") and i not in values]
