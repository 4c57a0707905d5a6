"""A ladder over a virtual wire, predicted from its single worker."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ray_bench.analysis.replay.cost import Network
from ray_bench.analysis.replay.forecast import Question, predicted_steps
from ray_bench.analysis.replay.links import stated_link
from ray_bench.analysis.replay.profile import step_profile
from ray_bench.analysis.study import studies
from ray_bench.records import SweepRecord
from ray_bench.store import ResultsStore
from tests.train.test_ladder import climb, request

LATENCY_S, GBIT_PER_S = 0.0008, 0.008
SIZES = (1, 2, 4, 8)


@pytest.mark.slow
def test_steps_over_the_wire_are_predicted_from_one_worker(tmp_path):
    ladder = request(
        SIZES,
        rounds=5,
        batch_size=64,
        ddp={"bucket_cap_mb": 0.001, "at_world_size_one": True},
        ladder={"rounds": 5, "turn_s": 1.0},
        measure={"warmup_steps": 2, "warmup_s": 0, "phase_steps": 8, "sync_pairs": 0},
        emulated={
            "compute_s_per_sample": 0.01,
            "latency_s": LATENCY_S,
            "gbit_per_s": GBIT_PER_S,
        },
    )
    rounds, _ = climb(ladder, tmp_path)
    store = ResultsStore(tmp_path / "results")
    store.write_sweep(
        SweepRecord(
            sweep_id="test",
            created_at_utc=datetime.now(UTC),
            config_json=ladder.config.model_dump_json(),
            config_sha256="0" * 64,
            command="",
            ray_bench_version="0",
            run_ids=tuple(data.run.run_id for turns in rounds for data in turns),
        )
    )
    for data in (data for turns in rounds for data in turns):
        store.write_run(data)
    results = store.read()
    (study,) = studies(results)
    link = stated_link(GBIT_PER_S * 1e9 / 8, LATENCY_S)
    question = Question(
        network=Network(within=link.wire), within=link, between=None, scaling="strong"
    )
    rows = predicted_steps(step_profile(results, study), question, SIZES[1:], study.curve)
    assert [row.world_size for row in rows] == [2, 4, 8]
    # The wire is seen: without it these steps would be shorter by more than what is allowed.
    assert rows[-1].exposed_s.value > 0.05 * rows[-1].step_s.value
    for row in rows:
        assert row.error_frac == pytest.approx(0, abs=0.03)
