"""What people call a sweep: its name, tags and note, as changes that are only ever added.

Every change is a file of its own, so that of two people who label at once neither loses anything,
on an object store either. What holds is made of the changes in the order of their times.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ray_bench.errors import ConfigError

_MAX_NAME, _MAX_TAG, _MAX_NOTE = 80, 40, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRecord:
    """A change of a sweep's labels.

    Attributes:
        label_id: of the change.
        name: the new name; empty takes the name away; None leaves it.
        note: the new note; the same.
        added: tags, without a sign.
        removed: tags that it loses.
        undone_id: the change that this one takes back; it changes nothing else.
    """

    sweep_id: str
    label_id: str
    changed_at_utc: datetime
    name: str | None = None
    note: str | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    undone_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a sweep is called at the end of its changes."""

    name: str | None = None
    tags: tuple[str, ...] = ()  # in the order in which they came
    note: str | None = None


def labels_of(changes: Iterable[LabelRecord]) -> Labels:
    """Return what changes of one sweep come to."""
    found = Labels()
    for change in standing(changes):
        kept = [tag for tag in found.tags if tag not in change.removed]
        found = replace(
            found,
            tags=tuple(dict.fromkeys([*kept, *change.added])),
            name=found.name if change.name is None else change.name or None,
            note=found.note if change.note is None else change.note or None,
        )
    return found


def standing(changes: Iterable[LabelRecord]) -> list[LabelRecord]:
    """Return the changes that nobody took back, oldest first."""
    ordered = sorted(changes, key=lambda x: (x.changed_at_utc, x.label_id))
    undone = {x.undone_id for x in ordered}
    return [x for x in ordered if x.undone_id is None and x.label_id not in undone]


def change_of(
    sweep_id: str,
    *,
    name: str | None = None,
    note: str | None = None,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    undone_id: str | None = None,
) -> LabelRecord:
    """Return a change that is made now; the arguments are those of a LabelRecord.

    Raises:
        ConfigError: A name, tag or note cannot be one.
    """
    _check(name, note, (*added, *removed))
    now = datetime.now(UTC)
    return LabelRecord(
        sweep_id=sweep_id,
        label_id=f"{now:%Y%m%dT%H%M%S%fZ}-{uuid.uuid4().hex[:8]}",
        changed_at_utc=now,
        name=name,
        note=note,
        added=tuple(added),
        removed=tuple(removed),
        undone_id=undone_id,
    )


def _check(name: str | None, note: str | None, tags: Sequence[str]) -> None:
    if name and (len(name) > _MAX_NAME or not name.isprintable() or name != name.strip()):
        raise ConfigError(
            f"A name is one line of at most {_MAX_NAME} characters, got {name[:100]!r}."
        )
    for tag in tags:
        is_word = tag.isprintable() and not any(c.isspace() or c in "=," for c in tag)
        if not tag or len(tag) > _MAX_TAG or not is_word or tag[0] in "+-":
            raise ConfigError(
                f"A tag is a word of at most {_MAX_TAG} characters, without blanks, = and commas, "
                f"like nightly; got {tag[:100]!r}."
            )
    if note is not None and len(note) > _MAX_NOTE:
        raise ConfigError(f"A note has at most {_MAX_NOTE} characters, got {len(note)}.")
