"""Draw the pictures of the documentation: `python -m tests.browser.screenshots [RESULTS]`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from ray_bench.report.html.page import html_report
from ray_bench.report.model import build_report
from ray_bench.store import ResultsStore
from tests.browser.conftest import CHROMIUM, DRAWN
from tests.report.reports import report_of

FOLDER = Path(__file__).parents[2] / "docs" / "img"
#: Name, width, height, theme, and the element that is at the top.
SHOTS = (
    ("report-desktop", 1280, 900, "light", "body"),
    ("report-desktop-dark", 1280, 900, "dark", "#section-scaling"),
    ("report-phone", 390, 844, "light", "body"),
    ("report-phone-dark", 390, 844, "dark", "#section-scaling"),
)
_COLOURS = 256


def main() -> None:
    """Draw the report of a folder of results; without one, that of the golden store."""
    report = report_of("golden")
    if len(sys.argv) > 1:
        report = build_report(ResultsStore(sys.argv[1]).read(None))
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        path.write_text(html_report(report), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for shot in SHOTS:
            draw(browser, path, *shot)
        browser.close()


def draw(
    browser: Browser, path: Path, name: str, width: int, height: int, scheme: str, top: str
) -> None:
    """Write one picture as a PNG of few colours."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.goto(path.as_uri())
    page.wait_for_function(DRAWN)
    page.locator(top).evaluate("x => x.scrollIntoView()")
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image = image.quantize(_COLOURS, dither=Image.Dither.NONE)
    image.save(FOLDER / f"{name}.png", optimize=True)
    page.close()


if __name__ == "__main__":
    main()
