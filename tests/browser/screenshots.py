"""Draw the pictures of the documentation: `python -m tests.browser.screenshots [RESULTS]`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageColor
from playwright.sync_api import Browser, sync_playwright

from ray_bench.report.drawing.tokens import COLOURS
from ray_bench.report.html.page import html_report
from ray_bench.report.model import Report, build_report
from ray_bench.store import ResultsStore
from tests.browser.conftest import CHROMIUM
from tests.report.edge_cases import EDGES, edge_report
from tests.report.reports import report_of

FOLDER = Path(__file__).parents[2] / "docs" / "img"
#: Name, case, width, height and theme. `golden` stands for the results that are given.
SHOTS = (
    ("report", "golden", 1280, 800, "light"),
    ("report-desktop", "golden", 1280, 1330, "light"),
    ("report-desktop-dark", "golden", 1280, 800, "dark"),
    ("report-phone", "golden", 390, 1400, "light"),
    ("report-phone-dark", "golden", 390, 1400, "dark"),
    ("report-several-curves", "several_curves", 1280, 800, "light"),
    ("report-two-sizes", "two_sizes", 1280, 800, "light"),
    ("report-oversubscribed", "oversubscribed", 1280, 800, "dark"),
    ("report-many-sizes", "ten_sizes", 1280, 800, "light"),
    ("report-one-size", "one_size", 390, 900, "light"),
)
_COLOURS = 256


def main() -> None:
    """Draw the reports; that of a folder of results instead of the golden one where it is given."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for case in dict.fromkeys(shot[1] for shot in SHOTS):
            path = Path(folder) / f"{case}.html"
            path.write_text(html_report(_report(case)), encoding="utf-8")
        for name, case, width, height, scheme in SHOTS:
            draw(browser, Path(folder) / f"{case}.html", name, width, height, scheme)
        browser.close()


def _report(case: str) -> Report:
    if case in EDGES:
        return edge_report(case)
    if len(sys.argv) > 1:
        return build_report(ResultsStore(sys.argv[1]).read(None))
    return report_of(case)


def draw(browser: Browser, path: Path, name: str, width: int, height: int, scheme: str) -> None:
    """Write one picture as a PNG of few colours."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.goto(path.as_uri())
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few_colours(image).save(FOLDER / f"{name}.png", optimize=True)
    page.close()


def few_colours(image: Image.Image) -> Image.Image:
    """Return an image in the page's colours and its most frequent other ones."""
    ours = [ImageColor.getrgb(x) for theme in COLOURS.values() for x in theme.values()]
    found = sorted(image.getcolors(image.width * image.height) or (), reverse=True)
    frequent = dict.fromkeys([*ours, *(colour for _, colour in found)])
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in list(frequent)[:_COLOURS] for part in colour])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
