"""The network: what an all-reduce costs by size and world size, and the model that sums it up."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.analysis.network import GroupOfRanks, LineFit, Link, NetworkStudy, network_study
from ray_bench.records import Columns
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.format import show
from ray_bench.stats.estimate import Estimate

_WITHIN, _BETWEEN = "within a node", "between nodes"


def sections(columns: Columns, *, is_nccl_tests: bool = False) -> tuple[Section, ...]:
    """Return the section of an all-reduce sweep; none where there was no sweep.

    Args:
        columns: Rows of NetworkRecord.
        is_nccl_tests: Whether nccl-tests measured it, and not we.
    """
    study = network_study(columns)
    if study is None:
        return ()
    tables = (_models(study), _times(study))
    return (Section("network", "Network", tuple(_paragraphs(study, is_nccl_tests)), tables),)


def says(columns: Columns) -> str:
    """Return the main number: the bandwidth of every link."""
    study = network_study(columns)
    found = [] if study is None else study.links
    return "; ".join(f"{_rate(link)} {_kind(link)}" for link in found)


def _rate(link: Link) -> str:
    """Return what a link carries: 1 / beta, or the fastest buffer where no model fits."""
    if link.ring is not None:
        return show(_gb_per_s(_inverse(link.ring.s_per_byte))).value
    rows = (row for group in link.groups for row in group.rows)
    return show(_gb_per_s(max((x.bus_bytes_per_s for x in rows), key=lambda x: x.value))).value


def summary(study: NetworkStudy) -> str:
    """Return the most important in a sentence or two."""
    return " ".join(_in_short(link) for link in study.links)


def _kind(link: Link) -> str:
    if not link.has_nodes:
        return "on unknown nodes"
    return _BETWEEN if link.is_inter_node else _WITHIN


def _in_short(link: Link) -> str:
    group = link.groups[-1]
    latency = show(estimate(group.latency_s, "s")).value
    fastest = max(group.rows, key=lambda row: row.bus_bytes_per_s.value)
    rate = show(_gb_per_s(fastest.bus_bytes_per_s)).value
    return (
        f"All-reduce over {group.world_size} workers {_kind(link)}: {latency} for the smallest "
        f"buffer, at most {rate} of bus bandwidth."
    )


def _paragraphs(study: NetworkStudy, is_nccl_tests: bool) -> Iterator[str]:
    yield _how(study, is_nccl_tests)
    for link in study.links:
        if link.ring is not None and link.ring.is_poor:
            yield _misfit(link, link.ring)
    if not all(link.has_nodes for link in study.links):
        yield "The file does not tell on which nodes the ranks were."
    elif not any(link.is_inter_node for link in study.links):
        yield "All workers were on one node: nothing is known about links between nodes."


def _how(study: NetworkStudy, is_nccl_tests: bool) -> str:
    if is_nccl_tests:
        return (
            f"All-reduces that nccl-tests timed on {study.device}: of each size a mean out of "
            "place, and one in place."
        )
    return (
        f"All-reduce of float32 buffers with {study.backend} on {study.device}, with nothing else "
        "going on. Each sample begins at a barrier and lasts as long as on the slowest rank."
    )


def _misfit(link: Link, ring: LineFit) -> str:
    miss = show(number(ring.worst_residual_frac, "frac")).value
    size = show(asked(ring.worst_num_bytes, "bytes")).value
    return (
        f"The model of alpha and beta is up to {miss} off {_kind(link)} ({size} with "
        f"{ring.worst_world_size} workers): the way in which buffers are reduced changes with "
        "their size and with the number of workers, or the machine was busy. Trust the measured "
        "times more than the model."
    )


def _models(study: NetworkStudy) -> Table:
    columns = {
        "link": "Link",
        "world_size": "Workers",
        "latency": "Latency",
        "fixed": "Fixed cost",
        "per_byte": "Cost per byte",
        "alpha": "Alpha",
        "beta": "Beta",
        "bandwidth": "Bandwidth 1/beta",
        "residual": "Largest residual",
    }
    rows = [row for link in study.links for row in _model_rows(link)]
    notes = (
        "Latency: median of the smallest buffer. Per world size p: time = fixed cost + cost per "
        "byte x bytes. All world sizes together: time = 2 (p - 1) alpha + 2 (p - 1) / p x bytes x "
        "beta, a ring. Fitted to medians with least relative squares; intervals hold the noise and "
        "what the model misses.",
    )
    return table("network_model", "Latency, alpha and beta", columns, rows, notes)


def _model_rows(link: Link) -> Iterator[tuple[Cell, ...]]:
    for group in link.groups:
        line = group.line
        yield (
            text(_kind(link)),
            asked(group.world_size),
            estimate(group.latency_s, "s"),
            *_pair(line),
            *(Cell(None) for _ in range(3)),
            number(line.worst_residual_frac if line else None, "frac"),
        )
    ring = link.ring
    beta = ring.s_per_byte if ring else None
    yield (
        text(f"{_kind(link)}, all"),
        text(", ".join(str(group.world_size) for group in link.groups)),
        Cell(None),
        *(Cell(None) for _ in range(2)),
        *_pair(ring),
        _gb_per_s(_inverse(beta)),
        number(ring.worst_residual_frac if ring else None, "frac"),
    )


def _pair(fit: LineFit | None) -> tuple[Cell, Cell]:
    if fit is None:
        return Cell(None), Cell(None)
    return estimate(fit.fixed_s, "s"), estimate(fit.s_per_byte, "s/byte")


def _inverse(beta: Estimate | None) -> Estimate | None:
    # An interval that reaches 0 has no inverse: then the bandwidth has a value only.
    if beta is None or not beta.low:
        return None if beta is None else Estimate(1 / beta.value)
    return beta.mapped(lambda x: 1 / x)


def _gb_per_s(rate: Estimate | None) -> Cell:
    return estimate(None if rate is None else rate.scaled(1e-9), "GB/s")


def _times(study: NetworkStudy) -> Table:
    columns = {
        "link": "Link",
        "world_size": "Workers",
        "num_bytes": "Buffer",
        "time": "Time",
        "algorithm": "Algorithm bandwidth",
        "bus": "Bus bandwidth",
        "samples": "Samples",
    }
    rows = [row for link in study.links for group in link.groups for row in _size_rows(link, group)]
    notes = (
        "Time: median, with the interval of order statistics. Algorithm bandwidth = bytes / time; "
        "bus bandwidth = that x 2 (p - 1) / p, what each link carries in a ring (GB = 10^9 bytes).",
    )
    return table("network_times", "All-reduce by buffer size", columns, rows, notes)


def _size_rows(link: Link, group: GroupOfRanks) -> Iterator[tuple[Cell, ...]]:
    for row in group.rows:
        yield (
            text(_kind(link)),
            asked(group.world_size),
            asked(row.num_bytes, "bytes"),
            estimate(row.time_s, "s"),
            _gb_per_s(row.algorithm_bytes_per_s),
            _gb_per_s(row.bus_bytes_per_s),
            asked(row.num_samples),
        )
