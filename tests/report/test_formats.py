"""All formats of a report say the same: each is read back, and held against the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ray_bench.report.cells import Cell, Section, Table, asked, table, text
from ray_bench.report.csv_report import COLUMNS, csv_report
from ray_bench.report.flags import Flag
from ray_bench.report.format import clean
from ray_bench.report.html.page import html_report
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import escape, markdown_report
from ray_bench.report.model import Report
from ray_bench.report.screens.numbers_table import report_tables
from ray_bench.report.screens.spoken import lead_words
from tests.report import readers
from tests.report.reports import report_of, terminal

CHOSEN = ("golden", "rules", "unknown", "no_price", "straggler")


@pytest.fixture(params=CHOSEN)
def report(request) -> Report:
    return report_of(request.param)


def cells(report: Report, tables: Sequence[Table] = ()) -> dict[tuple[str, int, str], Cell]:
    """Every cell of the tables, by default of the sections', by table, row (from 1) and column."""
    return {
        (table.key, number, column.key): cell
        for table in tables or [x for section in report.sections for x in section.tables]
        for number, row in enumerate(table.rows, start=1)
        for column, cell in zip(table.columns, row, strict=True)
    }


def check_page(read: list[readers.Read], report: Report) -> None:
    """Every table is there, in order, and every cell says what the model has."""
    tables = readers.drawn_tables(report)
    assert [x.title for x in read] == [clean(x.title) for x in tables]
    for found, drawn in zip(read, tables, strict=True):
        assert found.heads == [clean(column.title) for column in drawn.columns]
        for texts, row in zip(found.rows, drawn.rows, strict=True):
            wrong = [
                (shown, cell)
                for shown, cell in zip(texts, row, strict=True)
                if not readers.agrees(shown, cell)
            ]
            assert not wrong, drawn.title


def sentences(report: Report) -> list[str]:
    """Everything that is said in words outside of tables."""
    words = [report.title, report.answer, report.legend, *(x.text for x in report.flags)]
    for section in report.sections:
        words += [section.title, *section.paragraphs]
        words += [note for table in section.tables for note in table.notes]
    return [clean(x) for x in words]


def drawn_sentences(report: Report) -> list[str]:
    """The same where the answer is drawn in its parts."""
    words = [x for x in sentences(report) if x != clean(report.answer)]
    for answer in (screen.answer for screen in report.screens):
        words += [lead_words(answer), answer.why, answer.limit]
        words += [x for caveat in answer.caveats for x in (caveat.head, caveat.text)]
    return [clean(x) for x in words]


def test_markdown_says_what_the_model_says(report):
    page = markdown_report(report)
    check_page(readers.from_markdown(page), report)
    plain = page.replace("\\", "")
    assert [x for x in drawn_sentences(report) if escape(x).replace("\\", "") not in plain] == []


def test_the_terminal_says_what_the_model_says(report):
    check_page(readers.from_terminal(report), report)
    page = terminal(report, readers.WIDE)
    assert [x for x in drawn_sentences(report) if x not in page] == []


def test_html_says_what_the_model_says(report):
    # Charts have tests of their own, and so has the first screen.
    folds = tuple(replace(x, pictures=()) for x in report.folds)
    page = html_report(replace(report, pictures=(), folds=folds))
    places = {clean(x.title): i for i, x in enumerate(readers.drawn_tables(report))}
    # Folds have another order than sections.
    read = [x for x in readers.from_html(page) if x.title in places]
    read.sort(key=lambda x: places[x.title])
    for table_read in read:
        # A column without a heading needs a name for those who hear the page.
        table_read.heads = ["" if head == "Quantity" else head for head in table_read.heads]
    check_page(read, report)
    texts = " ".join(readers.text_of_html(page).split())
    # The first screen has an answer and a title of its own, and the page signs for letters.
    own = {clean(x) for x in (report.answer, report.title, report.legend)}
    said = [" ".join(x.split()) for x in sentences(report) if x not in own]
    assert [x for x in said if x not in texts] == []


def test_json_has_every_cell_in_full_precision(report):
    names = ("value", "unit", "kind", "low", "high")
    found = readers.from_json(json_report(report))
    model = cells(report)
    assert found.keys() == model.keys()
    for place, cell in model.items():
        if isinstance(cell.value, str):
            assert found[place] == {"value": cell.value}
        else:
            assert [found[place][x] for x in names] == [getattr(cell, x) for x in names], place
            assert found[place].get("currency") == cell.currency


def test_csv_has_every_cell_in_full_precision(report):
    lines = readers.from_csv(csv_report(report))
    found = {(x["table"], int(x["row"]), x["column"]): x for x in lines["cell"]}
    model = cells(report, report_tables(report))
    assert len(lines["cell"]) == len(model)
    assert found.keys() == model.keys()
    for place, cell in model.items():
        line = found[place]
        assert [line[x] or None for x in ("unit", "kind", "currency")] == [
            cell.unit,
            cell.kind,
            cell.currency,
        ]
        if isinstance(cell.value, str):
            assert line["value"].removeprefix("'") == clean(cell.value)
            continue
        for name in ("value", "low", "high"):
            assert (float(line[name]) if line[name] else None) == getattr(cell, name), place


def test_csv_has_every_sentence_and_every_point(report):
    lines = readers.from_csv(csv_report(report))
    said = {x["value"] for name in lines for x in lines[name]}
    titles = {clean(section.title) for section in report.sections}
    assert [x for x in sentences(report) if x not in said | titles] == []
    assert [x["value"] for x in lines["picture"]] == [clean(x.alt) for x in report.pictures]
    assert len(lines["point"]) == sum(len(row) for x in report.pictures for row in x.rows)
    code = [x["value"] for x in lines["code"]]
    want = [clean(y) for s in report.sections for y in (s.code or "").splitlines()]
    assert [x.removeprefix("'") for x in code] == want


def test_a_page_that_says_another_number_is_noticed():
    cell = Cell(1.7917, "x", "measured", 1.71, 1.88)
    assert readers.agrees("1.79x (1.71 to 1.88)", cell)
    for wrong in ("1.80x (1.71 to 1.88)", "1.79x", "1.79 s", "-", "x"):
        assert not readers.agrees(wrong, cell)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\x00=", "\uff1d", "\u202e="])
def test_csv_holds_nothing_that_a_spreadsheet_would_compute(start):
    evil = f"{start}cmd|' /C calc'!A0"
    row = (text(evil), asked(-3))
    tables = (table("t", evil, {"a": evil, "b": evil}, [row], [evil]),)
    section = Section("s", evil, (evil,), tables, f"{evil}\n{evil}")
    flags = (Flag("f", evil),)
    made = Report(title=evil, sweep_id=evil, answer=evil, flags=flags, sections=(section,))
    lines = readers.from_csv(csv_report(made))
    said = [x["value"] for what in lines for x in lines[what] if "cmd" in x["value"]]
    assert len(said) == 9
    assert all(x.startswith("'") for x in said)
    assert "-3" in [x["value"] for x in lines["cell"]]


def test_csv_is_one_line_a_row():
    page = csv_report(report_of("golden"))
    assert page.splitlines()[0] == ",".join(COLUMNS)
    assert len(page.splitlines()) == 1 + sum(len(x) for x in readers.from_csv(page).values())
