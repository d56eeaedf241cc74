"""Tools of an MCP server are allowed by name."""

import json
from pathlib import Path

import pytest
from tests.fence.gateway.lab import POLICY, open_lab

from unlit.fence.gateway.tools import UNREADABLE, first_wrong_tool


def call(name: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (call("read_file"), None),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, None),
        ([call("read_file"), call("read_tree")], None),
        (call("write_file"), "write_file"),
        ([call("read_file"), call("delete")], "delete"),
        (call("read_file/../write"), "read_file/../write"),
        (call(None), UNREADABLE),
        ([1], UNREADABLE),
        ("x", UNREADABLE),
    ],
)
def test_a_call_is_read(body: object, wrong: str | None) -> None:
    assert first_wrong_tool(json.dumps(body).encode(), ["read_*"]) == wrong


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"method": "tools/list", "method": "tools/call", "params": {"name": "delete"}}',
        b'{"method": "tools/call", "params": {"name": "read_a", "name": "delete"}}',
        b"\xff",
    ],
)
def test_what_two_servers_read_differently_is_refused(body: bytes) -> None:
    assert first_wrong_tool(body, ["read_*"]) == UNREADABLE


async def test_a_tool_that_the_rule_does_not_name_is_refused(tmp_path: Path) -> None:
    policy = POLICY.replace('name = "open"\n', 'name = "open"\ntools = ["read_*"]\n')
    async with open_lab(tmp_path, policy) as lab:
        good, bad = json.dumps(call("read_file")).encode(), json.dumps(call("delete")).encode()
        assert b" 200 " in await lab.post("open.vendor.test", "/mcp", good)
        assert b"FEN-515" in await lab.post("open.vendor.test", "/mcp", bad)
        long = json.dumps([call("read_file"), call("delete"), "x" * 100_000]).encode()
        assert b"FEN-515" in await lab.post("open.vendor.test", "/mcp", long)
        assert len(lab.vendor.seen) == 1
