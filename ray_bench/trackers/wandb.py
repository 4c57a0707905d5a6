"""Weights & Biases: one W&B run a run, grouped by sweep."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, final

from ray_bench.errors import ConfigError
from ray_bench.trackers.entry import Entry

#: Seconds that the sweep waits for the server at the start and the end of a W&B run.
_PATIENCE_S = 20.0


def check_login() -> None:
    """Find out before the sweep whether W&B would ask for a key.

    Raises:
        ConfigError: If it would; offline mode needs none.
    """
    import wandb

    if os.environ.get("WANDB_MODE", "online") not in ("online", "shared"):
        return
    if not wandb.login(prompt=False, verify=False):
        raise ConfigError(
            "trackers.wandb is set, but there is no W&B key; log in with `wandb login`, set "
            "WANDB_API_KEY, or set WANDB_MODE=offline and upload later with `wandb sync`."
        )


@final
class WandB:
    """Writes a finished W&B run for each run.

    Args:
        project: Its name.
        folder: A local folder for W&B's own files; WANDB_DIR goes before it.
    """

    name, key = "Weights & Biases", "wandb"

    def __init__(self, *, project: str, folder: str) -> None:
        self._project = project
        self._folder = os.environ.get("WANDB_DIR") or folder
        mode = os.environ.get("WANDB_MODE", "online")
        self.place = f"project {project!r}, {mode}, files in {self._folder}/wandb"
        self._wandb: Any = None

    def open(self) -> None:
        """Import W&B; its process starts with the first run."""
        import wandb

        self._wandb = wandb

    def log(self, entry: Entry) -> None:
        """Write a run and wait until it is uploaded. Written again, it replaces itself."""
        if self._wandb is None:
            self.open()
        Path(self._folder).mkdir(parents=True, exist_ok=True)
        run = self._wandb.init(
            project=self._project,
            name=entry.name,
            id=hashlib.sha256(f"{entry.sweep_id}/{entry.name}".encode()).hexdigest()[:16],
            group=entry.sweep_id,
            job_type=f"w{entry.world_size}",
            config=dict(entry.parameters),
            dir=self._folder,
            settings=self._wandb.Settings(
                silent=True,
                console="off",
                x_disable_stats=True,  # of the driver's host, now: not of the run
                init_timeout=_PATIENCE_S,
                finish_timeout=_PATIENCE_S,
                finish_timeout_raises=True,
            ),
        )
        is_whole = False
        try:
            run.define_metric("epoch/*", step_metric="epoch")
            for epoch in entry.epochs:
                run.log({"epoch": epoch.epoch, **epoch.metrics})
            run.summary.update(dict(entry.metrics))
            is_whole = entry.status == "ok"
        finally:
            run.finish(exit_code=0 if is_whole else 1)

    def close(self) -> None:
        """End W&B's process."""
        if self._wandb is not None:
            self._wandb.teardown()
