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
    """Return the findings of the command line on such a template."""
    (folder / "template.json").write_text(template(**policies))
    done = run_command("scan", "template.json", "--format", "json", *options, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return list(json.loads(done.stdout)["findings"])


def test_equal_trust_is_one_finding_with_all_uses(tmp_path: Path) -> None:
    """The finding has the position and fingerprint of the first attachment, and the uses and principals of all."""
    alone = scanned(tmp_path, A=POLICY)
    (found,) = scanned(tmp_path, A=POLICY, B=POLICY, C=POLICY)
    assert found["uses"] == ["A", "B", "C"] and found["fingerprint"] == alone[0]["fingerprint"]
    assert str(found["message"]).startswith("A, B, C can pass any role")


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
    done = run_command("scan", "template.json", "--check", "PASSROLE_008", "--format", "json", cwd=tmp_path)
    (found,) = json.loads(done.stdout)["findings"]
    assert found["uses"] == ["A", "B"] and found["message"].startswith("A, B can escalate to any role")
