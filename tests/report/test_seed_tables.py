"""Every table of the two hand-written reports that ray_bench replaces, computed and found.

The first compares ResNet-50 on CIFAR-10 with 1 and 2 GPUs, the second is about an MLP on MNIST.
Their measured inputs are planted in a store; what they derived from them by hand, often wrongly,
has to come out of the report. Pages are read back from Markdown, as a reader sees them.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ray_bench.analysis.laws import amdahl
from ray_bench.analysis.times import change
from ray_bench.records import Results
from ray_bench.report.model import Report, build_report
from ray_bench.store import ResultsStore
from tests.report import readers
from tests.stored import write_results
from tests.synthetic import amdahl_step_s, synthetic

#: Seconds an epoch by phase, with 1 and with 2 GPUs, as the first report lists them.
PHASES_S = {
    1: {"data_wait": 5.0, "forward": 80.0, "backward": 95.0, "optimizer": 38.0, "other": 0.53},
    2: {
        "data_wait": 5.0,
        "forward": 40.0,
        "backward": 48.0,
        "exposed_comm": 4.0,
        "optimizer": 25.0,
        "other": 0.4,
    },
}
EPOCH_S = {n: sum(seconds.values()) for n, seconds in PHASES_S.items()}
#: What each run of the first report took, reached and needed.
RUNS = {
    1: {
        "train_s": 2185.3,
        "eval_s": 284.37,
        "final_train_accuracy_frac": 0.6248,
        "final_val_accuracy_frac": 0.6258,
        "best_val_accuracy_frac": 0.6276,
        "peak_memory_bytes": 8 * 2**30,
        "energy_j": 400_000.0,
    },
    2: {
        "train_s": 1170.0,
        "eval_s": 54.0,
        "final_train_accuracy_frac": 0.627,
        "final_val_accuracy_frac": 0.626,
        "best_val_accuracy_frac": 0.629,
        "peak_memory_bytes": 5 * 2**30,
        "energy_j": 396_000.0,
    },
}
#: By epoch; the best one is the ninth.
VAL_ACCURACY_FRAC = (0.20, 0.30, 0.38, 0.45, 0.50, 0.54, 0.57, 0.60, 0.6276, 0.6258)
BATCH, SAMPLES = 128, 50_000


def ranks_s(size: int, batch: int) -> list[dict[str, float]]:
    """Seconds a step by phase, the same on every rank."""
    return [{name: s * batch / SAMPLES for name, s in PHASES_S[size].items()}] * size


def first_seed() -> Results:
    results = synthetic(
        (1, 2),
        repeats=2,
        noise=0.0,
        ranks_s=ranks_s,
        batch=BATCH,
        num_samples=SAMPLES,
        price=1.5,
        workload="resnet50-cifar10",
        with_blocks=False,
    )
    runs = tuple(replace(run, **RUNS[run.point.world_size]) for run in results.runs)
    phases = {**results.phases, "duration_s": _without_noise(results)}
    curve = np.tile(VAL_ACCURACY_FRAC, len(runs))
    epochs = {**results.epochs, "val_accuracy_frac": curve}
    return replace(results, runs=runs, phases=phases, epochs=epochs)


def _without_noise(results: Results) -> np.ndarray:
    sizes = {run.run_id: run.point.world_size for run in results.runs}
    rows = zip(results.phases["run_id"], results.phases["phase"], strict=True)
    return np.array([PHASES_S[sizes[run]][phase] * BATCH / SAMPLES for run, phase in rows])


def second_seed() -> Results:
    """Two epochs whose losses are those of its `sample output`, in 414.96 s on one CPU."""
    results = synthetic((1,), epochs=2, repeats=1, num_samples=60_000, workload="mlp-mnist")
    losses, times = np.array([2.303463, 0.177160]), np.full(2, 414.96 / 2)
    runs = tuple(replace(run, train_s=414.96, eval_s=0.0) for run in results.runs)
    return replace(
        results, runs=runs, epochs={**results.epochs, "train_loss": losses, "train_s": times}
    )


def at_95_percent(sizes: tuple[int, ...]) -> Results:
    return synthetic(sizes, repeats=2, noise=0.0, step_s=amdahl_step_s)


RESULTS = {
    "first": first_seed,
    "second": second_seed,
    "amdahl, 1 to 4": lambda: at_95_percent((1, 2, 4)),
    "amdahl, 1 to 16": lambda: at_95_percent((1, 2, 4, 8, 16)),
}


@pytest.fixture(scope="module")
def report_on(tmp_path_factory):
    """The report on a stored sweep, by name; stored and read once."""

    @functools.cache
    def report(name: str) -> Report:
        root = tmp_path_factory.mktemp("seed") / "results"
        return build_report(write_results(ResultsStore(root), RESULTS[name]()).read())

    return report


@dataclass(frozen=True)
class Page:
    """A report by what it has: quantities at world sizes, cells of tables."""

    report: Report

    def at(self, key: str, size: int) -> float | None:
        """The value of a quantity of all sizes; None where it has none."""
        numbers = self.report.screens[0].numbers
        at = [x.world_size for x in numbers.sizes].index(size)
        (found,) = [x for x in numbers.quantities if x.key == key]
        return found.cells[at].value

    def measured(self, key: str, size: int) -> float | None:
        (found,) = [x for x in self.report.screens[0].numbers.sizes if x.world_size == size]
        return self.at(key, size) if found.is_measured else None

    def cell(self, table: str, row: object, column: str) -> object:
        """A cell of the only table with this key, in the row that begins with a value."""
        (found,) = [t for s in self.report.sections for t in s.tables if t.key == table]
        index = [x.key for x in found.columns].index(column)
        (cells,) = [x for x in found.rows if x[0].value == row]
        return cells[index].value

    def phase(self, name: str, size: int) -> float:
        """Seconds of an epoch that a phase takes."""
        return (self.cell("phases", name, f"step_{size}") or 0.0) * SAMPLES / BATCH

    def change(self, key: str) -> float:
        return self.at(key, 1) - self.at(key, 2)

    def saved(self, name: str) -> float:
        return self.phase(name, 1) - self.phase(name, 2)

    def overhead(self, *names: str) -> float:
        """Seconds of an epoch beyond ideal scaling of 1 worker."""
        return sum(self.phase(name, 2) - self.phase(name, 1) / 2 for name in names)


@pytest.fixture(scope="module")
def page_of(report_on):
    return lambda name: Page(report_on(name))


def of(key: str):
    """A quantity of all sizes, at the size that the row is about."""
    return lambda page, where: page.at(key, int(where["Workers"]))


def cell(table: str, column: str):
    return lambda page, where: page.cell(table, int(where["Workers"]), column)


def phase(name: str):
    return lambda page, where: page.phase(PHASES[where["Phase"]], int(where["Workers"]))


def first_phrase(words: object, phrase: str) -> str | None:
    """The phrase, where the words have it."""
    return phrase if phrase in str(words) else None


_SYNC, _OTHER = ("Waiting for slow ranks", "Transfer not hidden"), ("Other",)
PHASES = {
    "forward": "Forward",
    "backward": "Backward",
    "optimizer": "Optimizer",
    "exposed comm": "Transfer not hidden",
    "total": "Step",
}

#: Table of a seed, as our report once had it, and its column -> where the number is now: in one
#: place, or computed from numbers that are each in one place.
PLACES = {
    "Summary": {
        "Batch per worker": of("batch"),
        "Samples/s": of("throughput"),
        "Speedup": of("speedup"),
        "Learning rate": of("lr"),
        "Time per epoch": of("epoch_time"),
        "Validation accuracy": of("val_accuracy"),
        "Efficiency": of("efficiency"),
    },
    "Training time": {
        "Total": of("run_time"),
        "Per epoch": of("epoch_time"),
        "Per iteration": of("step_time"),
        "Times as fast": of("speedup"),
        "Less time": lambda page, _: 1 - 1 / page.at("speedup", 2),
        "Epochs": lambda page, _: page.cell("progress", "2", "name"),
    },
    "Resources": {
        "Peak memory per worker": of("memory"),
        "Worker-time per run": of("worker_time"),
        "Against baseline": lambda p, _: p.at("worker_time", 2) / p.at("worker_time", 1),
        "Energy against baseline": lambda p, _: p.at("energy", 2) / p.at("energy", 1),
    },
    "Accuracy": {
        "Final training": cell("accuracy", "train"),
        "Final validation": of("val_accuracy"),
        "Best validation": cell("accuracy", "best"),
        "Converged at epoch": cell("accuracy", "epoch"),
        "Validation against baseline": cell("accuracy", "difference"),
    },
    "Communication overhead": {
        "Ideal speedup": lambda *_: 2.0,
        "Observed speedup": of("speedup"),
        "Overhead, all causes": lambda page, _: 1 - page.at("efficiency", 2),
        "Per epoch": lambda page, _: page.phase("Transfer not hidden", 2),
    },
    "Time by phase and world size": {
        "Per epoch": phase(""),
        "Share": lambda p, w: phase("")(p, w) / p.phase("Step", int(w["Workers"])),
    },
    "Speedup by phase": {
        "Speedup": lambda p, w: p.phase(PHASES[w["Phase"]], 1) / p.phase(PHASES[w["Phase"]], 2),
        "Share of saved time": lambda p, w: p.saved(PHASES[w["Phase"]]) / p.saved("Step"),
    },
    "Added overhead": {
        "Gradient synchronisation, per epoch": lambda page, _: page.overhead(_SYNC[1]),
        "Process coordination, per epoch": lambda page, _: page.overhead(*_OTHER),
        "Share of the epoch": lambda page, _: (
            page.overhead(_SYNC[1], *_OTHER) / page.phase("Step", 2)
        ),
    },
    "Time savings": {
        "Saved in one run": lambda page, _: page.change("run_time"),
        "Times as fast": lambda page, _: page.at("run_time", 1) / page.at("run_time", 2),
        "Less time": lambda page, _: page.change("run_time") / page.at("run_time", 1),
        "10 runs": lambda page, _: 10 * page.at("run_time", 2),
        "Saved in 10 runs": lambda page, _: 10 * page.change("run_time"),
    },
    "Cost": {"Cost per run": of("cost"), "Saved per run": lambda page, _: page.change("cost")},
    "Predictions": {
        "Batch per worker": of("batch"),
        "Time per epoch": of("epoch_time"),
        "Total time": of("run_time"),
        "Speedup": of("speedup"),
        "Measured speedup": of("speedup"),
        "Efficiency": of("efficiency"),
        "Cost per run": of("cost"),
    },
    "Speedup curve (Amdahl's law)": {
        "Amdahl's law": cell("amdahl_curve", "law"),
        "Measured": lambda page, where: page.measured("speedup", int(where["Workers"])),
        "Measured / law": cell("amdahl_curve", "difference"),
    },
    "Scaling curve": {"Speedup": of("speedup"), "Serial share (Karp-Flatt)": of("serial_share")},
    "Code needs": {
        "Model": lambda page, _: first_phrase(page.cell("needs", 2, "code"), "wrapped in DDP"),
        "Processes": lambda page, _: first_phrase(page.cell("needs", 2, "code"), "2 processes"),
        "Additional lines of code": cell("needs", "added_lines"),
    },
    "Hardware needs": {
        "Memory per worker": of("memory"),
        "Memory in all": cell("needs", "total_memory"),
        "Link needed per worker": cell("needs", "traffic"),
    },
    "When to use how many": {
        "Use when": lambda page, _: first_phrase(
            page.cell("when_to_use", 1, "use_when"),
            "prototyping and debugging: the fewest processes",
        )
    },
    "Recommendation": {"Recommendation": lambda p, _: p.report.screens[0].answer.gain.value},
    "Aspect by aspect": {
        "1 worker": lambda page, where: ASPECTS[where["Aspect"]](page, 1),
        "2 workers": lambda page, where: ASPECTS[where["Aspect"]](page, 2),
    },
    "Progress by epoch": {
        "Training loss": lambda page, where: page.cell("progress", where["Epoch"], "loss_1"),
        "Samples seen": lambda page, where: page.cell("progress", where["Epoch"], "samples"),
        "Training time": lambda page, where: page.cell("progress", where["Epoch"], "time_1"),
    },
}
ASPECTS = {
    "Code complexity": lambda page, size: page.cell("needs", size, "code"),
    "Time per run": lambda page, size: page.at("run_time", size),
    "Best use case": lambda page, size: first_phrase(
        page.cell("when_to_use", size, "use_when"), "prototyping and debugging"
    ),
}


#: Table of a seed -> page, title of our table, the row (column: text), and what its cells say.
#: A letter behind a number stood for predicted and derived ones; the value is what counts.
FOUND = {
    "Performance Comparison Summary: baseline": (
        *("first", "Summary", {"Workers": "1"}),
        {"Batch per worker": "128", "Samples/s": "228.8", "Speedup": "1.00x"},
    ),
    # The rate stays: linear scaling is by the global batch, and that is the same.
    "Performance Comparison Summary: distributed": (
        *("first", "Summary", {"Workers": "2"}),
        {
            "Batch per worker": "64",
            "Learning rate": "0.1",
            "Samples/s": "408.5",
            "Time per epoch": "122.4 s d",
            "Validation accuracy": "62.6 %",
            "Speedup": "1.79x",
            "Efficiency": "89.3 %",
        },
    ),
    "Training Time Breakdown: baseline": (
        *("first", "Training time", {"Workers": "1"}),
        {"Total": "41.16 min", "Per epoch": "218.5 s d", "Per iteration": "559.4 ms"},
    ),
    "Training Time Breakdown: distributed": (
        *("first", "Training time", {"Workers": "2"}),
        {
            "Total": "20.40 min",
            "Per epoch": "122.4 s d",
            "Per iteration": "313.3 ms",
            "Times as fast": "1.79x",
            "Less time": "44.0 %",
        },
    ),
    "Resource Utilization": (
        *("first", "Resources", {"Workers": "2"}),
        {
            "Peak memory per worker": "5.000 GiB",
            "Worker-time per run": "40.80 min",
            "Against baseline": "99.1 %",
            "Energy against baseline": "99.0 %",
        },
    ),
    "Accuracy Metrics": (
        *("first", "Accuracy", {"Workers": "2"}),
        {
            "Final training": "62.7 %",
            "Final validation": "62.6 %",
            "Best validation": "62.9 %",
            "Converged at epoch": "9",
            "Validation against baseline": "+0.0 pp",
        },
    ),
    "Communication Overhead": (
        *("first", "Communication overhead", {"Workers": "2"}),
        {
            "Ideal speedup": "2.00x",
            "Observed speedup": "1.79x",
            "Overhead, all causes": "10.7 %",
            "Per epoch": "4.000 s d",
        },
    ),
    "Time per Epoch, baseline: forward": (
        *("first", "Time by phase and world size", {"Workers": "1", "Phase": "forward"}),
        {"Per epoch": "80.00 s d", "Share": "36.6 %"},
    ),
    "Time per Epoch, baseline: total": (
        *("first", "Time by phase and world size", {"Workers": "1", "Phase": "total"}),
        {"Per epoch": "218.5 s d", "Share": "100.0 %"},
    ),
    "Time per Epoch, distributed: gradient sync": (
        *("first", "Time by phase and world size", {"Workers": "2", "Phase": "exposed comm"}),
        {"Per epoch": "4.000 s d", "Share": "3.3 %"},
    ),
    "Time per Epoch, distributed: total": (
        *("first", "Time by phase and world size", {"Workers": "2", "Phase": "total"}),
        {"Per epoch": "122.4 s d", "Share": "100.0 %"},
    ),
    "Speedup by Component: backward": (
        *("first", "Speedup by phase", {"Workers": "2", "Phase": "backward"}),
        {"Speedup": "1.98x", "Share of saved time": "48.9 %"},
    ),
    "Speedup by Component: optimizer": (
        *("first", "Speedup by phase", {"Workers": "2", "Phase": "optimizer"}),
        {"Speedup": "1.52x", "Share of saved time": "13.5 %"},
    ),
    "Speedup by Component: total": (
        *("first", "Speedup by phase", {"Workers": "2", "Phase": "total"}),
        {"Speedup": "1.79x", "Share of saved time": "100.0 %"},
    ),
    "Added Overhead": (
        *("first", "Added overhead", {"Workers": "2"}),
        {
            "Gradient synchronisation, per epoch": "4.000 s d",
            "Process coordination, per epoch": "135.0 ms d",
            "Share of the epoch": "3.4 %",
        },
    ),
    "Time Savings": (
        *("first", "Time savings", {"Workers": "2"}),
        {
            "Saved in one run": "20.76 min",
            "Times as fast": "2.02x",
            "Less time": "50.4 %",
            "10 runs": "3.400 h d",
            "Saved in 10 runs": "3.460 h d",
        },
    ),
    "Cost per Training Run": (
        *("first", "Cost", {"Workers": "2"}),
        {"Cost per run": "1.02 USD d", "Saved per run": "0.00903 USD d"},
    ),
    "Scaling Predictions: 2 GPUs": (
        *("first", "Predictions", {"Workers": "2"}),
        {
            "Batch per worker": "64",
            "Time per epoch": "122.4 s p",
            "Total time": "20.40 min p",
            "Speedup": "1.79x p",
            "Measured speedup": "1.79x",
            "Efficiency": "89.3 % p",
            "Cost per run": "1.02 USD p",
        },
    ),
    "Scaling Predictions: 8 GPUs": (
        *("amdahl, 1 to 4", "Predictions", {"Workers": "8"}),
        {"Batch per worker": "16", "Speedup": "5.93x p", "Efficiency": "74.1 % p"},
    ),
    "Amdahl's Law Prediction: 2 GPUs": (
        *("amdahl, 1 to 4", "Speedup curve (Amdahl's law)", {"Workers": "2"}),
        {"Amdahl's law": "1.90x p", "Measured": "1.90x", "Measured / law": "100.0 % d"},
    ),
    "Amdahl's Law Prediction: 4 GPUs": (
        *("amdahl, 1 to 4", "Speedup curve (Amdahl's law)", {"Workers": "4"}),
        {"Amdahl's law": "3.48x p", "Measured": "3.48x"},
    ),
    "Amdahl's Law Prediction: 8 GPUs, not 6.15x": (
        *("amdahl, 1 to 4", "Speedup curve (Amdahl's law)", {"Workers": "8"}),
        {"Amdahl's law": "5.93x p", "Measured": "-"},
    ),
    "Amdahl's Law Prediction: 16 GPUs, not 10.4x": (
        *("amdahl, 1 to 4", "Speedup curve (Amdahl's law)", {"Workers": "16"}),
        {"Amdahl's law": "9.14x p", "Measured": "-"},
    ),
    "Amdahl's law, measured: 8 GPUs": (
        *("amdahl, 1 to 16", "Scaling curve", {"Workers": "8"}),
        {"Speedup": "5.93x", "Serial share (Karp-Flatt)": "5.0 %"},
    ),
    "Amdahl's law, measured: 16 GPUs": (
        *("amdahl, 1 to 16", "Scaling curve", {"Workers": "16"}),
        {"Speedup": "9.14x", "Serial share (Karp-Flatt)": "5.0 %"},
    ),
    "Code Complexity": (
        *("first", "Code needs", {"Workers": "2"}),
        {"Model": "wrapped in DDP", "Processes": "2", "Additional lines of code": "0"},
    ),
    "Hardware Requirements": (
        *("first", "Hardware needs", {"Workers": "2"}),
        {
            "Memory per worker": "5.000 GiB",
            "Memory in all": "10.00 GiB d",
            "Link needed per worker": "0.143 GB/s d",
        },
    ),
    "When to Use Each Approach": (
        *("first", "When to use how many", {"Workers": "1"}),
        {"Use when": "prototyping and debugging: the fewest processes"},
    ),
    "Recommendations": (
        *("first", "Recommendation", {"": "Speedup"}),
        {"Recommendation": "1.79x"},
    ),
    "Comparison: Code Complexity": (
        *("first", "Aspect by aspect", {"Aspect": "Code complexity"}),
        {
            "1 worker": "plain training loop, one process",
            "2 workers": "model wrapped in DDP, data sharded, 2 processes",
        },
    ),
    "Comparison: Performance": (
        *("first", "Aspect by aspect", {"Aspect": "Time per run"}),
        {"1 worker": "41.16 min", "2 workers": "20.40 min"},
    ),
    "Comparison: Best Use Case": (
        *("first", "Aspect by aspect", {"Aspect": "Best use case"}),
        {"1 worker": "prototyping and debugging"},
    ),
    "Sample Output: first epoch": (
        *("second", "Progress by epoch", {"Epoch": "1"}),
        {"Training loss": "2.303", "Samples seen": "60000", "Training time": "207.5 s"},
    ),
    "Sample Output: last epoch": (
        *("second", "Progress by epoch", {"Epoch": "2"}),
        {"Training loss": "0.1772", "Samples seen": "120000", "Training time": "415.0 s"},
    ),
    "Sample Output: completed in": (
        *("second", "Training time", {"Workers": "1"}),
        {"Total": "415.0 s", "Epochs": "2"},
    ),
}


_EXPECTED = re.compile(r"([+-]?[\d.]+)( ?[^\d]*?)(?: [pd])?")


def agrees(expected: str, value: object) -> bool:
    """Whether a value is what the seed says, to the last digit that it has."""
    if value is None or isinstance(value, str):
        return expected == ("-" if value is None else value) or expected in (value or "")
    number, unit = _EXPECTED.fullmatch(expected).groups()
    factor = readers.SUFFIXES[unit]
    last_digit = 10.0 ** -len(number.partition(".")[2]) * factor
    return abs(float(number) * factor - value) <= 0.51 * last_digit


@pytest.mark.parametrize("name", FOUND)
def test_a_table_of_the_hand_written_reports_is_there_with_computed_numbers(page_of, name):
    page, title, where, cells = FOUND[name]
    found = {head: PLACES[title][head](page_of(page), where) for head in cells}
    assert [x for x, text in cells.items() if not agrees(text, found[x])] == [], found


def test_every_number_that_was_not_measured_says_so(report_on):
    """The hand-written report mixes measured and projected rows; ours has a column for each."""
    numbers = report_on("amdahl, 1 to 4").screens[0].numbers
    for quantity in numbers.quantities:
        for size, cell in zip(numbers.sizes, quantity.cells, strict=True):
            if cell.kind is not None:
                assert (cell.kind == "predicted") is not size.is_measured
    forecast = [i for i, size in enumerate(numbers.sizes) if not size.is_measured]
    assert all(x.cells[i].low is not None for x in numbers.first[:3] for i in forecast)


def test_worker_minutes_are_never_called_efficiency(report_on):
    """40.8 GPU-minutes of 41.16 are 0.9 % less worker-time, not "99 % efficiency"."""
    (row,) = [x for x in report_on("first").screens[0].numbers.quantities if x.key == "worker_time"]
    assert "fficien" not in f"{row.title} {row.note}"


def test_key_findings_are_computed(report_on):
    screen = report_on("first").screens[0]
    assert screen.answer.lead == "Use 2 workers for now: 1.79x as fast as one"
    panels = {x.key: x.title for x in screen.panels}
    assert panels["front"] == "2 workers: 50 % less time for 1 % less money"
    assert panels["accuracy"] == "No difference in accuracy is shown at 2 workers"


def test_from_218_5_s_to_122_4_s_is_44_percent_less_time_and_1_79_times_as_fast():
    found = change(218.5, 122.4)
    assert found.less_frac.value == pytest.approx(0.440, abs=5e-4)
    assert found.ratio.value == pytest.approx(1.785, abs=5e-4)
    assert [EPOCH_S[n] for n in (1, 2)] == pytest.approx([218.53, 122.4])


@pytest.mark.parametrize(("workers", "speedup"), [(2, 1.905), (4, 3.478), (8, 5.926), (16, 9.143)])
def test_amdahls_law_at_95_percent(workers, speedup):
    assert amdahl.speedup(0.05, workers) == pytest.approx(speedup, abs=5e-4)
