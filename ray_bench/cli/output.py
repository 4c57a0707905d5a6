"""Printing that outlives its reader: a pipe that is closed ends the output and not the sweep."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import typer
from rich.console import Console


def echo(text: str, *, err: bool = False) -> None:
    """Print a line, as long as somebody reads."""
    with outliving(sys.stderr if err else sys.stdout):
        typer.echo(text, err=err)


@contextlib.contextmanager
def outliving(stream: TextIO) -> Iterator[None]:
    """Go on where nobody reads the stream any more; what is written to it from then on is lost."""
    try:
        yield
    except OSError:  # a pipe without a reader, a terminal that is gone
        silence(stream)


def silence(stream: TextIO) -> None:
    """Let everything that is written to a stream disappear, this process's children included."""
    with contextlib.suppress(OSError, ValueError):  # it has no number, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class PatientConsole(Console):
    """A console whose reader may go away; rich would end the program."""

    def on_broken_pipe(self) -> None:
        """Show nothing more."""
        self.quiet = True
        silence(self.file)  # type: ignore[arg-type]  # a text stream
