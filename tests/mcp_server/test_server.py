"""The server with the SDK's own client: in one process, and as the program that clients start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp_types", reason="the extra mcp is not installed")

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types import ErrorData, ListRootsResult, Root

from passrole_checks.cli import main
from passrole_checks.mcp_server import server as server_module
from passrole_checks.mcp_server.server import make_server
from passrole_checks.mcp_server.tools import TOOLS

ERAS = ["legacy", "2026-07-28"]  # with a handshake, and with an envelope for each request
POLICY = """resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
"""
Use = Callable[[Client], Awaitable[None]]


def with_client(
    use: Use, folders: Sequence[Path], roots: Sequence[Path] | ErrorData | None = None, mode: str = "legacy"
) -> None:
    """Connect a client to a server in this process. ``roots``: those that the client names, or its error; None for a
    client that does not support roots."""

    async def list_roots(_context: object) -> ListRootsResult | ErrorData:
        if isinstance(roots, ErrorData):
            return roots
        return ListRootsResult(roots=[Root(uri=path.as_uri()) for path in roots or ()])

    async def run() -> None:
        callback = None if roots is None else list_roots
        async with Client(make_server(folders), mode=mode, list_roots_callback=callback) as client:
            await use(client)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # roots are deprecated, and what clients of today support
        anyio.run(run)


async def files(client: Client, **arguments: Any) -> list[str] | str:
    """Return the files with findings, or the error."""
    result = await client.call_tool("scan", arguments)
    if result.is_error:
        return str(result.content[0].text)
    return [finding["file"] for finding in result.structured_content["findings"]]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("given", "root"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.tf").write_text(POLICY)
    return tmp_path / "given", tmp_path / "root"


@pytest.mark.parametrize("mode", ERAS)
def test_tools_are_listed_with_schemas_and_as_read_only(folders: tuple[Path, Path], mode: str) -> None:
    async def use(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == ["scan", "grants", "required", "suggest", "explain"]
        for tool, own in zip(listed, TOOLS, strict=True):
            assert (tool.input_schema, tool.output_schema) == (own.input_schema, own.output_schema)
            hints = tool.annotations
            assert hints is not None and tool.title and tool.description
            assert (hints.read_only_hint, hints.destructive_hint, hints.open_world_hint) == (True, False, False)
        assert len(json.dumps([tool.model_dump(mode="json") for tool in listed])) < 40_000  # a model reads it all

    with_client(use, folders[:1], mode=mode)


@pytest.mark.parametrize("mode", ERAS)
def test_every_tool_answers(folders: tuple[Path, Path], mode: str) -> None:
    """The client validates structured content with the output schema."""

    async def use(client: Client) -> None:
        for tool in TOOLS:
            result = await client.call_tool(tool.name, {})
            assert not result.is_error and result.content[0].text
            assert (result.structured_content is not None) == tool.reads_files
        result = await client.call_tool("explain", {"check": "1"})
        assert result.content[0].text.startswith("PASSROLE_001")

    with_client(use, folders[:1], mode=mode)


@pytest.mark.parametrize("mode", ERAS)
def test_roots_of_the_client_replace_the_folders_of_the_command_line(folders: tuple[Path, Path], mode: str) -> None:
    given, root = folders

    async def use(client: Client) -> None:
        assert await files(client) == ["root.tf"]
        assert await files(client, paths=[(root / "root.tf").as_uri()]) == ["root.tf"]
        assert "outside" in await files(client, paths=[str(given / "given.tf")])

    with_client(use, [given], [root], mode=mode)


@pytest.mark.parametrize("mode", ERAS)
def test_client_without_roots_gets_the_folders_of_the_command_line(folders: tuple[Path, Path], mode: str) -> None:
    async def use(client: Client) -> None:
        assert await files(client) == ["given.tf"]
        assert "outside" in await files(client, paths=[str(folders[1])])

    with_client(use, folders[:1], None, mode=mode)


@pytest.mark.parametrize("mode", ERAS)
def test_client_with_no_open_folder_may_read_nothing(folders: tuple[Path, Path], mode: str) -> None:
    async def use(client: Client) -> None:
        assert "no folder is open" in await files(client)
        assert "no folder is open" in await files(client, paths=[str(folders[0])])

    with_client(use, folders[:1], [], mode=mode)


def test_client_that_does_not_name_its_roots_may_read_nothing(folders: tuple[Path, Path]) -> None:
    async def use(client: Client) -> None:
        assert "does not name its roots" in await files(client)

    with_client(use, folders[:1], ErrorData(code=-1, message="no"))


@pytest.mark.parametrize("mode", ERAS)
def test_errors_are_results_of_tools(folders: tuple[Path, Path], mode: str) -> None:
    async def use(client: Client) -> None:
        for arguments in ({"paths": ["missing.tf"]}, {"limit": -1}, {"paths": ["/etc/passwd"]}, {"paths": ["\0"]}):
            assert isinstance(await files(client, **arguments), str)
        with pytest.raises(MCPError, match="no such tool"):
            await client.call_tool("delete", {})
        assert await files(client) == ["given.tf"]

    with_client(use, folders[:1], mode=mode)


@pytest.mark.parametrize("mode", ERAS)
def test_cancelled_call_ends_its_work(folders: tuple[Path, Path], mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started, ended = threading.Event(), threading.Event()
    real = server_module.call_tool

    def wait_for_cancellation(tool: Any, arguments: Any, workspace: Any, cancelled: threading.Event) -> Any:
        if not arguments:
            return real(tool, arguments, workspace, cancelled)
        started.set()
        if cancelled.wait(20):
            ended.set()
        return real(tool, arguments, workspace, cancelled)

    async def use(client: Client) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "scan", {"limit": 1})
            while not started.is_set():
                await anyio.sleep(0.01)
            await client.list_tools()  # the server answers while a call runs
            group.cancel_scope.cancel()
        while not ended.is_set():
            await anyio.sleep(0.01)
        assert await files(client) == ["given.tf"]

    monkeypatch.setattr(server_module, "call_tool", wait_for_cancellation)
    with_client(use, folders[:1], mode=mode)


def test_calls_of_one_client_do_not_disturb_each_other(folders: tuple[Path, Path]) -> None:
    async def use(client: Client) -> None:
        answers: dict[int, list[str] | str] = {}

        async def ask(number: int) -> None:
            text = POLICY if number % 2 else ""
            answers[number] = await files(client, texts=[{"path": f"new-{number}.tf", "text": text}])

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(ask, number)
        assert answers == {number: [f"new-{number}.tf"] if number % 2 else [] for number in range(8)}

    with_client(use, folders[:1])


def test_missing_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", str(tmp_path / "missing")]) == 2
    assert capsys.readouterr().err.endswith("missing: not a folder\n")


# -- the program


def start(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "passrole_checks", "mcp", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.slow
def test_program_serves_its_working_directory_over_standard_streams(folders: tuple[Path, Path]) -> None:
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "passrole_checks", "mcp"], cwd=folders[0], env=dict(os.environ)
    )

    async def run() -> None:
        async with Client(stdio_client(parameters)) as client:
            assert await files(client) == ["given.tf"]

    anyio.run(run)


@pytest.mark.slow
def test_standard_output_contains_messages_only_and_the_end_of_input_ends_the_program(
    folders: tuple[Path, Path],
) -> None:
    initialize = {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    }  # fmt: skip
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "scan", "arguments": {}}},
        "not JSON at all \x1b[31m",
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "scan", "arguments": [1]}},
        {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "explain", "arguments": None}},
    ]
    with start(cwd=folders[0]) as program:
        assert program.stdin is not None and program.stdout is not None
        for message in messages:
            program.stdin.write((message if isinstance(message, str) else json.dumps(message)).encode() + b"\n")
        program.stdin.flush()
        answers = {}
        while {1, 2, 3, 4} - set(answers):
            answer = json.loads(program.stdout.readline())
            answers[answer.get("id")] = answer
        program.stdin.close()
        assert program.wait(30) == 0
        assert program.stdout.read() == b""
    assert answers[2]["result"]["structuredContent"]["findings"]
    assert "error" in answers[3]
    assert "result" in answers[4]


@pytest.mark.slow
def test_end_of_input_ends_a_running_call(tmp_path: Path) -> None:
    """The client left: the work that it had asked for stops before its time limit."""
    for number in range(400):
        (tmp_path / f"{number}.tf").write_text(POLICY.replace('"p"', f'"p{number}"') * 5)
    initialize = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    with start(cwd=tmp_path) as program:
        assert program.stdin is not None and program.stdout is not None
        for message in (
            {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "suggest", "arguments": {}}},
        ):
            program.stdin.write(json.dumps(message).encode() + b"\n")
            program.stdin.flush()
        program.stdout.readline()
        time.sleep(0.5)
        program.stdin.close()
        assert program.wait(60) == 0
