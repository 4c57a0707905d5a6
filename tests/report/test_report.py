import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from ray_bench.records import EnvironmentRecord, StopRecord
from ray_bench.report.format import show
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import escape, markdown_report
from ray_bench.report.model import build_report
from ray_bench.report.terminal import print_report
from tests.synthetic import START, Sync, environment, synthetic

SEED_TABLES = (
    *("summary", "training_time", "resources", "accuracy", "communication", "phases"),
    *("phase_speedup", "time_savings", "cost", "predictions", "amdahl_curve", "code_needs"),
    *("hardware_needs", "when_to_use", "findings", "recommendation", "aspects"),
)


def terminal(report, width=120):
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    print_report(report, console)
    return console.file.getvalue()


def tables(report):
    return {table.key: table for section in report.sections for table in section.tables}


def column(report, key, name):
    table = tables(report)[key]
    index = [c.key for c in table.columns].index(name)
    return [row[index] for row in table.rows]


def stop(reason, half_width):
    return StopRecord(
        sweep_id="sweep-1",
        reason=reason,
        num_repeats=8,
        half_width_frac=half_width,
        wanted_half_width_frac=0.01,
        stopped_at_utc=START,
    )


def straggler(size, batch):
    """The backward pass of rank 1 takes half as long again, and the others wait for it."""
    ranks = [{"forward": 0.03 / size, "backward": 0.06 / size} for _ in range(size)]
    behind = 0.03 / size if size > 1 else 0.0
    for rank, seconds in enumerate(ranks):
        seconds["backward"] += behind if rank == 1 else 0.0
        seconds |= {"skew_wait": 0.0 if rank == 1 else behind, "exposed_comm": 0.0}
    return ranks


CASES = {
    "strong": {},
    "weak": {"scaling": "weak"},
    "not_from_one": {"world_sizes": (2, 4)},
    "two_sizes": {"world_sizes": (1, 2)},
    "one_size": {"world_sizes": (1,)},
    "one_run": {"repeats": 1},
    "nothing_within": {"repeats": 1, "with_blocks": False},
    "no_phases": {"with_phases": False},
    "no_accuracy": {"with_accuracy": False},
    "no_price": {"price": None},
    "wrapped": {"ddp_at_one": True},
    "small_batch": {"batch": 24},
    "all_failed": {"failed": lambda n, r: True},
    "some_failed": {"failed": lambda n, r: n == 4, "num_missing": 2},
    "oversubscribed": {"flags": lambda n: ("oversubscribed",) if n > 1 else ()},
    "invalid": {"flags": lambda n: ("clock_mismatch",)},
    "standin": {"flags": lambda n: ("standin_data",)},
    "no_throughput": {"throughput_samples_per_s": None, "with_blocks": False},
    "unknown": {
        "num_train_samples": None,
        "num_val_samples": None,
        "num_epochs": None,
        "train_s": None,
        "peak_memory_bytes": None,
        "grad_bytes": None,
        "device": None,
        "dataset": None,
        "environment_hash": None,
    },
    "retrograde": {"step_s": lambda n, _: 0.1 * n},
    "superlinear": {"step_s": lambda n, _: 0.1 / n**1.2},
    "plateau": {
        "step_s": lambda n, _: {1: 0.1, 2: 0.05, 4: 0.049, 8: 0.0485}[n],
        "noise": 0.002,
        "repeats": 6,
    },
    "drift": {"noise": 0.0, "gap_s": 30.0, "repeats": 5},
    "emulated": {"flags": lambda n: ("emulated",), "workload": "emulated"},
    "ladder": {"ladder": True, "repeats": 8},
    "synchronised": {"sync": Sync(contention_s=0.004)},
    "straggler": {"ranks_s": straggler, "sync": Sync()},
    "clock_back": {"flags": lambda n: ("clock_backwards",) if n == 8 else ()},
    "narrow": {"stop": stop("narrow_enough", 0.008), "repeats": 8},
    "out_of_budget": {"stop": stop("budget", 0.031), "repeats": 4},
    "rules": {"rules": ("none", "linear", "sqrt"), "scaling": "weak", "seeds": (0, 1)},
}


@pytest.mark.parametrize("case", CASES)
def test_every_renderer_draws_every_number(case):
    report = build_report(synthetic(**CASES[case]))
    markdown, drawn = markdown_report(report), terminal(report)
    values = json.loads(json_report(report))
    assert len(values["sections"]) == len(report.sections)
    for table in tables(report).values():
        for row in table.rows:
            for cell in row:
                if isinstance(cell.value, str) or cell.value is None:
                    continue
                shown = show(cell)
                for text in filter(None, (shown.value, shown.interval)):
                    assert text in drawn
                    assert escape(text) in markdown
    assert "None" not in drawn


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_terminal_keeps_its_width(case, width):
    drawn = terminal(build_report(synthetic(**CASES[case])), width)
    assert max(len(line) for line in drawn.splitlines()) <= width


@pytest.mark.parametrize("key", SEED_TABLES)
@pytest.mark.parametrize("case", ["strong", "weak"])
def test_every_table_of_the_hand_written_reports_is_computed(key, case):
    table = tables(build_report(synthetic(**CASES[case])))[key]
    assert table.rows
    assert len({len(row) for row in table.rows}) == 1


@pytest.mark.parametrize(
    ("key", "name", "kind"),
    [
        ("summary", "speedup", "measured"),
        ("training_time", "epoch", "derived"),
        ("predictions", "speedup", "predicted"),
        ("predictions", "measured_speedup", "measured"),
        ("predictions", "cost", "predicted"),
        ("cost", "cost", "derived"),
        ("amdahl_curve", "law", "predicted"),
        ("resources", "memory", "measured"),
    ],
)
def test_every_number_says_what_it_is(key, name, kind):
    cells = [c for c in column(build_report(synthetic()), key, name) if c.value is not None]
    assert cells
    assert {cell.kind for cell in cells} == {kind}


def test_every_prediction_has_an_interval():
    for cell in column(build_report(synthetic()), "predictions", "total_time"):
        assert cell.low <= cell.value <= cell.high
    bare = build_report(synthetic(repeats=1, with_blocks=False))
    assert {cell.value for cell in column(bare, "predictions", "speedup")} == {None}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("strong", "Use 8 workers: 5.9"),
        ("one_size", "world_sizes=[1,2]"),
        ("nothing_within", "repeats=3"),
        ("oversubscribed", "No scaling claim"),
        ("all_failed", "no valid run finished"),
        ("invalid", "no valid run finished"),
        ("retrograde", "2 workers are slower"),
        ("no_throughput", "no run was long enough"),
    ],
)
def test_answer(case, words):
    assert words in build_report(synthetic(**CASES[case])).answer


def test_no_gain_is_said():
    report = build_report(synthetic((1, 2), step_s=lambda n, _: 0.1, noise=0.02))
    assert "Cannot tell 2 from 1 worker" in report.answer
    assert "contains 1" in report.answer


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
    drawn = " ".join(terminal(build_report(synthetic((1, 2)))).split())
    assert "Two world sizes test no law" in drawn
    assert "not tested" in drawn


def test_price_of_the_call_wins():
    report = build_report(synthetic(), price_per_worker_hour=3.0, currency="EUR")
    twice = column(report, "cost", "cost")[0]
    once = column(build_report(synthetic()), "cost", "cost")[0]
    assert twice.value == pytest.approx(2 * once.value)
    assert "EUR" in markdown_report(report)


def test_without_a_price_the_report_says_how_to_give_one():
    report = build_report(synthetic(price=None))
    assert {cell.value for cell in column(report, "cost", "cost")} == {None}
    assert "--price 1.5" in terminal(report)
    assert "price_per_worker_hour=1.5" in terminal(report)


def test_standin_accuracy_is_never_that_of_the_named_set():
    notes = tables(build_report(synthetic(**CASES["standin"])))["accuracy"].notes
    assert notes[0].startswith("Stand-in data")


def test_failed_runs_have_cause_and_remedy():
    report = build_report(synthetic(**CASES["all_failed"]))
    assert len(tables(report)["failed_runs"].rows) == 12
    assert "killed \\| see \\*log\\*" in markdown_report(report)


HOSTILE = "[bold]x[/bold] | <script>alert(1)</script> `a` *b* \x1b[31m\n# head \u202e _c_"


def test_hostile_text_stays_text():
    report = build_report(synthetic((1, 2), workload=HOSTILE, dataset=HOSTILE, device=HOSTILE))
    markdown, drawn = markdown_report(report), terminal(report, 400)
    body = markdown.split("## Configuration")[0]
    assert "<script>" not in body
    assert "\n# head" not in body
    assert "[bold]x[/bold]" in drawn
    for text in (markdown, drawn):
        assert "\x1b" not in text
        assert "\u202e" not in text
    for line in body.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) >= 2
    json.loads(json_report(report))


def test_code_fences_are_longer_than_what_they_hold():
    results = synthetic((1, 2))
    results = replace(results, sweep=replace(results.sweep, command="a ```` b"))
    assert "`````\na ```` b\n`````" in markdown_report(build_report(results))


def test_broken_configuration_is_shown_as_it_is():
    results = synthetic((1, 2))
    results = replace(results, sweep=replace(results.sweep, config_json="{broken"))
    assert "{broken" in markdown_report(build_report(results))


def test_groups_that_cannot_be_joined_are_reported_apart():
    results = synthetic()
    bf16 = [replace(r, point=replace(r.point, precision="bf16")) for r in results.runs]
    report = build_report(replace(results, runs=results.runs + tuple(bf16)))
    assert {"summary", "summary_2"} <= set(tables(report))
    assert any("precision" in flag.text for flag in report.flags)


def test_phase_pass_at_another_speed_is_warned_of():
    results = synthetic((1, 2))
    phases = {**results.phases, "duration_s": results.phases["duration_s"] * 1.3}
    notes = tables(build_report(replace(results, phases=phases)))["phases"].notes
    assert any(note.startswith("Warning") for note in notes)


def test_500_runs():
    results = synthetic((1, 2, 4, 8), repeats=125)
    report = build_report(results)
    assert len(tables(report)["runs"].rows) == 500
    assert "5.9" in report.answer
    markdown_report(report)


def with_two_environments(**changes):
    """World size 1 without DDP, as in every sweep: its DDP arguments are empty."""
    results = synthetic((1, 2))
    other = environment(ddp_arguments='{"static_graph": true}', **changes)
    runs = tuple(
        replace(r, environment_hash=other.environment_hash) if r.point.world_size == 2 else r
        for r in results.runs
    )
    both = {**results.environments, other.environment_hash: other}
    return replace(results, runs=runs, environments=both)


def test_environments_are_one_table_in_which_only_differences_are_repeated():
    rows = tables(build_report(with_two_environments(hostnames=("host-b",))))["environment"].rows
    what = [row[0].value for row in rows]
    assert what.count("torch version") == 1
    assert {"ddp arguments, 1 worker", "ddp arguments, 2 workers"} <= set(what)
    assert {"hostnames, 1 worker", "hostnames, 2 workers"} <= set(what)
    assert len(rows) == len(EnvironmentRecord.__dataclass_fields__) + 2


def test_environments_of_one_world_size_are_told_apart_by_their_hash():
    results = with_two_environments()
    runs = tuple(replace(r, point=replace(r.point, world_size=1)) for r in results.runs)
    what = [
        row[0].value
        for row in tables(build_report(replace(results, runs=runs)))["environment"].rows
    ]
    assert sum(x.startswith("ddp arguments, 1 worker in ") for x in what) == 2


@pytest.mark.parametrize("draw", [terminal, markdown_report])
def test_without_a_price_costs_are_a_line_in_the_text_and_null_in_json(draw):
    report = build_report(synthetic(price=None))
    assert "USD" not in draw(report).split("How it was measured")[0]
    assert draw(report).count("No price given") == 1
    values = json.loads(json_report(report))
    (cost,) = [t for s in values["sections"] for t in s["tables"] if t["key"] == "cost"]
    assert {row["cost"]["value"] for row in cost["rows"]} == {None}
    assert "USD" in draw(build_report(synthetic()))


def test_start_up_that_eats_the_gain_is_said():
    results = synthetic((1, 2), noise=0.001, eval_s=0.0)
    runs = tuple(
        replace(r, train_s=10.0 / r.point.world_size, setup_s=6.0 + 6 * r.point.world_size)
        for r in results.runs
    )
    report = build_report(replace(results, runs=runs))
    assert "Counting start-up" in report.answer
    assert "Counting start-up" not in build_report(synthetic()).answer


def test_every_rule_has_its_accuracy_in_the_findings():
    words = " ".join(
        str(cell.value)
        for cell in column(build_report(synthetic(**CASES["rules"])), "findings", "finding")
    )
    assert all(f"rule {rule}" in words for rule in ("none", "linear", "sqrt"))


def test_a_law_that_does_not_fit_gives_no_serial_share_in_the_findings():
    found = column(build_report(synthetic(**CASES["superlinear"])), "findings", "finding")
    assert any("does not describe the measurements" in cell.value for cell in found)
    assert not any("serial share of" in cell.value for cell in found)


def test_oversubscribed_sizes_raise_no_flag_about_the_law():
    falls = {"step_s": lambda n, _: {1: 0.1, 2: 0.05, 4: 0.2, 8: 0.3}[n]}
    flags = {"flags": lambda n: ("oversubscribed",) if n > 2 else ()}
    assert "retrograde" in {flag.key for flag in build_report(synthetic(**falls)).flags}
    assert "retrograde" not in {f.key for f in build_report(synthetic(**falls, **flags)).flags}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("overhead", "sync"),
        ("overhead", "coordination"),
        ("resources", "energy_ratio"),
        ("training_time", "whole"),
        ("communication", "exposed_epoch"),
        ("code_needs", "added_lines"),
        ("time_savings", "saved_ten"),
    ],
)
def test_numbers_of_the_hand_written_reports_are_there(key, name):
    cells = column(build_report(synthetic(energy_j=100.0)), key, name)
    assert any(cell.value is not None for cell in cells)


@pytest.mark.parametrize(("size", "next_sizes"), [(1, "[1,2]"), (2, "[1,2]"), (8, "[1,8]")])
def test_a_single_world_size_is_told_what_to_measure_next(size, next_sizes):
    answer = build_report(synthetic((size,))).answer
    assert (
        f"{size} is the only world size that was measured. Next: world_sizes={next_sizes}" in answer
    )


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


def test_a_straggler_is_named_in_answer_and_findings():
    report = build_report(synthetic((1, 2, 4), **CASES["straggler"]))
    assert "rank 1, slower in backward than the others, which wait (straggler)" in report.answer
    (row,) = [r for r in tables(report)["slow_ranks"].rows if r[0].value == 4]
    assert [cell.value for cell in row[1:3]] == [1, "backward"]
    worst = tables(report)["losses"].rows[0]
    assert [cell.value for cell in worst[:3]] == ["straggler", "backward", "1"]
    assert re.fullmatch(r"behind 7\.\d+ ms, skew wait 5\.\d+ ms", worst[5].value)
    (finding,) = [
        cell.value
        for cell in column(report, "findings", "finding")
        if str(cell.value).startswith("Limit")
    ]
    assert "Look for other jobs, lower clocks" in finding


def test_synchronisation_is_shown_in_its_parts():
    report = build_report(synthetic((1, 2, 4), **CASES["synchronised"]))
    assert [cell.value for cell in column(report, "sync", "world_size")] == [2, 4]
    for name in ("total", "exposed", "transfer", "hidden", "contention"):
        assert all(cell.value is not None for cell in column(report, "sync", name))
    assert all(c.low < c.value < c.high for c in column(report, "sync", "contention"))


def test_contention_that_is_not_seen_is_said():
    report = build_report(synthetic((1, 2, 4), sync=Sync(contention_s=-0.001)))
    assert any("not seen" in str(c.value) for c in column(report, "findings", "finding"))


def test_why_the_repeats_ended_is_said():
    report = build_report(synthetic(**CASES["narrow"]))
    words = "Repeats ended after 8, because the interval of every speedup was narrow enough: a "
    assert any(str(c.value).startswith(words) for c in column(report, "findings", "finding"))
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
    assert "Measured interleaved: speed only, no accuracy." in report.answer
    assert any("paired" in note for note in tables(report)["summary"].notes)


def test_invalid_runs_are_listed_with_their_cause():
    report = build_report(synthetic(**CASES["clock_back"]))
    assert len(tables(report)["invalid_runs"].rows) == 3
    assert "stepped backwards" in column(report, "invalid_runs", "cause")[0].value
    assert [c.value for c in column(report, "summary", "world_size")] == [1, 2, 4]


@pytest.mark.parametrize("draw", [lambda r: r.answer, terminal, markdown_report])
def test_an_emulated_accelerator_is_said_everywhere(draw):
    words = " ".join(draw(build_report(synthetic(**CASES["emulated"]))).split()).lower()
    assert "emulated" in words
    assert "not the times of hardware" in words


def test_evaluation_and_checkpoint_are_shown_beside_the_step():
    report = build_report(synthetic((1, 2), checkpoint_s=0.25))
    assert {cell.value for cell in column(report, "between_steps", "checkpoint")} == {0.25}
    evals = column(report, "between_steps", "eval")
    assert evals[0].value == pytest.approx(tables(report)["training_time"].rows[0][3].value / 10)
