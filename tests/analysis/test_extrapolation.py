"""The scoreboard of extrapolation, on a few published curves and on a file, if one is given."""

import json
import os
from pathlib import Path

import pytest

from benchmarks import extrapolation

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


@pytest.mark.slow
@pytest.mark.skipif(not FILE, reason="RAY_BENCH_CURVES names no file")
def test_the_aims_on_a_file_of_curves(capsys):
    extrapolation.main([str(Path(FILE)), "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    ours = found["scores"][0]
    assert ours["median"] <= found["aims"]["median"]
    assert ours["coverage"] >= found["aims"]["coverage"]
