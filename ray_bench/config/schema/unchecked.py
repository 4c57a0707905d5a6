"""What follows from the keys of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray_bench.config.lr_rules import AdamSettings, rule_of
from ray_bench.config.placements import Asked, Placement
from ray_bench.config.schema.keys import SweepKeys
from ray_bench.config.script import fields_in, name_of
from ray_bench.config.settings import combinations


class UncheckedSweep(SweepKeys):
    """What keys mean together, whether or not they go together."""

    @property
    def target(self) -> str | None:
        """Somebody else's script or Ray Train function; None where a workload is trained."""
        return self.train_fn if self.script is None else self.script

    @property
    def target_key(self) -> str:
        """The key that names the target."""
        return "train_fn" if self.script is None else "script"

    @property
    def target_name(self) -> str:
        """What results call it."""
        return name_of(self.target or self.workload)

    @property
    def given(self) -> Any:
        """What the target is given: its arguments, or its function's configuration."""
        return self.args if self.train_fn is None else self.train_fn_config

    @property
    def fields(self) -> frozenset[str]:
        """What a point fills in of it."""
        return fields_in(self.given)

    @property
    def settings(self) -> tuple[Mapping[str, Any], ...]:
        """Every combination of the settings that change speed and not what is trained, by name."""
        return combinations(self)

    @property
    def evaluated_every(self) -> int:
        """Epochs from one evaluation to the next; 0: none is made."""
        if self.evaluation.every is not None:
            return self.evaluation.every
        is_speed_run = self.steps is not None and self.evaluation.max_samples is None
        return 0 if is_speed_run else 1

    def global_batch_of(self, world_size: int) -> int:
        """Return the samples of an optimizer step; the defaults are filled in."""
        assert self.batch_size is not None, "defaults are filled in before"
        return self.batch_size * world_size if self.scaling == "weak" else self.batch_size

    def batch_growth(self, world_size: int) -> float:
        """Return the global batch over the one that `lr` was chosen for.

        That is `optimizer.base_batch_size`, or else `batch_size`: one worker's in weak scaling.
        """
        global_batch = self.global_batch_of(world_size)
        return global_batch / (self.optimizer.base_batch_size or self.batch_size or global_batch)

    def growth(self, world_size: int) -> float:
        """Return what a learning-rate rule follows; `optimizer.scale_with` says it."""
        by_world = self.optimizer.scale_with == "world_size"
        return world_size if by_world else self.batch_growth(world_size)

    def adam_settings(self, rule: str, world_size: int) -> AdamSettings:
        """Return the betas and epsilon of a run; a beta may be below 0, which is refused."""
        optimizer = self.optimizer
        asked = AdamSettings(optimizer.beta1, optimizer.beta2, optimizer.epsilon)
        found = rule_of(rule).adam(asked, self.growth(world_size))
        if not optimizer.hold_beta2_half_life:
            return found
        return found._replace(beta2=asked.beta2 ** self.batch_growth(world_size))

    @property
    def asked_places(self) -> Asked:
        """Where workers are asked to be."""
        # A ladder's smaller world sizes are the first ranks of its largest, whatever its strategy.
        is_left = self.interleaved or self.launch.placement == "PACK"
        default = None if is_left else self.launch.placement.lower()
        return Asked(self.placements, self.workers_per_node, default)

    def placements_of(self, world_size: int) -> tuple[Placement, ...]:
        """Return where so many workers are asked to be; one placement after the other."""
        return self.asked_places.of(world_size)

    @property
    def placement_note(self) -> str | None:
        """Which world sizes are not measured with every number of workers a node."""
        return self.asked_places.note(self.world_sizes)
