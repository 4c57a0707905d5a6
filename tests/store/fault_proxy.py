"""An HTTP proxy before an object store, which lets requests through or makes them fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>planted</Message></Error>"
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "server", "date"}


class FaultProxy:
    """Forwards to a port of this machine.

    Attributes:
        mode: "pass", "503", "403", "lost" (carried out, but the answer is lost) or "hang".
        requests: method and path of every request that came.
    """

    def __init__(self, target_port: int) -> None:
        self.mode = "pass"
        self.requests: list[str] = []
        self._target_port = target_port
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.come()

    @property
    def uri_options(self) -> str:
        """What leads s3:// here."""
        return f"endpoint_override=127.0.0.1:{self.port}&scheme=http"

    def come(self) -> None:
        """Listen."""
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def go_away(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def fails(self, mode: str, after_s: float) -> Iterator[None]:
        """Fail for so long."""

        def recover() -> None:
            self.mode = "pass"
            if mode == "away":
                self.come()

        if mode == "away":
            self.go_away()
        else:
            self.mode = mode
        timer = threading.Timer(after_s, recover)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def close(self) -> None:
        """Stop, and let hanging requests go."""
        self._released.set()
        self.go_away()

    def wait_for_release(self) -> None:
        """Hang until the end of the test."""
        self._released.wait()

    def forward(self, handler: BaseHTTPRequestHandler) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return status, headers and body of the store's answer."""
        body = _body(handler)
        dropped = ("transfer-encoding", "expect")
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in dropped}
        headers["Content-Length"] = str(len(body))
        target = HTTPConnection("127.0.0.1", self._target_port, timeout=20)
        target.request(handler.command, handler.path, body, headers)
        answer = target.getresponse()
        found = (answer.status, answer.getheaders(), answer.read())
        target.close()
        return found


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    body = b""
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    while handler.rfile.readline().strip():  # trailers
        pass
    return body


class _Handler(BaseHTTPRequestHandler):
    owner: FaultProxy
    protocol_version = "HTTP/1.1"  # it answers "Expect: 100-continue"

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def _serve(self) -> None:
        proxy, mode = self.owner, self.owner.mode
        proxy.requests.append(f"{self.command} {self.path}")
        if mode == "hang":
            proxy.wait_for_release()
            self.close_connection = True
            return
        if mode in ("503", "403"):
            self._answer(int(mode), [], _SLOW_DOWN if mode == "503" else b"")
            return
        answer = proxy.forward(self)
        self.close_connection = True
        if mode != "lost":
            self._answer(*answer)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        has_length = False
        for name, value in headers:
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
                has_length |= name.lower() == "content-length"
        if not has_length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815
