"""Change sets: added, changed and removed access, new access, and positions in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.errors import InputError
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.values.nodes import unresolved_in
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.change_set import is_change_set, load
from passrole_checks.sources.model.configuration import Configuration, Framework
from passrole_checks.sources.recognize import recognize_bytes

ACCOUNT = "111122223333"
APP = f"arn:aws:iam::{ACCOUNT}:role/app-*"
LAMBDA = "lambda.amazonaws.com"
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
INFO = ScanOptions(minimum_severity=Severity.INFO)

Properties = dict[str, Any]


def allow(*roles: str, service: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": ["iam:GetRole", "iam:PassRole"], "Resource": list(roles)}
    return {**found, "Condition": {"StringEquals": {"iam:PassedToService": service}}} if service else found


def deny(*roles: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "iam:PassRole", "Resource": list(roles)}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def policy(*statements: dict[str, Any], roles: tuple[str, ...] = ("deployer",)) -> Properties:
    return {"PolicyName": "pass", "PolicyDocument": document(*statements), "Roles": list(roles)}


def role(*statements: dict[str, Any], **more: Any) -> Properties:
    inline = [{"PolicyName": "own", "PolicyDocument": document(*statements)}] if statements else []
    return {"AssumeRolePolicyDocument": document(), "Policies": inline, **more}


def change(
    action: str, name: str, kind: str, before: Properties | None = None, after: Properties | None = None, **more: Any
) -> dict[str, Any]:
    """Return an entry of ``Changes``; contexts are JSON texts, as in the API."""
    found: dict[str, Any] = {"Action": action, "LogicalResourceId": name, "ResourceType": f"AWS::IAM::{kind}", **more}
    for key, properties in (("BeforeContext", before), ("AfterContext", after)):
        if properties is not None:
            found[key] = json.dumps({"Properties": properties}, separators=(",", ":"))
    return {"Type": "Resource", "ResourceChange": found}


def described(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}"
    return {
        "Changes": list(changes), "ChangeSetName": "release", "ChangeSetId": f"{arn}:changeSet/release/1",
        "StackId": f"{arn}:stack/app/1", "StackName": "app", "Status": "CREATE_COMPLETE", "Parameters": [], **more,
    }  # fmt: skip


def read(content: Any) -> Configuration:
    return load(Path("release.json"), content if isinstance(content, str) else json.dumps(content, indent=4))


def scanned(folder: Path, content: Any) -> ScanResult:
    file = folder / "release.json"
    file.write_text(json.dumps(content, indent=4), "utf-8")
    return scan_paths([file], INFO)


def new(folder: Path, *changes: dict[str, Any], **more: Any) -> list[Finding]:
    result = scanned(folder, described(*changes, **more))
    assert result.unreadable == ()
    return [finding for finding in result.findings if finding.check_id == "PASSROLE_015"]


def test_widened_policy_is_new_access(tmp_path: Path) -> None:
    """At medium confidence, since other policies of the role are unknown."""
    (finding,) = new(
        tmp_path, change("Modify", "Pass", "Policy", policy(allow(APP, service=LAMBDA)), policy(allow("*")))
    )
    assert (finding.severity, finding.confidence) == (Severity.HIGH, Confidence.MEDIUM)
    assert "and now any role in the account" in finding.message
    assert "Other policies, which the change does not name" in finding.message


@pytest.mark.parametrize(
    "after",
    [allow(APP, service=LAMBDA), allow(f"arn:aws:iam::{ACCOUNT}:role/app-one", service=LAMBDA)],
    ids=["the same", "narrower"],
)
def test_changed_or_narrowed_policy_is_not_new_access(tmp_path: Path, after: dict[str, Any]) -> None:
    """Neither is one that is changed without being widened."""
    before = policy(allow(APP, service=LAMBDA))
    assert new(tmp_path, change("Modify", "Pass", "Policy", before, {**policy(after), "PolicyName": "other"})) == []


def test_imported_resource_is_not_new_access(tmp_path: Path) -> None:
    """It exists already; its other findings are reported."""
    imported = described(change("Import", "Deployer", "Role", None, role(allow("*")), PhysicalResourceId="deployer"))
    assert [one.check_id for one in scanned(tmp_path, imported).findings] == ["PASSROLE_001"]


def test_moved_statement_is_not_new_access(tmp_path: Path) -> None:
    """From one policy of a role to another."""
    stays = policy(allow(APP))
    assert (
        new(
            tmp_path,
            change("Remove", "Old", "Policy", stays, PhysicalResourceId="app-Old-1"),
            change("Add", "New", "ManagedPolicy", None, stays),
        )
        == []
    )


def test_created_role_is_completely_known(tmp_path: Path) -> None:
    """All its policies are in the change set, so its access is surely new."""
    (finding,) = new(tmp_path, change("Add", "Deployer", "Role", None, role(allow("*"))))
    assert (finding.severity, finding.confidence) == (Severity.HIGH, Confidence.HIGH)
    assert finding.message.startswith("Deployer had no PassRole access")


def test_role_is_matched_by_its_physical_id() -> None:
    """The physical id is the name if the template sets none."""
    found = read(
        described(
            change("Modify", "Deployer", "Role", role(), role(), PhysicalResourceId="app-Deployer-1ABC"),
            change("Add", "Pass", "Policy", None, policy(allow(APP), roles=("app-Deployer-1ABC",))),
            change(
                "Add", "Managed", "ManagedPolicy", None, {"PolicyDocument": document(allow(APP)), "Roles": ["other"]}
            ),
        )
    )
    assert [policy.principals for policy in found.policies if policy.path == "PolicyDocument"] == [
        ("Deployer",),
        ("other",),
    ]


def test_managed_policy_is_matched_by_its_arn() -> None:
    """A role that lists the ARN of a changed managed policy has it."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/app-Managed-1ABC"
    changed = {"PolicyDocument": document(allow(APP))}
    found = read(
        described(
            change("Modify", "Managed", "ManagedPolicy", changed, changed, PhysicalResourceId=arn),
            change("Add", "Deployer", "Role", None, role(ManagedPolicyArns=[arn])),
        )
    )
    assert [one.principals for one in found.policies if one.resource.address == "Managed"] == [("Deployer",)]


def test_unknown_name_is_resolved_by_its_cause() -> None:
    """It is that of the resource that the details name as the cause."""
    target = {"Attribute": "Properties", "Path": "/Properties/Roles/0", "AfterValue": LATER}
    detail = {"Target": target, "ChangeSource": "ResourceReference", "CausingEntity": "Deployer"}
    found = read(
        described(
            change("Add", "Deployer", "Role", None, role()),
            change("Modify", "Pass", "Policy", None, policy(allow(APP), roles=(LATER,)), Details=[detail]),
        )
    )
    assert [one.principals for one in found.policies if one.resource.address == "Pass"] == [("Deployer",)]


def test_known_after_apply_is_unresolved() -> None:
    """Each is a separate unresolved value with a reason; such a principal is none."""
    found = read(described(change("Add", "Pass", "Policy", None, policy(allow(LATER, f"{LATER}-x"), roles=(LATER,)))))
    (policy_,) = found.policies
    assert policy_.principals == ()
    holes = list(unresolved_in(policy_.document))
    assert [hole.expression for hole in holes] == ["changeSet:KNOWN_AFTER_APPLY", "changeSet:KNOWN_AFTER_APPLY #2"]
    assert {hole.reason for hole in holes} == {"known after the change set is executed"}


def test_noecho_value_is_unresolved(tmp_path: Path) -> None:
    """Asterisks are not wildcards if a parameter is hidden by NoEcho."""
    parameters = [{"ParameterKey": "Role", "ParameterValue": "****"}]
    added = change("Add", "Pass", "Policy", None, policy(allow("****", service=LAMBDA)))
    hidden = scanned(tmp_path, described(added, Parameters=parameters))
    open_ = scanned(tmp_path, described(added))
    assert "PASSROLE_014" in {finding.check_id for finding in hidden.findings}
    assert "PASSROLE_001" not in {finding.check_id for finding in hidden.findings}
    assert "PASSROLE_001" in {finding.check_id for finding in open_.findings}


def test_statement_inside_a_context_has_its_position(tmp_path: Path) -> None:
    """In a JSON text inside JSON."""
    content = described(change("Add", "Pass", "Policy", None, policy(deny("a"), allow("*"))))
    (finding,) = [one for one in scanned(tmp_path, content).findings if one.check_id == "PASSROLE_001"]
    line = (tmp_path / "release.json").read_text("utf-8").split("\n")[finding.at.line - 1]
    text = line[finding.at.column - 1 : finding.at.end_column - 1]
    assert json.loads(text.replace('\\"', '"')) == allow("*")
    assert finding.statement_path == "PolicyDocument/Statement/1"


def test_decoded_contexts_are_read() -> None:
    """So are the lower-case keys of the console."""
    plain = described(change("Add", "Pass", "Policy", None, policy(allow("*"))))
    entry = plain["Changes"][0]["ResourceChange"]
    small = {key[:1].lower() + key[1:]: value for key, value in entry.items()}
    decoded = {**entry, "AfterContext": json.loads(entry["AfterContext"])}
    console = [{"type": "Resource", "resourceChange": small}]
    for other in (described({"Type": "Resource", "ResourceChange": decoded}), console):
        assert is_change_set(json.dumps(other))
        found = read(other)
        assert [(one.resource.address, one.path, one.principals) for one in found.policies] == [
            ("Pass", "PolicyDocument", ("deployer",))
        ]


def test_pages_are_one_change_set() -> None:
    """A list of pages is read as a whole; a missing last page is reported."""
    first = described(change("Add", "Pass", "Policy", None, policy(allow(APP))), NextToken="more")
    second = described(change("Add", "Other", "Policy", None, policy(allow(APP))))
    both = read([first, second])
    assert [one.address for one in both.resources] == ["Pass", "Other"]
    assert both.notes.not_evaluated == ()
    assert [note.reason for note in read(first).notes.not_evaluated] == [
        "incomplete change set: the next page (NextToken) is missing"
    ]


def test_removed_deny_is_reported() -> None:
    """It may have restricted policies outside the change set."""
    found = read(
        described(change("Modify", "Limit", "Policy", policy(deny(APP), allow("*")), policy(allow("*"), roles=("a",))))
    )
    assert [note.reason for note in found.notes.not_evaluated] == [
        "Limit: a Deny of iam:PassRole is removed; its effect on policies outside the change set is unknown"
    ]


def test_removed_and_synchronized_policies_are_not_checked() -> None:
    """Removed policies, and resources of which only CloudFormation's records change, are not changed policies."""
    found = read(
        described(
            change("Remove", "Gone", "Policy", policy(allow("*"))),
            change("SyncWithActual", "Same", "Policy", policy(allow("*")), policy(allow("*"))),
        )
    )
    assert found.policies == ()
    assert [one.resource.address for one in found.change.unchanged] == ["Same"]
    assert [one.resource.address for one in found.change.before or ()] == ["Gone", "Same"]


def test_unchanged_option_checks_synchronized_resources(tmp_path: Path) -> None:
    """They are not new access."""
    found = described(change("SyncWithActual", "Same", "Policy", policy(allow("*")), policy(allow("*"))))
    (tmp_path / "release.json").write_text(json.dumps(found))
    judged = [scan_paths([tmp_path], ScanOptions(unchanged=unchanged)).findings for unchanged in (False, True)]
    assert [[one.check_id for one in findings] for findings in judged] == [[], ["PASSROLE_001"]]


def test_nested_stack_names_its_change_set() -> None:
    """The changes of a nested stack are in another change set, which is reported."""
    nested = change("Modify", "Child", "Role", ChangeSetId="arn:aws:cloudformation:eu-west-1:1:changeSet/child/2")
    nested["ResourceChange"]["ResourceType"] = "AWS::CloudFormation::Stack"
    (note,) = read(described(nested)).notes.not_evaluated
    assert note.reason.startswith("Child: ")
    assert "arn:aws:cloudformation:eu-west-1:1:changeSet/child/2" in note.reason


def test_account_and_partition_come_from_the_stack_arn() -> None:
    """They are those of the target."""
    found = read(described(change("Add", "Pass", "Policy", None, policy(allow(APP)))))
    assert (found.account, found.change.home.account, found.change.home.partitions) == (ACCOUNT, ACCOUNT, ("aws",))
    assert found.framework is Framework.CLOUDFORMATION


def test_missing_property_values_name_the_option() -> None:
    """A change set that was described without its property values is refused, with the option that is missing."""
    with pytest.raises(InputError, match="--include-property-values"):
        read(described(change("Modify", "Pass", "Policy")))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"ChangeSetName": "x", "Changes": [{"ResourceChange": {', "not valid JSON"),
        ([described(), described(ChangeSetId="other")], "several change sets"),
        ('{"ChangeSetName": "x", "Changes": ' + "[" * 5000, "not valid JSON: nested more than"),
    ],
)
def test_invalid_change_set_is_an_error(content: Any, reason: str) -> None:
    """A broken file, or one with several change sets, is one clear error."""
    with pytest.raises(InputError, match=reason):
        read(content)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (7, "a change is not an object"),
        ({"ResourceChange": {"Action": "Add"}}, "a change has no LogicalResourceId, ResourceType or Action"),
        (change("Explode", "A", "Role", None, role()), "A: unknown action Explode"),
        (
            {"ResourceChange": {**change("Add", "A", "Role")["ResourceChange"], "AfterContext": "no JSON"}},
            "A: AfterContext is not a JSON object",
        ),
    ],
)
def test_malformed_change_is_unreadable_and_the_rest_is_read(entry: Any, reason: str) -> None:
    """It is reported with its line."""
    found = read(described(entry, change("Add", "Pass", "Policy", None, policy(allow(APP)))))
    assert reason in [one.reason for one in found.notes.unreadable]
    assert [one.resource.address for one in found.policies] == ["Pass"]


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (described(), True),
        ([described()], True),
        ('{"Changes": [{"Type": "Resource", "ResourceChange": {"LogicalResourceId": "A", ', True),
        ({"Comment": "DNS", "Changes": [{"Action": "UPSERT", "ResourceRecordSet": {}}]}, False),
        ({"Resources": {"A": {"Type": "Custom::X", "Properties": {"ChangeSetName": "a", "Changes": []}}}}, False),
        ([{"ResourceRecordSet": {}}], False),
        ("Changes:\n- ResourceChange: {}\n", False),
    ],
)
def test_change_sets_are_recognized_by_content(content: Any, answer: bool) -> None:
    """Also if they are truncated; templates and other changes are not."""
    text = content if isinstance(content, str) else json.dumps(content)
    assert is_change_set(text) is answer
    if answer:
        assert recognize_bytes(text.encode()).framework is Framework.CLOUDFORMATION


def test_added_function_receives_its_role() -> None:
    """A function that is only synchronized keeps its own."""
    own, other = {"Role": "{{changeSet:KNOWN_AFTER_APPLY}}"}, {"Role": f"arn:aws:iam::{ACCOUNT}:role/f"}
    changes = [change("Add", "F", "Role", after=own), change("SyncWithActual", "G", "Role", before=other, after=other)]
    for entry in changes:
        entry["ResourceChange"]["ResourceType"] = "AWS::Lambda::Function"
    found = read(described(*changes))
    assert found.provisioning.stack == "app"
    assert [(one.resource.address, str(one.value), one.by) for one in found.received] == [
        ("F", "${changeSet:KNOWN_AFTER_APPLY}", "deployer"),
        ("G", f"arn:aws:iam::{ACCOUNT}:role/f", "unchanged"),
    ]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        ([described(), 7], ["a page of the change set is not an object"]),
        (described(Changes={}), ["Changes is not a list"]),
        (described(Changes=[7, {"HookInvocationCount": 1}, {"Type": "Resource"}]), ["a change is not an object"]),
    ],
    ids=["page", "changes", "entry"],
)
def test_malformed_part_is_reported_once(content: Any, reasons: list[str]) -> None:
    """A page, list or change of another type."""
    assert [one.reason for one in read(content).notes.unreadable] == reasons


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"Status": "FAILED", "StatusReason": "No\n updates"}, "the change set is FAILED: No updates"),
        ({"Status": "CREATE_PENDING"}, "the change set is CREATE_PENDING"),
    ],
)
def test_failed_change_set_reports_its_status(more: dict[str, Any], reason: str) -> None:
    """With the reason that CloudFormation gives."""
    assert reason in [one.reason for one in read(described(**more)).notes.not_evaluated]


def test_dynamic_action_is_reported() -> None:
    """CloudFormation decides the action when it executes the change set."""
    found = read(described(change("Dynamic", "Pass", "Policy", policy(allow(APP)), policy(allow("*")))))
    assert [one.reason for one in found.notes.not_evaluated] == [
        "Pass: its action is decided when the change set is executed"
    ]


def test_only_properties_and_metadata_of_a_context_are_read() -> None:
    """Other parts of a context, and properties that are not an object, are ignored."""
    entry = change("Add", "Pass", "Policy", None, policy(allow("*")))
    context = json.loads(entry["ResourceChange"]["AfterContext"])
    entry["ResourceChange"]["AfterContext"] = json.dumps({"CreationPolicy": {}, "Metadata": {"a": "b"}, **context})
    odd = change("Add", "Odd", "User", None, {})
    odd["ResourceChange"]["AfterContext"] = json.dumps({"Properties": [1]})
    found = read(described(entry, odd))
    assert [one.resource.address for one in found.policies] == ["Pass"]
    assert [one.reason for one in found.notes.unreadable] == ["Odd: Properties is not a mapping"]


def test_partly_unknown_text_keeps_its_known_parts() -> None:
    """A value known after execution is an unresolved part; numbers stay."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{LATER}-x"
    statement = {**allow(arn), "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": 5}}}
    found = read(described(change("Add", "Pass", "Policy", None, policy(statement))))
    assert [str(hole.expression) for hole in unresolved_in(found.policies[0].document)] == [
        "changeSet:KNOWN_AFTER_APPLY"
    ]


def test_a_denial_that_moves_is_not_lost() -> None:
    """A Deny that goes away with one policy and comes with another takes what it took."""
    moved = read(
        described(
            change("Remove", "Old", "Policy", policy(deny(APP))),
            change("Add", "New", "Policy", None, policy(deny(APP))),
        )
    )
    assert moved.notes.not_evaluated == ()


def test_unknown_value_is_replaced_by_its_cause() -> None:
    """By the role that causes it, in lists, too; a cause with a wrong path, or for a known value, changes nothing."""
    made = change("Add", "ImplicitRole", "Role", None, role())
    entry = change("Modify", "Pass", "Policy", policy(allow(APP)), policy(allow(LATER, APP), roles=(LATER,)))

    def cause(path: str, entity: str) -> dict[str, Any]:
        return {"Target": {"Attribute": "Properties", "Path": path}, "CausingEntity": entity}

    entry["ResourceChange"]["Details"] = [
        cause("/Properties/PolicyDocument/Statement/0/Resource/0", "ImplicitRole.Arn"),
        cause("/Properties/PolicyDocument/Statement/0/Resource/1", "ImplicitRole.Arn"),
        cause("/Properties/PolicyDocument/Statement/0/Resource/first", "ImplicitRole.Arn"),
        cause("/Properties/PolicyDocument/Statement/0/Nothing", "ImplicitRole.Arn"),
        cause("/Properties/Roles/0", "ImplicitRole"),
        cause("/Metadata/x", "ImplicitRole"),
        cause("/Properties/PolicyName", "Elsewhere.Arn"),
    ]
    found = read(described(made, entry))
    (given,) = (one for one in found.policies if one.resource.address == "Pass")
    assert given.principals == ("ImplicitRole",)
    assert [hole.role for hole in unresolved_in(given.document)] == ["ImplicitRole"]
