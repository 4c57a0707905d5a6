"""Sweeps whose accuracy is planted: by world size, rule and seed, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ray_bench.records import Results
from tests.synthetic import synthetic

#: Epochs that a curve needs for 63 % of its way, by world size, rule and seed.
Pace = Callable[[int, str, int], float]
#: Final accuracy; None: the run diverged.
Final = Callable[[int, str, int], float | None]

EPOCHS = 40
NUM_SAMPLES = 50_000


def learned(
    final: Final,
    pace: Pace = lambda size, rule, seed: 5.0,
    *,
    sizes: Sequence[int] = (1, 2, 4),
    rules: Sequence[str] = ("linear",),
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    epochs: int = EPOCHS,
    every: int = 1,
    **changes: object,
) -> Results:
    """Return a sweep whose accuracy follows final x (1 - exp(-epoch / pace)) / its last value."""
    values: dict[str, object] = {
        "repeats": 1,
        "with_phases": False,
        "with_blocks": False,
        **changes,
    }
    made = synthetic(sizes, rules=rules, seeds=seeds, epochs=epochs, **values)  # type: ignore[arg-type]
    runs, curves = [], []
    for run in made.runs:
        cell = run.point.world_size, run.point.lr_rule, run.point.seed
        end = final(*cell)
        if end is None:
            gone = {"device": None, "dataset": None, "final_val_accuracy_frac": None}
            runs.append(replace(run, status="diverged", environment_hash=None, **gone))
            continue
        number = np.arange(1, epochs + 1)
        ramp = 1 - np.exp(-number / pace(*cell))
        accuracy = np.where(number % every == 0, end * ramp / ramp[-1], np.nan)
        runs.append(replace(run, final_val_accuracy_frac=end, best_val_accuracy_frac=float(end)))
        curves.append(
            {
                "run_id": np.full(epochs, run.run_id, dtype=object),
                "epoch": number,
                "num_samples": np.full(epochs, NUM_SAMPLES),
                "train_s": np.full(epochs, (run.train_s or 0.0) / epochs),
                "eval_s": np.where(number % every == 0, 2.0, np.nan),
                "val_loss": 2.0 - accuracy,
                "val_accuracy_frac": accuracy,
            }
        )
    columns = {k: np.concatenate([c[k] for c in curves]) for k in curves[0]} if curves else {}
    return replace(made, runs=tuple(runs), epochs=columns)


def noisy(spread: float, seed: int = 2) -> Callable[[int, str, int], float]:
    """Return a fixed normal number of every world size, rule and seed, whoever asks first."""

    def noise(size: int, rule: str, number: int) -> float:
        rng = np.random.default_rng([seed, size, number, *rule.encode()])
        return spread * float(rng.standard_normal())

    return noise
