"""The published schema of `report.json` (JSON Schema 2020-12), made from the report's own types."""

from __future__ import annotations

import json
from typing import Any, get_args

from ray_bench.report.cells import Kind, Unit
from ray_bench.report.json_parity import parity_schema, reference_schema, verdict_schema
from ray_bench.report.json_report import FORMAT_VERSION
from ray_bench.report.screen import Level

Schema = dict[str, Any]

#: A number has both bounds or none.
_BOUNDS = ("number", "null")

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
_KEY: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}


def report_schema() -> Schema:
    """Return the schema. Readers have to bear keys that it does not name: new ones may come."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ray-bench:report:{FORMAT_VERSION}",
        "title": "A scaling report of ray-bench",
        "description": "What `ray-bench report --format json` prints. Numbers have full precision, "
        "null is unknown or not applicable, never 0. format_version rises when a key changes its "
        "meaning or goes away; keys that are not named here may be added.",
        **_object(
            {
                "format_version": {"const": FORMAT_VERSION},
                "title": _TEXT,
                "sweep_id": _TEXT,
                "answer": {**_TEXT, "description": "the answer in one sentence or a few"},
                "screens": _array("screen", "what is seen first, one a curve; none of no sweep"),
                "flags": _array("flag", "what the reader has to be careful about"),
                "legend": {**_TEXT, "description": "how the printed reports write numbers"},
                "folds": _array("fold", "everything else by topic; none of what is no sweep"),
                "sections": _array("section", "in reading order; folds name them"),
                "parity": _array("parity", "whether more workers reach the same model"),
                "pictures": _array("picture", "what the charts draw; screens and folds name them"),
                "configuration": {"type": "object", "description": "of the sweep, whole"},
            }
        ),
        "$defs": {
            "screen": _screen(),
            "answer": _answer(),
            "caveat": _caveat(),
            "parity": parity_schema(),
            "verdict": verdict_schema(),
            "reference_verdict": reference_schema(),
            "next": _next(),
            "numbers": _numbers(),
            "panel": _panel(),
            "fold": _fold(),
            "flag": _flag(),
            "section": _section(),
            "table": _table(),
            "cell": {"oneOf": [_ref("text_cell"), _ref("number_cell"), _ref("unknown_cell")]},
            "text_cell": {**_object({"value": _TEXT}), "not": {"required": ["unit"]}},
            "number_cell": _number_cell(),
            "unknown_cell": _unknown_cell(),
            "unit": {"enum": list(get_args(Unit)), "description": "x: a ratio; frac: 0 to 1"},
            "picture": _picture(),
        },
    }


def schema_text() -> str:
    """Return the schema as it is published in docs/report.schema.json."""
    return json.dumps(report_schema(), indent=2) + "\n"


def _object(properties: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _array(name: str, words: str) -> Schema:
    return {"type": "array", "items": _ref(name), "description": words}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


_SIZE_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 1}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_BOOLEAN: Schema = {"type": "boolean"}


def _screen() -> Schema:
    return _object(
        {
            "name": {**_TEXT_OR_NULL, "description": "which of several curves"},
            "context": _TEXTS,
            "answer": _ref("answer"),
            "curve_title": {**_TEXT, "description": "the finding"},
            "curve": {**_TEXT_OR_NULL, "description": "key of a picture"},
            "numbers": _ref("numbers"),
            "panels": _array("panel", "pictures that say why"),
        }
    )


def _answer() -> Schema:
    return _object(
        {
            "lead": {**_TEXT, "description": "at most twelve words"},
            "gain": {**_or_null(_ref("cell")), "description": "the number of the lead"},
            "world_size": {**_SIZE_OR_NULL, "description": "null: no answer"},
            "why": {**_TEXT, "description": "how sure"},
            "limit": {**_TEXT, "description": "what stops it from scaling further"},
            "target": {**_TEXTS, "description": "what a target that was asked for takes"},
            "caveats": _array("caveat", "the worst first"),
            "next": _or_null(_ref("next")),
        }
    )


def _caveat() -> Schema:
    level = {"enum": list(get_args(Level))}
    fold = {**_TEXT_OR_NULL, "description": "key of the fold that says more"}
    return _object({"level": level, "head": _TEXT, "text": _TEXT, "fold": fold})


def _next() -> Schema:
    cell = _or_null(_ref("cell"))
    return _object(
        {
            "head": _TEXT,
            "world_size": _SIZE_OR_NULL,
            "time": cell,
            "cost": cell,
            "gain": {**cell, "description": "points of the probability of choosing right"},
            "command": {**_TEXT_OR_NULL, "description": "to copy"},
            "note": _TEXT,
        }
    )


def _numbers() -> Schema:
    size = _object(
        {
            "world_size": {"type": "integer", "minimum": 1},
            "is_measured": {**_BOOLEAN, "description": "else it is forecast"},
            "is_chosen": _BOOLEAN,
            "is_claimed": {**_BOOLEAN, "description": "false: more ranks than cores or GPUs"},
        }
    )
    quantity = _object(
        {
            "key": _KEY,
            "title": _TEXT,
            "note": _TEXT,
            "topic": _TEXT,
            "cells": _array("cell", "one a size"),
            "is_first": {**_BOOLEAN, "description": "stands under the curve"},
        }
    )
    return _object(
        {
            "sizes": {"type": "array", "items": size},
            "quantities": {"type": "array", "items": quantity},
            "foot": _TEXT,
        }
    )


def _panel() -> Schema:
    picture = {**_KEY, "description": "key of a picture"}
    return _object({"key": _KEY, "ask": _TEXT, "title": _TEXT, "picture": picture, "says": _TEXT})


def _fold() -> Schema:
    keys = {"type": "array", "items": _KEY}
    return _object(
        {
            "key": _KEY,
            "title": _TEXT,
            "says": {**_TEXT, "description": "what is in it, with its main number"},
            "has_numbers": {**_BOOLEAN, "description": "it shows the numbers of a screen"},
            "sections": {**keys, "description": "keys of sections"},
            "pictures": {**keys, "description": "keys of pictures"},
        }
    )


def _flag() -> Schema:
    runs = {"type": ["integer", "null"], "minimum": 0, "description": "null: the whole report"}
    return _object({"key": _KEY, "text": _TEXT, "num_runs": runs})


def _section() -> Schema:
    return _object(
        {
            "key": _KEY,
            "title": _TEXT,
            "paragraphs": _TEXTS,
            "tables": _array("table", "in reading order"),
            "code": {"type": ["string", "null"], "description": "text to be shown as it is"},
        }
    )


def _table() -> Schema:
    cells = {"type": "object", "propertyNames": _KEY, "additionalProperties": _ref("cell")}
    return _object(
        {
            "key": {**_KEY, "description": "unique in the report"},
            "title": _TEXT,
            "columns": {"type": "array", "items": _object({"key": _KEY, "title": _TEXT})},
            "rows": {"type": "array", "items": cells, "description": "cells by column key"},
            "notes": _TEXTS,
        }
    )


def _number_cell() -> Schema:
    kinds = [*get_args(Kind), None]
    words = "measured; derived: times something not measured with it; null: what was asked for"
    bounds = [_object({name: {"type": kind} for name in ("low", "high")}) for kind in _BOUNDS]
    return {
        **_object(
            {
                "value": {"type": "number"},
                "unit": _ref("unit"),
                "kind": {"enum": kinds, "description": f"predicted by a law; {words}"},
                "low": _NUMBER_OR_NULL,
                "high": _NUMBER_OR_NULL,
            },
            {"currency": {**_TEXT, "description": "with unit money"}},
        ),
        "oneOf": bounds,
        "description": "low and high: the 95 % interval",
    }


def _unknown_cell() -> Schema:
    nothing = {"type": "null"}
    unit = {"oneOf": [_ref("unit"), nothing]}
    names = ("value", "kind", "low", "high")
    return _object({**dict.fromkeys(names, nothing), "unit": unit}, {"currency": _TEXT})


def _picture() -> Schema:
    datum = {"type": ["number", "string", "boolean", "null"]}
    points = {"type": "object", "additionalProperties": datum}
    return _object(
        {
            "key": {**_KEY, "description": "unique among the pictures"},
            "title": _TEXT,
            "alt": {**_TEXT, "description": "what it shows, in words"},
            "section": {**_KEY, "description": "key of the section that it belongs to"},
            "chart": {**_KEY, "description": "what kind of chart it is"},
            "rows": {"type": "array", "items": points, "description": "every number in it"},
            "notes": _TEXTS,
        }
    )
