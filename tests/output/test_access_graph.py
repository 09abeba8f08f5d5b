"""The graph behind the HTML page and the Mermaid diagram."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.findings import Severity
from passrole_checks.output.access_graph import AccessGraph, Column, Node, build_graph
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
ACCOUNT = "arn:aws:iam::111122223333"


def policy(user: str | None, *statements: Mapping[str, object]) -> dict[str, object]:
    """Return a managed policy; Effect and Action of a statement default to Allow and iam:PassRole."""
    usual = {"Effect": "Allow", "Action": ["iam:PassRole", "iam:GetRole"]}
    document = {"Version": "2012-10-17", "Statement": [usual | dict(statement) for statement in statements]}
    properties = {"PolicyDocument": document, **({"Users": [user]} if user else {})}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def scanned(file: str, **resources: object) -> ScanResult:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps({"Resources": resources}, indent=1), "utf-8")
    return scan_paths([Path(file.split("/")[0])], ScanOptions())


def graph(result: ScanResult) -> AccessGraph:
    return build_graph(result, result.grants)


def labels(found: AccessGraph, column: Column) -> list[str]:
    return [node.label for node in found.nodes if node.column is column]


def links(found: AccessGraph) -> list[tuple[str, str, int, str]]:
    """Return source, target, number of statements and highest severity of each link."""
    return [
        (
            found.nodes[link.source].label,
            found.nodes[link.target].label,
            len(link.entries),
            link.severity.value if link.severity else "",
        )
        for link in found.links
    ]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_statements_link_principals_roles_and_services() -> None:
    """Each statement links its principals to its roles, and those to its services; links count statements."""
    found = graph(
        scanned(
            "t.json",
            A=policy("ann", {"Resource": f"{ACCOUNT}:role/app-*", "Condition": LAMBDA}),
            B=policy("bob", {"Resource": [f"{ACCOUNT}:role/app-*", f"{ACCOUNT}:role/x/one"], "Condition": LAMBDA}),
        )
    )
    assert found.nodes == (
        Node(Column.PRINCIPAL, "ann", "", "ann", "t.json"),
        Node(Column.ROLE, "app-*", "name pattern", f"{ACCOUNT}:role/app-*", "t.json", place="111122223333"),
        Node(Column.SERVICE, "lambda.amazonaws.com", "", "lambda.amazonaws.com"),
        Node(Column.PRINCIPAL, "bob", "", "bob", "t.json"),
        Node(Column.ROLE, "x/one", "one role", f"{ACCOUNT}:role/x/one", "t.json", place="111122223333"),
    )
    low = "low"  # 017: iam:GetRole never carries the key
    assert links(found) == [
        ("app-*", "lambda.amazonaws.com", 2, low),
        ("ann", "app-*", 1, low),
        ("bob", "app-*", 1, low),
        ("bob", "x/one", 1, low),
        ("x/one", "lambda.amazonaws.com", 1, low),
    ]


def test_any_role_and_any_service_are_one_box_each() -> None:
    """All spellings of any role share one box, and so for any service; links have the highest severity."""
    found = graph(
        scanned(
            "t.json",
            A=policy("ann", {"Resource": "*"}),
            B=policy("bob", {"Resource": f"{ACCOUNT}:role/*", "Action": "iam:PassRole", "Condition": LAMBDA}),
        )
    )
    assert labels(found, Column.ROLE) == ["any role"]
    assert links(found) == [
        ("ann", "any role", 1, "high"),
        ("any role", "any service", 1, "high"),
        ("any role", "lambda.amazonaws.com", 1, "medium"),
        ("bob", "any role", 1, "medium"),
    ]


def condition(operator: str, *values: str) -> dict[str, object]:
    return {"Condition": {operator: {"iam:PassedToService": list(values)}}}


@pytest.mark.parametrize(
    ("statement", "roles", "services"),
    [
        ({"Resource": f"{ACCOUNT}:role/a"}, ["a"], ["any service"]),
        ({"Resource": f"{ACCOUNT}:role/a", **condition("StringLike", "*")}, ["a"], ["any service"]),
        ({"Resource": f"{ACCOUNT}:role/a", **condition("StringEquals", "lambda")}, ["a"], ["no service"]),
        (
            {"Resource": f"{ACCOUNT}:role/a", **condition("StringNotEquals", "ec2.amazonaws.com")},
            ["a"],
            ["any service except ec2.amazonaws.com"],
        ),
        (
            {"Resource": [f"{ACCOUNT}:role/a", f"{ACCOUNT}:user/u"], **condition("StringEquals", "ec2.amazonaws.com")},
            ["a"],
            ["ec2.amazonaws.com"],
        ),
        ({"Resource": {"Fn::ImportValue": "role"}}, ["Fn::ImportValue role"], ["any service"]),
        ({"Resource": {"Fn::GetAtt": ["App", "Arn"]}}, ["App"], ["any service"]),
    ],
)
def test_service_boxes_reflect_the_condition(
    statement: dict[str, object], roles: list[str], services: list[str]
) -> None:
    """An ineffective condition is any service, one that never matches is none, and a negation names the exceptions."""
    app = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    found = graph(scanned("t.json", App=app, A=policy("ann", statement)))
    assert (labels(found, Column.ROLE), labels(found, Column.SERVICE)) == (roles, services)


def test_not_resource_is_any_role_except_those() -> None:
    """NotResource has its own box that names the exceptions."""
    found = graph(scanned("t.json", A=policy("ann", {"NotResource": f"{ACCOUNT}:role/admin"})))
    assert labels(found, Column.ROLE) == ["any role except admin"]


def test_unattached_policy_is_its_own_principal() -> None:
    """If no principal is attached, the policy's name is in the first column, with a note."""
    found = graph(scanned("t.json", Deploy=policy(None, {"Resource": "*"})))
    assert found.nodes[0] == Node(Column.PRINCIPAL, "Deploy", "not attached here", "Deploy", "t.json")


def test_policy_of_a_missing_module_is_not_called_unattached() -> None:
    """A module whose source is not downloaded may attach what it is given."""
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
    module = f'module "m" {{\n  source = "example/m/aws"\n  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n'
    Path("main.tf").write_text(module, "utf-8")
    found = graph(scan_paths([Path("main.tf")], ScanOptions()))
    assert [(node.label, node.description) for node in found.nodes if node.column is Column.PRINCIPAL] == [
        ("module.m", "unresolved module")
    ]


def test_same_logical_id_in_two_templates_is_two_principals() -> None:
    """A logical id is local to its template: there are two boxes, distinguished by their notes."""
    scanned("app/one.json", A=policy(None, {"Resource": f"{ACCOUNT}:role/a"}))
    found = graph(scanned("app/two.json", A=policy(None, {"Resource": f"{ACCOUNT}:role/a"})))
    assert [(node.label, node.description) for node in found.nodes if node.column is Column.PRINCIPAL] == [
        ("A", "not attached here, one.json"),
        ("A", "not attached here, two.json"),
    ]
    assert labels(found, Column.ROLE) == ["a"]


def test_same_reference_in_two_templates_is_two_roles() -> None:
    """A referenced role belongs to its template; a named role is the same everywhere."""
    app = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    own = policy("ann", {"Resource": [{"Fn::GetAtt": ["App", "Arn"]}, f"{ACCOUNT}:role/a"]})
    scanned("app/one.json", App=app, A=own)
    found = graph(scanned("app/two.json", App=app, A=own))
    assert [(node.label, node.description) for node in found.nodes if node.column is Column.ROLE] == [
        ("App", "defined in this code, one.json"),
        ("a", "one role, 111122223333"),
        ("App", "defined in this code, two.json"),
    ]


def test_deny_statements_have_no_links() -> None:
    """A Deny, and an Allow that one denies, are listed without links."""
    found = graph(
        scanned(
            "t.json",
            A=policy("ann", {"Resource": f"{ACCOUNT}:role/a"}, {"Effect": "Deny", "Resource": f"{ACCOUNT}:role/a"}),
        )
    )
    assert [entry.effect for entry in found.entries] == ["none", "deny"]
    assert found.links == ()


def test_findings_belong_to_their_statements() -> None:
    """Each finding is at its statement, also if a policy has several."""
    found = graph(
        scanned("t.json", A=policy("ann", {"Resource": "*"}, {"Resource": f"{ACCOUNT}:role/a", "Condition": LAMBDA}))
    )
    assert [[finding.check_id for finding in entry.findings] for entry in found.entries] == [
        ["PASSROLE_001"],
        ["PASSROLE_017"],
    ]
    assert [entry.severity for entry in found.entries] == [Severity.HIGH, Severity.LOW]


def test_finding_adds_its_missing_statement() -> None:
    """The statement of a finding that is not among the grants is added; findings without a statement are kept
    separately."""
    result = scanned("t.json", A=policy("ann", {"Resource": "*"}))
    found = build_graph(result, [])
    assert [(entry.effect, len(entry.findings)) for entry in found.entries] == [("allow", 1)]
    bare = replace(result, findings=tuple(replace(finding, grant=None) for finding in result.findings))
    apart = graph(bare)
    assert ([len(entry.findings) for entry in apart.entries], len(apart.others)) == ([0], 1)


def many(folders: int, each: int) -> AccessGraph:
    for number in range(folders):
        path = Path(f"big/team{number:03}/iam.json")
        path.parent.mkdir(parents=True)
        resources = {
            f"P{count}": policy(f"user{count}", {"Resource": f"{ACCOUNT}:role/r{number}-{count}"})
            for count in range(each)
        }
        path.write_text(json.dumps({"Resources": resources}), "utf-8")
    result = scan_paths([Path("big")], ScanOptions())
    return build_graph(result, result.grants)


def test_many_principals_are_grouped_by_folder() -> None:
    """Grouped, the principals of a folder are one box and their roles another; the statements are unchanged."""
    grouped = many(3, 4).grouped()
    assert [(node.label, node.note) for node in grouped.nodes] == [
        ("team000", "4 principals"),
        ("team000", "4 roles"),
        ("any service", ""),
        ("team001", "4 principals"),
        ("team001", "4 roles"),
        ("team002", "4 principals"),
        ("team002", "4 roles"),
    ]
    assert links(grouped)[0] == ("team000", "team000", 4, "low")
    assert len(grouped.entries) == 12


def test_smallest_folders_share_one_group() -> None:
    """The number of groups is limited: the smallest folders share one."""
    names = {node.group for node in many(60, 2).nodes if node.column is Column.PRINCIPAL}
    assert len(names) == 40
    assert {"team000", "team038", "other locations"} <= names
    assert "team039" not in names
