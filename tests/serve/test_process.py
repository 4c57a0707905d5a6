"""The service as a process: how it begins, what it says, how it ends."""

import http.client
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from ray_bench.errors import ConfigError
from ray_bench.serve.process import bound, url_of


def test_a_taken_port_and_a_foreign_host_are_said():
    with bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert url_of("127.0.0.1", first) == f"http://127.0.0.1:{port}"
        assert url_of("::1", first) == f"http://[::1]:{port}"
        with pytest.raises(ConfigError, match=rf"Port {port} .* is taken.*--port 0"):
            bound("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"--host 192\.0\.2\.1"):
        bound("192.0.2.1", 0)


@pytest.fixture
def serving(results, tmp_path):
    """Start `ray-bench serve`; returns the process and where it listens."""
    running, connections = [], []

    def start(*arguments, **environ):
        process = subprocess.Popen(
            [sys.executable, "-m", "ray_bench", "serve", str(results), "--port", "0", *arguments],
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        said = process.stdout.readline()
        assert " at http://127.0.0.1:" in said, process.communicate()
        port = urlsplit(said.split()[-1]).port
        connections.append(http.client.HTTPConnection("127.0.0.1", port, timeout=30))
        return process, connections[-1]

    yield start
    for connection in connections:
        connection.close()
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_also_while_a_page_is_kept_open(serving, signum):
    process, connection = serving()
    connection.request("GET", "/healthz")
    assert connection.getresponse().read().startswith(b'{"status":"ok"')
    begun_s = time.monotonic()
    process.send_signal(signum)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert time.monotonic() - begun_s < 5
    assert "Traceback" not in err
    assert '"GET /healthz HTTP/1.1" 200' in err


@pytest.mark.slow
def test_a_token_is_never_logged_and_opens_the_door(serving):
    token = "correct-horse-battery"
    process, connection = serving(RAY_BENCH_TOKEN=token)
    for headers, status in ((({}), 401), ({"Authorization": f"Bearer {token}"}, 200)):
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert token not in out + err
