"""The parts by name, each in a process of its own with a limit of time."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import ROOT, Aim, Comparison, Measure, say

if TYPE_CHECKING:
    from benchmarks.gpu.lab import Found, Lab

#: Of all parts together; the rest of 8 minutes is for what is around them.
BUDGET_S = 450.0
#: A process is given this to end by itself after its time is over.
_GRACE_S = 15.0
#: Less than this is not enough to start.
_LEAST_S = 20.0
_LOG_LINES = 12
#: What runs a part.
PROGRAM = (sys.executable, "-m", "benchmarks.gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its function as `module:name`, and seconds after which it is stopped."""

    name: str
    target: str
    limit_s: float


PARTS = (
    Part(name="through_ray", target="benchmarks.gpu.through_ray:through_ray", limit_s=100),
    Part(name="target", target="benchmarks.gpu.training:target", limit_s=120),
    Part(name="instruments", target="benchmarks.gpu.speed:instruments", limit_s=60),
    Part(name="paths", target="benchmarks.gpu.speed:paths", limit_s=140),
    Part(name="ceiling", target="benchmarks.gpu.speed:ceiling", limit_s=90),
    Part(name="sharing", target="benchmarks.gpu.training:sharing", limit_s=70),
)


def function_of(part: Part) -> Callable[[Lab], Found]:
    """Return the function of a part."""
    import importlib

    module, _, name = part.target.partition(":")
    function: Callable[[Lab], Found] = getattr(importlib.import_module(module), name)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What all parts found, as far as they came."""

    comparisons: tuple[Comparison, ...]
    measures: tuple[Measure, ...]
    notes: tuple[str, ...]
    num_failed: int


def run_parts(
    names: Sequence[str],
    arguments: Sequence[str],
    budget_s: float = BUDGET_S,
    *,
    patience: float = 1.0,
) -> Answer:
    """Run parts one after the other, as long as there is time.

    Args:
        names: Of PARTS.
        arguments: For each process, beside its part, limit and answer file.
        budget_s: Seconds of all parts together.
        patience: All limits are so many times as long.
    """
    end_s = time.monotonic() + budget_s * patience
    comparisons: list[Comparison] = []
    measures: list[Measure] = []
    notes: list[str] = []
    failed = 0
    for part in (part for part in PARTS if part.name in names):
        limit_s = min(part.limit_s * patience, end_s - time.monotonic())
        if limit_s < min(_LEAST_S, part.limit_s):
            notes.append(f"{part.name}: not measured, the time of the benchmark was over.")
            continue
        say(f"{part.name}: at most {limit_s:.0f} s")
        values, problem = _run(part, arguments, limit_s)
        failed += problem is not None
        notes += [problem] if problem else []
        comparisons += [_comparison(item) for item in values.get("comparisons", ())]
        measures += [_measure(item) for item in values.get("measures", ())]
        notes += values.get("notes", ())
    return Answer(
        comparisons=tuple(comparisons),
        measures=tuple(measures),
        notes=tuple(notes),
        num_failed=failed,
    )


def _run(
    part: Part, arguments: Sequence[str], limit_s: float
) -> tuple[Mapping[str, Any], str | None]:
    """Return what a part answers, and what went wrong."""
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        answer, log = Path(folder) / "answer.json", Path(folder) / "log"
        command = [*PROGRAM, "--part", part.name]
        command += ["--part-answer", str(answer), "--part-limit-s", f"{limit_s - _GRACE_S / 2}"]
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*command, *arguments], cwd=ROOT, stdout=sink, stderr=sink, start_new_session=True
            )
            try:
                code = process.wait(limit_s + _GRACE_S)
            except subprocess.TimeoutExpired:
                _end(process)
                return {}, f"{part.name}: stopped after {limit_s:.0f} s, nothing is known of it."
        if code != 0 or not answer.exists():
            return {}, f"{part.name}: failed. {_tail(log)}"
        values: Mapping[str, Any] = json.loads(answer.read_text())
        return values, None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a part with everything that it has started."""
    import os
    import signal

    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-_LOG_LINES:])


def _aim(values: Mapping[str, Any] | None) -> Aim | None:
    return None if values is None else Aim(**values)


def _comparison(values: Mapping[str, Any]) -> Comparison:
    pairs = tuple((top, bottom) for top, bottom in values["pairs"])
    return Comparison(**{**values, "pairs": pairs, "aim": _aim(values["aim"])})


def _measure(values: Mapping[str, Any]) -> Measure:
    return Measure(**{**values, "aim": _aim(values["aim"])})
