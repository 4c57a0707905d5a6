"""A model of transformers, made from a configuration, as a workload: one rank and two."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from ray_bench.train.group import Group
from ray_bench.workloads import catalog
from tests.ranks import run_ranks
from tests.train.test_batches import short
from tests.train.test_loop import alone, train

pytest.importorskip("transformers")
EXAMPLE = Path(__file__).parents[2] / "examples" / "tiny_transformer.py"
LENGTH = 64


@pytest.fixture
def example(monkeypatch):
    monkeypatch.chdir(EXAMPLE.parent)
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    yield catalog.load("tiny_transformer:TinyTransformer")
    sys.modules.pop("tiny_transformer", None)


def test_the_example_is_under_twenty_lines():
    assert len(EXAMPLE.read_text().splitlines()) < 20


@pytest.mark.slow
def test_it_trains_and_counts_its_tokens(example):
    data = train(short(batch_size=64, epochs=1), example, alone())
    assert data.epochs[0].num_tokens == 1024 * LENGTH
    run = data.run
    assert run.throughput_tokens_per_s == pytest.approx(LENGTH * run.throughput_samples_per_s)
    assert run.final_train_loss == pytest.approx(math.log(256), abs=0.1)  # random: a guess
    assert run.flops_per_sample > 0
    assert not run.has_own_batches


def test_it_trains_on_two_ranks_as_on_one(example, tmp_path):
    def job(group: Group):
        return train(short(2, batch_size=64, epochs=1), example, group)

    for data in run_ranks(job, 2, tmp_path):
        assert data.epochs[0].num_tokens == 1024 * LENGTH
        rate = data.run.throughput_samples_per_s
        assert data.run.throughput_tokens_per_s == pytest.approx(LENGTH * rate)
        assert {phase.rank for phase in data.phases} == {0, 1}
