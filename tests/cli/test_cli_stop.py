"""A sweep that is asked to begin no further run ends as an interrupted one, and can go on."""

from ray_bench.store import ResultsStore
from ray_bench.store.live import read_live
from ray_bench.store.stop_note import ask_to_stop, is_asked_to_stop
from ray_bench.sweep.board import VARIABLE, announced

SMALL = ["workload=cnn-digits", "world_sizes=[1,2]", "repeats=2", "epochs=1"]
SMALL += ["measure.sentinel=false"]


def test_it_ends_after_the_run_and_can_be_resumed(
    ray_bench, launcher, reports, tmp_path, monkeypatch
):
    monkeypatch.setenv(VARIABLE, "1")
    results = str(tmp_path / "results")
    store = ResultsStore(results)

    def ask_in_the_second(planned):
        if planned.order_index == 1:
            ask_to_stop(store, store.sweeps()[0].sweep_id)
        return False

    launcher.fail = ask_in_the_second
    stopped = ray_bench("run", *SMALL, "--results", results)
    (sweep,) = store.sweeps()
    assert (stopped.code, announced(stopped.err)) == (130, sweep.sweep_id)
    assert "Stopping, as was asked" in stopped.err
    assert "Stopped: 2 of 4 runs are kept" in stopped.err
    assert len(store.runs(sweep.sweep_id)) == 2, "the third one did not begin"
    assert read_live(store, sweep.sweep_id)["state"] == "interrupted"
    launcher.fail = lambda planned: False
    resumed = ray_bench("run", *SMALL, "--results", results, "--resume")
    assert (resumed.code, announced(resumed.err)) == (0, sweep.sweep_id)
    assert not is_asked_to_stop(store, sweep.sweep_id), "an old wish is forgotten"
    assert len(store.finished_run_ids(sweep.sweep_id)) == 4


def test_nothing_is_said_of_an_id_where_nobody_asked(ray_bench, launcher, reports, tmp_path):
    assert announced(ray_bench("run", *SMALL, "--results", str(tmp_path / "r")).err) is None
