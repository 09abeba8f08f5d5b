"""Properties of the difference of any two templates: none against itself, and two mirrored directions."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.diff import GrantChange, compare_paths
from passrole_checks.scan.scanner import LocatedGrant, ScanOptions

_ROLES = ["*", "role/app-*", "role/app-one", "role/worker", "role/w*"]
_SERVICES = [None, ["lambda.amazonaws.com"], ["lambda.amazonaws.com", "ec2.amazonaws.com"]]


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    role = draw(st.sampled_from(_ROLES))
    found: dict[str, Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"])),
        "Action": draw(st.sampled_from(["iam:PassRole", "iam:*", "s3:*"])),
        "Resource": role if role == "*" else f"arn:aws:iam::111122223333:{role}",
    }
    if services := draw(st.sampled_from(_SERVICES)):
        found["Condition"] = {"StringEquals": {"iam:PassedToService": services}}
    if sid := draw(st.sampled_from(["", "", "One", "Two"])):
        found["Sid"] = sid
    return found


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": draw(st.lists(statements(), min_size=1, max_size=3))}
    if draw(st.booleans()):
        holders = draw(st.lists(st.sampled_from(["deployer", {"Ref": "A"}, {"Ref": "B"}]), min_size=1, max_size=2))
        return {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "p", "PolicyDocument": document, "Roles": holders},
        }
    properties: dict[str, Any] = {"Policies": [{"PolicyName": "p", "PolicyDocument": document}]}
    if name := draw(st.sampled_from(["", "", "deployer", "other"])):
        properties["RoleName"] = name
    return {"Type": "AWS::IAM::Role", "Properties": properties}


templates = st.dictionaries(st.sampled_from("ABC"), resources(), min_size=1, max_size=3)


def has_no_removable_limit(template: dict[str, Any]) -> bool:
    """Return False if a principal may be able to remove a Deny: it counts where it is taken away, not where it is
    added."""
    text = json.dumps(template)
    return '"Deny"' not in text or '"iam:*"' not in text


def written(folder: str, name: str, template: dict[str, Any]) -> Path:
    path = Path(folder) / name
    path.write_text(json.dumps({"Resources": template}, indent=1), "utf-8")
    return path


@settings(max_examples=examples(60))
@given(templates.filter(has_no_removable_limit), templates.filter(has_no_removable_limit))
def test_the_directions_mirror_each_other(first: dict[str, Any], second: dict[str, Any]) -> None:
    """New is removed and widened is narrowed the other way round, for any two templates without removable limits."""
    with tempfile.TemporaryDirectory() as folder:
        old, new = written(folder, "old.json", first), written(folder, "new.json", second)
        there, back = compare_paths(old, new, ScanOptions()), compare_paths(new, old, ScanOptions())
        assert alone(there.new) == alone(back.removed)
        assert alone(there.removed) == alone(back.new)
        assert paired(there.widened) == sorted((two, one) for one, two in paired(back.narrowed))
        assert paired(there.narrowed) == sorted((two, one) for one, two in paired(back.widened))
        assert sorted((new, old) for old, new in there.renamed) == sorted(back.renamed)


@settings(max_examples=examples(30))
@given(templates)
def test_a_template_differs_in_nothing_from_itself(template: dict[str, Any]) -> None:
    """A template, and the same with its keys in another order, have no difference."""
    with tempfile.TemporaryDirectory() as folder:
        turned = dict(reversed(template.items()))
        old, new = written(folder, "old.json", template), written(folder, "new.json", turned)
        found = compare_paths(old, new, ScanOptions())
        assert (found.new, found.widened, found.narrowed, found.removed, found.renamed) == ((), (), (), (), ())


def alone(changes: tuple[GrantChange, ...]) -> list[tuple[Any, ...]]:
    return sorted(place(change.grant) for change in changes)


def paired(changes: tuple[GrantChange, ...]) -> list[tuple[Any, ...]]:
    return sorted((place(change.grant), place(change.before)) for change in changes if change.before is not None)


def place(located: LocatedGrant) -> tuple[Any, ...]:
    at = located.grant.at
    return (
        at.file,
        at.line,
        at.column,
        located.resource.address,
        located.statement_path,
        tuple(sorted(located.principals)),
    )
