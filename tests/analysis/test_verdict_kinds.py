"""Every bottleneck is planted, one at a time, and named with its phase, ranks and seconds."""

import pytest

from ray_bench.analysis.losses import Bottleneck
from ray_bench.analysis.study import studies
from tests.synthetic import Sync, synthetic

COMPUTE_S = 0.1  # of the whole batch
FIXED = {"data_wait": 1e-5, "optimizer": 1e-5, "other": 1e-5}


def ranks(size, *, batch=128, fixed=None, slow=None, weak=False):
    """Seconds by phase of every rank: compute is shared out, and the others wait for `slow`."""
    share = batch / 128 / size if not weak else 1.0
    own = [
        {**FIXED, "forward": COMPUTE_S / 3 * share, "backward": COMPUTE_S * 2 / 3 * share}
        for _ in range(size)
    ]
    for one in own:
        for phase, seconds in (fixed or {}).items():
            one[phase] = one.get(phase, 0.0) + seconds
    if slow and size > 1:
        rank, changes = slow
        for phase, factor, seconds in changes:
            own[rank][phase] = own[rank][phase] * factor + seconds
    longest = max(sum(one.values()) for one in own)
    for one in own:
        one.setdefault("exposed_comm", 0.0)
        one["skew_wait"] = longest - sum(one.values())
    return own


def judged(plant, *, sync=None, scaling="strong", sizes=(1, 2, 4), noise=0.001):
    results = synthetic(sizes, scaling=scaling, ranks_s=plant, noise=noise, sync=sync)
    (study,) = studies(results)
    return study


def fixed_beyond_one(phase, seconds):
    return lambda n, batch: ranks(n, fixed={phase: seconds} if n > 1 else {})


def test_nothing_is_nothing():
    study = judged(lambda n, batch: ranks(n))
    assert study.verdict.bottleneck is Bottleneck.NONE
    assert study.verdict.worst is None
    assert set(study.lags.values()) == {()}


@pytest.mark.parametrize(("noise", "kind"), [(0.001, Bottleneck.INPUT), (0.02, Bottleneck.NONE)])
def test_a_loss_that_may_be_none_is_none(noise, kind):
    """Efficiency is 93 % with 4 workers; the interval of the noisy sweep reaches 95 %."""
    study = judged(lambda n, batch: ranks(n, fixed={"data_wait": 0.0025}), noise=noise)
    efficiency = study.rows[-1].efficiency_frac
    assert efficiency.value < 0.95
    assert (efficiency.high >= 0.95) is (kind is Bottleneck.NONE)
    assert study.verdict.bottleneck is kind


@pytest.mark.parametrize(
    ("phase", "kind"),
    [
        ("data_wait", Bottleneck.INPUT),
        ("forward", Bottleneck.BATCH_TOO_SMALL),
        ("optimizer", Bottleneck.OPTIMIZER),
        ("other", Bottleneck.OTHER),
    ],
)
def test_a_fixed_time_per_step_on_every_rank(phase, kind):
    study = judged(lambda n, batch: ranks(n, fixed={phase: 0.02}))
    worst = study.verdict.worst
    assert (worst.kind, worst.phase, worst.ranks) == (kind, phase, ())
    assert worst.seconds == pytest.approx(0.02 * 3 / 4, rel=0.05)
    assert study.verdict.judged_at == 4


def test_a_straggler_is_named_with_its_phase_and_all_that_it_costs():
    def plant(n, batch):
        return ranks(n, slow=(1, [("forward", 1.5, 0.0), ("backward", 1.5, 0.0)]))

    study = judged(plant)
    worst = study.verdict.worst
    assert (worst.kind, worst.phase, worst.ranks) == (Bottleneck.STRAGGLER, "backward", (1,))
    behind = 0.5 * COMPUTE_S / 4
    assert worst.seconds == pytest.approx(behind, rel=0.05)
    assert worst.evidence["behind_s"] == pytest.approx(behind, rel=0.05)
    assert worst.evidence["skew_wait_s"] == pytest.approx(behind * 3 / 4, rel=0.05)
    (lag,) = study.lags[4]
    assert lag.seconds.low < behind < lag.seconds.high
    assert worst.seconds / study.verdict.total_lost_s > 0.95


def test_a_rank_that_waits_for_its_data_is_input_on_that_rank():
    study = judged(lambda n, batch: ranks(n, slow=(2 % n, [("data_wait", 1.0, 0.03)])))
    worst = study.verdict.worst
    assert (worst.kind, worst.phase, worst.ranks) == (Bottleneck.INPUT, "data_wait", (2,))
    assert worst.seconds == pytest.approx(0.03, rel=0.05)


def test_waiting_without_a_slow_rank_is_skew():
    study = judged(fixed_beyond_one("exposed_comm", 0.0))
    assert study.verdict.bottleneck is Bottleneck.NONE

    def plant(n, batch):
        return [{**one, "skew_wait": 0.02 if n > 1 else 0.0} for one in ranks(n)]

    assert judged(plant).verdict.bottleneck is Bottleneck.SKEW


@pytest.mark.parametrize(
    ("sync", "kind"),
    [
        (None, Bottleneck.COMMUNICATION),
        (Sync(latency_s=1e-5, s_per_byte=1e-8), Bottleneck.COMMUNICATION),
        (Sync(latency_s=1e-2, s_per_byte=1e-12), Bottleneck.LATENCY),
    ],
)
def test_transfer_is_communication_or_latency(sync, kind):
    study = judged(fixed_beyond_one("exposed_comm", 0.02), sync=sync)
    worst = study.verdict.worst
    assert (worst.kind, worst.phase) == (kind, "exposed_comm")
    assert worst.seconds == pytest.approx(0.02, rel=0.05)


def test_backward_that_is_slower_while_gradients_travel_is_contention():
    study = judged(fixed_beyond_one("backward", 0.015), sync=Sync(contention_s=0.015))
    worst = study.verdict.worst
    assert (worst.kind, worst.phase) == (Bottleneck.CONTENTION, "backward")
    assert worst.evidence["contention_s"] == pytest.approx(0.015, rel=0.05)
    without = judged(fixed_beyond_one("backward", 0.015), sync=Sync(contention_s=0.0))
    assert without.verdict.bottleneck is Bottleneck.BATCH_TOO_SMALL


def test_slower_compute_with_the_same_batch_is_the_host():
    study = judged(
        lambda n, batch: ranks(n, weak=True, fixed={"backward": 0.02 * (n - 1)}), scaling="weak"
    )
    assert study.verdict.bottleneck is Bottleneck.HOST


def test_noise_makes_no_straggler():
    study = judged(lambda n, batch: ranks(n, slow=(1, [("forward", 1.02, 0.0)])))
    assert set(study.lags.values()) == {()}
