"""Commands that a report advises: no key twice, and a script's own words stay its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.report.commands import resumed, with_seeds, with_settings
from ray_bench.report.model import build_report
from tests.synthetic import synthetic

SCRIPT = "ray-bench run world_sizes=1,2,4 steps=300 --results out -- train.py repeats=5 --lr {lr}"


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("ray-bench run demo", "ray-bench run demo 'world_sizes=[16]' repeats=1"),
        (
            "ray-bench run demo repeats=3 steps=9 repeats=2 --budget 5min",
            "ray-bench run demo repeats=1 steps=9 'world_sizes=[16]' --budget 5min",
        ),
        (
            SCRIPT,
            "ray-bench run 'world_sizes=[16]' steps=300 repeats=1 --results out "
            "-- train.py repeats=5 --lr '{lr}'",
        ),
        (
            "ray-bench run -- -m pkg.train repeats=5",
            "ray-bench run 'world_sizes=[16]' repeats=1 -- -m pkg.train repeats=5",
        ),
        ("ray-bench run 'cnn", None),
        ("torchrun, 2 ranks: -m ray_bench.attach train.py", None),
        ("", None),
    ],
)
def test_a_setting_takes_the_place_of_what_its_key_had(command, found):
    assert with_settings(command, ["world_sizes=[16]", "repeats=1"]) == found


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (
            "ray-bench run cnn 'seeds=[0,1]' --yes",
            "ray-bench run cnn 'seeds=[0,1,2,5]' --yes --extend",
        ),
        ("ray-bench run cnn --resume", "ray-bench run cnn 'seeds=[0,1,2,5]' --extend"),
        (
            "ray-bench run steps=9 -- t.py seeds=4",
            "ray-bench run steps=9 'seeds=[0,1,2,5]' --extend -- t.py seeds=4",
        ),
        ("ray-bench run 'cnn", None),
        ("", None),
    ],
)
def test_the_command_for_more_seeds_keeps_all_else_and_what_is_measured(command, found):
    assert with_seeds(command, {0, 5}, 2) == found


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("ray-bench run demo", "ray-bench run demo --resume"),
        ("ray-bench run --resume demo", "ray-bench run demo --resume"),
        ("ray-bench run a=1 -- t.py --resume", "ray-bench run a=1 --resume -- t.py --resume"),
        ("python -m ray_bench.attach t.py", None),
    ],
)
def test_resume_is_said_to_ray_bench_and_not_to_a_script(command, found):
    assert resumed(command) == found


def test_the_next_step_of_a_scripts_sweep_can_be_run_as_it_stands():
    results = synthetic((1, 2, 4), noise=0.002, repeats=2)
    sweep = replace(results.sweep, command=SCRIPT)
    command = build_report(replace(results, sweep=sweep)).screens[0].answer.next.command
    assert command.count("world_sizes=") == 1
    own, script = command.split(" -- ")
    assert own.startswith("ray-bench run 'world_sizes=[")
    assert own.endswith("repeats=1 --results out")
    assert script == "train.py repeats=5 --lr '{lr}'"
