"""transformers' `trainer_state.json`: the speed that `Trainer` writes when training has ended.

`speed_metrics` (transformers/trainer_utils.py) divides by `train_runtime`, the seconds of the whole
call of `train`: start-up, evaluations and checkpoints are in it. What it divides is counted in
`Trainer`: the samples of all workers, so that `train_samples_per_second` is a total. Before
transformers 5 both counts are those of the whole schedule (`max_steps`), whatever this call has
run: after a resume or an early stop the speeds are too high. So the steps that were really made are
compared with those that the speed stands for. `train_batch_size` is that of a process. Tokens per
second were those of one device in some versions and of all in others, and are not read. The world
size is nowhere in the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray_bench.errors import CorruptDataError, DataError
from ray_bench.reading.logs.run import Run, known, ratio, sentence

NAME = "transformers' trainer_state.json"
WORDS = (b'"log_history"',)
MAX_BYTES = 256 * 2**20
#: Steps made and steps that the speed stands for may differ by so much, and by half a step.
_AGREE_FRAC = 0.02


def read_state(file: Path) -> list[Run]:
    """Return a run for every speed that is in the history.

    Raises:
        CorruptDataError: The file is no JSON, or has no history.
        DataError: It is too large, or training had not ended.
    """
    if file.stat().st_size > MAX_BYTES:
        raise DataError(
            f"{file.name} has more than {MAX_BYTES // 2**20} MiB; keep only log_history, "
            "train_batch_size, global_step and max_steps in it."
        )
    try:
        state = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as err:
        reason = str(err).rstrip(".")
        raise CorruptDataError(f"{file.name} is not JSON: {reason}. Write it again.") from None
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list):
        raise CorruptDataError(f"{file.name}: log_history has to be a list of objects.")
    entries = [x for x in history if isinstance(x, dict) and _speed(x) is not None]
    if not entries:
        raise DataError(
            f"{file.name} has no train_samples_per_second: Trainer writes it when training has "
            "ended. Give the file of the last checkpoint, or all_results.json as a table."
        )
    return [_run(entry, state, file.name) for entry in entries]


def _speed(entry: Mapping[str, Any]) -> float | None:
    return _positive(entry, "train_samples_per_second")


def _run(entry: Mapping[str, Any], state: Mapping[str, Any], name: str) -> Run:
    rate, steps_per_s = _speed(entry), _positive(entry, "train_steps_per_second")
    runtime_s, made = _positive(entry, "train_runtime"), _positive(entry, "step")
    assert rate is not None
    counted = steps_per_s * runtime_s if steps_per_s and runtime_s else None
    doubt = None
    if made and counted and abs(counted - made) > max(0.5, _AGREE_FRAC * made):
        doubt = (
            f"it stands for {counted:.0f} steps in {runtime_s:g} s, and the file tells of step "
            f"{made:g}: a resumed or stopped run is counted whole before transformers 5, so the "
            "real speed may be another"
        )
    batch = _samples_of_a_step(rate, steps_per_s, state)
    return known(
        samples_per_s=rate,
        step_time_s=ratio(batch, rate) or ratio(1, steps_per_s),  # fewer decimals were cut there
        local_batch_size=_batch(state),
        global_batch_size=batch,
        framework="transformers",
        source=f"{name}, log_history, step {made:g}" if made else f"{name}, log_history",
        note=sentence(
            "mean over the whole training, with start-up, evaluations and checkpoints", doubt
        ),
    )


def _batch(state: Mapping[str, Any]) -> int | None:
    size = _positive(state, "train_batch_size")
    return int(size) if size and size == int(size) else None


def _samples_of_a_step(
    rate: float, steps_per_s: float | None, state: Mapping[str, Any]
) -> int | None:
    """Return the global batch, where three decimals leave one multiple of a worker's."""
    batch = _batch(state)
    if steps_per_s is None or batch is None:
        return None
    error = rate / steps_per_s * (0.0005 / rate + 0.0005 / steps_per_s)
    near = round(rate / steps_per_s / batch) * batch
    is_near = abs(rate / steps_per_s - near) <= max(error, 0.02 * near)
    return near if near and is_near and error < batch / 2 else None


def _positive(values: Mapping[str, Any], key: str) -> float | None:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < float("inf") else None
