"""What limits scaling, in words and in points of the waterfall."""

from __future__ import annotations

from ray_bench.analysis.answer import Limit
from ray_bench.analysis.losses import Bottleneck
from ray_bench.report.context import Context, workers
from ray_bench.report.format import points_lost
from ray_bench.report.remedies import remedy_words, short_name
from ray_bench.report.script_words import is_of_scripts

_UNKNOWN = {
    Bottleneck.NONE: "Nothing is shown to limit scaling at {}: its interval reaches 95 % or more.",
    Bottleneck.UNSEEN: "What limits scaling at {} is unknown: no phase takes longer than ideal.",
    Bottleneck.NO_PHASES: "What limits scaling is unknown: no phases were sampled. Set "
    "measure.phase_steps=20.",
    Bottleneck.NOT_MEASURED: "What limits scaling cannot be told from one world size.",
    Bottleneck.OVERSUBSCRIBED: "What limits scaling cannot be told: workers shared their cores or "
    "GPUs.",
}

_NO_PHASES_OF_A_SCRIPT = (
    "What limits scaling is unknown: no phases were sampled. They are of a script that `--steps` "
    "ends, is not compiled, and has its gradients reduced by DDP."
)


def limit_words(context: Context, limit: Limit) -> str:
    """Return what limits scaling and what to do about it, in two sentences."""
    if limit.loss is None:
        if limit.bottleneck is Bottleneck.NO_PHASES and is_of_scripts(context.results):
            return _NO_PHASES_OF_A_SCRIPT
        return _UNKNOWN[limit.bottleneck].format(workers(limit.world_size or 0))
    return f"{limit_title(limit)}. {remedy_words(context, limit.loss)}"


def limit_title(limit: Limit) -> str:
    """Return the finding alone: `The optimizer costs most: 9.9 points at 4 workers`."""
    if limit.loss is None:
        return "Nothing is shown to limit scaling"
    name = short_name(limit.loss)
    words = f"{name[0].upper()}{name[1:]} costs most"
    if limit.points is None:
        return f"{words} at {workers(limit.world_size or 0)}"
    return f"{words}: {points_lost(limit.points.value)} at {workers(limit.world_size or 0)}"
