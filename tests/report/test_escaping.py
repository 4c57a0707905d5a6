"""Hostile text in every field of every format: it is shown, and nothing of it lives."""

from __future__ import annotations

import base64
import functools
import html
import json
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from ray_bench.report.charts import is_drawing
from ray_bench.report.csv_report import csv_report
from ray_bench.report.html.page import html_report
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import Report
from tests.report.hostile import HOSTILE, hostile_report
from tests.report.reports import terminal

FORMATS = {
    "html": html_report,
    "md": markdown_report,
    "json": json_report,
    "csv": csv_report,
    "terminal": lambda report: terminal(report, 400),
}
#: Elements of a page. Another one, or an `on...` attribute, would be somebody else's.
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "script", "header", "footer", "main"),
    *("nav", "section", "div", "span", "p", "a", "h1", "h2", "h3", "strong", "code", "pre", "abbr"),
    *("button", "details", "summary", "ol", "ul", "li", "dl", "dt", "dd", "figure", "figcaption"),
    *("img", "table", "caption", "thead", "tbody", "tr", "th", "td", "small", "b", "i"),
    *("svg", "path", "circle", "g"),
}


@functools.cache
def hostile() -> Report:
    return hostile_report()


@functools.cache
def written(form: str) -> str:
    return FORMATS[form](hostile())


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_there_and_no_control_character_is(form):
    assert "alert(1)" in written(form)
    live = {ch for ch in written(form) if unicodedata.category(ch) in ("Cc", "Cf", "Zl", "Zp")}
    assert live - {"\n", "\r", "\t"} == set(), form


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.found and self.found[-1][0] == "script":
            self.scripts[-1] += data


def test_a_page_has_no_element_attribute_or_address_but_its_own():
    parser = Elements()
    parser.feed(written("html"))
    assert {tag for tag, _ in parser.found} <= ELEMENTS
    for tag, attributes in parser.found:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert (attributes.get("href") or "#").startswith("#")
        assert (attributes.get("src") or "data:image/svg+xml;base64,").startswith(
            "data:image/svg+xml;base64,"
        )
    kinds = [attributes.get("type") for tag, attributes in parser.found if tag == "script"]
    assert kinds == ["application/json", None, None]
    specs = json.loads(parser.scripts[0])["specs"]
    folded = {picture.key: picture for fold in hostile().folds for picture in fold.pictures}
    assert set(specs) == {key for key, x in folded.items() if not is_drawing(x)}
    assert not re.search("[<>&\u2028\u2029]", parser.scripts[0])
    assert "{{ 7 * 7 }} {% raw %}" in written("html")


def test_images_of_a_page_hold_neither_script_nor_address():
    images = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', written("html"))
    folded = {picture.key: picture for fold in hostile().folds for picture in fold.pictures}
    assert len(images) == len([x for x in folded.values() if not is_drawing(x)])
    for image in images:
        for element in ElementTree.fromstring(base64.b64decode(image)).iter():
            assert element.tag.rpartition("}")[2] in {
                *("svg", "g", "path", "text", "line", "rect", "defs", "clipPath", "tspan"),
                *("linearGradient", "stop", "style"),
            }
            assert not [x for x in element.attrib if x.startswith("on") or "href" in x]


def test_the_policy_of_a_page_forbids_requests_and_foreign_scripts():
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', written("html"))
    rules = dict(rule.split(" ", 1) for rule in html.unescape(policy).split("; "))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"('sha256-[\w+/=]+' ?){2}", rules["script-src"])
    assert rules["img-src"] == "data:"


def test_markdown_has_no_link_image_or_element():
    page = re.sub(r"(?ms)^(`{3,})(?:sh)?\n.*?^\1\n", "", written("md"))  # code is shown as it is
    page = re.sub(r"(?m)^<details>\n<summary><b>([^<>]*)</b>([^<>]*)</summary>$", r"\1\2", page)
    page = re.sub(r"(?m)^</details>$", "", page)
    assert not re.search(r"<[a-z!/]", page, re.IGNORECASE)
    assert not re.search(r"(?<!\\)\]\(", page)
    assert len(re.findall(r"(?m)^# ", page)) == 1


def test_json_gives_every_text_back_as_it_was():
    values = json.loads(written("json"))
    assert values["sweep_id"] == f"sweep-1{HOSTILE}"
    assert values["title"].endswith(HOSTILE)
