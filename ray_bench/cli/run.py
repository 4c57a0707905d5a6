"""`ray-bench run`: measure a sweep."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ray_bench.cli.after_dashes import script_of
from ray_bench.cli.options import Address, Config, Extend, Overrides, Results, check_one_of, split
from ray_bench.errors import ConfigError

HELP = """Measure a sweep: train the workload at every world size, and print the report.

After `--` stands your own training script, which is measured as it is. {local_batch_size}, {lr},
{seed} and others (`ray-bench config` lists them under `args`) are filled in for every run.

Every run is stored as soon as it ends, so an interrupted sweep loses nothing: the same command with
--resume runs only what is missing or has failed. For more seeds, world sizes, rules or repeats than
an earlier sweep had, --extend begins a new one, takes over what is measured, and runs the rest.

\b
Examples:
  ray-bench run demo
  ray-bench run demo 'world_sizes=[1,2,4]' repeats=3 --results results
  ray-bench run sweep.yaml 'lr_rules=[none,linear]' --dry-run
  ray-bench run demo 'world_sizes=[1,2,4]' repeats=5 --budget 20min
  ray-bench run curve workload=cnn-digits 'world_sizes=[1,2]' cpus_per_worker=1
  ray-bench run workload=cnn-digits data.dir=/data --resume
  ray-bench run demo 'seeds=[0,1,2,3,4]' --extend
  ray-bench run demo --name baseline --tag nightly --note 'before the update'
  ray-bench run workload=cnn-digits 'world_sizes=[1,2]' --interleaved stop.half_width=0.01
  ray-bench run sweep.yaml 'world_sizes=[1,2,4]' 'placements=[pack,spread,2x2]' --address auto
  ray-bench run workload=my_package.my_module:MyWorkload 'world_sizes=[1,2]'
  ray-bench run 'world_sizes=[1,2]' steps=300 -- train.py --epochs 90
  ray-bench run batch_size=256 steps=300 -- -m package.train --batch-size {local_batch_size}

`ray-bench config` lists all keys, `ray-bench workloads` all workloads.

Exit code: 0 all runs finished, 1 a run failed, 2 the request is wrong, 130 interrupted.
"""


def run(
    ctx: typer.Context,
    config: Config = None,
    overrides: Overrides = None,
    results: Results = "results",
    address: Address = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest sweep of this configuration.")
    ] = False,
    extend: Extend = False,
    interleaved: Annotated[
        bool,
        typer.Option(
            "--interleaved",
            help="Ladder: all world sizes take turns in one group of workers. Drift of the machine "
            "cancels and start-up is paid once; measures speed, not accuracy.",
        ),
    ] = False,
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Write a Chrome trace too: 5 steps of every worker."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the runs in their order, how long they may take and whether the cluster "
            "fits, and stop.",
        ),
    ] = False,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="With --dry-run, where nothing alike was measured before: make a short run with "
            "1 worker, which tells how long the others may take.",
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="LIMIT",
            show_default=False,
            help="At most so much time or money, e.g. 20min or 5USD: what tells most about the "
            "curve is measured first, and nothing is begun that does not fit.",
        ),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="SWEEP",
            show_default=False,
            help="With --resume or --extend: this one; an id or its start, a name or a tag.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="What the sweep is called."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", show_default=False, help="A tag of it; may be repeated."),
    ] = None,
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", show_default=False, help="A note on it.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress; failures only.")] = False,
) -> None:
    """Measure a sweep."""
    from ray_bench.cli.job import check_job

    if not dry_run:
        check_job(results)  # before the imports, which stop at the first package that is missing
    from ray_bench.cli.token_notice import warn_of_readable_token
    from ray_bench.store.labels import Labels
    from ray_bench.sweep.request import SweepRequest

    source, settings = split(config, overrides)
    if interleaved:
        settings.append("interleaved=true")
    if trace:
        settings.append("measure.trace_steps=5")
    if sweep is not None and not (resume or extend):
        raise ConfigError(
            f"--sweep {sweep} is for --resume and --extend; --name names a new sweep."
        )
    check_one_of(resume=resume, extend=extend)
    request = SweepRequest(
        source,
        tuple(settings),
        results,
        address,
        resume=resume,
        extend=extend,
        budget=budget,
        script=script_of(ctx),
        resumed=sweep,
        labels=Labels(name=name, tags=tuple(tag or ()), note=note),
    )
    if dry_run:
        from ray_bench.cli.dry_run import print_plan

        print_plan(request, probe=probe)
        return
    from ray_bench.cli.execute import execute

    if address or os.environ.get("RAY_ADDRESS"):
        warn_of_readable_token()
    execute(request, quiet=quiet)
