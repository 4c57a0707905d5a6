"""The configuration of a sweep."""

from __future__ import annotations

from pydantic import model_validator

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.schema.refusals import complaint
from ray_bench.config.schema.unchecked import UncheckedSweep


class SweepConfig(UncheckedSweep):
    """A workload and the grid over which it is measured."""

    @model_validator(mode="after")
    def _goes_together(self) -> SweepConfig:
        found = complaint(self)
        if found is not None:
            raise ValueError(found)
        return self

    def with_defaults(self, defaults: WorkloadDefaults) -> SweepConfig:
        """Return the configuration with every unset training value taken from the workload."""
        values = self.model_dump()
        if self.memory_format is None:
            values["memory_format"] = (defaults.memory_format,)
        for name in ("batch_size", "lr", "use_gpu"):
            if values[name] is None:
                values[name] = getattr(defaults, name)
        if self.epochs is None and self.steps is None:
            values["epochs"] = defaults.epochs
        for part, default in (("optimizer", defaults.optimizer), ("schedule", defaults.schedule)):
            if values[part]["name"] is None:
                values[part]["name"] = default
        for name in ("momentum", "weight_decay"):
            if values["optimizer"][name] is None:
                values["optimizer"][name] = getattr(defaults, name)
        return SweepConfig.model_validate(values)
