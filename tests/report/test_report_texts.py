"""Texts of others (names, commands, environments) in the report."""

import json
import re
from dataclasses import replace

from ray_bench.records import EnvironmentRecord
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from tests.report.reports import tables, terminal
from tests.synthetic import environment, synthetic

HOSTILE = "[bold]x[/bold] | <script>alert(1)</script> `a` *b* \x1b[31m\n# head \u202e _c_"


def test_hostile_text_stays_text():
    report = build_report(synthetic((1, 2), workload=HOSTILE, dataset=HOSTILE, device=HOSTILE))
    markdown, drawn = markdown_report(report), terminal(report, 400)
    body = re.sub(r"(?ms)^(`{3,})(?:sh)?\n.*?^\1\n", "", markdown)  # code is shown as it is
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
