"""The page that compares sweeps."""

import threading
import time

import pytest

from ray_bench.serve.pages.compare import MOST_SWEEPS


def made(client, address):
    """Return a page when its sweeps are analysed."""
    for _ in range(600):
        page = client.get(address)
        if "aria-busy" not in page.text:
            return page
        time.sleep(0.05)
    raise AssertionError(f"{address} was never made")


def test_without_sweeps_one_chooses_them(studied):
    page = studied.get("/compare?a=base")
    assert page.status_code == 200
    assert '<option value="base" selected>' in page.text


def test_verdicts_are_those_of_the_command(studied):
    page = made(studied, "/compare?a=base&b=fused").text
    assert "Better: throughput with 8 workers" in page
    assert "Passed: no loss of more than 2 %" in page
    assert 'class="v better"' in page
    assert "&lt;b&gt;fused&lt;/b&gt;" in page
    assert "<b>fused</b>" not in page


def test_as_many_as_can_be_compared_are_kept_at_once(make_client):
    client = make_client()
    studies, go = client.app.state.service.studies, threading.Event()
    studies._analyse = lambda sweep_id: go.wait(5) and sweep_id
    studies._version_of = lambda _: "1"
    begun = [studies.analysed(f"sweep-{i}") for i in range(MOST_SWEEPS)]
    go.set()
    assert [x.result(5) for x in begun] == [f"sweep-{i}" for i in range(MOST_SWEEPS)]


def test_turned_round_it_is_worse(studied):
    page = made(studied, "/compare?a=fused&b=base").text
    assert "Failed: a loss of more than 2 %" in page
    assert 'class="v worse"' in page


def test_what_is_refused_says_why_and_can_be_compared_all_the_same(studied):
    page = made(studied, "/compare?a=base&b=bigger").text
    assert "batch (128 and 256)" in page
    link = "/compare?a=base&amp;b=bigger&amp;allow=batch"
    assert f'href="{link}"' in page
    allowed = made(studied, link.replace("&amp;", "&")).text
    assert "Compared all the same:" in allowed
    assert 'class="data stack verdicts"' in allowed


def test_several_are_each_compared_with_the_first(studied):
    page = made(studied, "/compare?a=base&b=fused&b=bigger").text
    assert "fused&lt;/b&gt; against A" in page
    assert "A and C are not compared." in page
    assert 'href="/compare?a=base&amp;b=bigger"' in page  # without B


def test_a_sweep_with_nothing_to_compare_says_so(studied):
    page = made(studied, "/compare?a=base&b=nothing")
    assert page.status_code == 200
    assert "has no valid run to compare" in page.text


@pytest.mark.parametrize("query", ["a=nope&b=base", "a=base&b=nope", "a=base&b=..%2Fx"])
def test_no_such_sweep_is_404(studied, query):
    assert studied.get(f"/compare?{query}").status_code == 404


@pytest.mark.parametrize("query", ["tolerance=2", "tolerance=nan", "tolerance=abc"])
def test_a_tolerance_that_makes_no_sense_is_refused(studied, query):
    assert studied.get(f"/compare?a=base&b=fused&{query}").status_code == 422


def test_what_a_link_allows_that_is_not_known_changes_nothing(studied):
    page = made(studied, "/compare?a=base&b=fused&allow=%3Cscript%3E").text
    assert "Compared all the same" not in page
    assert "<script>" not in page
