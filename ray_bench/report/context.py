"""What every section is built from: one analysed group, and the price."""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.analysis.groups import PLACEMENT
from ray_bench.analysis.nodes import nodes_by_size, workers_per_node
from ray_bench.analysis.study import Study
from ray_bench.analysis.verdict import clean_sizes
from ray_bench.records import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One group of comparable runs, and what the report was asked with."""

    results: Results
    study: Study
    price_per_worker_hour: float | None
    currency: str
    number: int  # from 1: which of the groups
    num_groups: int

    def key(self, name: str) -> str:
        """Return a table's key, unique among the groups."""
        return name if self.number == 1 else f"{name}_{self.number}"

    def title(self, words: str) -> str:
        """Return a heading, with the group's number where there are several."""
        return words if self.num_groups == 1 else f"{words} ({self.group})"

    @property
    def name(self) -> str | None:
        """What tells the curve from the others; None where there is one."""
        return None if self.num_groups == 1 else self.group

    @property
    def group(self) -> str:
        """`group 2`, with the placement where one was asked for: `group 2, spread`."""
        where = self.placement
        return f"group {self.number}" + ("" if where is None else f", {where}")

    @property
    def placement(self) -> str | None:
        """Where the group's workers were asked to be; None where nobody asked."""
        where = self.study.group.key.get(PLACEMENT)
        if where is None:
            return None
        word = "worker" if where == "1 a node" else "workers"
        return str(where).replace(" a node", f" {word} a node")

    @property
    def no_price(self) -> tuple[str, ...]:
        """Return how to give a price, where there is none."""
        if self.price_per_worker_hour is not None:
            return ()
        return (
            "No price given: give it as price_per_worker_hour=1.5 to `run`, or --price 1.5 or "
            "--price-of NAME (see `ray-bench prices`) to `report`.",
        )


def workers(count: int) -> str:
    """Return `1 worker`, `2 workers`."""
    return f"{count} worker" if count == 1 else f"{count} workers"


def room_of(context: Context) -> int | None:
    """Return for how many workers the nodes of the sweep have cores or GPUs; None is unknown."""
    runs, environments = context.study.group.runs, context.results.environments
    clean = set(clean_sizes(runs))
    claimed = [run for run in runs if run.point.world_size in clean]
    held, nodes = workers_per_node(claimed, environments), nodes_by_size(runs, environments)
    return held * max(nodes.values()) if held is not None and nodes else None
