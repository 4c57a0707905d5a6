"""What to know before the answer is believed, from its facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ray_bench.analysis.caveats import CaveatFact, CaveatKind
from ray_bench.report.screen import Caveat, Level

_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six")


def caveats_of(facts: Sequence[CaveatFact], *, of_a_script: bool = False) -> tuple[Caveat, ...]:
    """Return them in words, the worst first; of somebody else's script without our settings."""
    order = list(CaveatKind)
    found = sorted(facts, key=lambda x: order.index(x.kind))
    own = _OF_A_SCRIPT if of_a_script else {}
    return tuple(
        replace(_caveat(x), text=own[x.kind]) if x.kind in own else _caveat(x) for x in found
    )


def _caveat(fact: CaveatFact) -> Caveat:
    level, head, text, fold = _WORDS[fact.kind]
    return Caveat(
        level=level,
        head=head if isinstance(head, str) else head(fact),
        text=text if isinstance(text, str) else text(fact),
        fold=fold,
    )


def _counted(count: int, what: str) -> str:
    shown = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{shown} run {what}." if count == 1 else f"{shown} runs {what}."


def _sizes(fact: CaveatFact) -> str:
    return ", ".join(map(str, fact.world_sizes))


def _left(fact: CaveatFact) -> str:
    """Return what is left, as `4 workers rest on 2 runs, not 3`."""
    parts = [
        f"{n} worker{'s' * (n != 1)} rest{'s' * (n == 1)} on {left} run{'s' * (left != 1)}, "
        f"not {of}"
        for n, left, of in zip(fact.world_sizes, fact.left, fact.wanted, strict=False)
    ]
    return f"{'; '.join(parts)}." if parts else f"With {_sizes(fact)} workers."


Words = str | Callable[[CaveatFact], str]

_WORDS: dict[CaveatKind, tuple[Level, Words, Words, str | None]] = {
    CaveatKind.EMULATED: (
        "bad",
        "Emulated accelerators.",
        "They sleep: these are not the times of hardware.",
        "machine",
    ),
    CaveatKind.OVERSUBSCRIBED: (
        "bad",
        lambda x: f"No claim for {_sizes(x)} workers.",
        "More ranks than cores or GPUs.",
        "runs",
    ),
    CaveatKind.FAILED: ("bad", lambda x: _counted(x.num_runs, "failed"), _left, "runs"),
    CaveatKind.DIVERGED: (
        "warn",
        lambda x: _counted(x.num_runs, "diverged"),
        lambda x: f"With {_sizes(x)} workers. That is a result: a lower rate may train.",
        "runs",
    ),
    CaveatKind.STOPPED: (
        "note",
        lambda x: _counted(x.num_runs, "stopped"),
        lambda x: f"With {_sizes(x)} workers, as the sweep asks for runs without hope.",
        "runs",
    ),
    CaveatKind.INVALID: (
        "warn",
        lambda x: _counted(x.num_runs, "left out"),
        "A clock, a stall or a wrong place makes them invalid.",
        "runs",
    ),
    CaveatKind.MISSING: (
        "warn",
        lambda x: _counted(x.num_runs, "missing"),
        "The sweep was interrupted; --resume makes what is missing.",
        "runs",
    ),
    CaveatKind.UNSTEADY: (
        "warn",
        lambda x: f"Equal runs differ by {100 * (x.spread_frac or 0.0):.0f} %.",
        "In speed (standard deviation), as where other jobs share the machine: measure times again "
        "on a quiet one.",
        "runs",
    ),
    CaveatKind.OTHER_TIME: (
        "warn",
        lambda x: f"Measured at another time: {_sizes(x)} workers.",
        "Than the smallest size (--extend): what changed on the machine in between is part of the "
        "speedup. Samples and accuracy know no time.",
        "runs",
    ),
    CaveatKind.STANDIN: (
        "warn",
        "Stand-in data.",
        "Accuracies are not those of the data set in the name.",
        "accuracy",
    ),
    CaveatKind.NO_INTERVAL: (
        "warn",
        "No interval.",
        "Too few runs and timed blocks: repeats=3 gives one.",
        "method",
    ),
    CaveatKind.ONE_RUN: (
        "warn",
        "One run a size.",
        "Intervals hold the noise within a run, not that between runs. Use repeats=3.",
        "method",
    ),
    CaveatKind.WARM_UP: (
        "warn",
        "Warm-up is included.",
        "Some runs were too short to leave it out of their speed.",
        "runs",
    ),
    CaveatKind.START_UP: (
        "warn",
        "Start-up eats the gain.",
        "With it, a run as short as these is not shown to be faster.",
        "numbers",
    ),
    CaveatKind.MISFIT: (
        "warn",
        "The law fits badly.",
        "It does not describe the measurements within their noise: trust no forecast far away.",
        "forecast",
    ),
    CaveatKind.ONE_SEED: (
        "warn",
        "One seed.",
        "Accuracy may vary more than is shown. Use seeds=[0,1,2].",
        "accuracy",
    ),
    CaveatKind.INTERLEAVED: (
        "note",
        "Speed only.",
        "All sizes took turns in one group of workers: no accuracy, start-up paid once.",
        "method",
    ),
    CaveatKind.NO_ACCURACY: (
        "note",
        "No accuracy measured.",
        "Whether more workers cost accuracy is not known.",
        "accuracy",
    ),
    CaveatKind.NO_PRICE: (
        "note",
        "No price given.",
        "Money is worker-time here; --price 1.5 turns it into a cost.",
        "numbers",
    ),
    CaveatKind.ONE_MACHINE: (
        "note",
        "One machine.",
        "The forecast knows no link between nodes.",
        "forecast",
    ),
}

_OF_A_SCRIPT: dict[CaveatKind, str] = {
    CaveatKind.INVALID: "Samples that nothing counted, ranks that train alone, a clock or a stall "
    "makes them invalid.",
    CaveatKind.NO_INTERVAL: "Too few runs and timed blocks: run every size three times.",
    CaveatKind.ONE_RUN: "Intervals hold the noise within a run, not that between runs. Run every "
    "size three times.",
}
