"""The decision as it is read: words, tables, the same in every output."""

import json

import pytest

from ray_bench.analysis.study import studies
from ray_bench.errors import ConfigError
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from tests.report.reports import column, tables, terminal
from tests.synthetic import synthetic


def flat(text):
    return " ".join(text.split())


def test_the_answer_says_aim_probability_and_what_lies_beyond():
    answer = build_report(synthetic()).answer
    assert "Use 8 workers" in answer
    assert "Aim: balanced (least time x money)" in answer
    assert "Right among the measured world sizes with probability above 99.9 %" in answer
    assert "a world size that was not measured would serve the aim better with probab" in answer
    assert "; likeliest " in answer


def test_what_lies_beyond_is_as_likely_as_its_shares_say():
    study = studies(synthetic())[0].decision
    shares = {n: study.wider.share(n) for n in study.wider.sizes}
    unmeasured = {x.world_size for x in study.options if not x.is_measured}
    answer = build_report(synthetic()).answer
    best = max(unmeasured, key=shares.get)
    assert f"likeliest {best} workers, {100 * shares[best]:.1f} %" in answer
    assert f"probability {100 * sum(shares[n] for n in unmeasured):.1f} %; likeliest" in answer


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        ("deadline=200s", "Use 4 workers"),
        ("cheapest", "Use 1 worker."),
        ("deadline=45s", "Use 32 workers (predicted, not measured)"),
        ("deadline=45s", "No measured world size meets it"),
        ("budget=0.1USD", "the cheapest run costs 0.219 USD"),
        ("deadline=1s", "the shortest run takes 42."),
        ("efficiency=0.8", "efficiency (least time at 80 % or more)"),
        ("deadline=200s", "deadline (least money within 200 s)"),
        ("deadline=2h", "within 2 h"),
    ],
)
def test_every_aim_has_its_answer(aim, words):
    report = build_report(synthetic(), aim=aim)
    drawn = flat(terminal(report))
    assert words in drawn
    assert words in json.dumps(json.loads(json_report(report)))


def test_a_limit_that_may_not_be_met_at_all_is_said():
    answer = build_report(synthetic(noise=0.02), aim="budget=0.22USD").answer
    assert "none meets it with probability" in answer
    assert "none meets it" not in build_report(synthetic(), aim="budget=50USD").answer


def test_what_is_missing_for_an_aim_is_said():
    assert "--price 1.5" in build_report(synthetic(price=None), aim="budget=5USD").answer
    bare = synthetic(num_epochs=None, train_s=None)
    assert "Give --epochs 90" in build_report(bare, aim="deadline=1h").answer


def test_a_budget_in_another_currency_is_refused():
    with pytest.raises(ConfigError, match="The budget is in EUR, the price in USD"):
        build_report(synthetic(), aim="budget=5EUR")


def test_every_row_says_whether_it_was_measured():
    report = build_report(synthetic())
    for key in ("decision", "run_spend", "epoch_spend", "target_spend"):
        basis = [cell.value for cell in column(report, key, "basis")]
        assert basis == ["measured"] * 4 + ["predicted"] * 2
        times = column(report, key, "time" if key != "epoch_spend" else "worker_time")
        assert [cell.kind == "predicted" for cell in times] == [False] * 4 + [True] * 2
        assert all(cell.low <= cell.value <= cell.high for cell in times)


def test_probabilities_in_the_table_add_up():
    report = build_report(synthetic(noise=0.05))
    for name in ("right", "right_of_all"):
        shares = [cell.value for cell in column(report, "decision", name) if cell.value is not None]
        assert sum(shares) == pytest.approx(1)


def test_money_follows_the_price():
    once, twice = (
        column(build_report(synthetic(), price_per_worker_hour=p), "decision", "saved_minute")
        for p in (1.0, 2.0)
    )
    assert once[0].value is None
    assert twice[3].value == pytest.approx(2 * once[3].value)
    # 4 to 8 workers: worker-seconds per saved second, times 60 s, at 1 USD an hour.
    spend = tables(build_report(synthetic()))["run_spend"].rows
    time = [row[2].value for row in spend]
    rate = (8 * time[3] - 4 * time[2]) / (time[2] - time[3])
    assert once[3].value == pytest.approx(rate / 60)


def test_without_a_price_a_saved_minute_is_paid_in_worker_minutes():
    report = build_report(synthetic(price=None))
    assert {c.value for c in column(report, "decision", "saved_minute")} == {None}
    assert column(report, "decision", "saved_work")[3].value > 0
    assert "Worker-minutes per saved minute" in markdown_report(report)


def test_cost_of_a_run_is_the_same_in_both_sections():
    report = build_report(synthetic())
    ours = [cell.value for cell in column(report, "decision", "cost")][:4]
    theirs = [cell.value for cell in column(report, "cost", "cost")]
    assert ours == pytest.approx(theirs)


def test_convergence_of_a_new_batch_is_called_unknown():
    weak = tables(build_report(synthetic(scaling="weak")))["target_spend"]
    assert any("not known" in note for note in weak.notes)
    assert [row[5].value is None for row in weak.rows] == [False] * 4 + [True] * 3
    strong = tables(build_report(synthetic()))["target_spend"]
    assert any("given the epochs of the largest measured one" in x for x in strong.notes)


def test_the_next_measurement_is_named():
    words = flat(terminal(build_report(synthetic())))
    assert "Next measurement most worth its cost: one run with" in words
    sure = flat(terminal(build_report(synthetic(), aim="cheapest")))
    assert "Next measurement: none is likely to change the decision" in sure


def test_busy_or_used_workers_are_not_called_efficient():
    drawn = terminal(build_report(synthetic(gpu_util_frac=0.6, device="cuda")))
    for line in drawn.splitlines():
        assert not ("busy" in line.lower() and "efficien" in line.lower())


def test_a_measurement_against_the_forecast_does_not_turn_the_choice_to_itself():
    def step_s(world_size, batch):
        return 1e-3 * batch * (0.4 + 0.6 / world_size)

    report = build_report(synthetic((1, 2), noise=0.02, step_s=step_s))
    words = markdown_report(report)
    assert report.answer.startswith("Use 2 workers")
    assert "It may show, against the forecast, that the choice stays 2 workers." in words
