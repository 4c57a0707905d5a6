"""The language model of bytes: its text, its size, its loss."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_bench.errors import MissingDataError
from ray_bench.workloads import catalog
from ray_bench.workloads.gpt import ByteGpt, GptStdlib, bits_per_byte
from ray_bench.workloads.stdlib_text import corpus, read, sequences
from tests.ranks import RankError, run_ranks
from tests.train.test_loop import alone, request, train

MEASURE = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 0, "sync_pairs": 0, "noise_steps": 0}
MEASURE["checkpoint"] = False


def test_modules_are_for_training_or_for_validation_and_never_for_both(tmp_path):
    for number in range(40):
        folder = tmp_path / f"module{number}"
        folder.mkdir()
        for name in ("a.py", "b.py"):
            (folder / name).write_bytes(b"%02d" % number * 30_000)
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "other.py").write_bytes(b"zz" * 1000)
    text = read(tmp_path)
    whole = [x.tobytes() for x in (text.train, text.val)]
    halves = [{x[i : i + 2] for i in range(0, len(x), 2)} for x in whole]
    assert halves[0].isdisjoint(halves[1])
    assert len(halves[0] | halves[1]) == 40
    assert b"zz" not in halves[0] | halves[1]
    assert read(tmp_path).sha256 == text.sha256
    (tmp_path / "module7" / "a.py").write_text("changed")
    assert read(tmp_path).sha256 != text.sha256


def test_a_python_without_its_sources_is_told(tmp_path):
    with pytest.raises(MissingDataError, match="take another workload"):
        read(tmp_path)


def test_sequences_have_the_byte_that_follows_each():
    found = sequences(np.arange(100, dtype=np.uint8), 4, 9)
    assert found.shape == (4, 10)
    assert found[0].tolist() == list(range(10))
    assert found[-1].tolist() == list(range(90, 100))


def test_the_model_has_the_parameters_that_the_catalogue_says_and_sees_no_later_byte():
    model = ByteGpt()
    info = catalog.find("gpt-stdlib")
    assert sum(p.numel() for p in model.parameters()) == info.num_params
    inputs = torch.randint(256, (2, 16), dtype=torch.uint8)
    changed = inputs.clone()
    changed[:, 10:] = 0
    first, second = (model(x)[:, :10] for x in (inputs, changed))
    assert torch.allclose(first, second, atol=1e-5)
    assert bits_per_byte(torch.zeros(2, 16, 256), inputs) == pytest.approx(8.0)


def test_a_run_learns_counts_bytes_and_records_the_text():
    values = {"steps": 5, "batch_size": 4, "lr": 5e-3, "measure": MEASURE}
    evaluation = {"max_samples": 4}
    run = request(
        workload="gpt-stdlib", evaluation=evaluation, optimizer={"name": "adamw"}, **values
    )
    data = train(run, GptStdlib(), alone())
    assert data.run.dataset == corpus().name
    assert corpus().sha256[:12] in data.run.dataset
    assert data.run.final_val_loss < 7 < math.log2(256)
    assert data.run.final_val_accuracy_frac is None
    assert data.epochs[0].num_tokens == 5 * 4 * 128
    assert data.run.throughput_tokens_per_s == pytest.approx(
        128 * data.run.throughput_samples_per_s
    )


def test_ranks_with_different_texts_are_refused(tmp_path, monkeypatch):
    from ray_bench.workloads import gpt

    whole = corpus()

    def job(group):
        monkeypatch.setattr(gpt, "corpus", lambda: replace(whole, sha256=str(group.rank) * 64))
        run = request(2, workload="gpt-stdlib", steps=1, batch_size=8, measure=MEASURE)
        train(run, GptStdlib(), group)

    with pytest.raises(RankError, match=r"different training text.*Install one Python"):
        run_ranks(job, 2, tmp_path)
