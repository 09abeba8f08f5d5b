"""Tools on workspaces: answers follow the published schemas, and nothing in a workspace or request breaks them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import json_schemas
import pytest
from jsonschema import Draft202012Validator

from passrole_checks.iam import deadline
from passrole_checks.mcp_server import tools
from passrole_checks.mcp_server.answers import MOST_CHARACTERS, MOST_TEXT, OMITTED, Answer, is_plain
from passrole_checks.mcp_server.tools import TOOLS, call_tool
from passrole_checks.mcp_server.workspace import Workspace

SAMPLES = sorted(path for path in (json_schemas.SCHEMAS.parents[1] / "sample_templates").iterdir() if path.is_dir())
BY_NAME = {tool.name: tool for tool in TOOLS}
READING = [tool.name for tool in TOOLS if tool.reads_files]
POLICY = """resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = jsonencode({
    Statement = [{ Sid = "SID", Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
"""
ROLE = 'resource "aws_iam_role" "app" {\n  name = "app"\n}\n'
FUNCTION = 'resource "aws_lambda_function" "f" {\n  role = aws_iam_role.app.arn\n}\n'


def ask(folder: Path, name: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Answer:
    """Return the answer of a tool, after checking what holds for every answer."""
    arguments = {**(arguments or {}), **more}
    answer = call_tool(BY_NAME[name], arguments, Workspace.of_folders([folder]), threading.Event())
    assert is_plain(answer.text)
    assert len(answer.text) <= MOST_TEXT + 1_000 or name == "explain"
    assert (answer.structured is None) == (answer.is_error or name == "explain")
    if answer.structured is not None:
        assert len(json.dumps(answer.structured)) <= MOST_CHARACTERS
        schema = BY_NAME[name].output_schema
        assert schema is not None
        assert [error.message for error in Draft202012Validator(schema).iter_errors(answer.structured)] == []
        published = {key: value for key, value in answer.structured.items() if key != OMITTED}
        assert json_schemas.errors(BY_NAME[name].schema, published) == []
    return answer


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def data(answer: Answer) -> dict[str, Any]:
    assert answer.structured is not None, answer.text
    return answer.structured


# -- what tools return


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("sample", SAMPLES[::10], ids=lambda path: path.name)
def test_answers_for_samples_follow_the_published_schemas(sample: Path, name: str) -> None:
    ask(sample, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_answers_for_all_samples_follow_the_published_schemas(sample: Path, name: str) -> None:
    ask(sample, name, limit=200)
    ask(sample, name, limit=1)


def test_findings_are_worst_first_and_the_rest_is_counted() -> None:
    folder = SAMPLES[0].parent / "everyday"
    every, some = (data(ask(folder, "scan", limit=limit)) for limit in (200, 3))
    ranks = [
        ["high", "medium", "low"].index(finding["severity"])
        for finding in every["findings"]
        if not finding["suppressed"]
    ]
    assert ranks == sorted(ranks) and len(set(ranks)) > 1
    assert some["findings"] == every["findings"][:3]
    assert some[OMITTED]["findings"] == len(every["findings"]) - 3
    assert some["summary"] == every["summary"]
    assert "Left out" in ask(folder, "scan", limit=3).text


def test_files_are_named_relative_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES[0])
    write(tmp_path / "one", {"sub/main.tf": POLICY})
    write(tmp_path / "two", {"main.tf": POLICY})
    assert [finding["file"] for finding in data(ask(tmp_path / "one", "scan"))["findings"]] == ["sub/main.tf"]
    both = Workspace.of_folders([tmp_path / "one", tmp_path / "two"])
    answer = data(call_tool(BY_NAME["scan"], {}, both, threading.Event()))
    assert [finding["file"] for finding in answer["findings"]] == [
        f"{tmp_path}/one/sub/main.tf",
        f"{tmp_path}/two/main.tf",
    ]


def test_text_that_is_not_saved_is_scanned_with_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": ROLE + FUNCTION, "other/main.tf": POLICY})
    texts = [{"path": "policy.tf", "text": POLICY}]
    answer = data(ask(tmp_path, "scan", texts=texts))
    assert {finding["file"] for finding in answer["findings"]} == {"policy.tf"}
    suggested = data(ask(tmp_path, "suggest", texts=texts, grades=["narrowed"]))
    assert "aws_iam_role.app.arn" in suggested["patch"]
    edits = sorted(suggested["suggestions"][0]["edits"], key=lambda edit: -edit["start"])
    text = POLICY
    for edit in edits:
        assert edit["file"] == "policy.tf"
        text = text[: edit["start"]] + edit["text"] + text[edit["end"] :]
    assert data(ask(tmp_path, "scan", texts=[{"path": "policy.tf", "text": text}]))["findings"] == []
    assert sorted(path.name for path in tmp_path.rglob("*.tf")) == ["main.tf", "main.tf"]


def test_text_replaces_a_file_and_paths_can_name_it(tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": POLICY})
    texts = [{"path": "main.tf", "text": ROLE}, {"path": "new/template.yaml", "text": "Resources: {}"}]
    for paths in (["."], ["main.tf", "new/template.yaml"], ["main.tf", "new"]):
        assert data(ask(tmp_path, "scan", paths=paths, texts=texts))["findings"] == []
    assert data(ask(tmp_path, "scan", paths=["main.tf"]))["findings"]


def test_checks_are_explained(tmp_path: Path) -> None:
    assert ask(tmp_path, "explain", check="any-role").text.startswith("PASSROLE_001 any-role")
    assert len(ask(tmp_path, "explain").text.splitlines()) == 17
    answer = ask(tmp_path, "explain", check="any-rolle")
    assert answer.is_error and "did you mean any-role" in answer.text


# -- what requests may contain


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": True},
        {"limit": "20"},
        {"limit": None},
        {"paths": "main.tf"},
        {"paths": [1]},
        {"paths": ["x"] * 101},
        {"texts": {"main.tf": ""}},
        {"texts": [{"path": "main.tf"}]},
        {"texts": [{"path": "", "text": ""}]},
        {"texts": [{"path": "a\0b", "text": ""}]},
        {"texts": [{"path": "../a.tf", "text": ""}]},
        {"texts": [{"path": ".", "text": POLICY}]},
        {"account": "12345678901\n"},
        {"account": "123456789012\n"},
        {"unknown": 1},
        {"\x1b[31m": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", READING)
def test_invalid_arguments_are_errors(tmp_path: Path, name: str, arguments: dict[str, Any]) -> None:
    write(tmp_path, {"main.tf": POLICY})
    assert ask(tmp_path, name, arguments).is_error


def test_nothing_to_scan_is_no_clean_result(tmp_path: Path) -> None:
    write(tmp_path, {"notes.txt": "nothing"})
    for name in READING:
        assert ask(tmp_path, name).is_error
        assert ask(tmp_path, name, paths=["notes.txt"]).is_error
        assert ask(tmp_path, name, paths=["missing.tf"]).is_error


def test_broken_file_is_reported_beside_the_findings_of_others(tmp_path: Path) -> None:
    write(tmp_path, {"a/main.tf": POLICY, "b/template.json": '{"Resources": {"A": {"Type": "AWS::IAM::Role"'})
    answer = ask(tmp_path, "scan")
    assert [entry["file"] for entry in data(answer)["unreadable"]] == ["b/template.json"]
    assert data(answer)["findings"] and "ERROR: b/template.json" in answer.text


def test_message_on_a_huge_argument_says_what_is_wrong(tmp_path: Path) -> None:
    answer = ask(tmp_path, "scan", limit="x" * 1_000_000)
    assert len(answer.text) < 400 and answer.text.endswith("is not of type 'integer'")


# -- hostile workspaces


def test_root_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"main.tf": POLICY})
    write(tmp_path / "root", {"main.tf": ROLE})
    workspace = Workspace.of_folders([tmp_path / "root"])
    (tmp_path / "root").rename(tmp_path / "old")
    (tmp_path / "root").symlink_to(tmp_path / "outside")
    for arguments in ({}, {"paths": ["."]}, {"paths": ["main.tf"]}):
        answer = call_tool(BY_NAME["grants"], arguments, workspace, threading.Event())
        assert answer.is_error and "aws_iam_user_policy" not in answer.text


def test_nothing_outside_of_the_roots_is_read(tmp_path: Path) -> None:
    """Links, modules, files of expressions and parent folders, although one repository contains everything."""
    secret = "TOP-SECRET-WORD"
    (tmp_path / ".git").mkdir()
    write(tmp_path / "outside", {"secret.tf": POLICY.replace("SID", secret), "policy.json": f'{{"Sid": "{secret}"}}'})
    root = write(
        tmp_path / "root",
        {
            "main.tf": ROLE + 'module "m" {\n  source = "../outside"\n}\n'
            'resource "aws_iam_user_policy" "q" {\n  user = "x"\n  policy = file("../outside/policy.json")\n}\n'
        },
    )
    (root / "link.tf").symlink_to(tmp_path / "outside" / "secret.tf")
    (root / "folder").symlink_to(tmp_path / "outside")
    for name in READING:
        for paths in (["."], ["main.tf"], ["link.tf"], ["folder"], ["folder/secret.tf"], ["../outside"]):
            answer = ask(root, name, paths=paths)
            assert secret not in answer.text and secret not in json.dumps(answer.structured)
    assert "outside" in ask(root, "scan").text  # it is reported
    texts = [{"path": "folder/new.tf", "text": POLICY}]
    assert ask(root, "scan", texts=texts).is_error


def test_special_files_are_reported_or_skipped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tf")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.tf").symlink_to("/dev/zero")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    write(tmp_path, {"main.tf": POLICY})
    for name in READING:
        assert not ask(tmp_path, name).is_error
        for special in ("pipe.tf", "pipe.yaml", "zero.tf", "zero.json"):
            assert ask(tmp_path, name, paths=[special]).is_error
    assert data(ask(tmp_path, "scan", paths=["pipe.tf"], texts=[{"path": "pipe.tf", "text": POLICY}]))["findings"]


def test_configuration_of_a_workspace_is_ignored(tmp_path: Path) -> None:
    """It can hide nothing, and write nothing."""
    write(
        tmp_path, {"main.tf": POLICY, "pyproject.toml": '[tool.passrole_checks]\nexclude = ["*"]\nseverity = "high"\n'}
    )
    assert data(ask(tmp_path, "scan"))["findings"]
    write(tmp_path, {"pyproject.toml": "\0", "passrole_checks.py": "raise SystemExit", "mcp.py": "raise SystemExit"})
    assert data(ask(tmp_path, "scan"))["findings"]


def test_suppressions_are_shown(tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": POLICY.replace("{\n", "{\n  # checkov:skip=PASSROLE_001: fine\n", 1)})
    answer = ask(tmp_path, "scan")
    assert [bool(finding["suppressed"]) for finding in data(answer)["findings"]].count(True) == 1
    assert "1 suppressed" in answer.text


def test_text_of_scanned_files_stays_text(tmp_path: Path) -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "run")
    for number, word in enumerate(["\x1b[31m", "\u202e", hidden, "\u200b", "\x85"]):
        root = write(tmp_path / str(number), {"main.tf": ROLE + FUNCTION + POLICY.replace("SID", f"a{word}b")})
        for name in READING:
            answer = ask(root, name)
            assert word not in answer.text and word not in json.dumps(answer.structured, ensure_ascii=False)


def test_huge_inputs_are_bounded(tmp_path: Path) -> None:
    name = "x" * 100_000
    write(tmp_path, {"main.tf": POLICY.replace("SID", name), "z/main.tf": "\n".join(
        POLICY.replace('"p"', f'"p{number}"') for number in range(300)
    )})  # fmt: skip
    for tool in ("scan", "grants"):
        assert data(ask(tmp_path, tool, limit=200))[OMITTED]


def test_suggestions_are_made_for_the_worst_statements_only(tmp_path: Path) -> None:
    """Others take time, and are counted."""
    wide, narrow = (
        POLICY.replace('"*"', f'"arn:aws:iam::111122223333:{role}"').replace('"p"', f'"{name}"')
        for role, name in (("role/*", "wide"), ("role/app", "narrow"))
    )
    write(tmp_path, {"a.tf": narrow, "b.tf": wide})
    one, two = (data(ask(tmp_path, "suggest", limit=limit)) for limit in (1, 2))
    assert [entry["resource"] for entry in two["suggestions"]] == [
        "aws_iam_user_policy.wide",
        "aws_iam_user_policy.narrow",
    ]
    assert one["suggestions"] == two["suggestions"][:1]
    assert (one[OMITTED], two[OMITTED]) == ({"suggestions": 1}, {})


def test_too_large_text_is_an_error(tmp_path: Path) -> None:
    answer = ask(tmp_path, "scan", texts=[{"path": "main.tf", "text": "#" * 25_000_000}])
    assert answer.is_error and "larger than" in answer.text


def test_time_limit_ends_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"{number}/main.tf": POLICY for number in range(100)})
    monkeypatch.setattr(tools, "_SECONDS", 0.0)
    answer = ask(tmp_path, "scan")
    assert answer.is_error and "time limit" in answer.text


def test_cancelled_call_does_nothing(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    answer = call_tool(BY_NAME["scan"], {}, Workspace.of_folders([tmp_path]), cancelled)
    assert answer.is_error


def test_cancellation_ends_the_work_of_a_unit() -> None:
    cancelled = threading.Event()
    with deadline.cancellable(cancelled), deadline.limited(1_000):
        for _ in range(1_000):
            deadline.check()
        cancelled.set()
        with pytest.raises(deadline.OutOfTimeError):
            for _ in range(1_000):
                deadline.check()


def test_internal_error_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a\x1bb")

    write(tmp_path, {"main.tf": POLICY})
    monkeypatch.delenv("PASSROLE_CHECKS_DEBUG", raising=False)
    monkeypatch.setattr("passrole_checks.api.scan", fail)
    answer = ask(tmp_path, "scan")
    assert answer.is_error and "internal error" in answer.text


def test_calls_leave_no_state(tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": POLICY})
    before = Path.cwd()
    first = ask(tmp_path, "scan")
    ask(tmp_path, "scan", texts=[{"path": "main.tf", "text": ROLE}])
    ask(tmp_path, "scan", paths=["/etc"])
    assert ask(tmp_path, "scan") == first
    assert Path.cwd() == before


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_schemas_of_tools_are_valid(tool: tools.Tool) -> None:
    Draft202012Validator.check_schema(tool.input_schema)
    if tool.output_schema is not None:
        Draft202012Validator.check_schema(tool.output_schema)
        assert tool.output_schema["type"] == "object"
