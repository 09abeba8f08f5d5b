"""The difference between two versions: what is new, widened, narrowed and removed, and for whom."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.diff import AccessDifference, GrantChange, compare_paths
from passrole_checks.findings import Severity
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import Gain, Permission
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.scanner import LocatedGrant, ScanOptions

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = sorted(path for path in (ROOT / "sample_templates").iterdir() if path.is_dir())
APP, WORKER = "arn:aws:iam::111122223333:role/app-*", "arn:aws:iam::111122223333:role/worker"
LAMBDA, EC2 = "lambda.amazonaws.com", "ec2.amazonaws.com"
GROUPS = ("new", "widened", "narrowed", "removed")

Template = dict[str, Any]


def allow(*roles: Any, services: tuple[str, ...] = (), sid: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": list(roles)}
    if services:
        found["Condition"] = {"StringEquals": {"iam:PassedToService": list(services)}}
    return {"Sid": sid, **found} if sid else found


def deny(*roles: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "iam:PassRole", "Resource": list(roles)}


def role(*statements: dict[str, Any], name: str | None = None, trusted: str = LAMBDA) -> Template:
    principal = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
    properties: dict[str, Any] = {"AssumeRolePolicyDocument": document(principal)}
    if statements:
        properties["Policies"] = [{"PolicyName": "own", "PolicyDocument": document(*statements)}]
    return {"Type": "AWS::IAM::Role", "Properties": {**properties, **({"RoleName": name} if name else {})}}


def policy(*statements: dict[str, Any], roles: tuple[Any, ...] = ("deployer",)) -> Template:
    properties = {"PolicyName": "own", "PolicyDocument": document(*statements), "Roles": list(roles)}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def put(path: Path, resources: dict[str, Template]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    path.write_text(json.dumps(template, indent=1), "utf-8")
    return path


def compared(folder: Path, old: dict[str, Template], new: dict[str, Template], **options: Any) -> AccessDifference:
    files = put(folder / "old.json", old), put(folder / "new.json", new)
    return compare_paths(*files, ScanOptions(**options))


def told(found: AccessDifference) -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    """The changes of each group that is not empty: resource, statement, who."""
    return {
        name: [(one.grant.resource.address, one.grant.statement_path, one.grant.principals) for one in changes]
        for name in GROUPS
        if (changes := getattr(found, name))
    }


OWN = "Policies/0/PolicyDocument/Statement"


@pytest.mark.parametrize(
    ("before", "after", "groups"),
    [
        ([], [allow(APP)], {"new"}),
        ([allow(APP)], [], {"removed"}),
        ([allow(APP, services=(LAMBDA,))], [allow(APP)], {"widened"}),
        ([allow(APP)], [allow(WORKER), allow(APP, services=(LAMBDA,))], {"narrowed", "new"}),
        ([allow(APP, services=(LAMBDA,))], [allow(WORKER, services=(EC2,))], {"new", "removed"}),
        ([allow(APP, services=(LAMBDA, EC2))], [allow(APP, services=(EC2, LAMBDA))], set()),
        ([allow(APP), allow(WORKER)], [allow(WORKER, APP)], set()),
        ([allow("*")], [allow("arn:aws:iam::*:role/*")], set()),
        ([allow("*")], [allow("*"), allow(APP)], set()),
    ],
)
def test_access_is_compared_by_meaning(
    folder: Path, before: list[dict[str, Any]], after: list[dict[str, Any]], groups: set[str]
) -> None:
    """Passable roles are compared, not the notation of statements."""
    found = compared(folder, {"Deployer": role(*before)}, {"Deployer": role(*after)})
    assert set(told(found)) == groups
    assert found.unreadable == ()


def sparing(operator: str, key: str, value: str) -> dict[str, Any]:
    return {**deny("*"), "Condition": {operator: {key: value}}}


FIVE_FIELDS = "arn:aws:iam:*:role/worker"
OWN_ACCOUNT = ("${aws:PrincipalAccount}", "111122223333")


@pytest.mark.parametrize(
    ("limit", "added", "removed"),
    [
        (deny(WORKER), {"narrowed"}, {"widened"}),
        (deny(FIVE_FIELDS), set(), {"widened"}),
        (deny("arn:aws:iam::111122223333:instance-profile/*"), set(), set()),
        *((sparing(operator, "aws:ResourceArn", WORKER), set(), {"widened"})
          for operator in ("ArnNotLike", "ArnNotEquals", "StringNotLike", "StringNotEquals", "ArnNotLikeIfExists",
                           "StringNotEqualsIgnoreCase")),
        *((sparing("StringNotEquals", "aws:ResourceAccount", account), set(), {"widened"}) for account in OWN_ACCOUNT),
        (sparing("ArnLike", "aws:ResourceArn", APP), set(), {"widened"}),
        (sparing("ArnNotLike", "aws:ResourceArn", APP), {"narrowed"}, {"widened"}),
        (sparing("StringNotEquals", "aws:ResourceArn", WORKER[:-1] + "*"), {"narrowed"}, {"widened"}),
        (sparing("ArnNotLike", "aws:ResourceArn", "*"), {"narrowed"}, {"widened"}),
        (sparing("ArnLike", "aws:ResourceArn", WORKER), {"narrowed"}, {"widened"}),
        (sparing("StringEqualsIgnoreCase", "aws:ResourceArn", APP), {"narrowed"}, {"widened"}),
        (sparing("Bool", "aws:MultiFactorAuthPresent", "false"), {"narrowed"}, {"widened"}),
    ],
)  # fmt: skip
def test_only_a_deny_that_may_exclude_the_role_is_less_access(
    folder: Path, limit: dict[str, Any], added: set[str], removed: set[str]
) -> None:
    """A Deny that excludes no role, or spares those of the Allow by its condition, does not narrow it. Removing one
    that may have excluded them is wider access, and an Allow that is new beside it is certainly new."""
    without, beside = {"Deployer": role(allow(WORKER))}, {"Deployer": role(allow(WORKER), limit)}
    assert set(told(compared(folder, without, beside))) == added
    assert set(told(compared(folder, beside, without))) == removed
    if not added:
        other = allow("arn:aws:iam::111122223333:role/other")
        found = compared(folder, {"Deployer": role(other, limit)}, {"Deployer": role(other, allow(WORKER), limit)})
        assert [one.confidence.value for one in found.new] == ["high"]


def test_widened_entry_has_old_and_new_statement(folder: Path) -> None:
    """A widened statement is reported next to its counterpart, each with its own location."""
    before = allow(APP, services=(LAMBDA,), sid="Pass")
    found = compared(
        folder,
        {"Deployer": role(before, allow(WORKER))},
        {"Deployer": role(allow(WORKER), allow(APP, services=(LAMBDA, EC2), sid="Pass"))},
    )
    (change,) = found.widened
    assert (change.grant.statement_path, change.grant.grant.services.values) == (f"{OWN}/1", (LAMBDA, EC2))
    assert change.before is not None
    assert (change.before.statement_path, change.before.grant.services.values) == (f"{OWN}/0", (LAMBDA,))
    assert [Path(one.grant.at.file).name for one in (change.grant, change.before)] == ["new.json", "old.json"]
    assert (change.severity, found.unchanged) == (Severity.INFO, 1)


def test_severity_is_that_of_new_access(folder: Path) -> None:
    """New access is as severe as the worst finding on the statement, else information."""
    found = compared(
        folder, {}, {"Any": role(allow("*")), "Open": role(allow(APP)), "Good": role(allow(APP, services=(LAMBDA,)))}
    )
    assert {one.grant.resource.address: one.severity.value for one in found.new} == {
        "Any": "high",
        "Open": "medium",
        "Good": "info",
    }


def test_only_principals_with_changed_access_are_named(folder: Path) -> None:
    """If a policy is attached to one more role, only that role is reported."""
    found = compared(folder, {"Pass": policy(allow(APP), roles=("a",))}, {"Pass": policy(allow(APP), roles=("a", "b"))})
    assert told(found) == {"new": [("Pass", "PolicyDocument/Statement/0", ("b",))]}


def test_new_group_member_gains_its_access(folder: Path) -> None:
    """Only a user who joins a group that may pass roles is new; the user is removed in the reverse comparison."""
    group: Template = {"Type": "AWS::IAM::Group", "Properties": role(allow(APP))["Properties"]}
    del group["Properties"]["AssumeRolePolicyDocument"]
    old = {"Group": group, "User": {"Type": "AWS::IAM::User", "Properties": {}}}
    new = {"Group": group, "User": {"Type": "AWS::IAM::User", "Properties": {"Groups": [{"Ref": "Group"}]}}}
    assert told(compared(folder, old, new)) == {"new": [("Group", f"{OWN}/0", ("User",))]}
    assert told(compared(folder, new, old)) == {"removed": [("Group", f"{OWN}/0", ("User",))]}
    assert told(compared(folder, new, new)) == {}


def test_removed_boundary_restores_access(folder: Path) -> None:
    """Removing a boundary restores the access that it limited."""
    storage = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    bound = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(storage)}}
    free = {"Bound": bound, "Deployer": role(allow(APP))}
    held = {"Bound": bound, "Deployer": role(allow(APP))}
    held["Deployer"]["Properties"]["PermissionsBoundary"] = {"Ref": "Bound"}
    assert told(compared(folder, held, free)) == {"widened": [("Deployer", f"{OWN}/0", ("Deployer",))]}
    assert told(compared(folder, free, held)) == {"narrowed": [("Deployer", f"{OWN}/0", ("Deployer",))]}


@pytest.mark.parametrize(
    ("limits", "held", "gained"),
    [
        ([allow("*", services=(EC2,))], allow(APP), True),
        ([allow("*", services=(EC2,))], allow(APP, services=(EC2,)), False),
        ([allow("*", services=(EC2, LAMBDA))], allow(APP, services=(LAMBDA,)), False),
        ([allow(APP, services=(EC2,)), allow(WORKER, services=(LAMBDA,))], allow(APP, services=(LAMBDA,)), True),
        ([allow(APP, services=(EC2,)), allow(WORKER, services=(LAMBDA,))], allow(WORKER, services=(LAMBDA,)), False),
        ([allow(APP, services=(EC2,)), allow("*")], allow(APP, services=(LAMBDA,)), False),
    ],
)
def test_the_services_of_a_boundary(
    folder: Path, limits: list[dict[str, Any]], held: dict[str, Any], gained: bool
) -> None:
    """A boundary that lets roles be passed to some services takes the others away; and the policy that is left behind
    where it goes gives nobody anything, so that it is not new."""
    bound = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(*limits)}}
    free, before = ({"Bound": bound, "Deployer": role(held)} for _ in range(2))
    before["Deployer"]["Properties"]["PermissionsBoundary"] = {"Ref": "Bound"}
    said = [("Deployer", f"{OWN}/0", ("Deployer",))]
    assert told(compared(folder, before, free)) == ({"widened": said} if gained else {})
    assert told(compared(folder, free, before)) == ({"narrowed": said} if gained else {})
    del free["Bound"]
    assert told(compared(folder, before, free)) == ({"widened": said} if gained else {})


def test_removed_deny_is_the_cause(folder: Path) -> None:
    """A statement that allows more because a Deny was removed is widened, and the location of the Deny is its cause."""
    old, new = {"Deployer": role(allow(APP), deny(WORKER, APP))}, {"Deployer": role(allow(APP))}
    found = compared(folder, old, new)
    (change,) = found.widened or found.new
    assert change.cause is not None
    assert (Path(change.cause.file).name, "Deny" in _excerpt(change.cause)) == ("old.json", True)
    (back,) = compared(folder, new, old).narrowed or compared(folder, new, old).removed
    assert back.cause is not None
    assert (Path(back.cause.file).name, "Deny" in _excerpt(back.cause)) == ("new.json", True)


def _excerpt(at: Position) -> str:
    return "".join(Path(at.file).read_text("utf-8").split("\n")[at.line - 1 : at.end_line])


def test_reformatting_is_silent(folder: Path) -> None:
    """Another layout, another order of keys, comments and YAML for JSON make no difference."""
    old = put(folder / "old.json", {"Deployer": role(allow(APP, services=(LAMBDA,)))})
    new = folder / "new.yaml"
    new.write_text(
        f"""\
# who deploys
Resources:
  Deployer:
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              Effect: Allow   # PassRole
              Resource: {APP}
              Action: [iam:PassRole]
              Condition: {{StringEquals: {{"iam:PassedToService": {LAMBDA}}}}}
            Version: "2012-10-17"
          PolicyName: own
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: []}}
    Type: AWS::IAM::Role
""",
        "utf-8",
    )
    found = compare_paths(old, new, ScanOptions())
    assert (told(found), found.unchanged) == ({}, 1)


@pytest.mark.parametrize("name", [None, "deployer"])
def test_a_new_logical_id_alone_is_not_new(folder: Path, name: str | None) -> None:
    """A role under another logical id is the same by its name, else by exactly the same statements."""
    same = role(allow(APP), name=name)
    found = compared(folder, {"Old": same}, {"New": same})
    assert (told(found), found.unchanged, found.renamed) == ({}, 1, (("Old", "New"),))


def test_a_role_that_is_named_is_the_same_with_other_statements(folder: Path) -> None:
    """A role of the same name is the same under another logical id, so that its policy is widened."""
    found = compared(
        folder,
        {"Old": role(allow(APP, services=(LAMBDA,)), name="deployer")},
        {"New": role(allow(APP), name="deployer")},
    )
    assert told(found) == {"widened": [("New", f"{OWN}/0", ("New",))]}
    assert found.widened[0].before is not None
    assert found.widened[0].before.resource.address == "Old"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (role(allow(APP)), role(allow(APP, WORKER))),
        (role(allow(APP)), role(allow(APP), trusted=EC2)),
        (role(allow(APP), name="one"), role(allow(APP), name="two")),
    ],
    ids=["other statements", "another trust policy", "another name"],
)
def test_unmatched_role_is_new(folder: Path, old: Template, new: Template) -> None:
    """A role under another logical ID that cannot be matched to the old one is new, and the old one is removed."""
    found = compared(folder, {"Old": old}, {"New": new})
    assert {name: len(entries) for name, entries in told(found).items()} == {"new": 1, "removed": 1}


def test_second_equal_role_is_new(folder: Path) -> None:
    """One role cannot be two: of two equal ones under other logical ids one is new."""
    same = role(allow(APP))
    found = compared(folder, {"Old": same}, {"A": same, "B": same})
    assert told(found) == {"new": [("B", f"{OWN}/0", ("B",))]}


def test_a_passed_role_is_not_taken_for_a_look_alike(folder: Path) -> None:
    """A role that is passed is another one under another logical id, unless both bear the same name."""

    def template(passed: str, name: str | None) -> dict[str, Template]:
        return {passed: role(name=name), "Deployer": role(allow({"Fn::GetAtt": [passed, "Arn"]}))}

    assert "widened" in told(compared(folder, template("App", None), template("Admin", None)))
    assert told(compared(folder, template("App", "app"), template("Admin", "app"))) == {}


@pytest.mark.parametrize(("before", "after"), [(None, "app"), ("app", None), ("app", "other")])
def test_renamed_passed_role_is_the_same(folder: Path, before: str | None, after: str | None) -> None:
    """A reference to a role means the same role, also where that gets another name; a name in an ARN is that name."""
    reference = {"Fn::GetAtt": ["Worker", "Arn"]}
    old = {"Deployer": role(allow(reference)), "Worker": role(name=before)}
    new = {"Deployer": role(allow(reference, services=(LAMBDA,))), "Worker": role(name=after)}
    assert set(told(compared(folder, old, new))) == {"narrowed"}
    if after is not None:
        written = {"Deployer": role(allow(f"arn:aws:iam::111122223333:role/{after}")), "Worker": role(name=after)}
        assert {"new", "widened"} & told(compared(folder, old, written)).keys()


def test_folders_are_compared_file_by_file(folder: Path) -> None:
    """In folders the same path is the same template, what moves is the same, and the rest is new or removed."""
    one, two, three = ({"Deployer": role(allow(f"{APP}{number}"))} for number in "123")
    for name, resources in (("old/a.json", one), ("old/b.json", two)):
        put(folder / name, resources)
    for name, resources in (("new/a.json", one), ("new/x/b.json", two), ("new/c.json", three)):
        put(folder / name, resources)
    found = compare_paths(folder / "old", folder / "new", ScanOptions())
    assert told(found) == {"new": [("Deployer", f"{OWN}/0", ("Deployer",))]}
    assert Path(found.new[0].grant.grant.at.file).name == "c.json"
    assert found.unchanged == 2


@pytest.mark.parametrize("broken", ["old", "new"])
def test_unreadable_version_is_not_compared(folder: Path, broken: str) -> None:
    """The counterpart of an unreadable version is neither new nor removed; both are reported."""
    for name in ("old", "new"):
        put(folder / name / "a.json", {"Deployer": role(allow("*"))})
        put(folder / name / "b.json", {"Other": role(allow(APP))})
    (folder / broken / "a.json").write_text('{"Resources": {"A": {"Type": "AWS::IAM::Role", ', "utf-8")
    found = compare_paths(folder / "old", folder / "new", ScanOptions())
    assert (told(found), found.unchanged) == ({}, 1)
    assert [Path(one.file).relative_to(folder).parts[0] for one in found.unreadable] == [broken]
    assert [one.reason for one in found.not_evaluated] == ["not compared: its counterpart cannot be read"]


def test_terraform_roots_are_compared(folder: Path) -> None:
    """Two Terraform roots are compared with the roles that their policies are attached to."""
    for name, service in (("old", f'"{LAMBDA}"'), ("new", f'"{LAMBDA}", "{EC2}"')):
        (folder / name).mkdir()
        (folder / name / "main.tf").write_text(
            f"""\
resource "aws_iam_role_policy" "pass" {{
  role   = "deployer"
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect = "Allow", Action = "iam:PassRole", Resource = "{APP}"
      Condition = {{ StringEquals = {{ "iam:PassedToService" = [{service}] }} }}
    }}]
  }})
}}
""",
            "utf-8",
        )
    found = compare_paths(folder / "old", folder / "new", ScanOptions())
    assert told(found) == {"widened": [("aws_iam_role_policy.pass", "policy/Statement/0", ("deployer",))]}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_nothing_differs_from_itself(sample: Path) -> None:
    """Every sample compared with itself has no changes."""
    found = compare_paths(sample, sample, ScanOptions())
    assert told(found) == {}
    assert found.renamed == ()


def _versions() -> list[tuple[Path, Path]]:
    """Pairs of sample files of one format that differ, of each check's folder."""
    found: list[tuple[Path, Path]] = []
    for sample in SAMPLES:
        for kind in ("cloudformation", "plan"):
            files = sorted((sample / kind).glob("*.*")) if (sample / kind).is_dir() else []
            files = [path for path in files if path.suffix in (".yaml", ".json")]
            found += itertools.pairwise(files)
    return found


@pytest.mark.parametrize(("old", "new"), _versions(), ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_both_directions_mirror_each_other(old: Path, new: Path) -> None:
    """New or widened access in one direction is removed or narrowed in the other, statement by statement."""
    there, back = compare_paths(old, new, ScanOptions()), compare_paths(new, old, ScanOptions())
    assert _alone(there.new) == _alone(back.removed)
    assert _alone(there.removed) == _alone(back.new)
    assert _paired(there.widened) == sorted((second, first) for first, second in _paired(back.narrowed))
    assert _paired(there.narrowed) == sorted((second, first) for first, second in _paired(back.widened))


def _alone(changes: tuple[GrantChange, ...]) -> list[tuple[object, ...]]:
    return sorted(_place(change.grant) for change in changes)


def _paired(changes: tuple[GrantChange, ...]) -> list[tuple[tuple[object, ...], tuple[object, ...]]]:
    return sorted((_place(change.grant), _place(change.before)) for change in changes if change.before is not None)


def _place(located: LocatedGrant) -> tuple[object, ...]:
    at = located.grant.at
    return at.file, at.line, at.column, located.resource.address, located.statement_path, located.principals


ONE_APP = "arn:aws:iam::111122223333:role/app-one"


def _gains_counted(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    counted: list[None] = []
    gain_of = AccessComparison._compute_gain

    def counting(comparison: AccessComparison, mine: Permission | None) -> Gain | None:
        counted.append(None)
        return gain_of(comparison, mine)

    monkeypatch.setattr(AccessComparison, "_compute_gain", counting)
    return counted


def test_roles_of_equal_passrole_access_are_compared_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other permissions, which differ, make no difference."""
    counted = _gains_counted(monkeypatch)

    def roles(*statements: dict[str, Any]) -> dict[str, Template]:
        own = ({"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{i}/*"} for i in range(8))
        return {f"R{i}": role(*statements, one) for i, one in enumerate(own)}

    found = compared(folder, roles(allow(ONE_APP)), roles(allow(APP)))
    assert [len(getattr(found, name)) for name in GROUPS] == [0, 8, 0, 0]
    assert len(counted) == 2  # of the new version, and of the old one


def test_equal_statements_of_roles_with_different_access_are_compared_for_each(folder: Path) -> None:
    """Access that one role had before does not hide what another one gains by an equal statement."""
    old = {"A": role(allow(APP)), "B": role(allow(ONE_APP)), "C": role()}
    new = {name: role(allow(APP)) for name in "ABC"}
    assert told(compared(folder, old, new)) == {
        "new": [("C", "Policies/0/PolicyDocument/Statement/0", ("C",))],
        "widened": [("B", "Policies/0/PolicyDocument/Statement/0", ("B",))],
    }


def test_a_role_with_a_deny_is_no_class_with_one_without(folder: Path) -> None:
    old = {"A": role(allow(ONE_APP)), "B": role(allow(ONE_APP))}
    new = {"A": role(allow(APP)), "B": role(allow(APP), deny(APP))}
    (change,) = compared(folder, old, new).widened
    assert change.grant.principals == ("A",)


def _conditional(other: str) -> Template:
    resource = {"Fn::If": ["Production", "arn:aws:iam::111122223333:role/app", other]}
    return {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Production": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Resources": {"Pass": policy(allow(resource, services=(LAMBDA,)))},
    }


def test_change_of_one_branch_is_described_by_that_branch(tmp_path: Path) -> None:
    """If only the other branch of a conditional changes, that variant is widened; the unchanged one is not shown."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(_conditional("arn:aws:iam::111122223333:role/app2")), "utf-8")
    new.write_text(json.dumps(_conditional("arn:aws:iam::111122223333:role/admin")), "utf-8")
    difference = compare_paths(old, new, ScanOptions())
    (change,) = difference.widened
    assert change.before is not None
    roles = [[str(role.pattern) for role in one.grant.roles] for one in (change.before, change.grant)]
    assert roles == [["arn:aws:iam::111122223333:role/app2"], ["arn:aws:iam::111122223333:role/admin"]]
    assert change.grant.when == change.before.when != ()


@pytest.mark.parametrize(("old", "new", "group"), [((), ("bob",), "new"), (("bob",), (), "removed")])
def test_attached_aws_managed_policy_is_access(
    old: tuple[str, ...], new: tuple[str, ...], group: str, tmp_path: Path
) -> None:
    """Attaching an AWS managed policy with PassRole gives new access of severity high; detaching it removes it."""
    paths = []
    for name, users in (("old", old), ("new", new)):
        path = tmp_path / f"{name}.json"
        attached = {
            user: {
                "Type": "AWS::IAM::User",
                "Properties": {"UserName": user, "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
            }
            for user in users
        }
        path.write_text(json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, **attached}}), "utf-8")
        paths.append(path)
    difference = compare_paths(*paths, ScanOptions())
    (change,) = getattr(difference, group)
    assert (change.severity, change.grant.managed) == (Severity.HIGH, "AdministratorAccess")
    assert not any(getattr(difference, name) for name in GROUPS if name != group)


def test_the_same_aws_managed_policy_elsewhere_is_no_new_access(tmp_path: Path) -> None:
    """A principal that has an AWS managed policy through another attachment afterwards gains nothing."""
    attached = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    user = {"Type": "AWS::IAM::User", "Properties": {"UserName": "bob", "ManagedPolicyArns": attached}}
    plain = {"Type": "AWS::IAM::User", "Properties": {"UserName": "bob"}}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    own = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "x", "Users": [{"Ref": "Bob"}],
                                                      "PolicyDocument": document(everything)}}  # fmt: skip
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps({"Resources": {"Bob": user}}), "utf-8")
    new.write_text(json.dumps({"Resources": {"Bob": plain, "Own": own}}), "utf-8")
    difference = compare_paths(old, new, ScanOptions())
    assert not any(getattr(difference, name) for name in GROUPS)


def test_statements_without_a_name_are_paired_by_their_roles(tmp_path: Path) -> None:
    """A statement that only became narrower has moved in the document, and another one is gone."""

    def version(name: str, *statements: list[str]) -> Path:
        arns = ([f"arn:aws:iam::111122223333:{one}" for one in roles] for roles in statements)
        found = [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": one} for one in arns]
        document = {"Version": "2012-10-17", "Statement": found}
        properties = {"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}
        template = {"Resources": {"P": {"Type": "AWS::IAM::RolePolicy", "Properties": properties}}}
        (tmp_path / name).write_text(json.dumps(template))
        return tmp_path / name

    old = version("old.json", ["role/db-*"], ["role/app-*"])
    found = compare_paths(old, version("new.json", ["role/app-1", "role/app-2"]), ScanOptions())
    assert [name for name in ("new", "widened", "narrowed", "removed") for _ in getattr(found, name)] == [
        "narrowed",
        "removed",
    ]


DENIED_ROLE = """
variable "on" { type = bool }
resource "aws_iam_role" "r" {
  assume_role_policy = "{}"
}
resource "aws_iam_role_policy" "p" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""
DENY = """
resource "aws_iam_policy" "deny" {
  policy = jsonencode({ Statement = [STATEMENTS] })
}
resource "aws_iam_role_policy_attachment" "deny" {
  COUNT
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.deny.arn
}
"""
DENIAL = '{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
OTHER = ', { Effect = "Allow", Action = "s3:*", Resource = "*" }'


@pytest.mark.parametrize("statements", [DENIAL, DENIAL + OTHER], ids=["only deny", "with allow"])
@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, "count = var.on ? 1 : 0", ["new"]),
        (None, "count = 1", []),
        (None, "count = 0", ["new"]),
        ("count = 1", "count = var.on ? 1 : 0", ["widened"]),
        ("count = var.on ? 1 : 0", "count = 0", ["widened"]),
        ("count = var.on ? 1 : 0", "count = var.on ? 1 : 0", []),
        ("count = 0", "count = var.on ? 1 : 0", ["narrowed"]),
    ],
)
def test_a_deny_that_is_attached_conditionally_does_not_surely_apply(
    tmp_path: Path, before: str | None, after: str, told: list[str], statements: str
) -> None:
    """An unknown variable decides on its attachment, as it may on an inline policy."""
    for name, count in (("old", before), ("new", after)):
        (tmp_path / name).mkdir()
        code = DENY.replace("STATEMENTS", statements).replace("COUNT", count or "")
        (tmp_path / name / "main.tf").write_text(DENIED_ROLE + code if count is not None else 'resource "x" "y" {}\n')
    found = compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())
    assert [group for group in ("new", "widened", "narrowed", "removed") for _ in getattr(found, group)] == told


PASSED = "arn:aws:iam::111122223333:role/app"
PASSES = f'{{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = "{PASSED}" }}] }}'
ROLE = """
variable "on" { type = bool }
variable "other" { type = bool }
resource "aws_iam_role" "r" {
  assume_role_policy = "{}"
}
"""
INLINE = f"""
resource "aws_iam_role_policy" "p" {{
  COUNT
  role   = aws_iam_role.r.id
  policy = jsonencode({PASSES})
}}
"""
ATTACHED = f"""
resource "aws_iam_policy" "p" {{
  policy = jsonencode({PASSES})
}}
resource "aws_iam_role_policy_attachment" "a" {{
  COUNT
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.p.arn
}}
"""
OF_GROUP = f"""
resource "aws_iam_group" "g" {{
  name = "g"
}}
resource "aws_iam_group_policy_attachment" "a" {{
  COUNT
  group      = aws_iam_group.g.name
  policy_arn = aws_iam_policy.p.arn
}}
resource "aws_iam_policy" "p" {{
  policy = jsonencode({PASSES})
}}
"""
ON, OTHER_ON = "count = var.on ? 1 : 0", "count = var.other ? 1 : 0"


@pytest.mark.parametrize("code", [INLINE, ATTACHED, OF_GROUP], ids=["inline", "attached", "of a group"])
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ON, "", ["widened"]),
        ("", ON, ["narrowed"]),
        (ON, ON, []),
        (ON, OTHER_ON, ["widened", "narrowed"]),
        ("count = 0", ON, ["new"]),
        (ON, "count = 0", ["removed"]),
        ("", "", []),
    ],
)
def test_an_allow_that_is_attached_conditionally_is_compared_like_a_conditional_policy(
    tmp_path: Path, code: str, before: str, after: str, expected: list[str]
) -> None:
    """A principal has the access of a managed policy only under the condition of its attachment."""
    for name, count in (("old", before), ("new", after)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(ROLE + code.replace("COUNT", count))
    difference = compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())
    assert [
        group for group in ("new", "widened", "narrowed", "removed") for _ in getattr(difference, group)
    ] == expected


def test_an_attachment_that_becomes_unconditional_widens_for_its_principal_only(tmp_path: Path) -> None:
    """A principal that had the policy in any case gains nothing."""
    always = ATTACHED.replace("COUNT", "")
    second = """
resource "aws_iam_user" "u" {
  name = "u"
}
resource "aws_iam_user_policy_attachment" "u" {
  COUNT
  user       = aws_iam_user.u.name
  policy_arn = aws_iam_policy.p.arn
}
"""
    for name, count in (("old", ON), ("new", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(ROLE + always + second.replace("COUNT", count))
    (change,) = compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions()).widened
    assert change.grant.principals == ("aws_iam_user.u",)


def test_limit_that_its_holder_can_remove(folder: Path) -> None:
    """Adding one removes no access, an Allow beside one is new, and what the removal of one allows is widened."""
    everything = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    users = {
        name: {"U": {"Type": "AWS::IAM::UserPolicy", "Properties": {
            "UserName": "u", "PolicyName": "own", "PolicyDocument": document(*statements)}}}
        for name, statements in {
            "none": [allow(APP)], "alone": [everything], "limited": [everything, deny("*")]}.items()
    }  # fmt: skip
    for before, after, group in (
        ("alone", "limited", None), ("limited", "alone", "widened"), ("none", "limited", "widened"),
    ):  # fmt: skip
        difference = compare_paths(put(folder / "old", users[before]), put(folder / "new", users[after]), ScanOptions())
        assert [name for name in GROUPS if getattr(difference, name)] == ([group] if group else [])
