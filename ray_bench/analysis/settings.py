"""What each setting is worth: the same training at the same world size, one setting changed.

A setting changes how a step is computed or reduced (precision, memory format, compilation, bucket
size, compression, micro-batches), or on which nodes, and not what is trained. Only groups are
compared that are equal in all else. The ratio is taken round by round where both took turns in one
ladder, else from independent means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.groups import Group, idle_settings
from ray_bench.config.settings import names, setting
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One value of a setting against another at one world size."""

    setting: str  # its name
    value: str
    reference: str
    others: tuple[tuple[str, str], ...]  # the settings that were varied too, and are equal in both
    world_size: int
    throughput: Estimate  # samples/s with the value
    ratio: Estimate  # throughput with the value over that with the reference
    compile_s: float | None  # the longest; None where nothing was compiled

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the ratio leaves 1 out."""
        return self.ratio.low is not None and not self.ratio.contains(1.0)


def setting_rows(groups: Sequence[tuple[Group, Curve]]) -> tuple[SettingRow, ...]:
    """Return a row for every pair of groups that differ in one setting, and world size of both.

    Args:
        groups: Each with its curve. Of a setting with several values, each is compared with the
            plainest that was measured.
    """
    varied = [name for name in names() if len({_value(g, name) for g, _ in groups}) > 1]
    return tuple(
        row
        for name in varied
        for group, curve in groups
        if (base := _reference(name, group, groups)) is not None
        for row in _rows(name, varied, (group, curve), base)
    )


def _reference(
    name: str, group: Group, groups: Sequence[tuple[Group, Curve]]
) -> tuple[Group, Curve] | None:
    """Return the group that differs from this one in a setting alone and has its plainest value."""
    alike = [item for item in groups if _rest(item[0], name) == _rest(group, name)]
    first = min(alike, key=lambda item: _value(item[0], name) != setting(name).reference)
    return None if _value(first[0], name) == _value(group, name) else first


def _rows(
    name: str,
    varied: Sequence[str],
    ours: tuple[Group, Curve],
    theirs: tuple[Group, Curve],
) -> list[SettingRow]:
    (group, curve), (base, base_curve) = ours, theirs
    rows = []
    for size in sorted(set(curve.sizes) & set(base_curve.sizes)):
        if not _matters(name, group, size) or not _matters(name, base, size):
            continue
        pair = curve.against(base_curve, size)
        rows.append(
            SettingRow(
                setting=name,
                value=_value(group, name),
                reference=_value(base, name),
                others=tuple((x, _value(group, x)) for x in varied if x != name),
                world_size=size,
                throughput=curve.throughput[size].estimate,
                ratio=pair.estimate,
                compile_s=_compile_s(group.runs, size),
            )
        )
    return rows


def _matters(name: str, group: Group, size: int) -> bool:
    runs = [run for run in group.runs if run.point.world_size == size]
    return any(name not in idle_settings(run) for run in runs)


def _compile_s(runs: Sequence[RunRecord], size: int) -> float | None:
    known = [r.compile_s for r in runs if r.point.world_size == size and r.compile_s is not None]
    return max(known, default=None)


def _value(group: Group, name: str) -> str:
    value = group.key.get(name)
    return "unknown" if value is None else str(value)


def _rest(group: Group, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, repr(value)) for key, value in group.key.items() if key != name)
