"""Chromium, driven by Playwright, and pages of reports that it opens from a folder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from ray_bench.report.charts import is_drawing
from ray_bench.report.html.page import html_report
from ray_bench.report.model import Report
from tests.report.edge_cases import EDGES, edge_report
from tests.report.reports import report_of

CHROMIUM = "/usr/bin/chromium"
INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
DRAWN = "document.documentElement.dataset.charts === 'drawn'"
DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium; it is installed where that is allowed."""
    if not Path(CHROMIUM).exists() and shutil.which("apt-get"):
        subprocess.run(INSTALL, check=False, capture_output=True)
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not there, and `{' '.join(INSTALL)}` did not bring it")
    return CHROMIUM


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> Callable[[str], Path]:
    """The file of a case's page; made once."""
    folder = tmp_path_factory.mktemp("pages")

    def path_of(case: str) -> Path:
        path = folder / f"{case}.html"
        if not path.exists():
            report = edge_report(case) if case in EDGES else report_of(case)
            path.write_text(html_report(report), encoding="utf-8")
        return path

    return path_of


@dataclass
class Opened:
    """A page in the browser, and everything that went wrong in it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Open a file with the network cut, and wait until its charts are drawn."""
    contexts: list[BrowserContext] = []

    def opened(
        path: Path,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: str = "light",
        script: bool = True,
        media: str = "screen",
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        contexts.append(context)
        context.set_offline(True)
        found = Opened(context.new_page())

        def record(route: Route) -> None:
            if route.request.url.startswith(("file:", "data:", "blob:")):
                route.continue_()
            else:
                found.requests.append(route.request.url)
                route.abort()

        context.route("**/*", record)
        found.page.on("console", lambda x: found.errors.append(f"{x.type}: {x.text}"))
        found.page.on("pageerror", lambda x: found.errors.append(str(x)))
        found.page.on("requestfailed", lambda x: found.requests.append(x.url))
        found.page.on("dialog", lambda x: (found.dialogs.append(x.message), x.dismiss()))
        found.page.emulate_media(media=media, color_scheme=scheme)
        found.page.goto(path.as_uri())
        if script and found.page.query_selector("#charts") is not None:
            found.page.wait_for_function(DRAWN, timeout=60_000)
        return found

    yield opened
    for context in contexts:
        context.close()


def pictured(report: Report) -> set[str]:
    """The keys of the pictures that Vega draws, all of them folded."""
    folded = (picture for fold in report.folds for picture in fold.pictures)
    return {picture.key for picture in folded if not is_drawing(picture)}


def unfold(page: Page) -> Page:
    """Open all folds, and wait until their charts are drawn."""
    page.evaluate("document.querySelectorAll('details.fold').forEach(x => { x.open = true; })")
    if page.query_selector("#charts") is not None:
        page.wait_for_function("document.querySelectorAll('.chart[hidden]').length === 0")
        page.wait_for_function(DRAWN, timeout=60_000)
    return page
