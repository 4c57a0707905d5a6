"""A new swept setting is a field of a point, a field of the configuration, and an entry."""

from dataclasses import dataclass, fields, replace

import pytest

from ray_bench.analysis.comparison.compare import compare
from ray_bench.analysis.comparison.facts import Allow, facts_of, refused
from ray_bench.analysis.comparison.settings import setting_differences
from ray_bench.analysis.groups import differences, groups_of
from ray_bench.analysis.settings import setting_rows
from ray_bench.analysis.study import studies
from ray_bench.config import grid, settings
from ray_bench.config.schema import SweepConfig
from ray_bench.config.settings import Setting
from ray_bench.errors import IncompatibleRunsError
from ray_bench.records import PlannedRun, Point, RunData
from ray_bench.report.model import build_report
from ray_bench.trackers.entry import Entries
from tests.synthetic import synthetic


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPoint(Point):
    attention: str | None = None
    wire: str | None = None


class NewConfig(SweepConfig):
    attention: tuple[str, ...] = ("plain",)
    wire: tuple[str, ...] = ("fp32",)


NEW = (
    Setting(name="attention", key="attention", reference="plain", refusal="settings"),
    Setting(name="wire", key="wire", reference="fp32", refusal="precision", needs_ddp=True),
)


@pytest.fixture(autouse=True)
def _a_new_setting(monkeypatch):
    monkeypatch.setattr(settings, "SETTINGS", (*settings.SETTINGS, *NEW))
    monkeypatch.setattr(grid, "Point", NewPoint)


def with_point(run, **values):
    known = {x.name: getattr(run.point, x.name) for x in fields(Point)}
    values["wire"] = values["wire"] if run.point.is_ddp else None
    return replace(run, point=NewPoint(**{**known, **values}))


def swept(**ways):
    """A sweep with a run of each way, the second 1.5 times as fast."""
    results = synthetic((1, 2), with_blocks=False, with_phases=False, with_accuracy=False)
    found = []
    for name, (gain, values) in ways.items():
        for run in results.runs:
            rate = run.throughput_samples_per_s * gain
            made = replace(run, run_id=f"{run.run_id}-{name}", throughput_samples_per_s=rate)
            found.append(with_point(made, **values))
    return replace(results, runs=tuple(found))


PLAIN = (1.0, {"attention": "plain", "wire": "fp32"})
FLASH = (1.5, {"attention": "flash", "wire": "fp32"})
BF16 = (1.1, {"attention": "plain", "wire": "bf16"})


def test_every_combination_is_a_point():
    config = NewConfig(
        workload="x", batch_size=4, lr=0.1, attention=("plain", "flash"), wire=("bf16",)
    )
    points = grid.points_of(config)
    assert {(p.world_size, p.attention, p.wire) for p in points} == {
        *((1, "plain", None), (1, "flash", None)),  # without DDP its settings mean nothing
        *((2, "plain", "bf16"), (2, "flash", "bf16")),
    }
    one, other, *_ = (PlannedRun(point=p, repeat=0, order_index=0) for p in points)
    assert not one.can_share_workers(other)
    assert len({p.point_id for p in points}) == 4


def test_runs_that_differ_in_it_are_no_curve():
    groups = groups_of(swept(plain=PLAIN, flash=FLASH))
    assert [group.key["attention"] for group in groups] == ["plain", "flash"]
    assert differences(groups) == ("attention",)
    # One worker without DDP is the baseline of both.
    groups = groups_of(swept(plain=PLAIN, bf16=BF16))
    assert [(group.key["wire"], group.world_sizes) for group in groups] == [
        ("fp32", (1, 2)),
        ("bf16", (1, 2)),
    ]


def test_its_worth_is_in_the_report():
    results = swept(plain=PLAIN, flash=FLASH)
    rows = setting_rows([(study.group, study.curve) for study in studies(results)])
    assert {(row.setting, row.value, row.reference) for row in rows} == {
        ("attention", "flash", "plain")
    }
    assert [row.ratio.value for row in rows] == pytest.approx([1.5, 1.5])
    report = build_report(results)
    assert any(section.key == "settings" for section in report.sections)
    assert any(flag.key == "settings_varied" for flag in report.flags)


def test_sweeps_that_differ_in_it_are_not_compared_unless_that_is_allowed():
    base, new = swept(plain=PLAIN), swept(flash=FLASH)
    (group,) = groups_of(new)
    assert facts_of(group, new.environments)["attention"] == "flash"
    assert refused()["attention"] is Allow.SETTINGS
    assert refused()["wire"] is Allow.PRECISION
    with pytest.raises(IncompatibleRunsError, match="attention"):
        compare(base, new)
    assert compare(base, new, allow=[Allow.SETTINGS]).pairs
    assert setting_differences('{"attention": ["a"]}', '{"attention": ["b"]}') == ()


def test_trackers_give_each_its_own_baseline():
    entries = Entries()

    def efficiency(run):
        return entries.of(RunData(run=run)).metrics.get("run/efficiency_frac")

    runs = swept(plain=PLAIN, flash=FLASH, bf16=BF16).runs
    by_size = {n: [run for run in runs if run.point.world_size == n] for n in (1, 2)}
    plain_only = [run for run in by_size[1] if run.point.attention == "plain"]
    for run in plain_only:
        efficiency(run)
    told = {
        (run.point.attention, run.point.wire): efficiency(run) is not None for run in by_size[2]
    }
    assert told == {("plain", "fp32"): True, ("flash", "fp32"): False, ("plain", "bf16"): True}
