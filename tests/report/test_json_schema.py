"""The published schema of report.json: every report is valid, broken ones are not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ray_bench.cli.main import main
from ray_bench.report.json_report import json_report
from ray_bench.report.json_schema import report_schema, schema_text
from tests.report.reports import CASES, report_of

PAGE = Path(__file__).parents[2] / "docs" / "report.schema.json"


def closed(schema: Any) -> Any:
    """The schema without room for keys that it does not name, so that none is left undocumented."""
    if isinstance(schema, list):
        return [closed(x) for x in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    # Bounds of a number are a second look at an object that is described already.
    if "properties" in found and set(found["properties"]) != {"low", "high"}:
        found["additionalProperties"] = False
    return found


CLOSED = Draft202012Validator(closed(report_schema()))
VALID = json.loads(json_report(report_of("golden")))


def test_it_is_a_schema():
    rules = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    assert list(rules.iter_errors(report_schema())) == []
    assert list(rules.iter_errors({"type": "nonsense"}))


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == schema_text(), "run: make docs"


@pytest.mark.parametrize("case", ["golden", "rules", "unknown", "no_price", "straggler"])
def test_reports_are_valid_and_have_no_key_that_is_not_documented(case):
    assert not list(CLOSED.iter_errors(json.loads(json_report(report_of(case)))))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_report_is_valid(case):
    assert not list(CLOSED.iter_errors(json.loads(json_report(report_of(case)))))


def cell(document: dict) -> dict:
    """A number with an interval."""
    (found,) = (x for x in document["sections"] if x["key"] == "predictions")
    return found["tables"][1]["rows"][1]["law"]


BROKEN = {
    "no answer": lambda x: x.pop("answer"),
    "another version": lambda x: x.update(format_version=99),
    "a number as text": lambda x: cell(x).update(value="1.9"),
    "unknown, but with a kind": lambda x: cell(x).update(value=None),
    "an unknown unit": lambda x: cell(x).update(unit="parsec"),
    "an unknown kind": lambda x: cell(x).update(kind="guessed"),
    "half an interval": lambda x: cell(x).update(low=None),
    "no unit": lambda x: cell(x).pop("unit"),
    "a table without rows": lambda x: x["sections"][0]["tables"][0].pop("rows"),
    "a picture without words": lambda x: x["pictures"][0].pop("alt"),
    "a picture with a list in it": lambda x: x["pictures"][0]["rows"][0].update(x=[1]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_report_is_not(what):
    document = copy.deepcopy(VALID)
    BROKEN[what](document)
    assert not Draft202012Validator(report_schema()).is_valid(document)


def test_new_keys_are_no_reason_to_refuse_a_report():
    assert Draft202012Validator(report_schema()).is_valid({**VALID, "later": 1})


def test_the_command_prints_it(capsys):
    with pytest.raises(SystemExit) as end:
        main(["report", "--schema"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out) == report_schema()
