"""Templates with roles, and the groups of the findings on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from command_runs import run_command

ACCOUNT = "arn:aws:iam::111122223333"


def allow(action: str | list[str], resource: str | list[str] | dict[str, Any] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def role(principal: dict[str, Any], *statements: dict[str, Any], managed: str = "") -> dict[str, Any]:
    """A role with its inline policy, or an AWS managed policy."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    properties: dict[str, Any] = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        properties["Policies"] = [{"PolicyName": "own", "PolicyDocument": document}]
    if managed:
        properties["ManagedPolicyArns"] = [f"arn:aws:iam::aws:policy/{managed}"]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def write(path: Path, **resources: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, indent=1))


def groups(folder: Path) -> list[list[str]]:
    """Return the check and the resource of each finding of medium or higher, by group, the primary first."""
    done = run_command("scan", ".", "--format", "json", "--severity", "medium", cwd=folder)
    assert done.returncode == 1, done.stderr
    found: dict[str, list[tuple[bool, str]]] = {}
    for one in json.loads(done.stdout)["findings"]:
        words = f"{one['check_id'][-3:]} {one['resource']}"
        found.setdefault(one["group"], []).append((not one["primary"], words))
    assert all([first for first, _ in sorted(members)].count(False) == 1 for members in found.values())
    return sorted([words for _, words in sorted(members)] for members in found.values())


BUILD, CLOUDFORMATION = {"Service": "codebuild.amazonaws.com"}, {"Service": "cloudformation.amazonaws.com"}
