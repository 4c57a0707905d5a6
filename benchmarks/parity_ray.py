"""The arm of ray_bench in `benchmarks.parity`: TorchTrainer through `launch`, our loop inside."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil


def loop(loop_config: dict[str, Any]) -> None:
    """Run in every worker: the product's rank, in turns."""
    entered_s = time.time()
    from benchmarks.own_path import OwnTurns, train_in_turns
    from ray_bench.launch import worker
    from ray_bench.train.group import Group

    group: Group = worker.rank_group()
    stamps = {
        **loop_config["stamps"],
        "worker_process": process_started_s(),
        "loop_entered": entered_s,
    }
    with worker.process_group(needed=loop_config["job"]["is_ddp"]):
        train_in_turns(loop_config["job"], group, OwnTurns(loop_config["job"], group, stamps))


def process_started_s() -> float:
    """Return when this process was made, by the clock of `time.time`.

    psutil adds a boot time of whole seconds, by a clock that may have been set since.
    """
    since_boot_s = psutil.Process().create_time() - psutil.boot_time()
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot_s)


class Trial:
    """Fits in a process of its own, as a trial of Tune does."""

    def fit(self, job: dict[str, Any], stamps: dict[str, float], scratch_dir: str) -> None:
        """Fit one trainer; its workers talk to the referee."""
        from benchmarks.own_path import read_job
        from ray_bench.launch.trial import make_trainer

        config, point = read_job(job)
        make_trainer(
            config,
            num_workers=point.world_size,
            use_gpu=False,
            loop=loop,
            loop_config={"job": job, "stamps": {**stamps, "trial_imported": time.time()}},
            name=f"benchmark-{os.getpid()}",
            scratch_dir=scratch_dir,
        ).fit()


def main() -> None:
    """Start Ray and a trial."""
    job = json.loads(Path(sys.argv[1]).read_text())
    stamps: dict[str, float] = {}
    from ray_bench.launch import settings

    settings.apply_defaults()
    import ray

    import ray_bench.launch.sweep  # noqa: F401  # what the product's driver imports
    from ray_bench.launch.cluster import connected

    stamps["driver_imported"] = time.time()
    with (
        connected("local", tuned=True),
        tempfile.TemporaryDirectory(prefix="ray_bench-") as scratch,
    ):
        stamps["ray_started"] = time.time()
        trial = ray.remote(num_cpus=0)(Trial).remote()
        ray.get(trial.fit.remote(job, stamps, scratch))  # type: ignore[attr-defined]
        if "log" in job:
            _keep_controller_log(ray.get_runtime_context().get_session_name(), Path(job["log"]))


def _keep_controller_log(session: str, target: Path) -> None:
    """Copy what Ray Train says of its own start-up; the folder goes with the session."""
    folder = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray" / session
    found = sorted((folder / "logs" / "train").glob("ray-train-sys-controller-*.log"))
    target.write_text("".join(path.read_text() for path in found))


if __name__ == "__main__":
    # By its own name, so that Ray's workers import the loop instead of getting it pickled.
    from benchmarks import parity_ray

    parity_ray.main()
