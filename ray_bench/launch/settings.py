"""The environment that Ray's processes need, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping

#: Read by the process that builds a trainer, handed on by Ray to its controller and workers.
TRAIN_ENV: Mapping[str, str] = {
    # One poll is the price of noticing that a run has ended; Ray's default is 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # A stopped rank never leaves its process group; it is killed all the same. Ray's default is 30.
    "TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S": "5",
}

#: The same on a local cluster.
LOCAL_ENV: Mapping[str, str] = {
    # Nobody preempts it: one process less to start for every run.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # Ray's agent looks at all processes every 5 s; nobody looks at the dashboard that shows them.
    "REPORTER_UPDATE_INTERVAL_MS": "60000",
    # An idle worker wakes a hundred times a second, and hardly one can be used: the environment of
    # trials and of workers that train differs from the one that it was started with.
    "RAY_prestart_worker_first_driver": "0",
    "RAY_num_workers_soft_limit": "0",
}

#: Read by the driver. The store keeps the results; Tune's own loggers would write them again.
DRIVER_ENV: Mapping[str, str] = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # launch.interrupt has its own
    "RAY_AIR_NEW_OUTPUT": "0",  # the new reporter prints at every verbosity
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # The default of newer Rays: a process without GPUs of its own sees them all. Older ones warn.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Many workers on few cores are asked for; Ray would say so on stdout, where results go.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "worker processes have been started on node",
}

WORKER_ENV: Mapping[str, str] = {
    # Ray gives its workers nice 15; a benchmark competes with nobody on purpose.
    "RAY_worker_niceness": "0",
}

#: For workers in which our own loop trains; a script has the main thread of a process.
LOOP_ENV: Mapping[str, str] = {
    # Ray trains in a thread, whose own arena of glibc's gives every buffer above 64 MiB back to the
    # system: with it a step of ResNet-50 at batch 128 takes 1.30 (1.27 to 1.34) times as long on a
    # CPU (docs/results/naive).
    "MALLOC_ARENA_MAX": "1",
}

#: How often Ray tries to start a run's workers again; its own default is for ever.
START_ATTEMPTS = 2


def apply(environment: Mapping[str, str]) -> None:
    """Set what the user has not set, in this process and in those that it starts."""
    for name, value in environment.items():
        os.environ.setdefault(name, value)


def apply_defaults() -> None:
    """Set the driver's environment. Call it before Ray is imported."""
    apply({**TRAIN_ENV, **DRIVER_ENV})


def job_environment() -> dict[str, str]:
    """Return what a joined cluster's processes need of this process's settings."""
    return {name: os.environ[name] for name in TRAIN_ENV if name in os.environ}
