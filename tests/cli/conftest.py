"""A launcher that makes records up, in place of Ray."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from ray_bench.cli.main import main
from ray_bench.errors import ClusterCapacityError
from ray_bench.records import PlannedRun
from ray_bench.store.answers import AnswerRecord
from tests.samples import START, data_of


@dataclass
class FakeLauncher:
    """Stands for `ray_bench.launch.sweep.run_sweep`, and remembers what it was asked."""

    fail: Callable[[PlannedRun], bool] = lambda planned: False
    speed: Callable[[int, int], float] = lambda size, repeat: 100.0 * size + repeat
    fail_as: str = "failed"  # the status of runs that fail
    stop_after: int | None = None
    stop_with: type[BaseException] | BaseException = KeyboardInterrupt
    calls: list[dict[str, Any]] = field(default_factory=list)
    run_fields: dict[str, Any] = field(default_factory=dict)  # beside its speed

    def run_sweep(
        self, config, planned, *, sweep_id, attempts, address, listener, more=None
    ) -> None:
        self.calls.append(
            {"config": config, "planned": planned, "attempts": attempts, "address": address}
        )
        if self.stop_after == 0 and isinstance(self.stop_with, ClusterCapacityError):
            raise self.stop_with
        listener.joined()
        numbers = itertools.count()
        while planned:
            self._run(planned, numbers, sweep_id, attempts, listener)
            planned = more() if more is not None else ()

    def _run(self, planned, numbers, sweep_id, attempts, listener) -> None:
        for run, number in zip(planned, numbers, strict=False):
            if number == self.stop_after:
                raise self.stop_with
            listener.run_started(run)
            failed = self.fail(run)
            changes = {"status": self.fail_as, "error_type": "NonFiniteLossError"} if failed else {}
            if failed:
                changes |= {"error_message": "loss is nan\nmore", "error_rank": 1}
            size = run.point.world_size
            speed = None if failed else self.speed(size, run.repeat)
            listener.run_finished(
                data_of(
                    run,
                    sweep_id,
                    attempt=attempts.get(run.run_id, 1),
                    throughput_samples_per_s=speed,
                    with_tables=False,
                    **self.run_fields,
                    **changes,
                )
            )


@pytest.fixture
def launcher(monkeypatch) -> FakeLauncher:
    """A launcher that starts no process."""
    fake = FakeLauncher()
    module = ModuleType("ray_bench.launch.sweep")
    module.run_sweep = fake.run_sweep
    monkeypatch.setitem(sys.modules, "ray_bench.launch.sweep", module)
    return fake


@pytest.fixture
def reports(monkeypatch) -> list[dict[str, Any]]:
    """Put short texts in place of real reports; what was reported on is in the list."""
    built: list[dict[str, Any]] = []

    def build_report(results, price_per_worker_hour=None, currency=None, **ask):
        price = {"price": price_per_worker_hour, "currency": currency}
        built.append({"results": results, **price, "ask": ask})
        return f"{len(results.ok_runs)} ok"

    def answer_record(report, results):
        return AnswerRecord(
            sweep_id=results.sweep.sweep_id,
            made_at_utc=START,
            ray_bench_version="0.1.0",
            basis="",
            lead=report,
            world_size=None,
            hardware=None,
            figures_json="[]",
            num_caveats=0,
        )

    def put(name: str, **functions: Any) -> None:
        module = ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)

    put("ray_bench.report.model", build_report=build_report)
    put(
        "ray_bench.report.screen_terminal",
        print_screens=lambda report, console, how_to_open, whole: console.print(
            f"T:{report}, in short"
        ),
    )
    put(
        "ray_bench.report.terminal",
        print_report=lambda report, console: console.print(f"T:{report}"),
    )
    put("ray_bench.report.kept", answer_record=answer_record)
    put("ray_bench.report.markdown", markdown_report=lambda report: f"# {report}\n")
    put(
        "ray_bench.report.files",
        copied_markdown=lambda report, folder, name: f"# {report}\n",
        drawn=lambda report, before=None: {},
        drawn_before=lambda report, store, name: {},
        report_folder=lambda sweep_id: f"reports/{sweep_id}",
        write_markdown=lambda report, store, name, svgs=None: store.write_text(
            name, f"# {report}\n"
        ),
    )
    put(
        "ray_bench.report.html.page",
        html_report=lambda report, svgs=None: f"<p>{report}</p>",
    )
    put("ray_bench.report.json_report", json_report=lambda report: f'{{"r": "{report}"}}')
    return built


@dataclass
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def ray_bench(capsys) -> Callable[..., Outcome]:
    """Call the program as the shell would."""

    def call(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), captured.out, captured.err)

    return call
