"""A configuration as it may be stored: values that look secret by their names are masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray_bench.config.secrets import MASK, is_secret, masked_arguments, masked_variables


def stored(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dumped configuration with a script's arguments and the environment masked."""
    launch = {**config["launch"], "env": masked_variables(config["launch"]["env"])}
    function = masked_values(config["train_fn_config"])
    args = list(masked_arguments(config["args"]))
    return {**config, "args": args, "train_fn_config": function, "launch": launch}


def masked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return named values, those of groups too, without the secret ones."""
    return {
        name: masked_values(value)
        if isinstance(value, Mapping)
        else MASK
        if is_secret(name)
        else value
        for name, value in values.items()
    }
