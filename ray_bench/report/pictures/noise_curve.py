"""The gradient noise scale over training, with the global batch."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.noise_curve import NoiseEpoch
from ray_bench.analysis.progress import MAX_DRAWN_EPOCHS
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval
from ray_bench.report.sections.noise import evenly, scale_cell


def noise_curve(context: Context) -> Picture | None:
    """Return a line of every world size, of the rule that its target is told by."""
    known = [
        x
        for x in context.study.noise_curve
        if x.noise_scale is not None and x.num_samples is not None
    ]
    rules = _rules(context, known)
    lines = [x for x in known if x.lr_rule == rules[x.world_size]]
    if not lines:
        return None
    drawn = evenly(lines, MAX_DRAWN_EPOCHS)
    return Picture(
        key=context.key("noise_curve"),
        title=context.title("Gradient noise scale over training"),
        alt=_alt(lines, rules, has_rules=len({x.lr_rule for x in known}) > 1),
        section=context.key("noise"),
        chart="noise_curve",
        rows=tuple(_row(x) for x in drawn),
        notes=_notes(lines, has_others=len(lines) < len(known)),
    )


def _rules(context: Context, known: Sequence[NoiseEpoch]) -> dict[int, str]:
    """Return the rule of every world size's line: of several the one of the way to the target."""
    gain = context.study.to_target
    found: dict[int, str] = {}
    for x in known:
        row = None if gain is None else gain.row(x.world_size)
        best = () if row is None else row.lr_rules
        if x.world_size not in found or (x.lr_rule in best and found[x.world_size] not in best):
            found[x.world_size] = x.lr_rule
    return found


def _row(row: NoiseEpoch) -> dict[str, Datum]:
    return {
        "world_size": row.world_size,
        "lr_rule": row.lr_rule,
        "epoch": row.epoch,
        "seen_samples": row.num_samples,
        **interval("noise_samples", scale_cell(row)),
        "global_batch_size": row.global_batch_size,
        "kind": "measured",
    }


def _notes(lines: Sequence[NoiseEpoch], *, has_others: bool) -> tuple[str, ...]:
    notes = ["Means over an epoch, drawn where it ends. Bands: 95 % intervals over seeds."]
    if any(x.noise_scale is not None and x.noise_scale.low is None for x in lines):
        notes[0] = "Means over an epoch, drawn where it ends. Of one seed there is no interval."
    notes.append(
        "Dashed: the global batch. Where a line is well above its own, a larger batch costs few "
        "samples more."
    )
    if has_others:
        notes.append("Of several rules that of the way to the target; the table has all.")
    if max(x.epoch for x in lines) > MAX_DRAWN_EPOCHS:
        notes.append(f"At most {MAX_DRAWN_EPOCHS} epochs of a line are drawn.")
    return tuple(notes)


def _alt(lines: Sequence[NoiseEpoch], rules: dict[int, str], *, has_rules: bool) -> str:
    words = []
    for size in sorted(rules):
        line = [x for x in lines if x.world_size == size]
        first, last = line[0], line[-1]
        rule = f", rule {rules[size]}" if has_rules else ""
        words.append(
            f"With {workers(size)}{rule} {show(scale_cell(first))} samples in epoch {first.epoch}, "
            f"{show(scale_cell(last))} in epoch {last.epoch}, the global batch is "
            f"{last.global_batch_size}"
        )
    return f"Gradient noise scale over training. {'; '.join(words)}."
