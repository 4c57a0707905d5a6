"""`ray-bench predict`: what a network would make of a run that was measured."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import At, PageForm, PageFormat, ScalingMode, WorkersPerNode
from ray_bench.errors import ConfigError

if TYPE_CHECKING:
    from ray_bench.analysis.memory import MemoryLine
    from ray_bench.analysis.network import NetworkStudy
    from ray_bench.analysis.replay.forecast import Question
    from ray_bench.analysis.replay.profile import StepProfile
    from ray_bench.analysis.study import Study
    from ray_bench.records import Results
    from ray_bench.store import ResultsStore

HELP = """Predict the curve of a network before buying it, from one run that was measured.

Replays the gradient buckets of a measured step at any number of workers, over a link that was
measured (`ray-bench network`, or all_reduce_perf of nccl-tests), stated (--link and a latency) or
assumed (--preset). Every number is marked as predicted, and what it rests on is printed. For the
curve of workers that were measured, use `fit`. Needs neither torch nor Ray.

A stated latency is that of one message (--latency): a ring of N workers sends 2 (N - 1) of them one
after the other. The time of a small all-reduce, as nccl-tests prints it, holds them all: give that
as --all-reduce-latency.

\b
Examples:
  ray-bench predict --from results --link 25Gbps --latency 20us
  ray-bench predict --link 180GB/s --all-reduce-latency 130us@16
  ray-bench predict --network all_reduce_perf.txt
  ray-bench predict --preset nvlink-h100 --workers-per-node 8 --inter-preset infiniband-ndr-x8
  ray-bench predict --network network-20260102T030405Z --at 16 --at 64 --format json
  ray-bench predict --presets
"""


class AlgorithmName(StrEnum):
    """How a buffer is reduced."""

    RING = "ring"
    TREE = "tree"
    QUICKER = "quicker"


class LevelsName(StrEnum):
    """How nodes take part."""

    HIERARCHICAL = "hierarchical"
    FLAT = "flat"


def predict(
    folder: Annotated[
        str, typer.Option("--from", metavar="DIR", help="The results to start from.")
    ] = "results",
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            show_default=False,
            help="Not given: the newest. Further ones tell how time depends on the batch.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="ID/FILE",
            show_default=False,
            help="Link: this stored all-reduce sweep, or a file with the output of all_reduce_perf "
            "(nccl-tests). Not given: that of the sweep, or its buckets.",
        ),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            show_default=False,
            help="Link: its bus bandwidth (25Gbps, 180GB/s), what each worker sends; of nccl-tests "
            "busbw of the largest sizes, not algbw.",
        ),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            help="Goes with --link: of one message (20us), not of an all-reduce.",
        ),
    ] = None,
    all_reduce_latency: Annotated[
        str | None,
        typer.Option(
            metavar="TIME@N",
            show_default=False,
            help="Instead of --latency: the time of a small all-reduce over N workers (130us@16).",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Link: one of --presets."),
    ] = None,
    workers_per_node: WorkersPerNode = None,
    inter_link: Annotated[
        str | None,
        typer.Option(
            metavar="RATE", show_default=False, help="Bandwidth of a node's link to the others."
        ),
    ] = None,
    inter_latency: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", show_default=False, help="Goes with --inter-link: of one message."
        ),
    ] = None,
    inter_preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Link between nodes: a preset."),
    ] = None,
    algorithm: Annotated[
        AlgorithmName | None,
        typer.Option(
            show_default=False, help="Not given: ring for gloo, else quicker (of ring and tree)."
        ),
    ] = None,
    levels: Annotated[
        LevelsName | None,
        typer.Option(
            show_default=False,
            help="Nodes reduce among themselves first, or one ring over the slowest link. Not "
            "given: flat for gloo, else hierarchical.",
        ),
    ] = None,
    scaling: Annotated[
        ScalingMode | None,
        typer.Option(show_default=False, help="Not given: as it was measured."),
    ] = None,
    at: At = None,
    presets: Annotated[
        bool, typer.Option("--presets", help="Print the known links, with their sources.")
    ] = False,
    form: PageForm = PageFormat.TERMINAL,
) -> None:
    """Predict the curve of a network."""
    if presets:
        from ray_bench.cli.reporting import write
        from ray_bench.report.replay_report import presets_report

        write(presets_report(), form, None)
        return
    from ray_bench.analysis.memory_rows import memory_of
    from ray_bench.analysis.replay.asked import given_link, links_of, question_of
    from ray_bench.analysis.replay.profile import step_profile
    from ray_bench.cli.opened import opened

    store = opened(folder)
    names: list[str | None] = [*sweep] if sweep else [None]
    (results, study), *others = [_study(store, name) for name in names]
    profile = step_profile(results, study, others)
    asked = None if network is None else _network(store, network, workers_per_node)
    given = given_link(link, latency, preset, "", all_reduce_latency)
    buckets = profile.buckets.num_bytes.tolist()
    within, between = links_of(results, study, asked, given, buckets)
    between = given_link(inter_link, inter_latency, inter_preset, "inter-") or between
    question = question_of(
        profile,
        (within, between),
        workers_per_node,
        algorithm.value if algorithm else None,
        levels.value if levels else None,
        scaling.value if scaling else profile.scaling,
    )
    memory = memory_of([run for _, x in ((results, study), *others) for run in x.group.runs])
    _show(results, study, profile, question, tuple(at or ()), memory, form)


def _study(store: ResultsStore, sweep_id: str | None) -> tuple[Results, Study]:
    """Return a sweep and the group of its runs that has most world sizes."""
    from ray_bench.analysis.study import studies
    from ray_bench.errors import AnalysisError

    results = store.read(sweep_id)
    found = studies(results)
    if not found:
        raise AnalysisError(
            f"Sweep {results.sweep.sweep_id} has no valid run to start from; see `ray-bench "
            f"report {store.root}`."
        )
    return results, found[0]


def _network(
    store: ResultsStore, asked: str, workers_per_node: int | None
) -> tuple[str, NetworkStudy]:
    """Return the all-reduces of a stored sweep, or of a file, with their name."""
    from pathlib import Path

    from ray_bench.analysis.network import network_study

    file = Path(asked).expanduser()
    if file.is_file():
        from ray_bench.reading.logs.nccl_tests import read_network

        columns, name = read_network(file, workers_per_node), file.name
    else:
        columns, name = store.network(asked), asked
    found = network_study(columns)
    if found is None:
        known = ", ".join(store.network_ids()) or "none"
        raise ConfigError(
            f"There is no all-reduce sweep {asked!r} in {store.root}, and no such file; there are: "
            f"{known}. Measure one with `ray-bench network`."
        )
    return name, found


def _show(
    results: Results,
    study: Study,
    profile: StepProfile,
    question: Question,
    sizes: tuple[int, ...],
    memory: MemoryLine | None,
    form: PageFormat,
) -> None:
    from ray_bench.analysis.replay.forecast import default_sizes, predicted_steps
    from ray_bench.cli.reporting import write
    from ray_bench.report.replay_report import replay_json, replay_report

    sizes = sizes or (*default_sizes(profile), *study.curve.sizes)
    rows = predicted_steps(profile, question, sizes, study.curve)
    if not rows:
        raise ConfigError(
            f"The global batch of {profile.global_batch} has fewer samples than "
            f"{min(sizes)} workers; predict fewer, or use --scaling weak."
        )
    sweep_id = results.sweep.sweep_id
    if form is PageFormat.JSON:
        typer.echo(replay_json(sweep_id, profile, question, rows, memory))
        return
    report = replay_report(sweep_id, study.group.runs, profile, question, rows, memory)
    write(report, form, None)
