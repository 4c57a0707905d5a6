"""What kind of number the time of a run is."""

from __future__ import annotations

from ray_bench.analysis.decision.options import Option
from ray_bench.report.cells import Kind
from ray_bench.report.context import Context
from ray_bench.report.decision_words import kind_of


def time_kind(context: Context, option: Option) -> Kind:
    """Return the kind of a run's time: scaled to other epochs, it is derived."""
    is_scaled = context.study.decision.ask.epochs is not None
    return kind_of(option, "derived" if is_scaled else "measured")
