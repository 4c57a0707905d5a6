"""Where coding agents ask, `/mcp`; what that needs is loaded when the first one does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from ray_bench.errors import MissingExtraError
from ray_bench.serve.service import Service

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ray_bench.serve.mcp import Endpoint


class Agents:
    """The route of the Model Context Protocol.

    Args:
        service: Whose sweeps they are.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = await run_in_threadpool(self._loaded)
        await endpoint(scope, receive, send)

    def _loaded(self) -> Endpoint:
        with self._lock:
            if self._endpoint is None:
                self._endpoint = endpoint_of(self._service)
            return self._endpoint


def endpoint_of(service: Service) -> Endpoint:
    """Return what answers agents.

    Raises:
        MissingExtraError: The package for it is not installed.
    """
    try:
        from ray_bench.serve.mcp import Endpoint
    except ImportError as err:
        raise MissingExtraError(
            f"Agents cannot be answered without {err.name}; pip install mcp, and start again."
        ) from err
    return Endpoint(service)
