"""Statements in every layout of a language, made at random: what is wished is said then, and all else as before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edits_of_tests import AT, Workshop, framed
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

Draw = Callable[[st.SearchStrategy[Any]], Any]

ARNS = [f"arn:aws:iam::111122223333:role/{name}" for name in ("app", "batch", "x-*", "*", "größe/ä")]
KEYS = ["iam:PassedToService", "IAM:passedtoservice", "aws:RequestedRegion", "iam:ResourceTag/team", "aws:SourceVpc"]
OPERATORS = ["StringEquals", "StringLike", "StringEqualsIfExists", "ForAnyValue:StringEquals"]
SERVICES = ["ec2.amazonaws.com", "lambda.amazonaws.com", "glue.amazonaws.com"]

one_or_more = st.one_of(
    st.sampled_from(ARNS), st.lists(st.sampled_from(ARNS), min_size=1, max_size=4, unique=True)
)  # fmt: skip
values = st.one_of(st.sampled_from(SERVICES), st.lists(st.sampled_from(SERVICES), min_size=1, max_size=3, unique=True))
operators = st.dictionaries(
    st.sampled_from(KEYS), values, min_size=1, max_size=3
).filter(lambda found: len({key.lower() for key in found}) == len(found))  # fmt: skip
changes = st.builds(
    StatementChange,
    roles=st.one_of(
        st.none(),
        st.lists(st.sampled_from(ARNS), min_size=1, max_size=3, unique=True).map(
            lambda found: tuple(TargetRole("", StringNode((one,), AT)) for one in found)
        ),
    ),
    services=st.one_of(st.none(), st.lists(st.sampled_from(SERVICES), min_size=1, max_size=2, unique=True).map(tuple)),
    drop=st.sampled_from([(), ("iam:resourcetag/team",)]),
    get_role=st.booleans(),
)


@st.composite
def statements(draw: Draw) -> dict[str, Any]:
    """A statement about PassRole, its elements in any order."""
    parts: dict[str, Any] = {
        "Effect": "Allow",
        "Action": draw(st.sampled_from(["iam:PassRole", ["iam:PassRole"], ["s3:GetObject", "iam:PassRole"]])),
        "Resource": draw(one_or_more),
    }
    if draw(st.booleans()):
        parts["Sid"] = "Größe" if draw(st.booleans()) else "A1"
    if draw(st.booleans()):
        parts["Condition"] = draw(st.dictionaries(st.sampled_from(OPERATORS), operators, min_size=1, max_size=3))
    return {name: parts[name] for name in draw(st.permutations(sorted(parts)))}


def wished(statement: dict[str, Any], change: StatementChange) -> dict[str, Any]:
    """Return the target statement, its strings as lists."""
    found = {name: value for name, value in statement.items() if name != "Condition"}
    if change.roles is not None:
        found["Resource"] = [str(role.arn) for role in change.roles]
    if change.get_role:
        found["Action"] = [*_list(found["Action"]), "iam:GetRole"]
    gone = {key.lower() for key in change.drop} | ({"iam:passedtoservice"} if change.services else set())
    condition = {
        operator: {key: value for key, value in keys.items() if key.lower() not in gone}
        for operator, keys in statement.get("Condition", {}).items()
    }
    if change.services:
        condition.setdefault("StringEquals", {})["iam:PassedToService"] = list(change.services)
    condition = {operator: keys for operator, keys in condition.items() if keys}
    if condition:
        found["Condition"] = condition
    return {name: _sorted(value) for name, value in found.items()}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    return sorted(_list(value))


def _value(node: Node) -> Any:
    if isinstance(node, ObjectNode):
        return {str(entry.key): _value(entry.value) for entry in node.entries}
    return [str(item) for item in node.items] if isinstance(node, ListNode) else str(node)


def said(workshop: Workshop) -> dict[str, Any]:
    """Return the content of the statement in the folder."""
    statement = workshop.located().grant.statement
    found = {
        "Sid": statement.sid,
        "Effect": statement.effect,
        "Action": [str(one) for one in statement.actions or ()],
        "Resource": [str(one) for one in statement.resources or ()],
        "Condition": _value(statement.condition) if statement.condition is not None else None,
    }
    return {name: _sorted(value) for name, value in found.items() if value is not None}


class Layout:
    """Writes values in layouts that are drawn."""

    def __init__(self, draw: Draw, unit: str, break_: str) -> None:
        self.draw, self.unit, self.break_ = draw, unit, break_

    def one_of(self, *options: str) -> str:
        return str(self.draw(st.sampled_from(options)))

    def hcl(self, value: Any, indent: str) -> str:
        """Objects with or without commas, on one line or many, with comments."""
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        colon, quoted = self.one_of(" = ", ": ", " : "), self.draw(st.booleans())
        if isinstance(value, dict):
            members = [
                f"{key if not quoted and key.isalpha() else json.dumps(key)}{colon}{self.hcl(one, indent + self.unit)}"
                for key, one in value.items()
            ]
            opening, closing = "{", "}"
        else:
            members, opening, closing = [self.hcl(one, indent + self.unit) for one in value], "[", "]"
        if self.draw(st.booleans()) and not any("\n" in one for one in members):
            pad = self.one_of("", " ")
            return f"{opening}{pad}{', '.join(members)}{self.one_of('', ',') if closing == ']' else ''}{pad}{closing}"
        comma = "," if closing == "]" else self.one_of("", ",")
        last = self.one_of("", comma)
        lines = [opening]
        for number, member in enumerate(members):
            if self.draw(st.booleans()):
                lines.append(indent + self.unit + self.one_of("# é 🙂, ]", "// }", "/* , */"))
            end = comma if number < len(members) - 1 else last
            lines.append(
                indent + self.unit + member + end + self.one_of("", " # a comment, 日本", " // b ]", " /* c */")
            )
        return self.break_.join([*lines, indent + closing])

    def json(self, value: Any, indent: str) -> str:
        """Objects and lists on one line or many."""
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=self.draw(st.booleans()))
        colon = self.one_of(": ", ":", " : ")
        if isinstance(value, dict):
            members = [f"{json.dumps(key)}{colon}{self.json(one, indent + self.unit)}" for key, one in value.items()]
            opening, closing = "{", "}"
        else:
            members, opening, closing = [self.json(one, indent + self.unit) for one in value], "[", "]"
        if self.draw(st.booleans()):
            pad = self.one_of("", " ")
            return f"{opening}{pad}{self.one_of(',', ', ').join(members)}{pad}{closing}"
        inner = f",{self.break_}{indent}{self.unit}".join(members)
        return f"{opening}{self.break_}{indent}{self.unit}{inner}{self.break_}{indent}{closing}"

    def yaml(self, value: Any, indent: str, *, flow: bool = False) -> str:
        """Return block or flow style: the text after the colon or the dash, its line break included."""
        if isinstance(value, str):
            return self._scalar(value, flow)
        if flow or self.draw(st.booleans()):
            pad = self.one_of("", " ")
            if isinstance(value, dict):
                inner = [f"{self._scalar(key, True)}: {self.yaml(one, '', flow=True)}" for key, one in value.items()]
                return f"{{{pad}{', '.join(inner)}{pad}}}"
            return f"[{pad}{', '.join(self.yaml(one, '', flow=True) for one in value)}{pad}]"
        if isinstance(value, dict):
            return self.break_ + self.break_.join(self._entries(value, indent + self.unit))
        column = indent + self.one_of("", self.unit)
        return self.break_ + self.break_.join(
            f"{self._comment(column)}{column}- {self.yaml(one, column + '  ')}{self._behind()}" for one in value
        )

    def _entries(self, value: dict[str, Any], indent: str) -> list[str]:
        lines = []
        for key, one in value.items():
            written = self.yaml(one, indent)
            behind = "" if written.startswith(("\n", "\r")) else self._behind()
            blank = "" if written.startswith(("\n", "\r")) else " "
            lines.append(f"{self._comment(indent)}{indent}{self._scalar(key, False)}:{blank}{written}{behind}")
        return lines

    def _scalar(self, value: str, flow: bool) -> str:
        plain = value.replace(":", "").replace("/", "").replace(".", "").replace("-", "").isalnum()
        mark = self.one_of("'", '"', "") if plain and not (flow and ":" in value) else self.one_of("'", '"')
        return f"{mark}{value}{mark}"

    def _comment(self, indent: str) -> str:
        return f"{indent}# é: 'x, ]{self.break_}" if self.draw(st.integers(0, 3)) == 0 else ""

    def _behind(self) -> str:
        return self.one_of("", "", " # - b: 日本")


def _check(name: str, text: str, statement: dict[str, Any], change: StatementChange) -> None:
    note(text)
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        workshop.write(name, text)
        assert said(workshop) == wished(statement, StatementChange())
        after = workshop.edited(name, text, change)
        note(after)
        assert said(workshop) == wished(statement, change)


_SETTINGS = settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow])


@_SETTINGS
@given(st.data(), statements(), changes, st.sampled_from(["  ", "\t", "    "]), st.sampled_from(["\n", "\r\n"]))
def test_objects_of_hcl(
    data: st.DataObject, statement: dict[str, Any], change: StatementChange, unit: str, end: str
) -> None:
    """With commas or without, on one line or many, between comments."""
    written = Layout(data.draw, unit, end).hcl(statement, unit)
    document = f'jsonencode({{ "ä" = 1, Version = "2012-10-17", Statement = [{written}] }})'
    _check("main.tf", f'resource "aws_iam_policy" "p" {{{end}{unit}policy = {document}{end}}}{end}', statement, change)


@_SETTINGS
@given(st.data(), statements(), changes, st.sampled_from(["  ", "\t", "    "]), st.sampled_from(["\n", "\r\n"]))
def test_json(data: st.DataObject, statement: dict[str, Any], change: StatementChange, unit: str, end: str) -> None:
    """Compact or spread out, in a template and in a heredoc."""
    written = Layout(data.draw, unit, end).json(statement, "")
    if data.draw(st.booleans()):
        _check("template.json", framed("statements.json", "S").replace("S\n", written + end), statement, change)
    else:
        document = f'{{"Version": "2012-10-17", "Statement": {written}}}'
        text = f'resource "aws_iam_policy" "p" {{{end}  policy = <<EOF{end}{document}{end}EOF{end}}}{end}'
        _check("main.tf", text, statement, change)


@_SETTINGS
@given(st.data(), statements(), changes, st.sampled_from([" ", "  ", "    "]), st.sampled_from(["\n", "\r\n"]))
def test_yaml(data: st.DataObject, statement: dict[str, Any], change: StatementChange, unit: str, end: str) -> None:
    """In block style, in flow style, and mixed; with comments, in any indentation."""
    layout = Layout(data.draw, unit, end)
    if data.draw(st.booleans()):
        written = "- " + layout.yaml(statement, "", flow=True)
    else:
        first, *rest = f"{end}".join(layout._entries(statement, "  ")).split(end)
        if first.lstrip().startswith("#"):
            written = end.join(["-", first, *rest])
        else:
            written = end.join(["- " + first[2:], *rest])
    text = framed("statements.yaml", "S").replace("\n", end)
    text = text.replace(f"        S{end}", "".join(f"        {line}{end}" for line in written.split(end)))
    _check("template.yaml", text, statement, change)


@_SETTINGS
@given(st.data(), statements(), changes, st.sampled_from(["  ", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_statement_blocks(
    data: st.DataObject, statement: dict[str, Any], change: StatementChange, unit: str, end: str
) -> None:
    """Attributes and conditions in any order, between comments and empty lines."""
    layout = Layout(data.draw, unit, end)
    names = {"Sid": "sid", "Effect": "effect", "Action": "actions", "Resource": "resources"}
    parts = []
    for name, value in statement.items():
        if name != "Condition":
            listed = value if name in ("Sid", "Effect") else _list(value)
            parts.append(f"{unit * 2}{names[name]} = {layout.hcl(listed, unit * 2)}")
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            inner = [f'test = "{operator}"', f'variable   = "{key}"', f"values = {layout.hcl(_list(value), unit * 3)}"]
            inside = "".join(f"{unit * 3}{line}{end}" for line in data.draw(st.permutations(inner)))
            parts.append(f"{unit * 2}condition {{{end}{inside}{unit * 2}}}")
    written = "".join(
        data.draw(st.sampled_from(["", end, f"{unit * 2}# é }}{end}"])) + part + layout.one_of("", " # x") + end
        for part in data.draw(st.permutations(parts))
    )
    text = f'data "aws_iam_policy_document" "p" {{{end}{unit}statement {{{end}{written}{unit}}}{end}}}{end}'
    policy = f'resource "aws_iam_policy" "p" {{{end}{unit}policy = data.aws_iam_policy_document.p.json{end}}}{end}'
    _check("main.tf", text + policy, statement, change)


@_SETTINGS
@given(st.data(), statements(), changes, st.sampled_from(["  ", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_statement_blocks_in_json(
    data: st.DataObject, statement: dict[str, Any], change: StatementChange, unit: str, end: str
) -> None:
    """A condition alone or in a list, elements in any order."""
    layout = Layout(data.draw, unit, end)
    names = {"Sid": "sid", "Effect": "effect", "Action": "actions", "Resource": "resources"}
    parts: dict[str, Any] = {}
    for name, value in statement.items():
        if name != "Condition":
            parts[names[name]] = value if name in ("Sid", "Effect") else _list(value)
            continue
        conditions = [
            {"test": operator, "variable": key, "values": _list(inner)}
            for operator, keys in value.items()
            for key, inner in keys.items()
        ]
        alone = len(conditions) == 1 and data.draw(st.booleans())
        parts["condition"] = conditions[0] if alone else conditions
    document = f'"p": {{"statement": {layout.json(parts, "")}}}'
    policy = '"resource": {"aws_iam_policy": {"p": {"policy": "${data.aws_iam_policy_document.p.json}"}}}'
    _check("main.tf.json", f'{{"data": {{"aws_iam_policy_document": {{{document}}}}}, {policy}}}', statement, change)
