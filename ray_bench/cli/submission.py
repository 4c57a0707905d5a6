"""Checks before a job is submitted: what it takes along, and whether it will find its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ray_bench.config.load import load
from ray_bench.errors import ConfigError

_NONE = "none"
_MIB = 2**20


def runtime_env_of(file: str | None) -> dict[str, Any]:
    """Return what a YAML file says of Ray's runtime environment.

    Raises:
        ConfigError: If it cannot be read, or holds something else.
    """
    if file is None:
        return {}
    try:
        values = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise ConfigError(f"Cannot read --runtime-env {file}: {err}.") from err
    if not isinstance(values, dict):
        raise ConfigError(
            f"--runtime-env {file} has to hold keys of Ray's runtime environment, like `pip` or "
            f"`env_vars`, got {type(values).__name__}."
        )
    return values


def key_values(pairs: Sequence[str] | None) -> dict[str, str]:
    """Return the metadata.

    Raises:
        ConfigError: If a word is no k=v.
    """
    for pair in pairs or ():
        if not pair.partition("=")[0] or "=" not in pair:
            raise ConfigError(f"Expected --metadata key=value, got {pair!r}; e.g. team=vision.")
    return dict(pair.split("=", 1) for pair in pairs or ())


def checked_working_dir(
    source: str | None, settings: Sequence[str], asked: str | None, env: dict[str, Any]
) -> tuple[str | None, str | None, str]:
    """Check the sweep, and what has to go along for it.

    Args:
        source: a file here, a preset, or None.
        settings: `key=value`.
        asked: folder, URI, "none", or None to choose.
        env: the runtime environment, which may name a working directory and what to exclude.

    Returns:
        The source as the job names it, the working directory or None, and a line that says what
        is uploaded.

    Raises:
        ConfigError: If the sweep is wrong, the job would miss a file, or Ray would refuse the size.
    """
    config = load(source, settings)
    is_file = source is not None and Path(source).expanduser().is_file()
    needed = f"the file {source}" if is_file else f"the workload {config.workload}"
    is_needed = is_file or config.target is not None or ":" in config.workload
    asked = asked or env.get("working_dir") or ("." if is_needed else _NONE)
    if asked == _NONE:
        if is_file:
            raise ConfigError(f"The job needs {needed}, so --working-dir cannot be none.")
        return source, None, "Uploading no working directory."
    if "://" in asked:
        return source, asked, f"Working directory: {asked}."
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"--working-dir {asked} is no folder; give one, a URI, or none.")
    sizes, line = _sizes(folder, env.get("excludes", ()))
    if is_file and source is not None:
        source = _within(source, folder, sizes)
    return source, str(folder), line


def _sizes(folder: Path, excludes: Sequence[str]) -> tuple[dict[str, int], str]:
    from ray_bench.launch.upload import check_upload, upload_limit_bytes, upload_sizes

    sizes = upload_sizes(folder.resolve(), excludes)
    total = check_upload(folder, sizes, upload_limit_bytes())
    return sizes, f"Working directory: {folder}, {len(sizes)} files, {total / _MIB:.1f} MiB."


def _within(source: str, folder: Path, sizes: dict[str, int]) -> str:
    """Return the path of a file within the folder that is sent along."""
    try:
        name = str(Path(source).expanduser().resolve().relative_to(folder.resolve()))
    except ValueError:
        raise ConfigError(
            f"{source} is not in the working directory {folder}, so the job would not find it; "
            "give the folder that holds it as --working-dir."
        ) from None
    if name not in sizes:
        raise ConfigError(
            f"{source} would not be sent along: .gitignore, .rayignore or `excludes` names it."
        )
    return name
