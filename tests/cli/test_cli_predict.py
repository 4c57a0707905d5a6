"""`ray-bench predict`, on stored steps that were played event by event."""

from __future__ import annotations

import json

import pytest

from ray_bench.records import BucketRecord, NetworkRecord, PhaseRecord, RunData
from ray_bench.store import ResultsStore
from tests.network_samples import NCCL_TESTS, network_columns
from tests.replay_truth import Truth, played_results

TRUTH = Truth(alpha_s=5e-5, beta_s_per_byte=1e-9)
LINK = ("--link", "1GB/s", "--latency", "50us")


def rows_of(record, columns, run_id):
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    found = (record(**dict(zip(columns, row, strict=True))) for row in rows)
    return tuple(x for x in found if x.run_id == run_id)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    results = played_results(TRUTH, sampled_at=(1, 2), repeats=2)
    store = ResultsStore(tmp_path_factory.mktemp("predict") / "results")
    store.write_sweep(results.sweep)
    (environment,) = results.environments.values()
    for run in results.runs:
        store.write_run(
            RunData(
                run=run,
                phases=rows_of(PhaseRecord, results.phases, run.run_id),
                buckets=rows_of(BucketRecord, results.buckets, run.run_id),
                environment=environment,
            )
        )
    columns = network_columns((2, 4), alpha=5e-5, beta=1e-9, network_id="network-1")
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    records = [NetworkRecord(**dict(zip(columns, row, strict=True))) for row in rows]
    store.write_network("network-1", records)
    return str(store.root)


@pytest.fixture
def predict(ray_bench, folder):
    def run(*arguments, form="json"):
        outcome = ray_bench("predict", "--from", folder, *arguments, "--format", form)
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out) if form == "json" else outcome.out

    return run


def errors_of(document) -> list[float]:
    return [x["error_frac"] for x in document["predictions"] if x["error_frac"] is not None]


@pytest.mark.parametrize("link", [LINK, ("--network", "network-1"), ()], ids=str)
def test_stated_swept_and_bucket_links_predict_what_was_measured(predict, link):
    document = predict(*link)
    assert len(errors_of(document)) == 3
    assert max(map(abs, errors_of(document))) < 0.03
    assert document["network"]["within"]["is_measured"] is (link is not LINK)


def test_every_row_is_marked_and_has_an_interval(predict):
    document = predict(*LINK, "--scaling", "weak")
    assert [x["world_size"] for x in document["predictions"]] == [2**k for k in range(11)]
    for row in document["predictions"]:
        assert row["kind"] == "predicted"
        for name in ("step_s", "throughput", "speedup", "efficiency_frac"):
            assert row[name]["low"] <= row[name]["value"] <= row[name]["high"]
    assert errors_of(document) == []  # it was measured in strong scaling
    widths = [x["step_s"]["high"] / x["step_s"]["low"] for x in document["predictions"]]
    assert widths[-1] > widths[1] > widths[0]


def test_nodes_and_presets_are_said_with_their_source(predict):
    text = predict(
        *("--preset", "nvlink-h100", "--workers-per-node", "8"),
        *("--inter-preset", "ethernet-100g", "--at", "4", "--at", "16"),
        form="md",
    )
    for words in ("nvlink-h100", "ethernet-100g", "hierarchical", "Source", "no interval of its"):
        assert words in text
    flat = predict(
        *LINK, *("--workers-per-node", "4", "--inter-link", "10Gbps", "--inter-latency", "50us")
    )
    assert flat["network"]["levels"] == "flat"  # gloo knows no nodes
    assert flat["predictions"][-1]["num_nodes"] == 16


def test_the_output_of_nccl_tests_is_a_link(predict, tmp_path):
    file = tmp_path / "perf.txt"
    file.write_text(NCCL_TESTS)
    document = predict("--network", str(file), "--at", "16")
    assert document["network"]["within"]["name"] == "perf.txt"
    assert document["network"]["within"]["is_measured"]
    assert document["warnings"] == []
    nodes = predict("--network", str(file), "--preset", "nvlink-a100", "--workers-per-node", "8")
    assert nodes["network"]["between"]["name"] == "perf.txt"


def test_a_latency_of_a_whole_all_reduce_is_noticed_and_can_be_given(predict):
    wrong = predict("--link", "335GB/s", "--latency", "120us", "--at", "16")
    assert "--all-reduce-latency" in wrong["warnings"][0]
    text = predict("--link", "335GB/s", "--latency", "120us", "--at", "16", form="terminal")
    assert "! latency: 120 us is long for one message" in " ".join(text.split())
    right = predict("--link", "335GB/s", "--all-reduce-latency", "120us@16", "--at", "16")
    assert right["warnings"] == []
    seconds = [x["predictions"][0]["sync_s"]["value"] for x in (wrong, right)]
    assert seconds[0] > 20 * seconds[1]


def test_the_presets_are_listed(ray_bench):
    outcome = ray_bench("predict", "--presets", "--format", "json")
    rows = json.loads(outcome.out)["sections"][0]["tables"][0]["rows"]
    assert {"nvlink-h100", "ethernet-100g", "infiniband-ndr"} <= {x["name"]["value"] for x in rows}


def test_peak_memory_follows_the_batch_of_a_worker(predict):
    rows = predict(*LINK, "--at", "1", "--at", "16")["predictions"]
    peaks = [row["peak_memory_bytes"] for row in rows]
    assert [x["value"] for x in peaks] == pytest.approx([2**30 + 2**29, 2**30 + 2**25])
    assert all(x["low"] < x["value"] < x["high"] for x in peaks)
    weak = predict(*LINK, "--at", "16", "--scaling", "weak")["predictions"]
    assert weak[0]["peak_memory_bytes"]["value"] == pytest.approx(2**30 + 2**29)


def test_the_terminal_says_what_is_assumed(predict):
    text = " ".join(predict(*LINK, form="terminal").split())
    assert "Predicted, not measured" in text
    assert "Against what was measured" in text
    assert "shrink in proportion" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--link", "1GB/s"), "--latency go together"),
        ((*LINK, "--preset", "nvlink-h100"), "both give a link"),
        ((*LINK, "--network", "network-1"), "give one of them"),
        (("--network", "network-2"), "there are: network-1"),
        (("--preset", "nvlink-z9"), "There is no preset"),
        (("--link", "1GB/s", "--latency", "1..2us"), "Cannot read the time"),
        (("--link", "1GB/s", "--all-reduce-latency", "90us"), "the number of workers"),
        ((*LINK, "--all-reduce-latency", "90us@4"), "give one of them"),
        ((*LINK, "--workers-per-node", "4"), "needs the link between nodes"),
        ((*LINK, "--inter-preset", "ethernet-10g"), "--workers-per-node"),
        ((*LINK, "--at", "4096"), "fewer samples than 4096"),
    ],
)
def test_what_cannot_be_asked_is_explained(ray_bench, folder, arguments, words):
    outcome = ray_bench("predict", "--from", folder, *arguments)
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())
