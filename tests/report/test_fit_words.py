"""What is said of a fitted curve: no two sentences that exclude each other, no cause from nothing.

RAY_BENCH_CURVES names a JSON file of more curves, as for `test_extrapolation.py`.
"""

import json
import math
import os
import re
from pathlib import Path

import pytest

from ray_bench.analysis.fit.choose import ruling
from ray_bench.analysis.fit.forecast import default_sizes, fit_curve
from ray_bench.analysis.fit.points import points_of
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.report.fit_report import fit_report
from ray_bench.report.fit_words import law_words, warning_words
from ray_bench.stats.log_estimate import LogEstimate

FILE = os.environ.get("RAY_BENCH_CURVES")

SIZES = (1, 2, 4, 8, 16)
CURVES = {
    "two": {1: 100, 2: 190},
    "two that fall": {1: 100, 2: 88},
    "two above ideal": {1: 1 / 27, 2: 3 / 27},
    "two far apart": {1: 40.56, 4: 92.09},
    "two with a slip": {1: 1200, 2: 2.3},
    "three": {1: 461, 2: 630, 4: 697},
    "three and a drop": {1: 100, 2: 198, 4: 240},
    "ideal": {n: 100 * n for n in SIZES},
    "Amdahl": {n: 100 * n / (1 + 0.05 * (n - 1)) for n in SIZES},
    "ring": {n: n / (1 + (n - 1) / n) for n in SIZES},
    "logarithmic": {n: n / (1 + 0.1 * math.log2(n)) for n in SIZES},
    "peak": {n: n / (1 + 0.02 * (n - 1) + 0.01 * n * (n - 1)) for n in (*SIZES, 32)},
    "gap": {1: 5, 8: 25.3151, 16: 43.4694, 32: 74.6426},
    "rcnn": {1: 5, 8: 25, 16: 41, 32: 80},
    "caffe": {1: 400, 2: 790, 4: 1580, 8: 1790},
    "collapse": {1: 1.607, 2: 3.163, 4: 6.115, 8: 1.949},
    "plateau": {1: 461, 2: 630, 4: 697, 8: 679},
    "slow plateau": {1: 100, 2: 200, 4: 400, 8: 392, 16: 390},
    "node ceiling": {1: 306.35, 4: 1079.19, 8: 1070.37, 16: 2093.53, 32: 4119.84},
    "second node": {1: 122.0, 2: 230.0, 4: 444.0, 8: 880.0, 16: 1280.0},
    "retrograde": {1: 0.00756, 2: 0.01062, 4: 0.01608, 8: 0.00338, 12: 0.00239, 16: 0.00269},
    "low point": {1: 100, 2: 198, 4: 390, 8: 400, 16: 1500},
    "high point": {1: 100, 2: 198, 4: 600, 8: 760, 16: 1500},
    "high end": {1: 100, 2: 198, 4: 380, 8: 720, 16: 3300},
    "superlinear": {1: 100, 2: 260, 4: 540, 8: 1000},
    "slip": {1: 363.25, 2: 690.1, 4: 1.302, 8: 2.411},
    "slip at one": {1: 363.25, 2: 690.1, 4: 1.302, 8: 2411},
    "nonsense": {1: 5, 2: 3, 4: 90, 8: 1, 16: 44},
    "not from one": {8: 2962.7, 16: 5886.1, 32: 11705.9, 64: 23317.9},
}

#: Pairs of claims of which at most one may stand in a report.
EXCLUDED = [
    (r"test no law|test none", r"predicted the measured points"),
    (r"No law is taken|No law fits|No law is tested", r"Law: |\(taken\)"),
    (r"two world sizes test none", r"No law fits"),
    (r"stands still from (\S+) to (\S+) ", r"falls from {0} to {1} "),
    (r"cliff from (\S+) to (\S+) ", r"{1} workers: an outlier"),
    (r"cliff from (\S+) to (\S+) ", r"falls from {0} to {1} |stands still from {0} "),
    (r"(\d+) workers: an outlier", r"Superlinear: {0} workers"),
    (r"falls from|has less throughput than the one before", r"A peak of throughput is not a"),
    (r"What more than \d+ workers would give", r"interval is all that"),
    (r"Is the unit another one", r"Law: |cliff|stands still|an outlier|Superlinear|No law fits"),
    (r"It was taken as the only one", r"is the smallest of the"),
    (r"within one standard error of the smallest", r"is the smallest of"),
    (r"No law is tested|No law fits", r"misses the points by more than their noise"),
]
#: A cause that throughput alone cannot show, told as a fact.
CAUSES = r"They wait for|mostly the input|Look for a node|Likely:|because of the (link|input)"


def report_of(curve, scaling, held, variance, at=()):
    source = "none" if variance is None else "repeats"
    df = None if variance is None else 6.0
    means = {n: LogEstimate(math.log(x), variance, df, 3, source) for n, x in curve.items()}
    fit = fit_curve(points_of(means, scaling, workers_per_node=held))
    rows = fit.forecast(at or default_sizes(fit.points))
    return fit, fit_report("x", fit, rows, 0.95, "samples/s", is_asked=bool(at))


def text_of(report):
    parts = [report.answer, *(flag.text for flag in report.flags)]
    for section in report.sections:
        parts += section.paragraphs
        for table in section.tables:
            parts.append(table.title)
            parts += [str(cell.value) for row in table.rows for cell in row]
    return "\n".join(parts)


def contradictions(text):
    for claim, denial in EXCLUDED:
        for found in re.finditer(claim, text):
            groups = [re.escape(x or "") for x in found.groups()]
            other = re.search(denial.format(*groups) if groups else denial, text)
            if other:
                yield found.group(), other.group()


def assert_consistent(curve, scaling, held, variance, at=()):
    _, report = report_of(curve, scaling, held, variance, at)
    text = text_of(report)
    found = list(contradictions(text))
    assert found == [], f"{found} in {text}"
    assert not re.search(CAUSES, text), text
    if held is not None and max(curve) <= held:
        assert "second node begins" not in text
    if held is not None:
        assert "--workers-per-node says" not in text
    forecast = {t.key: t for s in report.sections for t in s.tables}.get("forecast")
    for row in forecast.rows if forecast else ():
        rate = row[1]
        if rate.value is not None:
            assert rate.low >= rate.value / 3
            assert rate.high <= rate.value * 3
            assert f"What {row[0].value} workers would give is not known" not in text


@pytest.mark.parametrize("case", CURVES)
@pytest.mark.parametrize(
    ("scaling", "held", "variance"),
    [("weak", None, None), ("strong", 8, 1e-4), ("weak", 1, 2.5e-5), ("strong", None, 0.09)],
)
def test_no_two_sentences_exclude_each_other(case, scaling, held, variance):
    assert_consistent(CURVES[case], scaling, held, variance)


@pytest.mark.parametrize("case", ["two", "collapse", "slip", "plateau"])
def test_asked_for_world_sizes_are_refused_in_words(case):
    assert_consistent(CURVES[case], "weak", None, None, at=(3, 16, 4096))
    _, report = report_of(CURVES[case], "weak", None, None, at=(3, 16, 4096))
    assert "not known from these points" in text_of(report)


@pytest.mark.slow
@pytest.mark.skipif(not FILE, reason="RAY_BENCH_CURVES names no file")
def test_no_two_sentences_exclude_each_other_on_a_file_of_curves():
    curves = json.loads(Path(FILE).read_text())["curves"]
    several = [curve for curve in curves if len(curve["world_size"]) > 1]
    assert several, "the file has no curve of several world sizes"
    for curve in several:
        values = dict(zip(curve["world_size"], curve["throughput"], strict=True))
        scaling = "strong" if curve["scaling"] == "strong" else "weak"
        assert_consistent(values, scaling, curve.get("workers_per_node"), None)


def test_the_contradictions_would_be_found():
    """The pairs are real ones: each of them is found in a text that has both."""
    text = (
        "Two world sizes test no law. It predicted the measured points. "
        "cliff from 4 to 8 workers. 8 workers: an outlier. No law fits. Law: x. What more than 8 "
        "workers would give is not known from these points. Its interval is all that is known."
    )
    assert len(list(contradictions(text))) == 4


def test_the_words_that_are_looked_for_are_those_that_are_said():
    """Else no pair of them could ever be found."""
    _, asked = report_of(CURVES["two"], "weak", None, None, at=(3, 16, 4096))
    assert "What 16 workers would give is not known" in text_of(asked)
    _, fallen = report_of(CURVES["collapse"], "weak", None, None)
    assert re.search(r"What more than \d+ workers would give", text_of(fallen))


@pytest.mark.parametrize("case", CURVES)
def test_the_reason_for_a_law_is_the_rule_that_took_it(case):
    fit, _ = report_of(CURVES[case], "weak", None, None)
    words = law_words(fit)
    if fit.chosen is None:
        assert "taken as" not in words
        assert "taken because" not in words
        return
    found = ruling(fit.candidates, fit.points)
    assert found.taken is fit.chosen
    if "only one" in words:
        assert found.num_fitting == 1
    elif "fewer parameters" in words and "has fewer" in words:
        assert found.taken.test.law.num_parameters < found.best.test.law.num_parameters
        assert found.best.test.law.title in words
    else:
        assert found.taken is found.best
        assert "smallest of the" in words


def words_of(case, held=None, scaling="weak"):
    fit, _ = report_of(CURVES[case], scaling, held, None)
    found = warnings_of(fit, default_sizes(fit.points))
    return {x.kind: warning_words(x) for x in found}


def test_a_cliff_asks_for_nodes_only_where_they_may_end():
    assert "Does a node end there" in words_of("caffe")["cliff"]
    inside = words_of("caffe", held=8)["cliff"]
    assert "Both are on one node" in inside
    assert "--workers-per-node" not in inside
    assert "A second node begins there" in words_of("caffe", held=4)["cliff"]


def test_a_plateau_is_a_shape_and_a_question():
    words = words_of("plateau", held=8, scaling="strong")["plateau"]
    assert words.startswith("Throughput stands still from 4 to 8 workers (-2.6 %).")
    assert words.count("?") == 2
    assert "batch of a worker too small there?" in words
    assert "`ray-bench run`" in words


def test_a_slip_is_asked_for_first_and_alone():
    found = words_of("slip")
    assert list(found) == ["slip"]
    assert found["slip"].startswith("Is the unit another one from 4 to 8 workers (thousands")
    assert "times 1000 it would be 1.89" in found["slip"]
