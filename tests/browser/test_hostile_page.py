"""Hostile text in every field is shown in the browser, and nothing of it lives."""

from __future__ import annotations

import pytest

from ray_bench.report.html.page import html_report
from tests.browser.conftest import PHONE, unfold
from tests.report.hostile import hostile_report

pytestmark = pytest.mark.browser


def test_nothing_of_it_lives(open_page, tmp_path):
    path = tmp_path / "hostile.html"
    path.write_text(html_report(hostile_report()), encoding="utf-8")
    opened = open_page(path, size=PHONE)
    page = unfold(opened.page)
    assert (opened.errors, opened.requests, opened.dialogs) == ([], [], [])
    assert page.locator("script").count() == 3
    assert page.locator("iframe, body b, svg[onload], [onerror], [onload]").count() == 0
    assert "<script>alert(1)</script>" in page.inner_text(".context")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for mark in page.locator("#chart-accuracy_time .mark-symbol path").all()[:3]:
        mark.hover(force=True)
        assert page.locator("#vg-tooltip-element :is(script, img, iframe, a)").count() == 0
    assert opened.dialogs == []
