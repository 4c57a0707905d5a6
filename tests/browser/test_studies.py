"""The service's pages of studies in a browser: read, compare, move sliders; keyboard, phone, axe.

The policy is the service's own and stays in force; what breaks it is an error on the console.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import uvicorn
from playwright.sync_api import Browser, Page

from ray_bench.serve.app import create_app
from ray_bench.serve.settings import ServeSettings
from tests.browser.conftest import DESKTOP, PHONE
from tests.serve.conftest import FakeBoard, write_studied

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
PAGES = {
    "report": "/sweeps/base",
    "no answer": "/sweeps/failed",
    "runs": "/sweeps/failed/runs",
    "failures": "/sweeps/failed/failures",
    "convergence": "/sweeps/base/convergence",
    "compare": "/compare?a=base&b=fused&b=bigger",
    "choose": "/compare",
    "predict": "/predict?from=base&link_step=5",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The service, on a free port."""
    folder = tmp_path_factory.mktemp("served")
    write_studied(folder / "results")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    settings = ServeSettings(results=str(folder / "results"), state_dir=folder / "s", port=port)
    config = uvicorn.Config(
        create_app(settings, FakeBoard()), host="127.0.0.1", port=port, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def visit(browser: Browser, address: str):
    """Open a page when its report is made; what goes wrong in it is an error of the test."""
    contexts, errors = [], []

    def visited(path: str, *, size=DESKTOP, scheme="light", script=True, bypass_csp=False) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=script,
            bypass_csp=bypass_csp,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda x: errors.append(f"{path}: {x.type}: {x.text}"))
        page.on("pageerror", lambda x: errors.append(f"{path}: {x}"))
        page.goto(address + path)
        page.locator("[aria-busy]").wait_for(state="detached")
        return page

    yield visited
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_as_wide_as_the_window_and_say_something(visit, name, size):
    page = visit(PAGES[name], size=size, scheme="dark" if size == PHONE else "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(visit, name, scheme):
    page = visit(PAGES[name], scheme=scheme, bypass_csp=True)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [x for x in found if x["impact"] in ("serious", "critical")]
    told = [f"{x['id']}: {x['nodes'][0]['html'][:150]}" for x in serious]
    assert told == []


def test_a_fold_brings_its_chart_when_it_is_opened(visit):
    page = visit("/sweeps/base")
    image = page.locator("#fold-steps img.still").first
    page.get_by_text("Inside a step").click()
    image.scroll_into_view_if_needed()
    for _ in range(200):
        if image.evaluate("x => x.complete && x.naturalWidth > 100"):
            break
        page.wait_for_timeout(100)
    assert image.evaluate("x => x.naturalWidth") > 100


def test_the_drawings_have_their_colours(visit):
    """The page's own rules take none from areas and dots."""
    page = visit("/sweeps/base")
    fills = page.evaluate(
        "[...document.querySelectorAll('.report .meteo .plot path, .report .meteo .plot circle')]"
        ".map(x => getComputedStyle(x).fill)"
    )
    assert any(x not in ("none", "rgb(0, 0, 0)") for x in fills)


def test_a_slider_is_followed_by_the_answer_and_the_address(visit):
    page = visit("/predict?from=base&workers_step=6")
    before = page.locator("#answer h1").inner_text()
    slider = page.get_by_label("Link between workers")
    slider.focus()
    with page.expect_response(lambda x: "/predict/answer" in x.url and x.status == 200):
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
    assert page.locator("output[for=link_step]").inner_text() == "1 Gbit/s"
    page.locator("#answer code", has_text="--link 1Gbps").wait_for()
    assert page.locator("#answer h1").inner_text() != before
    assert "link_step=1" in page.url
    assert page.evaluate("document.activeElement.id") == "link_step"
    page.reload()
    assert page.locator("output[for=link_step]").inner_text() == "1 Gbit/s"


def test_the_sliders_work_without_script(visit):
    page = visit("/predict?from=base&link_step=5", script=False)
    page.get_by_label("Cheapest").check()
    page.get_by_role("button", name="Predict").click()
    assert "aim=cheapest" in page.url
    assert "1 worker" in page.locator("h1").inner_text()


def test_what_is_refused_is_compared_all_the_same_by_keyboard_alone(visit):
    page = visit("/compare?a=base&b=bigger")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Compare all the same":
            break
    page.keyboard.press("Enter")
    page.get_by_text("Compared all the same:").wait_for()
    assert "allow=batch" in page.url


def test_another_aim_is_asked_for_in_the_form(visit):
    page = visit("/sweeps/base")
    page.get_by_text("Another aim, price or target").click()
    page.locator("#aim").select_option("cheapest")
    page.get_by_role("button", name="Decide for it").click()
    page.locator("h1", has_text="Use 1 worker").wait_for()
    assert re.search(r"[?&]aim=cheapest", page.url)
