"""Helpers for tests of edits: configurations in a folder, changes in words, and the resulting text."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, UnresolvedKind, join
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.suggest.edits import apply_edits, edits_for
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

AT = Position("", 1)
_HOLES = {
    "{account}": Unresolved("account id", UnresolvedKind.ACCOUNT_ID),
    "{partition}": Unresolved("partition", UnresolvedKind.PARTITION),
}
_TRUST = (
    '{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}'
)

ROLES_TF = "".join(
    f'resource "aws_iam_role" "{name}" {{\n  name               = "{name}"\n'
    f"  assume_role_policy = jsonencode({_TRUST.replace(':', ' :').replace('sts :', 'sts:')})\n}}\n"
    for name in ("app", "batch", "admin")
)
_ROLES_YAML = "".join(
    f"  {name}:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {_TRUST}\n"
    for name in ("App", "Batch", "Admin")
)
_ROLES_JSON = "".join(
    f'    "{name}": {{"Type": "AWS::IAM::Role", "Properties": {{"AssumeRolePolicyDocument": {_TRUST}}}}},\n'
    for name in ("App", "Batch", "Admin")
)
_POLICY_YAML = "  Policy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:"

FRAMES = {
    "statements.yaml": f"Parameters:\n  Prefix: {{Type: String}}\nResources:\n{_ROLES_YAML}{_POLICY_YAML}\n"
    "        Version: '2012-10-17'\n        Statement:\n        @@@\n",
    "document.yaml": f"Resources:\n{_ROLES_YAML}{_POLICY_YAML}\n        @@@\n",
    "statements.json": '{\n  "Resources": {\n' + _ROLES_JSON + '    "Policy": {\n'
    '      "Type": "AWS::IAM::ManagedPolicy",\n'
    '      "Properties": {\n        "PolicyDocument": {\n          "Version": "2012-10-17",\n          "Statement": [\n'
    "            @@@\n          ]\n        }\n      }\n    }\n  }\n}\n",
}  # fmt: skip
"""Files around a text: by the name of the file, with ``@@@`` in its place."""


def role(address: str) -> TargetRole:
    """A role of the same module or template."""
    return TargetRole(address, StringNode(("arn:", *_HOLES.values(), f":role/{address}"), AT))


def arn(words: str) -> TargetRole:
    """Roles by ARN, with ``{account}`` and ``{partition}``, and ``{other}`` for any other expression."""
    parts = [
        _HOLES.get(part, Unresolved(part[1:-1])) if part.startswith("{") else part
        for part in re.split(r"(\{[^}]*\})", words)
    ]
    return TargetRole("", StringNode(join(parts), AT))


def change(words: str) -> StatementChange:
    """``roles: aws_iam_role.app, arn:…; services: ec2.amazonaws.com; drop: aws:ResourceTag/x; get_role``; also
    ``name_action`` and ``only_roles``.
    """
    found: dict[str, list[str]] = {}
    for part in words.split(";"):
        name, _, values = part.strip().partition(":")
        found[name.strip()] = [value.strip() for value in values.split(",") if value.strip()]
    assert set(found) <= {"roles", "services", "drop", "get_role", "name_action", "only_roles"}, words
    return StatementChange(
        roles=tuple(arn(one) if one.startswith("arn:") else role(one) for one in found["roles"])
        if "roles" in found
        else None,
        services=tuple(found["services"]) if "services" in found else None,
        drop=tuple(found.get("drop", ())),
        get_role="get_role" in found,
        only_roles="only_roles" in found,
        name_action="name_action" in found,
    )


def framed(name: str, text: str) -> str:
    """A text in the frame of this name; the whole file where there is none."""
    if name not in FRAMES:
        return text
    before, after = FRAMES[name].split("@@@")
    indent = before.rpartition("\n")[2]
    return before[: len(before) - len(indent)] + textwrap.indent(text.rstrip("\n"), indent) + after


def unframed(name: str, text: str) -> str:
    """The other way round."""
    if name not in FRAMES:
        return text
    before, after = FRAMES[name].split("@@@")
    indent = before.rpartition("\n")[2]
    before = before[: len(before) - len(indent)]
    assert text.startswith(before) and text.endswith(after), text
    inside = text[len(before) : len(text) - len(after)]
    return "".join(line.removeprefix(indent) for line in inside.splitlines(keepends=True)) + "\n"


class Workshop:
    """Writes files into a folder, reads the one statement about PassRole in them, and edits it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        """Write a file, its line breaks as they are."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(text.encode("utf-8"))

    @staticmethod
    def read(file: str) -> str:
        """The text of a file, its line breaks as they are."""
        return Path(file).read_bytes().decode("utf-8")

    def located(self) -> LocatedGrant:
        """The one statement about PassRole."""
        result = scan_paths([self.folder], ScanOptions())
        assert not result.unreadable, result.unreadable
        assert len({one.grant.at for one in result.grants}) == 1, [one.grant.at for one in result.grants]
        return result.grants[0]

    def edited(self, name: str, text: str, wanted: StatementChange) -> str:
        """The text of a file after its edits, or the reason why there are none. A second time there are no edits."""
        self.write(name, text)
        if name.endswith((".tf", ".tf.json")) and not (self.folder / "roles.tf").exists():
            self.write("roles.tf", ROLES_TF)
        edits = edits_for(self.located(), wanted, self.read)
        if isinstance(edits, str):
            return edits
        assert {Path(edit.file).name for edit in edits} <= {name}
        after = apply_edits(text, edits)
        self.write(name, after)
        assert edits_for(self.located(), wanted, self.read) == ()
        return after
