"""What the gradient noise scale says of the samples to a target, beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.parity.noise_check import NoiseCheck
from ray_bench.config.metric_target import MetricTarget
from ray_bench.report.cells import estimate
from ray_bench.report.context import rule_words, workers
from ray_bench.report.format import show
from ray_bench.report.target_words import target_words
from ray_bench.stats.estimate import Estimate


def check_words(checks: Sequence[NoiseCheck], target: MetricTarget) -> list[str]:
    """Return a sentence for every world size, those that contradict first."""
    order = {"apart": 0, "overlaps": 1, "within": 2, None: 3}
    goal = target_words(target)
    return [_words(x, goal) for x in sorted(checks, key=lambda x: order[x.verdict])]


def _words(check: NoiseCheck, goal: str) -> str:
    """Return `4 workers with linear, ...: predicted 1.06x; measured 1.8x (1.6 to 2.1): ...`."""
    where = "over training" if check.is_over_training else "as training ended"
    who = f"{workers(check.world_size)} with {rule_words(check.lr_rule)}"
    return (
        f"{who}, samples to {goal} at a batch of {check.batch:g} against {check.base_batch:g}: "
        f"predicted {_x(check.predicted)} by the noise scale {where}; measured "
        f"{_x(check.measured)}: {_verdict(check)}."
    )


def _verdict(check: NoiseCheck) -> str:
    if check.verdict is None:
        return "how sure that is is not known from these seeds"
    if check.verdict == "within":
        end = ", and so is 1x: more seeds would tell" if check.measured.contains(1.0) else ""
        return f"the prediction is within the measured interval{end}"
    if check.verdict == "overlaps":
        return "the intervals overlap, so the two are not shown to differ"
    why = "a rate that is not right at every batch does that"
    if not check.is_over_training and check.measured.value > check.predicted.value:
        why += ", or a noise scale that was smaller before: measure.noise_curve=true would tell"
    return f"the noise scale does not describe this training ({why})"


def _x(value: Estimate) -> str:
    return str(show(estimate(value, "x")))
