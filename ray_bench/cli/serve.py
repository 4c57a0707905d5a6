"""`ray-bench serve`: sweeps in the browser."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import Folder
from ray_bench.errors import MissingExtraError

if TYPE_CHECKING:
    from ray_bench.serve.settings import ServeSettings

HELP = """Show sweeps in the browser, start them there, follow and compare them.

Without --address, sweeps that are started in the browser run on this machine, one after the other.
With it, they run as jobs of a Ray cluster. The results are the only state: everything that
`ray-bench run` stores in DIR is shown, also while it runs.

\b
Examples:
  ray-bench serve results
  ray-bench serve s3://bucket/results --read-only
  ray-bench serve results --address http://127.0.0.1:8265
  ray-bench serve results --host 0.0.0.0 --token-file tokens --host-name bench.example.org

Only this machine reaches it, unless --host is given. Then people log in with a token: that of
RAY_BENCH_TOKEN, those of --token-file, or one that is made and printed. Programs send it as
`Authorization: Bearer TOKEN`. docs/serve.md has roles, the API and how to deploy it.

Needs the extra `serve`: pip install 'ray-bench[serve]'. SIGTERM or Ctrl-C ends it; sweeps that run
go on.
"""

_PACKAGES = {"fastapi": "fastapi", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}


def serve(
    folder: Folder = "results",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="The job server of a Ray cluster, e.g. http://127.0.0.1:8265. Not given: sweeps "
            "run on this machine.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="HOST", help="What to listen on; 0.0.0.0 lets other machines in."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8300,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nothing can be started, stopped or renamed.")
    ] = False,
    allow_code: Annotated[
        bool,
        typer.Option(
            "--allow-code",
            help="Submitters may run scripts and workloads of their own: any code, as your user.",
        ),
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Who may log in, a line each: ROLE TOKEN [NAME]; a role is viewer or submitter.",
        ),
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="A further name of the service, e.g. that of a proxy; may be repeated.",
        ),
    ] = None,
    behind_tls: Annotated[
        bool,
        typer.Option("--behind-tls", help="A proxy speaks HTTPS; cookies are sent with it only."),
    ] = False,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="The queue of sweeps, their logs and the audit. Not given: a folder for these "
            "results in ~/.local/state/ray_bench.",
        ),
    ] = None,
) -> None:
    """Show sweeps in the browser."""
    _check_installed()
    from ray_bench.serve.places import check_results, state_dir_of
    from ray_bench.serve.process import bound, run, url_of
    from ray_bench.serve.queue import board_of
    from ray_bench.serve.settings import ServeSettings, is_loopback
    from ray_bench.serve.tokens import given_tokens, new_token

    tokens = given_tokens(token_file, os.environ)
    is_new = not tokens and not is_loopback(host)
    settings = ServeSettings(
        results=folder,
        state_dir=state_dir or state_dir_of(folder),
        address=address,
        host=host,
        port=port,
        tokens=(new_token(),) if is_new else tokens,
        read_only=read_only,
        allow_code=allow_code,
        is_behind_tls=behind_tls,
        hosts=tuple(host_name or ()),
    )
    settings.check()
    is_empty = check_results(folder, read_only=read_only)
    listening = bound(host, port)
    url = url_of(host, listening)
    run(
        settings,
        board_of(settings),
        listening,
        started=lambda: _say(url, settings, is_new=is_new, is_empty=is_empty),
    )


def _check_installed() -> None:
    lacking = [_PACKAGES[x] for x in _PACKAGES if importlib.util.find_spec(x) is None]
    if lacking:
        raise MissingExtraError(
            f"ray-bench serve needs {', '.join(lacking)}; run: pip install 'ray-bench[serve]'"
        )


def _say(url: str, settings: ServeSettings, *, is_new: bool, is_empty: bool) -> None:
    from ray_bench.serve.settings import is_loopback

    typer.echo(f"ray_bench shows {settings.results} at {url}")
    if is_empty:
        typer.echo(f"  {settings.results} has no sweep yet.")
    if is_new:
        typer.echo(f"  Log in with this token, made for this start: {settings.tokens[0].secret}")
    elif not settings.tokens:
        typer.echo("  Everybody on this machine may use it; RAY_BENCH_TOKEN sets a token.")
    if not is_loopback(settings.host) and not settings.is_behind_tls:
        typer.echo("  The token crosses the network unencrypted: put a proxy with TLS before it.")
    where = f"as jobs of {settings.address}" if settings.address else "on this machine"
    typer.echo("  Read only." if settings.read_only else f"  Sweeps run {where}.")
    typer.echo("  Ctrl-C ends it.")
