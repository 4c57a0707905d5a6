"""What a replayed prediction rests on, in sentences: measured, stated and assumed."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.analysis.phases import TOLERANCE_FRAC
from ray_bench.analysis.replay.batch import UNKNOWN_FIXED_FRAC
from ray_bench.analysis.replay.forecast import DOUBLING_SD, MODEL_ERROR_FRAC, Question
from ray_bench.analysis.replay.links import LinkValues, doubtful_latency
from ray_bench.analysis.replay.presets import PRESETS, READ_ON
from ray_bench.analysis.replay.profile import StepProfile
from ray_bench.report.cells import Unit, asked, number
from ray_bench.report.context import workers
from ray_bench.report.format import show

#: A ring of so many is the example for what alpha means.
_EXAMPLE_WORKERS = 8
_ALGORITHMS = {
    "ring": "a ring",
    "tree": "a double binary tree",
    "quicker": "a ring or a tree, whichever is quicker for a bucket",
}


def assumptions(profile: StepProfile, question: Question) -> tuple[tuple[str, str], ...]:
    """Return (what, sentences) for everything that a prediction rests on."""
    return tuple(_all(profile, question))


def _all(profile: StepProfile, question: Question) -> Iterator[tuple[str, str]]:
    yield "Starts from", _base(profile)
    within = "Link within a node" if question.between else "Link"
    yield within, link_words(question.within)
    if question.between is not None:
        yield "Link between nodes", link_words(question.between)
    yield "All-reduce", _algorithm(question)
    yield "Buckets", _buckets(profile)
    yield "Batch", _batch(profile, question)
    yield "Slowest worker", _skew(profile)
    yield "Interval", _interval(question)
    yield "Left out", _left_out(profile)


def _base(profile: StepProfile) -> str:
    kind = " in DDP" if profile.is_ddp and profile.world_size == 1 else ""
    backward = show(number(profile.backward_s, "s"))
    words = (
        f"Measured: {workers(profile.world_size)}{kind}, {profile.local_batch:g} samples per "
        f"worker, backward pass {backward}, before it "
        f"{show(number(profile.before_s, 's'))}, optimizer and rest "
        f"{show(number(profile.fixed_s, 's'))}."
    )
    off = profile.pass_ratio - 1
    if abs(off) <= TOLERANCE_FRAC:
        return words
    return (
        f"{words} A step of the throughput pass takes {show(number(1 + off, 'frac'))} of one of "
        "the phase pass; the phases are scaled to it, and may not hold."
    )


def link_words(link: LinkValues) -> str:
    """Return a link's alpha and beta, and where they come from."""
    values = _values(link)
    if link.origin == "preset":
        preset = PRESETS[link.name]
        return (
            f"Assumed, preset {link.name}: {values}. It takes for granted: {preset.assumes}. "
            f"Source, read {READ_ON}: {preset.source}. It has no interval of its own."
        )
    if link.origin == "stated":
        words = f"Stated: {values}. It has no interval of its own."
        return f"{words} {latency_warning(link)}" if doubtful_latency(link) else words
    how = "all-reduces of" if link.origin == "sweep" else "gradient buckets of"
    words = (
        f"Measured, from {how} {link.name}: {values}; alpha and beta miss a size by up to "
        f"{_shown(link.worst_residual_frac, 'frac')}."
    )
    if link.correction is None:
        return words
    return (
        f"{words} So each buffer takes what was measured for the sizes next to it; alpha and beta "
        "only carry that to other numbers of workers."
    )


def _values(link: LinkValues) -> str:
    """Return alpha and beta, and what they make of a small all-reduce."""
    alpha, beta = link.alpha_s.value, link.beta_s_per_byte.value
    rate = f"{_shown(1e-9 / beta, 'GB/s')} of bus bandwidth" if beta > 0 else "unlimited bandwidth"
    count = link.ring_workers or _EXAMPLE_WORKERS
    hops = 2 * (count - 1)
    return (
        f"alpha {_shown(alpha, 's')} a message, so {_shown(hops * alpha, 's')} for the {hops} of a "
        f"small all-reduce over {workers(count)} in a ring; 1/beta {rate}"
    )


def latency_warning(link: LinkValues) -> str:
    """Return what to do about a latency that no such link has."""
    latency = _shown(link.alpha_s.value, "s")
    return (
        f"{latency} is long for one message over such a link. If it is the time of a small "
        "all-reduce over N workers, as nccl-tests prints, give it as --all-reduce-latency "
        f"{latency.replace(' ', '')}@N."
    )


def _algorithm(question: Question) -> str:
    network = question.network
    words = f"Assumed: {_ALGORITHMS[network.algorithm]}"
    if network.between is None:
        return (
            f"{words} over all workers, which have equal links. With several nodes give "
            "--workers-per-node and the link between them."
        )
    per_node = f"{network.workers_per_node} workers on a node"
    if network.levels == "flat":
        return f"{words} over all workers at the pace of the slowest link (flat); {per_node}."
    return (
        f"{words} between nodes, after a reduce-scatter within each (hierarchical); {per_node}, "
        "which share the node's link."
    )


def _buckets(profile: StepProfile) -> str:
    buckets = profile.buckets
    size = show(asked(buckets.total_bytes, "bytes")).value
    what = f"{len(buckets.num_bytes)} of {size} in all"
    if buckets.measured_at is None:
        return (
            f"Assumed: {what}, as DDP cuts them, ready evenly over the backward pass. "
            "Measure them with ddp.at_world_size_one=true."
        )
    return f"Measured at {workers(buckets.measured_at)}: {what}, and when each is ready."


def _batch(profile: StepProfile, question: Question) -> str:
    if question.scaling == "weak":
        return "Weak scaling: every worker keeps its batch, and computes as long as measured."
    line = profile.line
    if line.is_measured:
        batches = ", ".join(f"{x:g}" for x in sorted({point.batch for point in line.points}))
        return (
            f"Strong scaling. Compute a + c b from runs with {batches} samples per worker: a is "
            f"{_shown(line.fixed_s, 's')}."
        )
    return (
        "Strong scaling. Assumed: data, forward, loss and backward shrink in proportion to the "
        f"batch per worker; the interval lets up to {_shown(UNKNOWN_FIXED_FRAC, 'frac')} of them "
        "stay. Measure another batch_size and give it with a second --sweep."
    )


def _skew(profile: StepProfile) -> str:
    if profile.spread is None:
        return "Unknown: fewer than two sampled steps, so waiting for the slowest is left out."
    return (
        f"Measured: a worker's time differs by {_shown(profile.spread.seconds, 's')} from step to "
        "step (standard deviation). Assumed: normal, independent between workers, the same share "
        "of the time at any batch."
    )


def _interval(question: Question) -> str:
    links = [x for x in (question.within, question.between) if x is not None]
    assumed = "" if all(x.is_measured for x in links) else ", but not that of assumed links"
    return (
        "Where one new run would lie (95 %): the noise between measured runs, that of alpha and "
        f"beta{assumed}, and an assumed error of the model of {_shown(MODEL_ERROR_FRAC, 'frac')}, "
        f"with a standard deviation of {_shown(DOUBLING_SD, 'frac')} more for each doubling."
    )


def _left_out(profile: StepProfile) -> str:
    words = (
        "Computation that slows down while gradients are sent, or because workers share cores, "
        "memory or storage; start-up and evaluation."
    )
    if profile.is_ddp:
        return words
    return f"{words} DDP's own time too: measure it with ddp.at_world_size_one=true."


def _shown(value: float | None, unit: Unit) -> str:
    return show(number(value, unit)).value
