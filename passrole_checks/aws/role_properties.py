"""Resource properties that receive a role or an instance profile, and the services that they pass it to.

``tools.aws_facts`` writes the data (``role_properties.json``) from the resource schemas of CloudFormation and of the
Terraform provider ``aws`` and from a table maintained by hand; ``NOTICE`` beside it names the sources. The types
``awscc_…`` are not included: that provider is generated from the CloudFormation schemas, and so are its names
(https://registry.terraform.io/providers/hashicorp/awscc/latest/docs).

Two names of a service are distinguished. A role is *passed* to the value of ``iam:PassedToService``, and *assumed* by
the principal that its trust policy names. They are mostly equal, but not if a service passes the role on: an IoT role
alias is passed to ``iot.amazonaws.com`` and assumed by ``credentials.iot.amazonaws.com`` (Service Authorization
Reference, "Actions, resources, and condition keys for AWS IoT"; the table "API operations" of such a page lists the
values of ``iam:PassedToService`` by operation).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from passrole_checks.aws.data_files import CONFIDENCE, expand_principals, read_json
from passrole_checks.iam.fast_dataclass import dataclass

_FILE = "role_properties.json"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A property that receives a role or an instance profile.

    `path` leads from the properties of the resource to the value: ``"*"`` is each element of a list, ``"{}"`` each
    value of a map. In the Terraform provider ``aws`` every nested block is followed by ``"*"``, repeatable or not;
    plans represent some of them as a single object. `services` are the values of ``iam:PassedToService``, `trusted` the
    principals that the role must trust; several are alternatives. Both are empty if no service is involved or known.
    Only `trusted` is empty if no service assumes the role, but a federated principal does (Amazon Cognito, a Kubernetes
    service account).

    `how` is ``"passed"``, or ``"assumed"`` if the role is assumed by other means (from another account, by web
    identity, by the role of the resource itself) and ``iam:PassRole`` is not needed. `when` is ``"create"`` if the
    permission is checked when the resource is created or changed, ``"use"`` if it is checked only when the resource is
    used, as with launch templates (Amazon EC2 User Guide, "Control access to launch templates with IAM permissions").

    `confidence`: ``"documented"`` (AWS documents the value of ``iam:PassedToService``), ``"corroborated"`` (the service
    principal is used by AWS, and sources agree that this is a role), ``"hint"``.
    """

    type: str
    path: tuple[str, ...]
    kind: str
    how: str
    services: tuple[str, ...]
    trusted: tuple[str, ...]
    confidence: str
    when: str = "create"


@dataclass(frozen=True, slots=True)
class EmbeddedReceiver:
    """A role inside a value that the schema of the resource type does not describe.

    `path` leads to the container, as in `Receiver`; if empty, the container is the resource itself. `form` is one of:

    - ``"json"``: a JSON (or YAML) text, or in CloudFormation mostly the object itself; `inside` leads on within it,
      with ``"**"`` for any depth. Keys are compared ignoring case, since ``jobRoleArn`` and ``JobRoleArn`` both occur.
    - ``"pair"``: an object with a name and a value; it matches if each key of `where` has the given value
      (ignoring case); `inside` leads to the value.
    - ``"template"``: a CloudFormation template, whose resources are receivers themselves.
    - ``"properties"``: the properties of a single CloudFormation resource, as JSON; the attribute in `inside` contains
      its type.

    `by` is who passes the role: ``"deployer"``, ``"resource"`` (the service, later, with the role of the resource, as
    Step Functions starting an ECS task), or ``"user"`` (of the resource, such as an SSM document).
    """

    type: str
    path: tuple[str, ...]
    form: str
    where: tuple[tuple[str, str], ...]
    inside: tuple[str, ...]
    kind: str
    services: tuple[str, ...]
    trusted: tuple[str, ...]
    confidence: str
    by: str = "deployer"


@lru_cache(maxsize=4096)
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = read_json(_FILE)
    return data


@lru_cache(maxsize=4096)
def receivers_of(resource_type: str) -> tuple[Receiver, ...]:
    """Return the properties of a resource type that receive a role or an instance profile.

    `resource_type` is a type of CloudFormation or SAM (``AWS::Lambda::Function``) or Terraform
    (``aws_lambda_function``, ``awscc_lambda_function``). The result is empty for other types.
    """
    rows = _data()["types"].get(resource_type)
    if rows is not None:
        return tuple(_parse_receiver(resource_type, tuple(row[0].split("/")), row) for row in rows)
    original = _awscc_types().get(resource_type) if resource_type.startswith("awscc_") else None
    if original is None:
        return ()
    return tuple(
        _parse_receiver(resource_type, tuple(map(snake_case, row[0].split("/"))), row)
        for row in _data()["types"][original]
    )


@lru_cache(maxsize=4096)
def receiver_types() -> frozenset[str]:
    """Return all resource types that receive a role or an instance profile in a property of their own."""
    return frozenset(_data()["types"]) | frozenset(_awscc_types())


@lru_cache(maxsize=4096)
def embedded_receivers_of(resource_type: str) -> tuple[EmbeddedReceiver, ...]:
    """Return the locations of roles inside JSON, templates and generic settings of a resource type."""
    return tuple(
        EmbeddedReceiver(
            type=resource_type,
            path=tuple(row["path"].split("/")) if row["path"] else (),
            form=row["form"],
            where=tuple(sorted(row.get("where", {}).items())),
            inside=tuple(row["inside"].split("/")) if row.get("inside") else (),
            kind=row.get("kind", "role"),
            services=expand_principals(row.get("services", "")),
            trusted=expand_principals(row.get("trusted", row.get("services", ""))),
            confidence=row.get("confidence", "corroborated"),
            by=row.get("by", "deployer"),
        )
        for row in _data().get("embedded", {}).get(resource_type, ())
    )


def _parse_receiver(resource_type: str, path: tuple[str, ...], row: list[str]) -> Receiver:
    """Parse a row of the data: path, letters, services, and the trusted principals if they differ.

    The letters are kind (``r``, ``i``), how (``p``, ``a``), confidence (``d``, ``c``, ``h``) and when (``c``, ``u``).
    """
    kind, how, confidence, when = tuple(row[1])
    return Receiver(
        type=resource_type,
        path=path,
        kind="instance_profile" if kind == "i" else "role",
        how="assumed" if how == "a" else "passed",
        services=expand_principals(row[2]),
        trusted=expand_principals(row[3] if len(row) > 3 else row[2]),
        confidence=CONFIDENCE[confidence],
        when="use" if when == "u" else "create",
    )


@lru_cache(maxsize=4096)
def _awscc_types() -> Mapping[str, str]:
    """Return CloudFormation types by the name of their resource in the Terraform provider ``awscc``."""
    types = (name.split("::") for name in _data()["types"] if name.startswith("AWS::"))
    return {
        f"awscc_{service.lower()}_{snake_case(name)}": f"AWS::{service}::{name}"
        for _, service, name in types
        if service != "Serverless"
    }


def snake_case(name: str) -> str:
    """Return a CloudFormation name as the Terraform provider ``awscc`` spells it: ``IAMServiceRole`` is
    ``iam_service_role``."""
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", words).lower()
