"""Results in Python: light to import, numbers of the report, charts that show themselves."""

from __future__ import annotations

import json
import subprocess
import sys

import altair
import numpy as np
import pandas as pd
import pytest

import ray_bench
from ray_bench.analysis import study
from ray_bench.api import SweepResults
from ray_bench.api.charts import Charts
from ray_bench.errors import AnalysisError, ConfigError, StoreError
from ray_bench.report.json_report import json_report
from ray_bench.report.model import build_report
from ray_bench.store import ResultsStore
from tests.golden.make import STORE
from tests.samples import START, make_data, make_sweep
from tests.stored import write_results
from tests.synthetic import synthetic


@pytest.fixture(scope="module")
def results() -> SweepResults:
    return ray_bench.load(STORE)


def test_importing_and_loading_need_neither_torch_nor_ray():
    code = (
        "import sys\n"
        "sys.modules.update(torch=None, torchvision=None, ray=None)\n"
        "import ray_bench\n"
        "light = {'numpy', 'pyarrow', 'pandas', 'altair', 'pydantic', 'scipy'} & set(sys.modules)\n"
        "results = ray_bench.load(sys.argv[1])\n"
        "print(sorted(light), results.decision.recommended, 'altair' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(STORE)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[] 4 False\n", done.stderr


def test_the_report_is_that_of_the_command(results):
    ours = build_report(ResultsStore(STORE).read())
    assert json.loads(json_report(results.report)) == json.loads(json_report(ours))
    assert results.answer == ours.answer


def test_runs_are_the_tidy_table(results):
    runs = results.runs
    assert isinstance(runs, pd.DataFrame)
    assert len(runs) == 7
    assert runs.status.value_counts().to_dict() == {"ok": 6, "failed": 1}
    assert results.arrow().column_names == list(runs.columns)


def test_speedups_are_those_of_the_report(results):
    ours = results.speedups
    theirs = results.tables["numbers"].query("basis == 'measured'")
    assert list(ours.world_size) == [1, 2, 4]
    assert list(ours.curve) == [1, 1, 1]
    assert list(ours.num_runs) == [2, 2, 2]
    for name in ("speedup", "speedup_low", "speedup_high"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(ours.efficiency_frac, theirs.efficiency)
    np.testing.assert_array_equal(ours.serial_frac, theirs.serial_share)


def test_fits_find_the_planted_law(results):
    fits = results.fits
    (chosen,) = fits[fits.is_chosen].to_dict("records")
    assert chosen["law"] == "amdahl"
    assert chosen["parameters"]["serial_frac"] == pytest.approx(0.05, abs=0.005)
    assert fits.weight_frac.sum() == pytest.approx(1)


def test_predictions_are_those_of_the_report_and_go_anywhere(results):
    ours = results.predictions
    theirs = results.tables["numbers"].query("basis == 'forecast'")
    beyond = ours[ours.world_size > 4]
    np.testing.assert_array_equal(beyond.world_size, theirs.world_size)
    np.testing.assert_array_equal(beyond.speedup_high, theirs.speedup_high)
    far = results.predict([3, 8, 1000])
    assert list(far.world_size) == [3, 8]  # 1000 workers get less than a sample each
    assert far.measured_speedup.dtype == float
    assert far.loc[1, "speedup"] == pytest.approx(ours.set_index("world_size").speedup[8])


def test_a_table_of_the_report_has_its_units(results):
    numbers = results.tables["numbers"]
    assert numbers.attrs["units"]["run_time"] == "s"
    assert numbers.attrs["title"] == "All numbers"
    assert (numbers.cost_low < numbers.cost).all()
    assert np.isnan(numbers.saved_minute[0])


def test_stored_tables_are_frames(results):
    blocks = results.table("blocks")
    assert set(blocks["rank"]) == {0, 1, 2, 3}
    assert blocks.duration_s.min() > 0


def test_it_can_be_asked_for_something_else(results):
    dear = results.ask(aim="cheapest", price_per_worker_hour=100.0, currency="EUR")
    assert dear.decision.recommended == 1
    assert results.decision.recommended == 4
    assert set(dear.runs.currency.dropna()) == {"EUR"}
    # What was asked before stays.
    assert dear.ask(aim="fastest").decision.ask.price_per_worker_hour == 100.0


def test_another_wish_is_the_answer_of_a_fresh_start_and_fits_no_law_again(monkeypatch):
    fresh = ray_bench.load(STORE, aim="cheapest", max_workers=2)
    expected = fresh.decision, fresh.answer
    results = ray_bench.load(STORE)
    before = results.decision

    def refuse(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(study, "fit_curve", refuse)
    other = results.ask(aim="fastest").ask(aim="cheapest", max_workers=2)
    assert (other.decision, other.answer) == expected
    assert results.decision is before
    assert results.decision != other.decision


def test_several_sweeps_are_listed_and_the_newest_is_taken(store):
    for sweep_id, year in (("old", 2020), ("new", 2021)):
        created = START.replace(year=year)
        store.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created, run_ids=("a",)))
        store.write_run(make_data(sweep_id=sweep_id))
    results = ray_bench.load(store.root)
    assert (results.sweep_id, results.sweeps) == ("new", ("old", "new"))
    assert ray_bench.load(store.root, "old").sweep_id == "old"


def test_wrong_requests_are_said_at_once(store):
    with pytest.raises(StoreError, match="does not exist"):
        ray_bench.load("nowhere")
    with pytest.raises(StoreError, match="has no sweep"):
        ray_bench.load(STORE, "sweep-7")
    with pytest.raises(ConfigError, match="deadline"):
        ray_bench.load(STORE, aim="deadline=soon")
    with pytest.raises(TypeError, match="prize"):
        ray_bench.load(STORE, prize=3)


def test_a_sweep_without_a_valid_run_can_be_looked_at(store):
    results = synthetic((1, 2), failed=lambda size, repeat: True)
    loaded = ray_bench.load(write_results(store, results).root)
    assert len(loaded.runs) == 6
    assert loaded.speedups.empty
    assert loaded.predictions.empty
    assert "No valid run finished" in loaded.answer
    with pytest.raises(AnalysisError, match="no valid run"):
        _ = loaded.decision


def test_a_notebook_shows_answer_and_key_table_and_no_markup_of_users(store):
    evil = "<script>alert(1)</script>"
    made = write_results(store, synthetic((1, 2), workload=evil, dataset=evil))
    html = ray_bench.load(made.root)._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "Use 2 workers" in html
    assert '<th scope="col">Speedup</th>' in html


def test_charts_are_altair_charts_that_show_themselves(results):
    charts = results.charts
    assert {"speedup", "efficiency", "phases"} <= set(charts)
    chart = charts["phases"]
    assert isinstance(chart, altair.TopLevelMixin)
    shown = chart._repr_mimebundle_()
    assert "text/html" in shown
    assert chart.to_dict()["title"] == charts.picture("phases").title


def test_pictures_of_the_first_screen_show_and_save_themselves(results, tmp_path):
    drawing = results.charts["speedup"]
    assert drawing._repr_svg_().startswith("<svg")
    assert results.charts.picture("speedup").title in repr(drawing)
    for name, start in (("a.svg", b"<svg"), ("a.png", b"\x89PNG")):
        drawing.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)


def test_a_chart_can_be_had_as_svg(results):
    assert results.charts.svg("serial_share").startswith("<svg")


def test_an_unknown_chart_names_those_that_there_are(results):
    with pytest.raises(KeyError, match="there are speedup, efficiency"):
        results.charts["pie"]
    assert repr(Charts(())) == "<charts: none>"
