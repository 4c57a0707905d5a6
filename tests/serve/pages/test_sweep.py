"""The page of a sweep."""

import json
import re
import time

import pytest


def until_made(client, address):
    """Return a page when its report is made."""
    for _ in range(600):
        page = client.get(address)
        if "aria-busy" not in page.text:
            return page
        time.sleep(0.05)
    raise AssertionError(f"{address} was never made")


def test_the_report_stands_in_the_page_with_its_parts(studied):
    page = until_made(studied, "/sweeps/base")
    assert page.status_code == 200
    for part in ("Use 8 workers", 'class="meteo"', "Before you believe it", "Everything else"):
        assert part in page.text
    assert page.text.count("<h1") == 1
    assert "<script>" not in page.text
    assert not re.search(r"\son[a-z]+=", page.text)


def test_until_it_is_made_the_page_says_so_and_asks_again(make_client, monkeypatch):
    from concurrent.futures import Future

    client = make_client()
    monkeypatch.setattr(client.app.state.service.studies, "report", lambda *_: Future())
    page = client.get("/sweeps/sweep-1", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Analysing" in page.text
    assert 'hx-get="/sweeps/sweep-1/report"' in page.text


def test_another_aim_is_decided_for(studied):
    page = until_made(studied, "/sweeps/base?aim=cheapest")
    assert "Use 1 worker" in page.text
    assert "cheapest (least worker-time)" in page.text


@pytest.mark.parametrize("query", ["price=abc", "target=7", "max_workers=0"])
def test_fields_that_cannot_be_read_are_refused(studied, query):
    page = studied.get(f"/sweeps/base?{query}")
    assert page.status_code == 422


def test_an_aim_that_cannot_be_read_leaves_the_page(studied):
    page = until_made(studied, "/sweeps/base?aim=foo")
    assert "There is no aim &#39;foo&#39;" in page.text


@pytest.mark.parametrize("end", ["", "/runs", "/failures", "/convergence", "/report.json"])
def test_no_such_sweep_is_404(studied, end):
    assert studied.get(f"/sweeps/nope{end}").status_code == 404
    assert studied.get(f"/sweeps/..%2F..%2Fetc{end}").status_code == 404


def test_charts_are_drawn_when_asked_for_in_both_colours(studied):
    page = until_made(studied, "/sweeps/base").text
    found = re.findall(r'src="(/sweeps/base/charts/[^"]+)"', page)
    assert found
    address = found[0].replace("&amp;", "&")
    light, dark = (studied.get(address.replace("light", x)) for x in ("light", "dark"))
    assert light.headers["content-type"] == "image/svg+xml"
    assert light.text.startswith("<svg")
    assert light.text != dark.text
    assert studied.get("/sweeps/base/charts/nope.svg").status_code == 404


@pytest.mark.parametrize("form", ["md", "json", "csv"])
def test_files_are_those_of_the_command(studied, form):
    got = studied.get(f"/sweeps/base/report.{form}")
    assert got.status_code == 200
    assert got.headers["content-disposition"] == f"attachment; filename*=UTF-8''base.{form}"
    if form == "json":
        assert json.loads(got.text)["format_version"] == 2
    assert studied.get("/sweeps/base/report.exe").status_code == 422


def test_runs_are_listed_with_their_state(studied):
    page = studied.get("/sweeps/failed/runs").text
    assert page.count("<tr>") == 1 + 6
    assert "1 not run yet" in page
    assert page.count('class="state bad"') == 3


def test_failures_are_shown_with_their_cause(studied):
    assert "3 of 6 attempts failed" in studied.get("/sweeps/failed/failures").text
    assert "Nothing failed" in studied.get("/sweeps/base/failures").text


@pytest.mark.parametrize(
    ("sweep_id", "says"),
    [
        ("one%20%3Csize%3E", "One point is no curve"),
        ("failed", "No answer: 2 workers failed"),
        ("nothing", "No answer"),
    ],
)
def test_a_sweep_without_an_answer_says_why(studied, sweep_id, says):
    page = until_made(studied, f"/sweeps/{sweep_id}").text
    assert says in page
    assert "<size>" not in page


def test_convergence_shows_what_is_known_of_learning(studied):
    page = until_made(studied, "/sweeps/base/convergence").text
    assert "No difference in accuracy is shown at " in page
    assert "Accuracy by epoch" in page
    assert (
        "Nothing is known of how it learns"
        in until_made(studied, "/sweeps/nothing/convergence").text
    )


def test_the_style_of_the_report_stays_within_it(studied):
    style = studied.get("/report.css")
    assert style.headers["content-type"].startswith("text/css")
    assert style.text.startswith(".report {")
