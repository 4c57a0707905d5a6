"""Why nothing, or not everything, is compared; and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ray_bench.analysis.comparison.facts import Difference
from ray_bench.analysis.groups import INVALID_FLAGS
from ray_bench.records import Results


class Reason(StrEnum):
    """Why a world size is not compared."""

    ONLY_IN_BASE = "only_in_base"  # the new sweep did not ask for it
    ONLY_IN_NEW = "only_in_new"
    MISSING_IN_NEW = "missing_in_new"  # asked for, but no run of it can be used
    OVERSUBSCRIBED = "oversubscribed"
    OTHER_NODES = "other_nodes"  # on another number of nodes


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A world size that is not compared."""

    world_size: int
    reason: Reason


#: What is said of a world size that is not compared.
REASON_WORDS = {
    Reason.ONLY_IN_BASE: "only the base has it; the new sweep did not ask for it",
    Reason.ONLY_IN_NEW: "only the new sweep has it",
    Reason.MISSING_IN_NEW: "the new sweep asked for it, but has no usable run of it",
    Reason.OVERSUBSCRIBED: "more ranks than cores or GPUs: no claim (--allow oversubscribed)",
    Reason.OTHER_NODES: "on another number of nodes (--allow hardware)",
}
_MOST_NAMED = 4


def refused_words(in_the_way: Sequence[Difference]) -> str:
    """Return why two sweeps are not compared.

    Args:
        in_the_way: What differs and is not allowed, at least one.
    """
    named = ", ".join(f"{x.name} ({_word(x.base)} and {_word(x.new)})" for x in in_the_way)
    never = [x.name for x in in_the_way if x.allow is None]
    if never:
        remedy = f"Runs that differ in {' or '.join(never)} are never compared."
    else:
        kinds = dict.fromkeys(str(x.allow) for x in in_the_way)
        options = " ".join(f"--allow {kind}" for kind in kinds)
        remedy = f"Measure both alike, or, if that is what you compare, add {options}."
    return f"Base and new are not comparable, they differ in: {named}. {remedy}"


def no_size_words(left_out: Iterable[LeftOut]) -> str:
    """Return why no world size of comparable curves is compared."""
    by_reason: dict[Reason, list[int]] = {}
    for x in left_out:
        by_reason.setdefault(x.reason, []).append(x.world_size)
    why = "; ".join(
        f"{', '.join(map(str, sizes))} {'workers' if sizes != [1] else 'worker'}: "
        f"{REASON_WORDS[reason]}"
        for reason, sizes in by_reason.items()
    )
    return f"Base and new have no world size that can be compared. {why}. Measure both alike."


def no_runs_words(results: Results, name: str) -> str:
    """Return why a sweep has nothing to compare."""
    invalid = sum(bool(set(run.flags) & set(INVALID_FLAGS)) for run in results.ok_runs)
    counts = {
        "failed": len(results.failed_runs),
        "missing": len(results.missing_run_ids),
        "invalid": invalid,
        "without a throughput": len(results.ok_runs) - invalid,
    }
    found = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no runs"
    sweep_id = results.sweep.sweep_id
    return (
        f"The {name} sweep {sweep_id!r} has no usable run ({found}). Its own report "
        "(`ray-bench report`) names the causes; measure it again."
    )


def _word(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        shown = [_word(x) for x in value[:_MOST_NAMED]]
        return "/".join(shown + ["..."] * (len(value) > _MOST_NAMED)) or "none"
    # Text may come from anywhere: repr leaves no control character in it.
    return repr(value) if isinstance(value, str) else str(value)
