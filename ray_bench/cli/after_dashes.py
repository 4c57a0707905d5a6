"""Commands that take somebody's own command line after `--`."""

from __future__ import annotations

from typing import final

import typer
from typer.core import TyperCommand

_KEY = "ray_bench.after_dashes"


@final
class AfterDashes(TyperCommand):
    """Keeps what stands after `--` apart from the command's own arguments."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Cut the arguments in two."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[_KEY] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Show that there may be a script."""
        return [*super().collect_usage_pieces(ctx), "[-- SCRIPT ARGS...]"]


def script_of(ctx: typer.Context) -> tuple[str, ...]:
    """Return the words after `--`; none where there are none."""
    words: tuple[str, ...] = ctx.meta.get(_KEY, ())
    return words
