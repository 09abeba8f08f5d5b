"""Literal names: a user, a group and a role of one name are three principals, in every kind of input and comparison.

Source: IAM User Guide, "IAM and AWS STS quotas" (names are unique among the entities of their kind); resource pages of
the Terraform Registry, provider ``hashicorp/aws``; AWS CloudFormation Template Reference, AWS::IAM::Policy.
"""

from __future__ import annotations

import json
from dataclasses import fields
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.access.principals import Principals
from passrole_checks.diff import compare_paths
from passrole_checks.findings import Severity
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources import change_set, cloudformation, terraform, terraform_plan
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.model.principal_names import align_principal_names

KINDS = ("role", "user", "group")
INFO = ScanOptions(minimum_severity=Severity.INFO)
Statement = dict[str, Any]


def statement(effect: str, action: str = "iam:PassRole", resource: str = "*") -> Statement:
    return {"Effect": effect, "Action": action, "Resource": resource}


def document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALLOW, DENY = document(statement("Allow")), document(statement("Deny"))
DENY_ALL = document(statement("Deny", "*"))


def inline(kind: str, label: str, policy: dict[str, Any], name: str = "one") -> str:
    """A policy of an existing principal, in Terraform."""
    return (
        f'resource "aws_iam_{kind}_policy" "{label}" {{\n  {kind} = "{name}"\n'
        f"  policy = jsonencode({json.dumps(policy)})\n}}\n"
    )


def template(**policies: tuple[str, dict[str, Any]]) -> str:
    """A template with a policy for each, for the principal ``one`` of a kind."""
    resources = {
        label: {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": label, "PolicyDocument": policy, f"{kind.title()}s": ["one"]},
        }
        for label, (kind, policy) in policies.items()
    }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})


def plan(*resources: tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]) -> str:
    """A plan: type, name, values before and after."""
    changes = [
        {
            "address": f"{kind}.{name}",
            "mode": "managed",
            "type": kind,
            "name": name,
            "change": {
                "actions": ["create" if before is None else "update" if after is not None else "delete"],
                "before": before,
                "after": after,
                "after_unknown": {},
            },
        }
        for kind, name, before, after in resources
    ]
    return json.dumps({"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": changes})


def planned(kind: str, policy: dict[str, Any]) -> dict[str, Any]:
    return {kind: "one", "name": "p", "policy": json.dumps(policy)}


def changes_of(*changes: tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]) -> str:
    """A change set: action, logical id, properties of a policy before and after."""
    entries = []
    for action, label, before, after in changes:
        entry = {"Action": action, "LogicalResourceId": label, "ResourceType": "AWS::IAM::Policy"}
        for key, properties in (("BeforeContext", before), ("AfterContext", after)):
            if properties is not None:
                entry[key] = json.dumps({"Properties": properties})
        entries.append({"Type": "Resource", "ResourceChange": entry})
    return json.dumps({"ChangeSetName": "c", "StackName": "s", "Changes": entries})


def of_policy(kind: str, policy: dict[str, Any]) -> dict[str, Any]:
    return {"PolicyName": "p", "PolicyDocument": policy, f"{kind.title()}s": ["one"]}


def written(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    return folder / name


def found(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Which resource has access to any role (001), and who that is."""
    findings = scan_paths([path], INFO).findings
    return [(one.resource.address, one.principals) for one in findings if one.check_id == "PASSROLE_001"]


@pytest.mark.parametrize(("one", "other"), list(permutations(KINDS, 2)))
def test_deny_for_one_principal_kind_does_not_apply_to_another(tmp_path: Path, one: str, other: str) -> None:
    """A Deny on a principal of another kind with the same name does not apply; the finding names the kind."""
    expected = ((f"one ({one})"),)
    code = written(tmp_path / "tf", "main.tf", inline(one, "a", ALLOW) + inline(other, "b", DENY))
    assert found(code.parent) == [(f"aws_iam_{one}_policy.a", expected)]
    cfn = written(tmp_path, "t.json", template(Allow=(one, ALLOW), Deny=(other, DENY)))
    assert found(cfn) == [("Allow", expected)]
    kinds = ((one, "a", ALLOW), (other, "b", DENY))
    made = plan(*((f"aws_iam_{kind}_policy", label, None, planned(kind, policy)) for kind, label, policy in kinds))
    assert found(written(tmp_path, "plan.json", made)) == [(f"aws_iam_{one}_policy.a", expected)]
    added = changes_of(*(("Add", label, None, of_policy(kind, policy)) for kind, label, policy in kinds))
    assert found(written(tmp_path, "change-set.json", added)) == [("a", expected)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_deny_for_the_same_kind_takes_it_away(tmp_path: Path, kind: str) -> None:
    """Two policies of one literal name and kind are those of one principal."""
    code = written(tmp_path / "tf", "main.tf", inline(kind, "a", ALLOW) + inline(kind, "b", DENY))
    assert found(code.parent) == []
    assert found(written(tmp_path, "t.json", template(Allow=(kind, ALLOW), Deny=(kind, DENY)))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_name_of_one_principal_kind_is_shown_without_kind(tmp_path: Path, kind: str) -> None:
    """A name that only one kind has is shown without the kind, and the kind is known."""
    configuration = cloudformation.load(Path("t.json"), template(Allow=(kind, ALLOW)))
    assert configuration.policies[0].principals == ("one",)
    (holder,) = Principals(configuration, None).of(configuration.policies[0])
    assert (holder.name, holder.kind) == ("one", PrincipalKind(kind))


MEMBERSHIP = 'resource "aws_iam_user_group_membership" "m" {\n  user = "one"\n  groups = ["one"]\n}\n'


def test_user_to_group_addition_distinguishes_users_and_groups(tmp_path: Path) -> None:
    """UserToGroupAddition distinguishes a user and a group of the same literal name."""
    addition = {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": "one", "Users": ["one", "two"]}}
    configuration = cloudformation.load(Path("t.json"), json.dumps({"Resources": {"Add": addition}}))
    assert configuration.attached.members == (("one (group)", "one (user)"), ("one (group)", "two"))


AWS = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
ROLE = f'resource "aws_iam_role" "r" {{\n  name = "one"\n  assume_role_policy = jsonencode({json.dumps(TRUST)})\n}}\n'


def test_aws_managed_policies(tmp_path: Path) -> None:
    """An administrator's policy of a group says nothing of a user with the name of the group."""
    code = f'resource "aws_iam_group_policy_attachment" "g" {{\n  group = "one"\n  policy_arn = "{AWS}"\n}}\n' + inline(
        "user", "a", ALLOW
    )
    written(tmp_path, "main.tf", code)
    configuration = terraform.load(tmp_path)
    principals = Principals(configuration, None)
    assert [one.holder for one in configuration.attached.managed_policies] == ["one (group)"]
    assert principals.named("one (group)").permissions.is_administrator_when(())
    assert not principals.named("one (user)").permissions.is_administrator_when(())


def test_what_stood_before_a_plan(tmp_path: Path) -> None:
    """A Deny that moves from a user to a group of its name gives the user its access back."""
    user, group = "aws_iam_user_policy", "aws_iam_group_policy"
    content = plan(
        (user, "a", planned("user", ALLOW), {**planned("user", ALLOW), "name": "q"}),
        (user, "b", planned("user", DENY), None),
        (group, "b", None, planned("group", DENY)),
    )
    findings = scan_paths([written(tmp_path, "plan.json", content)], INFO).findings
    assert [one.principals for one in findings if one.check_id == "PASSROLE_015"] == [("one (user)",)]
    configuration = terraform_plan.load(Path("plan.json"), content)
    assert [one.principals for one in configuration.change.before or ()] == [("one (user)",), ("one (user)",)]


def test_what_stood_before_a_change_set(tmp_path: Path) -> None:
    """Access of a group is new where only a user of its name had it."""
    content = changes_of(("Remove", "A", of_policy("user", ALLOW), None), ("Add", "B", None, of_policy("group", ALLOW)))
    findings = scan_paths([written(tmp_path, "c.json", content)], INFO).findings
    assert [one.principals for one in findings if one.check_id == "PASSROLE_015"] == [("one (group)",)]
    assert change_set.load(Path("c.json"), content).change.incomplete == {"one (user)", "one (group)"}


def compared(folder: Path, old: str, new: str) -> dict[str, list[tuple[str, ...]]]:
    found = compare_paths(
        written(folder / "old", "main.tf", old).parent, written(folder / "new", "main.tf", new).parent, INFO
    )
    groups = {name: getattr(found, name) for name in ("new", "widened", "narrowed", "removed")}
    return {name: [one.grant.principals for one in changes] for name, changes in groups.items() if changes}


def test_two_versions_tell_kinds_apart(tmp_path: Path) -> None:
    """A group that takes a user's place with its name is new, and one more principal of a name changes nothing."""
    user, group = inline("user", "a", ALLOW), inline("group", "a", ALLOW)
    assert compared(tmp_path, user, group) == {"new": [("one (group)",)], "removed": [("one (user)",)]}
    assert compared(tmp_path, user, user + inline("group", "b", DENY)) == {}
    assert compared(tmp_path, user + inline("group", "b", DENY), user) == {}
    deny = user + inline("user", "b", DENY)
    assert compared(tmp_path, deny, user + inline("group", "b", DENY)) == {"widened": [("one (user)",)]}
    assert compared(tmp_path, "", user) == {"new": [("one",)]}


def test_a_role_that_is_defined_elsewhere_now(tmp_path: Path) -> None:
    """A role is known by its literal name in the other version, also beside a group of that name; a user is not."""
    referring = inline("role", "a", ALLOW).replace('"one"', "aws_iam_role.r.name")
    beside = inline("group", "b", DENY)
    assert compared(tmp_path, ROLE + referring + beside, inline("role", "a", ALLOW) + beside) == {}
    assert compared(tmp_path, inline("role", "a", ALLOW) + beside, ROLE + referring + beside) == {}
    assert compared(tmp_path, inline("user", "a", ALLOW), ROLE + referring) == {
        "new": [("aws_iam_role.r",)],
        "removed": [("one (user)",)],
    }


def test_a_user_that_is_defined_under_its_name() -> None:
    """A literal name stays as it is where the other version has a resource of the same kind at that address."""
    old = cloudformation.load(Path("t.json"), template(Allow=("user", ALLOW)))
    body = json.loads(template(Allow=("user", ALLOW)))
    body["Resources"]["one"] = {"Type": "AWS::IAM::User", "Properties": {"UserName": "one"}}
    new = cloudformation.load(Path("t.json"), json.dumps(body))
    assert align_principal_names(old, new) == (old, new)
    body["Resources"]["one"] = {"Type": "AWS::IAM::Group"}
    body["Resources"].pop("Allow")
    new = cloudformation.load(Path("t.json"), json.dumps(body))
    assert align_principal_names(old, new)[0].policies[0].principals == ("one (user)",)


def test_a_role_that_a_plan_forgets() -> None:
    """A role that leaves the configuration and is still named keeps its name, beside a group of that name."""
    role = {"name": "one", "assume_role_policy": "{}", "inline_policy": [{"name": "i", "policy": json.dumps(ALLOW)}]}
    content = plan(
        ("aws_iam_role", "r", role, None),
        ("aws_iam_role_policy", "p", None, planned("role", ALLOW)),
        ("aws_iam_group_policy", "g", None, planned("group", DENY)),
    )
    configuration = terraform_plan.load(Path("plan.json"), content)
    told = [(one.resource.address, one.principals) for one in configuration.change.before or ()]
    assert told == [("one", ("one (role)",))]
    assert [one.principals for one in configuration.policies] == [("one (role)",), ("one (group)",)]


def test_internal_kind_marker_is_removed(tmp_path: Path) -> None:
    """The internal marker of a principal kind is in no part of the parsed configuration."""
    code = inline("user", "a", ALLOW) + inline("group", "b", DENY_ALL) + MEMBERSHIP
    written(tmp_path, "main.tf", code)
    configuration: Configuration = terraform.load(tmp_path)
    assert not any("\\x00" in repr(getattr(configuration, one.name)) for one in fields(configuration))
