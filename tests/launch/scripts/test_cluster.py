"""Scripts and Ray Train functions in Ray's workers: a sweep, its store and its report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ray_bench.store import ResultsStore

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "examples" / "scripts"
SWEEP = ["world_sizes=[1,2]", "batch_size=32", "measure.warmup_s=0.2", "steps=40"]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ray_bench", "run", "--results", str(folder), *SWEEP, *words],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_a_script_is_a_curve(tmp_path):
    script = ["--", "accumulation.py", "--batch-size", "{local_batch_size}", "--lr", "{lr}"]
    done = run(tmp_path, "lr=0.05", *script)
    assert done.returncode == 0, done.stderr
    assert "accumulation.py" in done.stdout
    runs = ResultsStore(tmp_path).read().runs
    assert [(r.point.world_size, r.strategy, r.launched) for r in runs] == [
        (1, "none", "script"),
        (2, "ddp", "script"),
    ]
    for each in runs:
        assert each.mean_local_samples == 32 / each.point.world_size
        assert each.point.accumulate_steps == 4
        assert len(each.rank_node_ids or ()) == each.point.world_size
    outputs = sorted(path.name for path in (tmp_path / "outputs").rglob("*.txt"))
    assert [name[-9:] for name in outputs] == ["rank0.txt", "rank0.txt", "rank1.txt"]


def test_a_ray_train_function_is_a_curve(tmp_path):
    function = "train_fn=ray_train_function:train_loop_per_worker"
    given = ["train_fn_config.batch_size={local_batch_size}", "train_fn_config.lr={lr}"]
    done = run(tmp_path, function, "lr=0.01", *given)
    assert done.returncode == 0, done.stderr
    runs = ResultsStore(tmp_path).read().runs
    assert [(r.point.world_size, r.launched, r.trainer) for r in runs] == [
        (1, "train_fn", "plain"),
        (2, "train_fn", "plain"),
    ]
    assert [r.mean_local_samples for r in runs] == [32, 16]
    assert all(r.final_train_loss is not None for r in runs)
