"""What `ray-bench selfcheck` plants: six ladders of the workload `emulated`, one cause in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray_bench.config.schema import SweepConfig

#: One worker's step of 64 samples takes 0.48 s, at eight workers 0.06 s.
BATCH_SIZE = 64
COMPUTE_S_PER_SAMPLE = 0.0075
COMPUTE_S = BATCH_SIZE * COMPUTE_S_PER_SAMPLE

_ALL_SIZES = (1, 2, 4, 8)
_BOTH_ENDS = (1, 8)

#: World sizes and what is planted, by the name of the case.
CASES: Mapping[str, tuple[tuple[int, ...], Mapping[str, Any]]] = {
    "nothing": (_ALL_SIZES, {}),
    "serial time": (_ALL_SIZES, {"serial_s": COMPUTE_S / 9}),  # a tenth of the step
    "slow loader": (_BOTH_ENDS, {"loader_s": 0.04}),
    "straggler": (_BOTH_ENDS, {"straggler_rank": 1, "straggler_slowdown": 1.75}),
    "slow network": (_ALL_SIZES, {"latency_s": 0.0015, "gbit_per_s": 0.004}),
    "contention": (_BOTH_ENDS, {"contention_frac": 1.5}),
}


def planted_config(case: str) -> SweepConfig:
    """Return the ladder of a case, its defaults filled in."""
    world_sizes, planted = CASES[case]
    emulated = {"compute_s_per_sample": COMPUTE_S_PER_SAMPLE, **planted}
    return SweepConfig.model_validate(
        {
            "workload": "emulated",
            "world_sizes": world_sizes,
            "batch_size": BATCH_SIZE,
            "lr": 0.1,
            "epochs": 1,
            # A sleeping rank takes no core.
            "cpus_per_worker": 0.125,
            "use_gpu": False,
            "interleaved": True,
            "ladder": {"rounds": 6, "turn_s": 0.5},
            "optimizer": {"momentum": 0.0, "weight_decay": 0.0},
            # Smaller than a layer: each has a bucket of its own.
            "ddp": {"bucket_cap_mb": 0.001},
            "measure": {
                "warmup_steps": 3,
                "warmup_s": 0,
                "phase_steps": 8,
                "sync_pairs": 10,
                "checkpoint": False,
            },
            "emulated": emulated,
        }
    )
