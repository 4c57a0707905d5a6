"""Tests of `ray-bench compare`, from stored results to the exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum

import pytest

from ray_bench.analysis.comparison import Allow, Metric
from ray_bench.analysis.comparison.compare import DEFAULT_GATE, DEFAULT_TOLERANCE_FRAC
from ray_bench.analysis.comparison.row import GATEABLE
from ray_bench.cli import compare as command
from ray_bench.store import ResultsStore
from tests.planted import at_eight, planted
from tests.stored import write_results


def small(seed, slower=lambda _: 1.0, **changes):
    few = {"world_sizes": (1, 8), "with_blocks": False, "with_accuracy": False, "noise": 0.001}
    return planted(seed, slower, **{**few, **changes})


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Return folders by name; `two` has two sweeps."""
    root = tmp_path_factory.mktemp("stores")
    sweeps = {
        "base": [small(1)],
        "same": [small(2)],
        "slow": [small(3, at_eight(1.1))],
        "noisy": [small(4, noise=0.05)],
        "big": [small(5, batch=256)],
        "failed": [small(6, failed=lambda _size, _repeat: True)],
        "two": [small(7), small(8, lambda _: 1.2)],
    }
    for name, results in sweeps.items():
        for number, found in enumerate(results):
            later = found.sweep.created_at_utc.replace(day=2 + number)
            sweep = replace(found.sweep, created_at_utc=later)
            write_results(ResultsStore(root / name), replace(found, sweep=sweep))
    (root / "empty").mkdir()
    return root


@pytest.fixture
def compare(ray_bench, stores):
    def call(base, new, *arguments):
        return ray_bench("compare", str(stores / base), str(stores / new), *arguments)

    return call


def test_a_regression_ends_with_exit_code_3_and_the_report_on_stdout(compare):
    outcome = compare("base", "slow")
    assert outcome.code == 3
    assert "Worse than the base by more than the tolerance of 2 %" in outcome.out
    assert outcome.out.splitlines()[-1].startswith("Worse: throughput with 8 workers -")
    assert outcome.err == "Gate: failed, exit code 3.\n"


def test_no_change_ends_with_exit_code_0(compare):
    outcome = compare("base", "same")
    assert (outcome.code, outcome.err) == (0, "Gate: passed, exit code 0.\n")
    assert "No regression: a loss of more than 2 % is ruled out" in outcome.out
    whole = compare("base", "same", "--fold", "comparison")
    assert (whole.code, "Change, widened" in " ".join(whole.out.split())) == (0, True)
    assert compare("base", "same", "--fold", "nope").code == 2


def test_what_cannot_be_told_is_said_loudly_and_fails_only_if_strict(compare):
    outcome = compare("base", "noisy")
    assert outcome.code == 0
    assert "A regression is NOT ruled out" in outcome.err
    assert "Cannot tell whether it is worse" in outcome.out
    assert "!  Undecided. A regression is not ruled out." in outcome.out
    assert outcome.out.splitlines()[-1].startswith("Cannot tell yet: throughput with ")
    strict = compare("base", "noisy", "--strict")
    assert (strict.code, strict.err) == (3, "Gate: undecided, exit code 3.\n")
    assert compare("base", "same", "--strict").code == 0


def test_a_larger_tolerance_lets_it_pass(compare):
    assert compare("base", "slow", "--tolerance", "0.2").code == 0


def test_two_sweeps_of_one_store_can_be_compared(compare):
    outcome = compare("two", "two", "--sweep-base", "s7", "--format", "json")
    assert outcome.code == 3
    assert json.loads(outcome.out)["sweep_id"] == "s7..s8"
    back = compare("two", "two", "--sweep-new", "s7", "--format", "json")
    assert (back.code, json.loads(back.out)["sweep_id"]) == (0, "s8..s7")


def test_a_sweep_against_itself_is_flagged(compare):
    outcome = compare("base", "base")
    assert outcome.code == 0
    assert "!! A sweep against itself. Base and new are the same sweep" in outcome.out


@pytest.mark.parametrize(
    ("form", "start"),
    [("md", "# Comparison: "), ("json", '{\n  "format_version"'), ("csv", "what,"), ("html", "<")],
)
def test_every_form_goes_to_stdout_or_to_a_file(compare, tmp_path, form, start):
    outcome = compare("base", "slow", "--format", form)
    assert outcome.code == 3
    assert outcome.out.startswith(start)
    path = tmp_path / "out" / f"c.{form}"
    written = compare("base", "slow", "--format", form, "--output", str(path))
    assert (written.code, written.out) == (3, "")
    text = path.read_text()
    assert text.startswith(start)
    if form == "md":  # with its picture beside it
        assert (path.parent / "c_files" / "change.svg").exists()
    else:
        assert text.rstrip("\n") == outcome.out.rstrip("\n")


def test_memory_can_gate_and_a_price_is_taken(compare):
    assert compare("base", "slow", "--gate", "memory").code == 0
    both = compare("base", "slow", "--gate", "memory", "--gate", "cost", "--price", "9")
    assert both.code == 3
    assert "at 9 USD per worker and hour" in " ".join(both.out.split())


def test_what_differs_is_refused_until_it_is_allowed(compare):
    outcome = compare("base", "big")
    assert outcome.code == 1
    assert "batch (128 and 256)" in outcome.err
    assert "--allow batch" in outcome.err
    allowed = compare("base", "big", "--allow", "batch")
    assert allowed.code in (0, 3)
    assert "!  They differ in what is not under test. Compared because it" in allowed.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("base", "nowhere"), 1, "does not exist"),
        (("empty", "base"), 1, "has no results"),
        (("base", "failed"), 1, "The new sweep 's6' has no usable run (6 failed)"),
        (("base", "same", "--sweep-new", "s3"), 1, "has no sweep 's3'"),
        (("base", "same", "--tolerance", "-1"), 2, "tolerance is a fraction"),
        (("base", "same", "--tolerance", "nan"), 2, "tolerance is a fraction"),
        (("base", "same", "--tolerance", "2%"), 2, "tolerance"),
        (("base", "same", "--target", "90"), 2, "target is a fraction"),
        (("base", "same", "--gate", "beta"), 2, "beta"),
        (("base", "same", "--allow", "scaling"), 2, "scaling"),
        (("base", "same", "--format", "pdf"), 2, "pdf"),
    ],
)
def test_wrong_requests(compare, arguments, code, message):
    outcome = compare(*arguments)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.out == ""


def test_a_file_is_no_store(ray_bench, stores, tmp_path):
    path = tmp_path / "results.parquet"
    path.write_text("no store")
    outcome = ray_bench("compare", str(stores / "base"), str(path))
    assert outcome.code == 1
    assert str(path) in outcome.err


def names(choices: type[StrEnum]) -> list[str]:
    return [str(choice) for choice in choices]


def test_the_options_offer_what_the_analysis_knows():
    assert names(command.Gate) == [str(metric) for metric in GATEABLE]
    assert names(command.Kind) == names(Allow)
    assert command.DEFAULT_TOLERANCE == DEFAULT_TOLERANCE_FRAC
    assert DEFAULT_GATE == (Metric.THROUGHPUT,)
