"""The words that records use, as types."""

from __future__ import annotations

from typing import Literal

Scaling = Literal["strong", "weak"]
#: A rule of `config.lr_rules`: none, linear, sqrt, legw, adascale, or power:0.66.
LrRule = str
#: Whose batch statistics are normalised with: each rank's own, or those of all ranks.
BatchNorm = Literal["per_worker", "synchronised"]
Precision = Literal["fp32", "bf16"]
MemoryFormat = Literal["channels_last", "contiguous"]
CompileMode = Literal["none", "default", "reduce-overhead"]
Compression = Literal["none", "bf16"]
Trainer = Literal["tuned", "plain"]
#: What keeps ranks in step; "none": nothing that is known here, "unknown": no module was found.
#: "deepspeed" is without ZeRO, "zero1" to "zero3" are its stages.
Strategy = Literal[
    "ddp", "fsdp1", "fsdp2", "deepspeed", "zero1", "zero2", "zero3", "none", "unknown"
]
#: Whose loop made the steps: ours, somebody's script or function that we started, or a job that
#: somebody started with us beside it.
Launched = Literal["ours", "script", "train_fn", "attached"]
#: What told how many samples a step had: indices that a loader drew, the batch, or the script.
Source = Literal["indices", "batch", "script", "unknown"]
#: How a run ended; every word but "ok" means that it did not finish.
Status = Literal["ok", "failed", "diverged", "stopped", "preempted", "interrupted"]

#: What can fail: the run itself, or an extra, without which the timed training still counts.
Part = Literal[
    "run",
    "evaluation",
    "instruments",
    "noise",
    "phases",
    "sync_pairs",
    "checkpoint",
    "flops",
    "trace",
    "passes",
]
