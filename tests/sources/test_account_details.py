"""Account files: the output of ``aws iam get-account-authorization-details`` (IAM API Reference)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from command_runs import run_command

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources import account
from passrole_checks.sources.model.configuration import Configuration, PolicyKind
from passrole_checks.sources.recognize import recognize_text

ACCOUNT = "111122223333"
LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
PASS_ANY = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}


def arn(kind: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def user(name: str, *statements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    policies = [{"PolicyName": "own", "PolicyDocument": document(*statements)}] if statements else []
    return {"UserName": name, "Path": "/", "Arn": arn("user", name), "UserPolicyList": policies, **fields}


def role(name: str, path: str = "/", **fields: Any) -> dict[str, Any]:
    trust = {"AssumeRolePolicyDocument": document(LAMBDA)}
    return {"RoleName": name, "Path": path, "Arn": arn("role", f"{path[1:]}{name}"), **trust, **fields}


def managed(name: str, *statements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    versions = [
        {"VersionId": "v1", "IsDefaultVersion": False, "Document": document(PASS_ANY)},
        {"VersionId": "v2", "IsDefaultVersion": True, "Document": document(*statements)},
    ]
    return {"PolicyName": name, "Path": "/", "Arn": arn("policy", name), "PolicyVersionList": versions, **fields}


def attached(*arns: str) -> list[dict[str, str]]:
    return [{"PolicyName": one.rpartition("/")[2], "PolicyArn": one} for one in arns]


def page(**lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": [], **lists}


def load(*pages: dict[str, Any], text: str = "") -> Configuration:
    return account.load((Path("account.json"), iter([text or json.dumps(pages[0], indent=2)])))


def scan(folder: Path, text: str) -> ScanResult:
    (folder / "account.json").write_text(text)
    return scan_paths([folder / "account.json"], ScanOptions())


def findings(result: ScanResult) -> set[tuple[str, str]]:
    return {(finding.check_id, finding.resource.address) for finding in result.findings}


def test_policies_of_a_principal_are_combined(tmp_path: Path) -> None:
    """A user passes roles by an inline policy and launches functions by a policy of its group: 008."""
    pass_app = {**PASS_ANY, "Resource": arn("role", "app-*")}
    launch = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
    group = {"GroupName": "developers", "Arn": arn("group", "developers")}
    content = page(
        UserDetailList=[user("alice", pass_app, GroupList=["developers"]), user("bob", pass_app)],
        GroupDetailList=[{**group, "AttachedManagedPolicies": attached(arn("policy", "launch"))}],
        RoleDetailList=[role("app-admin", AttachedManagedPolicies=attached("arn:aws:iam::aws:policy/IAMFullAccess"))],
        Policies=[managed("launch", launch)],
    )
    result = scan(tmp_path, json.dumps(content))
    assert ("PASSROLE_008", arn("user", "alice")) in findings(result)
    assert ("PASSROLE_008", arn("user", "bob")) not in findings(result)
    assert ("PASSROLE_013", arn("role", "app-admin")) in findings(result)


def test_only_the_default_version_counts() -> None:
    """Of a managed policy the default version is read; v1 would allow passing any role."""
    (policy,) = load(page(Policies=[managed("p", {**PASS_ANY, "Resource": arn("role", "app")})])).policies
    assert policy.path == "PolicyVersionList/1/Document"


@pytest.mark.parametrize("counts", [{}, {"AttachmentCount": 0, "PermissionsBoundaryUsageCount": 1}])
def test_policy_used_only_as_a_boundary_grants_nothing(counts: dict[str, int]) -> None:
    """A policy that is a boundary of a principal, or that AWS counts as one, limits and does not grant."""
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "limit")}}
    content = page(
        RoleDetailList=[role("app", **({} if counts else boundary))], Policies=[managed("limit", PASS_ANY, **counts)]
    )
    (policy,) = load(content).policies
    assert policy.kind is PolicyKind.BOUNDARY


def test_roles_have_their_path_and_trust_policy() -> None:
    """A role has its name, its path, its trust policy, and the instance profiles that contain it."""
    profile = {"InstanceProfileName": "web", "Arn": arn("instance-profile", "web")}
    configuration = load(page(RoleDetailList=[role("web", "/app/", InstanceProfileList=[profile])]))
    (web,) = configuration.roles
    assert (str(web.name), str(web.role_path), web.trust is not None) == ("web", "/app/", True)
    assert [one.address for one in configuration.instance_profiles] == [arn("instance-profile", "web")]
    assert configuration.account == ACCOUNT


def test_url_encoded_documents_are_read(tmp_path: Path) -> None:
    """The API returns documents as URL-encoded text."""
    encoded = {"PolicyName": "own", "PolicyDocument": quote(json.dumps(document(PASS_ANY)))}
    content = page(UserDetailList=[user("alice", UserPolicyList=[encoded])])
    assert ("PASSROLE_001", arn("user", "alice")) in findings(scan(tmp_path, json.dumps(content)))


@pytest.mark.parametrize("join", ["\n".join, lambda pages: f"[{', '.join(pages)}]"], ids=["after each other", "a list"])
def test_several_pages_are_one_account(join: Any) -> None:
    """Pages may follow each other or be the elements of a list; an entity on two pages counts once."""
    pages = [page(UserDetailList=[user("alice")]), page(UserDetailList=[user("bob"), user("alice")])]
    configuration = load(text=join([json.dumps(one) for one in pages]))
    assert not configuration.notes.unreadable
    assert [name for name, _ in configuration.users] == [arn("user", "alice"), arn("user", "bob")]


def test_truncated_file_is_read_up_to_the_break(tmp_path: Path) -> None:
    """Entities before a syntax error are reported, and the file is unreadable from there."""
    text = json.dumps(page(UserDetailList=[user("alice", PASS_ANY), user("bob", PASS_ANY)]), indent=2)
    result = scan(tmp_path, text[: text.rindex("bob")])
    assert ("PASSROLE_001", arn("user", "alice")) in findings(result)
    assert [bool(entry.line) for entry in result.unreadable] == [True]


@pytest.mark.parametrize(("key", "value"), [("IsTruncated", True), ("NextToken", "eyJNYXJrZXIiOiBudWxsfQ==")])
def test_truncated_output_is_noted(key: str, value: Any) -> None:
    """``IsTruncated``, or the CLI's ``NextToken`` (``--max-items``), in the last page says that pages are missing."""
    (note,) = load({**page(UserDetailList=[user("alice")]), key: value}).notes.not_evaluated
    assert key in note.reason
    complete = "\n".join(map(json.dumps, [{**page(UserDetailList=[user("alice")]), key: value}, page()]))
    assert not load(text=complete).notes.not_evaluated


@pytest.mark.parametrize("version", [{"VersionId": "v1", "IsDefaultVersion": True}, {"VersionId": "v1"}])
def test_policy_without_a_document_of_its_default_version_is_reported(version: dict[str, Any]) -> None:
    """Its permissions are unknown, whether or not something uses it."""
    (entry,) = load(page(Policies=[{**managed("p"), "PolicyVersionList": [version]}])).notes.unreadable
    assert arn("policy", "p") in entry.reason


def test_other_accounts_and_entries_without_an_arn_are_unreadable() -> None:
    """Entities of a second account, and entries that are no entities, are reported; the others are read."""
    other = {**user("eve"), "Arn": arn("user", "eve", "444455556666")}
    entries: list[Any] = [user("alice"), other, {"UserName": "x"}, 7]
    configuration = load(page(UserDetailList=entries))
    assert len(configuration.notes.unreadable) == 3
    assert [name for name, _ in configuration.users] == [arn("user", "alice")]


def test_malformed_document_is_unreadable() -> None:
    """A document that is no JSON is reported with the principal; the others are read."""
    broken = {"PolicyName": "own", "PolicyDocument": "{"}
    configuration = load(page(UserDetailList=[user("alice", UserPolicyList=[broken]), user("bob", PASS_ANY)]))
    assert [arn("user", "alice") in entry.reason for entry in configuration.notes.unreadable] == [True]
    assert [policy.principals for policy in configuration.policies] == [(arn("user", "bob"),)]


@pytest.mark.parametrize(
    "text",
    [
        '{"RoleDetailList": 7}',
        '{"Roles": []}',
        "[]",
        '"RoleDetailList": [',
        '{"data": {"RoleDetailList": []}}',
        '[[{"RoleDetailList": []}]]',
        '{"text": "\\"RoleDetailList\\": []"}',
    ],
)
def test_other_json_is_no_account_file(text: str) -> None:
    """Only objects with one of the lists of ``get-account-authorization-details`` are recognized."""
    assert recognize_text(text).framework is None


@pytest.mark.parametrize("template", [{"Metadata": {"RoleDetailList": []}}, {"RoleDetailList": []}])
def test_template_that_mentions_the_lists_stays_a_template(template: dict[str, Any], tmp_path: Path) -> None:
    """A list of that name hides no resources: the template is scanned as one."""
    properties = {"UserName": "alice", "PolicyName": "own", "PolicyDocument": document(PASS_ANY)}
    template = {**template, "Resources": {"Own": {"Type": "AWS::IAM::UserPolicy", "Properties": properties}}}
    assert ("PASSROLE_001", "Own") in findings(scan(tmp_path, json.dumps(template)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"RoleDetailList": []}, 7]', "an object is expected"),
        ('[{"RoleDetailList": []}, [{"RoleDetailList": []}]]', "an object is expected"),
        ('[{"RoleDetailList": []}] x', "more text after the end of the list"),
        ('[{"RoleDetailList": []} {"RoleDetailList": []}]', "a comma or ']' is expected"),
        ('[{"RoleDetailList": []}', "the file ends"),
        ('[{"RoleDetailList": []}, ', "the file ends"),
        ('{"RoleDetailList": []} 7', "an object is expected"),
    ],
)
def test_what_is_no_page_is_reported(text: str, reason: str) -> None:
    """Nothing between or after the pages is passed over without a message."""
    (entry,) = load(text=text).notes.unreadable
    assert reason in entry.reason


def test_entity_listed_twice_with_different_contents_is_noted() -> None:
    """The last one counts, as for the same entity on two pages, and the first one is named."""
    configuration = load(page(UserDetailList=[user("alice", PASS_ANY), user("alice")]))
    (note,) = configuration.notes.not_evaluated
    assert arn("user", "alice") in note.reason
    assert not configuration.policies


@pytest.mark.parametrize(
    "fields",
    [
        {"UserPolicyList": "x"},
        {"UserPolicyList": [7]},
        {"UserPolicyList": [{"PolicyName": "own"}]},
        {"UserPolicyList": [{"PolicyName": "own", "PolicyDocument": None}]},
        {"AttachedManagedPolicies": {"PolicyArn": arn("policy", "p")}},
        {"AttachedManagedPolicies": ["p"]},
    ],
)
def test_fields_of_another_type_are_unreadable(fields: dict[str, Any]) -> None:
    """A list of policies that is none, and an element without a policy, are reported with the principal."""
    (entry,) = load(page(UserDetailList=[user("alice", **fields)])).notes.unreadable
    assert arn("user", "alice") in entry.reason


def test_attached_policy_without_a_default_version_is_noted(tmp_path: Path) -> None:
    """Its permissions are unknown, like those of a policy that is not in the file."""
    policy = {**managed("p"), "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": False}]}
    alice = user("alice", AttachedManagedPolicies=attached(arn("policy", "p")))
    result = scan(tmp_path, json.dumps(page(UserDetailList=[alice], Policies=[policy])))
    assert ["policy not found" in note.reason for note in result.not_evaluated] == [True]


def test_group_that_is_not_in_the_file_is_noted() -> None:
    """Its policies are unknown, as in the output for ``--filter User``."""
    (note,) = load(page(UserDetailList=[user("alice", GroupList=["developers"])])).notes.not_evaluated
    assert "developers" in note.reason


@pytest.mark.parametrize(
    ("version", "is_attached", "counts"),
    [("v999", True, True), ("", True, False), ("v999", False, False)],
    ids=["another version", "no version", "attached to nobody"],
)
def test_aws_managed_policy_in_another_version_is_read_from_the_file(
    version: str, is_attached: bool, counts: bool, tmp_path: Path
) -> None:
    """AWS changes its policies: where something uses the file's version, that one counts, not the shipped one."""
    aws_policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    versions = [{"VersionId": version, "IsDefaultVersion": True, "Document": document(PASS_ANY)}]
    alice = user("alice", AttachedManagedPolicies=attached(aws_policy) if is_attached else [])
    content = page(UserDetailList=[alice], Policies=[{"Arn": aws_policy, "PolicyVersionList": versions}])
    found = findings(scan(tmp_path, json.dumps(content)))
    assert (("PASSROLE_013", arn("user", "alice")) in found) is counts


def test_aws_managed_policy_in_another_version_is_a_permissions_boundary(tmp_path: Path) -> None:
    """Its document in the file limits the principal."""
    aws_policy = "arn:aws:iam::aws:policy/PowerUserAccess"
    versions = [{"VersionId": "v999", "IsDefaultVersion": True, "Document": document({**PASS_ANY, "Action": "s3:*"})}]
    alice = user("alice", PASS_ANY, PermissionsBoundary={"PermissionsBoundaryArn": aws_policy})
    content = page(UserDetailList=[alice], Policies=[{"Arn": aws_policy, "PolicyVersionList": versions}])
    result = scan(tmp_path, json.dumps(content))
    assert not findings(result)
    assert [grant.grant.denied for grant in result.grants] == [True]


def test_the_same_account_id_in_another_partition_is_another_account() -> None:
    """Partitions share no accounts (AWS General Reference, "Amazon Resource Names")."""
    china = {**user("bob"), "Arn": arn("user", "bob").replace("aws", "aws-cn")}
    (entry,) = load(page(UserDetailList=[user("alice"), china])).notes.unreadable
    assert "another account" in entry.reason


@pytest.mark.parametrize(
    "content",
    [
        page(UserDetailList=[user("alice", UserPolicyList=[{"PolicyDocument": document(PASS_ANY)}] * 2500)]),
        page(Policies=[{"Arn": f"arn:aws:iam::aws:policy/P{number}"} for number in range(8000)]),
        page(RoleDetailList=[role("web", InstanceProfileList=[{"InstanceProfileName": "p" * 500}] * 4000)]),
        page(UserDetailList=[user("alice", GroupList=["g"] * 10000, AttachedManagedPolicies=attached("p") * 4000)]),
    ],
    ids=["policies of a user", "AWS managed policies", "profiles of a role", "attached policies"],
)
def test_time_grows_with_the_size_of_the_file(content: dict[str, Any]) -> None:
    """Lists of thousands are read in one pass: each element again and again would take minutes."""
    start = time.thread_time()
    configuration = load(content)
    assert time.thread_time() - start < 5
    assert not configuration.notes.unreadable


@pytest.mark.parametrize("is_named", [True, False])
def test_account_file_larger_than_a_template_is_read(
    is_named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if its policies come first, so that the beginning does not tell what it is, and in a folder."""
    monkeypatch.setattr("passrole_checks.sources.recognize.LARGEST_TEMPLATE", 70_000)
    monkeypatch.setattr("passrole_checks.files.json_window.PIECE", 10_000)
    policies = [managed(f"p{number}", PASS_ANY) for number in range(300)]
    (tmp_path / "account.json").write_text(json.dumps({"Policies": policies, "RoleDetailList": []}))
    result = scan_paths([tmp_path / "account.json" if is_named else tmp_path], ScanOptions())
    assert not result.unreadable
    assert len(result.grants) == 300


def test_too_large_account_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is named, and nothing of it is read."""
    monkeypatch.setattr("passrole_checks.sources.recognize.LARGEST_TEMPLATE", 1000)
    monkeypatch.setattr("passrole_checks.sources.recognize.LARGEST_PLAN", 2000)
    result = scan(tmp_path, json.dumps(page(UserDetailList=[user(f"u{number}", PASS_ANY) for number in range(20)])))
    assert ["larger than" in entry.reason for entry in result.unreadable] == [True]


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_pieces_of_any_size_give_the_same_configuration(size: int, indent: int | None) -> None:
    """Values, positions, notes and errors do not depend on where the file is cut while it is read."""
    other = {**user("eve"), "Arn": arn("user", "eve", "444455556666")}
    content = page(
        UserDetailList=[user("älice", PASS_ANY, GroupList=["g"]), other],
        RoleDetailList=[role("a", "/x/", Tags=[{"Key": "n", "Value": 12345}])],
        Policies=[managed("p", PASS_ANY)],
    )
    text = "\n".join([json.dumps(content, indent=indent, ensure_ascii=False), json.dumps(page())])
    text += '\n{"UserDetailList": [' + json.dumps(user("bob", PASS_ANY)) + ", {"
    whole = load(text=text)
    pieces = account.load((Path("account.json"), iter([text[at : at + size] for at in range(0, len(text), size)])))
    assert pieces == whole
    assert len(whole.users) == 2
    assert len(whole.notes.unreadable) == 2


def test_text_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    """Entities before the first wrong byte are read."""
    text = json.dumps(page(UserDetailList=[user("alice", PASS_ANY), user("bob")]), indent=2).encode()
    (tmp_path / "account.json").write_bytes(text.replace(b'"bob"', b'"\xff"'))
    result = scan_paths([tmp_path / "account.json"], ScanOptions())
    assert ["not UTF-8" in entry.reason for entry in result.unreadable] == [True]


@pytest.mark.parametrize("output", [{"Roles": [role("a")]}, {"Policies": [managed("p")]}, {"SummaryMap": {"Roles": 3}}])
def test_output_of_another_command_is_named(output: dict[str, Any], tmp_path: Path) -> None:
    """The message says which command writes the details of an account."""
    (entry,) = scan(tmp_path, json.dumps(output, indent=4)).unreadable
    assert "get-account-authorization-details" in entry.reason


def test_keys_of_a_template_in_a_large_file_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file is recognized by its first list; what else it has is reported."""
    monkeypatch.setattr("passrole_checks.sources.recognize.LARGEST_TEMPLATE", 1000)
    content = {**page(UserDetailList=[user(f"u{number}", PASS_ANY) for number in range(20)]), "Resources": {}}
    (entry,) = scan(tmp_path, json.dumps(content)).unreadable
    assert "Resources" in entry.reason


def test_account_file_is_not_edited(tmp_path: Path) -> None:
    """``fix`` changes nothing: the file shows what is deployed."""
    file = tmp_path / "account.json"
    file.write_text(json.dumps(page(UserDetailList=[user("alice", PASS_ANY)]), indent=2))
    before = file.read_bytes()
    for grade in ("equivalent", "narrowed"):
        run_command("fix", str(file), "--grade", grade)
    assert file.read_bytes() == before
