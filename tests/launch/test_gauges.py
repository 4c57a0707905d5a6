"""Gauges of a sweep: their values, and what Prometheus finds at Ray's endpoint."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ray_bench.launch import gauges
from ray_bench.store import ResultsStore
from tests.launch.head import Head
from tests.samples import make_data


class FakeGauge:
    """Ray's: tags are those that were declared, with text as values."""

    made: dict[str, FakeGauge]

    def __init__(self, name, description, tag_keys):
        assert description
        self.tag_keys, self.values, self.num_set = tag_keys, {}, 0
        self.made[name] = self

    def set(self, value, tags):
        assert tuple(tags) == self.tag_keys
        assert all(isinstance(tag, str) for tag in tags.values())
        self.values[tuple(tags.values())] = value
        self.num_set += 1


@pytest.fixture
def made(monkeypatch):
    FakeGauge.made = {}
    monkeypatch.setattr(gauges, "Gauge", FakeGauge)
    return FakeGauge.made


def test_a_run_is_passed_on_and_shown(made):
    heard = []
    data = make_data(step_time_s=0.25)
    failed = make_data(run_id="b", status="failed", throughput_samples_per_s=None)
    with gauges.exported(SimpleNamespace(run_finished=heard.append), wanted=True) as listener:
        listener.run_finished(data)
        listener.run_finished(failed)
    assert heard == [data, failed]
    sweep = (data.run.sweep_id, "cnn-digits")
    assert made["bench_throughput_samples_per_s"].values == {(*sweep, "2", "linear", "any"): 1234.4}
    assert made["bench_step_time_s"].values == {(*sweep, "2", "linear", "any"): 0.25}
    assert made["bench_peak_memory_bytes"].values == {}  # unknown, not 0
    assert made["bench_runs_finished"].values == {sweep: 1}
    assert made["bench_runs_failed"].values == {sweep: 1}


@pytest.mark.parametrize("breaks", ["made", "set"])
def test_gauges_that_fail_are_a_note_and_the_runs_are_passed_on(made, monkeypatch, breaks):
    def broken(*_):
        raise ValueError("no metrics agent")

    monkeypatch.setattr(FakeGauge, "__init__" if breaks == "made" else "set", broken)
    heard, notes = [], []
    inner = SimpleNamespace(run_finished=heard.append, note=notes.append)
    with gauges.exported(inner, wanted=True) as listener:
        listener.run_finished(make_data())
        listener.run_finished(make_data(run_id="b"))
    assert len(heard) == 2
    (note,) = notes
    assert "ValueError: no metrics agent" in note
    assert "trackers.prometheus=false" in note


def test_a_gauge_is_set_again_and_again_until_the_sweep_ends(made, monkeypatch):
    monkeypatch.setattr(gauges, "REPEAT_S", 0.01)
    before = threading.active_count()
    with gauges.exported(SimpleNamespace(run_finished=lambda _: None), wanted=True) as listener:
        listener.run_finished(make_data())
        deadline = time.monotonic() + 30
        while made["bench_runs_finished"].num_set < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert made["bench_runs_finished"].num_set >= 5
    assert threading.active_count() == before


def test_gauges_can_be_turned_off(made):
    listener = SimpleNamespace()
    with gauges.exported(listener, wanted=False) as same:
        assert same is listener
    assert made == {}


def test_every_gauge_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text()
    for name in (*gauges.RUN_GAUGES, *gauges.COUNTS):
        assert f"`ray_bench_{name}`" in text


def scrape(url: str) -> dict[tuple[str, str, str], float]:
    """Values of our gauges by sweep, name and world size."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return {}
    return {
        (sample.labels["sweep"], sample.name, sample.labels.get("world_size", "")): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("ray_bench_")
        for sample in family.samples
    }


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_prometheus_finds_what_is_stored(head: Head, tmp_path):
    command = [
        sys.executable, "-m", "ray_bench", "run", "workload=cnn-digits", "world_sizes=[1,2]",
        "epochs=1", "repeats=2", "measure.sentinel=false", "--address", head.gcs,
        "--results", str(tmp_path),
    ]  # fmt: skip
    heard: dict[tuple[str, str, str], set[float]] = {}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=head.environment)
        try:
            while process.poll() is None:
                for key, value in scrape(head.metrics).items():
                    heard.setdefault(key, set()).add(value)
                time.sleep(1)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, (tmp_path / "log").read_text()
    results = ResultsStore(tmp_path).read()
    runs = results.runs
    # Those of sweeps that other tests ran on this head are still shown for a while.
    mine = results.sweep.sweep_id
    seen = {(name, size): values for (sweep, name, size), values in heard.items() if sweep == mine}
    for name in ("throughput_samples_per_s", "step_time_s", "peak_memory_bytes"):
        found = {key: values for key, values in seen.items() if key[0] == f"ray_bench_{name}"}
        assert found, "the first run was seen while the others ran"
        for (_, size), values in found.items():
            assert values <= {getattr(r, name) for r in runs if str(r.point.world_size) == size}
    assert seen["ray_bench_runs_finished", ""] <= set(range(1, len(runs) + 1))
    assert seen["ray_bench_runs_failed", ""] == {0}
