"""Arguments of DistributedDataParallel that are no keys of the configuration, and what to write."""

from __future__ import annotations

from collections.abc import Mapping

_OURS = "ray_bench sets it from the place of the rank"

#: Every argument of DDP is a key under `ddp`, or stands here.
INSTEAD: Mapping[str, str] = {
    "module": _OURS,
    "device_ids": _OURS,
    "output_device": _OURS,
    "dim": _OURS,
    "process_group": _OURS,
    "device_mesh": _OURS,
    "forward_sync_buffers": "it is the newer name of broadcast_buffers: write "
    "`ddp.broadcast_buffers`",
    "bucket_cap_mb_list": "give one size with `ddp.bucket_cap_mb`; a list of them is a sweep",
    "mixed_precision": "write `precision=bf16`, which is autocast",
    "check_reduction": "DDP itself ignores it by now",
    "delay_all_reduce_named_params": "give the workload a method comm_hook(context)",
    "param_to_hook_all_reduce": "give the workload a method comm_hook(context)",
}
