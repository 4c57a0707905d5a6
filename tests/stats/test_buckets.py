"""What a run chooses its buckets by is what the replay computes."""

import numpy as np
import pytest

from ray_bench.analysis.replay.schedule import default_buckets
from ray_bench.stats.buckets import DEFAULT_CAP_MB, MIB, first_cap_bytes, last_reduced_s
from ray_bench.stats.lines import relative_line
from ray_bench.train.bucket_cap import buckets_of, exposed_s, line_of


@pytest.mark.parametrize("cap_mb", [1.0, 5.0, DEFAULT_CAP_MB])
def test_even_gradients_make_the_buckets_that_the_replay_assumes(cap_mb):
    gradients = [((i + 1) / 240, MIB // 4) for i in range(240)]  # 60 MiB over a second
    found = buckets_of(gradients, cap_mb)
    assumed = default_buckets(60 * MIB, cap_mb * MIB)
    assert [size for _, size in found] == assumed.num_bytes.tolist()
    assert [ready for ready, _ in found] == pytest.approx(assumed.ready_frac.tolist())
    end_s = last_reduced_s(assumed.ready_frac, 0.01 + 1e-8 * assumed.num_bytes)
    assert exposed_s(found, 0.01, 1e-8) == pytest.approx(float(end_s) - 1.0)


def test_the_first_bucket_is_small_with_ddps_own_cap_alone():
    assert first_cap_bytes(DEFAULT_CAP_MB * MIB) == MIB
    assert first_cap_bytes(24 * MIB) == 24 * MIB


def test_a_line_is_fitted_to_relative_errors():
    times = {size: [1e-3 + 2e-9 * size] for size in (10**3, 10**6, 10**9)}
    assert line_of(times) == pytest.approx((1e-3, 2e-9))
    terms = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]])
    assert relative_line(terms, terms @ [3.0, 0.5]) == pytest.approx([3.0, 0.5])
