"""Write the generated pages of docs/: `python -m ray_bench.cli.docs [--check]`.

They are the command line and the JSON schema of a report. The former is made of help texts and
parameters, not of `--help` output, whose layout changes with the version of typer.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import typer
from typer.models import ArgumentInfo

from ray_bench.cli.main import HELP, app

FOLDER = Path("docs")
_HEAD = """# The command line

Generated from the commands' help by `make docs`; do not edit. Results go to stdout, everything else
to stderr.
"""


def commands() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return help text and function of every command by what is typed to call it."""
    found = {}
    for info in app.registered_commands:
        if info.hidden:
            continue
        assert info.callback is not None, "a command is a function"
        found[f"ray-bench {info.name}"] = (info.help or "", info.callback)
    return found


def markdown() -> str:
    """Return the whole page."""
    sections = (_section(name, text, call) for name, (text, call) in commands().items())
    return "\n".join([_HEAD, _prose(HELP), "", *sections])


def _section(name: str, text: str, call: Callable[..., Any]) -> str:
    rows = "\n".join(_parameters(call))
    return f"## {name}\n\n{_prose(text)}\n\n| Argument | Meaning |\n|---|---|\n{rows}\n"


def _prose(text: str) -> str:
    """Return a help text; a paragraph after a backspace keeps its lines, in a code block."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(_block(p) if p.startswith("\b") else p for p in paragraphs)


def _block(paragraph: str) -> str:
    title, *lines = paragraph.removeprefix("\b\n").splitlines()
    if not lines:
        return title
    if not title.endswith(":") and not lines[0].startswith("  "):
        lines, title = [title, *lines], ""
    body = "\n".join(line.removeprefix("  ") for line in lines)
    return f"{title}\n\n```sh\n{body}\n```".lstrip()


def _parameters(call: Callable[..., Any]) -> Iterator[str]:
    for parameter in inspect.signature(call, eval_str=True).parameters.values():
        if parameter.annotation is typer.Context:
            continue
        kind, info = get_args(parameter.annotation)
        words = " ".join(word for word in (_name(parameter.name, info), _value(kind, info)) if word)
        default = parameter.default if info.show_default else None
        shown = f" Default: `{default}`." if isinstance(default, str) else ""
        yield f"| `{words}` | {info.help}{shown} |"


def _name(name: str, info: Any) -> str:
    if isinstance(info, ArgumentInfo):
        return ""
    # Inside Annotated, typer keeps the first name of an option as its default.
    names = [word for word in (info.default, *(info.param_decls or ())) if isinstance(word, str)]
    return next(iter(names), f"--{name.replace('_', '-')}")


def _value(kind: Any, info: Any) -> str:
    """Return what stands for the value: its name, or its choices."""
    for option in (kind, *get_args(kind)):
        if isinstance(option, type) and issubclass(option, StrEnum):
            return "/".join(option)
    return info.metavar or ""


def main(check: bool) -> None:
    """Write the pages, or end with exit code 1 if one of them is not up to date."""
    from ray_bench.report.json_schema import schema_text

    pages = {FOLDER / "cli.md": markdown(), FOLDER / "report.schema.json": schema_text()}
    for path, text in pages.items():
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            typer.echo(f"error: {path} is not up to date; run: make docs", err=True)
            sys.exit(1)


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
