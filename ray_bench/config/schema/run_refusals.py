"""What cannot be asked of how runs are made: their length, place, order, evaluation and end."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.config.schema.unchecked import UncheckedSweep
from ray_bench.config.settings import SETTINGS


def of_runs(config: UncheckedSweep) -> Iterator[str]:
    """Yield what is wrong with how runs are to be made."""
    if config.epochs is not None and config.steps is not None:
        yield "give `epochs` or `steps`, not both"
    yield from _places(config)
    if config.launch.gpu_type is not None and config.use_gpu is False:
        yield "`launch.gpu_type` asks for GPUs and `use_gpu=false` for none"
    yield from _ladder(config)
    yield from _evaluation(config)
    yield from _shared_workers(config)
    yield from _stop(config)
    yield from _compiled_caps(config)


def _places(config: UncheckedSweep) -> Iterator[str]:
    given = [k for k in ("placements", "workers_per_node") if getattr(config, k) is not None]
    given += ["launch.placement"] if given and config.launch.placement != "PACK" else []
    if len(given) > 1:
        yield f"`{given[0]}` and `{given[1]}` both say where workers are; give one of them"
    if given and config.interleaved:
        yield (
            f"`interleaved` keeps all world sizes in one group of workers, which stays where "
            f"it is; leave out `{given[0]}` or `interleaved`"
        )
    found = config.asked_places.complaint(config.world_sizes)
    if found is not None:
        yield found


def _ladder(config: UncheckedSweep) -> Iterator[str]:
    if config.interleaved and len(config.lr_rules) * len(config.seeds) > 1:
        yield (
            "`interleaved` measures speed, which neither `lr_rules` nor `seeds` change; give "
            "one of each"
        )
    if config.interleaved and set(config.compile) - {"none"}:
        yield (
            "`interleaved` keeps all world sizes in one process, where torch.compile would use "
            "the code of one for another; leave one of the two out"
        )


def _evaluation(config: UncheckedSweep) -> Iterator[str]:
    asked = config.evaluation
    within = asked.every_samples is not None
    if config.interleaved and (asked.max_samples is not None or bool(asked.every) or within):
        yield (
            "`interleaved` measures speed and evaluates nothing; leave `evaluation` or "
            "`interleaved` out"
        )
    stop = config.stop
    hopes = stop.hopeless or stop.hopeless_epochs is not None
    if hopes and config.evaluated_every == 0 and not within:
        yield (
            "runs without hope are found at evaluations, and none are made; set evaluation.every=1 "
            "or evaluation.every_samples, or leave out stop.hopeless_..."
        )
    if hopes and config.interleaved:
        yield "`interleaved` measures speed and evaluates nothing; leave out stop.hopeless..."
    if asked.max_samples is not None and asked.every == 0 and not within:
        yield (
            "`evaluation.every=0` evaluates nothing, so `evaluation.max_samples` has no "
            "meaning; leave one of them out"
        )


def _shared_workers(config: UncheckedSweep) -> Iterator[str]:
    if config.launch.share_workers and set(config.compile) - {"none"}:
        yield (
            "`launch.share_workers` keeps several runs in one process, where torch.compile "
            "would use the code of one for the next; leave one of the two out"
        )
    if config.checkpoint.dir is not None and (config.launch.share_workers or config.interleaved):
        key = "launch.share_workers" if config.launch.share_workers else "interleaved"
        yield (
            f"`{key}` makes several runs in one group of workers, and Ray Train keeps the "
            f"checkpoints of one; leave out checkpoint.dir or {key}"
        )


def _stop(config: UncheckedSweep) -> Iterator[str]:
    places = len(config.placements or ()) + len(config.workers_per_node or ())
    if config.stop.half_width is not None and max(len(config.settings), places) > 1:
        yield (
            "`stop.half_width` looks at one curve; give one of each of "
            f"{', '.join(x.key for x in SETTINGS)} and workers_per_node"
        )


def _compiled_caps(config: UncheckedSweep) -> Iterator[str]:
    small = [cap for cap in config.ddp.bucket_cap_mb if cap != "auto" and cap < 1]
    if small and set(config.compile) - {"none"}:
        yield (
            f"`compile` needs ddp.bucket_cap_mb of 1 or more, which is DDP's first bucket, got "
            f"{small[0]:g}"
        )
