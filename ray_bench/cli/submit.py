"""`ray-bench submit`: measure a sweep as a job on a cluster, from a machine outside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.after_dashes import script_of
from ray_bench.cli.options import Config, Extend, Overrides, check_one_of, split
from ray_bench.errors import ConfigError

if TYPE_CHECKING:
    from ray_bench.cli.parcel import Unpacker
    from ray_bench.launch.job_request import JobRequest
    from ray_bench.launch.jobs import Job

HELP = """Measure a sweep as a Ray job: `ray-bench run` on a cluster, from your laptop.

The job brings ray_bench along, in this version; the cluster needs its dependencies, or --install.
It runs with the Python of the cluster's Ray. The log is followed to its end, where the answer
stands. Ctrl-C asks the job to stop; a second one leaves it running.

\b
Examples:
  ray-bench submit demo --results /shared/results
  ray-bench submit demo 'world_sizes=[1,2]' --results /shared/results --address http://127.0.0.1:8265
  ray-bench submit sweep.yaml --results s3://bucket/results --install --report out
  ray-bench submit workload=my_workload:MyWorkload --results /shared/results --no-wait
  ray-bench submit steps=300 --results /shared/results -- train.py --epochs 90

A cluster with tokens needs RAY_AUTH_MODE=token here, and its token in ~/.ray/auth_token.

Exit code: that of `ray-bench run` on the cluster; 130 if the job was stopped; 1 where the cluster
cannot be reached, or could not run the job.
"""

Results = Annotated[
    str,
    typer.Option(metavar="DIR", help="Where results go: an absolute path there, s3://, gs://"),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        show_default=False,
        help="The job server. Not given: RAY_API_SERVER_ADDRESS, RAY_ADDRESS, or port 8265 here.",
    ),
]


def submit(
    ctx: typer.Context,
    results: Results,
    config: Config = None,
    overrides: Overrides = None,
    address: Address = None,
    working_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="Folder to send along, or none. Not given: this one, if the sweep is a file, "
            "or the workload or script your own; else none.",
        ),
    ] = None,
    runtime_env: Annotated[
        str | None,
        typer.Option(metavar="FILE", show_default=False, help="Ray's runtime environment, YAML."),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Have Ray install the packages that are missing.")
    ] = False,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            show_default=False,
            help="Python on the cluster. Not given: that of its Ray.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest sweep of this configuration.")
    ] = False,
    extend: Extend = False,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="Bring report.html and report.json here, through the job's log.",
        ),
    ] = None,
    submission_id: Annotated[
        str | None,
        typer.Option(metavar="ID", show_default=False, help="Name of the job; new on the cluster."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", show_default=False, help="For lists of jobs; repeatable."),
    ] = None,
    entrypoint_num_cpus: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            show_default=False,
            help="CPUs to reserve for the sweep's own process. Not given: none, on the head.",
        ),
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the job's id and do not follow its log.")
    ] = False,
) -> None:
    """Submit a sweep."""
    from ray_bench.cli.job import check_results_stay
    from ray_bench.cli.submission import checked_working_dir, key_values, runtime_env_of
    from ray_bench.cli.token_notice import warn_of_readable_token

    check_results_stay(results)
    from ray_bench.sweep.request import script_settings

    check_one_of(resume=resume, extend=extend)
    source, settings = split(config, overrides)
    settings += script_settings(script_of(ctx))
    env = runtime_env_of(runtime_env)
    source, folder, note = checked_working_dir(source, settings, working_dir, env)
    _check_report(report, no_wait=no_wait)
    warn_of_readable_token()
    typer.echo(note, err=True)

    from ray_bench.launch.job_request import JobRequest

    words = [*([source] if source else []), *settings, "--results", results]
    request = JobRequest(
        arguments=(*words, *(["--resume"] if resume else []), *(["--extend"] if extend else [])),
        python=python,
        working_dir=folder,
        runtime_env=env,
        install=install,
        brings_report=report is not None,
        submission_id=submission_id,
        metadata=key_values(metadata),
        num_cpus=entrypoint_num_cpus,
    )
    job = _submit(request, address, waits=not no_wait)
    if no_wait:
        typer.echo(job.submission_id)
        typer.echo(f"Follow it with: {job.how_to_follow()}", err=True)
    else:
        _follow(job, report)


def _check_report(folder: str | None, *, no_wait: bool) -> None:
    """Refuse, before anything runs, a folder that cannot take the report."""
    if folder is None:
        return
    if no_wait:
        raise ConfigError("--report waits for the end of the job; leave --no-wait out.")
    from ray_bench.store import ResultsStore

    ResultsStore(folder).check_writable()


def _submit(request: JobRequest, address: str | None, *, waits: bool) -> Job:
    """Submit it, and say how Ray's own command would."""
    from ray_bench.launch.jobs import Jobs

    jobs = Jobs(address)
    found = None if request.python is not None else jobs.python()
    if request.python is None and request.interpreter(found) == ["python"]:
        typer.echo(
            "note: the job runs with the `python` of its PATH there; --python names another.",
            err=True,
        )
    line = request.shell_line(jobs.address, found, waits=waits)
    typer.echo(f"The same with Ray alone:\n  {line}", err=True)
    return jobs.submit(request, found)


def _follow(job: Job, report: str | None) -> None:
    """Show the job's log to its end, keep its report, and end with its exit code."""
    from ray_bench.cli.parcel import Unpacker

    unpacker = Unpacker(_print)
    typer.echo(f"Job {job.submission_id}; if this window closes: {job.how_to_follow()}", err=True)
    code = _until_it_ends(job, _print if report is None else unpacker)
    if report is not None:
        unpacker.close()
        _keep(unpacker, report)
    if code:
        typer.echo(f"The job {job.submission_id} ended with exit code {code}.", err=True)
        raise typer.Exit(code)


def _until_it_ends(job: Job, write: Callable[[str], None]) -> int:
    """Follow the job, through one Ctrl-C; a second one leaves it."""
    was_asked = False
    while True:
        try:
            return job.follow(write)
        except KeyboardInterrupt:
            if was_asked:
                typer.echo(
                    f"\nThe job is left as it is. Follow it: {job.how_to_follow()}", err=True
                )
                raise typer.Exit(130) from None
            was_asked = True
            typer.echo("\nAsking the job to stop; Ctrl-C again leaves it running.", err=True)
            job.stop()


def _keep(unpacker: Unpacker, folder: str) -> None:
    from ray_bench.store import ResultsStore

    store = ResultsStore(folder)
    paths = [store.write_text(name, text.decode()) for name, text in unpacker.files.items()]
    typer.echo(
        f"Written: {', '.join(paths)}" if paths else "No report came: the job made none.", err=True
    )


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
