"""What is said of a sweep before it starts: what it cannot tell, and what nobody would look at."""

from __future__ import annotations

import pytest

from ray_bench.errors import ConfigError
from ray_bench.store import ResultsStore
from ray_bench.sweep.request import SweepRequest
from ray_bench.sweep.requested import requested_plan, resolve
from tests.fakes import TinyWorkload

TARGET = "metrics.target=accuracy>=0.9"


class Unevaluated:
    defaults = TinyWorkload.defaults

    def build(self, context):
        raise AssertionError("a plan looks at the class, and builds nothing")


def said(tmp_path, *settings):
    request = SweepRequest(None, ("workload=cnn-digits", *settings), str(tmp_path))
    notes = []
    config = resolve(None, request.settings).config
    requested_plan(request, config, ResultsStore(tmp_path), notes.append)
    return notes


@pytest.mark.parametrize("workload", ["emulated", "tests.sweep.test_requested:Unevaluated"])
@pytest.mark.parametrize(
    "settings",
    [[TARGET], ["stop.hopeless=true"], ["stop.hopeless_epochs=2", "stop.hopeless_loss=1"]],
)
def test_what_evaluations_tell_is_refused_where_the_workload_has_none(workload, settings):
    with pytest.raises(ConfigError, match=r"has no method `evaluate`; give it one, or leave"):
        resolve(None, [f"workload={workload}", *settings])


def test_a_workload_with_evaluations_is_taken():
    assert resolve(None, ["workload=tests.fakes:TinyWorkload", TARGET]).info.is_evaluated


def test_one_seed_is_said_to_tell_nothing_of_who_reaches_the_target(tmp_path):
    (note,) = said(tmp_path, TARGET)
    assert note.startswith("note: one seed says nothing of whether")
    assert note.endswith("Use seeds=[0,1,2,3,4].")


@pytest.mark.parametrize(
    "settings", [[], [TARGET, "seeds=[0,1,2]"], [TARGET, "world_sizes=[1]"]], ids=str
)
def test_nothing_is_said_where_nothing_is_missing(tmp_path, settings):
    assert said(tmp_path, *settings) == []


RULES = "lr_rules=[sqrt,legw]"


def test_rules_that_train_alike_are_named(tmp_path):
    (note,) = said(tmp_path, "scaling=weak", RULES, "schedule.name=one-cycle")
    assert "the rules sqrt and legw train alike" in note


@pytest.mark.parametrize(
    "settings",
    [
        [RULES],
        [RULES, "schedule.name=cosine"],
        ["lr_rules=[sqrt,linear]", "schedule.name=one-cycle"],
    ],
    ids=str,
)
def test_nothing_is_said_of_rules_that_differ(tmp_path, settings):
    assert said(tmp_path, "scaling=weak", *settings) == []
