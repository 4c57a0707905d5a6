"""What holds for a sweep that runs as a Ray job: where results may go, what has to be there."""

from __future__ import annotations

import os

from ray_bench.errors import ConfigError, LaunchError

_IN_A_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # set by Ray for the program of a job


def check_job(results: str) -> None:
    """Refuse, before anything is measured, what would lose the results of a job at its end.

    Raises:
        ConfigError: If the results would go to the job's working directory.
        LaunchError: If packages are missing, some of which are needed for the report alone.
    """
    if _IN_A_JOB not in os.environ:
        return
    from ray_bench.needs import lacking, missing

    check_results_stay(results)
    packages = missing()
    if packages:
        raise LaunchError(lacking(packages))


def check_results_stay(results: str) -> None:
    """Refuse a relative results path.

    Raises:
        ConfigError: If it is one.
    """
    if "://" not in results and not results.startswith("/"):
        raise ConfigError(
            f"--results {results!r} is relative, but a job's working directory is a copy that is "
            "deleted; give an absolute path, best on a shared disk, or a URI (s3://..., gs://...)."
        )
