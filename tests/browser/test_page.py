"""The page in a browser without network: it is quiet, whole, and says what the JSON report says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from ray_bench.report.cells import Cell
from ray_bench.report.json_report import json_report
from ray_bench.report.picture_fields import FIELDS
from tests.browser.conftest import DESKTOP, PHONE, pictured
from tests.report import readers
from tests.report.reports import report_of

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
#: `golden` has every kind of chart; the others have several rules, failures, or no run at all.
SEEN = (
    *(("golden", size, scheme) for size in (DESKTOP, PHONE) for scheme in ("light", "dark")),
    ("rules", PHONE, "light"),
    ("some_failed", DESKTOP, "dark"),
    ("all_failed", PHONE, "dark"),
)
MARKS = "path[d]:not([d='']), line, text"
#: What stands for data: not axes, grid, legends or background.
DATA_MARKS = "[class*='mark-symbol'] path, .mark-rect path, .mark-line path, .mark-area path"


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize(("case", "size", "scheme"), SEEN)
def test_it_is_quiet_whole_and_as_wide_as_the_screen(open_page, pages, case, size, scheme):
    opened = open_page(pages(case), size=size, scheme=scheme)
    assert (opened.errors, opened.requests, opened.dialogs) == ([], [], [])
    assert overflow(opened.page) <= 0
    drawn = opened.page.evaluate(
        """marks => Object.fromEntries([...document.querySelectorAll('.chart')].map(chart => [
            chart.id.replace('chart-', ''),
            [...chart.querySelectorAll(`svg g.mark-group.role-frame ${marks}`)].length]))""",
        MARKS,
    )
    assert set(drawn) == pictured(report_of(case))
    assert [key for key, count in drawn.items() if count == 0] == []


def test_every_chart_shows_data_and_fits_its_place(open_page, pages):
    page = open_page(pages("golden"), size=PHONE).page
    for key in pictured(report_of("golden")):
        chart = page.locator(f"#chart-{key}")
        assert chart.locator(DATA_MARKS).count() > 0, key
        widths = chart.evaluate(
            "x => [x.querySelector('svg').getBoundingClientRect().width, x.clientWidth]"
        )
        assert widths[0] <= widths[1] + 1, key


def told(page: Page) -> dict[str, str]:
    """The tooltip's text by heading; empty where none is shown."""
    return page.evaluate(
        """() => Object.fromEntries(
            [...document.querySelectorAll('#vg-tooltip-element.visible tr')].map(
                row => [...row.cells].map(cell => cell.textContent)))"""
    )


def row_says(row: dict, texts: dict[str, str]) -> bool:
    """Whether a row of the JSON report has what a tooltip says."""
    for heading, text in texts.items():
        names = [x for x in FIELDS if FIELDS[x].title == heading]
        if not any(value_says(row, name, text) for name in names):
            return False
    return True


def value_says(row: dict, name: str, text: str) -> bool:
    value = row.get(name)
    if isinstance(value, bool):
        return text == ("yes" if value else "no")
    if isinstance(value, str):
        return text == value
    bounds = (row.get(f"{name}_low"), row.get(f"{name}_high"))
    return readers.agrees(text, Cell(value, FIELDS[name].unit, None, *bounds))


@pytest.mark.parametrize("key", sorted(pictured(report_of("golden"))))
def test_tooltips_say_what_the_json_report_says(open_page, pages, key):
    page = open_page(pages("golden")).page
    pictures = {x["key"]: x for x in json.loads(json_report(report_of("golden")))["pictures"]}
    chart = page.locator(f"#chart-{key}")
    chart.scroll_into_view_if_needed()
    found = []
    for mark in chart.locator(DATA_MARKS).all():
        box = mark.bounding_box()
        if box is None or len(found) >= 8:
            continue
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if texts := told(page):
            found.append(texts)
    assert found, "no mark of the chart has a tooltip"
    rows = pictures[key]["rows"]
    assert [texts for texts in found if not any(row_says(row, texts) for row in rows)] == []


def test_a_tooltip_with_another_number_would_be_noticed():
    row = {"world_size": 2, "speedup": 1.7917, "speedup_low": 1.71, "speedup_high": 1.88}
    assert row_says(row, {"Workers": "2", "Speedup": "1.79x (1.71 to 1.88)"})
    assert not row_says(row, {"Workers": "2", "Speedup": "1.80x (1.71 to 1.88)"})
    assert not row_says(row, {"Workers": "4", "Speedup": "1.79x (1.71 to 1.88)"})


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_no_serious_violation(open_page, pages, scheme, size):
    page = open_page(pages("golden"), scheme=scheme, size=size).page
    page.evaluate("document.querySelectorAll('details').forEach(x => { x.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document)")
    assert {x["id"] for x in result["passes"]} >= {"color-contrast", "bypass"}
    serious = [
        (x["id"], x["impact"], [node["html"][:200] for node in x["nodes"]][:3])
        for x in result["violations"]
        if x["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_colours_can_be_changed_and_charts_follow(open_page, pages):
    opened = open_page(pages("golden"))
    page = opened.page
    label = "#chart-speedup .role-axis-label text"
    before = page.locator(label).first.get_attribute("fill")
    page.get_by_role("button", name="Dark colours").click()
    page.wait_for_function(f"document.querySelector('{label}').getAttribute('fill') !== '{before}'")
    page.wait_for_function("document.documentElement.dataset.charts === 'drawn'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    page.get_by_role("button", name="Light colours").click()
    page.wait_for_function(f"document.querySelector('{label}').getAttribute('fill') === '{before}'")
    assert opened.errors == []


def test_without_script_every_chart_is_an_image_with_words(open_page, pages):
    page = open_page(pages("golden"), script=False).page
    images = page.locator("figure img")
    assert images.count() == len(report_of("golden").pictures)
    for image in images.all():
        assert image.is_visible()
        assert image.evaluate("x => x.naturalWidth") > 100
        assert len(image.get_attribute("alt") or "") > 40
    assert page.get_by_text("What to do next").is_visible()
    assert overflow(page) <= 0


def test_paper_gets_the_light_drawings_and_no_controls(open_page, pages):
    page = open_page(pages("golden"), scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("figure img").first.is_visible()
    assert not page.locator("figure .chart").first.is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_keyboard_reaches_the_answer_and_wide_tables(open_page, pages):
    page = open_page(pages("golden"), size=PHONE).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "answer"
    wide = page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(x => x.scrollWidth > x.clientWidth)
            .map(x => [x.tabIndex, x.getAttribute('role')])"""
    )
    assert len(wide) > 3
    assert all(x == [0, "region"] for x in wide)
