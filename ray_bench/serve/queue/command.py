"""The command of a job: what `ray-bench run` is told, and in which environment."""

from __future__ import annotations

import hashlib
import os
import sysconfig
import uuid
from collections.abc import Mapping
from pathlib import Path

import ray_bench
from ray_bench.serve.board import JobRequest
from ray_bench.serve.settings import ServeSettings
from ray_bench.sweep.board import VARIABLE

#: Would send a sweep of this machine to a cluster.
_ADDRESSES = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
#: What the service itself was told, its tokens among it.
_OWN = ("RAY_BENCH_SERVE", "RAY_BENCH_TOKEN")


def run_words(request: JobRequest, results: str) -> list[str]:
    """Return the arguments of `ray-bench`: a list, so that no shell reads them."""
    words = ["run", *([request.source] if request.source else []), *request.settings]
    words.append(f"--results={results}")
    words += [f"--budget={request.budget}"] if request.budget else []
    if request.resumed is not None:
        words += ["--resume", f"--sweep={request.resumed}"]
    else:
        words += [f"--name={request.name}"] if request.name else []
        words += [f"--tag={tag}" for tag in request.tags]
        words += [f"--note={request.note}"] if request.note else []
    return [*words, *(["--", *request.script] if request.script else [])]


def environment(settings: ServeSettings, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a sweep on this machine: the service's, without its tokens.

    Args:
        settings: Of the service.
        given: The service's; None takes that of this process.
    """
    tokens = {token.secret for token in settings.tokens}
    kept = {
        name: value
        for name, value in (os.environ if given is None else given).items()
        if name not in _ADDRESSES
        and not name.startswith(_OWN)
        and not any(token in value for token in tokens)
    }
    return {**kept, VARIABLE: "1", **_path_of_a_checkout(kept)}


def _path_of_a_checkout(kept: Mapping[str, str]) -> dict[str, str]:
    """Return how the sweep finds ray_bench where it is not installed: it starts elsewhere."""
    assert ray_bench.__file__ is not None
    folder = Path(ray_bench.__file__).parents[1]
    if str(folder) in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return {}
    before = kept.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}


def absolute(results: str) -> str:
    """Return where results are, wherever a sweep starts."""
    return results if "://" in results else os.path.abspath(os.path.expanduser(results))


def job_id_of(request: JobRequest) -> str:
    """Return the name of a job: the same for the same `request_key`."""
    key = request.request_key or uuid.uuid4().hex
    return f"job-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
