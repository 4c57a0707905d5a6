"""The time of an all-reduce against the size of its buffer, with the fitted line."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.analysis.network import GroupOfRanks, NetworkStudy, network_study
from ray_bench.records import Columns
from ray_bench.report.cells import asked, estimate, number
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval


def all_reduce(columns: Columns) -> Picture | None:
    """Return the picture; None where there was no sweep.

    Args:
        columns: Rows of NetworkRecord.
    """
    study = network_study(columns)
    if study is None:
        return None
    return Picture(
        key="all_reduce",
        title="All-reduce time against message size",
        alt=_alt(study),
        section="network",
        chart="allreduce",
        rows=tuple(
            row
            for link in study.links
            for group in link.groups
            for row in _rows(group, "several nodes" if link.is_inter_node else "one node")
        ),
        notes=(
            "Points: medians with the 95 % interval of order statistics. Lines: fixed cost + cost "
            "per byte x bytes, fitted at each world size with least relative squares. Both axes "
            "are logarithmic.",
        ),
    )


def _rows(group: GroupOfRanks, where: str) -> Iterator[dict[str, Datum]]:
    line = group.line
    is_fitted = line is not None and line.fixed_s is not None and line.s_per_byte is not None
    head: dict[str, Datum] = {"world_size": group.world_size, "where": where}
    for row in group.rows:
        time = estimate(row.time_s, "s")
        size = {"num_bytes": asked(row.num_bytes, "bytes").value}
        yield {**head, "series": "measured", "kind": time.kind, **size, **interval("time_s", time)}
        if is_fitted and line and line.fixed_s and line.s_per_byte:
            seconds = line.fixed_s.value + line.s_per_byte.value * row.num_bytes
            time = number(seconds, "s", "predicted")
            yield {**head, "series": "fitted line", "kind": time.kind, **size, "time_s": time.value}


def _alt(study: NetworkStudy) -> str:
    group = study.links[-1].groups[-1]
    ends = " and ".join(
        f"{show(estimate(row.time_s, 's')).value} for {show(asked(row.num_bytes, 'bytes')).value}"
        for row in (group.rows[0], group.rows[-1])
    )
    return (
        f"All-reduce time by message size with {study.backend} on {study.device}. Over "
        f"{group.world_size} workers: {ends}."
    )
