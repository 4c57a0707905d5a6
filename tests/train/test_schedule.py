"""Warm-up of the learning rate."""

from __future__ import annotations

import pytest
import torch

from ray_bench.train.schedule import WarmupSchedule


def test_the_rate_climbs_to_the_peak_and_stays():
    schedule = WarmupSchedule(base_lr=0.1, peak_lr=0.4, warmup_steps=2)
    assert [schedule.lr(step) for step in range(4)] == pytest.approx([0.2, 0.3, 0.4, 0.4])


def test_no_growth_is_no_change():
    schedule = WarmupSchedule(base_lr=0.1, peak_lr=0.1, warmup_steps=5)
    assert [schedule.lr(step) for step in range(8)] == pytest.approx([0.1] * 8)


def test_groups_with_rates_of_their_own_keep_their_ratio():
    body, head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(
        [{"params": body.parameters()}, {"params": head.parameters(), "lr": 0.01}], lr=0.1
    )
    schedule = WarmupSchedule(base_lr=0.1, peak_lr=0.4, warmup_steps=2)
    for step in range(4):
        schedule.apply(optimizer, step)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.4, 0.04])
