"""The page on code assistants: its limits are those of the code, and its examples return what it shows.

``python -m tools.regenerate mcp_server`` writes the answers.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from documentation_pages import FENCE, SITE

from passrole_checks.mcp_server.answers import MOST_CHARACTERS, MOST_TEXT
from passrole_checks.mcp_server.tools import LIMIT, MOST_ENTRIES, TOOLS, call_tool
from passrole_checks.mcp_server.workspace import Workspace

PAGE = SITE / "hosts" / "assistants.md"
MAIN = """resource "aws_iam_role" "app" {
  name = "app"
}

resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn
}
"""


def answer_to(request: str) -> str:
    """Return the text of the answer to a request of the page."""
    call = json.loads(request)
    (tool,) = [tool for tool in TOOLS if tool.name == call["name"]]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(MAIN)
        answer = call_tool(tool, call["arguments"], Workspace.of_folders([folder]), threading.Event())
    assert not answer.is_error
    return answer.text


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the page with the answers that the code produces now."""
    text = PAGE.read_text("utf-8")
    request = ""

    def block(match: re.Match[str]) -> str:
        nonlocal request
        language, body = match.groups()
        if language == "json" and '"arguments"' in body:
            request = body
        return f"```text\n{answer_to(request)}```" if language == "text" else match[0]

    yield PAGE, FENCE.sub(block, text)


def test_examples_return_the_answers_below_them() -> None:
    ((path, text),) = outputs()
    assert path.read_text("utf-8") == text
    assert text.count("```text") == 2


def test_page_names_the_tools_and_limits_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert f"1 to {MOST_ENTRIES} (default {LIMIT})" in text
    assert f"{MOST_CHARACTERS:,} characters as JSON" in text and f"{MOST_TEXT:,} characters" in text
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", text, re.MULTILINE))
    shared = {"paths", "texts", "limit", "account"}
    assert {tool.name for tool in TOOLS} | shared == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    for tool in TOOLS:
        own = set(tool.properties) - shared
        assert set(re.findall(r"`(\w+)`", rows.get(tool.name, ""))) == own, tool.name
