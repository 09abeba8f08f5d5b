"""A large Terraform plan, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

_IAM = 10  # every tenth resource is a role's policy
_PROVIDER = "registry.terraform.io/hashicorp/aws"


def plan(size: int) -> Iterator[str]:
    """A plan of at least ``size`` bytes in pieces: what changes, what is planned, and the configuration.

    What a plan holds of a resource stands in it three times, as Terraform writes it.
    """
    some = list(map(_values, range(_IAM)))
    parts = (_change, _planned, _configured)
    length = sum(len(json.dumps(part(number, one))) for number, one in enumerate(some) for part in parts)
    count = (size // length + 1) * _IAM
    yield '{"format_version":"1.2","terraform_version":"1.9.8","planned_values":{"root_module":{"resources":['
    yield from _joined(json.dumps(_planned(number, _values(number))) for number in range(count))
    yield ']}},"resource_changes":['
    yield from _joined(json.dumps(_change(number, _values(number))) for number in range(count))
    yield '],"configuration":{"root_module":{"resources":['
    yield from _joined(json.dumps(_configured(number, _values(number))) for number in range(count))
    yield "]}}}\n"


def _joined(texts: Iterator[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        yield f",{text}" if place else text


def _values(number: int) -> dict[str, Any]:
    return _policy(number) if number % _IAM == 0 else _other(number)


def _policy(number: int) -> dict[str, Any]:
    resource = ["*", "arn:aws:iam::111122223333:role/app-*", f"arn:aws:iam::111122223333:role/app-{number}"][number % 3]
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::data-{number}/*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return {"name": f"policy-{number}", "name_prefix": None, "policy": policy, "role": f"role-{number}"}


def _other(number: int) -> dict[str, Any]:
    random = Random(f"plan {number}")
    return {
        "ami": f"ami-{random.getrandbits(68):017x}",
        "instance_type": "t3.large",
        "tags": {f"key-{place}": f"{random.getrandbits(96):024x}" for place in range(12)},
        "user_data": f"#!/bin/bash\n# {random.getrandbits(256):064x}\n"
        + 'echo "a line of a script" >> /var/log/x\n' * 8,
        "root_block_device": [{"encrypted": True, "volume_size": 50, "volume_type": "gp3", "tags": {}}],
        "timeouts": None,
    }


def _named(number: int, values: dict[str, Any]) -> dict[str, Any]:
    kind = "aws_iam_role_policy" if "policy" in values else "aws_instance"
    return {"address": f"{kind}.r{number}", "mode": "managed", "type": kind, "name": f"r{number}"}


def _change(number: int, values: dict[str, Any]) -> dict[str, Any]:
    unknown = {"id": True} if "policy" in values else {"id": True, "arn": True, "private_ip": True, "tags": {}}
    change = {
        "actions": ["create"], "before": None, "after": values, "after_unknown": unknown, "before_sensitive": False,
        "after_sensitive": {},
    }  # fmt: skip
    return {**_named(number, values), "provider_name": _PROVIDER, "change": change}


def _planned(number: int, values: dict[str, Any]) -> dict[str, Any]:
    more = {"provider_name": _PROVIDER, "schema_version": 1, "values": values, "sensitive_values": {}}
    return {**_named(number, values), **more}


def _configured(number: int, values: dict[str, Any]) -> dict[str, Any]:
    expressions = {key: {"constant_value": value} for key, value in values.items() if isinstance(value, str)}
    return {**_named(number, values), "provider_config_key": "aws", "schema_version": 1, "expressions": expressions}
