"""Names, tags and notes, changed in the browser."""

import pytest

from ray_bench.store import ResultsStore
from ray_bench.store.labels import Labels
from tests.serve.conftest import PAGE


@pytest.fixture
def sweep_id(results):
    return ResultsStore(results).sweeps()[0].sweep_id


def labels_of(results, sweep_id):
    return ResultsStore(results).labels(sweep_id)


def test_what_a_form_says_holds_and_what_it_leaves_out_stays(client, results, sweep_id):
    url = f"/sweeps/{sweep_id}/labels"
    form = {"name": " base line ", "tags": "nightly, +a100", "note": "one\r\ntwo\r\n"}
    answer = client.post(url, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sweeps/{sweep_id}")
    whole = Labels(name="base line", tags=("nightly", "a100"), note="one\ntwo")
    assert labels_of(results, sweep_id) == whole
    client.post(url, data={"tags": "nightly a100"})  # nothing new
    assert len(list((results / "labels").rglob("*.parquet"))) == 1
    client.post(url, data={"name": "", "tags": ""})
    assert labels_of(results, sweep_id) == Labels(note="one\ntwo")


def test_a_tag_that_came_while_the_form_was_open_stays(client, results, sweep_id):
    url = f"/sweeps/{sweep_id}/labels"
    client.post(url, data={"tags": "old"})
    ResultsStore(results).label(sweep_id, added=("theirs",))
    client.post(url, data={"tags": "mine", "tags_before": "old"})
    assert labels_of(results, sweep_id).tags == ("theirs", "mine")


@pytest.mark.parametrize(
    "form",
    [{"name": "x" * 81}, {"name": "two\nlines"}, {"tags": "a=b"}, {"tags": "\x1b[31m"},
     {"note": "n" * 2001}, {"tags": "t" * 41}, {"name": "\x1b]0;title\x07"}],
)  # fmt: skip
def test_what_cannot_be_a_label_is_said_and_can_be_mended(client, results, sweep_id, form):
    answer = client.post(f"/sweeps/{sweep_id}/labels", data=form, headers=PAGE)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert labels_of(results, sweep_id) == Labels()


def test_labels_are_shown_escaped(client, results, sweep_id):
    hostile = '"><script>alert(1)</script>{{7*7}}'
    client.post(f"/sweeps/{sweep_id}/labels", data={"name": hostile, "note": hostile})
    shown = client.get(f"/sweeps/{sweep_id}/labels", headers=PAGE).text
    assert labels_of(results, sweep_id).name == hostile
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in shown


def test_strangers_viewers_and_foreign_pages_change_nothing(client, viewer, results, sweep_id):
    url = f"/sweeps/{sweep_id}/labels"
    assert viewer.post(url, data={"name": "x"}).status_code == 403
    assert client.post("/sweeps/none/labels", data={"name": "x"}).status_code == 404
    assert client.post("/sweeps/..%2F..%2Fetc/labels", data={"name": "x"}).status_code == 404
    del client.headers["X-CSRF-Token"]
    assert client.post(url, data={"name": "x"}).status_code == 403
    assert labels_of(results, sweep_id) == Labels()
