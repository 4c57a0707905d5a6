"""The service for coding agents: tools of the Model Context Protocol, docs/mcp.md.

Over HTTP the door in front of every route has found out who asks; a program on this machine that
speaks over standard input may look and plan, and start nothing.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.exceptions import HTTPException

from ray_bench import __version__
from ray_bench.errors import RayBenchError
from ray_bench.serve.agent_tools import Tools
from ray_bench.serve.index import SweepIndex
from ray_bench.serve.service import Service
from ray_bench.serve.settings import ServeSettings
from ray_bench.serve.studies import Studies
from ray_bench.store import ResultsStore

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

INSTRUCTIONS = """Scaling studies of PyTorch DDP training.

Start with list_sweeps. read_answer says what a sweep shows and how surely, read_fold has the
details, compare_sweeps judges a change, predict asks what another link, price, aim or number of
workers would change, and plan_sweep says what a sweep would take before submit_sweep starts it.
Numbers have 95 % intervals as low and high; null is unknown, never 0. Say an answer's caveats with
it.
"""
_READING = ("list_sweeps", "read_answer", "read_fold", "compare_sweeps", "predict", "plan_sweep")


def server_of(tools: Tools, *, may_submit: bool) -> MCPServer[Any]:
    """Return the server of these tools.

    Args:
        tools: What may be asked.
        may_submit: Whether there is a tool that starts sweeps; who asks has to be allowed, too.
    """
    server: MCPServer[Any] = MCPServer(
        "ray_bench", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    for name in (*_READING, *(["submit_sweep"] if may_submit else [])):
        server.add_tool(_explaining(getattr(tools, name)), structured_output=False)
    return server


def _explaining(tool: Any) -> Any:
    """Return a tool whose errors are told to the agent in the words of the command line."""

    @functools.wraps(tool)
    def called(*args: Any, **kwargs: Any) -> str:
        try:
            return json.dumps(tool(*args, **kwargs), allow_nan=False)
        except RayBenchError as err:
            raise ToolError(str(err)) from err

    return called


class Endpoint:
    """The tools over streamable HTTP, without sessions: any request may come to any process.

    Args:
        service: Whose sweeps they are.
    """

    def __init__(self, service: Service) -> None:
        board = None if service.settings.read_only else service.board
        tools = Tools(service.settings, service.store, service.index, service.studies, board)
        self._server = server_of(tools, may_submit=board is not None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":  # a stream would stay open and have nothing to say
            raise HTTPException(405, headers={"Allow": "POST"})
        # Host and origin were checked by the door.
        manager = StreamableHTTPSessionManager(
            app=self._server._lowlevel_server, json_response=True, stateless=True
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)


def serve_stdio(results: str, state_dir: Path) -> None:
    """Answer an agent that started this program, over standard input, until it leaves.

    Args:
        results: The store.
        state_dir: A folder of this machine.

    Raises:
        StoreError: If the results cannot be read.
    """
    store = ResultsStore(results)
    index = SweepIndex(store)
    studies = Studies(store, index.version)
    settings = ServeSettings(results=results, state_dir=state_dir, read_only=True)
    try:
        server_of(Tools(settings, store, index, studies), may_submit=False).run("stdio")
    finally:
        studies.close()
