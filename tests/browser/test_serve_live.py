"""A running sweep in Chromium: its parts follow the live file, and the form its estimate."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from ray_bench.store import ResultsStore
from ray_bench.store.live import write_live
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.plan import new_plan
from ray_bench.sweep.progress import SweepProgress
from ray_bench.sweep.requested import resolve
from tests.browser.serving import serving, watched
from tests.samples import data_of

pytestmark = pytest.mark.browser

SETTINGS = ("workload=emulated", "world_sizes=[1,2]", "repeats=2", "steps=40")


def test_a_running_sweep_is_followed_to_its_end(browser, tmp_path):
    store = ResultsStore(tmp_path / "results")
    plan = new_plan(resolve(None, SETTINGS).config, store, "ray-bench run ...")
    sweep_id = plan.sweep.sweep_id
    store.write_sweep(plan.sweep)
    live = LiveSweep(sweep_id, SweepProgress(plan.planned))
    write_live(store, sweep_id, live.state())
    total = len(plan.planned)
    with serving(tmp_path / "results", tmp_path / "state") as url, watched(browser) as seen:
        seen.page.goto(f"{url}/sweeps/{sweep_id}/live")
        title = seen.page.locator("#live h1")
        expect(title).to_contain_text(f"0 of {total} runs done")
        for number, run in enumerate(plan.planned, start=1):
            live.run_started(run)
            data = data_of(run, sweep_id, throughput_samples_per_s=99.0, with_tables=False)
            store.write_run(data)
            live.run_finished(data.run)
            if number in (2, total):
                live.end("finished") if number == total else None
                write_live(store, sweep_id, live.state())
                said = f"2 of {total} runs done" if number == 2 else f"All {total} runs are done"
                expect(title).to_contain_text(said, timeout=20_000)
        expect(seen.page.locator("#live")).to_contain_text("its report is there")
        assert seen.errors == []


def test_the_estimate_follows_what_is_typed(browser, tmp_path):
    with serving(tmp_path / "results", tmp_path / "state") as url, watched(browser) as seen:
        seen.page.goto(f"{url}/new?from=")
        estimate = seen.page.locator("#estimate")
        expect(estimate).to_contain_text("2 runs: 2 sizes")
        seen.page.fill('[name="k.repeats"]', "0")
        expect(estimate).to_contain_text("One thing stops this sweep", timeout=20_000)
        seen.page.fill('[name="k.repeats"]', "2")
        expect(estimate).to_contain_text(re.compile(r"\d runs: 2 sizes"), timeout=20_000)
        seen.page.keyboard.press("Enter")  # estimates, and starts nothing
        seen.page.wait_for_url(re.compile("k.repeats=2"))
        assert seen.errors == []
