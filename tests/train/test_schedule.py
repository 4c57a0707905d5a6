"""The rate of every step: warm-up, decays by samples, what each rule asks for."""

from __future__ import annotations

import pytest
import torch

from ray_bench.config.grid import point_of
from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.schema import SweepConfig
from ray_bench.train.schedule import Samples, SampleSchedule, make_schedule

SAMPLES = Samples(per_step=10, per_epoch=40, steps_per_epoch=4)


def climbing(base_lr: float, peak_lr: float, warmup_steps: int) -> SampleSchedule:
    return SampleSchedule(
        base_lr=base_lr,
        peak_lr=peak_lr,
        samples=SAMPLES,
        total_samples=400,
        decay=lambda run, after: 1.0,
        warmup_samples=10 * warmup_steps,
        first_lr=base_lr,
    )


def rates(steps: int = 40, *, world_size: int = 1, per_epoch: int = 160, **values) -> list[float]:
    """Of a run of so many steps in weak scaling, 16 samples a worker."""
    asked = {"workload": "x", "batch_size": 16, "lr": 0.1, "scaling": "weak", **values}
    config = SweepConfig.model_validate({"world_sizes": [world_size], **asked}).with_defaults(
        WorkloadDefaults()
    )
    point = point_of(
        config,
        world_size=world_size,
        rule=config.lr_rules[0],
        seed=0,
        is_ddp=world_size > 1,
        settings=config.settings[0],
    )
    schedule = make_schedule(
        point, config, steps_per_epoch=per_epoch // (16 * world_size), total_steps=steps
    )
    return [schedule.lr(step) for step in range(steps)]


def test_the_rate_climbs_to_the_peak_and_stays():
    schedule = climbing(0.1, 0.4, 2)
    assert [schedule.lr(step) for step in range(4)] == pytest.approx([0.2, 0.3, 0.4, 0.4])


def test_no_growth_is_no_change():
    schedule = climbing(0.1, 0.1, 5)
    assert [schedule.lr(step) for step in range(8)] == pytest.approx([0.1] * 8)


def test_groups_with_rates_of_their_own_keep_their_ratio():
    body, head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(
        [{"params": body.parameters()}, {"params": head.parameters(), "lr": 0.01}], lr=0.1
    )
    for step in range(4):
        climbing(0.1, 0.4, 2).apply(optimizer, step)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.4, 0.04])


def test_a_last_smaller_batch_counts_as_the_samples_that_it_has():
    samples = Samples(per_step=16, per_epoch=50, steps_per_epoch=4)
    assert [samples.before(step) for step in (0, 3, 4, 9)] == [0, 48, 50, 116]


@pytest.mark.parametrize("name", ["constant", "step", "cosine", "one-cycle", "wsd"])
def test_the_rate_after_the_same_samples_is_the_same_at_every_world_size(name):
    values = {"schedule": {"name": name, "final_frac": 0.1}, "lr_rules": "none"}
    if name != "one-cycle":
        values["optimizer"] = {"warmup_epochs": 0}
    one, four = rates(40, **values), rates(10, world_size=4, **values)
    assert one[::4] == pytest.approx(four)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ({"name": "step", "drops": [0.5, 0.75]}, {0: 1, 19: 1, 20: 0.1, 29: 0.1, 30: 0.01}),
        ({"name": "cosine"}, {0: 1, 20: 0.5, 10: 0.8536, 39: 0.00154}),
        ({"name": "cosine", "final_frac": 0.2}, {20: 0.6}),
        ({"name": "one-cycle", "peak_frac": 0.25}, {0: 0, 5: 0.5, 10: 1, 25: 0.5, 40 - 3: 0.1}),
        ({"name": "wsd", "decay_frac": 0.5}, {0: 1, 20: 1, 30: 0.5, 38: 0.1}),
    ],
)
def test_shapes_are_those_that_are_published(schedule, wanted):
    values = {} if schedule["name"] == "one-cycle" else {"optimizer": {"warmup_epochs": 0}}
    found = rates(40, schedule=schedule, lr_rules="none", **values)
    assert {step: found[step] / 0.1 for step in wanted} == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    ("rule", "peak", "first"),
    [
        # A warm-up of one epoch is 2 steps at 4 workers, 8 for legw; it starts at `lr`, or at 0.
        ("none", 0.1, 0.1),
        ("linear", 0.4, 0.2),
        ("sqrt", 0.2, 0.1 + 0.1 / 3),
        ("power:0.66", 0.1 * 4**0.66, 0.1 + 0.1 * (4**0.66 - 1) / 3),
        ("legw", 0.2, 0.2 / 9),
    ],
)
def test_each_rule_has_its_peak_and_its_warmup(rule, peak, first):
    found = rates(20, world_size=4, per_epoch=128, lr_rules=rule, optimizer={"warmup_epochs": 1})
    assert found[0] == pytest.approx(first)
    assert found[-1] == pytest.approx(peak)


def test_adamw_warms_up_from_zero_also_without_growth():
    found = rates(20, lr_rules="none", optimizer={"name": "adamw", "warmup_epochs": 0.4})
    assert found[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
