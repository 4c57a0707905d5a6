"""A Chrome trace of a few steps, for those who want to look at single kernels.

Kineto slows steps down and may go on doing so afterwards: a trace is made in a pass of its own,
after everything else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, record_function


def chrome_trace(step: Callable[[], object], num_steps: int, device: torch.device) -> bytes:
    """Return the trace of `num_steps` calls of `step` as gzip-compressed JSON.

    `chrome://tracing` and ui.perfetto.dev open it.
    """
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        for index in range(num_steps):
            with record_function(f"step {index}"):
                step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json.gz"
        profiler.export_chrome_trace(str(path))
        return path.read_bytes()
