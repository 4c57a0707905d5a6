"""Several fitted curves in one report: a table, a chart, and what holds for them."""

import json

import jsonschema
import pytest

from ray_bench.analysis.fit.measured import measured_curve
from ray_bench.report.charts import svg, vega_lite
from ray_bench.report.fit_curves import RELATIVE, FittedCurve, curves_json, curves_report
from ray_bench.report.markdown import markdown_report


def curve(name, rates, unit="images/s"):
    values = {n: (x,) for n, x in rates.items()}
    measured = measured_curve(values, "throughput", "weak", workers_per_node=8)
    return FittedCurve.of(name, measured, unit, None, (8, 16), 0.95)


@pytest.fixture(scope="module")
def curves():
    return [
        curve("ddp", {1: 100, 2: 190, 4: 360}),
        curve("fsdp [fast]", {1: 90, 2: 160, 4: 280}),
    ]


def test_one_table_has_every_curve_measured_and_predicted(curves):
    report = curves_report("runs.csv", curves, ["read: workers = column 'n'"], 0.95)
    (section,) = report.sections
    assert section.paragraphs[0] == "Read: workers = column 'n'."
    rows = [[cell.value for cell in row] for row in section.tables[0].rows]
    assert [row[:2] for row in rows] == [
        [name, n] for name in ("ddp", "fsdp [fast]") for n in (1, 2, 4, 8, 16)
    ]
    assert rows[2][2:] == pytest.approx([360, 3.6, 0.9])
    kinds = {row[2].kind for row in section.tables[0].rows}
    assert kinds == {"measured", "predicted"}
    assert report.answer == (
        "ddp: efficiency 90.0 % at 4 workers. fsdp [fast]: efficiency 77.8 % at 4 workers."
    )


def test_warnings_of_all_curves_are_said_once(curves):
    report = curves_report("runs.csv", curves, [], 0.95)
    words = [x.text for x in report.flags if x.key == "no_repeats"]
    assert len(words) == 1
    assert not words[0].startswith("ddp")


def test_one_chart_has_every_curve(curves):
    report = curves_report("runs.csv", curves, [], 0.95)
    (picture,) = report.pictures
    assert {row["curve"] for row in picture.rows} == {"ddp", "fsdp [fast]"}
    assert "3.60x with 4 workers" in picture.alt
    assert vega_lite(picture)["layer"]
    assert svg(picture).startswith("<svg")


def test_the_terminal_draws_the_chart(capsys, curves):
    from rich.console import Console

    from ray_bench.report.terminal import print_report

    report = curves_report("runs.csv", curves, [], 0.95)
    print_report(report, Console(width=90, force_terminal=False))
    out = capsys.readouterr().out
    assert "Speedup of every curve" in out
    assert "fsdp [fast]\n   1  1.00x" in out


def test_speedups_alone_have_no_throughput():
    found = [curve(x, {1: 1, 2: 1.9, 4: 3.5}, RELATIVE) for x in ("a", "b")]
    several = markdown_report(curves_report("a.csv", found, [], 0.95))
    one = markdown_report(curves_report("a.csv", found[:1], [], 0.95))
    for words in (one, several):
        assert "Throughput" not in words
        assert "samples/s" not in words
    assert "Speedup" in one


def test_a_unit_that_is_not_told_is_null(curves):
    untold = curve("", {1: 100, 2: 190, 4: 360}, None)
    document = json.loads(curves_json([untold], ["read"], 0.95))
    assert document["throughput_unit"] is None
    assert "samples/s" not in json.dumps(document)
    assert document["read"] == ["read"]
    assert "does not tell" in markdown_report(curves_report("a.csv", [untold], [], 0.95))


def test_the_json_of_several_is_a_list_of_those_of_one(curves):
    several = json.loads(curves_json(curves, [], 0.95))
    single = json.loads(curves_json(curves[:1], [], 0.95))
    assert [x["name"] for x in several["curves"]] == ["ddp", "fsdp [fast]"]
    assert {**several["curves"][0], "read": []} == {**single, "name": "ddp"}
    required = {"required": ["format_version", "read", "curves"]}
    jsonschema.validate(several, required)
