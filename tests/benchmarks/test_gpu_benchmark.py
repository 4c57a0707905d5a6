"""The GPU benchmark where there is none: it says so; in miniature its parts run on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import psutil
import pytest
import torch

from benchmarks.common import ROOT, Aim, Comparison, Measure
from benchmarks.gpu import parts
from benchmarks.gpu.lab import MINIATURE, Found, Lab, plain_values
from benchmarks.gpu.parts import PARTS, Part, function_of, run_parts


def lab_of(seconds: float = 600.0) -> Lab:
    return Lab(
        device=torch.device("cpu"),
        sizes=MINIATURE,
        seed=0,
        data_dir=None,
        deadline_s=time.monotonic() + seconds,
    )


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_and_the_exit_code_is_0(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", "--save", str(tmp_path), "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing was measured" in done.stderr
    outcome = json.loads((tmp_path / "gpu.json").read_text())
    assert outcome["comparisons"] == outcome["measures"] == []
    assert "nothing was measured" in (tmp_path / "gpu.md").read_text()


def test_every_part_has_a_function_and_they_fit_into_eight_minutes():
    assert all(callable(function_of(part)) for part in PARTS)
    assert parts.BUDGET_S + parts._GRACE_S * 2 <= 8 * 60


def test_what_a_part_finds_survives_its_way_through_json():
    comparison = Comparison(
        name="a",
        top="x",
        bottom="y",
        unit="s",
        pairs=((1.0, 2.0), (3.0, 4.0)),
        aim=Aim(bound="at most", value=1.0),
    )
    measure = Measure(name="m", value=2.0, unit="s")
    values = json.loads(
        json.dumps(plain_values(Found(comparisons=[comparison], measures=[measure])))
    )
    assert parts._comparison(values["comparisons"][0]) == comparison
    assert parts._measure(values["measures"][0]) == measure


def run_fake(tmp_path, monkeypatch, text: str, limit_s: float = 30.0):
    """Run a part whose process is this script."""
    monkeypatch.setattr(parts, "PARTS", (Part(name="fake", target="x:y", limit_s=limit_s),))
    monkeypatch.setattr(parts, "_GRACE_S", 0.2)
    path = tmp_path / "part.py"
    path.write_text(text)
    monkeypatch.setattr(parts, "PROGRAM", (sys.executable, str(path)))
    return run_parts(["fake"], [])


def test_a_part_that_overruns_is_stopped_with_what_it_started(tmp_path, monkeypatch):
    child = (
        "import subprocess, sys, time, pathlib\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(300)\n"
    )
    begin_s = time.monotonic()
    answer = run_fake(tmp_path, monkeypatch, child, limit_s=3.0)
    assert time.monotonic() - begin_s < 60
    assert "stopped after 3 s" in answer.notes[0]
    assert answer.num_failed == 1
    pid = int((tmp_path / "pid").read_text())
    deadline_s = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline_s, "the child of the stopped part lives on"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one whose exit status nobody has taken yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_part_that_fails_says_why_and_the_others_go_on(tmp_path, monkeypatch):
    answer = run_fake(tmp_path, monkeypatch, "raise SystemExit('no such kernel')")
    assert "fake: failed. no such kernel" in answer.notes[0]
    assert answer.num_failed == 1


def test_without_time_a_part_is_not_begun(monkeypatch):
    answer = run_parts(["paths"], [], budget_s=1.0)
    assert "not measured" in answer.notes[0]
    assert answer.num_failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paths", "instruments", "ceiling", "sharing", "target"])
def test_parts_run_in_miniature(name):
    part = next(part for part in PARTS if part.name == name)
    found = function_of(part)(lab_of())
    for comparison in found.comparisons:
        assert all(top > 0 and bottom > 0 for top, bottom in comparison.pairs)
    assert found.comparisons or found.measures or found.notes
    json.dumps(plain_values(found))


@pytest.mark.slow
@pytest.mark.cluster
def test_the_part_through_ray_runs_in_miniature():
    from benchmarks.gpu.through_ray import through_ray

    found = through_ray(lab_of())
    (comparison,) = found.comparisons
    assert len(comparison.pairs) == 2
    names = " ".join(measure.name for measure in found.measures)
    assert "throughput" in names
    assert "phases of a step" in names
    assert "MFU" not in names  # unknown on a CPU, so absent
