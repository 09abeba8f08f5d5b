"""Units that no change concerns are read once for both versions, and nothing is lost by it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.diff import AccessDifference, Side, compare_versions
from passrole_checks.diff.read_versions import VersionReader
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.model.configuration import NO_INPUTS, Inputs

ANY, APP = "*", "arn:aws:iam::111122223333:role/app-*"
Files = Mapping[str, "str | None"]


def policy(roles: str, name: str = "pass") -> str:
    return f"""
resource "aws_iam_role_policy" "{name}" {{
  role   = "deployer"
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = {roles} }}] }})
}}
"""


def template(roles: str, more: str = "") -> str:
    return (
        "Parameters:\n  Roles: {Type: String, Default: '*'}\nResources:\n  P:\n    Type: AWS::IAM::Policy\n"
        "    Properties:\n      PolicyName: p\n      Roles: [deployer]\n      PolicyDocument:\n        Statement:\n"
        f"        - {{Effect: Allow, Action: 'iam:PassRole', Resource: {roles}}}\n{more}"
    )


def stack(location: str) -> str:
    return f"  S:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: {location}}}\n"


def module(source: str, name: str = "m") -> str:
    return f'module "{name}" {{\n  source = "{source}"\n}}\n'


BROKEN = 'resource "aws_iam_role" {{{\n'
MANIFEST = """{"Modules": [{"Key": "inst", "Source": "registry.terraform.io/org/name/aws", "Dir": "%s"}]}"""
DOCUMENT = '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "%s"}]}'
READING = f"""
resource "aws_iam_policy" "f" {{
  policy = fileexists("../files/a.json") ? file("../files/a.json") : {DOCUMENT % APP!r}
}}
resource "aws_iam_policy" "all" {{
  for_each = fileset("../files", "*.json")
  policy   = templatefile("../files/${{each.key}}", {{}})
}}
""".replace("'", '"')
READING = READING.replace(f'"{DOCUMENT % APP}"', f"jsonencode({DOCUMENT % APP})")

# what may stand in each file; None: there is no such file
MENU: dict[str, tuple[str | None, ...]] = {
    "a/main.tf": (
        None, policy(f'"{APP}"'), policy(f'"{ANY}"'), policy("var.roles") + 'variable "roles" { default = "*" }',
        module("../m"), module("../n"), module("org/name/aws", "inst"), module("../m") + module("../n", "n"), BROKEN,
    ),
    "a/main_override.tf": (None, policy(f'"{APP}"'), policy("[]")),
    "a/x.tf": (None, "# nothing\n", policy(f'"{ANY}"', "x"), READING, BROKEN),
    "a/x.tofu": (None, "", policy(f'"{APP}"', "x")),
    "a/terraform.tfvars": (None, f'roles = "{APP}"', 'roles = "*"', "roles ="),
    "a/.terraform/modules/modules.json": (None, MANIFEST % "../m", MANIFEST % "../i", "{"),
    "b/main.tf": (None, policy(f'"{APP}"'), module("../m"), module("../a"), READING, "# nothing\n"),
    "c/main.tf": (READING, None),
    "m/main.tf": (None, policy(f'"{APP}"'), policy(f'"{ANY}"'), module("../n"), "# passrole:skip=PASSROLE_001\n"),
    "n/main.tf": (None, policy(f'"{ANY}"'), policy("jsondecode(file(\"${path.module}/../files/b.json\"))")),
    "i/main.tf": (None, policy(f'"{ANY}"')),
    "files/a.json": (None, DOCUMENT % APP, DOCUMENT % ANY, "{"),
    "files/c.json": (None, DOCUMENT % ANY),
    "files/b.json": (None, f'"{APP}"', '"*"'),
    "files/README": (None, "one", "two"),
    "app/outer.yaml": (
        None, template("!Ref Roles"), template(f"'{APP}'"), template("!Ref Roles", stack("inner.yaml")),
        template("'*'", stack("../other/inner.yaml")), template("'*'", "  X:\n  - broken: [\n"),
        template("'*'", "  'Fn::Transform': {Name: AWS::Include, Parameters: {Location: more.yaml}}\n"),
    ),
    "app/inner.yaml": (None, template(f"'{APP}'"), template("'*'"), "not: a template\n"),
    "app/more.yaml": (None, "R: {Type: AWS::IAM::Role, Properties: {}}\n", "[", template("'*'")),
    "other/inner.yaml": (None, template("'*'"), template(f"'{APP}'")),
    "values.tfvars": (None, f'roles = "{APP}"', 'roles = "*"'),
}  # fmt: skip


@st.composite
def versions(draw: st.DrawFn) -> tuple[Files, Files]:
    """A repository, and the same with a few files added, changed or gone."""
    old = {name: draw(st.sampled_from(contents)) for name, contents in MENU.items()}
    changed = draw(st.lists(st.sampled_from(sorted(MENU)), max_size=3, unique=True))
    return old, {**old, **{name: draw(st.sampled_from(MENU[name])) for name in changed}}


class Tree:
    """Two versions as sealed folders, and what differs between them."""

    def __init__(self, top: str, old: Files, new: Files) -> None:
        self.sides = []
        for name, files in (("old", old), ("new", new)):
            root = Path(os.path.realpath(top)) / name
            (root / ".git").mkdir(parents=True)
            for path, content in files.items():
                if content is not None:
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / path).write_text(content, "utf-8")
            self.sides.append(Side(root, NO_INPUTS, sealed=True))
        before, after = ({path for path, text in files.items() if text is not None} for files in (old, new))
        self.changed = [
            (path if path in before else None, path if path in after else None)
            for path in sorted(before | after)
            if old.get(path) != new.get(path)
        ]

    def difference(self, *names: str) -> AccessDifference:
        given = [Inputs(var_files=tuple(side.path / name for name in names)) for side in self.sides]
        old, new = (Side(side.path, inputs, sealed=True) for side, inputs in zip(self.sides, given, strict=True))
        return compare_versions(old, new, ScanOptions(), changed=self.changed, trusted=False, with_scans=True)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(versions(), st.sampled_from([(), ("values.tfvars",)]))
def test_shared_reading_loses_nothing(files: tuple[Files, Files], values: tuple[str, ...]) -> None:
    """Reading a unit once for both versions gives the same difference and findings as reading it twice, for all
    repositories and changes.
    """
    with tempfile.TemporaryDirectory() as top:
        tree = Tree(top, *files)
        once = tree.difference(*values)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(VersionReader, "_values", lambda self, number: number)
            twice = tree.difference(*values)
        assert once == twice


WHOLE = {
    "a/main.tf": policy("var.roles") + 'variable "roles" { default = "*" }' + module("../m"),
    "b/main.tf": module("../m"),
    "c/main.tf": READING,
    "m/main.tf": policy(f'"{APP}"'),
    "app/outer.yaml": template("!Ref Roles", stack("inner.yaml")),
    "app/inner.yaml": template("'*'"),
    "other/one.yaml": template("'*'"),
}


def test_list_of_changes_is_not_trusted(tmp_path: Path) -> None:
    """A changed file makes a difference, even if the reported list of changes omits it."""
    tree = Tree(str(tmp_path), WHOLE, {**WHOLE, "m/main.tf": policy('"*"')})
    tree.changed = []
    (change,) = tree.difference().widened
    assert change.grant.resource.address == "module.m.aws_iam_role_policy.pass"


def test_shared_unit_is_reported_for_both_versions(tmp_path: Path) -> None:
    """A unit read once is reported for both versions, with the files of each."""
    tree = Tree(str(tmp_path), {"main.tf": policy('"*"'), "a/x.yaml": template("'*'")}, {"main.tf": policy('"*"')})
    found = tree.difference()
    assert found.scans is not None
    for scan, side, files in zip(found.scans, tree.sides, (["a/x.yaml", "main.tf"], ["main.tf"]), strict=True):
        assert [finding.at.file for finding in scan.findings] == [f"{side.path}/{file}" for file in files]
        assert list(scan.files) == [f"{side.path}/{file}" for file in files]
    assert found.files == tuple(scan.files for scan in found.scans)


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ({}, 6),
        ({"README": "new"}, 6),
        ({"b/main.tf": module("../m") + "# more\n"}, 7),
        ({"m/main.tf": policy('"*"')}, 8),
        ({"m/more.tf": ""}, 8),
        ({"n/main.tf": ""}, 7),
        ({"files/a.json": DOCUMENT % ANY}, 8),  # with the unit of the document itself
        ({"app/inner.yaml": None}, 7),
        ({"app/inner.yaml": template(f"'{APP}'")}, 8),
        ({"a/terraform.tfvars": "roles = 1"}, 7),
        ({"a/.terraform/modules/modules.json": "{}"}, 7),
        ({"other/one.yaml": None, "other/two.yaml": template("'*'")}, 7),
    ],
)
def test_only_affected_units_are_read_again(
    change: Files, read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units are read twice only if they access a file that was changed, added or removed."""
    made: list[VersionReader] = []
    start = VersionReader.__init__

    def starting(self: VersionReader, *arguments: Any, **options: Any) -> None:
        made.append(self)
        start(self, *arguments, **options)

    monkeypatch.setattr(VersionReader, "__init__", starting)
    Tree(str(tmp_path), WHOLE, {**WHOLE, **change}).difference()
    assert [one.unit_reads for one in made] == [read]
