"""`ray-bench config`: every key, or a configuration with its defaults filled in."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ray_bench.cli.options import Config, Overrides, split

HELP = """Show what can be configured, or what a configuration comes to.

Without arguments: a table of all keys. With a configuration: the same as YAML with every default
filled in, the workload's own among them; it can be saved and given to `ray-bench run`.

\b
Examples:
  ray-bench config
  ray-bench config demo repeats=5 > sweep.yaml
  ray-bench config --schema
"""


def config(
    config: Config = None,
    overrides: Overrides = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema, for editors and checks.")
    ] = False,
) -> None:
    """Show what can be configured."""
    source, settings = split(config, overrides)
    if schema:
        typer.echo(_schema())
    elif source is None and not settings:
        typer.echo(_keys())
    else:
        typer.echo(_resolved(source, settings))


def _schema() -> str:
    from ray_bench.config.schema import SweepConfig

    return json.dumps(SweepConfig.model_json_schema(), indent=2)


def _resolved(source: str | None, settings: list[str]) -> str:
    import yaml

    from ray_bench.sweep.requested import resolve

    values = resolve(source, settings).config.model_dump(mode="json")
    return yaml.safe_dump(values, sort_keys=False).rstrip("\n")


def _keys() -> str:
    from ray_bench.config.describe import describe_keys

    lines = []
    for key in describe_keys():
        default = "required" if key.is_required else f"default {key.default}"
        lines += [f"{key.name}  ({default})", f"    {key.description}"]
    return "\n".join(lines)
