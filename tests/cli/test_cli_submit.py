"""`ray-bench submit`, with a job server that is made up; and what a job refuses before it runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest

from ray_bench import needs
from ray_bench.cli.parcel import pack
from ray_bench.launch.job_request import JobRequest

SHARED = ("--results", "/shared/results")


@dataclass
class FakeJob:
    """Ends with a code; an exception in its log is raised there."""

    log: list[str | BaseException] = field(default_factory=lambda: ["measured\n"])
    code: int = 0
    stops: int = 0
    submission_id: str = "raysubmit_x"

    def follow(self, write) -> int:
        while self.log:
            piece = self.log.pop(0)
            if isinstance(piece, BaseException):
                raise piece
            write(piece)
        return self.code

    def stop(self) -> None:
        self.stops += 1

    def how_to_follow(self) -> str:
        return "ray job logs --follow"


@pytest.fixture
def job(monkeypatch, tmp_path) -> FakeJob:
    """The job that will run; `job.requests` and `job.addresses` say what was submitted."""
    fake = FakeJob()
    fake.requests, fake.addresses = [], []

    class Jobs:
        def __init__(self, address):
            fake.addresses.append(address)
            self.address = address or "http://127.0.0.1:8265"

        def python(self):
            return "/opt/ray/bin/python"

        def submit(self, request: JobRequest, python):
            fake.requests.append(request)
            return fake

    module = ModuleType("ray_bench.launch.jobs")
    module.Jobs = Jobs
    monkeypatch.setitem(sys.modules, "ray_bench.launch.jobs", module)
    monkeypatch.chdir(tmp_path)
    return fake


def test_it_submits_the_run_follows_it_and_prints_the_same_for_ray(job, ray_bench):
    done = ray_bench("submit", "demo", "world_sizes=[1,2]", *SHARED, "--address", "http://h:8265")
    assert (done.code, done.out) == (0, "measured\n")
    (request,) = job.requests
    assert request.arguments == ("demo", "world_sizes=[1,2]", "--results", "/shared/results")
    assert request.working_dir is None
    assert job.addresses == ["http://h:8265"]
    assert "ray job submit --address http://h:8265 --runtime-env-json" in done.err
    assert "/opt/ray/bin/python -m ray_bench run demo 'world_sizes=[1,2]'" in done.err


def test_every_option_reaches_the_job(job, ray_bench, tmp_path):
    (tmp_path / "env.yaml").write_text("env_vars: {A: '1'}\n")
    done = ray_bench(
        "submit", "demo", *SHARED, "--runtime-env", "env.yaml", "--submission-id", "mine",
        "--metadata", "team=vision", "--metadata", "why=a=b", "--entrypoint-num-cpus", "0.5",
        "--no-wait", "--resume", "--working-dir", ".", "--python", "/p", "--install",
    )  # fmt: skip
    assert (done.code, done.out) == (0, "raysubmit_x\n")
    (request,) = job.requests
    assert request == JobRequest(
        arguments=("demo", *SHARED, "--resume"),
        python="/p",
        working_dir=".",
        runtime_env={"env_vars": {"A": "1"}},
        install=True,
        submission_id="mine",
        metadata={"team": "vision", "why": "a=b"},
        num_cpus=0.5,
    )
    assert job.log == ["measured\n"]  # not followed


@pytest.mark.parametrize("code", [1, 2, 130])
def test_the_exit_code_is_that_of_the_program(job, ray_bench, code):
    job.code = code
    done = ray_bench("submit", "demo", *SHARED)
    assert done.code == code
    assert f"exit code {code}" in done.err


def test_one_interrupt_asks_the_job_to_stop_and_follows_it_to_its_end(job, ray_bench):
    job.log, job.code = ["a\n", KeyboardInterrupt(), "kept\n"], 130
    done = ray_bench("submit", "demo", *SHARED)
    assert (done.code, done.out, job.stops) == (130, "a\nkept\n", 1)


def test_a_second_interrupt_leaves_it_running_and_says_how_to_follow(job, ray_bench):
    job.log = ["a\n", KeyboardInterrupt(), KeyboardInterrupt(), "never\n"]
    done = ray_bench("submit", "demo", *SHARED)
    assert (done.code, done.out, job.stops) == (130, "a\n", 1)
    assert "ray job logs --follow" in done.err


def test_the_report_is_fetched_out_of_the_log(job, ray_bench, tmp_path):
    job.log = ["answer\n", *(f"{line}\n" for line in pack("report.html", b"<p>yes</p>"))]
    done = ray_bench("submit", "demo", *SHARED, "--report", "out")
    assert (done.code, done.out) == (0, "answer\n")
    assert (tmp_path / "out" / "report.html").read_text() == "<p>yes</p>"
    assert job.requests[0].brings_report


def test_a_job_without_a_report_says_so(job, ray_bench):
    job.code = 1
    done = ray_bench("submit", "demo", *SHARED, "--report", "out")
    assert done.code == 1
    assert "No report came" in done.err


def test_a_file_of_the_users_goes_along(job, ray_bench, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "sweep.yaml").write_text("workload: cnn-digits\n")
    assert ray_bench("submit", "sub/sweep.yaml", *SHARED).code == 0
    assert job.requests[-1].working_dir == "."
    assert job.requests[-1].arguments[0] == "sub/sweep.yaml"
    assert ray_bench("submit", "sub/sweep.yaml", *SHARED, "--working-dir", "sub").code == 0
    assert job.requests[-1].arguments[0] == "sweep.yaml"  # as the job sees it


def test_a_workload_of_ones_own_goes_along(job, ray_bench):
    assert ray_bench("submit", "workload=my_workload:MyWorkload", *SHARED).code == 0
    assert job.requests[-1].working_dir == "."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demo", "--results", "out"], "absolute path"),
        (["demo", "epochz=3", *SHARED], "epochs"),
        (["sweep.yaml", *SHARED, "--working-dir", "none"], "cannot be none"),
        (["sweep.yaml", *SHARED, "--working-dir", "sub"], "not in the working directory"),
        (["hidden.yaml", *SHARED], ".gitignore"),
        (["demo", *SHARED, "--working-dir", "nowhere"], "is no folder"),
        (["demo", *SHARED, "--metadata", "team"], "key=value"),
        (["demo", *SHARED, "--runtime-env", "nowhere.yaml"], "Cannot read --runtime-env"),
        (["demo", *SHARED, "--runtime-env", "list.yaml"], "got list"),
        (["demo", *SHARED, "--report", "out", "--no-wait"], "--no-wait"),
    ],
)
def test_what_would_fail_there_is_refused_here(job, ray_bench, tmp_path, words, message):
    (tmp_path / "sub").mkdir()
    for name in ("sweep.yaml", "hidden.yaml"):
        (tmp_path / name).write_text("workload: cnn-digits\n")
    (tmp_path / "list.yaml").write_text("- pip\n")
    (tmp_path / ".gitignore").write_text("hidden.yaml\n")
    done = ray_bench("submit", *words)
    assert done.code == 2
    assert message in done.err
    assert job.requests == []


def test_a_folder_that_is_too_large_is_refused_with_its_largest_files(job, ray_bench, tmp_path):
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(513 * 2**20)  # sparse
    done = ray_bench("submit", "demo", *SHARED, "--working-dir", ".")
    assert done.code == 2
    assert "huge.bin (513.0 MiB)" in done.err


def test_a_token_that_lies_open_is_told(job, ray_bench, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("0" * 64)
    (tmp_path / "token").chmod(0o644)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert "chmod 600" in ray_bench("submit", "demo", *SHARED).err


@pytest.fixture
def in_a_job(monkeypatch):
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")


def test_a_job_refuses_to_write_into_the_folder_that_is_deleted(in_a_job, ray_bench, launcher):
    done = ray_bench("run", "demo", "--results", "out")
    assert done.code == 2
    assert "absolute path" in done.err
    assert launcher.calls == []


def test_a_job_says_before_it_measures_what_its_report_will_lack(
    in_a_job, ray_bench, launcher, monkeypatch, tmp_path
):
    monkeypatch.setattr(needs, "missing", lambda: ("altair>=5.4",))
    monkeypatch.setitem(sys.modules, "ray_bench.cli.execute", None)  # it would need more yet
    done = ray_bench("run", "demo", "--results", str(tmp_path))
    assert done.code == 1
    assert "lacks altair>=5.4" in done.err
    assert launcher.calls == []
