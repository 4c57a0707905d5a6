"""A comparison as a report: what is said, in every format, and what its documentation promises."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from ray_bench.analysis.comparison import Metric, Verdict, compare
from ray_bench.analysis.comparison.facts import Allow, refused
from ray_bench.analysis.comparison.interval import LAUNCH_NOISE_FRAC
from ray_bench.cli import docs
from ray_bench.report import charts
from ray_bench.report.comparison import comparison_report
from ray_bench.report.comparison_words import plain
from ray_bench.report.json_report import json_report
from ray_bench.report.json_schema import report_schema
from ray_bench.report.markdown import markdown_report
from tests.network_samples import network_columns
from tests.planted import at_eight, planted
from tests.report import readers
from tests.report.reports import tables, terminal

PAGE = Path(__file__).parents[2] / "docs" / "compare.md"
HOSTILE = "[bold]x[/bold] | <script>alert(1)</script> `a` *b* \x1b[31m\n# head \u202e _c_"


def report_of(base, new, **asked):
    return comparison_report(compare(base, new, **asked), base, new)


@pytest.fixture(scope="module")
def slow():
    """A comparison with every kind of table: links, and a world size that is left out."""
    base = replace(planted(1), network=network_columns((2, 4)))
    new = planted(2, at_eight(1.1), world_sizes=(1, 2, 8), host={"torch_version": "2.12.0"})
    return report_of(base, replace(new, network=network_columns((2, 4), seed=1)))


def test_the_answer_names_what_is_worse_first(slow):
    assert slow.answer.startswith("Worse than the base by more than the tolerance of 2 %: ")
    assert re.search(r"throughput with 8 workers -9\.\d % \(-\d+\.\d to -\d\.\d\)\.", slow.answer)
    assert slow.sweep_id == "s1..s2"
    (screen,) = slow.screens
    assert screen.answer.lead.startswith("Worse: throughput with 8 workers -9.")
    assert len(screen.answer.lead.split()) <= 12
    assert screen.answer.gain.value == pytest.approx(-0.09, abs=0.01)
    assert screen.answer.gain.low < screen.answer.gain.value < screen.answer.gain.high


def test_what_differs_and_what_is_left_out_is_listed(slow):
    names = [row[0].value for row in tables(slow)["differences"].rows]
    assert names == ["torch_version"]
    (left,) = tables(slow)["left_out"].rows
    assert (left[0].value, left[1].value) == (
        4,
        "only the base has it; the new sweep did not ask for it.",
    )


def test_json_has_the_keys_that_the_page_documents(slow):
    values = json.loads(json_report(slow))
    found = {
        t["key"]: [c["key"] for c in t["columns"]] for s in values["sections"] for t in s["tables"]
    }
    (table,) = [
        x for x in readers.from_markdown(f"### x\n\n{PAGE.read_text()}") if "Key" in x.heads
    ]
    written: dict[str, list[str]] = {}
    for name, key, _ in table.rows:
        written.setdefault(name, []).append(key.strip("`"))
    assert {name: found[name] for name in written} == written
    assert found.keys() - written.keys() == {"sweeps"}
    assert [s["key"] for s in values["sections"]] == ["comparison", "differences", "record"]
    first = values["sections"][0]["tables"]
    assert first[0]["rows"][0]["outcome"] == {"value": "failed"}
    worse = [row for row in first[1]["rows"] if row["verdict"]["value"] == "worse"]
    assert worse[0]["change"]["low"] < worse[0]["change"]["value"] < -0.05
    assert worse[0]["widened"]["low"] < worse[0]["change"]["low"]


def test_json_follows_the_published_schema(slow):
    errors = Draft202012Validator(report_schema()).iter_errors(json.loads(json_report(slow)))
    assert list(errors) == []


def test_every_format_says_the_same(slow):
    drawn = readers.drawn_tables(slow)
    read = readers.from_markdown(markdown_report(slow))
    assert [x.title for x in read] == [x.title for x in drawn]
    for found, table in zip(read, drawn, strict=True):
        for texts, row in zip(found.rows, table.rows, strict=True):
            assert all(readers.agrees(*pair) for pair in zip(texts, row, strict=True)), texts
    printed = terminal(slow, 300)
    for words in (slow.answer, *(flag.text for flag in slow.flags)):
        assert words in printed


def test_the_picture_has_the_numbers_of_the_table(slow):
    (picture,) = slow.pictures
    rows = [row for row in tables(slow)["changes"].rows if row[7].value == "yes"]
    drawn = [(x["world_size"], x["change_frac"], x["change_frac_low"]) for x in picture.rows]
    assert drawn == [(row[1].value, row[5].value, row[5].low) for row in rows]
    assert "-9." in picture.alt
    spec = charts.vega_lite(picture)
    assert [x["mark"]["type"] for x in spec["layer"]] == ["rect", "rule", "rule", "point"]
    one = {"world_sizes": (2,)}
    assert not report_of(planted(1, **one), planted(2, **one)).pictures


def test_the_picture_shows_one_pair_of_curves_where_there_are_several():
    """A world size that the first pair lacks in the gated metric is not taken from another."""

    def both(seed):
        one, other = planted(seed), planted(seed, host={"num_cpus": 8})
        unknown = tuple(
            replace(run, peak_memory_bytes=None) if run.point.world_size == 8 else run
            for run in one.runs
        )
        renamed = tuple(replace(run, run_id=f"{run.run_id}-b") for run in other.runs)
        hosts = {**one.environments, **other.environments}
        return replace(one, runs=(*unknown, *renamed), environments=hosts)

    report = report_of(both(1), both(2), gate=[Metric.MEMORY])
    gated = [row[1].value for row in tables(report)["changes"].rows if row[7].value == "yes"]
    assert sorted(gated) == [1, 1, 2, 2, 4, 4, 8]
    (picture,) = report.pictures
    assert [row["world_size"] for row in picture.rows] == [1, 2, 4]


def test_flags_of_both_sweeps_and_of_the_comparison_are_shown():
    few = {"repeats": 1, "flags": lambda _: ("few_blocks",)}
    flags = {x.key: x for x in report_of(planted(1, **few), planted(2, **few)).flags}
    assert flags["base_few_blocks"].num_runs == 4
    assert flags["new_few_blocks"].text.startswith("New: fewer than 20 timed blocks")
    assert f"{100 * LAUNCH_NOISE_FRAC:g} %" in flags["launch_noise_assumed"].text
    assert "--strict" in flags["cannot_tell"].text
    host = {"ray_bench_version": "0.2.0"}
    other = report_of(planted(1), planted(2, batch=256, host=host), allow=[Allow.BATCH])
    keys = {flag.key: flag.text for flag in other.flags}
    assert "batch (128 and 256)" in keys["allowed_difference"]
    assert "other_instrument" in keys


def test_what_is_open_says_how_many_repeats_it_takes():
    wide = report_of(planted(1, noise=0.01), planted(2, noise=0.01))
    (step,) = wide.sections[0].paragraphs
    count = int(re.search(r"about (\d+) repeats of each sweep", step)[1])
    assert 5 <= count <= 40
    bare = {"repeats": 1, "with_blocks": False}
    (step,) = report_of(planted(1, **bare), planted(2, **bare)).sections[0].paragraphs
    assert "without repeats there is no interval" in step


def test_runs_that_are_missing_in_the_new_sweep_are_in_the_answer():
    report = report_of(planted(1), planted(2, failed=lambda size, _repeat: size == 8))
    assert "the new sweep has no usable run with 8 workers, which it asked for" in report.answer
    assert {"missing_in_new", "new_failed"} <= {flag.key for flag in report.flags}


def test_a_gate_on_what_neither_knows_cannot_tell():
    bare = {"with_accuracy": False}
    report = report_of(planted(1, **bare), planted(2, **bare), gate=[Metric.TIME_TO_ACCURACY])
    assert "tells anything about time to accuracy" in report.answer


def test_a_price_turns_cost_into_money(slow):
    costs = [row for row in tables(slow)["changes"].rows if row[0].value == "cost"]
    assert {row[3].unit for row in costs} == {"money"}
    free = report_of(planted(1, price=None), planted(2, price=None))
    costs = [row for row in tables(free)["changes"].rows if row[0].value == "cost"]
    assert {row[3].unit for row in costs} == {"worker_s"}


def test_hostile_text_stays_text():
    hostile = {"workload": HOSTILE, "dataset": HOSTILE, "device": HOSTILE, "world_sizes": (1, 2)}
    base = planted(1, host={"commit": HOSTILE}, **hostile)
    base = replace(base, sweep=replace(base.sweep, command=HOSTILE, sweep_id=HOSTILE))
    report = report_of(base, planted(2, **hostile))
    markdown, printed = markdown_report(report), terminal(report, 400)
    assert "<script>" not in markdown
    assert "\n# head" not in markdown
    for text in (markdown, printed):
        assert "\x1b" not in text
        assert "\u202e" not in text
    json.loads(json_report(report))


def test_the_page_knows_every_verdict_metric_and_kind():
    text = PAGE.read_text()
    for words in (*(plain(x) for x in Verdict), *(plain(x) for x in Metric)):
        assert words in text
    for kind in Allow:
        assert f"| `{kind}` | " in text
    assert {kind for kind in refused().values() if kind} | {Allow.OVERSUBSCRIBED} == set(Allow)


def test_the_job_on_the_page_is_valid_and_its_options_exist():
    text = PAGE.read_text()
    job = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    steps = job["jobs"]["compare"]["steps"]
    assert any("ray-bench compare base new" in step.get("run", "") for step in steps)
    _, _, section = docs.markdown().partition("## ray-bench compare\n")
    known = section.partition("\n## ")[0]
    for line in re.findall(r"^.*ray-bench compare .*$", text, re.MULTILINE):
        for option in re.findall(r"--[a-z-]+", line.partition("ray-bench compare")[2]):
            assert f"`{option}" in known, option
