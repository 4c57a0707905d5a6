"""Where it was measured: one table, in which only what differs is said more than once."""

from __future__ import annotations

from dataclasses import asdict

from ray_bench.records import Results
from ray_bench.report.cells import Cell, Table, asked, table, text


def environment_table(results: Results) -> Table:
    """Return every fact once, or once for each environment where they differ."""
    facts = {key: asdict(environment) for key, environment in results.environments.items()}
    labels = {key: _label(results, key) for key in facts}
    names = next(iter(facts.values()), {})
    rows = [row for name in names for row in _rows(name, facts, labels)]
    notes = []
    if len(facts) > 1:
        notes.append("Where environments differ, a fact has a row for each, with its workers.")
    columns = {"what": "What", "value": "Value"}
    return table("environment", "Environment", columns, rows, notes)


def _rows(
    name: str, facts: dict[str, dict[str, object]], labels: dict[str, str]
) -> list[tuple[Cell, ...]]:
    what = name.removesuffix("_bytes").replace("_", " ")
    values = {key: fact[name] for key, fact in facts.items()}
    if len({repr(value) for value in values.values()}) == 1:
        return [(text(what), _fact(name, next(iter(values.values()))))]
    return [(text(f"{what}, {labels[key]}"), _fact(name, x)) for key, x in values.items()]


def _label(results: Results, key: str) -> str:
    """Return the world sizes that ran in an environment, with placement where one was asked for.

    And its hash where others ran them too.
    """
    places = _places(results, key)
    words = ", ".join(f"{n} {where}".strip() for n, where in sorted(places))
    words += f" worker{'s' * ({n for n, _ in places} != {1})}"
    others = [other for other in results.environments if other != key]
    is_shared = any(places & _places(results, other) for other in others)
    return words if places and not is_shared else f"{words} in {key}" if places else key


def _places(results: Results, key: str) -> set[tuple[int, str]]:
    points = (run.point for run in results.runs if run.environment_hash == key)
    return {(point.world_size, point.placement or "") for point in points}


def _fact(name: str, value: object) -> Cell:
    if value is None or value == ():
        return text(None)
    if name.endswith("_bytes") and isinstance(value, int):
        return asked(value, "bytes")
    if isinstance(value, tuple):
        return text(", ".join(str(x) for x in value))
    return text(str(value))
