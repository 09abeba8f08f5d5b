"""PASSROLE_016: roles that pass themselves, and principals that change what they pass."""

from __future__ import annotations

import pytest
from principals_of_tests import allow, deny, document, findings, to, trust

from passrole_checks.findings import Confidence, Severity

ID = "PASSROLE_016"
APP = "arn:aws:iam::111122223333:role/app-*"
PASS = allow("iam:PassRole", APP, to("codebuild.amazonaws.com"))
BUILD = trust("codebuild.amazonaws.com")


def test_a_role_that_passes_itself() -> None:
    """A pattern that the role's own name fits is medium; its own name is low where the condition, or its trust policy,
    names the services."""
    roles = {"app-builder": (BUILD, [])}
    (found,) = findings(ID, [[PASS]], roles=roles, holder="app-builder")
    assert found.severity is Severity.MEDIUM and found.who == ("app-builder",)
    exact = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-builder", to("codebuild.amazonaws.com"))
    (found,) = findings(ID, [[exact]], roles=roles, holder="app-builder")
    assert found.severity is Severity.LOW
    anywhere = [[{**exact, "Condition": {}}]]
    (found,) = findings(ID, anywhere, roles=roles, holder="app-builder")
    assert found.severity is Severity.LOW and "codebuild.amazonaws.com" in found.message
    several = {"app-builder": (trust("codebuild.amazonaws.com", "ec2.amazonaws.com"), [])}
    (found,) = findings(ID, anywhere, roles=several, holder="app-builder")
    assert found.severity is Severity.LOW


def test_a_role_that_cannot_be_passed_to_anything_that_assumes_it() -> None:
    """A role passes itself only to a service that it trusts, and only if no Deny takes it out."""
    assert findings(ID, [[PASS]], roles={"app-builder": (trust("ec2.amazonaws.com"), [])}, holder="app-builder") == []
    taken = deny("iam:PassRole", "arn:aws:iam::*:role/app-builder")
    assert findings(ID, [[PASS], [taken]], roles={"app-builder": (BUILD, [])}, holder="app-builder") == []
    assert findings(ID, [[PASS]], roles={"builder": (BUILD, [])}, holder="builder") == []


@pytest.mark.parametrize("action", ["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"])
def test_principal_that_can_change_the_passed_role(action: str) -> None:
    """A principal that may change the policies or the trust policy of a role that it passes is flagged."""
    for resource in (APP, "*", "arn:aws:iam::111122223333:role/app-x"):
        (found,) = findings(ID, [[PASS], [allow(action, resource)]])
        assert found.severity is Severity.MEDIUM and found.confidence is Confidence.HIGH
        assert found.who == ("deployer",) and APP in found.message and f"`{action}`" in found.message


def test_changes_elsewhere_or_within_limits() -> None:
    """Other roles, a permissions boundary or a list of policies in the condition, and a Deny close it."""
    put = ["iam:PutRolePolicy", "iam:AttachRolePolicy"]
    assert findings(ID, [[PASS], [allow(put, "arn:aws:iam::111122223333:role/batch-*")]]) == []
    bound = {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/limit"}}
    assert findings(ID, [[PASS], [allow(put, APP, bound)]]) == []
    listed = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}
    assert findings(ID, [[PASS], [allow("iam:AttachRolePolicy", APP, listed)]]) == []
    assert findings(ID, [[PASS], [allow(put, APP)], [deny("iam:*RolePolicy")]]) == []


def test_service_linked_roles_are_changed_by_their_services_only() -> None:
    """Only its service can change the policies of a service-linked role, whatever a statement allows."""
    linked = "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*"
    assert findings(ID, [[allow("iam:PassRole", linked)], [allow("iam:PutRolePolicy", linked)]]) == []
    assert len(findings(ID, [[allow("iam:PassRole", [linked, APP])], [allow("iam:PutRolePolicy")]])) == 1


def test_where_any_role_may_be_passed_any_role_says_so() -> None:
    """Of any role, and of an administrator, 001 speaks."""
    assert findings(ID, [[allow("iam:PassRole")], [allow("iam:PutRolePolicy")]]) == []
    assert findings(ID, [[allow("*")], [PASS]]) == []


def test_names_that_agree_for_some_values_only_are_low() -> None:
    """Roles that a principal can change only if an unknown name has a certain value are low, at low confidence."""
    account = "arn:aws:iam::111122223333:role/"
    passing = allow("iam:PassRole", account + "cicd-team-${aws:PrincipalTag/team}", to("cloudformation.amazonaws.com"))
    changing = allow("iam:PutRolePolicy", account + "${aws:PrincipalTag/team}-*")
    (found,) = findings(ID, [[passing], [changing]])
    assert found.severity is Severity.LOW and found.confidence is Confidence.LOW
    assert findings(ID, [[passing], [allow("iam:PutRolePolicy", account + "batch-${aws:PrincipalTag/team}-*")]]) == []


@pytest.mark.parametrize(
    ("principal", "actions", "count"),
    [
        ({"AWS": "arn:aws:iam::111122223333:root"}, ["iam:AttachRolePolicy"], 0),
        ({"Service": "ec2.amazonaws.com"}, ["iam:AttachRolePolicy"], 0),
        ({"Service": "codebuild.amazonaws.com"}, ["iam:AttachRolePolicy"], 1),
        ({"AWS": "arn:aws:iam::111122223333:root"}, ["iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"], 1),
        ({"AWS": "arn:aws:iam::111122223333:root"}, ["iam:AttachRolePolicy", "iam:CreateRole"], 0),
        ({"AWS": "arn:aws:iam::111122223333:root"}, ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole"], 1),
        ({"Federated": "arn:aws:iam::111122223333:saml-provider/x"}, ["iam:AttachRolePolicy"], 1),
        ({"AWS": "*"}, ["iam:AttachRolePolicy"], 1),
    ],
)
def test_changed_role_has_to_be_one_that_a_service_may_assume(
    principal: dict[str, str], actions: list[str], count: int
) -> None:
    """A role is no use in a workload if no service that it can be passed to may assume it, and its trust is fixed."""
    name = "arn:aws:iam::111122223333:role/app-x"
    trusted = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    grant = allow("iam:PassRole", name, to("codebuild.amazonaws.com"))
    assert len(findings(ID, [[grant], [allow(actions, name)]], roles={"app-x": (trusted, [])})) == count
