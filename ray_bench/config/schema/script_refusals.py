"""What a sweep cannot ask of somebody else's script: settings that nothing hands on to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ray_bench.config.schema.unchecked import UncheckedSweep
from ray_bench.config.script import BATCH_FIELDS, unknown_field

#: Keys of our own training loop, by group; a script has its own.
_LOOP = (
    *("precision", "memory_format", "compile", "accumulate_steps", "max_local_batch_size"),
    *("clip_grad_norm", "data", "evaluation", "ddp", "emulated", "ladder"),
    *("schedule", "checkpoint", "label_smoothing", "batch_norm"),
)
_MEASURE = ("sync_pairs", "noise_steps", "noise_curve", "trace_steps", "checkpoint")
_LADDER = (
    "`interleaved` keeps the processes of all world sizes, and a script is started anew for "
    "each; leave it out and take repeats=3"
)


def of_scripts(config: UncheckedSweep) -> Iterator[str]:
    """Yield what is wrong with a request for a script or a Ray Train function."""
    if config.script is not None and config.train_fn is not None:
        yield "give `script` or `train_fn`, not both"
    if config.target is None:
        yield from _without(config)
        return
    if config.workload != config.target_name:
        yield f"give `workload` or `{config.target_key}`, not both"
    yield from _of_the_other_kind(config)
    if found := unknown_field(config.given):
        yield found
    if config.interleaved:
        yield _LADDER
    yield from _not_taken(config)
    yield from _not_given(config)
    yield from _length(config)


def _of_the_other_kind(config: UncheckedSweep) -> Iterator[str]:
    if config.args and config.script is None:
        yield "`args` are a script's; a function gets `train_fn_config`"
    if config.train_fn_config and config.train_fn is None:
        yield "`train_fn_config` is a function's; a script gets `args`"
    if config.train_fn_datasets is not None and config.train_fn is None:
        yield "`train_fn_datasets` are a function's; a script reads its own data"
    for key in ("train_fn", "train_fn_datasets"):
        if ":" not in (getattr(config, key) or ":"):
            yield f"`{key}` must be module:name, got {getattr(config, key)!r}"


def _without(config: UncheckedSweep) -> Iterator[str]:
    for key in ("args", "train_fn_config", "train_fn_datasets", "until_end"):
        if getattr(config, key):
            yield f"`{key}` belongs to a script; write `-- train.py`, or script=train.py"


def _not_taken(config: UncheckedSweep) -> Iterator[str]:
    """Name settings that would be asked for and change nothing."""
    used, who = config.fields, config.target_name
    what = "its arguments" if config.script is not None else "train_fn_config"
    if config.batch_size is not None and not used & BATCH_FIELDS:
        yield (
            f"`batch_size` does not reach {who}: write {{local_batch_size}} in {what}, or leave "
            "it out, and its batches are counted"
        )
    if config.scaling != "strong" and not used & BATCH_FIELDS:
        yield (
            f"`scaling` does not reach {who}: without {{local_batch_size}} in {what} its mode is "
            "told from the batches; leave it out"
        )
    if "lr" not in used and (config.lr is not None or len(config.lr_rules) > 1):
        key = "lr_rules" if config.lr is None else "lr"
        yield (
            f"`{key}` does not reach {who}: write {{lr}} in {what}, or leave it out: rules and "
            "rates are its own"
        )
    if "seed" not in used and config.seeds != (0,):
        yield f"`seeds` do not reach {who}: write {{seed}} in {what}, or leave them out"
    if "epochs" not in used and config.epochs is not None:
        yield f"`epochs` do not reach {who}: write {{epochs}} in {what}, or give steps=300"
    yield from _of_our_loop(config)


def _of_our_loop(config: UncheckedSweep) -> Iterator[str]:
    defaults: dict[str, Any] = {x: type(config).model_fields[x].default for x in _LOOP}
    changed = [key for key in _LOOP if getattr(config, key) != defaults[key]]
    measure = type(config).model_fields["measure"].default
    keys = [key for key in _MEASURE if getattr(config.measure, key) != getattr(measure, key)]
    changed += [f"measure.{key}" for key in keys]
    optimizer = type(config).model_fields["optimizer"].default
    rest = config.optimizer.model_copy(update={"scale_with": optimizer.scale_with})
    changed += ["optimizer"] if rest != optimizer else []
    changed += ["launch.share_workers"] if config.launch.share_workers else []
    if changed:
        yield (
            f"`{changed[0]}` is a setting of ray_bench's own training loop, and does not reach "
            f"{config.target_name}; leave it out, and set it in the script"
        )


def _not_given(config: UncheckedSweep) -> Iterator[str]:
    """Name values that are to be filled in and are not there."""
    used = config.fields
    if used & BATCH_FIELDS and config.batch_size is None:
        yield f"{{{min(used & BATCH_FIELDS)}}} is filled in from batch_size: write batch_size=256"
    if "lr" in used and config.lr is None:
        yield "{lr} is filled in from lr: write lr=0.1"
    if "epochs" in used and config.epochs is None:
        yield "{epochs} is filled in from epochs: write epochs=3"
    follows_batch = config.optimizer.scale_with == "global_batch"
    grows = set(config.lr_rules) - {"none"} and max(config.world_sizes) > 1
    if "lr" in used and config.batch_size is None and follows_batch and grows:
        yield (
            "the rule of the learning rate follows the global batch, which is the script's own: "
            "write lr_rules=none, or optimizer.scale_with=world_size"
        )


def _length(config: UncheckedSweep) -> Iterator[str]:
    if config.until_end and config.steps is not None:
        yield "give `steps` or `until_end`, not both: it is ended after so many measured steps"
    if not config.until_end and config.steps is None and config.epochs is None:
        yield (
            "say when it ends: steps=300 ends it after so many measured steps, until_end=true "
            "lets it come to its own end"
        )
