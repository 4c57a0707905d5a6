"""What every section is built from: one analysed group, and the price."""

from __future__ import annotations

from dataclasses import dataclass, field

from ray_bench.analysis.groups import Group, differences
from ray_bench.analysis.nodes import nodes_by_size, workers_per_node
from ray_bench.analysis.parity.compare import Margin
from ray_bench.analysis.study import Study
from ray_bench.config.settings import PLACEMENT
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
    margin: Margin = field(
        default_factory=Margin
    )  # differences up to which two trainings count as the same
    name: str | None = None  # what tells the curve from the others; None where there is one

    def key(self, name: str) -> str:
        """Return a table's key, unique among the groups."""
        return name if self.number == 1 else f"{name}_{self.number}"

    def title(self, words: str) -> str:
        """Return a heading, with what tells the curve from others where there are several."""
        return words if self.name is None else f"{words} ({self.name})"

    @property
    def placement(self) -> str | None:
        """Where the group's workers were asked to be; None where nobody asked."""
        where = self.study.group.key.get(PLACEMENT)
        return None if where is None else placement_words(str(where))

    @property
    def no_price(self) -> tuple[str, ...]:
        """Return how to give a price, where there is none."""
        if self.price_per_worker_hour is not None:
            return ()
        return (
            "No price given: give it as price_per_worker_hour=1.5 to `run`, or --price 1.5 or "
            "--price-of NAME (see `ray-bench prices`) to `report`.",
        )


def placement_words(where: str) -> str:
    """Return a placement as it is said: `spread`, `2 workers a node`."""
    word = "worker" if where == "1 a node" else "workers"
    return where.replace(" a node", f" {word} a node")


def curve_names(groups: tuple[Group, ...]) -> tuple[str | None, ...]:
    """Return what differs between curves, for each of them; None where there is one."""
    if len(groups) < 2:
        return (None,) * len(groups)
    names = differences(groups)
    found = [", ".join(_value_words(n, x.key.get(n)) for n in names) for x in groups]
    # What makes no difference to some of the runs may leave two curves with one name.
    return tuple(x if found.count(x) == 1 else f"{x} ({i})" for i, x in enumerate(found, start=1))


def _value_words(name: str, value: object) -> str:
    if name == PLACEMENT:
        return placement_words(str(value or "anywhere"))
    if name in _SELF_EXPLAINING and value is not None:
        return str(value)
    shown = "unknown" if value is None else "/".join(value) if isinstance(value, tuple) else value
    return f"{name.replace('_', ' ')} {shown}"


#: Facts whose value says what it is of.
_SELF_EXPLAINING = ("precision", "workload", "device", "dataset", "cpu_model", "memory_format")


def rule_words(rule: str) -> str:
    """Return a learning-rate rule as it stands after `with`: that there is none is a rule, too."""
    return "rule none" if rule == "none" else rule


def workers(count: int) -> str:
    """Return `1 worker`, `2 workers`."""
    return f"{count} worker" if count == 1 else f"{count} workers"


def room_of(context: Context) -> int | None:
    """Return for how many workers the nodes of the sweep have cores or GPUs; None is unknown."""
    runs, environments = context.study.group.runs, context.results.environments
    clean = set(context.study.clean_sizes)
    claimed = [run for run in runs if run.point.world_size in clean]
    held, nodes = workers_per_node(claimed, environments), nodes_by_size(runs, environments)
    return held * max(nodes.values()) if held is not None and nodes else None
