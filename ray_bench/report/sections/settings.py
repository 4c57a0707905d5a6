"""What each setting is worth: precision, format, compilation, buckets, parts, placement."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ray_bench.analysis.settings import SettingRow, setting_rows
from ray_bench.config.settings import setting
from ray_bench.report.cells import Cell, Section, asked, estimate, number, table, text
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show


def sections(contexts: Sequence[Context]) -> tuple[Section, ...]:
    """Return the table of settings; no section where the sweep varied none."""
    rows = setting_rows([(context.study.group, context.study.curve) for context in contexts])
    if not rows:
        return ()
    columns = {
        "setting": "Setting",
        "value": "Value",
        "reference": "Instead of",
        "others": "With",
        "world_size": "Workers",
        "throughput": "Samples/s",
        "ratio": "Throughput ratio",
        "clear": "Beyond noise",
        "compile": "Compilation",
    }
    notes = (
        "Ratio of throughputs at the same number of workers, with its 95 % interval; everything "
        "else is equal. Above 1 the value is quicker.",
        *(
            ("Compilation is paid once, before the first step, and is not in the ratio.",)
            if any(row.compile_s is not None for row in rows)
            else ()
        ),
        *(
            ("Look at the accuracy of both before you choose: precision and compression round.",)
            if any(row.setting != "placement" for row in rows)
            else ()
        ),
    )
    made = table(
        "settings",
        "What each setting is worth",
        columns,
        [_row(row) for row in rows],
        notes,
        optional=("others", "compile"),
    )
    return (Section("settings", "Settings", tables=(made,)),)


def _row(row: SettingRow) -> tuple[Cell, ...]:
    others = ", ".join(f"{setting(name).key}={value}" for name, value in row.others)
    return (
        text(setting(row.setting).key),
        text(row.value),
        text(row.reference),
        text(others or None),
        asked(row.world_size),
        estimate(row.throughput, "samples/s"),
        estimate(row.ratio, "x"),
        text(None if row.ratio.low is None else "yes" if row.is_clear else "no"),
        number(row.compile_s, "s"),
    )


def says(contexts: Sequence[Context]) -> str:
    """Return the main number: the setting that changes throughput most."""
    found = setting_rows([(context.study.group, context.study.curve) for context in contexts])
    most = max(found, key=lambda x: abs(math.log(x.ratio.value)))
    ratio = show(estimate(most.ratio, "x")).value
    value = f"{setting(most.setting).key}={most.value} instead of {most.reference}"
    return f"{value}: {ratio} the throughput at {workers(most.world_size)}"
