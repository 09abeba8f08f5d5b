"""Comparing the units that differ once more, with another new version."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, VARIABLE, policy

from passrole_checks.diff import AccessDifference, Side, compare_versions
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.model.configuration import NO_INPUTS

ROLES = "arn:aws:iam::111122223333:role/app-*"
BEFORE = {
    "a/main.tf": policy(FROM_VARIABLE), "a/variables.tf": VARIABLE % ROLES, "b/main.tf": policy(ANY),
    "c/main.tf": 'module "m" {\n  source = "../mod"\n  roles  = "x"\n}\n', "mod/main.tf": policy(FROM_VARIABLE),
    "mod/variables.tf": VARIABLE % ROLES,
}  # fmt: skip
AFTER = {**BEFORE, "a/variables.tf": VARIABLE % "*", "a/more.tf": policy(OPEN, name="more")}


def put(folder: Path, files: dict[str, str]) -> Side:
    (folder / ".git").mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return Side(folder, NO_INPUTS, sealed=True)


def told(found: AccessDifference) -> tuple[object, ...]:
    """Return a difference without what only one of the two ways reports."""
    assert found.scans is not None
    groups = [
        [(one.grant.grant.at, one.grant.resource.address, one.grant.principals, one.message) for one in group]
        for group in (found.new, found.widened, found.narrowed, found.removed)
    ]
    findings = [{(one.fingerprint, one.at, one.severity) for one in scan.findings} for scan in found.scans]
    return (*groups, *({one for one in side if "/a/" in one[1].file} for side in findings))


@pytest.mark.parametrize(
    "tried",
    [
        {},
        {"a/variables.tf": VARIABLE % ROLES},
        {"a/more.tf": policy(APP, name="more")},
        {"a/more.tf": "# nothing\n"},
        {"a/main.tf": policy(ANY), "a/more.tf": policy(ANY, name="more")},
    ],
)
def test_partial_comparison_equals_a_full_one(tmp_path: Path, tried: dict[str, str]) -> None:
    """Comparing only the changed units with another version gives the result of a full comparison, with paths of the
    new version.
    """
    old, new = put(tmp_path / "old", BEFORE), put(tmp_path / "new", AFTER)
    names = [("a/variables.tf", "a/variables.tf"), (None, "a/more.tf")]
    found = compare_versions(old, new, ScanOptions(), changed=names, trusted=False, with_scans=True)
    other = put(tmp_path / "other", {**AFTER, **tried})
    assert found.touched is not None
    again = found.touched.compare_with(other.path)
    assert again is not None
    shutil.rmtree(new.path)
    afresh = put(tmp_path / "new", {**AFTER, **tried})
    whole = compare_versions(old, afresh, ScanOptions(), changed=names, trusted=False, with_scans=True)
    assert told(again) == told(whole)
    assert [path.relative_to(new.path).as_posix() for path, _ in found.touched.read.units] == ["a"]


def test_unreadable_replacement_returns_none(tmp_path: Path) -> None:
    """A template that is broken in the other version gives no difference."""
    template = "Resources:\n  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: %s}}}\n"
    old, new = put(tmp_path / "old", {"a.yaml": template % "[]"}), put(tmp_path / "new", {"a.yaml": template % "[{}]"})
    found = compare_versions(old, new, ScanOptions(), changed=[("a.yaml", "a.yaml")], with_scans=True)
    assert found.touched is not None
    assert found.touched.compare_with(new.path) is not None
    assert found.touched.compare_with(put(tmp_path / "other", {"a.yaml": "Resources: ["}).path) is None


def test_units_are_kept_only_if_both_versions_are_scanned(tmp_path: Path) -> None:
    """A comparison alone keeps no units."""
    old, new = put(tmp_path / "old", BEFORE), put(tmp_path / "new", AFTER)
    assert compare_versions(old, new, ScanOptions()).touched is None


def test_a_new_example_repeats_the_access_of_an_unchanged_one(tmp_path: Path) -> None:
    """The example that has the access already is compared, though only the new one is read again."""
    call = 'module "m" {\n  source = "../.."\n}\n'
    role = 'resource "aws_iam_role" "r" {\n  assume_role_policy = "{}"\n}\n'
    passes = '{ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }'
    own = f'resource "aws_iam_role_policy" "p" {{\n  role   = aws_iam_role.r.id\n  policy = jsonencode({passes})\n}}\n'
    before = {"main.tf": role + own, "examples/first/main.tf": call}
    after = {**before, "examples/second/main.tf": call}
    old, new = put(tmp_path / "old", before), put(tmp_path / "new", after)
    names = [(None, "examples/second/main.tf")]
    difference = compare_versions(old, new, ScanOptions(), changed=names, with_scans=True)
    other = put(tmp_path / "other", {**after, "examples/second/main.tf": f"# tried\n{call}"})
    assert difference.touched is not None
    again = difference.touched.compare_with(other.path)
    assert again is not None
    for one in (difference, again):
        assert not one.new
        assert {(change.grant.principals, change.repeats) for change in one.moved} == {
            (("module.m.aws_iam_role.r",), "examples/first")
        }
