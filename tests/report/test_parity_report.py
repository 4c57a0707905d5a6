"""The report says whether more workers reach the same model, and what a target takes."""

import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.parity.critical_batch import critical_batch
from ray_bench.analysis.study import studies
from ray_bench.report.accuracy_words import seeds_words
from ray_bench.report.html.page import html_report
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from ray_bench.report.target_words import batch_words
from tests.analysis.parity.learned import learned, noisy
from tests.report.reports import CASES, column, report_of, tables, terminal
from tests.report.test_json_schema import CLOSED
from tests.synthetic import synthetic

NOISE = noisy(0.001)
LOSSES = ("seeds", "diverged", "stopped")


def loses(size, rule, seed):
    return 0.9 - 0.013 * ((rule, size) == ("sqrt", 4)) + NOISE(size, rule, seed)


def section(report):
    return next((x for x in report.sections if x.key == "parity"), None)


def words(report):
    found = [x for x in report.sections if x.key in ("parity", "target")]
    return " ".join(line for x in found for line in x.paragraphs)


@pytest.fixture(scope="module")
def rules():
    results = learned(
        loses,
        lambda n, rule, s: 8.0 * (1 + 0.6 * (n == 4) + 0.05 * ((n, rule) == (2, "sqrt"))),
        rules=("linear", "sqrt"),
        scaling="weak",
        with_blocks=True,
        epochs=80,
    )
    return build_report(results, target=0.85)


def test_the_verdicts_are_said_and_are_data(rules):
    said = words(rules)
    assert "2 workers with linear and sqrt, 4 workers with linear: final" in said
    assert "final accuracy equivalent, within 0.5 points." in said
    assert "4 workers with sqrt: final accuracy worse by 1.3 points (1.1 to 1.5)." in said
    assert column(rules, "parity", "verdict")[3].value == "worse"
    effect = column(rules, "parity", "effect")[3]
    assert effect.low < effect.value == pytest.approx(-0.0135, abs=0.001)
    document = json.loads(json_report(rules))
    assert not list(CLOSED.iter_errors(document))
    assert "parity" in [x["key"] for x in document["sections"]]
    (entry,) = document["parity"]
    assert (entry["reference_size"], entry["target"]) == (1, "accuracy>=0.85")
    row = entry["rows"][3]
    assert (row["quantity"], row["world_size"], row["lr_rule"]) == ("accuracy", 4, "sqrt")
    assert (row["verdict"], row["num_seeds"], row["more_seeds"]) == ("worse", 5, None)
    assert row["p_different"] < 0.05 < row["p_equivalent"]
    assert {x["wanted_runs"] for x in entry["reference_convergence"]} == {5}


def test_the_headline_has_throughput_time_and_cost(rules):
    said = words(rules)
    best = "Soonest at 85 % accuracy: 4 workers with linear, which also have the most throughput."
    assert best in said
    assert "4 workers with linear, soonest of 2 rules in these runs: 3.9" in said
    assert "to 85 % accuracy, at " in said
    assert [x.value for x in column(rules, "target_gain", "reached")] == [
        "10 of 10",
        "5 of 5",
        "5 of 5",
    ]


def test_of_one_rule_nothing_is_said_of_a_choice():
    report = build_report(learned(loses, sizes=(1, 4), with_blocks=True), target=0.85)
    said = words(report) + report.screens[0].answer.lead
    assert re.search(r"4 workers: 3\.\d+x .* in samples/s, 3\.\d+x", said)
    assert "rules" not in said
    assert "with linear: " in said  # of the verdicts
    assert "Bonferroni" not in " ".join(tables(report)["target_gain"].notes)


def test_where_times_say_nothing_the_rule_is_that_with_fewest_samples():
    results = learned(
        loses,
        lambda n, rule, s: 8.0 + 0.1 * s + 8.0 * (n == 4) - 2.0 * (rule == "sqrt" and n == 4),
        rules=("linear", "sqrt"),
        scaling="weak",
        sizes=(1, 4),
        epochs=80,
        flags=lambda n: ("oversubscribed",) if n == 4 else (),
    )
    said = words(build_report(results, target=0.85))
    assert "4 workers with sqrt, fewest samples of 2 rules in these runs: 1." in said
    assert "nothing is claimed of its time" in said


def test_missing_seeds_come_with_the_command_for_them():
    report = build_report(learned(lambda n, r, s: 0.9 + 8 * NOISE(n, r, s), seeds=(0, 1, 2)))
    assert "not enough runs: " in words(report)
    more = max(x.value or 0 for x in column(report, "parity", "more_80"))
    (seeds,) = [x for x in shlex.split(section(report).code) if x.startswith("seeds=")]
    assert len(json.loads(seeds.removeprefix("seeds="))) == 3 + more


def test_seeds_are_asked_for_where_they_are_missing_alone():
    def accuracy(n, rule, seed):
        return 0.9 + (30 if (n, rule) == (4, "sqrt") else 0.01) * NOISE(n, rule, seed)

    report = build_report(
        learned(accuracy, rules=("linear", "sqrt"), seeds=(0, 1, 2), scaling="weak")
    )
    found = shlex.split(section(report).code)
    assert "world_sizes=[1,4]" in found
    assert "lr_rules=[sqrt]" in found
    assert found[-1] == "--extend"
    more = max(x.value or 0 for x in column(report, "parity", "more_80"))
    assert f"makes {2 * more} runs or more for it" in words(report)


def test_every_repeat_of_a_missing_seed_is_a_run():
    report = build_report(
        learned(lambda n, r, s: 0.9 + 8 * NOISE(n, r, s), seeds=(0, 1, 2), sizes=(1, 4), repeats=3)
    )
    more = max(x.value or 0 for x in column(report, "parity", "more_80"))
    assert f"makes {3 * 2 * more} runs or more for it" in words(report)


def test_that_the_rate_is_not_scaled_is_said_as_a_rule():
    made = learned(lambda n, r, s: 0.9 + 0.01 * NOISE(n, r, s), rules=("none",), scaling="weak")
    assert "2 workers with rule none, 4 workers with rule none: final accuracy equivalent" in words(
        build_report(made)
    )


def test_one_seed_is_told_from_none_and_says_what_to_do():
    report = build_report(learned(lambda *_: 0.9, seeds=(0,)), target=0.85)
    assert "the spread between seeds is not known from one; 2 more needed, 3 in all" in words(
        report
    )
    assert section(report).code.endswith("'seeds=[0,1,2]' --extend")
    assert section(build_report(learned(lambda *_: 0.9, seeds=(0,)))) is None


def test_a_target_that_is_never_reached():
    report = build_report(learned(loses), target=0.99)
    assert "No world size is known to get to 99 % accuracy" in words(report)
    assert "5 of 5 seeds did not reach the target" in words(report)
    assert {x.value for x in column(report, "parity_samples", "not_reached")} == {5}
    assert {x.value for x in column(report, "parity_samples", "effect")} == {None}


def test_diverged_runs_are_said_to_be_failures():
    report = build_report(learned(lambda n, r, s: None if n == 4 and s < 2 else 0.9))
    assert "2 of 5 seeds diverged, which rules out equivalence, and a difference is not" in words(
        report
    )
    report = build_report(learned(lambda n, r, s: None if n == 4 and s else 0.9))
    assert "4 workers with linear: final accuracy worse: 4 of 5 seeds diverged." in words(report)


def test_what_the_eye_sees_is_said_though_nothing_is_shown():
    """One diverged, three end far below by very different amounts, and one ends as the baseline."""
    ends = {0: None, 1: 0.11, 2: 0.84, 3: 0.85, 4: 0.899}
    report = build_report(
        learned(lambda n, r, s: ends[s] if n == 4 else 0.9 + NOISE(n, r, s), sizes=(1, 4))
    )
    seen = "though 1 of 5 seeds diverged and 3 end more than 0.5 points below"
    said = "4 workers with linear: final accuracy not shown to be equivalent or different, "
    assert f"{said}{seen}; that may still be chance." in words(report)
    (panel,) = [x for x in report.screens[0].panels if x.key == "accuracy"]
    assert panel.title == f"{said}{seen}"
    row = json.loads(json_report(report))["parity"][0]["rows"][0]
    assert (row["num_worse"], row["num_diverged"], row["num_seeds"]) == (4, 1, 4)


def test_a_difference_says_which_seeds_are_not_in_it():
    ends = {0: None} | dict.fromkeys((1, 2, 3, 4), 0.88)
    report = build_report(
        learned(lambda n, r, s: ends[s] if n == 4 else 0.9 + NOISE(0, "", s), sizes=(1, 4))
    )
    said = re.search(r"final accuracy worse by 2.0 points \([^)]*\)(.*?)\.", words(report))
    assert said.group(1) == "; not in that: 1 of 5 seeds diverged"
    assert column(report, "parity", "diverged")[0].value == 1


@pytest.fixture(scope="module")
def with_losses():
    """With four workers linear loses a seed of five, and sqrt all of them, two as hopeless."""
    gone = {("linear", 1), *(("sqrt", s) for s in range(5))}
    results = learned(
        lambda n, r, s: None if n == 4 and (r, s) in gone else 0.9 + NOISE(n, r, s),
        rules=("linear", "sqrt"),
        sizes=(1, 4),
        scaling="weak",
    )
    runs = [
        replace(x, status="stopped")
        if x.status == "diverged" and (x.point.lr_rule, x.point.seed > 2) == ("sqrt", True)
        else x
        for x in results.runs
    ]
    return build_report(replace(results, runs=tuple(runs)))


def test_a_mean_accuracy_says_of_how_many_seeds_it_is(with_losses):
    found = {x: [y.value for y in column(with_losses, "accuracy", x)] for x in LOSSES}
    assert found == {
        "seeds": [5, 5, 4, 0],
        "diverged": [None, None, 1, 3],
        "stopped": [None, None, None, 2],
    }
    (val,) = [x for x in column(with_losses, "accuracy", "val") if x.value is None]
    assert (val.low, val.high) == (None, None)
    said = tables(with_losses)["accuracy"].notes[0]
    assert said == (
        "Means are of the seeds that came to their end. 4 workers with linear: 4 of 5 seeds; "
        "1 diverged. 4 workers with sqrt: 0 of 5 seeds; 3 diverged, 2 stopped as hopeless."
    )
    clean = tables(build_report(learned(lambda *_: 0.9)))["accuracy"]
    assert not any("came to their end" in x for x in clean.notes)
    assert not {"diverged", "stopped"} & {x.key for x in clean.drawn.columns}


def test_the_mean_says_so_in_every_form(with_losses):
    said = "4 workers with linear: 4 of 5 seeds; 1 diverged"
    document = json.loads(json_report(with_losses))
    assert not list(CLOSED.iter_errors(document))
    (section_,) = [x for x in document["sections"] if x["key"] == "accuracy"]
    assert said in json.dumps(section_)
    pages = (markdown_report(with_losses), html_report(with_losses), terminal(with_losses))
    for text in pages:
        assert said in " ".join(text.split())


def test_a_bound_says_of_how_many_seeds_it_is():
    """One seed of each rule is lost: no verdicts, and a bound from the others."""
    results = learned(
        lambda n, r, s: None if (n, s) == (4, 0) else 0.9, seeds=(0, 1, 2), num_val_samples=10_000
    )
    (study,) = studies(results)
    row = next(x for x in study.accuracy if x.world_size == 4)
    assert seeds_words(row) == "2 of 3 seeds; 1 diverged"
    (clean,) = studies(learned(lambda *_: 0.9, seeds=(0,)))
    assert {seeds_words(x) for x in clean.accuracy} == {"1 seed"}


def test_no_evaluation_no_parity():
    assert section(report_of("no_accuracy")) is None


def test_several_batches_give_a_critical_batch():
    report = build_report(
        learned(
            lambda *_: 0.9,
            lambda n, r, s: 8 * (1 + n / 6) * (1 + 10 * NOISE(n, r, s)),
            scaling="weak",
            epochs=120,
        ),
        target=0.85,
    )
    critical = re.search(r"Critical batch, measured: ([\d,]+) \(", words(report)).group(1)
    assert float(critical.replace(",", "")) == pytest.approx(128 * 6, rel=0.1)
    assert [x.value for x in column(report, "critical_batch", "batch")][:3] == [128, 256, 512]
    assert not list(CLOSED.iter_errors(json.loads(json_report(report))))


def test_a_model_with_a_loss_only_has_its_target_in_it():
    results = learned(lambda n, r, s: 0.9 + NOISE(n, r, s), final_val_loss=1.1, sizes=(1, 2))
    runs = [replace(x, final_val_accuracy_frac=None) for x in results.runs]
    columns = {k: v for k, v in results.epochs.items() if k != "val_accuracy_frac"}
    nothing = np.full(len(columns["epoch"]), np.nan)
    epochs = {**columns, "val_accuracy_frac": nothing}
    report = build_report(replace(results, runs=tuple(runs), epochs=epochs))
    assert "Soonest at a loss of 1.1" in words(report)
    assert "2 workers with linear: final loss equivalent, within 2 %." in words(report)


def test_runs_that_were_stopped_as_hopeless_are_told_from_diverged_ones():
    results = learned(lambda n, r, s: None if n == 4 and s else 0.9, sizes=(1, 4))
    runs = [replace(x, status="stopped") if x.status == "diverged" else x for x in results.runs]
    report = build_report(replace(results, runs=tuple(runs)))
    assert "final accuracy worse: 4 of 5 seeds were stopped as hopeless" in words(report)


def test_learning_is_judged_over_runs_that_no_curve_of_speed_may_join(rules):
    """Half of the seeds ran with another priority: two curves, one verdict from all seeds."""
    results = learned(loses, seeds=(0, 1, 2, 3), sizes=(1, 2))
    (known,) = results.environments.values()
    other = replace(known, niceness=known.niceness + 5)
    runs = [
        replace(x, environment_hash=other.environment_hash) if x.point.seed % 2 else x
        for x in results.runs
    ]
    both = {x.environment_hash: x for x in (known, other)}
    report = build_report(replace(results, runs=tuple(runs), environments=both), target=0.85)
    assert len(report.screens) == 2
    assert [x.value for x in column(report, "parity", "seeds")] == [4]
    assert [x.key for x in report.sections if x.key.startswith("parity")] == ["parity"]
    said = [next(x.title for x in y.panels if x.key == "accuracy") for y in report.screens]
    assert said[0] == said[1]
    notes = " ".join(tables(report)["target_gain"].notes)
    assert "times of those of this curve: 2 of 4 seeds with 1 worker and 2 of 4 seeds with" in notes
    assert "equivalent" in said[0]


def test_the_answer_is_about_the_target(rules):
    answer = rules.screens[0].answer
    assert answer.target[0].startswith("2 workers with linear, soonest of 2 rules in these runs: ")
    assert "to 85 % accuracy, at " in answer.target[0]
    assert answer.target[-1].startswith("Soonest at 85 % accuracy: 4 workers with linear")
    use = "Use 2 workers with linear (soonest of 2 rules)"
    assert answer.lead == f"{use}: target reached {answer.gain.value:.2f}x as fast"
    document = json.loads(json_report(rules))
    assert document["screens"][0]["answer"]["target"] == list(answer.target)
    first = {x.key for x in rules.screens[0].numbers.first}
    assert "target_time" in first
    assert "run_time" not in first
    assert "to the target" in next(x.title for x in rules.pictures if x.key == "front")


def test_the_margin_is_that_which_was_asked_for(rules):
    results = learned(loses, sizes=(1, 4), rules=("sqrt",), scaling="weak")
    assert "worse by" in words(build_report(results))
    wide = build_report(results, margin="accuracy=2%")
    assert "final accuracy equivalent, within 2 points, though lower." in words(wide)
    assert json.loads(json_report(wide))["parity"][0]["rows"][0]["margin"]["value"] == 0.02


def test_no_difference_shown_is_not_called_kept_and_the_worst_rule_is_said():
    """One seed of each rule: without verdicts the interval of the worst rule is what is known."""
    results = learned(
        lambda n, r, s: 0.9 - 0.05 * ((r, n) == ("linear", 4)),
        rules=("linear", "sqrt"),
        seeds=(0,),
        num_val_samples=10_000,
    )
    report = build_report(results)
    (said,) = [x for x in report.screens[0].panels if x.key == "accuracy"]
    assert said.title == "Accuracy is lower at 4 workers with linear: -5.0 pp"
    assert said.says.startswith("At 4 workers with linear a loss of more than 5.")
    same = build_report(learned(lambda n, r, s: 0.9, seeds=(0,), num_val_samples=10_000))
    (said,) = [x for x in same.screens[0].panels if x.key == "accuracy"]
    assert said.title == "No difference in accuracy is shown at 4 workers"


def test_equivalent_is_not_said_of_a_shown_difference_alone_nor_by_a_wide_margin_alone():
    """99.1 % accuracy: half a point is more than half of all errors."""
    results = learned(lambda n, r, s: 0.991 - 0.002 * (n == 2) + 0.1 * NOISE(n, r, s), sizes=(1, 2))
    said = words(build_report(results))
    assert (
        "2 workers with linear: final accuracy equivalent, within 0.5 points, though lower." in said
    )
    assert "1 worker errs in 0.9 % of samples, so that 0.5 points are 56 % more errors." in said
    assert "--margin accuracy=0.09%" in said
    strict = words(build_report(results, margin="accuracy=0.09%"))
    assert "final accuracy worse by 0.2 points" in strict
    assert "margin is wide" not in strict
    usual = learned(lambda n, r, s: 0.9 + 0.1 * NOISE(n, r, s), sizes=(1, 2))
    assert "final accuracy equivalent, within 0.5 points. 2 workers:" in words(build_report(usual))


def test_what_lies_beyond_the_last_evaluation_has_no_upper_bound():
    """Of 4 workers one seed never gets there: how much more it takes is not known."""
    results = learned(
        lambda n, r, s: 0.84 if (n, s) == (4, 0) else 0.9,
        lambda n, r, s: 5.0 + 15.0 * (n == 4) + 0.2 * s,
        sizes=(1, 4),
    )
    (said,) = re.findall(
        r"samples to the target worse by [^;]*?\)", words(build_report(results, target=0.85))
    )
    assert re.fullmatch(
        r"samples to the target worse by [\d.]+ % or more \(lower bound [\d.]+\)", said
    )


def test_goodput_is_not_claimed_with_more_ranks_than_cores():
    report = build_report(
        synthetic(**{**CASES["noise"], "flags": lambda n: ("oversubscribed",) if n == 8 else ()})
    )
    cells = column(report, "goodput", "goodput")
    assert [x.value is None for x in cells] == [False, False, False, True]
    assert "no goodput, as times say nothing" in " ".join(tables(report)["goodput"].notes)


def test_a_critical_batch_that_is_refused_says_the_true_reason():
    """Twice the batch, 2.2 times the samples: a line goes through them, from below 0."""
    (steep,) = batch_words(critical_batch([128, 256, 512], [1000, 2200, 4600]))
    assert "grow by more than the batch" in steep
    assert "misses" not in steep
    batch, cost = [128, 256, 512], [43800, 42000, 80100]
    (bent,) = batch_words(critical_batch(batch, cost))
    assert "misses a batch by 21.3 %, more than 10 %" in bent
    (shown,) = batch_words(critical_batch(batch, cost, [(0.02**2, 4)] * 3))
    assert "misses a batch by 21.3 %, more than the spread between seeds explains" in shown
    (noisy_one,) = batch_words(critical_batch(batch, cost, [(0.2**2, 4)] * 3))
    assert "not known, a larger batch is not shown to need more samples" in noisy_one
    (straight,) = batch_words(critical_batch(batch, [1000, 2080, 4160], [(0.05**2, 4)] * 3))
    assert "grow in proportion to the batch as far as the noise tells" in straight
