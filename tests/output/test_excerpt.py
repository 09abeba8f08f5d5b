"""Source excerpts of statements."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent, indent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.files.unsaved_texts import reading_texts
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.values.nodes import Position, text
from passrole_checks.output import excerpt
from passrole_checks.output.excerpt import MAX_COLUMNS, MAX_LINES, excerpt_lines


def within(tmp_path: Path, content: str, start: str, end: str) -> Position:
    """Return the position from ``start`` up to and including ``end`` in a file with this content."""
    file = tmp_path / "file"
    file.write_text(content, "utf-8", newline="")
    first, last = content.index(start), content.index(end) + len(end)
    lines = [content[:first].count("\n") + 1, content[:last].count("\n") + 1]
    columns = [place - content.rfind("\n", 0, place) for place in (first, last)]
    return Position(str(file), lines[0], columns[0], lines[1], columns[1])


def grant() -> PassRoleGrant:
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app-*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    (found,) = grants_of(parse_document(text(document, Position("x", 1))).statements, {"aws": ()})
    return found


HCL = """\
data "aws_iam_policy_document" "x" {
  statement {
    sid       = "Pass"
    # for the nightly build
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
"""
YAML = """\
        Statement:
          - Sid: Pass
            Effect: Allow
            Action:
              - iam:PassRole
            Resource: '*'
          - Effect: Deny
"""
JSON = '[\n    {\n      "Effect": "Allow",\n      "Action": "iam:*",\n      "Resource": "*"\n    },\n {}]'


@pytest.mark.parametrize(
    ("content", "start", "end", "lines"),
    [
        (HCL, "statement", '["*"]\n  }', ['actions   = ["iam:PassRole"]', 'resources = ["*"]']),
        (YAML, "Sid", "'*'\n          ", ["Action:", "  - iam:PassRole", "Resource: '*'"]),
        (YAML.replace("\n", "\r\n"), "Sid", "'*'", ["Action:", "  - iam:PassRole", "Resource: '*'"]),
        (JSON, '{\n      "E', "    }", ['"Action": "iam:*",', '"Resource": "*"']),
        ('x = [{ "Action": "*" }, 1]', "{", "}", ['{ "Action": "*" }']),
    ],
    ids=["terraform", "yaml", "yaml with CRLF", "json", "one line"],
)
def test_relevant_lines_are_dedented(tmp_path: Path, content: str, start: str, end: str, lines: list[str]) -> None:
    """Brackets, comments, the Sid and a plain Allow are omitted; the rest keeps its relative indentation."""
    assert excerpt_lines(within(tmp_path, content, start, end)) == lines


def test_long_statement_is_reduced_to_relevant_lines(tmp_path: Path) -> None:
    """Of a long list of actions, only those about roles are shown."""
    actions = "".join(f'      "s3:Action{number}",\n' for number in range(40))
    content = f'{{\n  "Action": [\n{actions}      "iam:PassRole"\n  ],\n  "Resource": "*"\n}}'
    lines = excerpt_lines(within(tmp_path, content, "{", "\n}"))
    assert lines == ['"Action": [', "    …", '    "iam:PassRole"', "],", '"Resource": "*"']


def test_long_list_is_cut_within_its_brackets(tmp_path: Path) -> None:
    """Hundreds of roles end after a few of them with an ellipsis, and the list is closed."""
    roles = "".join(f'    "arn:aws:iam::111122223333:role/app-{number}",\n' for number in range(300))
    lines = excerpt_lines(within(tmp_path, f'{{\n  "Resource": [\n{roles}  ]\n}}', "{", "\n}"))
    assert [line.strip()[:9] for line in lines] == ['"Resource', *['"arn:aws:'] * 3, "…", "]"]


def long_statement(layout: str) -> str:
    """Return a statement with 50 actions, 100 resources and two conditions."""
    actions = [*(f"ec2:Get{number}" for number in range(25)), "iam:PassRole", *(f"s3:Get{n}" for n in range(24))]
    resources = [f"arn:aws:iam::111122223333:role/app-{number}" for number in range(99)]
    resources.insert(60, "arn:aws:iam::444455556666:role/other")
    services = [f"service-{number}.amazonaws.com" for number in range(4)]
    region = {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}
    statement = {
        "Action": actions,
        "Resource": resources,
        "Condition": {
            "StringEquals": {**region, "iam:PassedToService": services},
            "Bool": {"aws:ViaAWSService": "true"},
        },
    }
    if layout == "yaml":
        return yaml.safe_dump(statement, sort_keys=False)
    if layout == "json":
        return json.dumps(statement, indent=2)
    arguments = {"actions": actions, "resources": resources}
    lines = [f"{name} = {json.dumps(words, indent=2)}" for name, words in arguments.items()]
    for key, words in (("aws:RequestedRegion", region["aws:RequestedRegion"]), ("iam:PassedToService", services)):
        lines.append(f'condition {{\n  test = "StringEquals"\n  variable = "{key}"\n  values = {json.dumps(words)}\n}}')
    return f"statement {{\n{indent(chr(10).join(lines), '  ')}\n}}"


@pytest.mark.parametrize("layout", ["json", "yaml", "hcl"])
def test_flagged_parts_of_a_long_statement_are_shown(tmp_path: Path, layout: str) -> None:
    """The action that grants, the resource that a message names, and the key that limits services stay; every bracket
    is closed, and cuts are marked."""
    content = long_statement(layout)
    at = within(tmp_path, content, content[:1], content[-1:])
    lines = excerpt_lines(
        replace(at, end_line=content.count("\n") + 1), grant(), "arn:aws:iam::444455556666:role/other is"
    )
    text = "\n".join(lines)
    assert len(lines) <= MAX_LINES
    for flagged in ("iam:PassRole", "arn:aws:iam::444455556666:role/other", "iam:PassedToService"):
        assert flagged in text
    assert "…" in text
    assert [text.count(bracket) for bracket in "[{("] == [text.count(bracket) for bracket in "]})"]


def test_two_conditions_are_shown_with_their_brackets(tmp_path: Path) -> None:
    """Blocks of Terraform are shown as they are written, closed."""
    conditions = "".join(
        f'    condition {{\n      test     = "StringEquals"\n      variable = "{key}"\n      values   = ["x"]\n    }}\n'
        for key in ("iam:PassedToService", "aws:ResourceTag/team")
    )
    content = f'  statement {{\n    actions   = ["iam:PassRole"]\n    resources = ["*"]\n{conditions}  }}'
    lines = excerpt_lines(within(tmp_path, content, "statement", "\n  }"))
    assert lines == dedent("\n".join(content.split("\n")[1:-1])).split("\n")


def test_lists_are_joined_before_anything_is_left_out(tmp_path: Path) -> None:
    """Short lists that a formatter has spread over many lines are put on one line."""
    statement = {
        "Action": ["iam:GetRole", "iam:PassRole", "ecs:RunTask"],
        "Resource": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"],
        "Condition": {"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}},
    }
    lines = excerpt_lines(within(tmp_path, json.dumps(statement, indent=2), "{", "\n}"), grant())
    assert lines == [
        '"Action": ["iam:GetRole", "iam:PassRole", "ecs:RunTask"],',
        '"Resource": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"],',
        '"Condition": { "StringEquals": { "iam:PassedToService": ["ecs-tasks.amazonaws.com"] } }',
    ]


def test_long_line_is_cut_around_what_is_flagged(tmp_path: Path) -> None:
    """Of fifty actions on one line the first and the one that grants are shown."""
    actions = ", ".join(f'"ec2:Describe{number}"' for number in range(50))
    content = f'  statement {{\n    actions = [{actions}, "iam:PassRole"]\n    resources = ["*"]\n  }}'
    first, second = excerpt_lines(within(tmp_path, content, "statement", "\n  }"), grant())
    assert first == 'actions = ["ec2:Describe0", … "iam:PassRole"]'
    assert second == 'resources = ["*"]'


@pytest.mark.parametrize("bracket", ["{", "[", "- x:"])
def test_deeply_nested_statement_is_shortened(tmp_path: Path, bracket: str) -> None:
    """Thousands of levels of indentation exhaust neither the stack nor the time."""
    content = "\n".join(f"{' ' * depth}{bracket}" for depth in range(3000))
    lines = excerpt_lines(Position(str(within(tmp_path, content, bracket, bracket).file), 1, 1, 3000, 1), grant())
    assert 0 < len(lines) <= MAX_LINES


def test_one_line_document_is_described(tmp_path: Path) -> None:
    """A plan or minified template has no readable lines: the grant is described instead."""
    content = "{" + '"a": 1, ' * 100 + "}"
    at = within(tmp_path, content, "{", "}")
    assert excerpt_lines(at, grant()) == ["Allow iam:PassRole on arn:aws:iam::111122223333:role/app-*"]
    (line,) = excerpt_lines(at)
    assert len(line) == MAX_COLUMNS


def test_policy_in_a_json_string_is_unescaped(tmp_path: Path) -> None:
    """Quotation marks that a plan escapes are shown unescaped."""
    content = '"policy": "{\\"Action\\":\\"iam:PassRole\\"}"'
    assert excerpt_lines(within(tmp_path, content, "{", "}")) == ['{"Action":"iam:PassRole"}']


def test_windows_line_breaks_in_a_json_string_are_normalized(tmp_path: Path) -> None:
    """A policy from a Windows file shows no carriage return."""
    content = json.dumps({"policy": '{\r\n  "Action": "iam:PassRole",\r\n  "Resource": "*"\r\n}'})
    lines = excerpt_lines(within(tmp_path, content, "{\\r", "\\n}"))
    assert lines == ['"Action": "iam:PassRole",', '"Resource": "*"']


def test_missing_or_shorter_file_is_no_error(tmp_path: Path) -> None:
    """Without the file's lines, the grant is described; without a grant, the excerpt is empty."""
    missing = Position(str(tmp_path / "missing"), 3, 1, 5, 2)
    assert excerpt_lines(missing) == []
    assert excerpt_lines(missing, grant()) == ["Allow iam:PassRole on arn:aws:iam::111122223333:role/app-*"]
    (tmp_path / "short").write_text("x\n", "utf-8")
    assert excerpt_lines(Position(str(tmp_path / "short"), 9, 1, 12, 1)) == []


def test_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    """A server shows what a file contains now, on the disk or in an editor."""
    at = within(tmp_path, 'Action = "iam:PassRole"\n', "Action", '"iam:PassRole"')
    assert excerpt_lines(at) == ['Action = "iam:PassRole"']
    Path(at.file).write_text('Action = "iam:GetRole" \n', "utf-8")
    assert excerpt_lines(at) == ['Action = "iam:GetRole"']
    with reading_texts({at.file: 'Action = "iam:*"'}):
        assert excerpt_lines(at) == ['Action = "iam:*"']


def test_form_feeds_are_no_line_ends(tmp_path: Path) -> None:
    """Lines are counted as parsers do: by line feeds, not by other Unicode separators."""
    content = 'a = "\x0c\u2028"\nActions = "*"\n'
    assert excerpt_lines(within(tmp_path, content, "Actions", '"*"')) == ['Actions = "*"']


def test_granting_action_of_a_long_list_is_shown(tmp_path: Path) -> None:
    """Among dozens of actions of the same service, the excerpt keeps the one that grants, and the roles."""
    many = "".join(f'    "iam:Get{number}",\n' for number in range(30))
    content = f'  actions = [\n{many}    "iam:PassRole",\n{many}  ]\n  resources = ["*"]\n'
    at = within(tmp_path, content, "actions", '["*"]')
    assert excerpt_lines(at, grant()) == ["actions = [", "  …", '  "iam:PassRole",', "  …", "]", 'resources = ["*"]']


def test_document_in_json_keeps_its_line_breaks(tmp_path: Path) -> None:
    """A policy document embedded as a string in JSON is shown with its original line breaks."""
    policy = '{\n  "Action": "iam:*",\n  "Resource": "*"\n}'
    content = '{"policy": ' + json.dumps(policy) + "}"
    at = within(tmp_path, content, "{\\n", "\\n}")
    assert excerpt_lines(at, grant()) == ['"Action": "iam:*",', '"Resource": "*"']


def test_long_line_is_sliced_without_copying_it(tmp_path: Path) -> None:
    """A plan is one line with hundreds of statements: the cost of each excerpt is independent of its length."""
    statement = '{"Action": "iam:PassRole"}'
    at = within(tmp_path, "[" + "0," * 2_000_000 + statement + "]", '{"Action', "}")
    assert excerpt_lines(at) == [statement]
    tracemalloc.start()
    try:
        excerpt_lines(at)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_unset_attributes_of_a_plan_are_omitted(tmp_path: Path) -> None:
    """Null and empty attributes of a data document in a plan are omitted."""
    block = {"actions": ["iam:PassRole"], "condition": [], "not_actions": None, "resources": [None], "sid": ""}
    content = json.dumps({"statement": [block]}, indent=1)
    lines = excerpt_lines(within(tmp_path, content, '{\n   "actions', "}\n"))
    assert [line.strip() for line in lines] == ['"actions": [', '"iam:PassRole"', "],", '"resources": [', "null", "],"]


def test_lines_of_a_large_file_are_read_when_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The excerpt is that of a small file, and the file is not kept in memory."""
    content = "[\n" + "0,\n" * 400_000 + '{\n  "Action": "iam:PassRole",\n  "Resource": "ärn*"\n}\r\n]\n'
    expected = excerpt_lines(within(tmp_path, content, '{\n  "Action', "}\r"), grant())
    monkeypatch.setattr("passrole_checks.output.excerpt.LARGEST_TEMPLATE", 1000)
    (tmp_path / "large").mkdir()
    at = within(tmp_path / "large", content, '{\n  "Action', "}\r")
    tracemalloc.start()
    try:
        assert excerpt_lines(at, grant()) == expected
        assert tracemalloc.get_traced_memory()[0] < 5_000_000
    finally:
        tracemalloc.stop()


@given(
    st.lists(st.text("aä€𝄞 \r\t", max_size=12), min_size=1, max_size=6).map("\n".join),
    st.booleans(),
    st.integers(3, 9),
    st.data(),
)
def test_part_of_a_large_file_is_that_of_its_line(
    content: str, with_mark: bool, piece: int, data: st.DataObject
) -> None:
    """A plan of one line is not kept in memory: its statements are found by their columns."""
    lines = content.split("\n")
    line = data.draw(st.integers(0, len(lines)))
    start = data.draw(st.integers(0, 14))
    end = data.draw(st.none() | st.integers(start, 14))
    written = content.encode("utf-8-sig" if with_mark else "utf-8")
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = Path(folder, "plan.json")
        file.write_bytes(written)
        patch.setattr(excerpt, "_PIECE", piece)
        with file.open("rb") as stream:
            large = excerpt._LargeFile(str(file), stream)
        expected = excerpt._SmallFile(tuple(lines)).part(line, start, end)
        assert large.part(line, start, end).removesuffix("\n") == expected
