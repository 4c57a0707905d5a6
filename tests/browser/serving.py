"""A service in a thread of this process, and pages of it in a browser."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page

from ray_bench.serve.app import create_app
from ray_bench.serve.queue import board_of
from ray_bench.serve.settings import ServeSettings


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def serving(results: Path, state: Path, address: str | None = None) -> Iterator[str]:
    """A service; returns where it is. Sweeps that it has left running are stopped."""
    port = free_port()
    settings = ServeSettings(results=str(results), state_dir=state, port=port, address=address)
    board = board_of(settings)
    app = create_app(settings, board)
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        for job in board.jobs():
            if job.phase in ("queued", "running"):
                board.stop(job.job_id, now=True)
        server.should_exit = True
        thread.join(timeout=30)
        board.close()
        assert not thread.is_alive(), "streams end with the service"


@dataclass
class Watched:
    """A page, and what went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)


@contextlib.contextmanager
def watched(browser: Browser, patience_ms: int = 30_000) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    found = Watched(context.new_page())
    found.page.set_default_timeout(patience_ms)
    found.page.on("console", lambda x: found.errors.append(f"{x.type}: {x.text}"))
    found.page.on("pageerror", lambda x: found.errors.append(str(x)))
    yield found
    context.close()
