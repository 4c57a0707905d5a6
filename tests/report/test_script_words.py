"""Curves of scripts: what the measurement itself costs is said where steps are short."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.analysis.study import studies
from ray_bench.report.script_words import script_warnings
from tests.synthetic import synthetic

SHORT = (
    "The shortest steps take 2 ms: measuring beside a script makes each about 0.025 ms longer, "
    "1.2% of them."
)


@pytest.mark.parametrize(
    ("launched", "step_s", "words"),
    [("attached", 0.002, SHORT), ("attached", 0.005, None), ("ours", 0.002, None)],
)
def test_short_steps_of_a_script_are_flagged_with_what_was_measured(launched, step_s, words):
    results = synthetic((1, 2), step_s=lambda n, _: step_s, noise=0.0)
    runs = tuple(replace(run, launched=launched) for run in results.runs)
    (study,) = studies(replace(results, runs=runs))
    assert dict(script_warnings(study)).get("script_short_steps") == words
