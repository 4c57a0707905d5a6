"""A replayed prediction as a first screen: which number of workers, how surely, and the curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ray_bench.analysis.answer import LIKELY_FRAC, SURE_FRAC
from ray_bench.analysis.decision.advice import Ask
from ray_bench.analysis.decision.choose import Choice
from ray_bench.analysis.replay.forecast import PredictedStep, Question
from ray_bench.analysis.replay.links import doubtful_latency
from ray_bench.analysis.replay.profile import StepProfile
from ray_bench.analysis.resources import cost
from ray_bench.report.cells import Cell, Unit, asked, estimate, number
from ray_bench.report.context import workers
from ray_bench.report.decision_words import aim_words
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import at_sizes, interval
from ray_bench.report.pictures.scaling import FORECAST, IDEAL, MEASURED
from ray_bench.report.replay_words import latency_warning
from ray_bench.report.screen import Answer, Caveat, Numbers, Quantity, Screen, Size
from ray_bench.report.screens.answer import share_words
from ray_bench.stats.estimate import Estimate

if TYPE_CHECKING:
    from ray_bench.analysis.curve import Curve

#: From this share of a step on, waiting for the link is said to have set in.
_WAITS_FRAC = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A prediction and the choice among its world sizes.

    Attributes:
        profile: What was measured.
        question: The network, and which batch is fixed.
        rows: The prediction, ascending.
        choice: Among the world sizes that can be had; None where the aim cannot be decided for.
        no_choice: Then why, and what to do.
        ask: What is decided for.
        currency: Of the price.
        run_samples: Samples that a run trains on; None where that is not known.
        curve: As it was measured.
    """

    profile: StepProfile
    question: Question
    rows: tuple[PredictedStep, ...]
    choice: Choice | None
    no_choice: str
    ask: Ask
    currency: str
    run_samples: float | None
    curve: Curve

    def row(self, size: int | None) -> PredictedStep | None:
        """Return the prediction of a world size."""
        return next((x for x in self.rows if x.world_size == size), None)

    def time_s(self, row: PredictedStep) -> Estimate | None:
        """Return the time that a run trains."""
        samples = self.run_samples
        return None if samples is None else row.throughput.mapped(lambda rate: samples / rate)

    def money(self, row: PredictedStep) -> Estimate | None:
        """Return what that costs."""
        time, price = self.time_s(row), self.ask.price_per_worker_hour
        return None if time is None or price is None else cost(time.scaled(row.world_size), price)


def replay_screen(found: Replayed) -> Screen:
    """Return what is seen first of a prediction over another link."""
    best = None if found.choice is None else found.choice.best
    return Screen(
        name=None,
        context=(f"predicted from {workers(found.profile.world_size)} as measured",),
        answer=Answer(
            lead=_lead(found),
            gain=_gain(found),
            world_size=best,
            why=_why(found),
            limit=_next_words(found),
            caveats=tuple(_caveats(found)),
        ),
        curve_title=_title(found),
        curve=_picture(found),
        numbers=_numbers(found),
    )


def _lead(found: Replayed) -> str:
    choice = found.choice
    if choice is None:
        return "No answer for this aim"
    row = found.row(choice.best)
    if row is None:
        return "No number of workers meets this"
    other = _likelier(choice)
    if other is not None:
        low, high = sorted((other, row.world_size))
        return f"Cannot tell {low} from {workers(high)} for this aim"
    how = f"{_how(choice)} {workers(row.world_size)}"
    base = found.profile.world_size
    if row.world_size == base:
        return f"{how}: more do not pay for this aim"
    of = "one" if base == 1 else workers(base)
    return f"{how}: {show(estimate(row.speedup, 'x', 'predicted')).value} as fast as {of}"


def _how(choice: Choice) -> str:
    if choice.probability > SURE_FRAC:
        return "Use"
    return "Likely" if choice.probability >= LIKELY_FRAC else "Probably"


def _likelier(choice: Choice) -> int | None:
    """Return the world size that more draws choose than the one that the estimates choose."""
    other = choice.runner_up
    if other is None or choice.best is None or choice.share(other) <= choice.probability:
        return None
    return other


def _gain(found: Replayed) -> Cell | None:
    row = None if found.choice is None else found.row(found.choice.best)
    if found.choice is None or row is None or _likelier(found.choice) is not None:
        return None
    if row.world_size == found.profile.world_size:
        return None
    return estimate(row.speedup, "x", "predicted")


def _why(found: Replayed) -> str:
    choice = found.choice
    if choice is None:
        return found.no_choice
    aim = aim_words(found.ask, found.currency)
    if choice.best is None:
        return f"{_closest(found, choice)} For the aim {aim}."
    share, other = choice.probability, _likelier(choice)
    if other is not None:
        return (
            f"The estimates choose {choice.best}, but {other} is likelier right "
            f"({share_words(choice.share(other))}; {choice.best}: {share_words(share)}), for the "
            f"aim {aim}."
        )
    sure = {"Use": "Very likely"}.get(_how(choice), _how(choice))
    words = f"{sure} right by this prediction ({share_words(share)}), for the aim {aim}"
    if choice.meets is not None:
        words += f"; it meets the limit with {share_words(choice.meets)}"
    if share <= SURE_FRAC and choice.runner_up is not None:
        words += f"; else {choice.runner_up}"
    return f"{words}."


def _closest(found: Replayed, choice: Choice) -> str:
    """Return how near the nearest world size comes to a limit that none meets."""
    rows = [x for x in found.rows if x.world_size in choice.sizes]
    if found.ask.aim.kind == "deadline":
        near = max(rows, key=lambda x: x.throughput.value)
        shown = show(estimate(found.time_s(near), "s", "predicted")).value
    elif found.ask.aim.kind == "budget":
        near = max(rows, key=lambda x: x.throughput.value / x.world_size)
        shown = show(estimate(found.money(near), "money", "predicted", found.currency)).value
    else:
        near = max(rows, key=lambda x: x.efficiency_frac.value)
        shown = show(estimate(near.efficiency_frac, "frac", "predicted")).value
    return f"{workers(near.world_size)} come closest: {shown}."


def _next_words(found: Replayed) -> str:
    """Return what the next larger world size would take."""
    best = None if found.choice is None else found.row(found.choice.best)
    after = (
        None
        if best is None
        else next((x for x in found.rows if x.world_size > best.world_size), None)
    )
    if best is None or after is None:
        return ""
    mine, other = found.time_s(best), found.time_s(after)
    if mine is None or other is None:
        return ""
    if other.value >= mine.value:
        share = show(number(_waiting(after), "frac", "predicted")).value
        return (
            f"{workers(after.world_size)} would be slower: {share} of a step would wait for the "
            "link."
        )
    words = f"{workers(after.world_size)} would take {_time(other)} instead of {_time(mine)}"
    money, more = found.money(best), found.money(after)
    if money is None or more is None:
        return f"{words}."
    return f"{words}, for {_paid(found, more)} instead of {_paid(found, money)}."


def _time(value: Estimate) -> str:
    return show(estimate(value, "s", "predicted")).value


def _paid(found: Replayed, value: Estimate) -> str:
    return show(estimate(value, "money", "predicted", found.currency)).value


def _waiting(row: PredictedStep) -> float:
    """Return the share of a step that waits for the link."""
    return row.exposed_s.value / row.step_s.value


def _title(found: Replayed) -> str:
    waits = next((x for x in found.rows if _waiting(x) > _WAITS_FRAC), None)
    if waits is None:
        return f"The link carries all {workers(found.rows[-1].world_size)}"
    return f"Waiting for the link sets in at {workers(waits.world_size)}"


def _caveats(found: Replayed) -> Iterator[Caveat]:
    measured = [x for x in found.rows if x.error_frac is not None]
    last = found.curve.sizes[-1] if found.curve.sizes else found.profile.world_size
    words = f"Nothing beyond {workers(last)} was measured."
    if measured:
        mean = sum(abs(x.error_frac or 0.0) for x in measured) / len(measured)
        words += (
            f" Over this link the step time is {show(number(mean, 'frac')).value} off what was "
            "measured over the sweep's own."
        )
    yield Caveat(level="note", head="Predicted, not measured.", text=words)
    yield Caveat(
        level="note", head="One kind of link.", text="Between all workers. For nodes with another "
        "link within, see `ray-bench predict --help`."
    )  # fmt: skip
    if doubtful_latency(found.question.within):
        words = latency_warning(found.question.within)
        yield Caveat(level="warn", head="The latency is doubtful.", text=words)


def _picture(found: Replayed) -> Picture:
    base = found.profile.world_size
    ideal = [(x.world_size, asked(x.world_size / base, "x")) for x in found.rows]
    predicted = [(x.world_size, estimate(x.speedup, "x", "predicted")) for x in found.rows]
    known = [n for n in found.curve.sizes if n >= base and base in found.curve.sizes]
    measured = [(n, estimate(found.curve.ratio(n, base).estimate, "x")) for n in known if n != base]
    if base in known:
        measured.insert(0, (base, asked(1.0, "x")))
    return Picture(
        key="speedup",
        title="Predicted speedup against workers",
        alt=f"Predicted speedup by number of workers: {at_sizes(predicted)}.",
        section="prediction",
        chart="curve",
        rows=(
            *_series(FORECAST, "over this link", predicted),
            *_series(IDEAL, "over this link", ideal),
            *_series(MEASURED, "as measured", measured),
        ),
        notes=(
            f"Speedup over {workers(base)}. Hollow: predicted over this link, with 95 %. Solid: "
            "measured over the link that the sweep had.",
        ),
    )


def _series(name: str, curve: str, cells: Sequence[tuple[int, Cell]]) -> Iterator[dict[str, Datum]]:
    for size, cell in cells:
        if cell.value is not None:
            row: dict[str, Datum] = {"world_size": size, "series": name, "kind": cell.kind}
            yield {**row, "curve": curve, **interval("speedup", cell)}


def _numbers(found: Replayed) -> Numbers:
    best = None if found.choice is None else found.choice.best
    return Numbers(
        sizes=tuple(
            Size(world_size=x.world_size, is_measured=False, is_chosen=x.world_size == best)
            for x in found.rows
        ),
        quantities=tuple(_quantities(found)),
        foot=_foot(found),
    )


def _quantities(found: Replayed) -> Iterator[Quantity]:
    def row(
        key: str,
        title: str,
        unit: Unit,
        get: Callable[[PredictedStep], Estimate | None],
        note: str = "",
    ) -> Quantity:
        money = found.currency if unit == "money" else None
        cells = tuple(estimate(get(x), unit, "predicted", money) for x in found.rows)
        return Quantity(key=key, title=title, note=note, cells=cells, is_first=True)

    base = found.profile.world_size

    def known(row: PredictedStep, value: Estimate) -> Estimate:
        """The world size to start from is what others are measured against."""
        return Estimate(1.0) if row.world_size == base == 1 else value

    yield row("speedup", "Speedup", "x", lambda x: known(x, x.speedup))
    yield row("efficiency", "Efficiency", "frac", lambda x: known(x, x.efficiency_frac))
    if found.run_samples is None:
        yield row("step_time", "Time of a step", "s", lambda x: x.step_s)
    else:
        yield row("run_time", "Time", "s", found.time_s, "per run")
    if found.run_samples is not None and found.ask.price_per_worker_hour is not None:
        yield row("cost", "Cost", "money", found.money, "per run")
    waits = tuple(number(_waiting(x), "frac", "predicted") for x in found.rows)
    yield Quantity(
        key="on_the_link", title="On the link", note="share of a step", cells=waits, is_first=True
    )
    if found.choice is not None:
        shares = dict(zip(found.choice.sizes, found.choice.shares, strict=True))
        cells = tuple(number(shares.get(x.world_size), "prob", "derived") for x in found.rows)
        yield Quantity(
            key="best_choice", title="Best choice", note="how likely", cells=cells, is_first=True
        )


def _foot(found: Replayed) -> str:
    words = "Time and cost: training alone; evaluation and start-up left out."
    if found.run_samples is None:
        words = "How long a run is, is not known."
    if found.ask.price_per_worker_hour is not None:
        price = f"{found.ask.price_per_worker_hour:g} {found.currency}"
        words += f" Price: {price} per worker and hour."
    return words
