"""All-reduce of buckets without the waits that are not its own."""

from __future__ import annotations

import numpy as np
import pytest

from ray_bench.analysis.bucket_times import bucket_times, service_s
from ray_bench.analysis.network import network_study
from tests.samples import make_environment, make_point, make_run


def table(rows) -> dict[str, np.ndarray]:
    """Rows of (rank, step, bucket, bytes, start_s, end_s)."""
    names = ("rank", "step", "bucket", "num_bytes", "start_s", "end_s")
    return {name: np.array(column) for name, *column in zip(names, *rows, strict=True)}


def test_a_bucket_waits_for_the_last_rank_and_for_the_bucket_before():
    seconds, sizes = service_s(
        table(
            [
                (0, 0, 0, 100, 0.0, 5.0),
                (1, 0, 0, 100, 3.0, 5.1),  # the last rank begins at 3.0
                (0, 0, 1, 200, 4.0, 9.0),  # ready at 4.0, and the link is free at 5.1
                (1, 0, 1, 200, 3.5, 9.1),
            ]
        )
    )
    assert seconds == pytest.approx([2.1, 4.0])
    assert sizes.tolist() == [100, 200]


def test_steps_do_not_mix_and_order_does_not_matter():
    rows = [
        (rank, step, bucket, 8, step + bucket * 0.2, step + bucket * 0.2 + 0.1)
        for step in range(3)
        for bucket in range(2)
        for rank in range(2)
    ]
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    seconds, _ = service_s(table(shuffled))
    assert seconds == pytest.approx([0.1] * 6)


def test_the_link_is_found_in_the_buckets_of_several_world_sizes():
    alpha, beta = 1e-3, 2e-6
    runs, buckets = [], {}
    for size in (2, 4, 8):
        run = make_run(run_id=f"w{size}", point=make_point(world_size=size))
        runs.append(run)
        rows = []
        for step in range(5):
            free = 0.0
            for bucket, num_bytes in enumerate((16384, 8192, 4096)):
                hops = 2 * (size - 1)
                end = free + hops * alpha + hops / size * num_bytes * beta
                rows += [(rank, step, bucket, num_bytes, 0.0, end) for rank in range(size)]
                free = end
        buckets[run.run_id] = table(rows)
    environments = {runs[0].environment_hash: make_environment()}
    study = network_study(bucket_times(runs, buckets, environments))
    assert study is not None
    ring = study.links[0].ring
    assert ring.fixed_s.value == pytest.approx(alpha)
    assert ring.s_per_byte.value == pytest.approx(beta)


def test_runs_without_buckets_give_no_rows():
    assert network_study(bucket_times([make_run()], {}, {})) is None
