"""How many workers a node holds, and a fall of efficiency where the second node begins."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.losses import Bottleneck
from ray_bench.analysis.nodes import boundary_fall, workers_per_node
from ray_bench.analysis.study import studies
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from tests.synthetic import environment, synthetic

NODES = {1: 1, 2: 1, 4: 1, 8: 2, 16: 4}
STEP_S = 0.1


def on_nodes(results, nodes, **changes):
    """The same sweep on hosts of its own for every world size."""
    hosts = {n: environment(num_nodes=count, **changes) for n, count in nodes.items()}
    runs = tuple(
        replace(run, environment_hash=hosts[run.point.world_size].environment_hash)
        for run in results.runs
    )
    found = {host.environment_hash: host for host in hosts.values()}
    return replace(results, runs=runs, environments=found)


def held(nodes, flags=(), **changes):
    results = on_nodes(synthetic(tuple(nodes), repeats=1), nodes, **changes)
    runs = [replace(run, flags=flags) for run in results.runs]
    return workers_per_node(runs, results.environments)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (NODES, 4),
        ({8: 1, 64: 8, 512: 64}, 8),
        ({1: 1, 6: 1, 8: 2}, 6),  # the second node was not full
        ({2: 2, 4: 4, 8: 8}, 1),
        ({1: 1, 2: 2, 4: 2, 8: 2}, None),  # spread out: no number of workers fills a node
    ],
)
def test_where_runs_spanned_nodes_these_tell(nodes, expected):
    assert held(nodes) == expected


def test_on_one_node_its_cores_and_gpus_tell():
    one = {1: 1, 2: 1}
    assert held(one, num_cpus=16) == 16
    assert held(one, num_cpus=16, omp_num_threads=4) == 4
    assert held(one, num_cpus=1) == 2  # measured, whatever the cores
    matrix = '[["X", "NV4"], ["NV4", "X"]]'
    assert held({1: 1}, num_gpus=1, gpu_names=("Made-up GPU",), gpu_topology=matrix) == 2
    assert held({1: 1}, num_gpus=1, gpu_names=("Made-up GPU",)) is None
    assert held(one, flags=("emulated",)) is None


def test_without_environments_nothing_is_known():
    assert workers_per_node(synthetic((1, 2)).runs, {}) is None


def curve_of_costs(costs, sd=0.005):
    return Curve(
        throughput={
            n: LogEstimate(math.log(n / cost), None if sd is None else sd**2, 8, 3, "repeats")
            for n, cost in costs.items()
        }
    )


def fall_of(costs, sd=0.005):
    return boundary_fall(curve_of_costs(costs, sd), NODES)


def test_a_planted_boundary_is_found_with_what_it_costs():
    fall = fall_of({1: 1.0, 2: 1.01, 4: 1.02, 8: 1.5, 16: 1.6})
    assert (fall.last_inside, fall.first_beyond) == (4, 8)
    assert fall.inside_frac == pytest.approx(1 / 1.02)
    assert fall.beyond_frac == pytest.approx(1 / 1.5)
    # At most (56 - 12) / (12 - 2) = 4.4 times the last doubling's 0.01 may be smooth.
    assert fall.boundary_frac == pytest.approx((0.48 - 4.4 * 0.01) / 1.5)


@pytest.mark.parametrize(
    "costs",
    [
        {1: 1.0, 2: 1.01, 4: 1.02, 8: 1.04, 16: 1.5},  # inside the nodes, not between
        {1: 1.0, 2: 1.2, 4: 1.4, 8: 1.7},  # as much inside
        {1: 1.0, 8: 1.5},  # one size inside
        {1: 1.0, 2: 1.01, 4: 1.02},  # none beyond
        {1: 1.0, 2: 1.01, 4: 1.02, 8: 1.06},  # too small to matter
    ],
)
def test_what_is_no_boundary(costs):
    assert fall_of(costs) is None


def test_noise_that_could_make_the_fall_leaves_it_open():
    costs = {1: 1.0, 2: 1.01, 4: 1.02, 8: 1.3}
    assert fall_of(costs) is not None
    assert fall_of(costs, sd=0.05) is None
    assert fall_of(costs, sd=None) is None


@given(
    st.floats(0, 0.2), st.floats(0, 0.02), st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.1)
)
def test_nothing_smooth_is_taken_for_a_boundary(sigma, kappa, ring, log, serial):
    """Contention, coherency, ring, tree and Amdahl's serial work, together and without noise."""
    costs = {
        n: 1
        + sigma * (n - 1)
        + kappa * n * (n - 1)
        + ring * 2 * (n - 1) / n
        + log * math.log2(n)
        + serial * n
        for n in NODES
    }
    assert fall_of(costs, sd=1e-6) is None


def test_noise_alone_is_seldom_taken_for_a_boundary():
    rng = np.random.default_rng(5)
    found = [
        fall_of(
            {n: 1.1 ** math.log2(n) * math.exp(0.03 * rng.standard_normal()) for n in NODES}, 0.03
        )
        for _ in range(400)
    ]
    assert sum(x is not None for x in found) <= 10


def two_level(num_workers, batch):
    """Weak scaling: 2 ms of ring on a node, 60 ms over the link between nodes."""
    transfer = 2 * (num_workers - 1) / num_workers
    return STEP_S + transfer * (0.001 if NODES[num_workers] == 1 else 0.03)


def planted(step_s, **changes):
    return on_nodes(
        synthetic(tuple(NODES), scaling="weak", step_s=step_s, noise=0.002, **changes), NODES
    )


def test_a_two_level_curve_is_judged_by_its_boundary():
    (study,) = studies(planted(two_level, with_phases=False))
    verdict = study.verdict
    assert (verdict.bottleneck, verdict.judged_at) == (Bottleneck.NODE_BOUNDARY, 16)
    assert verdict.worst.evidence["on_one_node_workers"] == 4
    assert verdict.worst.evidence["on_several_nodes_workers"] == 8
    # Of the step at 8 workers, and as many seconds at 16.
    assert verdict.lost_s == pytest.approx(two_level(8, 0) - two_level(4, 0), rel=0.1)
    assert study.fit.points.place.workers_per_node == 4
    assert not study.fit.crosses_boundary(64)


def test_a_smooth_curve_on_the_same_nodes_is_not():
    (study,) = studies(planted(lambda n, _: STEP_S * (1 + 0.05 * math.log2(n)), with_phases=False))
    assert study.verdict.bottleneck is Bottleneck.NO_PHASES


def ranks(num_workers, batch):
    exposed = two_level(num_workers, batch) - STEP_S
    return [{"forward": 0.03, "backward": 0.07, "exposed_comm": exposed}] * num_workers


def test_with_phases_the_exposed_transfer_is_put_to_the_boundary():
    results = planted(None, ranks_s=ranks)
    (study,) = studies(results)
    worst = study.verdict.worst
    assert (worst.kind, worst.phase) == (Bottleneck.NODE_BOUNDARY, "exposed_comm")
    assert worst.seconds == pytest.approx(two_level(16, 0) - STEP_S, rel=0.05)
    assert worst.evidence["exposed_comm_s"] == pytest.approx(worst.seconds)
    drawn = markdown_report(build_report(results))
    assert "efficiency falls with the second node" in drawn
    assert "on one node 4 workers" in drawn


def slow_loader(num_workers, batch):
    """Beyond one node the data come late; the transfer stays as it is."""
    waits = 0.0 if NODES[num_workers] == 1 else 0.06
    return [{"data_wait": waits, "forward": 0.03, "backward": 0.07}] * num_workers


def test_another_cause_at_the_boundary_keeps_its_name():
    (study,) = studies(planted(None, ranks_s=slow_loader))
    assert study.verdict.bottleneck is Bottleneck.INPUT


def test_a_report_says_which_predictions_need_a_node_that_was_not_measured():
    report = build_report(on_nodes(synthetic(), dict.fromkeys((1, 2, 4, 8), 1), num_cpus=8))
    section = next(x for x in report.sections if x.key == "predictions")
    assert any("no inter-node measurement: 16 workers" in words for words in section.paragraphs)
    assert "16, 32 workers: no inter-node measurement." in section.paragraphs
    sizes = {x.world_size for x in report.screens[0].numbers.sizes}
    assert sizes == {1, 2, 4, 8, 16, 32}
    assert any("What 64 workers would give is not known" in words for words in section.paragraphs)


def test_measured_nodes_need_no_such_remark():
    report = build_report(planted(two_level))
    assert "no inter-node measurement" not in markdown_report(report)
