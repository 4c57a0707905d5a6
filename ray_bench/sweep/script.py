"""What is known of somebody else's script before it runs, and how its command is shown."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.load import load
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import filled, module_of, words
from ray_bench.config.script_grid import values_of
from ray_bench.config.secrets import masked_arguments, masked_variables
from ray_bench.config.stored import masked_values
from ray_bench.errors import ConfigError
from ray_bench.records import Point
from ray_bench.sweep.request import script_settings
from ray_bench.workloads.catalog import WorkloadInfo


def script_info(config: SweepConfig) -> WorkloadInfo:
    """Return what a script is to the sweep: no data set of ours, no parameters that are known."""
    return WorkloadInfo(
        name=config.target_name,
        target=config.target or "",
        summary="a training of somebody else's",
        dataset=None,
        num_params=None,
        defaults=WorkloadDefaults(),
        is_builtin=False,
    )


def check_script(config: SweepConfig) -> None:
    """See that the script is there, where the workers run on this machine.

    Raises:
        ConfigError: If it is not.
    """
    script = config.script
    if config.train_fn is not None:
        _check_module(config.train_fn)
    if script is None or module_of(script) is not None:
        return
    path = Path(script).expanduser()
    if not path.exists():
        beside = sorted(x.name for x in Path().glob("*.py"))[:8]
        found = f" Here are {', '.join(beside)}." if beside else ""
        raise ConfigError(f"There is no script {script!r} in {os.getcwd()}.{found}")


def _check_module(target: str) -> None:
    """See that a function's module is there; it is imported in the workers alone."""
    module = target.partition(":")[0]
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        is_there = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise ConfigError(
            f"There is no module {module!r} (of train_fn={target}) that could be imported from "
            f"{os.getcwd()}; look for a slip."
        )


def trial_config(script: Sequence[str], overrides: Sequence[str]) -> SweepConfig:
    """Return what is asked of a script that is only looked at.

    Raises:
        ConfigError: If there is no such script, or anything about the request is wrong.
    """
    if not script:
        raise ConfigError(
            "Settings are those of a script: write `ray-bench doctor lr=0.1 -- train.py --lr {lr}`."
        )
    length = () if any(x.startswith(("epochs=", "steps=")) for x in overrides) else ("steps=20",)
    config = load(None, ("world_sizes=[1]", *overrides, *length, *script_settings(tuple(script))))
    check_script(config)
    return config


def shown_command(config: SweepConfig, point: Point) -> str:
    """Return the command of a rank, with its values filled in and secret ones masked."""
    values = values_of(config, point, "RUN_DIR")
    if config.script is None:
        given = masked_values(filled(config.train_fn_config, values))
        return f"{config.train_fn}({_keywords(given)})"
    module = module_of(config.script)
    what = ["-m", module] if module is not None else [config.script]
    return shlex.join(
        [Path(sys.executable).name, *what, *masked_arguments(words(config.args, values))]
    )


def shown_environment(config: SweepConfig, point: Point) -> str:
    """Return what a rank's environment gets beside the worker's own, in words."""
    own = {
        "RANK": f"0..{point.world_size - 1}" if point.world_size > 1 else "0",
        "WORLD_SIZE": str(point.world_size),
        "LOCAL_RANK": "...",
        "LOCAL_WORLD_SIZE": "...",
        "MASTER_ADDR": "(host of rank 0)",
        "MASTER_PORT": "(a free one)",
    }
    return " ".join(f"{k}={v}" for k, v in {**own, **masked_variables(config.launch.env)}.items())


def _keywords(given: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name!r}: {value!r}" for name, value in given.items()) + "}"
