"""Which arguments of a script make another curve."""

from __future__ import annotations

import pytest

from ray_bench.analysis.scripts import comparable_arguments


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("--batch-size 32 --model large", "--model large"),
        ("--lr=0.1 --workers=2 --accumulate 4", "--workers=2"),
        ("trainer.global_batch_size=64 model=large", "model=large"),
        ("--lr -1e-3 --amp data/train --outputDir runs/w4", "--amp data/train"),
        ("-b 32 --seed --fast config.yaml", "--fast config.yaml"),
        ("", ""),
    ],
)
def test_what_is_measured_itself_or_does_nothing_to_speed_is_left_out(given, kept):
    assert comparable_arguments(given.split()) == tuple(kept.split())
