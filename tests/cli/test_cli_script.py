"""`ray-bench run ... -- train.py ARGS`, with a launcher that makes records up."""

from __future__ import annotations

import pytest

from ray_bench.store import ResultsStore

pytestmark = pytest.mark.usefixtures("reports")
GIVEN = ["world_sizes=[1,2]", "batch_size=64", "lr=0.1", "seeds=[1,2]", "steps=30"]
SCRIPT = ["--", "train.py", "--batch-size", "{local_batch_size}", "--lr={lr}", "--seed", "{seed}"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text("raise SystemExit('never run here')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_script_is_planned_told_and_stored(ray_bench, launcher, folder):
    secret = ["--api-key", "geheim"]
    outcome = ray_bench("run", *GIVEN, "launch.env.HF_TOKEN=hush", *SCRIPT, *secret)
    assert outcome.code == 0, outcome.err
    assert "train.py takes {local_batch_size}, {lr}, {seed}." in outcome.err
    (call,) = launcher.calls
    assert call["config"].args[-1] == "geheim"
    assert call["config"].launch.env == {"HF_TOKEN": "hush"}
    assert {run.point.local_batch_size for run in call["planned"]} == {32, 64}
    kept = b"".join(path.read_bytes() for path in (folder / "results").rglob("*") if path.is_file())
    assert b"geheim" not in kept
    assert b"hush" not in kept
    sweep = ResultsStore("results").read().sweep
    assert sweep.command.endswith("--lr={lr}' --seed '{seed}' --api-key '***'")
    assert sweep.config_json.count("***") == 2


def test_a_sweep_over_a_script_is_resumed(ray_bench, launcher, folder):
    launcher.fail = lambda run: run.point.world_size == 2
    assert ray_bench("run", *GIVEN, *SCRIPT).code == 1
    launcher.fail = lambda run: False
    outcome = ray_bench("run", *GIVEN, "--resume", *SCRIPT)
    assert outcome.code == 0, outcome.err
    assert [run.point.world_size for run in launcher.calls[1]["planned"]] == [2, 2]
    assert ray_bench("run", *GIVEN, "--resume", *SCRIPT, "--more").code == 2


def test_the_dry_run_shows_commands_and_environment(ray_bench, launcher, folder):
    secret = ["--token=geheim", "--note", "{{lr}}"]
    outcome = ray_bench("run", *GIVEN, "launch.env.HF_TOKEN=hush", "--dry-run", *SCRIPT, *secret)
    assert outcome.code == 0, outcome.err
    assert launcher.calls == []
    assert "train.py --batch-size 32 --lr=0.1 --seed 2 '--token=***' --note '{lr}'" in outcome.out
    assert "RANK=0..1 WORLD_SIZE=2" in outcome.out
    assert "HF_TOKEN=***" in outcome.out
    assert "geheim" not in outcome.out + outcome.err


def test_a_module_is_named_as_python_names_it(ray_bench, launcher, folder):
    outcome = ray_bench("run", "steps=3", "--dry-run", "--", "-m", "package.train", "-x", "a b")
    assert "-m package.train -x 'a b'" in outcome.out
    assert "runs of package.train, scaling as it is measured, 3 steps" in outcome.out
    assert "only world sizes vary. No {local_batch_size}" in outcome.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["steps=3", "--", "trian.py"], "There is no script 'trian.py'"),
        (["steps=3", "train_fn=nowhere:loop"], "There is no module 'nowhere'"),
        (["steps=3", "--interleaved", "--", "train.py"], "`interleaved` keeps"),
        (["workload=cnn-digits", "steps=3", "--", "train.py"], "give `workload` or `script`"),
        (["--", "train.py"], "steps=300 ends it"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(ray_bench, launcher, folder, words, message):
    outcome = ray_bench("run", *words)
    assert (outcome.code, launcher.calls) == (2, [])
    assert message in outcome.err


def test_settings_without_a_script_are_nothing_for_the_doctor(ray_bench):
    outcome = ray_bench("doctor", "lr=0.1")
    assert outcome.code == 2
    assert "-- train.py --lr {lr}" in outcome.err
