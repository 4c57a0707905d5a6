"""Other aims: which world size each of them would take, and when to use how many."""

from __future__ import annotations

from ray_bench.analysis.decision.other_aims import OtherAim, other_aims
from ray_bench.report.cells import Section, Table
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import AIM_WORDS, aim_words
from ray_bench.report.fields import Field, rows_table


def section(context: Context) -> Section:
    """Return the aims beside the one that was asked for, and the uses of each world size."""
    tables = (_aims(context), _uses(context))
    return Section(context.key("decision"), context.title("Other aims"), tables=tables)


def says(context: Context) -> str:
    """Return the main finding: which size is cheapest and which fastest."""
    found = {x.kind: x.world_size for x in other_aims(context.study.decision)}
    if not found:
        return "no world size carries a claim, or none is known to reach the target"
    cheapest, fastest = found["cheapest"], found["fastest"]
    return f"Cheapest is {workers(cheapest)}, fastest measured is {fastest}"


def _aims(context: Context) -> Table:
    fields: tuple[Field[OtherAim], ...] = (
        Field("aim", "Aim", None, None, lambda x: AIM_WORDS[x.kind]),
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field("beyond", "Better by the forecast", None, None, lambda x: _listed(x.beyond)),
    )
    notes = (
        "By the means, start-up left out; where intervals overlap, the order may be chance. A "
        "deadline, a budget and a least efficiency can be aimed at, too: --aim deadline=30min, "
        "budget=5USD or efficiency=0.8.",
    )
    return rows_table(
        context.key("aims"), "Other aims", fields, other_aims(context.study.decision), notes
    )


def _listed(sizes: tuple[int, ...]) -> str | None:
    return ", ".join(map(str, sizes)) or None


def _uses(context: Context) -> Table:
    clean = context.study.clean_sizes
    sizes = [n for n in clean if n in context.study.throughput]
    fields: tuple[Field[int], ...] = (
        Field("world_size", "Workers", "count", None, lambda n: n),
        Field("use_when", "Use when", None, None, lambda n: "; ".join(_reasons(context, n, sizes))),
    )
    notes = () if sizes else ("No world size carries a claim, so none is advised.",)
    return rows_table(context.key("when_to_use"), "When to use how many", fields, sizes, notes)


def _reasons(context: Context, size: int, sizes: list[int]) -> list[str]:
    found = {x.kind: x.world_size for x in other_aims(context.study.decision)}
    uses = []
    what = "run" if context.study.decision.ask.target is None else "way to the target"
    if found.get("fastest") == size:
        uses.append(f"time matters most: the shortest {what}")
    if found.get("cheapest") == size:
        uses.append("cost matters most: the least worker-time")
    if size == sizes[0]:
        uses.append("prototyping and debugging: the fewest processes")
    if size == context.study.decision.recommended:
        aim = aim_words(context.study.decision.ask, context.currency)
        uses.append(f"recommended: for the aim {aim}")
    return uses or [f"no more than {workers(size)} can be had"]
