"""The scoreboard of extrapolation, on a few published curves and on a file, if one is given."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import extrapolation
from benchmarks.judge import PROBABILITIES, Mean, Prediction, judged

#: DLPerf (Oneflow-Inc/DLPerf, reports v1), NVIDIA DeepLearningExamples and PyTorch's DDP benchmark.
CURVES = [
    {"id": name, "scaling": "weak", "world_size": n, "throughput": x, "workers_per_node": 8}
    for name, n, x in (
        ("rn50-oneflow", [1, 8, 16, 32], [384.85, 2969.45, 5906.55, 11711.18]),
        ("rn50-tf1", [1, 8, 16, 32], [362.44, 2721.98, 5099.42, 9514.64]),
        ("rn50-pytorch", [1, 8, 16, 32], [354.40, 2719.07, 5307.21, 10632.33]),
        ("bert-oneflow-96", [1, 8, 16, 32], [149.84, 1158.51, 2257.71, 4455.97]),
        ("bert-mxnet-32", [1, 8, 16, 32], [127.05, 928.03, 1136.44, 1895.50]),
        ("rn50-ngc-pytorch", [1, 4, 8, 16, 32], [367.29, 1449.48, 2887.65, 5716.79, 10917.09]),
        ("dgx-a100-amp", [1, 2, 4, 8], [2180, 4332, 8587, 16925]),
        ("dgx-a100-tf32", [1, 2, 4, 8], [1022, 2032, 4035, 8001]),
        ("ddp-resnet101", [1, 2, 4, 8, 16], [187, 364, 728, 1432, 2848]),
    )
]
#: A JSON file of curves for the long version; the aims are those of the benchmark.
FILE = os.environ.get("RAY_BENCH_CURVES")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "curves.json"
    path.write_text(json.dumps({"curves": CURVES}))
    return str(path)


def test_published_curves_are_predicted_better_than_by_plain_laws(file, capsys):
    assert extrapolation.main([file, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    scores = {x["method"]: x for x in found["scores"]}
    ours = scores.pop("ray_bench")
    plain = [scores[name] for name in ("Amdahl", "USL", "power law", "log law")]
    assert ours["num_predictions"] == len(CURVES)
    assert ours["median"] <= found["aims"]["median"]
    assert ours["mean"] < min(x["mean"] for x in plain)
    assert ours["coverage"] >= found["aims"]["coverage"]
    assert ours["width"] <= found["aims"]["width"]


@pytest.mark.parametrize("form", ["terminal", "md"])
def test_the_table_has_every_method_and_the_aims(file, capsys, form):
    extrapolation.main([file, "--format", form, "--worst", "2"])
    out = capsys.readouterr().out
    for name in (*extrapolation.METHODS, "aim", "median width"):
        assert name in out
    assert "bert-mxnet-32 at 32" in out


def test_two_are_held_out_from_six_points_on(file):
    six = {**CURVES[0], "world_size": [1, 2, 4, 8, 16, 32], "throughput": [1, 2, 4, 8, 15, 30]}
    (task,) = extrapolation.tasks([six], "largest")
    assert task.world_sizes == (16, 32)
    assert len(list(extrapolation.tasks([six], "every"))) == 3


def test_a_batch_at_every_size_is_told_to_the_fit_unless_it_is_hidden():
    curve = {**CURVES[0], "global_batch_size": [32, 128, 256, 512]}
    modes = [
        next(extrapolation.tasks([curve], "largest", x)).points.mode
        for x in ("all", "points", "none")
    ]
    assert modes == ["mixed", "mixed", "weak"]
    known, unknown = (next(extrapolation.tasks([curve], "largest", x)) for x in ("all", "points"))
    assert (known.batches, unknown.batches) == ((16.0,), None)


def prediction(measured, quantiles, **more):
    fields = {"curve": "c", "group": "g", "regime": "r", "num_points": 3, "world_size": 8}
    ends = {"predicted": quantiles[19], "low": quantiles[0], "high": quantiles[-1]}
    fields.update(ends, crosses_boundary=False, measured=measured, quantiles=quantiles)
    return Prediction(**{**fields, **more})


def test_the_crps_of_a_uniform_distribution():
    """Of the middle of [0, 1] it is 1 / 12, of its end 1 / 3 (integral of (F - step)^2)."""
    spread = tuple(math.exp(p) for p in PROBABILITIES)
    assert prediction(math.exp(0.5), spread).crps == pytest.approx(1 / 12, abs=0.01)
    assert prediction(math.e, spread).crps == pytest.approx(1 / 3, abs=0.01)
    miss = prediction(math.exp(1.975), spread).quantile_score  # 1 above the interval
    assert miss == pytest.approx((0.025 * 1.95 + 0.5 * 1.475 + 0.975 * 1.0) / 3)


def test_a_source_has_one_vote_and_so_has_a_curve_in_it():
    rows = [("a", "1", 0.0), ("a", "1", 2.0), ("a", "2", 3.0), ("b", "3", 4.0)]
    mean = Mean.of(rows)
    assert (mean.value, mean.num_groups) == (3.0, 2)
    assert mean.error == pytest.approx(1.0)
    assert Mean.of(rows[:3]).error is None


def test_predictions_are_paired_with_a_baseline(file, tmp_path, capsys):
    extrapolation.main([file, "--format", "json"])
    out = capsys.readouterr().out
    base = tmp_path / "base.json"
    base.write_text(out)
    extrapolation.main([file, "--baseline", str(base), "--format", "md"])
    row = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("| all |"))
    assert "+0.00 (0.00)" in row
    found = [
        Prediction(**{k: v for k, v in x.items() if k != "error"})
        for x in json.loads(out)["predictions"]["ray_bench"]
    ]
    exact = [replace(x, quantiles=(x.measured,) * len(PROBABILITIES)) for x in found]
    twice = [replace(x, measured=2 * x.measured) for x in exact]
    worse = judged(twice, exact)[0].difference("CRPS")
    assert worse.value == pytest.approx(math.log(2))


@pytest.mark.slow
@pytest.mark.skipif(not FILE, reason="RAY_BENCH_CURVES names no file")
def test_the_aims_on_a_file_of_curves(capsys):
    extrapolation.main([str(Path(FILE)), "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    ours = found["scores"][0]
    assert ours["median"] <= found["aims"]["median"]
    assert ours["coverage"] >= found["aims"]["coverage"]
