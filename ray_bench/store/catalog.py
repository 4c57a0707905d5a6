"""The sweeps of a store at a glance, what people call them, and which one a word means."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, final

from ray_bench.errors import ConfigError, StoreError
from ray_bench.records import SweepRecord
from ray_bench.store.answers import AnswerRecord
from ray_bench.store.index import Index
from ray_bench.store.labels import LabelRecord, Labels, labels_of
from ray_bench.store.location import Location, safe_name
from ray_bench.store.rows import plain, records_of, sweep_of
from ray_bench.store.run_files import folder
from ray_bench.store.summary import SweepSummary, summarised
from ray_bench.store.tables import read_tables, table_bytes

#: Sweeps that an error names.
_MOST_NAMED = 5


@final
class Catalog:
    """What is known of sweeps without reading what their runs measured.

    Args:
        location: of the results.
        say: told what a person should know.
    """

    def __init__(self, location: Location, say: Callable[[str], object]) -> None:
        self._location = location
        self._say = say

    def summaries(self) -> tuple[SweepSummary, ...]:
        """Return every sweep, newest first."""
        tables = ("sweeps", "runs", "labels", "answers")
        found = dict(zip(tables, self._location.each(self._rows, tables), strict=True))
        return tuple(
            summarised(
                reversed(by_age(found["sweeps"])),
                found["runs"],
                _labels(found["labels"]),
                {row["sweep_id"]: AnswerRecord(**row) for row in found["answers"]},
            )
        )

    def write_label(self, change: LabelRecord) -> None:
        """Store a change of a sweep's labels, beside all others."""
        name = f"{folder('labels', change.sweep_id)}/{safe_name(change.label_id)}.parquet"
        self._location.write_once(name, table_bytes("labels", [plain(change)]))

    def changes(self, sweep_id: str) -> list[LabelRecord]:
        """Return the changes of a sweep's labels."""
        names = self._location.names(folder("labels", sweep_id))
        found = read_tables(self._location, "labels", names)
        return records_of(LabelRecord, [row for table in found for row in table.to_pylist()])

    def labels(self) -> Mapping[str, Labels]:
        """Return the labels of every sweep that has any."""
        return _labels(self._rows("labels"))

    def check_free(self, name: str, sweep_id: str) -> None:
        """Refuse a name that another sweep has.

        Raises:
            ConfigError: If one has.
        """
        for other, labels in self.labels().items():
            if labels.name == name and other != sweep_id:
                raise ConfigError(
                    f"Sweep {other} has the name {name!r} already. Take it away with `ray-bench "
                    f"tag {self._location.root} {other} name=`, or give another one; a tag may "
                    "be of many sweeps."
                )

    def write_answer(self, answer: AnswerRecord) -> None:
        """Store an answer in place of an earlier one."""
        name = f"answers/{safe_name(answer.sweep_id)}.parquet"
        self._location.write(name, table_bytes("answers", [plain(answer)]))

    def meant(self, word: str) -> str:
        """Return the id of the sweep that a word means: a name, a tag, or the start of an id.

        Raises:
            StoreError: If there is none, or more than one; names them.
        """
        sweeps = [x.sweep_id for x in by_age(self._rows("sweeps"))]
        labels = {key: x for key, x in self.labels().items() if key in sweeps}
        named = [x for x in sweeps if x in labels and labels[x].name == word]
        tagged = [x for x in sweeps if x in labels and word in labels[x].tags]
        begun = [x for x in sweeps if x.startswith(word)] if word else []
        found = list(dict.fromkeys([*named, *tagged[-1:]])) or begun
        if not found:
            self._raise_unknown(word, sweeps, labels)
        if len(found) > 1:
            self._raise_ambiguous(word, found, labels)
        how = f"named {word!r}" if named else f"the newest with the tag {word!r}"
        if named or tagged:
            self._say(f"Sweep {found[0]}, {how}.")
        return found[0]

    def raise_empty(self) -> NoReturn:
        """Raise that there is nothing."""
        root = self._location.root
        why = "has no results" if self._location.exists() else "does not exist"
        raise StoreError(f"{root} {why}. Measure first: ray-bench run demo --results {root}")

    def _raise_ambiguous(
        self, word: str, found: Sequence[str], labels: Mapping[str, Labels]
    ) -> NoReturn:
        more = "" if len(found) <= _MOST_NAMED else f", and {len(found) - _MOST_NAMED} more"
        shown = ", ".join(_called(x, labels) for x in found[-_MOST_NAMED:])
        raise StoreError(
            f"{word!r} may be {len(found)} sweeps of {self._location.root}: {shown}{more}. Give "
            "the whole id of one."
        )

    def _raise_unknown(
        self, word: str, sweeps: Sequence[str], labels: Mapping[str, Labels]
    ) -> NoReturn:
        root = self._location.root
        if not sweeps:
            self.raise_empty()
        words = {name for x in labels.values() for name in (x.name, *x.tags) if name}
        close = difflib.get_close_matches(word, [*sweeps, *sorted(words)], n=1, cutoff=0.5)
        shown = ", ".join(_called(x, labels) for x in sweeps[-_MOST_NAMED:])
        hint = f"Did you mean {close[0]!r}?" if close else f"It has: {shown}."
        raise StoreError(
            f"{root} has no sweep {word!r}, and none of this name or tag. {hint} "
            f"`ray-bench list {root}` shows all."
        )

    def _rows(self, table: str) -> list[dict[str, Any]]:
        rows, errors = Index(self._location, table).rows()
        for error in errors:
            self._say(f"note: a {_KINDS[table]} is left out. {error}")
        return rows


_KINDS = {"sweeps": "sweep", "runs": "run", "labels": "label", "answers": "stored answer"}


def by_age(rows: Iterable[Mapping[str, Any]]) -> tuple[SweepRecord, ...]:
    """Return rows of the table of sweeps as records, oldest first."""
    sweeps = map(sweep_of, rows)
    return tuple(sorted(sweeps, key=lambda sweep: (sweep.created_at_utc, sweep.sweep_id)))


def _labels(rows: Iterable[Mapping[str, Any]]) -> dict[str, Labels]:
    changes: dict[str, list[LabelRecord]] = defaultdict(list)
    for record in records_of(LabelRecord, rows):
        changes[record.sweep_id].append(record)
    return {sweep_id: labels_of(found) for sweep_id, found in changes.items()}


def _called(sweep_id: str, labels: Mapping[str, Labels]) -> str:
    """Return an id, with its name and tags."""
    found = labels.get(sweep_id, Labels())
    words = [*([found.name] if found.name else []), *(f"+{tag}" for tag in found.tags)]
    return f"{sweep_id} ({' '.join(words)})" if words else sweep_id
