"""The page in a browser without network: it is quiet, whole, and says what the JSON report says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from ray_bench.report.cells import Cell
from ray_bench.report.json_report import json_report
from ray_bench.report.picture_fields import FIELDS
from tests.browser.conftest import DESKTOP, PHONE, pictured, unfold
from tests.report import readers
from tests.report.edge_cases import EDGES
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
#: What a reader is told before anything is moved, and where the page says it.
QUESTIONS = {
    "how many": ("h1.answer", "Use 4 workers"),
    "how much faster": ("h1.answer", "3.47\u00d7"),
    "how sure": ("h1.answer .ci", "3.41 to 3.54"),
    "what limits": (".limit", "optimizer"),
    "what next": (".next", "measure"),
}
MARKS = "path[d]:not([d='']), line, text"
#: What stands for data: not axes, grid, legends or background.
DATA_MARKS = "[class*='mark-symbol'] path, .mark-rect path, .mark-line path, .mark-area path"


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize(("case", "size", "scheme"), SEEN)
def test_it_is_quiet_whole_and_as_wide_as_the_screen(open_page, pages, case, size, scheme):
    opened = open_page(pages(case), size=size, scheme=scheme)
    unfold(opened.page)
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
    page = unfold(open_page(pages("golden"), size=PHONE).page)
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
    page = unfold(open_page(pages("golden")).page)
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
    page = unfold(open_page(pages("golden"), scheme=scheme, size=size).page)
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
    page = unfold(opened.page)
    label = "#chart-phases .role-axis-label text"
    before = page.locator(label).first.get_attribute("fill")
    page.get_by_role("button", name="Dark colours").click()
    page.wait_for_function(f"document.querySelector('{label}').getAttribute('fill') !== '{before}'")
    page.wait_for_function("document.documentElement.dataset.charts === 'drawn'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 22)"
    page.get_by_role("button", name="Light colours").click()
    page.wait_for_function(f"document.querySelector('{label}').getAttribute('fill') === '{before}'")
    assert opened.errors == []


def test_without_script_every_chart_is_an_image_with_words(open_page, pages):
    page = open_page(pages("golden"), script=False).page
    assert page.locator(".meteo .plot").last.is_visible()
    assert page.locator("[data-copy]").first.is_hidden()
    for summary in page.locator("details.fold > summary").all():
        summary.click()
    images = page.locator("figure img")
    assert images.count() == len(pictured(report_of("golden")))
    for image in images.all():
        assert image.is_visible()
        assert image.evaluate("x => x.naturalWidth") > 100
        assert len(image.get_attribute("alt") or "") > 40
    assert page.get_by_text("Next: measure").is_visible()
    assert overflow(page) <= 0


def test_paper_gets_the_light_drawings_and_no_controls(open_page, pages):
    page = open_page(pages("golden"), scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("figure img").first.is_visible()
    assert not page.locator("figure .chart").first.is_visible()
    assert page.locator("#fold-numbers table").is_visible()  # it was folded
    assert page.locator("#fold-numbers table").bounding_box()["height"] > 400
    assert not page.locator("#theme").is_visible()
    assert page.pdf().count(b"/Type /Page\n") > 4
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_keyboard_reaches_the_answer_and_wide_tables(open_page, pages):
    page = open_page(pages("golden"), size=PHONE).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('[data-copy], .scroll')")
    unfold(page)
    wide = page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(x => x.scrollWidth > x.clientWidth)
            .map(x => [x.tabIndex, x.getAttribute('role')])"""
    )
    assert len(wide) > 3
    assert all(x == [0, "region"] for x in wide)


def test_a_summary_opens_by_keyboard_and_its_charts_are_drawn_then(open_page, pages):
    page = open_page(pages("golden")).page
    assert page.locator("#chart-phases svg").count() == 0
    page.get_by_text("Inside a step").focus()
    page.locator("details.fold:has(#fold-steps) > summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#chart-phases svg")


@pytest.mark.parametrize("case", ["golden", "ten_sizes", "several_curves", "two_sizes", "failed"])
def test_the_first_chart_is_at_the_top_and_the_page_is_short(open_page, pages, case):
    page = open_page(pages(case), size=(1280, 800)).page
    assert page.locator("main > .hero .plot").last.bounding_box()["y"] <= 200
    assert page.evaluate("document.documentElement.scrollHeight") <= 2500


@pytest.mark.parametrize("case", EDGES)
def test_no_page_scrolls_sideways(open_page, pages, case):
    page = open_page(pages(case), size=(320, 700)).page
    assert overflow(page) <= 0
    for width in (390, 700, 900, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert overflow(page) <= 0, width


def test_five_questions_are_answered_before_anything_is_moved(open_page, pages):
    page = open_page(pages("golden"), size=(1280, 800)).page
    for question, (place, words) in QUESTIONS.items():
        found = page.locator(place).first
        assert words in found.inner_text(), question
        box = found.bounding_box()
        assert box["y"] + box["height"] <= 800, question


def test_columns_of_curve_and_numbers_are_the_same(open_page, pages):
    for size in (DESKTOP, PHONE):
        page = open_page(pages("golden"), size=size).page
        dots, heads = page.evaluate(
            """() => [
                [...document.querySelectorAll('.meteo .plot svg svg')].map(
                    x => x.querySelector('circle').getBoundingClientRect()),
                [...document.querySelectorAll('.meteo thead th')].slice(1).map(
                    x => x.getBoundingClientRect()),
            ].map(list => list.map(x => Math.round(x.left + x.width / 2)).sort((a, b) => a - b))"""
        )
        assert len(dots) == len(heads) == 6
        assert all(abs(x - y) <= 1 for x, y in zip(dots, heads, strict=True))


def test_a_caveat_leads_into_its_fold_and_a_command_is_copied(open_page, pages):
    opened = open_page(pages("golden"))
    page = opened.page
    page.locator(".believe a").first.click()
    assert page.locator("details:has(#fold-runs)").get_attribute("open") is not None
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy]").first.click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator(".cmd code").first.inner_text()
    assert opened.errors == []


@pytest.mark.parametrize("case", ["emulated", "standin", "oversubscribed"])
def test_what_is_not_what_it_seems_has_a_badge(open_page, pages, case):
    assert open_page(pages(case)).page.locator(".badge").is_visible()


def test_one_size_is_drawn_as_nothing_to_draw(open_page, pages):
    page = open_page(pages("one_size")).page
    assert page.locator(".empty").is_visible()
    assert page.locator(".meteo .plot").count() == 0
