"""All quantities at all world sizes, each in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ray_bench.analysis.by_size import SizeRow, size_rows
from ray_bench.analysis.decision.options import Spend
from ray_bench.analysis.resources import cost
from ray_bench.report.accuracy_words import lost_words
from ray_bench.report.cells import Cell, Kind, Unit, asked, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.decision_words import aim_words
from ray_bench.report.screen import Numbers, Quantity, Size
from ray_bench.report.target_words import target_words
from ray_bench.stats.estimate import Estimate

_S_PER_MIN = 60.0

Value = Estimate | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A quantity before its values are taken from the sizes."""

    key: str
    title: str
    unit: Unit
    topic: str
    get: Callable[[SizeRow], Value]
    note: str = ""
    kind: Kind | None = "measured"  # of a measured size; None for what was asked for
    is_first: bool = False


def numbers_of(context: Context) -> Numbers:
    """Return every quantity of which something is known, measured sizes first."""
    rows = size_rows(context.study)
    found = [_quantity(context, x, rows) for x in _rows(context)]
    return Numbers(
        sizes=tuple(_size(context, x) for x in rows),
        quantities=tuple(x for x in found if any(cell.value is not None for cell in x.cells)),
        foot=" ".join(_foot(context)),
    )


def _size(context: Context, row: SizeRow) -> Size:
    return Size(
        world_size=row.world_size,
        is_measured=row.is_measured,
        is_chosen=row.world_size == context.study.decision.recommended,
        is_claimed=row.is_claimed,
    )


def _quantity(context: Context, row: _Row, sizes: Sequence[SizeRow]) -> Quantity:
    return Quantity(
        key=row.key,
        title=row.title,
        note=row.note,
        topic=row.topic,
        cells=tuple(_cell(context, row, x) for x in sizes),
        is_first=row.is_first,
    )


def _cell(context: Context, row: _Row, size: SizeRow) -> Cell:
    value = row.get(size)
    currency = context.currency if row.unit == "money" else None
    if row.kind is None:
        return asked(value if not isinstance(value, Estimate) else value.value, row.unit)
    kind = row.kind if size.is_measured else "predicted"
    if isinstance(value, Estimate):
        return estimate(value, row.unit, kind, currency)
    return number(value, row.unit, kind)


def _rows(context: Context) -> tuple[_Row, ...]:
    return (*_speed(context), *_time(context), *_money(context), *_choice(context), *_rest(context))


def _speed(context: Context) -> tuple[_Row, ...]:
    base = workers(context.study.baseline)
    weak = context.study.scaling == "weak"
    return (
        _Row(
            key="speedup", title="Speedup", unit="x", topic="Speed", is_first=True,
            note=f"throughput over that of {base}", get=lambda x: x.speedup,
        ),
        _Row(
            key="efficiency", title="Efficiency", unit="frac", topic="Speed", is_first=True,
            note="speedup over ideal", get=lambda x: x.efficiency_frac,
        ),
        _Row(
            key="serial_share", title="Serial share", unit="frac", topic="Speed",
            note="Gustafson" if weak else "Karp-Flatt", get=lambda x: x.serial_frac,
        ),
        _Row(
            key="throughput", title="Samples per second", unit="samples/s", topic="Speed",
            get=lambda x: x.throughput,
        ),
        _Row(
            key="step_time", title="Time of a step", unit="s", topic="Speed",
            get=lambda x: x.step_s,
        ),
    )  # fmt: skip


def _seconds(pick: Callable[[SizeRow], Spend | None]) -> Callable[[SizeRow], Estimate | None]:
    def get(row: SizeRow) -> Estimate | None:
        spend = pick(row)
        return None if spend is None else spend.time_s

    return get


def _time(context: Context) -> tuple[_Row, ...]:
    decision = context.study.decision
    epochs = decision.ask.epochs or (
        context.study.times[0].num_epochs if context.study.times else None
    )
    of = "" if not epochs else f" of {epochs:g} epochs"
    scaled: Kind = "measured" if decision.ask.epochs is None else "derived"
    goal = "" if decision.target is None else f"to {target_words(decision.target)}"
    return (
        _Row(
            key="run_time", title="Time", unit="s", topic="Time", note=f"per run{of}",
            kind=scaled, is_first=decision.ask.target is None, get=_seconds(lambda x: x.run),
        ),
        _Row(
            key="with_start_up", title="With start-up", unit="s", topic="Time", note="per run",
            get=lambda x: x.with_setup_s,
        ),
        _Row(
            key="epoch_time", title="Epoch", unit="s", topic="Time", note="training only",
            kind="derived", get=_seconds(lambda x: x.epoch),
        ),
        _Row(
            key="target_time", title="To the target", unit="s", topic="Time", note=goal,
            is_first=decision.ask.target is not None, get=_seconds(lambda x: x.target),
        ),
    )  # fmt: skip


def _money(context: Context) -> tuple[_Row, ...]:
    price = context.price_per_worker_hour
    has_target = context.study.decision.ask.target is not None

    def paid(x: SizeRow) -> Estimate | None:
        return None if x.run is None else cost(x.run.worker_s, price)

    def paid_to_target(x: SizeRow) -> Estimate | None:
        return cost(x.target.worker_s, price) if has_target and x.target else None

    def worker_time(x: SizeRow) -> Estimate | None:
        return None if x.run is None else x.run.worker_s

    def minute(x: SizeRow) -> Estimate | None:
        rate = x.saved_worker_s_per_s
        # Per minute: worker-seconds per second x 60 s x price / 3600 s.
        return None if rate is None else cost(rate.mapped(lambda r: r * _S_PER_MIN), price)

    return (
        _Row(
            key="cost", title="Cost", unit="money", topic="Money", note="per run",
            kind="derived", is_first=not has_target, get=paid,
        ),
        _Row(
            key="target_cost", title="Cost to the target", unit="money", topic="Money",
            kind="derived", is_first=has_target, get=paid_to_target,
        ),
        _Row(
            key="worker_time", title="Worker-time", unit="worker_s", topic="Money",
            note="workers x time of a run", get=worker_time,
        ),
        _Row(
            key="saved_minute", title="One minute less", unit="money", topic="Money",
            note="against the next fewer workers", kind="derived", get=minute,
        ),
        _Row(
            key="saved_work", title="One minute less", unit="count", topic="Money",
            note="worker-minutes, against the next fewer workers", kind="derived",
            get=lambda x: x.saved_worker_s_per_s if price is None else None,
        ),
        _Row(
            key="energy", title="Energy", unit="J", topic="Money", note="per run",
            get=lambda x: x.energy_j,
        ),
    )  # fmt: skip


def _choice(context: Context) -> tuple[_Row, ...]:
    aim = aim_words(context.study.decision.ask, context.currency)
    return (
        _Row(
            key="best_choice", title="Best choice", unit="prob", topic="Choice", kind="derived",
            note="how likely, of all sizes", is_first=True, get=lambda x: x.best_frac,
        ),
        _Row(
            key="best_measured", title="Best of the measured", unit="prob", topic="Choice",
            note=f"how likely, for the aim {aim}", kind="derived",
            get=lambda x: x.best_measured_frac,
        ),
    )  # fmt: skip


def _rest(context: Context) -> tuple[_Row, ...]:
    topic = "Result and resources"
    batch, lost = context.study.batch_size, lost_words(context)
    whole = "" if context.study.scaling == "weak" else f"{batch} in all"
    return (
        _Row(
            key="val_accuracy", title="Validation accuracy", unit="frac", topic=topic,
            note=f"at the end of training. {lost}" if lost else "at the end of training",
            get=lambda x: x.val_frac,
        ),
        _Row(
            key="memory", title="Memory per worker", unit="bytes", topic=topic, note="peak",
            get=lambda x: x.memory_bytes,
        ),
        _Row(
            key="batch", title="Batch per worker", unit="count", topic=topic, note=whole,
            kind=None, get=lambda x: x.local_batch,
        ),
        _Row(
            key="lr", title="Learning rate", unit="lr", topic=topic, kind=None,
            get=lambda x: x.lr,
        ),
        _Row(
            key="runs", title="Runs", unit="count", topic=topic, note="finished", kind=None,
            get=lambda x: x.num_runs,
        ),
    )  # fmt: skip


def _foot(context: Context) -> list[str]:
    words = ["Time and cost: training and evaluation, start-up left out."]
    if context.price_per_worker_hour is not None:
        price = f"{context.price_per_worker_hour:g} {context.currency}"
        words.append(f"Price: {price} per worker and hour.")
    decision = context.study.decision
    if decision.wider is not None:
        aim = aim_words(decision.ask, context.currency)
        words.append(f"Best choice: for the aim {aim}, among all sizes.")
    if any(not x.is_claimed for x in size_rows(context.study)):
        words.append("No claim is made where there are more ranks than cores or GPUs.")
    return words
