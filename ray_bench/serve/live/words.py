"""A running sweep in words: how far, how long, what so far, what the rest will tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.report.cells import Cell, estimate
from ray_bench.report.format import clean, show
from ray_bench.serve.live.gather import LiveView
from ray_bench.serve.live.speeds import Speed, speeds, speedup
from ray_bench.stats.estimate import Estimate
from ray_bench.sweep.progress import as_duration


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it is, and a word below."""

    name: str
    value: str
    below: str = ""


def title(view: LiveView) -> str:
    """Return how far it is."""
    done = f"{view.num_ended} of {view.num_planned} runs done"
    left_s = view.live.get("left_s")
    if view.phase == "finished":
        return f"All {view.num_planned} runs are done" if not _num_lost(view) else done
    if view.phase in ("interrupted", "failed"):
        return f"Stopped: {done}"
    return done if left_s is None else f"{done}, about {rough(left_s)} left"


def lead(view: LiveView) -> str:
    """Return what the runs say so far."""
    found = speeds(view.runs)
    if not found:
        return "No run has finished yet." if not view.is_over else "No run has finished."
    if len(found) == 1:
        return f"So far: {workers(found[0].world_size)}, {_rate(found[0].rate)} samples/s."
    first, last = found[0], found[-1]
    ratio = speedup(last, first)
    base = "one" if first.world_size == 1 else str(first.world_size)
    text = f"So far: {workers(last.world_size)} are {_times(ratio)} as fast as {base}"
    few = min(len(first.rates), len(last.rates))
    if ratio.low is None:
        return f"{text}, by {'a single run' if few == 1 else f'{few} runs'}."
    shown = show(estimate(ratio, "x"))
    return f"{text}; 95 % interval {shown.interval}."


def figures(view: LiveView) -> tuple[Figure, ...]:
    """Return the numbers below the bar."""
    live = view.live
    elapsed, left = live.get("elapsed_s"), live.get("left_s")
    found = []
    if elapsed is not None:
        about = "" if left is None or view.is_over else f"of about {rough(elapsed + left)}"
        found.append(Figure("Elapsed", as_duration(elapsed), about))
    if not view.is_over:
        found.append(Figure("Left", "not known" if left is None else f"about {rough(left)}"))
    money = _spent(view)
    if money is not None:
        found.append(money)
    if view.going is not None:
        found.append(Figure("Now running", workers(view.going["world_size"]), _going(view)))
        loss = view.going.get("so_far_loss")
        if loss is not None:
            found.append(Figure("Loss so far", f"{loss:.3g}", "mean of this epoch"))
    if view.num_lasting:
        found.append(Figure("Diverged or stopped", str(view.num_lasting), _of_ended(view)))
    found.append(Figure("Failed", str(view.num_failed), _of_ended(view)))
    return tuple(found)


def findings(found: Sequence[Speed]) -> str:
    """Return what the curve shows, as a title."""
    if len(found) < 2 or found[0].world_size != 1:
        return "Pace of a worker, so far"
    second = found[1]
    share = speedup(second, found[0]).scaled(1 / second.world_size)
    name = "Two workers keep" if second.world_size == 2 else f"{second.world_size} workers keep"
    bounds = "too few runs for an interval"
    if share.low is not None and share.high is not None:
        bounds = f"{100 * share.low:.0f} to {100 * share.high:.0f} %"
    return f"{name} {100 * share.value:.0f} % of one worker’s pace ({bounds})"  # noqa: RUF001


def rest(view: LiveView) -> tuple[tuple[str, str], ...]:
    """Return what the runs that are left will tell: who, and what."""
    if view.is_over or not view.planned:
        return ()
    ended = {run.run_id for run in view.runs}
    left = [run for run in view.planned if run.run_id not in ended]
    done = Counter(
        run.point.world_size for run in view.runs if run.is_finished and run.point.world_size
    )
    told: list[tuple[str, str]] = []
    plain: list[int] = []
    for number, run in enumerate(left, start=len(view.planned) - len(left) + 1):
        size = run.point.world_size
        done[size] += 1
        if done[size] == 1:
            told.append((f"Run {number}", f"is the first with {workers(size)}."))
        elif done[size] == 2:
            told.append((f"Run {number}", f"gives {workers(size)} an interval."))
        else:
            plain.append(number)
    if plain:
        name = f"Run {plain[0]}" if len(plain) == 1 else f"{len(plain)} more runs"
        told.append((name, "make intervals narrower." if len(plain) > 1 else "makes one narrower."))
    return tuple(told[:6])


def rough(seconds: float) -> str:
    """Return a duration that is not known to the second: `40 s`, `10 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return as_duration(60 * round(seconds / 60))


def workers(size: int) -> str:
    """Return `1 worker`, `4 workers`."""
    return f"{size} worker{'' if size == 1 else 's'}"


def _rate(rate: Estimate) -> str:
    return str(show(estimate(rate, "samples/s")))


def _times(ratio: Estimate) -> str:
    value = show(estimate(ratio, "x")).value
    return value.replace("x", "×")  # noqa: RUF001


def _going(view: LiveView) -> str:
    run = view.going
    assert run is not None, "there is one"
    words = []
    planned = next((x for x in view.planned if x.run_id == run["run_id"]), None)
    if planned is not None:
        words.append(f"repeat {planned.repeat + 1}")
    epochs = view.config.epochs if view.config is not None else None
    if epochs and run.get("epoch") is not None:
        words.append(f"epoch {min(run['epoch'] + 1, epochs)} of {epochs}")
    elif run.get("num_steps"):
        words.append(f"step {run['step']:,} of {run['num_steps']:,}")
    return clean(", ".join([*words, run["phase"]]) if words else run["phase"])


def _spent(view: LiveView) -> Figure | None:
    price = view.config.price_per_worker_hour if view.config is not None else None
    if not price or view.config is None:
        return None
    hours = sum(run.point.world_size * run.wall_s for run in view.runs) / 3600
    run = view.going
    if run is not None:
        hours += run["world_size"] * float(run.get("phase_since_s") or 0.0) / 3600
    spent = hours * price
    currency = view.config.currency
    by_size = {
        size: sum(walls) / len(walls)
        for size in {run.point.world_size for run in view.runs}
        if (walls := [x.wall_s for x in view.runs if x.point.world_size == size])
    }
    left = [x for x in view.planned if x.run_id not in {run.run_id for run in view.runs}]
    if view.is_over or any(x.point.world_size not in by_size for x in left):
        return Figure("Spent", show(Cell(spent, "money", currency=currency)).value)
    more = sum(x.point.world_size * by_size[x.point.world_size] for x in left) / 3600 * price
    total = max(spent, sum(x.point.world_size * x.wall_s for x in view.runs) / 3600 * price + more)
    about = show(Cell(total, "money", currency=currency)).value
    return Figure("Spent", show(Cell(spent, "money", currency=currency)).value, f"of about {about}")


def _num_lost(view: LiveView) -> int:
    return sum(not run.is_finished for run in view.runs)


def _of_ended(view: LiveView) -> str:
    return f"of {view.num_ended} that ended"
