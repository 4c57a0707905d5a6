"""The list of sweeps as a browser finds it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from ray_bench.store import ResultsStore
from ray_bench.store.answers import AnswerRecord, basis_of
from ray_bench.store.live import write_live
from tests.samples import START, make_data, make_sweep

HOSTILE = '<script>alert(1)</script>"onload="x'


def answered(store, sweep_id, efficiency, **changes):
    runs = [(run.run_id, run.attempt, run.status) for run in store.runs(sweep_id)]
    values = {
        "sweep_id": sweep_id,
        "made_at_utc": START,
        "ray_bench_version": "1",
        "basis": basis_of(runs),
        "lead": "Use 2 workers for now: 1.79x as fast as one (95 % interval 1.71 to 1.88).",
        "world_size": 2,
        "hardware": "8-core EPYC",
        "figures_json": f'[{{"key":"efficiency","unit":"frac","value":{efficiency},'
        f'"low":{efficiency - 0.05},"high":{efficiency + 0.05}}}]',
        "num_caveats": 3,
        "curve_json": '[{"world_size":1,"value":1.0,"low":null,"high":null},'
        f'{{"world_size":2,"value":{efficiency},'
        f'"low":{efficiency - 0.05},"high":{efficiency + 0.05}}}]',
    }
    store.write_answer(AnswerRecord(**values | changes))


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A slow machine changes nothing."""
    monkeypatch.setattr("ray_bench.serve.index.sweep_index._PATIENCE_S", 30)


@pytest.fixture
def store(results):
    """The golden sweep, and five made-up ones: a/b/c d is the newest."""
    made = ResultsStore(results)
    for number, sweep_id in enumerate(("low", "high", "plain", "<i>&", "a/b/c d")):
        config = f'{{"workload": "cnn-digits", "batch_size": {32 * (1 + number)}}}'
        created = START + timedelta(days=number)
        made.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created, config_json=config))
        for run_id in ("a", "b"):
            made.write_run(make_data(sweep_id=sweep_id, run_id=run_id, with_tables=False))
    answered(made, "low", 0.61)
    answered(made, "high", 0.92)
    made.label("high", name="best", added=["nightly"], note="kept for\nlater")
    made.label("<i>&", name=HOSTILE[:40], note=HOSTILE)
    return made


def text_of(client, path):
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


def names_of(text):
    return re.findall(r'<a class="name" [^>]*title="([^"]*)"', text)


def test_newest_first_each_with_answer_curve_and_what_differs(store, client):
    text = text_of(client, "/sweeps")
    assert names_of(text)[:3] == ["sweep-1", "a/b/c d", "&lt;i&gt;&amp;"]
    assert "<b>Use 2 workers for now</b><small>1.79\u00d7 as fast as one" in text
    assert "92\u00a0%<small>87\u201397</small>" in text
    assert 'aria-label="Efficiency: 1 worker 100 %, 2 workers 92 % (87 to 97)"' in text
    assert "batch_size=64" in text
    assert "workload=cnn-digits" not in text
    assert 'href="/sweeps/a%2Fb%2Fc%20d"' in text
    assert "Not analysed yet" in text


def test_what_people_wrote_is_text_only(store, client):
    text = text_of(client, "/sweeps")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=batch_size%3D64", ["high"]),
        ("q=NIGHTLY+best", ["high"]),
        ("q=nightly+nowhere", []),
        ("q=kept+later", ["high"]),
        ("tag=nightly&q=&state=&workload=&since=", ["high"]),
        ("hardware=8-core+EPYC", ["high", "low"]),
        ("hardware=8-core+EPYC&sort=efficiency", ["high", "low"]),
        ("hardware=8-core+EPYC&sort=efficiency&order=asc", ["low", "high"]),
        ("since=2026-01-03&until=2026-01-04", ["plain", "high"]),
        ("workload=cnn-digits&per_page=2&page=2", ["plain", "high"]),
        ("workload=cnn-digits&per_page=2&page=99", ["low"]),
        ("state=unfinished", ["sweep-1"]),
        ("sort=efficiency&per_page=3", ["high", "low", "sweep-1"]),
        ("q=%00%0d", []),
    ],
)
def test_questions(store, client, query, found):
    assert names_of(text_of(client, f"/sweeps?{query}")) == found


@pytest.mark.parametrize(
    "query", ["state=odd", "sort=odd", "page=0", "page=x", "since=yesterday", "per_page=1000000"]
)
def test_nonsense_is_refused_with_what_is_wrong(client, query):
    answer = client.get(f"/sweeps?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.text


def test_heads_of_columns_keep_the_question_and_say_the_order(store, client):
    text = text_of(client, "/sweeps?q=digits&sort=efficiency")
    assert '<th scope="col" class="r" aria-sort="descending">' in text
    assert 'href="/sweeps?q=digits&sort=efficiency&order=asc"' in text.replace("&amp;", "&")
    assert 'href="/sweeps?q=digits&sort=time"' in text.replace("&amp;", "&")


def test_selected_ones_are_compared_with_the_oldest(store, client):
    answer = client.get("/compare/selected?sweep=high&sweep=low&sweep=nowhere")
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?a=low&b=high")
    assert client.get("/compare/selected").headers["location"] == "/compare"


def test_nothing_is_sent_again_until_something_changes(store, client):
    first = client.get("/sweeps")
    held = {"If-None-Match": first.headers["etag"]}
    assert client.get("/sweeps", headers=held).status_code == 304
    assert client.get("/sweeps?q=x", headers=held).status_code == 200
    store.label("low", name="renamed")
    client.app.state.service.index.look_again()
    assert "renamed" in client.get("/sweeps", headers=held).text


def test_states_from_what_sweeps_say_of_themselves(store, client):
    states = {"low": "running", "high": "interrupted", "plain": "failed"}
    for sweep_id, state in states.items():
        store.write_run(
            make_data(sweep_id=sweep_id, run_id="b", attempt=2, status="failed", with_tables=False)
        )
        counts = {"num_planned": 9, "num_ended": 5, "num_failed": 1, "left_s": 700.0, "runs": [{}]}
        write_live(store, sweep_id, {"state": state, "message": "It fell.", **counts})
    store.write_text("live/x.json", "{")
    text = text_of(client, "/sweeps?state=running")
    assert names_of(text) == ["low"]
    assert "<b>5 of 9 runs</b>" in text
    assert "11.7 min left" in text
    assert "It fell." in text_of(client, "/sweeps?q=plain")


def test_damage_is_a_state_of_a_row(store, results, client):
    (results / "sweeps" / "low.parquet").write_bytes(b"PAR1")
    (results / "runs" / "sweep=plain" / "a.parquet").write_bytes(b"")
    answered(store, "high", 0.9, figures_json='[{"key": NaN}]', curve_json='{"a": 1}')
    text = text_of(client, "/sweeps")
    assert "cannot be read" in text
    assert "low.parquet is damaged" in text
    assert "a.parquet is damaged" in text
    assert "The numbers of its answer are damaged" in text
    assert names_of(text_of(client, "/sweeps?state=unreadable")) == ["low"]
    shown = client.get("/api/v1/sweeps").json()
    assert {x["sweep_id"]: x["state"] for x in shown["sweeps"]}["low"] == "unreadable"


def test_an_answer_that_a_page_found_stands_in_the_list(client, results):
    assert "Not analysed yet" in text_of(client, "/sweeps") or "No answer yet" in text_of(
        client, "/sweeps"
    )
    client.get("/sweeps/sweep-1/report.json")
    text = text_of(client, "/sweeps")
    assert "<b>Use 4 workers for now</b>" in text
    assert "4 workers 87 % (85 to 88)" in text
    assert not (results / "answers").exists()


def test_an_empty_store_says_how_to_begin(make_client, tmp_path):
    with make_client(results=str(tmp_path / "none")) as client:
        assert "No sweep in this folder yet" in text_of(client, "/sweeps")
    with make_client(results=str(tmp_path / "none"), read_only=True) as client:
        assert "Run the demo" not in text_of(client, "/sweeps")
