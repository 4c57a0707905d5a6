"""Which requests change nothing; what cannot be read counts as a change."""

import pytest

from ray_bench.serve.door.questions import CHANGING_TOOL, only_asks

CALL = '{"method": "tools/call", "params": {"name": "%s"}}'


@pytest.mark.parametrize(
    ("path", "body", "asks"),
    [
        ("/api/v1/plan", b"anything", True),
        ("/api/v1/jobs", b"{}", False),
        ("/mcp", b"", True),
        ("/mcp", b'{"method": "tools/list"}', True),
        ("/mcp", (CALL % "predict").encode(), True),
        ("/mcp", (CALL % "submit_sweep").encode(), False),
        ("/mcp", (CALL % "submit\\u005fsweep").encode(), False),
        ("/mcp", (CALL % 'submit_sweep", "name": "predict').encode(), False),
        ("/mcp", f"[{CALL % 'predict'}, {CALL % 'submit_sweep'}]".encode(), False),
        ("/mcp", b"{", False),
        ("/mcp", b"\xff\xfe\xfa", False),
        ("/mcp", b"[" * 100_000, False),
    ],
)
def test_what_only_asks(path, body, asks):
    assert only_asks(path, body) is asks


def test_the_tool_that_changes_is_there():
    pytest.importorskip("mcp")
    from ray_bench.serve.agent_tools import Tools

    assert callable(getattr(Tools, CHANGING_TOOL))
