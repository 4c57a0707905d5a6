"""What the fields of pictures are called, and their numbers as text: the same as in the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_bench.report.cells import Cell, Unit
from ray_bench.report.format import Shown, show
from ray_bench.report.picture import Datum

Row = Mapping[str, Datum]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of rows: its heading, and its unit where it is a number."""

    title: str
    unit: Unit | None = None


FIELDS: Mapping[str, Field] = {
    "world_size": Field("Workers", "count"),
    "series": Field("Series"),
    "curve": Field("Curve"),
    "kind": Field("Kind"),
    "speedup": Field("Speedup", "x"),
    "efficiency_frac": Field("Efficiency", "frac"),
    "serial_frac": Field("Serial share", "frac"),
    "phase": Field("Phase"),
    "step_s": Field("Time per step", "s"),
    "share_frac": Field("Share of the step", "frac"),
    "rank": Field("Rank", "count"),
    "behind_frac": Field("Behind the median rank, of the step", "frac"),
    "step": Field("Step"),
    "change_points": Field("Change", "points"),
    "change_frac": Field("Change", "change"),
    "verdict": Field("Verdict"),
    "from_frac": Field("From", "frac"),
    "num_bytes": Field("Message size", "bytes"),
    "time_s": Field("Time", "s"),
    "where": Field("Over"),
    "batch_samples": Field("Samples", "count"),
    "noise_samples": Field("Noise scale (samples)", "count"),
    "seen_samples": Field("Samples seen", "count"),
    "global_batch_size": Field("Global batch", "count"),
    "lr_rule": Field("Learning-rate rule"),
    "epoch": Field("Epoch", "count"),
    "train_s": Field("Training time", "s"),
    "val_accuracy_frac": Field("Validation accuracy", "frac"),
    "basis": Field("Basis"),
    "per": Field("Per"),
    "is_front": Field("On the Pareto front"),
    "is_recommended": Field("Recommended"),
    "worker_s": Field("Worker-time", "worker_s"),
    "cost": Field("Cost", "money"),
    "currency": Field("Currency"),
    "run_id": Field("Run"),
    "clock_s": Field("Since the sweep began", "s"),
    "slower_frac": Field("Slower than the median", "frac"),
    "num_blocks": Field("Blocks", "count"),
}


def shown(row: Row, name: str) -> Shown:
    """Return a field of a row as text, with its unit and its interval, as tables have it."""
    value, unit = row.get(name), FIELDS[name].unit
    if isinstance(value, bool):
        return Shown("yes" if value else "no")
    low, high, currency = (row.get(x) for x in (f"{name}_low", f"{name}_high", "currency"))
    return show(
        Cell(
            value,
            unit,
            low=low if isinstance(low, int | float) else None,
            high=high if isinstance(high, int | float) else None,
            currency=str(currency) if currency is not None else None,
        )
    )


def with_texts(rows: Iterable[Row], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows with the text of some fields beside them, as `<name>_text`."""
    return [{**row, **{f"{x}_text": str(shown(row, x)) for x in names}} for row in rows]
