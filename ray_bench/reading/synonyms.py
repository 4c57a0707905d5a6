"""What the name of a column means: the words that people use, and the unit behind them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ray_bench.reading.vocabulary import (
    COUNT_WORDS,
    COUNTED,
    EPOCHS,
    EXTREMES,
    LABELS,
    NODES,
    NOT_MEASURED,
    PHASES,
    PLAIN,
    RATES,
    SECONDS,
    SHORT_RATES,
    SIZES,
    STEPS,
    TOTALS,
    WORKERS,
)

Role = Literal[
    "world_size",
    "num_nodes",
    "workers_per_node",
    "rate",
    "step_rate",
    "sample_time",
    "step_time",
    "epoch_time",
    "total_time",
    "time",
    "speedup",
    "efficiency",
    "local_batch_size",
    "global_batch_size",
    "batch_size",
    "accumulate_steps",
    "unit",
    "scaling",
    "rank",
    "amount",
    "measured",
]
Per = Literal["total", "worker", "node"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column or a unit says."""

    role: Role
    unit: str | None = None  # what is counted: "images", "tokens"
    seconds: float | None = None  # of one unit of time; None where the name does not tell it
    per: Per | None = None  # of which the rate is; None where the name does not tell it
    is_sure: bool = True  # False: the name means other things as well


_SHORT_BATCHES: dict[str, Role] = {
    "gbs": "global_batch_size",
    "mbs": "local_batch_size",
    "bs": "batch_size",
}
_SYMBOLS = {"t": Meaning("time"), "s": Meaning("speedup"), "e": Meaning("efficiency")}


def words_of(name: str) -> list[str]:
    """Return the words of a header in lower case: `imgPerSec/GPU` -> img per sec per gpu."""
    name = name.rsplit(".", 1)[-1] if re.fullmatch(r"\w+(\.\w+)+", name) else name
    text = re.sub(r"(?<=[a-z])(?=[A-Z])(?!PUs?\b)", " ", name)
    text = re.sub(r"(?i)speed[\s_-]*up", " speedup ", text.lower())
    text = re.sub(r"\s*/\s*|\bpro\b", " per ", text.replace("#", " num "))
    text = re.sub(r"\bworldsize\b", "world size", text)
    return re.findall(r"%|[^\W_]+", text)


def meaning_of(name: str) -> Meaning | None:
    """Return what a header means, None where nothing tells."""
    symbol = re.fullmatch(r"(?i)([tse])\s*[(_]\s*[pn]\s*\)?\s*(?:[\[(](\w+)[\])])?", name.strip())
    if symbol is not None:  # T(p), S(p), E(p), as books write them
        return replace(_SYMBOLS[symbol[1].lower()], seconds=SECONDS.get(symbol[2] or ""))
    found = _meaning(words_of(name))
    if found is None and "." in name:  # batch.per_gpu: a group of nested JSON tells the rest
        return _meaning(words_of(name.replace(".", " ")))
    return found


def _meaning(words: Sequence[str]) -> Meaning | None:
    if not words:
        return None
    words = [x for i, x in enumerate(words) if x not in PLAIN or len(words) == 1] or words
    for rule in _RULES:
        found = rule(words)
        if found is not None:
            return found
    return None


def _unit(words: Sequence[str]) -> Meaning | None:
    return Meaning("unit") if words in (["unit"], ["units"], ["einheit"]) else None


def _scaling(words: Sequence[str]) -> Meaning | None:
    is_mode = words[:1] == ["scaling"] and set(words[1:]) <= {"mode", "type", "kind", "regime"}
    return Meaning("scaling") if is_mode else None


def _batch(words: Sequence[str]) -> Meaning | None:
    found = set(words)
    if found & {"gbs", "mbs", "bs"} and len(words) == 1:
        return Meaning(_SHORT_BATCHES[words[0]])
    if found & {"accum", "accumulate", "accumulation", "gas"} or "accumulation" in "".join(words):
        return Meaning("accumulate_steps")
    if not found & {"batch", "batchsize", "minibatch", "bs"} or found & SECONDS.keys() - {"min"}:
        return None
    if found & {"time", "times", "rate", "throughput", "latency", "duration", "num", "count"}:
        return None
    if found & (TOTALS | {"effective"}):
        return Meaning("global_batch_size")
    if found & (WORKERS | {"local", "micro", "pergpu"}):
        return Meaning("local_batch_size")
    if found & {"size", "batchsize", "bs"} or words in (["batch"], ["minibatch"]):
        return Meaning("batch_size")
    return None


def _relative(words: Sequence[str]) -> Meaning | None:
    if {"speedup", "acceleration", "beschleunigung"} & set(words):
        return Meaning("speedup")
    is_energy = {"energy", "cost", "memory", "sample", "data"} & set(words)
    if {"efficiency", "effizienz", "eff"} & set(words) and not is_energy:
        return Meaning("efficiency")
    return None


def _not_measured(words: Sequence[str]) -> Meaning | None:
    if len(words) > 1 and (words[0] in EXTREMES or words[-1] in EXTREMES - {"min"}):
        return Meaning("measured")
    is_smallest = words[-1] == "min" and "per" not in words[-2:-1]  # img/s min, not img/min
    if is_smallest and (set(words[:-1]) & SECONDS.keys() or words[0] in RATES):
        return Meaning("measured")
    if set(words) & NOT_MEASURED or words[:2] in (["learning", "rate"], ["weight", "decay"]):
        return Meaning("measured")
    return None


def _rate(words: Sequence[str]) -> Meaning | None:
    """Return a count in a time: `images per s per gpu`, `tokens per gpu per s`."""
    if words[:1] in (["time"], ["zeit"]) or (words[0] in SECONDS and "per" in words):
        return None
    for short, counted_as in SHORT_RATES.items():
        if short in words:
            return Meaning("rate", counted_as, 1.0, "worker" if short == "tgs" else _per(words))
    counted = [i for i, x in enumerate(words) if x in COUNTED or x in STEPS]
    times = [i for i, x in enumerate(words) if x in SECONDS and i > 0]
    if counted and times and counted[0] < times[-1]:
        return _counted_rate(words, counted, times[-1])
    if set(words) & RATES and "time" not in words:
        is_sure = bool(set(words) & {"throughput", "durchsatz"}) or words == ["speed"]
        unit = next((COUNTED[x] for x in words if x in COUNTED), None)
        if set(words) & STEPS:
            return Meaning("step_rate", None, 1.0, None, is_sure)
        return Meaning("rate", unit, 1.0 if "s" in words[1:] else None, _per(words), is_sure)
    return None


def _counted_rate(words: Sequence[str], counted: list[int], time: int) -> Meaning | None:
    between = words[counted[-1] + 1 : time]
    is_rate = "per" in between or not between
    if not is_rate or "time" in words or (not between and "per" not in words and _is_span(words)):
        return None
    counted_word, seconds = words[counted[0]], SECONDS[words[time]]
    if counted_word in STEPS and len(counted) == 1:
        return Meaning("step_rate", None, seconds)
    unit = next((COUNTED[words[i]] for i in counted if words[i] in COUNTED), None)
    return Meaning("rate", unit, seconds, _per(words))


def _is_span(words: Sequence[str]) -> bool:
    """Whether `step s` is a time and not a rate: without `per`, steps and epochs last seconds."""
    return bool(set(words) & (STEPS | EPOCHS)) and not set(words) & RATES


def _per(words: Sequence[str]) -> Per | None:
    after = {b for a, b in itertools.pairwise(words) if a in ("per", "each")}
    if after & WORKERS or {"pergpu", "perworker"} & set(words):
        return "worker"
    if after & NODES:
        return "node"
    return "total" if set(words) & TOTALS else None


def _time(words: Sequence[str]) -> Meaning | None:
    """Return a span of time: of a step, an epoch, the whole job, or of what is not told."""
    seconds = next((SECONDS[x] for x in reversed(words) if x in SECONDS), None)
    found = set(words)
    names = {"time", "times", "duration", "latency", "zeit", "elapsed", "runtime", "walltime"}
    names |= {"result", "results"} if seconds is not None else set()
    is_named = bool(found & (names | {"wallclock", "makespan", "wall", "trainingszeit", "dauer"}))
    if not is_named and seconds is None:
        return None
    if found & PHASES:
        return Meaning("measured") if is_named or seconds is not None else None
    if found & EPOCHS:
        return Meaning("epoch_time", None, seconds)
    if found & STEPS:
        return Meaning("step_time", None, seconds)
    if found & COUNTED.keys() and "per" in found:
        unit = next(COUNTED[x] for x in words if x in COUNTED)
        return Meaning("sample_time", unit, seconds, _per(words))
    if found & {"total", "train", "training", "job", "runtime", "wall", "walltime", "makespan"}:
        return Meaning("total_time", None, seconds)
    if is_named or (len(words) == 1 and words[0] not in ("h", "min", "s", "day", "days")):
        return Meaning("time", None, seconds)
    return None


def _size(words: Sequence[str]) -> Meaning | None:
    if words in (["world", "size"], ["data", "parallel", "size"], ["size", "world"]):
        return Meaning("world_size")
    if words[-2:] == ["per", "node"] or words[-2:] == ["per", "host"]:
        return Meaning("workers_per_node") if set(words) & (SIZES | WORKERS) else None
    if words[:1] == ["local"] and words[1:] == ["world", "size"]:
        return Meaning("workers_per_node")
    if words in (["rank"], ["local", "rank"], ["global", "rank"]):
        return Meaning("rank")
    left = [x for x in words if x not in COUNT_WORDS] or words[-1:]
    if len(left) == 1 and left[0] in SIZES:
        is_loader = words == ["num", "workers"] or words == ["n", "workers"]
        return Meaning("world_size", is_sure=not is_loader)
    if len(left) == 1 and left[0] in ("cores", "core", "cpus", "threads"):
        return Meaning("world_size", is_sure=False)
    if len(left) == 1 and left[0] in NODES | {"nnodes"}:
        return Meaning("num_nodes")
    return None


def _label(words: Sequence[str]) -> Meaning | None:
    if words[0] in LABELS and (len(words) == 1 or words[-1] in ("id", "number", "index", "name")):
        return Meaning("measured")
    if words[-1] in ("id", "uuid", "timestamp", "seed") or words == ["time", "stamp"]:
        return Meaning("measured")
    left = [x for x in words if x not in COUNT_WORDS and x not in ("warmup", "bench", "max")]
    if len(left) == 1 and left[0] in EPOCHS | STEPS and words != ["batch"]:
        return Meaning("amount")
    return None


_RULES: tuple[Callable[[Sequence[str]], Meaning | None], ...] = (
    _unit,
    _scaling,
    _label,
    _batch,
    _relative,
    _not_measured,
    _size,
    _rate,
    _time,
)
