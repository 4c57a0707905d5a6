"""The page with sliders."""

import re
import statistics
import time

import pytest

from tests.serve.pages.test_compare import made

HTMX = {"HX-Request": "true"}


def answer_of(page):
    return re.sub(r"<[^>]+>", " ", re.search(r'<h1 class="answer.*?</h1>', page.text, re.S)[0])


def chosen_of(page):
    """Return the number of workers whose column is the chosen one; 0 where none is."""
    found = re.search(r'<th role="columnheader" class="is[^"]*">(\d+)', page.text)
    return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def predicting(studied):
    """A client whose sweep is analysed."""
    made(studied, "/predict?from=base")
    return studied


def test_without_a_sweep_one_chooses_it(studied):
    assert '<option value="base">' in studied.get("/predict").text


def test_the_link_as_measured_is_what_the_report_says(predicting):
    page = made(predicting, "/predict?from=base&workers_step=3")
    assert "8 workers" in answer_of(page)
    assert "ray-bench report" in page.text
    assert "--max-workers 8" in page.text


def test_a_slower_link_bends_the_curve_earlier(predicting):
    slow = predicting.get("/predict/answer?from=base&link_step=1", headers=HTMX)
    quick = predicting.get("/predict/answer?from=base&link_step=9", headers=HTMX)
    assert chosen_of(slow) < chosen_of(quick)
    assert "--link 1Gbps --latency 20us" in slow.text


def test_an_aim_that_nothing_meets_has_no_answer_but_how_near_one_comes(predicting):
    page = predicting.get(
        "/predict/answer?from=base&link_step=5&aim=deadline&deadline=1s", headers=HTMX
    )
    assert "No number of workers meets this" in answer_of(page)
    assert "come closest" in page.text


def test_a_larger_budget_never_gives_a_slower_run(predicting):
    sizes = []
    for money in ("0.31", "0.4", "0.8", "3"):
        page = predicting.get(
            f"/predict/answer?from=base&link_step=9&aim=budget&budget={money}", headers=HTMX
        )
        sizes.append(chosen_of(page))
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_the_address_is_the_state(predicting):
    query = "from=base&link_step=4&workers_step=5&price=2.5&aim=fastest"
    part = predicting.get(f"/predict/answer?{query}", headers=HTMX)
    assert part.headers["hx-replace-url"] == f"/predict?{query}"
    assert "<html" not in part.text
    whole = predicting.get(f"/predict?{query}").text
    for shown in ("10 Gbit/s", ">32</output>", "2.50 USD", 'value="fastest" checked'):
        assert shown in whole
    without_script = predicting.get(f"/predict/answer?{query}")
    assert without_script.headers["location"] == f"/predict?{query}"


def test_a_sweep_without_a_valid_run_says_so(studied):
    page = made(studied, "/predict?from=nothing")
    assert page.status_code in (200, 422)
    assert "no valid run to start from" in page.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=nope", 404),
        ("from=base&link_step=99", 422),
        ("from=base&workers_step=-1", 422),
        ("from=base&price=abc", 200),
        ("from=base&link_step=3&latency=abc", 200),
        ("from=base&aim=%3Cscript%3E", 200),
    ],
)
def test_nonsense_is_refused_in_words(predicting, query, status):
    page = predicting.get(f"/predict?{query}")
    assert page.status_code == status
    assert "<script>" not in page.text
    if status == 200:
        assert "No prediction." in page.text


def test_an_answer_takes_a_tenth_of_a_second_of_one_core(predicting):
    from ray_bench.serve.pages.predict import Sliders, answer_values

    service = predicting.app.state.service
    found = service.studies.analysed("base").result(60)
    for link_step in (0, 5):
        spent = []
        for i in range(7):
            sliders = Sliders(link_step=link_step, doublings=3 + i % 4, price=str(1 + i))
            start = time.thread_time()
            answer_values(service, found, sliders)
            spent.append(time.thread_time() - start)
        assert statistics.median(spent) < 0.1
