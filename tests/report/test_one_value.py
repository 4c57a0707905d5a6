"""A quantity has one value: wherever the golden report says one, it is that of its one place."""

from __future__ import annotations

import json
import re

import pytest

from ray_bench.report.csv_report import csv_report
from ray_bench.report.format import show
from ray_bench.report.html.page import html_report
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from tests.report.readers import from_csv, text_of_html
from tests.report.reports import report_of, terminal

#: Field of a picture -> the quantity that it draws.
DRAWN = {"speedup": "speedup", "time_s": "run_time", "cost": "cost", "worker_s": "worker_time"}
#: Series of a curve that are no values of a size: lines to compare with.
LINES = ("ideal", "taken law", "Amdahl's law")


@pytest.fixture(scope="module")
def report():
    return report_of("golden")


@pytest.fixture(scope="module")
def document(report):
    return json.loads(json_report(report))


@pytest.fixture(scope="module")
def numbers(document):
    """The one value of every quantity, by key and world size."""
    found = document["screens"][0]["numbers"]
    sizes = [x["world_size"] for x in found["sizes"]]
    return {
        (x["key"], size): cell["value"]
        for x in found["quantities"]
        for size, cell in zip(sizes, x["cells"], strict=True)
    }


def test_no_quantity_stands_twice_among_the_numbers(document):
    found = document["screens"][0]["numbers"]["quantities"]
    named = [(x["title"], x["note"]) for x in found]
    assert len(set(named)) == len(named)


def test_no_table_repeats_a_quantity(document, numbers):
    """No cell of a table has the value of a number at the same world size, but what names a row."""
    measured = {
        k: v for k, v in numbers.items() if isinstance(v, float) and v != 1.0 and k[0] not in SHARED
    }
    for section in document["sections"]:
        for table in section["tables"]:
            for row in table["rows"]:
                size = row.get("world_size", {}).get("value")
                for column, cell in row.items():
                    if size == 1 and cell.get("kind") == "derived":
                        continue  # a sum over workers is that of the one worker
                    twice = [
                        key for (key, n), value in measured.items()
                        if n == size and value == cell["value"]
                    ]  # fmt: skip
                    assert not twice, (table["key"], column, twice)


#: Whole numbers and simple shares that others may equal by chance.
SHARED = ("best_choice", "best_measured", "lr", "batch", "runs")


def test_pictures_draw_the_numbers(document, numbers):
    seen = 0
    sizes = document["screens"][0]["numbers"]["sizes"]
    measured = {x["world_size"] for x in sizes if x["is_measured"]}
    for picture in (x for x in document["pictures"] if x["section"] != "network"):
        for row in picture["rows"]:
            size = row.get("world_size")
            if row.get("series") in LINES or row.get("per") == "epoch":
                continue
            if row.get("series") == "forecast" and size in measured:
                continue  # how near the forecast comes to what was measured
            for name, key in DRAWN.items():
                if (value := row.get(name)) is not None and (key, size) in numbers:
                    assert value == pytest.approx(numbers[key, size], rel=1e-9), picture["key"]
                    seen += 1
    assert seen > 10


def test_csv_has_the_same_numbers(report, numbers):
    lines = [x for x in from_csv(csv_report(report))["cell"] if x["table"] == "numbers"]
    by_row = {}
    for line in lines:
        by_row.setdefault(line["row"], {})[line["column"]] = line["value"]
    for row in by_row.values():
        size = int(row["world_size"])
        for key, text in row.items():
            if text and (value := numbers.get((key, size))) is not None:
                assert float(text) == value


@pytest.mark.parametrize("draw", [markdown_report, terminal, html_report])
def test_every_time_and_cost_in_the_text_is_one_of_the_numbers(report, draw):
    """The golden report once had 71.96 s and 75.56 s for one run, and 42.21 s and 44.32 s."""
    words = draw(report)
    text = text_of_html(words) if draw is html_report else words
    for wrong in (r"\b7[12]\.\d+ s", r"\b42\.\d* s", r"0\.120 USD", r"0\.141 USD"):
        assert not [x for x in re.findall(wrong, text) if x not in ALLOWED], wrong


#: The training of 4 workers up to the fifth epoch, which is no run: evaluation is beside it.
ALLOWED = ("72.0 s",)


def test_the_lead_has_the_number_of_its_place(report, numbers):
    answer = report.screens[0].answer
    assert answer.gain.value == numbers["speedup", answer.world_size]
    assert show(answer.gain).value in answer.lead
