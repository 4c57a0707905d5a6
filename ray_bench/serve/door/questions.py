"""Requests that are sent as changes are, and change nothing: a plan, most calls of an agent."""

from __future__ import annotations

import json

_PLAN, _AGENTS = "/api/v1/plan", "/mcp"
#: Where such requests come.
MAY_ASK = (_PLAN, _AGENTS)
#: The tool of an agent that changes something, see `serve.agent_tools`.
CHANGING_TOOL = "submit_sweep"


def only_asks(path: str, body: bytes) -> bool:
    """Tell whether a request changes nothing; what cannot be read counts as a change.

    An agent's call is a change where the tool's name stands anywhere, however it is written: a
    name may be given twice, and whoever reads it later may take the other one.
    """
    if path == _PLAN:
        return True
    try:
        said = json.loads(body or b"null", object_pairs_hook=list)
        return path == _AGENTS and json.dumps(CHANGING_TOOL) not in json.dumps(said)
    except (ValueError, RecursionError):
        return False
