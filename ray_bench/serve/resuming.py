"""What is asked for when a sweep goes on that has stopped."""

from __future__ import annotations

from dataclasses import replace

from fastapi import HTTPException

from ray_bench.config.secrets import MASK
from ray_bench.errors import ConfigError
from ray_bench.serve.asking.draft import draft_of_sweep
from ray_bench.serve.board import JobRequest
from ray_bench.serve.service import Service


def resumption(service: Service, sweep_id: str) -> JobRequest:
    """Return the request that continues a sweep: what its job asked for, or its configuration.

    Raises:
        ConfigError: If its configuration cannot be given from here.
    """
    jobs = [job for job in service.board.jobs() if job.sweep_id == sweep_id]
    key = f"resume {sweep_id} {len(jobs)}"  # who asks twice is given one job
    if jobs:
        return replace(jobs[0].request, resumed=sweep_id, request_key=key)
    sweep = service.store.sweep(sweep_id)
    if sweep is None:
        raise HTTPException(404, "There is no such sweep. See the list of all sweeps.")
    if MASK in sweep.command:
        raise ConfigError(
            "The sweep was given something secret, which is not stored. Resume it where it was "
            "started, with --resume."
        )
    draft = draft_of_sweep(sweep, allow_code=service.settings.allow_code)
    if draft.left_out:
        raise ConfigError(
            f"The sweep sets {', '.join(draft.left_out)}, which may not be set from here. Resume "
            f"it where it was started: {sweep.command} --resume"
        )
    return replace(draft.request(), resumed=sweep_id, request_key=key)
