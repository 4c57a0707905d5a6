"""The first screen answers five questions: how many, how much faster, how sure, limit, next."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.study import studies
from ray_bench.errors import ConfigError
from ray_bench.report.format import show
from ray_bench.report.model import build_report
from tests.report.reports import CASES, report_of
from tests.report.test_advice import with_host
from tests.synthetic import Sync, synthetic

#: The longest lead, in words.
MOST_WORDS = 12
NO_ANSWER = {
    "one_size": "One point is no curve: measure 2 workers",
    "nothing_within": "No answer yet: too few runs for an interval",
    "oversubscribed": "No answer: more workers than cores or GPUs",
    "all_failed": "No answer: 1, 2, 4 or 8 workers failed",
    "invalid": "No answer: no run can be used",
    "no_throughput": "No answer: no run was long enough to time",
}


def screen_of(case):
    return report_of(case).screens[0]


def answer_of(results, **options):
    return build_report(results, **options).screens[0].answer


def numbers_of(report):
    """Every quantity of a report's first curve as cells by world size."""
    numbers = report.screens[0].numbers
    sizes = [x.world_size for x in numbers.sizes]
    return {x.key: dict(zip(sizes, x.cells, strict=True)) for x in numbers.quantities}


@pytest.mark.parametrize("case", ["golden", *CASES])
def test_five_questions_are_answered(case):
    screen = screen_of(case)
    answer = screen.answer
    assert 0 < len(answer.lead.split()) <= MOST_WORDS
    assert answer.why.endswith(".")
    assert answer.next.head
    assert screen.curve_title
    assert screen.context
    if case in NO_ANSWER:
        assert (answer.lead, answer.world_size, answer.gain) == (NO_ANSWER[case], None, None)
        return
    assert str(answer.world_size) in answer.lead
    assert show(answer.gain).value in answer.lead
    assert show(answer.gain).interval
    assert answer.limit
    chosen = [x.world_size for x in screen.numbers.sizes if x.is_chosen]
    assert chosen == [answer.world_size]
    first = {x.key for x in screen.numbers.first}
    assert {"speedup", "efficiency", "best_choice"} <= first
    assert ("cost" in first) is (case not in ("no_price", "unknown", "ladder"))


def test_the_golden_store_says_it_in_ten_words():
    answer = screen_of("golden").answer
    assert answer.lead == "Use 4 workers for now: 3.47x as fast as one"
    assert show(answer.gain).interval == "3.41 to 3.54"
    assert "More is very likely better: 8, 16 or 32, most likely 32 (52 %)." in answer.why
    assert answer.limit.startswith("The optimizer costs most: 9.9 points at 4 workers.")
    assert answer.next.head == "measure 32 workers once"
    assert answer.next.command.endswith("'world_sizes=[32]' repeats=1")
    heads = [(x.level, x.head) for x in answer.caveats]
    assert heads == [
        ("bad", "One run failed."),
        ("warn", "One run missing."),
        ("warn", "One seed."),
        ("note", "One machine."),
    ]
    assert answer.caveats[0].text == "4 workers rest on 2 runs, not 3."


@pytest.mark.parametrize(
    ("noise", "word"), [(0.002, "Use 8 workers"), (0.05, "Likely 8 workers"), (0.3, "Probably 8 ")]
)
def test_the_word_is_as_sure_as_the_draws(noise, word):
    results = synthetic(noise=noise, repeats=2)
    (study,) = studies(results)
    share = study.decision.choice.probability
    assert (share > 0.95) is word.startswith("Use")
    assert answer_of(results).lead.startswith(word)


def test_for_now_is_said_only_where_something_not_measured_is_likelier():
    for case in ("strong", "small_batch", "plateau", "retrograde"):
        screen = screen_of(case)
        shares = next(x for x in screen.numbers.quantities if x.key == "best_choice").cells
        sizes = screen.numbers.sizes
        own = next(c.value for x, c in zip(sizes, shares, strict=True) if x.is_chosen)
        beyond = [c.value for x, c in zip(sizes, shares, strict=True) if not x.is_measured]
        is_likelier = any(x is not None and x > own for x in beyond)
        assert ("for now" in screen.answer.lead) is is_likelier
        assert ("better:" in screen.answer.why) is is_likelier


def test_probabilities_of_being_the_best_add_up():
    rows = numbers_of(build_report(synthetic(noise=0.05)))
    for key in ("best_choice", "best_measured"):
        shares = [x.value for x in rows[key].values() if x.value is not None]
        assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("aim", "lead", "why"),
    [
        ("deadline=200s", "Use 4 workers: 3.47x as fast as one", "within 200 s"),
        ("deadline=2h", "Use 1 worker", "within 2 h"),
        ("cheapest", "Use 1 worker: 8 are only 5.91x as fast", "cheapest (least worker-time)"),
        (
            "deadline=45s",
            "Probably 32 workers: 12x as fast as one, by forecast",
            "No measured size meets the aim.",
        ),
        ("budget=0.1USD", "No number of workers meets this aim", "cheapest run costs 0.219 USD"),
        ("deadline=1s", "No number of workers meets this aim", "The shortest run takes 40 s"),
        ("efficiency=0.8", "Use 4 workers", "efficiency (least time at 80 % or more)"),
    ],
)
def test_every_aim_has_its_answer(aim, lead, why):
    answer = answer_of(synthetic(), aim=aim)
    assert answer.lead.startswith(lead)
    assert why in answer.why
    assert len(answer.lead.split()) <= MOST_WORDS


def test_what_is_missing_for_an_aim_is_said():
    assert "--price 1.5" in answer_of(synthetic(price=None), aim="budget=5USD").why
    bare = synthetic(num_epochs=None, train_s=None)
    assert "Give --epochs 90" in answer_of(bare, aim="deadline=1h").why
    with pytest.raises(ConfigError, match="The budget is in EUR, the price in USD"):
        build_report(synthetic(), aim="budget=5EUR")


def test_a_limit_that_may_not_be_met_at_all_is_said():
    assert "none meets it with 40 %" in answer_of(synthetic(), aim="deadline=45s").why
    assert "none meets it" not in answer_of(synthetic(), aim="budget=50USD").why


def test_no_gain_is_said():
    report = build_report(synthetic((1, 2), step_s=lambda n, _: 0.1, noise=0.02))
    assert "Cannot tell 2 from 1 worker" in report.screens[0].answer.why
    assert report.screens[0].curve_title.startswith("2 workers are not shown to be faster")


def test_start_up_that_eats_the_gain_is_a_caveat():
    results = synthetic((1, 2), noise=0.001, eval_s=0.0)
    runs = tuple(
        replace(r, train_s=10.0 / r.point.world_size, setup_s=6.0 + 6 * r.point.world_size)
        for r in results.runs
    )
    heads = [x.head for x in answer_of(replace(results, runs=runs)).caveats]
    assert "Start-up eats the gain." in heads
    assert "Start-up eats the gain." not in [x.head for x in screen_of("strong").answer.caveats]


@pytest.mark.parametrize(("noise", "is_said"), [(0.03, False), (0.3, True)])
def test_equal_runs_that_differ_a_lot_are_a_caveat(noise, is_said):
    """As on a machine that others use: what is said of speed is of that machine."""
    results = synthetic((1, 2, 4), repeats=5, noise=noise)
    found = [x for x in answer_of(results).caveats if x.head.startswith("Equal runs differ by ")]
    assert bool(found) is is_said
    if is_said:
        logs = [
            np.log([r.throughput_samples_per_s for r in results.runs if r.point.world_size == n])
            for n in (1, 2, 4)
        ]
        spread = math.sqrt(np.mean([x.var(ddof=1) for x in logs]))
        assert found[0].head == f"Equal runs differ by {100 * spread:.0f} %."
        assert found[0].level == "warn"


def test_runs_that_took_turns_are_not_called_unsteady():
    results = synthetic((1, 2), noise=0.3, ladder=True)
    assert "Equal runs" not in str(answer_of(results).caveats)


@pytest.mark.parametrize(("size", "sizes"), [(1, "[1,2]"), (2, "[1,2]"), (8, "[1,8]")])
def test_a_single_world_size_is_told_what_to_measure_next(size, sizes):
    screen = build_report(synthetic((size,))).screens[0]
    assert screen.curve is None
    assert screen.answer.lead.startswith("One point is no curve: measure ")
    assert screen.answer.next.command.endswith(f"'world_sizes={sizes}' --extend")


def test_diverged_runs_are_results_and_no_failures():
    results = synthetic((1, 2), failed=lambda n, repeat: n == 2 and repeat == 0)
    gone = [replace(r, status="diverged") if not r.is_finished else r for r in results.runs]
    answer = build_report(replace(results, runs=tuple(gone))).screens[0].answer
    assert next(x.head for x in answer.caveats if x.level == "warn") == "One run diverged."
    assert "failed" not in str(answer)
    results = synthetic((1, 2), failed=lambda n, _: n == 2)
    gone = [replace(r, status="diverged") if not r.is_finished else r for r in results.runs]
    answer = build_report(replace(results, runs=tuple(gone))).screens[0].answer
    assert answer.lead == "No answer: 2 workers diverged"
    assert answer.next.head == "lower the learning rate, or lengthen its warm-up"
    assert answer.next.command is None


def test_what_failed_is_not_advised_again():
    results = synthetic((1, 2), failed=lambda n, _: n == 2)
    answer = answer_of(results)
    assert answer.lead == "No answer: 2 workers failed"
    assert answer.next.head == "mend what failed, then resume"
    lost = tuple(
        replace(r, error_type="OutOfMemory") if r.status == "failed" else r for r in results.runs
    )
    answer = answer_of(replace(results, runs=lost))
    assert answer.lead == "No answer: 2 workers ran out of memory"
    assert "batch_size" in answer.next.note


def test_a_size_with_a_failed_run_and_one_that_is_invalid_has_no_answer():
    results = synthetic((1,), repeats=2, failed=lambda _, repeat: repeat == 1)
    runs = tuple(
        replace(run, flags=("ranks_apart",)) if run.status == "ok" else run for run in results.runs
    )
    answer = answer_of(replace(results, runs=runs))
    assert answer.lead == "No answer: no run can be used"
    assert answer.next.head == "let the script average its gradients"


def test_a_sweep_that_was_interrupted_is_finished_first():
    answer = answer_of(synthetic((1,), num_missing=2))
    assert answer.next.head == "finish the sweep"
    assert answer.next.command.endswith(" --resume")


def test_a_host_for_one_worker_is_not_asked_for_two():
    results = with_host(synthetic((1,)), num_cpus=1, omp_num_threads=1, num_nodes=1)
    assert "it needs one with two" in answer_of(results).next.note


@pytest.mark.parametrize(("num_cpus", "is_said"), [(8, True), (64, False)])
def test_a_measurement_without_room_says_so(num_cpus, is_said):
    results = with_host(synthetic(), num_cpus=num_cpus, omp_num_threads=1, num_nodes=1)
    step = answer_of(results).next
    assert step.world_size > 8
    assert ("have room for 8 workers: it needs more of them" in step.note) is is_said


def test_the_next_measurement_has_its_price():
    report = build_report(synthetic())
    step = report.screens[0].answer.next
    assert step.cost.value == pytest.approx(step.time.value * step.world_size * 1.5 / 3600)
    assert step.gain.value > 0.01
    sure = build_report(synthetic(), aim="cheapest").screens[0].answer.next
    assert (sure.head, sure.gain) == ("nothing more to measure", None)


def test_a_measurement_against_the_forecast_does_not_turn_the_choice_to_itself():
    def step_s(world_size, batch):
        return 1e-3 * batch * (0.4 + 0.6 / world_size)

    answer = answer_of(synthetic((1, 2), noise=0.02, step_s=step_s))
    assert answer.world_size == 2
    assert "It may show that the choice stays 2 workers." in answer.next.note


def test_a_straggler_is_the_limit():
    report = build_report(synthetic((1, 2, 4), **CASES["straggler"]))
    limit = report.screens[0].answer.limit
    assert limit.startswith("Waiting for rank 1, slow in backward, costs most: ")
    assert "Look for other jobs, lower clocks" in limit
    section = next(x for x in report.sections if x.key == "waterfall")
    assert "What the largest loss rests on: behind 7." in section.paragraphs[0]
    (row,) = [x for t in section.tables if t.key == "slow_ranks" for x in t.rows if x[0].value == 4]
    assert [cell.value for cell in row[1:3]] == [1, "Backward"]


def test_contention_costs_what_pairs_of_steps_measure():
    """The waterfall once said 0.0 points where the findings said 1.0 ms."""
    report = build_report(synthetic((1, 2, 4), sync=Sync(contention_s=0.004)))
    tables = {t.key: t for s in report.sections for t in s.tables}
    beside = {row[0].value: dict(zip_keys(tables["sync"], row)) for row in tables["sync"].rows}
    causes = {row[0].value: dict(zip_keys(tables["waterfall"], row)) for row in rows(tables)}
    for size in (2, 4):
        measured = beside[size]["contention"].value
        assert measured == pytest.approx(0.004, rel=0.1)
        assert causes["Contention"][f"seconds_{size}"].value == pytest.approx(measured)


def rows(tables):
    return tables["waterfall"].rows


def zip_keys(table, row):
    return zip((x.key for x in table.columns), row, strict=True)


def test_a_forecast_run_takes_what_a_measured_one_takes_evaluation_included():
    """Of two predicted times, that without evaluation could not stand beside a measured one."""
    found = numbers_of(report_of("golden"))
    measured = found["run_time"][4].value / found["epoch_time"][4].value
    for size in (8, 16, 32):
        assert found["run_time"][size].value / found["epoch_time"][size].value == pytest.approx(
            measured
        )
    assert found["run_time"][8].value == pytest.approx(44.316, abs=0.01)


def test_oversubscribed_sizes_are_drawn_without_a_claim():
    screen = screen_of("oversubscribed")
    assert [x.is_claimed for x in screen.numbers.sizes] == [True, False, False, False]
    assert numbers_of(report_of("oversubscribed"))["speedup"][8].value > 5
    assert screen.curve is not None
    assert screen.answer.caveats[0].head == "No claim for 2, 4, 8 workers."


def test_two_sizes_do_not_tell_how_it_goes_on():
    screen = screen_of("two_sizes")
    assert screen.curve_title.endswith("two sizes cannot tell how it goes on")
    assert [x.world_size for x in screen.numbers.sizes] == [1, 2, 4]


def test_ten_and_more_sizes_have_a_column_each():
    sizes = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    report = build_report(synthetic(sizes, batch=96 * 4, with_phases=False))
    found = report.screens[0].numbers
    assert [x.world_size for x in found.sizes if x.is_measured] == list(sizes)
    assert {len(x.cells) for x in found.quantities} == {len(found.sizes)}


def test_several_curves_are_told_apart_by_what_differs():
    results = synthetic()
    bf16 = [replace(run, point=replace(run.point, precision="bf16")) for run in results.runs]
    report = build_report(replace(results, runs=results.runs + tuple(bf16)))
    assert [x.name for x in report.screens] == ["fp32", "bf16"]
    keys = [x.key for x in report.folds]
    assert {"numbers", "numbers_2", "settings"} <= set(keys)
    assert len(set(keys)) == len(keys)
    assert [len(x.sections) for x in report.folds if x.key == "steps"] == [2]


@pytest.mark.parametrize("case", ["golden", *CASES])
def test_every_fold_says_what_is_in_it(case):
    report = report_of(case)
    keys = [x.key for x in report.folds]
    assert len(set(keys)) == len(keys)
    assert all(x.says and x.title for x in report.folds)
    for fold in report.folds:
        for section in fold.sections:
            assert len([t for t in section.tables if t.rows and t.is_drawn]) <= 2, section.key
    folded = {x.key for fold in report.folds for x in fold.pictures}
    screens = {x.curve.key for x in report.screens if x.curve is not None}
    panels = {p.picture.key for x in report.screens for p in x.panels}
    assert {x.key for x in report.pictures} == folded | screens | panels
    known = {*keys, None}
    assert {c.fold for x in report.screens for c in x.answer.caveats} <= known


def test_money_follows_the_price():
    once, twice = (
        numbers_of(build_report(synthetic(), price_per_worker_hour=p)) for p in (1.0, 2.0)
    )
    assert once["saved_minute"][1].value is None
    for key in ("cost", "saved_minute"):
        assert twice[key][8].value == pytest.approx(2 * once[key][8].value)
    time = once["run_time"]
    rate = (8 * time[8].value - 4 * time[4].value) / (time[4].value - time[8].value)
    assert once["saved_minute"][8].value == pytest.approx(rate / 60)


def test_without_a_price_a_saved_minute_is_paid_in_worker_minutes():
    report = build_report(synthetic(price=None))
    found = numbers_of(report)
    assert "cost" not in found
    assert "saved_minute" not in found
    assert found["saved_work"][8].value > 0
    assert "--price 1.5" in " ".join(x.text for x in report.screens[0].answer.caveats)
