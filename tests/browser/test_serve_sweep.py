"""From the form to the report: a sweep asked for in the browser, watched, stopped and resumed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ray_bench.store import ResultsStore
from tests.browser.serving import serving, watched
from tests.launch.head import Head, running_head

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG_MS = 500_000
#: Small runs, so that a run is over in seconds, and enough of them that one can be stopped.
FORM = {
    "k.cpus_per_worker": "0.25",
    "k.steps": "150",
    "k.repeats": "3",
    "k.measure.phase_steps": "0",
    "k.measure.noise_steps": "0",
    "k.measure.sync_pairs": "0",
    "k.batch_size": "8",
}


def submit(page: Page, url: str) -> None:
    """Fill the form in, look at the estimate, and start the sweep."""
    page.goto(f"{url}/new?from=")
    page.locator("summary", has_text="More settings").click()
    for name, value in FORM.items():
        page.fill(f'[name="{name}"]', value)
    expect(page.locator("#estimate")).to_contain_text("6 runs: 2 sizes, 150 steps")
    expect(page.locator("#estimate code")).to_contain_text("workload=emulated")
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile(r"/(jobs|sweeps)/"))


def watch_stop_and_resume(page: Page, url: str) -> str:
    """From the job's page to the end; returns the sweep's id."""
    page.wait_for_url(re.compile(r"/sweeps/.+/live$"), timeout=LONG_MS)
    title = page.locator("#live h1")
    expect(title).to_contain_text(re.compile(r"[1-5] of 6 runs done"), timeout=LONG_MS)
    expect(page.locator("#live td.now")).to_have_count(1, timeout=LONG_MS)
    expect(page.locator("#log")).to_contain_text("samples/s", timeout=LONG_MS)
    page.get_by_role("button", name="Stop after this run").click()
    expect(page.locator("#live")).to_contain_text("The sweep was stopped.", timeout=LONG_MS)
    expect(title).to_contain_text("Stopped:")
    sweep_id = page.url.split("/")[-2]
    page.get_by_role("button", name="Resume").click()
    page.wait_for_url(re.compile(r"/sweeps/.+/live$"), timeout=LONG_MS)
    expect(title).to_contain_text("All 6 runs are done", timeout=LONG_MS)
    expect(page.locator("#live")).to_contain_text("its report is there")
    return sweep_id


def check_results(results: Path, sweep_id: str) -> None:
    store = ResultsStore(results)
    (sweep,) = store.sweeps()
    assert sweep.sweep_id == sweep_id
    runs = store.attempts(sweep_id)
    assert [run.status for run in runs] == ["ok"] * 6, "each once, none dropped"


def test_a_sweep_of_this_machine(browser, tmp_path):
    results = tmp_path / "results"
    with serving(results, tmp_path / "state") as url, watched(browser, LONG_MS) as seen:
        submit(seen.page, url)
        sweep_id = watch_stop_and_resume(seen.page, url)
        check_results(results, sweep_id)
        submit(seen.page, url)
        seen.page.wait_for_url(re.compile(r"/sweeps/.+/live$"), timeout=LONG_MS)
        seen.page.get_by_role("link", name="Stop now").click()
        seen.page.get_by_role("button", name="Stop now").click()
        expect(seen.page.locator("#live")).to_contain_text("was stopped", timeout=LONG_MS)
        assert seen.errors == []


@pytest.fixture
def head(tmp_path, monkeypatch) -> Iterator[Head]:
    """A Ray head of this machine with a token, which this process, the service, has."""
    with running_head(tmp_path) as found:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
            monkeypatch.setenv(name, found.environment[name])
        yield found


@pytest.mark.cluster
def test_a_sweep_of_a_ray_cluster(browser, head, tmp_path):
    results = tmp_path / "results"
    with serving(results, tmp_path / "state", head.jobs) as url, watched(browser, LONG_MS) as seen:
        submit(seen.page, url)
        sweep_id = watch_stop_and_resume(seen.page, url)
        check_results(results, sweep_id)
        assert (tmp_path / "token").read_text() not in seen.page.content()
        assert seen.errors == []
