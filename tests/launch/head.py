"""A Ray head of the tests' own: own ports, temp dir and token, on loopback, stopped by pid."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RAY = Path(sys.executable).parent / "ray"


@dataclass(frozen=True)
class Head:
    """Where a running head listens, and the environment of its clients."""

    gcs: str
    jobs: str
    metrics: str
    environment: dict[str, str]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextmanager
def running_head(folder: Path, num_cpus: int = 2, ray: Path = RAY) -> Iterator[Head]:
    """Start `ray start --head --block` with token authentication and stop exactly that.

    Another `ray` than that of the tests knows nothing of this checkout.
    """
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    gcs, dashboard, agent, client, metrics = free_ports(5)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        # The head writes an address file that other programs on this host would follow.
        "PYTHONPATH": os.getcwd(),
    }
    if ray != RAY:
        del environment["PYTHONPATH"]
    # Short: Ray makes UNIX sockets below it, and their paths have a limit.
    with tempfile.TemporaryDirectory(prefix="rb", ignore_cleanup_errors=True) as temp:
        command = [
            ray, "start", "--head", "--block", f"--port={gcs}", f"--num-cpus={num_cpus}",
            f"--temp-dir={temp}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}",
            f"--dashboard-agent-listen-port={agent}", f"--ray-client-server-port={client}",
            f"--metrics-export-port={metrics}",
        ]  # fmt: skip
        with (folder / "head.log").open("w") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        try:
            wait_for(f"http://127.0.0.1:{dashboard}/api/gcs_healthz", process, folder / "head.log")
            jobs = f"http://127.0.0.1:{dashboard}"
            yield Head(
                f"127.0.0.1:{gcs}",
                jobs,
                f"http://127.0.0.1:{metrics}/metrics",
                environment | {"RAY_API_SERVER_ADDRESS": jobs},
            )
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The head ended at once:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise TimeoutError(f"No answer from {url}:\n{log.read_text()[-2000:]}")
