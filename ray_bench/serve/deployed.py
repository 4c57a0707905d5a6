"""The service for a server that makes the application itself: settings come from the environment.

`ray serve` takes it (deploy/ray_serve.py), and so does any ASGI server that knows factories:
`uvicorn --factory ray_bench.serve.deployed:app`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI

from ray_bench.errors import ConfigError
from ray_bench.serve.app import create_app
from ray_bench.serve.places import check_results, state_dir_of
from ray_bench.serve.queue import board_of
from ray_bench.serve.settings import ServeSettings
from ray_bench.serve.tokens import given_tokens

PREFIX = "RAY_BENCH_"
#: What may be set, as RAY_BENCH_RESULTS and so on.
_KNOWN = (
    *("RESULTS", "TOKEN", "TOKEN_FILE", "ADDRESS", "STATE_DIR", "HOST_NAMES"),
    *("READ_ONLY", "ALLOW_CODE", "BEHIND_TLS"),
)
_BOOL = {"1": True, "true": True, "0": False, "false": False, "": False}


def app() -> FastAPI:
    """Return the application that the environment describes.

    Raises:
        RayBenchError: A variable is missing or cannot be meant, or the results cannot be used.
    """
    settings = settings_of(os.environ)
    settings.check()
    check_results(settings.results, read_only=settings.read_only)
    return create_app(settings, board_of(settings))


def settings_of(environ: Mapping[str, str]) -> ServeSettings:
    """Return what variables say: those of `ray-bench serve`, RAY_BENCH_READ_ONLY=1 and so on.

    RAY_BENCH_RESULTS and a token are needed: whoever reaches the server reaches the service.

    Raises:
        ConfigError: One is missing, or cannot be meant.
    """
    given = {name: environ[f"{PREFIX}{name}"] for name in _KNOWN if f"{PREFIX}{name}" in environ}
    results = given.get("RESULTS")
    if not results:
        raise ConfigError("Set RAY_BENCH_RESULTS to the results: a folder, s3://... or gs://...")
    token_file = given.get("TOKEN_FILE")
    settings = ServeSettings(
        results=results,
        state_dir=Path(given["STATE_DIR"]) if given.get("STATE_DIR") else state_dir_of(results),
        address=given.get("ADDRESS") or None,
        host="0.0.0.0",
        tokens=given_tokens(Path(token_file) if token_file else None, environ),
        hosts=tuple(given.get("HOST_NAMES", "").replace(",", " ").split()),
        read_only=_is_set(given, "READ_ONLY"),
        allow_code=_is_set(given, "ALLOW_CODE"),
        is_behind_tls=_is_set(given, "BEHIND_TLS"),
    )
    if not settings.tokens:
        raise ConfigError("Set RAY_BENCH_TOKEN or RAY_BENCH_TOKEN_FILE: others reach this server.")
    return settings


def _is_set(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "").lower()
    if text not in _BOOL:
        raise ConfigError(f"{PREFIX}{name} is 0 or 1, got {text!r}.")
    return _BOOL[text]
