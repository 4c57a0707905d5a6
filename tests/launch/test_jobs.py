"""Submitting a job: its command, its environment, its log and its end, without a cluster."""

from __future__ import annotations

import http.server
import shlex
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.job_submission import JobStatus

from ray_bench.errors import ConfigError, LaunchError
from ray_bench.launch import jobs, upload
from ray_bench.launch.job_request import STOP_WAIT_S, JobRequest, own_package
from ray_bench.launch.jobs import Job, Jobs, exit_code
from ray_bench.launch.raylet import python_of_raylet
from ray_bench.needs import requirements

ARGUMENTS = ("demo", "world_sizes=[1,2]", "--results", "/shared/results")


def request(**changes) -> JobRequest:
    return JobRequest(**{"arguments": ARGUMENTS, **changes})


def test_the_job_runs_with_the_python_of_the_cluster():
    words = request().words("/opt/ray/bin/python")
    assert words == ["/opt/ray/bin/python", "-m", "ray_bench", "run", *ARGUMENTS]


@pytest.mark.parametrize(
    ("changes", "python"),
    [
        ({}, "python"),
        ({"python": "/mine/python"}, "/mine/python"),
        ({"install": True}, "python"),
        ({"runtime_env": {"pip": ["x"]}}, "python"),
        ({"runtime_env": {"py_executable": "/its/python -u"}}, "/its/python"),
    ],
)
def test_another_environment_has_another_python(changes, python):
    found = None if not changes else "/opt/ray/bin/python"
    assert request(**changes).words(found)[0] == python


def test_the_report_is_packed_on_request_only():
    assert request(brings_report=True).words("p")[2] == "ray_bench.cli.parcel"


def test_the_environment_brings_the_package_and_time_to_end_gently():
    environment = request().environment()
    assert environment["py_modules"] == own_package()
    assert Path(environment["py_modules"][0]).name == "ray_bench"
    assert environment["env_vars"] == {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)}
    assert STOP_WAIT_S > 10  # what a gentle end takes
    assert "pip" not in environment


def test_what_the_user_says_of_the_environment_stays():
    asked = {
        "env_vars": {"A": "1", "RAY_JOB_STOP_WAIT_TIME_S": "5"},
        "py_modules": ["mine"],
        "excludes": ["data"],
        "working_dir": "elsewhere",
    }
    environment = request(runtime_env=asked).environment()
    assert environment["env_vars"] == {"A": "1", "RAY_JOB_STOP_WAIT_TIME_S": "5"}
    assert environment["py_modules"][0] == "mine"
    assert "data" in environment["excludes"]
    assert "working_dir" not in environment


def test_install_asks_for_everything_but_ray():
    packages = request(install=True).environment()["pip"]
    assert [one for one in requirements() if not one.startswith("ray[")] == packages
    with pytest.raises(ConfigError, match="`pip` of --runtime-env"):
        request(install=True, runtime_env={"pip": ["x"]}).environment()


def test_the_line_for_a_shell_is_one_that_ray_takes():
    line = request(
        working_dir=".", submission_id="mine", metadata={"team": "vision"}, num_cpus=1.0
    ).shell_line("http://h:8265", "/opt/python", waits=False)
    words = shlex.split(line)
    assert words[:6] == ["ray", "job", "submit", "--address", "http://h:8265", "--working-dir"]
    from ray.dashboard.modules.job.cli import submit as ray_job_submit

    # Ray's own parser reads it, and finds the entry point after the two dashes.
    parsed = ray_job_submit.make_context("submit", words[3:]).params
    assert list(parsed["entrypoint"]) == ["/opt/python", "-m", "ray_bench", "run", *ARGUMENTS]
    assert (parsed["submission_id"], parsed["no_wait"]) == ("mine", True)
    assert parsed["entrypoint_num_cpus"] == 1.0


def summary(*words, **node):
    return {"data": {"summary": [{"cmdline": list(words), "raylet": {"isHeadNode": True}, **node}]}}


@pytest.mark.parametrize(
    ("answer", "python"),
    [
        (summary("raylet", "--python_worker_command=/o/python /x.py --a=b"), "/o/python"),
        (summary('--python_worker_command="/my env/python" /x.py'), "/my env/python"),
        (summary("--python_worker_command=/o/python", raylet={"isHeadNode": False}), None),
        (summary("raylet"), None),
        (summary(cmdline=None), None),
        ({"data": {"summary": [{"raylet": {"isHeadNode": True}}]}}, None),
        ({"result": False}, None),
        ([], None),
    ],
)
def test_the_python_of_a_raylet(answer, python):
    assert python_of_raylet(answer) == python


@pytest.fixture
def asked(monkeypatch):
    """Make the cluster answer so, one answer a question."""

    def answering(*answers):
        left = list(answers)
        reply = SimpleNamespace(json=lambda: left.pop(0))
        server = object.__new__(Jobs)
        server._client = SimpleNamespace(_do_request=lambda method, path: reply)
        return server.python(), left

    return answering


STARTING = {"data": {"summary": [{"raylet": {"isHeadNode": True}}]}}


def test_a_head_that_has_just_started_is_asked_again(asked):
    known = summary("--python_worker_command=/o/python /x.py")
    assert asked({"data": {"summary": []}}, STARTING, known) == ("/o/python", [])


def test_a_head_that_does_not_tell_is_not_asked_again(asked):
    assert asked(summary("raylet"), STARTING) == (None, [STARTING])


def test_a_head_that_never_knows_itself_is_left(asked, monkeypatch):
    monkeypatch.setattr(jobs, "_STATS_AFTER", 3)
    assert asked(*[STARTING] * 4) == (None, [STARTING])


def test_a_job_server_that_is_lost_while_it_is_asked_is_an_error():
    def lost(method, path):
        raise ConnectionError("refused")

    server = object.__new__(Jobs)
    server._client, server.address = SimpleNamespace(_do_request=lost), "http://h"
    with pytest.raises(LaunchError, match="http://h answers no more: refused"):
        server.python()


@dataclass
class FakeClient:
    """A job server whose log comes in pieces; an exception among them breaks the connection."""

    pieces: list[list[str | Exception]]
    statuses: list[JobStatus]
    code: int | None = 0
    stopped: list[str] = field(default_factory=list)

    async def tail_job_logs(self, job_id):
        for piece in self.pieces.pop(0):
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def get_job_info(self, job_id):
        status = self.statuses.pop(0)
        code = self.code if status.is_terminal() else None
        return SimpleNamespace(status=status, driver_exit_code=code, message="why")

    def stop_job(self, job_id):
        self.stopped.append(job_id)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(jobs, "_PAUSE_S", 0)


def followed(client) -> tuple[int, str]:
    seen = []
    return Job(client, "mine", "http://h").follow(seen.append), "".join(seen)


def test_the_log_is_followed_to_the_end_and_the_exit_code_is_the_programs():
    client = FakeClient([["a\n", "b\n"]], [JobStatus.FAILED], code=3)
    assert followed(client) == (3, "a\nb\n")


def test_a_lost_connection_is_made_again_and_nothing_is_shown_twice():
    client = FakeClient(
        [["a\nb", RuntimeError("gone")], ["a\n", "b\nc\n"], ["a\nb\nc\nd\n"]],
        [JobStatus.RUNNING, JobStatus.SUCCEEDED],
    )
    assert followed(client) == (0, "a\nb\nc\nd\n")


def test_a_job_server_that_stays_away_is_an_error_that_says_how_to_go_on(monkeypatch):
    monkeypatch.setattr(jobs, "_LOST_AFTER", 3)
    client = FakeClient([[ConnectionError("refused")]] * 3, [])
    with pytest.raises(
        LaunchError, match=r"refused.*ray job logs --follow --address http://h mine"
    ):
        followed(client)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (JobStatus.SUCCEEDED, 0, 0),
        (JobStatus.SUCCEEDED, None, 0),
        (JobStatus.FAILED, 2, 2),
        (JobStatus.FAILED, -9, 137),
        (JobStatus.STOPPED, None, 130),
    ],
)
def test_the_exit_code(status, code, expected):
    info = SimpleNamespace(status=status, driver_exit_code=code, message=None)
    assert exit_code(info) == expected


def test_a_program_that_ray_could_not_start_is_an_error_with_its_words():
    info = SimpleNamespace(
        status=JobStatus.FAILED, driver_exit_code=None, message="runtime_env setup failed: pip"
    )
    with pytest.raises(LaunchError, match="setup failed: pip"):
        exit_code(info)


@pytest.fixture
def job_server():
    """Only the version of a job server, and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = b'{"ray_version": "2.60.0", "version": "4"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", asked=asked)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_address_that_was_given_counts_not_a_variable(job_server, monkeypatch):
    """Ray's own client prefers both variables to its argument."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:9")
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")
    assert Jobs(job_server.url).address == job_server.url
    assert job_server.asked


def test_an_address_that_is_no_url_is_refused():
    with pytest.raises(ConfigError, match="http://host:8265"):
        Jobs("head:6379")


def test_where_nothing_listens_the_message_says_what_to_do():
    with pytest.raises(LaunchError, match=r"127\.0\.0\.1:9.*RAY_AUTH_MODE=token"):
        Jobs("http://127.0.0.1:9")


def make_folder(root: Path) -> Path:
    (root / ".gitignore").write_text("ignored/\n*.log\n")
    (root / ".rayignore").write_text("secret.txt\n")
    for name, size in {
        "a.py": 10, "x.log": 20, "secret.txt": 30, "ignored/b": 40, "sub/c.bin": 50, "out/d": 60,
    }.items():  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x" * size)
    return root


def test_the_upload_is_what_git_and_ray_do_not_ignore(tmp_path):
    folder = make_folder(tmp_path)
    sizes = upload.upload_sizes(folder, ["out/"])
    assert {name: size for name, size in sizes.items() if not name.startswith(".")} == {
        "a.py": 10,
        "sub/c.bin": 50,
    }


def test_the_upload_is_what_ray_packs(tmp_path):
    """Ray's own package of the folder holds the same files."""
    import zipfile

    from ray._private.runtime_env.packaging import create_package

    (tmp_path / "w").mkdir()
    folder = make_folder(tmp_path / "w")
    create_package(str(folder), tmp_path / "p.zip", include_gitignore=True, excludes=["out/"])
    packed = {one.filename for one in zipfile.ZipFile(tmp_path / "p.zip").infolist()}
    assert packed == set(upload.upload_sizes(folder, ["out/"]))


def test_what_ray_would_refuse_is_refused_before_the_upload(tmp_path):
    sizes = upload.upload_sizes(make_folder(tmp_path))
    assert upload.check_upload(tmp_path, sizes, limit=10_000) == sum(sizes.values())
    with pytest.raises(ConfigError, match=r"largest: out/d .*sub/c\.bin .*\.rayignore"):
        upload.check_upload(tmp_path, sizes, limit=100)
    assert upload.upload_limit_bytes() == 512 * 2**20
