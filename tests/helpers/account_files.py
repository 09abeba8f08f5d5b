"""Files with the details of an account, as ``aws iam get-account-authorization-details`` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ACCOUNT = "111122223333"
LAMBDA = "lambda.amazonaws.com"
START = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
PASS_APPS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/app-*"}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def arn(kind: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def role(
    name: str,
    *statements: dict[str, Any],
    service: str = LAMBDA,
    path: str = "/",
    account: str = ACCOUNT,
    **fields: Any,
) -> dict[str, Any]:
    principal = {"Service": service} if service else {"AWS": f"arn:aws:iam::{account}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    inline = [{"PolicyName": "own", "PolicyDocument": document(*statements)}] if statements else []
    return {
        "RoleName": name,
        "Path": path,
        "Arn": arn("role", f"{path[1:]}{name}", account),
        "CreateDate": "2026-03-01T00:00:00Z",
        "AssumeRolePolicyDocument": document(trust),
        "RolePolicyList": inline,
        **fields,
    }


def managed(name: str, *statements: dict[str, Any]) -> dict[str, Any]:
    versions = [{"VersionId": "v1", "IsDefaultVersion": True, "Document": document(*statements)}]
    return {"PolicyName": name, "Path": "/", "Arn": arn("policy", name), "PolicyVersionList": versions}


def attached(*names: str) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyArn": arn("policy", name)} for name in names]


def account_file(path: Path, **lists: list[dict[str, Any]]) -> Path:
    page = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": [], **lists}
    path.write_text(json.dumps(page), encoding="utf-8")
    return path
