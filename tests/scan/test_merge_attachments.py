"""One AWS managed policy on many roles with equal trust is one finding of the command line."""

from __future__ import annotations

import json
from pathlib import Path

from command_runs import run_command

POLICY = "AWSLambda_FullAccess"


def template(**policies: str) -> str:
    """A template with a role for each name, which Lambda can assume, and with its AWS managed policy."""
    resources = {}
    for name, policy in policies.items():
        service = "ec2" if name.startswith("Ec2") else "lambda"
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{service}.amazonaws.com"},
        }
        resources[name] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
                "ManagedPolicyArns": [f"arn:aws:iam::aws:policy/{policy}"],
            },
        }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, indent=1)


def scanned(folder: Path, *options: str, **policies: str) -> list[dict[str, object]]:
    """Return the primary findings of the command line on such a template, with the uses of their groups."""
    (folder / "template.json").write_text(template(**policies))
    return items(folder, *options)


def items(folder: Path, *options: str) -> list[dict[str, object]]:
    """Return the primary findings in ``template.json``, with the uses of their groups."""
    done = run_command("scan", "template.json", "--format", "json", *options, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    findings = json.loads(done.stdout)["findings"]
    uses: dict[str, list[str]] = {}
    for one in findings:
        uses.setdefault(one["group"], []).extend(one["uses"])
    return [{**one, "uses": uses[one["group"]]} for one in findings if one["primary"]]


def test_equal_trust_is_one_finding_with_all_uses(tmp_path: Path) -> None:
    """The finding has the position and fingerprint of the first attachment, and the uses and principals of all."""
    alone = scanned(tmp_path, A=POLICY)
    (found,) = scanned(tmp_path, A=POLICY, B=POLICY, C=POLICY)
    assert found["uses"] == ["A", "B", "C"] and found["fingerprint"] == alone[0]["fingerprint"]
    text = run_command("scan", "template.json", cwd=tmp_path).stdout
    assert text.count("PASSROLE_013 managed-policy") == 1 and "A, B, C can pass any role" in text


def test_other_trust_or_policy_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """Roles that other services can assume, and other policies, are not merged."""
    found = scanned(tmp_path, A=POLICY, Ec2A=POLICY, B=POLICY, C="AdministratorAccess")
    assert sorted(map(str, (one["uses"] for one in found))) == ["['A', 'B']", "['C']", "['Ec2A']"]


def test_new_attachment_counts_beside_a_baseline(tmp_path: Path) -> None:
    """A baseline accepts each attachment by itself, so a new one is reported alone."""
    scanned(tmp_path, "--write-baseline", "baseline.json", A=POLICY, B=POLICY)
    assert scanned(tmp_path, "--baseline", "baseline.json", A=POLICY, B=POLICY) == []
    (found,) = scanned(tmp_path, "--baseline", "baseline.json", A=POLICY, B=POLICY, C=POLICY)
    assert found["uses"] == ["C"]


def test_code_scanning_keeps_each_position(tmp_path: Path) -> None:
    """SARIF has a result for each attachment, so that no alert closes by itself."""
    (tmp_path / "template.json").write_text(template(A=POLICY, B=POLICY))
    done = run_command("scan", "template.json", "--format", "sarif", cwd=tmp_path)
    assert len(json.loads(done.stdout)["runs"][0]["results"]) == 2


def test_escalation_by_one_policy_is_one_finding(tmp_path: Path) -> None:
    """PASSROLE_008 names other roles for each attachment, as examples; the cause is the same."""
    content = json.loads(template(A=POLICY, B=POLICY))
    for name in ("A", "B"):
        start = {"Effect": "Allow", "Action": ["glue:CreateJob", "glue:StartJobRun"], "Resource": "*"}
        run = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [run, start]}
        content["Resources"][name]["Properties"]["Policies"] = [{"PolicyName": "run", "PolicyDocument": document}]
    (tmp_path / "template.json").write_text(json.dumps(content))
    (found,) = items(tmp_path, "--check", "PASSROLE_008")
    assert found["uses"] == ["A", "B"]


def test_attachments_under_conditions_of_their_own_are_one_finding(tmp_path: Path) -> None:
    """The message does not state the condition of one of them for all."""
    content = json.loads(template(A=POLICY, B=POLICY, C=POLICY))
    content["Parameters"] = {name: {"Type": "String"} for name in ("First", "Second")}
    content["Conditions"] = {name: {"Fn::Equals": [{"Ref": name}, "yes"]} for name in ("First", "Second")}
    content["Resources"]["A"]["Condition"], content["Resources"]["B"]["Condition"] = "First", "Second"
    (tmp_path / "template.json").write_text(json.dumps(content))
    (found,) = items(tmp_path)
    text = run_command("scan", "template.json", cwd=tmp_path).stdout
    assert found["uses"] == ["A", "B", "C"] and "differ" in text and "Applies when First" not in text


def test_changes_of_passed_roles_by_one_principal_are_one_finding(tmp_path: Path) -> None:
    """PASSROLE_016 of several statements has one cause: the permission to change roles. JSON keeps each statement."""
    allow = {"Effect": "Allow", "Resource": "arn:aws:iam::111122223333:role/app-*"}
    passing = [
        {**allow, "Action": "iam:PassRole", "Resource": f"{allow['Resource']}-{service}", "Condition": {
            "StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}}
        for service in ("lambda", "ec2")
    ]  # fmt: skip
    document = {"Version": "2012-10-17", "Statement": [{**allow, "Action": "iam:PutRolePolicy"}, *passing]}
    content = json.loads(template(A=POLICY))
    content["Resources"]["A"]["Properties"].update(
        ManagedPolicyArns=[], Policies=[{"PolicyName": "p", "PolicyDocument": document}]
    )
    (tmp_path / "template.json").write_text(json.dumps(content, indent=1))
    (found,) = items(tmp_path, "--check", "PASSROLE_016")
    assert found["uses"] == ["A", "A"]
    text = run_command("scan", "template.json", "--check", "PASSROLE_016", cwd=tmp_path).stdout
    assert text.count("PASSROLE_016 self-pass") == 1 and f"template.json:{found['line']}" in text
