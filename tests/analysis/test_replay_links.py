"""What a link costs where it was measured, stated by its all-reduces, or doubted."""

from __future__ import annotations

import numpy as np
import pytest

from ray_bench.analysis.network import network_study
from ray_bench.analysis.replay.asked import given_link
from ray_bench.analysis.replay.cost import Network
from ray_bench.analysis.replay.links import doubtful_latency, measured_links, stated_link
from ray_bench.errors import ConfigError
from tests.network_samples import network_columns

#: Seconds of 16 GPUs by bytes; NCCL's protocols change in between, and no line describes them.
MEASURED = {8: 120e-6, 2**20: 210e-6, 2**26: 1.3e-3, 2**33: 48e-3}


def measured():
    count = len(MEASURED)
    columns = {
        "world_size": np.full(count, 16),
        "num_nodes": np.zeros(count, dtype=int),
        "backend": np.full(count, "nccl", dtype=object),
        "device": np.full(count, "GPU", dtype=object),
        "num_bytes": np.array(list(MEASURED)),
        "duration_s": np.array(list(MEASURED.values())),
    }
    return measured_links(network_study(columns), "sweep", "x")[0]


def all_reduce_s(link, world_size: int, num_bytes: float, algorithm="quicker") -> float:
    network = Network(within=link.wire, algorithm=algorithm)
    return float(network.all_reduce_s(world_size, np.array([num_bytes]))[0])


@pytest.mark.parametrize("algorithm", ["ring", "quicker"])
def test_sizes_that_were_measured_take_what_was_measured(algorithm):
    for num_bytes, seconds in MEASURED.items():
        assert all_reduce_s(measured(), 16, num_bytes, algorithm) == pytest.approx(seconds)
    assert 120e-6 < all_reduce_s(measured(), 16, 841 * 1024) < 210e-6


def test_more_workers_take_longer_and_never_longer_than_a_ring():
    times = [all_reduce_s(measured(), n, 2**20) for n in (8, 16, 32, 256)]
    assert times == sorted(times)
    assert all_reduce_s(measured(), 256, 2**20, "ring") > times[-1]


def test_a_model_that_fits_is_left_alone():
    columns = network_columns((2, 4, 8), noise=0.05)
    link, _ = measured_links(network_study(columns), "sweep", "x")
    assert link.correction is None
    assert link.ring_workers == 8


def test_the_time_of_an_all_reduce_is_not_the_latency_of_a_message():
    whole = given_link("300GB/s", None, None, "", "120us@16")
    assert whole.alpha_s.value == pytest.approx(120e-6 / 30)
    for algorithm in ("ring", "tree"):
        assert all_reduce_s(whole, 16, 8, algorithm) == pytest.approx(120e-6, rel=1e-3)
    message = given_link("300GB/s", "120us", None, "")
    assert all_reduce_s(message, 16, 8, "ring") == pytest.approx(30 * 120e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("gb_per_s", "micros", "is_doubtful"),
    [(300, 123, True), (300, 5, False), (3, 25, False), (3, 150, True), (0.1, 25, False)],
)
def test_a_latency_that_no_such_link_has_is_doubted(gb_per_s, micros, is_doubtful):
    assert doubtful_latency(stated_link(gb_per_s * 1e9, micros * 1e-6)) is is_doubtful
    assert not doubtful_latency(stated_link(gb_per_s * 1e9, micros * 1e-6, 16))


@pytest.mark.parametrize("text", ["120us", "120us@1", "120us@x", "@16", "16@120us", "120us@16@16"])
def test_an_all_reduce_needs_its_workers(text):
    with pytest.raises(ConfigError):
        given_link("300GB/s", None, None, "", text)


def test_one_latency_is_enough():
    with pytest.raises(ConfigError, match="give one of them"):
        given_link("300GB/s", "5us", None, "", "120us@16")
