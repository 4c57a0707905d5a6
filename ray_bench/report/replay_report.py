"""A replayed prediction as a report, and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ray_bench.analysis.memory import MemoryLine
from ray_bench.analysis.replay.forecast import PredictedStep, Question
from ray_bench.analysis.replay.links import LinkValues, doubtful_latency
from ray_bench.analysis.replay.presets import PRESETS, READ_ON, Preset
from ray_bench.analysis.replay.profile import StepProfile
from ray_bench.analysis.scaling import LOW_EFFICIENCY_FRAC
from ray_bench.records import FLAGS, RunRecord
from ray_bench.report.cells import Cell, Section, Table, asked, estimate, number, table, text
from ray_bench.report.context import workers
from ray_bench.report.flags import Flag
from ray_bench.report.format import show
from ray_bench.report.model import Report
from ray_bench.report.replay_words import assumptions, latency_warning
from ray_bench.report.sections.memory import line_words
from ray_bench.stats.estimate import Estimate

#: Rises when a key changes its meaning or goes away.
FORMAT_VERSION = 1
LEGEND = (
    "p: predicted by replaying DDP's bucket schedule, nothing there was measured. No mark: "
    "measured, or asked for. Numbers after a value: its 95 % interval. -: unknown or not "
    "applicable."
)


def replay_report(
    sweep_id: str,
    runs: Sequence[RunRecord],
    profile: StepProfile,
    question: Question,
    rows: Sequence[PredictedStep],
    memory: MemoryLine | None = None,
) -> Report:
    """Return what a person reads about a prediction.

    Args:
        sweep_id: The sweep that it starts from.
        runs: Its runs that the prediction starts from, and is compared with.
        profile: What was measured.
        question: The network, and which batch is fixed.
        rows: The prediction, at least one world size.
        memory: Peak memory of a worker against its batch, where that was measured.
    """
    section = Section(
        "prediction",
        "Prediction",
        tables=(
            _steps(profile, rows, memory),
            _check(question, rows),
            _rests_on(profile, question),
        ),
    )
    return Report(
        title=f"Prediction: {runs[0].point.workload}, {question.scaling} scaling",
        sweep_id=sweep_id,
        answer=_answer(rows),
        flags=(*_flags(runs), *_latency_flags(question)),
        sections=(section,),
        legend=LEGEND,
    )


def _flags(runs: Sequence[RunRecord]) -> tuple[Flag, ...]:
    counts = Counter(key for run in runs for key in run.flags)
    return tuple(Flag(key, f"{FLAGS.get(key, key)}.", n) for key, n in counts.items())


def _latency_flags(question: Question) -> tuple[Flag, ...]:
    links = (x for x in (question.within, question.between) if x is not None)
    return tuple(Flag("latency", latency_warning(x)) for x in links if doubtful_latency(x))


def _answer(rows: Sequence[PredictedStep]) -> str:
    last = rows[-1]
    rate = show(estimate(last.throughput, "samples/s", "predicted"))
    share = show(estimate(last.efficiency_frac, "frac", "predicted"))
    words = (
        f"Predicted, not measured: {workers(last.world_size)} give {rate} samples/s at an "
        f"efficiency of {share}."
    )
    below = [x for x in rows if x.efficiency_frac.value < LOW_EFFICIENCY_FRAC]
    if below:
        words += f" From {workers(below[0].world_size)} on the efficiency is below 50 %."
    errors = [abs(x.error_frac) for x in rows if x.error_frac is not None]
    if errors:
        mean = show(number(sum(errors) / len(errors), "frac"))
        words += (
            f" Where it was measured too ({len(errors)} world size{'s' * (len(errors) > 1)}), the "
            f"step time is {mean} off on average."
        )
    return words


def _steps(profile: StepProfile, rows: Sequence[PredictedStep], memory: MemoryLine | None) -> Table:
    columns = {
        "world_size": "Workers",
        "nodes": "Nodes",
        "batch": "Batch per worker",
        "step": "Step",
        "throughput": "Samples/s",
        "speedup": "Speedup",
        "efficiency": "Efficiency",
        "sync": "All-reduces",
        "exposed": "Exposed",
        "skew": "Waiting for the slowest",
        "hiding": "Bandwidth to hide it",
        "memory": "Peak memory",
    }
    cells = [(*_step_row(x, has_nodes=rows[-1].num_nodes > 1), _memory(x, memory)) for x in rows]
    base = workers(profile.world_size)
    plain = " without DDP" if profile.world_size == 1 else ""
    notes = [
        f"Speedup and efficiency are against {base} as measured{plain}. All-reduces: seconds a "
        "step on the link; exposed: what the backward pass does not hide of them. Bandwidth to "
        "hide it: of a ring that reduces all buckets but the last in time, latency left out.",
    ]
    odd = [str(x.world_size) for x in rows if x.local_batch != int(x.local_batch)]
    if odd:
        notes.append(f"The global batch cannot be divided evenly among {', '.join(odd)} workers.")
    if memory is not None:
        notes.append(f"Peak memory is that of a worker. {line_words(memory)}")
    optional = ("nodes", "memory")
    return table("predicted_steps", "Predicted curve", columns, cells, notes, optional=optional)


def _memory(x: PredictedStep, memory: MemoryLine | None) -> Cell:
    found = None if memory is None else memory.at(math.ceil(x.local_batch))
    return estimate(found, "bytes", "predicted")


def _step_row(x: PredictedStep, *, has_nodes: bool) -> tuple[Cell, ...]:
    hiding = None if x.hiding_bytes_per_s is None else x.hiding_bytes_per_s * 1e-9
    return (
        asked(x.world_size),
        asked(x.num_nodes if has_nodes else None),
        asked(x.local_batch),
        estimate(x.step_s, "s", "predicted"),
        estimate(x.throughput, "samples/s", "predicted"),
        estimate(x.speedup, "x", "predicted"),
        estimate(x.efficiency_frac, "frac", "predicted"),
        estimate(x.sync_s, "s", "predicted"),
        estimate(x.exposed_s, "s", "predicted"),
        number(x.skew_s, "s", "predicted"),
        number(hiding, "GB/s", "predicted"),
    )


def _check(question: Question, rows: Sequence[PredictedStep]) -> Table:
    columns = {
        "world_size": "Workers",
        "predicted": "Predicted step",
        "measured": "Measured step",
        "error": "Error",
    }
    cells = [
        (
            asked(x.world_size),
            estimate(x.step_s, "s", "predicted"),
            estimate(x.measured_step_s, "s"),
            number(x.error_frac, "frac", "predicted"),
        )
        for x in rows
        if x.measured_step_s is not None
    ]
    notes = [
        "Error: predicted / measured - 1. The measured step times were not used for the prediction."
        if cells
        else "No other world size was measured with this batch, so nothing checks the prediction."
    ]
    if cells and question.within.origin == "buckets":
        notes.append("The link was: it comes from the buckets of the same runs.")
    return table("check", "Against what was measured", columns, cells, notes, is_drawn=bool(cells))


def _rests_on(profile: StepProfile, question: Question) -> Table:
    rows = [(text(what), text(words)) for what, words in assumptions(profile, question)]
    columns = {"what": "", "words": "Measured, stated or assumed"}
    return table("assumptions", "What the prediction rests on", columns, rows)


def presets_report() -> Report:
    """Return the links that `--preset` knows, as a report."""
    columns = {
        "name": "Preset",
        "title": "Link",
        "bandwidth": "Bandwidth",
        "alpha": "Latency",
        "assumes": "Assumes",
        "source": "Source",
    }
    rows = [_preset_row(preset) for preset in PRESETS.values()]
    notes = (
        "Bandwidth: what gets through in one direction; of a network adapter, for all workers of "
        "its node together. Latency: of one message (alpha).",
    )
    drawn = table("presets", f"Links, read {READ_ON}", columns, rows, notes)
    return Report(
        title="Links for predictions",
        sweep_id="",
        answer="Assumed links with their sources; a link that you measured is better.",
        flags=(),
        sections=(Section("presets", "Presets", tables=(drawn,)),),
        legend="GB = 10^9 bytes. Give one with --preset or --inter-preset.",
    )


def _preset_row(preset: Preset) -> tuple[Cell, ...]:
    return (
        text(preset.name),
        text(preset.title),
        asked(preset.bytes_per_s * 1e-9, "GB/s"),
        asked(preset.alpha_s, "s"),
        text(preset.assumes),
        text(preset.source),
    )


def replay_json(
    sweep_id: str,
    profile: StepProfile,
    question: Question,
    rows: Sequence[PredictedStep],
    memory: MemoryLine | None = None,
) -> str:
    """Return the prediction as JSON text: full precision, no NaN, unknown is null."""
    document = {
        "format_version": FORMAT_VERSION,
        "kind": "predicted",
        "sweep_id": sweep_id,
        "scaling": question.scaling,
        "level": 0.95,
        "base": {
            "world_size": profile.world_size,
            "is_ddp": profile.is_ddp,
            "global_batch_size": profile.global_batch,
            "before_s": profile.before_s,
            "backward_s": profile.backward_s,
            "fixed_s": profile.fixed_s,
            "spread_s": None if profile.spread is None else profile.spread.seconds,
            "bucket_bytes": profile.buckets.num_bytes.tolist(),
            "bucket_ready_frac": profile.buckets.ready_frac.tolist(),
            "buckets_measured_at": profile.buckets.measured_at,
        },
        "network": {
            "algorithm": question.network.algorithm,
            "levels": question.network.levels if question.between else None,
            "workers_per_node": question.network.workers_per_node,
            "within": _link(question.within),
            "between": None if question.between is None else _link(question.between),
        },
        "warnings": [flag.text for flag in _latency_flags(question)],
        "predictions": [_prediction(x, memory) for x in rows],
        "assumptions": dict(assumptions(profile, question)),
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)


def _link(link: LinkValues) -> dict[str, Any]:
    return {
        "origin": link.origin,
        "name": link.name or None,
        "is_measured": link.is_measured,
        "alpha_s": _number(link.alpha_s),
        "beta_s_per_byte": _number(link.beta_s_per_byte),
    }


def _prediction(row: PredictedStep, memory: MemoryLine | None) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    plain = {k: _number(v) if isinstance(v, Estimate) else v for k, v in values.items()}
    peak = None if memory is None else memory.at(math.ceil(row.local_batch))
    return {
        **plain,
        "kind": "predicted",
        "error_frac": row.error_frac,
        "peak_memory_bytes": None if peak is None else _number(peak),
    }


def _number(value: Estimate) -> dict[str, float | None]:
    return {"value": value.value, "low": value.low, "high": value.high}
