"""The service as a process: a socket, the application, and a clean end."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from ray_bench.errors import ConfigError
from ray_bench.serve.app import create_app
from ray_bench.serve.board import Board
from ray_bench.serve.settings import ServeSettings

_GRACE_S = 2  # for answers under way; streams never end by themselves
_LOG_FORMAT = {
    "access": '%(asctime)s %(client_addr)s "%(request_line)s" %(status_code)s',
    "default": "%(asctime)s %(levelname)s %(message)s",
}


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        ConfigError: The port is taken, or the host is none of this machine.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with contextlib.ExitStack() as failed:
            made = failed.enter_context(socket.socket(family, kind, proto))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(socket.SOMAXCONN)
            failed.pop_all()
            return made
    except OSError as err:
        raise ConfigError(_why_not(host, port, err)) from err


def _why_not(host: str, port: int, err: OSError) -> str:
    if err.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken; give another with --port, or --port 0 for any."
    if err.errno == errno.EACCES:
        return f"Port {port} needs rights that you do not have; give one above 1023 with --port."
    return f"Cannot listen on --host {host} --port {port}: {err.strerror}."


def url_of(host: str, listening: socket.socket) -> str:
    """Return where a browser finds it."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{listening.getsockname()[1]}"


def run(
    settings: ServeSettings,
    board: Board,
    listening: socket.socket,
    *,
    started: Callable[[], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C; then answers under way get 2 s.

    Args:
        settings: What it was told.
        board: Where sweeps run.
        listening: From `bound`.
        started: Called when the application is made.
    """
    app = create_app(settings, board)
    config = uvicorn.Config(
        app,
        log_config=_log_config(),
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
        # Without a proxy anybody could say an address of his own choice, and guess tokens from it.
        proxy_headers=settings.is_behind_tls,
        date_header=True,
        h11_max_incomplete_event_size=32_768,
    )
    # uvicorn repeats the signal when it is done, for whoever listened before.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    started()
    uvicorn.Server(config).run(sockets=[listening])


def _log_config() -> dict[str, object]:
    """Return uvicorn's own, with times, on stderr, and without what it says of its start."""
    config = {**LOGGING_CONFIG, "formatters": {}}
    for name, text in _LOG_FORMAT.items():
        own = LOGGING_CONFIG["formatters"][name]
        config["formatters"][name] = {**own, "fmt": text, "use_colors": False}
    config["handlers"] = {
        name: {**handler, "stream": "ext://sys.stderr"}
        for name, handler in LOGGING_CONFIG["handlers"].items()
    }
    ours = {"handlers": ["default"], "level": "INFO", "propagate": False}
    config["loggers"] = {
        **LOGGING_CONFIG["loggers"],
        "uvicorn": {**ours, "level": "WARNING"},
        "uvicorn.error": {"level": "WARNING"},
        "ray_bench": ours,
    }
    return config
