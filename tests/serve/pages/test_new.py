"""The form: made from the models, its estimate is the planner's, and what stops a sweep is said."""

import re

import pytest

from ray_bench.serve.asking.draft import Draft, draft_of_form, draft_of_preset
from ray_bench.serve.asking.fields import FIRST, fields, groups, setting_of
from ray_bench.serve.queue.allowed import keys, open_keys
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import new_plan
from ray_bench.sweep.requested import resolve
from tests.samples import data_of
from tests.serve.conftest import PAGE

SMALL = {"k.workload": "emulated", "n": ["1", "2"], "k.epochs": "", "k.repeats": "2"}

MEASURED = {"throughput_samples_per_s": 100.0, "num_train_samples": 1000, "setup_s": 1.0}


@pytest.fixture(autouse=True)
def a_large_machine(monkeypatch):
    monkeypatch.setattr("ray_bench.serve.asking.plan.num_cpus", lambda: 8)
    monkeypatch.setattr("ray_bench.serve.asking.plan.num_gpus", lambda: 0)


def sent(client, **form):
    values = {**SMALL, "csrf_token": "", "request_key": "k", **form}
    return client.post("/jobs", data=values, headers=PAGE)


def test_every_key_that_may_be_set_is_asked_for_once():
    asked = [x.key for group in groups(allow_code=False) for x in group.fields]
    assert len(asked) == len(set(asked))
    assert set(asked) | set(FIRST) == set(keys()) - open_keys()
    everything = [x.key for group in groups(allow_code=True) for x in group.fields]
    assert set(everything) | set(FIRST) | {"script", "args"} == set(keys())
    assert all(field.help for field in fields().values())
    assert fields()["scaling"].options == ("strong", "weak")
    assert fields()["ddp.init_sync"].kind == "switch"


def test_a_field_is_a_setting_of_the_command():
    assert setting_of("world_sizes", " 1, 2 ") == "world_sizes=[1, 2]"
    assert setting_of("world_sizes", "[1,2]") == "world_sizes=[1,2]"
    assert setting_of("epochs", "") == "epochs=null"
    assert draft_of_preset("demo").request().settings == ()
    draft = draft_of_form(
        {"source": ["demo"], "n": ["1", "4"], "n_more": ["3"], "k.epochs": ["6"],
         "stop": ["half_width"], "half_width": ["2"], "k.nonsense": ["1"], "k.seeds": ["0, 1"]}
    )  # fmt: skip
    assert set(draft.request().settings) == {
        "world_sizes=[1, 4, 3]",
        "seeds=[0, 1]",
        "stop.half_width=0.02",
    }
    assert draft_of_form({"stop": ["budget"], "minutes": ["7"]}).request().budget == "7min"
    assert Draft(script="train.py --x 'a b'").request().script == ("train.py", "--x", "a b")


def test_the_form_starts_from_a_preset_another_sweep_or_nothing(client):
    demo = client.get("/new", headers=PAGE)
    assert demo.status_code == 200
    assert 'name="k.batch_size" value="256"' in demo.text
    other = client.get("/new?from=sweep-1", headers=PAGE).text
    assert '<a href="/sweeps/sweep-1">sweep-1</a>' in other
    assert re.search(r'name="n" value="4" checked', other)
    assert client.get("/new?from=", headers=PAGE).status_code == 200
    assert client.get("/new?from=../../etc", headers=PAGE).status_code == 404


def test_an_address_says_how_many_workers_to_measure(client):
    text = client.get("/new?from=sweep-1&world_sizes=8", headers=PAGE).text
    assert re.findall(r'name="n" value="(\d+)" checked', text) == ["8"]
    text = client.get("/new?from=sweep-1&world_sizes=2,3", headers=PAGE).text
    assert re.findall(r'name="n" value="(\d+)" checked', text) == ["2"]
    assert 'name="n_more" value="3"' in text
    nonsense = client.get(f"/new?from=demo&world_sizes=x,{'9' * 5000}", headers=PAGE)
    assert nonsense.status_code == 200


def test_the_estimate_says_what_is_measured_already(client, results):
    store = ResultsStore(results)
    asked = ("workload=emulated", "world_sizes=[1,2]", "repeats=2", "price_per_worker_hour=2")
    plan = new_plan(resolve(None, asked).config, store, "ray-bench run ...")
    store.write_sweep(plan.sweep)
    for run in plan.planned:
        store.write_run(data_of(run, plan.sweep.sweep_id, with_tables=False, **MEASURED))
    form = {**SMALL, "n": ["1", "2", "4"], "k.price_per_worker_hour": "2"}
    text = client.get("/new/estimate", params=form, headers=PAGE).text
    assert "1 and 2 are measured already." in text, text
    assert "Only 4 is new: 2 runs" in text
    assert "2 USD per worker and hour" in text
    assert "for all runs" in text
    other = client.get("/new/estimate", params={**form, "k.emulated.serial_s": "1"}, headers=PAGE)
    assert "measured already" not in other.text, "it is another workload"
    only = client.get("/new", params={**form, "only": "4"}, headers=PAGE).text
    assert re.search(r'name="n" value="4" checked', only)
    assert not re.search(r'name="n" value="2" checked', only)


def test_a_sweep_is_taken_once_and_its_page_says_its_place(client, board):
    first, second = sent(client), sent(client)
    assert (first.status_code, first.headers["location"]) == (303, "/jobs/job-1")
    assert second.headers["location"] == "/jobs/job-1"
    (job,) = board.jobs()
    assert job.request.settings == ("workload=emulated", "repeats=2")
    assert "Next in the queue" in client.get("/jobs/job-1", headers=PAGE).text
    assert "waiting" in client.get("/jobs/job-1", headers={**PAGE, "HX-Request": "true"}).text


def test_everything_that_stops_it_is_said_beside_its_field(client, board):
    answer = sent(client, n=["1", "8"], **{"k.batch_size": "100", "k.steps": "3"})
    assert answer.status_code == 422
    assert "One thing stops this sweep" in answer.text
    assert '<a href="#k-batch_size">batch_size 100' in answer.text
    assert 'id="m-batch_size"' in answer.text
    many = sent(client, **{"k.epochs": "x", "k.repeats": "0"}).text
    assert "Two things stop this sweep" in many
    large = sent(client, n_more="64").text
    assert "64 workers need 64 CPUs; this machine has 8 CPUs." in large
    assert "No price" not in large
    assert board.jobs() == ()


@pytest.mark.parametrize(
    "form",
    [
        {"k.workload": "os:system"},
        {"k.data.dir": "/etc"},
        {"source": "/etc/passwd"},
        {"script": "train.py"},
        {"script": "'"},
        {"k.seeds": "[" * 500},
        {"k.epochs": "<script>alert(1)</script>"},
        {"name": "<b>x\x1b[31m"},
        {"minutes": "x", "stop": "budget"},
        {"half_width": "x", "stop": "half_width"},
        {"tags": "a" * 100},
    ],
)
def test_hostile_forms_begin_nothing(client, board, form):
    answer = sent(client, **form)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert board.jobs() == ()


def test_a_viewer_may_look_and_not_start(viewer, board):
    assert "needs the role submitter" in viewer.get("/new", headers=PAGE).text
    assert viewer.post("/jobs", data=SMALL, headers=PAGE).status_code == 403
    assert board.jobs() == ()
