"""Made-up sweeps of every kind, and how a test reads the report of one."""

import functools
import io

from rich.console import Console

from ray_bench.records import StopRecord
from ray_bench.report.model import Report, build_report
from ray_bench.report.screens.numbers_table import report_tables
from ray_bench.report.terminal import print_report
from tests.golden.make import golden_report
from tests.synthetic import START, Sync, synthetic


def terminal(report, width=120):
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    print_report(report, console)
    return console.file.getvalue()


def tables(report):
    return {table.key: table for table in report_tables(report)}


def column(report, key, name):
    table = tables(report)[key]
    index = [c.key for c in table.columns].index(name)
    return [row[index] for row in table.rows]


def stop(reason, half_width):
    return StopRecord(
        sweep_id="sweep-1",
        reason=reason,
        num_repeats=8,
        half_width_frac=half_width,
        wanted_half_width_frac=0.01,
        stopped_at_utc=START,
    )


def straggler(size, batch):
    """The backward pass of rank 1 takes half as long again, and the others wait for it."""
    ranks = [{"forward": 0.03 / size, "backward": 0.06 / size} for _ in range(size)]
    behind = 0.03 / size if size > 1 else 0.0
    for rank, seconds in enumerate(ranks):
        seconds["backward"] += behind if rank == 1 else 0.0
        seconds |= {"skew_wait": 0.0 if rank == 1 else behind, "exposed_comm": 0.0}
    return ranks


CASES = {
    "strong": {},
    "weak": {"scaling": "weak"},
    "not_from_one": {"world_sizes": (2, 4)},
    "two_sizes": {"world_sizes": (1, 2)},
    "one_size": {"world_sizes": (1,)},
    "one_run": {"repeats": 1},
    "nothing_within": {"repeats": 1, "with_blocks": False},
    "no_phases": {"with_phases": False},
    "no_accuracy": {"with_accuracy": False},
    "no_price": {"price": None},
    "wrapped": {"ddp_at_one": True},
    "small_batch": {"batch": 24},
    "all_failed": {"failed": lambda n, r: True},
    "some_failed": {"failed": lambda n, r: n == 4, "num_missing": 2},
    "oversubscribed": {"flags": lambda n: ("oversubscribed",) if n > 1 else ()},
    "invalid": {"flags": lambda n: ("clock_mismatch",)},
    "standin": {"flags": lambda n: ("standin_data",)},
    "no_throughput": {"throughput_samples_per_s": None, "with_blocks": False},
    "unknown": {
        "num_train_samples": None,
        "num_val_samples": None,
        "num_epochs": None,
        "train_s": None,
        "peak_memory_bytes": None,
        "grad_bytes": None,
        "device": None,
        "dataset": None,
        "environment_hash": None,
    },
    "retrograde": {"step_s": lambda n, _: 0.1 * n},
    "superlinear": {"step_s": lambda n, _: 0.1 / n**1.2},
    "plateau": {
        "step_s": lambda n, _: {1: 0.1, 2: 0.05, 4: 0.049, 8: 0.0485}[n],
        "noise": 0.002,
        "repeats": 6,
    },
    "drift": {"noise": 0.0, "gap_s": 30.0, "repeats": 5},
    "emulated": {"flags": lambda n: ("emulated",), "workload": "emulated"},
    "ladder": {"ladder": True, "repeats": 8},
    "synchronised": {"sync": Sync(contention_s=0.004)},
    "straggler": {"ranks_s": straggler, "sync": Sync()},
    "clock_back": {"flags": lambda n: ("clock_backwards",) if n == 8 else ()},
    "narrow": {"stop": stop("narrow_enough", 0.008), "repeats": 8},
    "out_of_budget": {"stop": stop("budget", 0.031), "repeats": 4},
    "noise": {
        "scaling": "weak",
        "grad_mean_sq_by_step": (0.36, 0.44, 0.38, 0.42),
        "grad_variance_by_step": (98.0, 102.0, 101.0, 99.0),
    },
    "rules": {"rules": ("none", "linear", "sqrt"), "scaling": "weak", "seeds": (0, 1)},
}


@functools.cache
def report_of(case: str) -> Report:
    """The report of one of the cases, or of the golden store; made once."""
    return golden_report() if case == "golden" else build_report(synthetic(**CASES[case]))
