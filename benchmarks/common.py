"""What the benchmarks share: the order of turns, the ratio with its interval, and the output."""

from __future__ import annotations

import argparse
import io
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import mean_log

ROOT = Path(__file__).parents[1]

Bound = Literal["at most", "at least"]
#: Seconds for people; other units are printed as they are.
_MILLI_BELOW = 0.1
_PATHS = ("--data-dir", "--out", "--save")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a number should be."""

    bound: Bound
    value: float

    def is_met(self, value: float) -> bool:
        """Return whether a value keeps to the bound."""
        return value <= self.value if self.bound == "at most" else value >= self.value

    def says(self, found: Estimate) -> str:
        """Return the aim and whether an estimate meets it, in words."""
        text = f"{self.bound} {self.value:g}: {'met' if self.is_met(found.value) else 'not met'}"
        return f"{text}, but within the interval" if found.contains(self.value) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two arms that took turns: `pairs` holds (top, bottom) of every round."""

    name: str
    top: str
    bottom: str
    unit: str
    pairs: tuple[tuple[float, float], ...]
    aim: Aim | None = None

    @property
    def ratio(self) -> Estimate:
        """Top over bottom with its 95 % interval."""
        return paired_ratio(self.pairs)

    def means(self) -> tuple[float, float]:
        """Return the geometric mean of each arm, top first."""
        tops, bottoms = zip(*self.pairs, strict=True)
        return statistics.geometric_mean(tops), statistics.geometric_mean(bottoms)

    def medians(self) -> tuple[float, float]:
        """Return the median of each arm, top first."""
        tops, bottoms = zip(*self.pairs, strict=True)
        return statistics.median(tops), statistics.median(bottoms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that is no ratio."""

    name: str
    value: float
    unit: str
    aim: Aim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that one call of a benchmark found."""

    benchmark: str
    question: str
    comparisons: tuple[Comparison, ...] = ()
    measures: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    measured_at_utc: str = ""


def paired_ratio(pairs: Sequence[tuple[float, float]]) -> Estimate:
    """Return top / bottom from rounds in which both were measured, with its 95 % interval.

    exp(mean d +- t s_d / sqrt(n)) of the n paired log ratios d: a drift that both arms of a round
    share falls out. No interval from a single round.
    """
    logs = [math.log(top / bottom) for top, bottom in pairs]
    return mean_log(logs).estimate


def turn_order(arms: Sequence[str], num_rounds: int, seed: int) -> list[tuple[str, ...]]:
    """Return the arms in the order of every round: a random order and then the same backwards.

    For two arms that is ABBA or BAAB at random, which also cancels a linear drift.
    """
    choose = random.Random(seed)
    rounds: list[tuple[str, ...]] = []
    while len(rounds) < num_rounds:
        order = choose.sample(list(arms), len(arms))
        rounds += [tuple(order), tuple(reversed(order))]
    return rounds[:num_rounds]


def in_words(comparison: Comparison) -> str:
    """Return a comparison in one line, for a long benchmark that may be cut short."""
    ratio = comparison.ratio
    bounds = "" if ratio.low is None else f" ({ratio.low:.3f} to {ratio.high:.3f})"
    return f"{comparison.name}: {comparison.top} / {comparison.bottom} {ratio.value:.3f}{bounds}"


def environment() -> dict[str, Any]:
    """Return where this benchmark runs."""
    import torch

    from ray_bench.measure.commit import git_commit
    from ray_bench.measure.environment import environment_record, host_facts

    facts = host_facts(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    record = environment_record([facts], ddp_arguments={}, commit=git_commit())
    # Threads and DDP arguments are set arm by arm; those of this process mean nothing.
    unset = {"omp_num_threads", "ddp_arguments", "nccl_version"}
    return {name: value for name, value in asdict(record).items() if name not in unset}


def parser(name: str, question: str) -> argparse.ArgumentParser:
    """Return the command line that every benchmark has."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=question,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--format", choices=tuple(RENDER), default="terminal")
    made.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")
    made.add_argument("--save", type=Path, metavar="DIR", help="also write NAME.md and NAME.json")
    made.add_argument("--seed", type=int, default=0, help="of the order of turns")
    return made


def grid_arguments(made: argparse.ArgumentParser, workloads: Iterable[str]) -> None:
    """Add what is trained: workloads, world sizes, batch, precision, data."""
    made.add_argument("--workloads", nargs="+", default=list(workloads), metavar="NAME")
    made.add_argument("--world-sizes", nargs="+", type=positive, default=[1, 2], metavar="N")
    made.add_argument("--batch-size", type=positive, help="of a worker [that of the workload here]")
    made.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    made.add_argument("--data-dir", type=Path, help="real data; not given: stand-ins")


def positive(text: str) -> int:
    """Return a count of 1 or more from the command line."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {value}")
    return value


def say(text: str) -> None:
    """Tell a person what is going on, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def emit(outcome: Outcome, arguments: argparse.Namespace) -> None:
    """Print or write an outcome, with where and when it was measured."""
    complete = Outcome(
        benchmark=outcome.benchmark,
        question=outcome.question,
        comparisons=outcome.comparisons,
        measures=outcome.measures,
        notes=outcome.notes,
        environment=environment(),
        command=f"python -m benchmarks.{outcome.benchmark} {_shown_arguments()}".strip(),
        measured_at_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    text = RENDER[arguments.format](complete)
    if arguments.out is None:
        print(text)
    else:
        _write(arguments.out, text)
    if arguments.save is not None:
        for form in ("md", "json"):
            _write(arguments.save / f"{outcome.benchmark}.{form}", RENDER[form](complete))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    say(f"Written: {path}")


def _shown_arguments() -> str:
    # A folder of somebody's machine says nothing to others.
    shown, hide = [], False
    for argument in sys.argv[1:]:
        shown.append(argument.partition("=")[0] + "=DIR" if _is_folder(argument) else argument)
        if hide:
            shown[-1] = "DIR"
        hide = argument in _PATHS
    return " ".join(shown)


def _is_folder(argument: str) -> bool:
    return argument.partition("=")[0] in _PATHS and "=" in argument


def as_json(outcome: Outcome) -> str:
    """Return the outcome with every pair of turns."""
    document = asdict(outcome)
    for made, comparison in zip(document["comparisons"], outcome.comparisons, strict=True):
        ratio = comparison.ratio
        made["ratio"] = {"value": ratio.value, "low": ratio.low, "high": ratio.high}
        made["num_rounds"] = len(comparison.pairs)
        made["is_aim_met"] = comparison.aim.is_met(ratio.value) if comparison.aim else None
    return json.dumps(document, indent=1)


def comparison_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the table of ratios, its head first."""
    rows: list[tuple[str, ...]] = [("what", "ratio", "95 % interval", "rounds", "medians", "aim")]
    for item in outcome.comparisons:
        ratio, (top, bottom) = item.ratio, item.medians()
        bounds = "-" if ratio.low is None else f"{ratio.low:.3f} to {ratio.high:.3f}"
        medians = f"{item.top} {number(top, item.unit)}, {item.bottom} {number(bottom, item.unit)}"
        aim = item.aim.says(ratio) if item.aim else "-"
        rows.append((item.name, f"{ratio.value:.3f}", bounds, str(len(item.pairs)), medians, aim))
    return rows


def measure_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the table of the other numbers, its head first."""
    rows: list[tuple[str, ...]] = [("what", "value", "aim")]
    for item in outcome.measures:
        aim = item.aim.says(Estimate(item.value)) if item.aim else "-"
        rows.append((item.name, number(item.value, item.unit), aim))
    return rows


def number(value: float, unit: str) -> str:
    """Return a number with its unit, three digits; short times in milliseconds."""
    if unit.startswith("s") and (len(unit) == 1 or unit[1] == "/") and abs(value) < _MILLI_BELOW:
        value, unit = value * 1e3, f"m{unit}"
    if unit == "byte":
        value, unit = value / 2**20, "MiB"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 6)}f} {unit}".strip()


def as_markdown(outcome: Outcome) -> str:
    """Return the outcome as a page: question, tables, notes, machine."""
    lines = [f"# {outcome.benchmark}", "", outcome.question, ""]
    for rows in _tables(outcome):
        head, *body = rows
        lines += [_piped(head), _piped(["---"] * len(head)), *map(_piped, body), ""]
    lines += [f"- {note}" for note in outcome.notes]
    lines += [f"- {_where(outcome)}", f"- `{outcome.command}`"]
    return "\n".join(lines)


def as_terminal(outcome: Outcome) -> str:
    """Return the outcome for a screen."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    sink = io.StringIO()
    screen = Console(file=sink, width=120, highlight=False, markup=False)
    screen.print(outcome.question)
    for head, *body in _tables(outcome):
        table = Table(*head, box=box.SIMPLE)
        for row in body:
            table.add_row(*row)
        screen.print(table)
    for note in (*outcome.notes, _where(outcome)):
        screen.print(note)
    return sink.getvalue().rstrip()


def _tables(outcome: Outcome) -> list[list[tuple[str, ...]]]:
    tables = [comparison_rows(outcome), measure_rows(outcome)]
    return [rows for rows in tables if len(rows) > 1]


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _where(outcome: Outcome) -> str:
    host = outcome.environment
    gpus = f", {', '.join(host['gpu_names'])}" if host.get("gpu_names") else ""
    return (
        f"{outcome.measured_at_utc}: {host.get('cpu_model')}, {host.get('num_cpus')} cores{gpus}, "
        f"Python {host.get('python_version')}, torch {host.get('torch_version')}, "
        f"Ray {host.get('ray_version')}, commit {host.get('commit')}."
    )


RENDER: Mapping[str, Callable[[Outcome], str]] = {
    "terminal": as_terminal,
    "md": as_markdown,
    "json": as_json,
}
