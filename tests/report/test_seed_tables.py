"""Every table of the two hand-written reports that ray_bench replaces, computed and found.

The first compares ResNet-50 on CIFAR-10 with 1 and 2 GPUs, the second is about an MLP on MNIST.
Their measured inputs are planted in a store; what they derived from them by hand, often wrongly,
has to come out of the report. Pages are read back from Markdown, as a reader sees them.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.laws import amdahl
from ray_bench.analysis.times import change
from ray_bench.records import Results
from ray_bench.report.markdown import markdown_report
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


@pytest.fixture(scope="module")
def page_of(report_on):
    """The tables of a page by title."""

    @functools.cache
    def page(name: str) -> dict[str, readers.Read]:
        found = readers.from_markdown(markdown_report(report_on(name)))
        return {table.title: table for table in found}

    return page


#: Table of a seed -> page, title of our table, the row (column: text), and what its cells say.
#: A mark behind a number: p predicted, d derived. Intervals are left out here.
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


def row_of(table: readers.Read, where: dict[str, str]) -> dict[str, str]:
    """The only row with these texts, by heading and without intervals."""
    rows = [dict(zip(table.heads, row, strict=True)) for row in table.rows]
    (found,) = [row for row in rows if where.items() <= row.items()]
    return {head: text.partition(" (")[0] for head, text in found.items()}


@pytest.mark.parametrize("name", FOUND)
def test_a_table_of_the_hand_written_reports_is_there_with_computed_numbers(page_of, name):
    page, title, where, cells = FOUND[name]
    row = row_of(page_of(page)[title], where)
    assert {head: row[head] for head in cells} == cells


def test_every_number_that_was_not_measured_says_so(page_of):
    """The hand-written report mixes measured and projected rows; ours has marks and intervals."""
    for row in page_of("first")["Predictions"].rows:
        assert " p (" in row[2]


def test_worker_minutes_are_never_called_efficiency(report_on):
    """40.8 GPU-minutes of 41.16 are 0.9 % less worker-time, not "99 % efficiency"."""
    (table,) = [t for s in report_on("first").sections for t in s.tables if t.key == "resources"]
    words = [table.title, *table.notes, *(column.title for column in table.columns)]
    assert "fficien" not in " ".join(words)


def test_key_findings_are_computed(report_on):
    (table,) = [t for s in report_on("first").sections for t in s.tables if t.key == "findings"]
    words = " ".join(str(row[1].value) for row in table.rows)
    assert "Speedup: 1.79x" in words
    assert "2.02x (95 % interval 2.02 to 2.02) as fast, which is 50.4 % less time" in words
    assert "rule linear +0.0 pp" in words


def test_from_218_5_s_to_122_4_s_is_44_percent_less_time_and_1_79_times_as_fast():
    found = change(218.5, 122.4)
    assert found.less_frac.value == pytest.approx(0.440, abs=5e-4)
    assert found.ratio.value == pytest.approx(1.785, abs=5e-4)
    assert [EPOCH_S[n] for n in (1, 2)] == pytest.approx([218.53, 122.4])


@pytest.mark.parametrize(("workers", "speedup"), [(2, 1.905), (4, 3.478), (8, 5.926), (16, 9.143)])
def test_amdahls_law_at_95_percent(workers, speedup):
    assert amdahl.speedup(0.05, workers) == pytest.approx(speedup, abs=5e-4)
