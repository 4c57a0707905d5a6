"""A prediction as it is asked for: which links, and what question follows."""

from __future__ import annotations

import math
import re
from typing import cast

from ray_bench.analysis.bucket_times import bucket_times
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.fit.boundary import rate
from ray_bench.analysis.network import NetworkStudy, network_study
from ray_bench.analysis.replay.cost import Algorithm, Levels, Network
from ray_bench.analysis.replay.forecast import Question
from ray_bench.analysis.replay.links import LinkValues, measured_links, preset_link, stated_link
from ray_bench.analysis.replay.presets import PRESETS
from ray_bench.analysis.replay.profile import StepProfile
from ray_bench.analysis.study import Study
from ray_bench.errors import ConfigError
from ray_bench.records import Results, Scaling


def links_of(
    results: Results,
    study: Study,
    asked: tuple[str, NetworkStudy] | None,
    given: LinkValues | None,
) -> tuple[LinkValues | None, LinkValues | None]:
    """Return the links within a node and between nodes, as asked for, else as measured.

    Args:
        results: The sweep to start from.
        study: Its runs.
        asked: An all-reduce sweep that was asked for, with its name.
        given: The link that was stated.

    Raises:
        ConfigError: Two links are asked for, or none was measured.
    """
    if asked is not None:
        within, between = measured_links(asked[1], "sweep", asked[0])
        if given is None:
            return within, between
        if within is None:  # measured between nodes alone, and stated within one
            return given, between
        raise ConfigError("--network, --link and --preset each give a link; give one of them.")
    if given is not None:
        return given, None
    sweep_id = results.sweep.sweep_id
    own = network_study(results.network)
    if own is not None:
        return measured_links(own, "sweep", sweep_id)
    runs = [run for run in study.group.runs if run.point.world_size > 1]
    times = bucket_times(runs, split_by_run(results.buckets), results.environments)
    buckets = network_study(times)
    if buckets is None:
        raise ConfigError(
            f"No network was measured in {sweep_id}. Give --network ID, --link 25Gbps --latency "
            "20us, or --preset NAME (see --presets)."
        )
    return measured_links(buckets, "buckets", sweep_id)


def given_link(
    link: str | None,
    latency: str | None,
    preset: str | None,
    prefix: str,
    all_reduce_latency: str | None = None,
) -> LinkValues | None:
    """Return the link that options state, None where they do not.

    Raises:
        ConfigError: They contradict each other, or cannot be read.
    """
    latencies = [x for x in (latency, all_reduce_latency) if x is not None]
    if link is None and not latencies and preset is None:
        return None
    if len(latencies) > 1:
        raise ConfigError(
            "--latency is that of one message, and --all-reduce-latency that of an all-reduce; "
            "give one of them."
        )
    if preset is not None and (link is not None or latencies):
        raise ConfigError(f"--{prefix}preset and --{prefix}link both give a link; give one.")
    if preset is not None:
        if preset not in PRESETS:
            raise ConfigError(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
        return preset_link(PRESETS[preset])
    if link is None or not latencies:
        raise ConfigError(
            f"--{prefix}link and --{prefix}latency go together; give both, e.g. --{prefix}link "
            f"25Gbps --{prefix}latency 20us."
        )
    if all_reduce_latency is None:
        return stated_link(rate(link), _seconds(latencies[0]))
    seconds, workers = _all_reduce(all_reduce_latency)
    return stated_link(rate(link), seconds, workers)


def _all_reduce(text: str) -> tuple[float, int]:
    """Return seconds and workers from `130us@16`."""
    time, _, workers = text.partition("@")
    count = re.fullmatch(r"\s*([0-9]{1,9})\s*", workers, re.ASCII)
    if count is None or int(count[1]) < 2:
        raise ConfigError(
            f"--all-reduce-latency needs the number of workers that took part, 2 or more, got "
            f"{text!r}; write it like 130us@16."
        )
    return _seconds(time), int(count[1])


def _seconds(text: str) -> float:
    """Return seconds from `20us`, `0.5ms`, `1500ns` or `1s`."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*(ns|us|ms|s)\s*", text, re.ASCII)
    try:
        value = float(match.group(1)) if match else math.nan
    except ValueError:
        value = math.nan
    if match is None or not math.isfinite(value):
        raise ConfigError(f"Cannot read the time {text!r}; write it like 20us or 1.5ms.")
    return value * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[match.group(2)]


def question_of(
    profile: StepProfile,
    links: tuple[LinkValues | None, LinkValues | None],
    workers_per_node: int | None,
    algorithm: str | None,
    levels: str | None,
    scaling: str,
) -> Question:
    """Return what to predict.

    Raises:
        ConfigError: A link is missing, or one is given that no worker uses.
    """
    within, between = links
    if workers_per_node is None:
        # Without nodes there is one link, wherever it was measured.
        if within is not None and between is not None:
            raise ConfigError(
                "There are two links, within a node and between nodes; say how many workers a "
                "node has with --workers-per-node."
            )
        within, between = within or between, None
    elif between is None:
        raise ConfigError(
            "--workers-per-node needs the link between nodes: give --inter-link and "
            "--inter-latency, or --inter-preset."
        )
    elif within is None:
        raise ConfigError("The link within a node was not measured; give --link or --preset.")
    assert within is not None
    is_gloo = profile.backend == "gloo" and not any(
        x is not None and x.origin == "preset" for x in (within, between)
    )
    network = Network(
        within=within.wire,
        between=None if between is None else between.wire,
        workers_per_node=workers_per_node,
        algorithm=cast("Algorithm", algorithm or ("ring" if is_gloo else "quicker")),
        levels=cast("Levels", levels or ("flat" if is_gloo else "hierarchical")),
    )
    return Question(
        network=network, within=within, between=between, scaling=cast("Scaling", scaling)
    )
