"""`ray-bench network`: what an all-reduce costs on this cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import Address, PageForm, PageFormat, Results
from ray_bench.errors import ConfigError

if TYPE_CHECKING:
    from ray_bench.config.schema import SweepConfig
    from ray_bench.report.model import Report
    from ray_bench.store import ResultsStore

HELP = """Measure all-reduce, the communication of DDP: latency, bandwidth, alpha and beta.

Buffers of 4 B to 64 MiB are reduced between 2, 4 and 8 workers (as far as the cluster goes), within
a node and between nodes, in one group of workers that is started once. The samples are stored;
`ray-bench run ... measure.network=true` does the same before a sweep. With --nccl-tests nothing is
measured: what all_reduce_perf printed is analysed in the same way.

\b
Examples:
  ray-bench network
  ray-bench network --world-sizes 2,4 --results results
  ray-bench network --address auto launch.env.NCCL_SOCKET_IFNAME=eth0
  ray-bench network --show --format json
  ray-bench network --nccl-tests all_reduce_perf.txt
"""


def network(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            show_default=False,
            help="How workers run, as for `run`: cpus_per_worker, use_gpu, launch.env.NAME, ...",
        ),
    ] = None,
    world_sizes: Annotated[
        str | None,
        typer.Option(
            metavar="N,N",
            show_default=False,
            help="Numbers of workers. Not given: 2,4,8 as far as the cluster goes.",
        ),
    ] = None,
    results: Results = "results",
    address: Address = None,
    show: Annotated[
        bool, typer.Option("--show", help="Measure nothing; print what is stored.")
    ] = False,
    network_id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="ID", show_default=False, help="Which to show. Not given: the newest."
        ),
    ] = None,
    nccl_tests: Annotated[
        str | None,
        typer.Option(
            "--nccl-tests",
            metavar="FILE",
            show_default=False,
            help="Measure nothing; analyse this output of all_reduce_perf.",
        ),
    ] = None,
    form: PageForm = PageFormat.TERMINAL,
) -> None:
    """Measure all-reduce."""
    from ray_bench.cli.reporting import write
    from ray_bench.report.network import network_report
    from ray_bench.store import ResultsStore

    if nccl_tests is not None:
        if show or network_id is not None or overrides or world_sizes or address:
            raise ConfigError("--nccl-tests reads a file and goes with --format alone.")
        write(_of_file(nccl_tests), form, None)
        return
    store = ResultsStore(results)
    if show or network_id is not None:
        chosen = _stored(store, network_id)
    else:
        chosen = _measure(store, _config(overrides), _sizes(world_sizes), address)
    write(network_report(chosen, store.network(chosen)), form, None)


def _of_file(path: str) -> Report:
    from pathlib import Path

    from ray_bench.reading.logs.nccl_tests import read_network
    from ray_bench.report.network import network_report

    file = Path(path).expanduser()
    return network_report(file.name, read_network(file), is_nccl_tests=True)


def _config(overrides: list[str] | None) -> SweepConfig:
    from ray_bench.config.load import load

    # What is trained does not matter here, but a configuration has to name something.
    return load(None, ["workload=cnn-digits", *(overrides or [])])


def _sizes(words: str | None) -> tuple[int, ...] | None:
    """Return the world sizes of `2,4`.

    Raises:
        ConfigError: One is no whole number of 2 or more.
    """
    if words is None:
        return None
    try:
        sizes = tuple(sorted({int(word) for word in words.split(",")}))
    except ValueError:
        sizes = ()
    if not sizes or sizes[0] < 2:
        raise ConfigError(
            f"--world-sizes takes whole numbers of 2 or more, got {words!r}; e.g. 2,4."
        )
    return sizes


def _measure(
    store: ResultsStore,
    config: SweepConfig,
    world_sizes: tuple[int, ...] | None,
    address: str | None,
) -> str:
    """Measure and store; return the id."""
    store.check_writable()
    from ray_bench.launch.network import run_network

    network_id = f"network-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    typer.echo("Measuring all-reduce; Ray takes some seconds to start the workers.", err=True)
    records = run_network(
        config,
        world_sizes,
        network_id=network_id,
        address=address,
        note=partial(typer.echo, err=True),
    )
    store.write_network(network_id, records)
    typer.echo(f"Stored as {network_id} in {store.root}", err=True)
    return network_id


def _stored(store: ResultsStore, wanted: str | None) -> str:
    """Return the id that was asked for, or the newest.

    Raises:
        ConfigError: There is none, or none of this id.
    """
    known = store.network_ids()
    if not known:
        raise ConfigError(
            f"There is no all-reduce sweep in {store.root}; measure one with `ray-bench network`."
        )
    if wanted is not None and wanted not in known:
        raise ConfigError(
            f"There is no all-reduce sweep {wanted!r} in {store.root}; there are "
            f"{', '.join(known)}."
        )
    # An id ends with the time when it was made, or is that of a sweep, which begins with it.
    return wanted or max(known, key=lambda name: name.removeprefix("network-"))
