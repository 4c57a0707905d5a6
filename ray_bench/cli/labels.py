"""`ray-bench tag` and `ray-bench note`: what people call a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.listing import printable
from ray_bench.errors import ConfigError

if TYPE_CHECKING:
    from ray_bench.store import ResultsStore

TAG_HELP = """Name a sweep and tag it; without changes, print what it is called.

--sweep of `report`, `compare`, `predict`, `export` and `run --resume` takes a name or a tag. A name
is of one sweep; of a tag the newest sweep counts. Two people who do this at once lose nothing.

\b
Examples:
  ray-bench tag results 20260102T030405Z-1a2b3c name=baseline
  ray-bench tag results baseline +nightly +a100 -old
  ray-bench tag results baseline name=
  ray-bench tag results baseline --undo
"""

NOTE_HELP = """Write a note on a sweep, in place of the one before; an empty one takes it away.

\b
Examples:
  ray-bench note results baseline "before the driver was updated"
  ray-bench note results baseline ""
  ray-bench note results baseline --undo
"""

_NAME = "name="

Results = Annotated[
    str,
    typer.Argument(
        metavar="DIR", show_default=False, help="The results: a folder, s3://... or gs://..."
    ),
]
Which = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP", show_default=False, help="An id or the start of one, a name or a tag."
    ),
]
Undo = Annotated[
    bool, typer.Option("--undo", help="Take back the newest change of its name, tags or note.")
]


def tag(
    results: Results,
    sweep: Which,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CHANGE",
            show_default=False,
            help="name=NAME, +TAG or -TAG; name= takes the name away.",
        ),
    ] = None,
    undo: Undo = False,
) -> None:
    """Name a sweep and tag it."""
    from ray_bench.store import ResultsStore

    if undo and changes:
        raise ConfigError("--undo takes back a change and makes none; leave one of them out.")
    name, added, removed = parsed_changes(changes or ())
    store = ResultsStore(results)
    sweep_id = store.sweep_id(sweep)
    if undo:
        _undo(store, sweep_id)
    elif changes:
        store.label(sweep_id, name=name, added=added, removed=removed)
    _show(store, sweep_id)


def note(
    results: Results,
    sweep: Which,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", show_default=False, help="Not given: print it.")
    ] = None,
    undo: Undo = False,
) -> None:
    """Write a note on a sweep."""
    from ray_bench.store import ResultsStore

    if undo and text is not None:
        raise ConfigError("--undo takes back a change and makes none; leave one of them out.")
    store = ResultsStore(results)
    sweep_id = store.sweep_id(sweep)
    if undo:
        _undo(store, sweep_id)
    elif text is not None:
        store.label(sweep_id, note=text.strip())
    _show(store, sweep_id)


def parsed_changes(words: Sequence[str]) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    """Return the new name or None, the tags that come, and those that go.

    Raises:
        ConfigError: A word is none of these, or two contradict each other.
    """
    names = [word.removeprefix(_NAME) for word in words if word.startswith(_NAME)]
    added = tuple(word[1:] for word in words if word.startswith("+"))
    removed = tuple(word[1:] for word in words if word.startswith("-"))
    for word in words:
        if not word.startswith((_NAME, "+", "-")):
            raise ConfigError(
                f"A change is name=NAME, +TAG or -TAG, got {word!r}; did you mean +{word}?"
            )
    if len(names) > 1:
        raise ConfigError(f"A sweep has one name, got {len(names)}; give one of them.")
    if both := set(added) & set(removed):
        raise ConfigError(f"The tag {min(both)!r} cannot both come and go; give one of them.")
    return (names[0] if names else None), added, removed


def _undo(store: ResultsStore, sweep_id: str) -> None:
    if not store.undo_label(sweep_id):
        raise ConfigError(f"Sweep {sweep_id} has no change of its labels that could be undone.")


def _show(store: ResultsStore, sweep_id: str) -> None:
    found = store.labels(sweep_id)
    typer.echo(printable(f"Sweep {sweep_id}"))
    typer.echo(printable(f"  name: {found.name or '-'}"))
    typer.echo(printable(f"  tags: {' '.join(f'+{tag}' for tag in found.tags) or '-'}"))
    lines = (found.note or "-").splitlines() or ["-"]
    typer.echo(
        "\n".join(printable(f"  {'note:' if not i else '     '} {x}") for i, x in enumerate(lines))
    )
