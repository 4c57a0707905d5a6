"""What loses time at the largest world size: the verdict's evidence."""

from __future__ import annotations

from ray_bench.analysis.losses import Loss
from ray_bench.report.cells import Cell, Table, number, table, text
from ray_bench.report.context import Context, workers


def losses_table(context: Context) -> Table:
    """Return the causes of lost time, the most first, with their evidence."""
    columns = {
        "cause": "Cause",
        "phase": "Mostly in",
        "ranks": "Ranks",
        "lost": "Lost per step",
        "share": "Share",
        "evidence": "Evidence",
    }
    verdict = context.study.verdict
    rows = [_row(loss, verdict.total_lost_s or 0.0) for loss in verdict.losses]
    title = "What loses time"
    notes = [f"Bottleneck: {verdict.bottleneck.value.replace('_', ' ')}."]
    if rows and verdict.judged_at:
        title = f"What loses time at {workers(verdict.judged_at)}"
        where = (
            "in the phase pass" if verdict.has_phases else "by throughput: no phases were sampled"
        )
        notes.append(f"Seconds per step beyond ideal scaling from the baseline, {where}.")
    return table(context.key("losses"), title, columns, rows, notes, is_drawn=bool(rows))


def _row(loss: Loss, total_s: float) -> tuple[Cell, ...]:
    return (
        text(loss.kind.value.replace("_", " ")),
        text(None if loss.phase is None else loss.phase.replace("_", " ")),
        text(", ".join(map(str, loss.ranks)) or "all"),
        number(loss.seconds, "s"),
        number(loss.seconds / total_s if total_s > 0 else None, "frac"),
        text(_evidence(loss)),
    )


def _evidence(loss: Loss) -> str | None:
    return ", ".join(_in_words(name, x) for name, x in loss.evidence.items()) or None


def _in_words(name: str, value: float) -> str:
    words, _, unit = name.rpartition("_")
    shown = {
        "s": f"{value * 1e3:.4g} ms",
        "workers": workers(round(value)),
        "frac": f"{value:.1%}".replace("%", " %"),
    }[unit]
    return f"{words.replace('_', ' ')} {shown}"
