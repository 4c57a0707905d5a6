"""One cell of a sweep's grid: where it is trained, what, and how."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from ray_bench.records.known import known
from ray_bench.records.words import (
    CompileMode,
    Compression,
    LrRule,
    MemoryFormat,
    Precision,
    Scaling,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a point is trained: how many ranks, and on which nodes they were asked to be."""

    world_size: int
    # Where the workers were asked to be, None where nothing was; a single one has only one place.
    placement: str | None = None  # one of Ray's strategies, or NxM: N nodes with M workers each
    num_nodes: int | None = None  # N of NxM
    workers_per_node: int | None = None  # M of NxM


@dataclass(frozen=True, kw_only=True)
class Training:
    """What a point trains, and how. What somebody else's script does not tell is None."""

    workload: str  # its name; a script's is its file's, or its module's
    scaling: Scaling | None  # None: of a script at a single world size; told by the others
    lr_rule: LrRule | None
    seed: int | None
    precision: Precision | None
    is_ddp: bool  # False for ours only at world size 1: plain PyTorch, the honest baseline
    global_batch_size: int | None  # samples per optimizer step
    local_batch_size: int | None  # samples per rank and optimizer step
    base_lr: float | None  # before the learning-rate rule
    lr: float | None  # the peak that the rule gives; the most of an adaptive one
    # The settings below are None where an older version did not record them.
    memory_format: MemoryFormat | None = None  # of the module; contiguous leaves it as it was built
    compile: CompileMode | None = None
    bucket_cap: str | None = None  # MiB, or "auto" as RunRecord.bucket_cap_mb tells; None: no DDP
    compression: Compression | None = None  # of gradients on their way; None without DDP
    accumulate_steps: int | None = None  # micro-batches of a rank's step; None: one
    max_local_batch_size: int | None = None  # what decided them, at every world size anew
    clip_grad_norm: float | None = None  # most that the gradient's norm may be; None: any

    @property
    def rule(self) -> str:
        """The learning-rate rule in a word; a script has its own."""
        return self.lr_rule or "own"


@dataclass(frozen=True, kw_only=True)
class Point(Training, Place):
    """One cell of a sweep's grid: a place and a training, whose parts are read as its own."""

    @property
    def place(self) -> Place:
        """Where it is trained."""
        return Place(**{name: getattr(self, name) for name in Place.__dataclass_fields__})

    @property
    def training(self) -> Training:
        """What is trained, and how."""
        return Training(**{name: getattr(self, name) for name in Training.__dataclass_fields__})

    @property
    def rule_label(self) -> str:
        """The learning-rate rule, or that it is unknown."""
        return self.lr_rule or "script's own"

    @property
    def num_micro_batches(self) -> int:
        """Parts of a rank's step whose gradients are added up before they are reduced."""
        return self.accumulate_steps or 1

    @property
    def micro_batch_size(self) -> int:
        """Samples that a rank computes at once, in a whole batch."""
        return known(self.local_batch_size) // self.num_micro_batches

    @property
    def point_id(self) -> str:
        """A readable name, unique within a sweep, with a short hash of what is set.

        A field that older versions did not have counts only where it is set: their ids stay.
        """
        values = asdict(self).items()
        hashed = sorted((k, v) for k, v in values if v is not None or k not in _HASHED_IF_SET)
        digest = hashlib.sha256(repr(hashed).encode()).hexdigest()[:6]
        name = self.workload.removesuffix(".py").replace(":", ".").rsplit(".", 1)[-1]
        wrap = "" if self.is_ddp or self.world_size > 1 else "-plain"
        where = "" if self.placement is None else f"-{self.placement}"
        seed = None if self.seed is None else f"s{self.seed}"
        how = "".join(f"-{x}" for x in (self.scaling, self.lr_rule, seed) if x is not None)
        return f"{name}-w{self.world_size}{wrap}{where}{how}-{digest}"


#: Fields of a point that came after the first ids were given.
_HASHED_IF_SET = frozenset(
    {
        *("placement", "num_nodes", "workers_per_node"),
        *("accumulate_steps", "max_local_batch_size", "clip_grad_norm"),
    }
)
