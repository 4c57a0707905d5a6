"""What is to be careful about: flags, and runs that failed or do not count."""

import json
from dataclasses import replace

import pytest

from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from tests.report.reports import CASES, column, report_of, tables, terminal
from tests.synthetic import synthetic


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("one_run", "within_one_run_only"),
        ("some_failed", "failed"),
        ("some_failed", "missing"),
        ("standin", "standin_data"),
        ("oversubscribed", "oversubscribed"),
        ("retrograde", "retrograde"),
        ("superlinear", "superlinear"),
        ("invalid", "left_out"),
        ("clock_back", "clock_backwards"),
        ("plateau", "plateau"),
        ("emulated", "emulated"),
        ("ladder", "interleaved"),
        ("out_of_budget", "not_narrow"),
    ],
)
def test_flags_are_in_every_output(case, key):
    report = build_report(synthetic(**CASES[case]))
    assert key in {flag.key for flag in report.flags}
    assert key in terminal(report)
    assert key in markdown_report(report).replace("\\", "")
    assert key in json_report(report)


def test_two_world_sizes_say_that_the_law_is_not_tested():
    report = build_report(synthetic((1, 2)))
    assert "Two world sizes test no law" in " ".join(terminal(report).split())
    (note,) = tables(report)["amdahl_curve"].notes
    assert "not tested" in note


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("superlinear", "does not describe the measurements"),
        ("retrograde", "no serial share is given"),
    ],
)
def test_a_law_that_does_not_fit_gives_no_serial_share(case, words):
    (note,) = tables(report_of(case))["amdahl_curve"].notes
    assert words in note
    assert "Serial share of" not in note


def test_standin_accuracy_is_never_that_of_the_named_set():
    notes = tables(build_report(synthetic(**CASES["standin"])))["accuracy"].notes
    assert notes[0].startswith("Stand-in data")


def test_failed_runs_have_cause_and_remedy():
    report = build_report(synthetic(**CASES["all_failed"]))
    assert [x.value for x in column(report, "runs", "state")] == ["failed"] * 12
    assert all(x.value for x in column(report, "runs", "remedy"))
    assert "killed \\| see \\*log\\*" in markdown_report(report)


def test_groups_that_cannot_be_joined_are_reported_apart():
    results = synthetic()
    bf16 = [replace(r, point=replace(r.point, precision="bf16")) for r in results.runs]
    report = build_report(replace(results, runs=results.runs + tuple(bf16)))
    assert {"numbers", "numbers_2"} <= set(tables(report))
    assert any("precision" in flag.text for flag in report.flags)


def test_phase_pass_at_another_speed_is_warned_of():
    results = synthetic((1, 2))
    phases = {**results.phases, "duration_s": results.phases["duration_s"] * 1.3}
    notes = tables(build_report(replace(results, phases=phases)))["phases"].notes
    assert any(note.startswith("Warning") for note in notes)


def test_oversubscribed_sizes_raise_no_flag_about_the_law():
    falls = {"step_s": lambda n, _: {1: 0.1, 2: 0.05, 4: 0.2, 8: 0.3}[n]}
    flags = {"flags": lambda n: ("oversubscribed",) if n > 2 else ()}
    assert "retrograde" in {flag.key for flag in build_report(synthetic(**falls)).flags}
    assert "retrograde" not in {f.key for f in build_report(synthetic(**falls, **flags)).flags}


def method_of(report):
    """How it was measured, in words."""
    (section,) = [x for x in report.sections if x.key == "scaling"]
    return section.paragraphs


def flags_in(results):
    return {flag.key: flag.text for flag in build_report(results).flags}


def changed(results, factor):
    """Multiply the throughput of every run by a factor of its number and record."""
    runs = [
        replace(r, throughput_samples_per_s=r.throughput_samples_per_s * factor(i, r))
        for i, r in enumerate(results.runs)
    ]
    return replace(results, runs=tuple(runs))


def test_a_drift_has_its_size_a_cause_and_what_to_do():
    results = synthetic((1, 2), repeats=6, gap_s=60.0, noise=0.001)
    words = flags_in(changed(results, lambda i, r: 0.98**r.repeat))["drift"]
    assert "slower over" in words
    assert "heat" in words
    assert "interleaved=true" in words
    assert "drift" not in flags_in(results)


def test_an_outlier_is_named_with_a_cause():
    results = synthetic((1, 2), repeats=6)
    words = flags_in(changed(results, lambda i, r: 0.7 if i == 3 else 1.0))["outlier_run"]
    assert results.runs[3].run_id in words
    assert "slower" in words
    assert "another job" in words


def test_why_the_repeats_ended_is_said():
    report = build_report(synthetic(**CASES["narrow"]))
    words = "Repeats ended after 8, because the interval of every speedup was narrow enough: a "
    assert any(x.startswith(words) for x in method_of(report))
    assert "not_narrow" not in {flag.key for flag in report.flags}
    assert "stop.budget_s was spent" in flags_in(synthetic(**CASES["out_of_budget"]))["not_narrow"]


def test_a_stop_rule_that_has_not_decided_is_a_flag():
    results = synthetic((1, 2))
    config = json.loads(results.sweep.config_json)
    config["stop"]["half_width"] = 0.01
    sweep = replace(results.sweep, config_json=json.dumps(config))
    assert "stop_rule_open" in flags_in(replace(results, sweep=sweep))


def test_a_ladder_says_that_it_measures_speed_alone():
    report = build_report(synthetic(**CASES["ladder"]))
    caveats = report.screens[0].answer.caveats
    assert [x.head for x in caveats if "took turns" in x.text] == ["Speed only."]
    assert any("paired" in words for words in method_of(report))


def test_invalid_runs_are_listed_with_their_cause():
    report = build_report(synthetic(**CASES["clock_back"]))
    assert [x.value for x in column(report, "runs", "state")].count("invalid") == 3
    causes = [x.value for x in column(report, "runs", "cause") if x.value]
    assert "stepped backwards" in causes[0]
    sizes = report.screens[0].numbers.sizes
    assert [x.world_size for x in sizes if x.is_measured] == [1, 2, 4]


@pytest.mark.parametrize("draw", [lambda r: r.answer, terminal, markdown_report])
def test_an_emulated_accelerator_is_said_everywhere(draw):
    words = " ".join(draw(build_report(synthetic(**CASES["emulated"]))).split()).lower()
    assert "emulated" in words
    assert "not the times of hardware" in words
