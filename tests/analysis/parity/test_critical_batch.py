"""Critical batches of published reference runs, and of a known truth; Pollux's efficiency."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from ray_bench.analysis.noise_scale import NoiseRow
from ray_bench.analysis.parity.critical_batch import Refusal, back_test, critical_batch
from ray_bench.analysis.parity.goodput import efficiency_frac, goodput_rows
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate

#: MLPerf reference convergence points (mlcommons/logging, rcps_*.json): batch, mean to the target.
#: The critical batches are those published with them, fitted in the same way.
PUBLISHED = {
    "llama-3.1-8b": ([16, 32, 64, 96, 128], [161109, 178859, 226645, 278640, 344747], 78, 0.042),
    "gpt-oss-20b": ([16, 32, 64], [194560, 234837, 301056], 73, 0.013),
    "flux.1": ([512, 1024, 2048, 4096], [7.22e6, 8.49e6, 10.3e6, 15.38e6], 2666, 0.033),
}
RESNET = (
    [1632, 3264, 4096, 8192, 13056, 32768, 49152, 58880, 65536, 67840],
    [35.0, 35.2, 40.0, 42.0, 45.4, 56.0, 68.0, 79.9, 84.5, 85.9],
)
LORA = ([8, 16, 32, 128], [3179, 4032, 6037, 11264])
REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "rcp.json"


@pytest.mark.parametrize("job", PUBLISHED)
def test_critical_batches_come_out_as_published(job):
    batch, cost, critical, residual = PUBLISHED[job]
    found = critical_batch(batch, cost)
    assert found.critical.value == pytest.approx(critical, rel=0.01)
    assert found.max_residual_frac == pytest.approx(residual, abs=0.0006)
    assert found.critical.contains(critical)


def test_resnets_is_within_the_interval():
    """Published 45,185 with a least of 33.8 epochs, from epochs that are not rounded."""
    found = critical_batch(*RESNET)
    assert found.critical.value == pytest.approx(45_185, rel=0.03)
    assert found.critical.contains(45_185)
    assert found.least_cost.contains(33.8)
    assert found.refusal is None


def test_what_the_form_does_not_describe_is_refused_as_published():
    found = critical_batch(*LORA)
    assert (found.refusal, found.critical, found.predict(64)) == (Refusal.NOT_DESCRIBED, None, None)
    assert found.max_residual_frac == pytest.approx(0.157, abs=0.001)


def test_batches_that_were_left_out_are_predicted():
    tests = back_test(critical_batch(*RESNET))
    assert len(tests) == 10
    assert max(abs(x.error_frac) for x in tests) < 0.10
    assert sum(x.is_covered for x in tests) >= 9


def test_the_reference_file_holds_these_numbers():
    if not REFERENCE.exists():
        pytest.skip("the reference folder is not here")
    points = {x["job"]: x for x in json.loads(REFERENCE.read_text())["points"]}
    for job, (batch, cost, *_) in PUBLISHED.items():
        assert (points[job]["batch"], points[job]["mean"]) == (batch, pytest.approx(cost))
    assert (points["resnet50-lars"]["batch"], points["resnet50-lars"]["mean"]) == RESNET
    assert points["llama-2-70b-lora"]["mean"] == LORA[1]


def test_steps_and_samples_are_one_form():
    batch = np.array([32.0, 64.0, 128.0, 256.0])
    found = critical_batch(batch, 1000 * (1 + batch / 100))
    assert found.critical.value == pytest.approx(100)
    assert found.least_steps == pytest.approx(10)
    assert found.predict(512).value / 512 == pytest.approx(10 * (1 + 100 / 512))
    assert (found.predict(513), found.predict(15)) == (None, None)


def test_intervals_hold_the_truth():
    rng = np.random.default_rng(2)
    batch = np.array([64, 128, 256, 512, 1024], dtype=float)
    truth = 50 * (1 + batch / 400)
    hits = np.zeros(2)
    for _ in range(600):
        found = critical_batch(batch, truth * (1 + 0.02 * rng.standard_normal(5)))
        new = 50 * (1 + 768 / 400) * (1 + 0.02 * rng.standard_normal())
        hits += (found.critical.contains(400), found.predict(768).contains(new))
    assert 0.92 <= hits[0] / 600 <= 0.99
    assert 0.92 <= hits[1] / 600 <= 0.99


@pytest.mark.parametrize(
    ("batch", "cost", "why"),
    [
        ([64, 128], [10, 12], Refusal.FEW_BATCHES),
        ([], [], Refusal.FEW_BATCHES),
        ([64, 128, 256], [10, 10, 10], Refusal.NO_GROWTH),
        ([64, 128, 256], [10, 9.8, 9.7], Refusal.NO_GROWTH),
        ([64, 128, 256], [10.1, 10, 10.4], Refusal.NO_GROWTH),
        ([64, 128, 256], [1, 10, 100], Refusal.NOT_DESCRIBED),
    ],
)
def test_what_has_no_critical_batch(batch, cost, why):
    found = critical_batch(batch, cost)
    assert (found.refusal, found.critical) == (why, None)


def noise(size, batch, scale):
    return NoiseRow(
        world_size=size,
        lr_rule="linear",
        global_batch_size=batch,
        num_seeds=1,
        num_epochs=3.0,
        noise_scale=scale,
    )


def test_goodput_is_throughput_times_polluxs_efficiency():
    assert efficiency_frac(512, 128, 128) == 1
    assert efficiency_frac(512, 1024, 128) == pytest.approx(640 / 1536)
    rates = {n: LogEstimate(math.log(1000 * n), 1e-4, 4, 5, "repeats") for n in (1, 8)}
    rows = goodput_rows(
        [noise(1, 128, Estimate(500, 400, 600)), noise(8, 1024, Estimate(512, 400, 700))], rates
    )
    assert rows[0].goodput.value == pytest.approx(1000)
    assert rows[1].efficiency_frac.low == pytest.approx(528 / 1424)
    assert rows[1].goodput.value == pytest.approx(8000 * 640 / 1536)
    assert rows[1].goodput.low < 8000 * 640 / 1536 < rows[1].goodput.high
    unknown = goodput_rows([noise(1, 128, None)], rates)[0]
    assert (unknown.efficiency_frac, unknown.goodput) == (None, None)
    assert goodput_rows([], rates) == ()
