"""What limits scaling, and what to do about it: only what is possible in the runs that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ray_bench.analysis.losses import Bottleneck, Loss
from ray_bench.analysis.nodes import nodes_used
from ray_bench.report.cells import number
from ray_bench.report.context import Context
from ray_bench.report.format import show

#: {phase} and {ranks} are those of the loss.
_NAMES = {
    Bottleneck.INPUT: "waiting for data",
    Bottleneck.COMMUNICATION: "transfer not hidden",
    Bottleneck.LATENCY: "the latency of gradient messages",
    Bottleneck.NODE_BOUNDARY: (
        "the boundary between nodes, where efficiency falls with the second node,"
    ),
    Bottleneck.STRAGGLER: "waiting for {ranks}, slow in {phase},",
    Bottleneck.SKEW: "waiting for slow ranks",
    Bottleneck.CONTENTION: "contention with gradients on their way",
    Bottleneck.BATCH_TOO_SMALL: "a small batch per worker",
    Bottleneck.HOST: "what workers share of a host",
    Bottleneck.OPTIMIZER: "the optimizer",
    Bottleneck.OTHER: "time that no phase explains",
}


def short_name(loss: Loss) -> str:
    """Return a cause in a few words."""
    phase = (loss.phase or "a phase").replace("_", " ")
    return _NAMES[loss.kind].format(phase=phase, ranks=_ranks(loss.ranks))


def _ranks(ranks: tuple[int, ...]) -> str:
    return f"rank{'s' * (len(ranks) > 1)} {', '.join(map(str, ranks))}"


def remedy_words(context: Context, loss: Loss) -> str:
    """Return what to do against a loss at the world size of the verdict."""
    return _REMEDIES[loss.kind](loss, _Facts.of(context))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What was set and measured at the world size of the verdict; None is unknown."""

    num_buckets: int | None
    grad_bytes: int | None
    num_threads: int | None
    num_nodes: int | None
    is_reduced: bool  # gradients or all numbers have less than 32 bits already
    is_weak: bool

    @classmethod
    def of(cls, context: Context) -> _Facts:
        study = context.study
        size = study.verdict.judged_at
        sync = None if size is None else study.size(size).sync
        run = study.first if size is None else study.size(size).runs[0]
        environment = context.results.environments.get(run.environment_hash or "")
        return cls(
            num_buckets=None if sync is None else sync.num_buckets,
            grad_bytes=run.grad_bytes,
            num_threads=None if environment is None else environment.omp_num_threads,
            num_nodes=nodes_used(run, context.results.environments),
            is_reduced=run.point.precision != "fp32" or (run.point.compression or "none") != "none",
            is_weak=study.scaling == "weak",
        )

    @property
    def batch(self) -> str:
        """How more computation goes with one synchronisation."""
        return "a larger batch per worker" if self.is_weak else "a larger global batch"

    @property
    def has_buckets(self) -> bool:
        """Whether several buckets were seen, so that their size can be another one."""
        return self.num_buckets is not None and self.num_buckets > 1

    @property
    def one_bucket(self) -> str:
        """That there is a single bucket, where one was seen."""
        if self.num_buckets != 1:
            return ""
        amount = (
            "" if self.grad_bytes is None else f" ({show(number(self.grad_bytes, 'bytes')).value})"
        )
        return (
            f" All gradients{amount} go in one bucket already: what helps is more computation for "
            "each synchronisation."
        )


def _try(*options: str) -> str:
    """Return `Try a, b, or c.` of the options that are not empty."""
    given = [x for x in options if x]
    head, last = given[:-1], given[-1]
    return f"Try {', '.join(head)}{', or ' if len(head) > 1 else ' or ' if head else ''}{last}."


def _communication(_: Loss, facts: _Facts) -> str:
    words = _try(
        facts.batch,
        "" if facts.num_buckets != 1 else "gradients accumulated over several steps",
        "another ddp.bucket_cap_mb" if facts.has_buckets else "",
        "" if facts.is_reduced else "bf16",
        "a faster link between nodes" if (facts.num_nodes or 1) > 1 else "",
    )
    return f"{words}{facts.one_bucket}"


def _boundary(_: Loss, facts: _Facts) -> str:
    words = _try(
        "a faster link between nodes",
        "the right network interface (`ray-bench network` measures it)",
        facts.batch,
        "" if facts.is_reduced else "bf16",
    )
    return f"{words[:-1]}; or stay on one node."


def _latency(_: Loss, facts: _Facts) -> str:
    larger = "a larger ddp.bucket_cap_mb for fewer messages" if facts.has_buckets else ""
    return f"{_try(larger, facts.batch)}{facts.one_bucket}"


def _contention(_: Loss, facts: _Facts) -> str:
    has_threads = facts.num_threads is not None and facts.num_threads > 1
    words = _try(
        "fewer OMP threads, so that a core per worker is left to communication"
        if has_threads
        else "",
        "fewer, larger buckets (ddp.bucket_cap_mb)" if facts.has_buckets else "",
        facts.batch,
        "gradients accumulated over several steps" if facts.num_buckets == 1 else "",
    )
    return f"{words}{facts.one_bucket}"


def _input(loss: Loss, _: _Facts) -> str:
    ranks = f" for {_ranks(loss.ranks)}" if loss.ranks else ""
    return f"Try more loader processes, data in memory, or faster storage{ranks}."


def _said(words: str) -> Callable[[Loss, _Facts], str]:
    return lambda _, __: words


_REMEDIES: dict[Bottleneck, Callable[[Loss, _Facts], str]] = {
    Bottleneck.INPUT: _input,
    Bottleneck.COMMUNICATION: _communication,
    Bottleneck.NODE_BOUNDARY: _boundary,
    Bottleneck.LATENCY: _latency,
    Bottleneck.STRAGGLER: _said(
        "Look for other jobs, lower clocks or slower hardware there, or leave that worker out."
    ),
    Bottleneck.SKEW: _said(
        "Look for other jobs on the hosts and for batches that take unequally long."
    ),
    Bottleneck.CONTENTION: _contention,
    Bottleneck.BATCH_TOO_SMALL: lambda _, facts: (
        f"Try {facts.batch}, and look for cores or memory bandwidth that workers share."
    ),
    Bottleneck.HOST: _said("Look for cores, memory bandwidth or power that the workers share."),
    Bottleneck.OPTIMIZER: lambda _, facts: (
        f"Try {facts.batch}, so that there are fewer steps, or a fused optimizer."
    ),
    Bottleneck.OTHER: lambda _, facts: f"Try {facts.batch}, and profile one step.",
}
