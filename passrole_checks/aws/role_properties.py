"""Which property of which resource receives a role or an instance profile, and for which service.

The data (``role_properties.json``) is written by ``tools.aws_facts`` from the resource schemas of
CloudFormation and of the Terraform provider ``aws`` and from a table kept by hand; ``NOTICE`` beside it names the
sources. The types ``awscc_…`` are not in it: that provider is generated from the CloudFormation schemas, and so are its
names (https://registry.terraform.io/providers/hashicorp/awscc/latest/docs).

Two names of a service are kept apart. A role is *passed* to the value of ``iam:PassedToService``, and is *assumed* by
the principal that its trust policy names. They are mostly the same, and not where a service hands the role on: an IoT
role alias is passed to ``iot.amazonaws.com`` and assumed by ``credentials.iot.amazonaws.com`` (Service Authorization
Reference, "Actions, resources, and condition keys for AWS IoT"; the table "API operations" of such a page gives the
values of ``iam:PassedToService`` by operation).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from passrole_checks.aws.load import CONFIDENCE, principals, read_json

_FILE = "role_properties.json"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A property that receives a role or an instance profile.

    `path` leads from the properties of the resource to the value: ``"*"`` is each element of a list, ``"{}"`` each
    value of a map. In the Terraform provider ``aws`` every nested block is followed by ``"*"``, whether or not it may
    stand more than once; a plan holds some of them as a single object. `services` are the values of
    ``iam:PassedToService``, `trusted` the principals that a role has to trust there; of several, any may be
    meant. Both are empty where no service is involved, or none is known. `trusted` alone is empty where no service
    assumes the role, but somebody who was identified elsewhere (Amazon Cognito, a Kubernetes service account): such a
    role trusts a federated principal.

    `how` is ``"passed"``, or ``"assumed"`` where the role is assumed by another means (from another account, by web
    identity, by the role of the resource itself) and nobody needs ``iam:PassRole`` for it. `when` says when the
    permission is checked: ``"create"`` for whoever makes or changes the resource, ``"use"`` where only whoever uses it
    is asked, as with launch templates (Amazon EC2 User Guide, "Control access to launch templates with IAM
    permissions").

    `confidence`: ``"documented"`` (AWS documents the value of ``iam:PassedToService``), ``"corroborated"`` (the service
    principal is one that AWS uses, and sources agree that this is a role), ``"hint"``.
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
    """A role that stands inside something that the resource type itself says nothing about.

    `path` leads to the container, as in `Receiver`. `form` says what it is:

    - ``"json"``: a JSON (or YAML) text, or in CloudFormation mostly the object itself; `inside` leads on within it,
      with ``"**"`` for any depth. Keys are told apart without regard to case, since ``jobRoleArn`` and ``JobRoleArn``
      both occur.
    - ``"pair"``: an object with a name and a value; only those count in which each key of `where` has the value given
      there (without regard to case); `inside` leads to the value.
    - ``"template"``: a CloudFormation template, whose resources are receivers themselves.
    - ``"properties"``: the properties of a single CloudFormation resource, as JSON; its type stands beside them in
      the attribute that `inside` names.

    An empty `path` is the resource itself.

    `by` says who passes the role: ``"deployer"``, or ``"resource"`` where the service does it later under the role of
    the resource (Step Functions starting an ECS task), or ``"user"`` where whoever uses it does (an SSM document).
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
    """The properties of a resource type that receive a role or an instance profile.

    `resource_type` is the type in CloudFormation or SAM (``AWS::Lambda::Function``), or the resource in Terraform
    (``aws_lambda_function``, ``awscc_lambda_function``). A type that is not known, or receives nothing, gives ``()``.
    """
    rows = _data()["types"].get(resource_type)
    if rows is not None:
        return tuple(_receiver(resource_type, tuple(row[0].split("/")), row) for row in rows)
    original = _awscc_types().get(resource_type) if resource_type.startswith("awscc_") else None
    if original is None:
        return ()
    return tuple(
        _receiver(resource_type, tuple(map(snake_case, row[0].split("/"))), row) for row in _data()["types"][original]
    )


@lru_cache(maxsize=4096)
def receiver_types() -> frozenset[str]:
    """All resource types that receive a role or an instance profile in a property of their own."""
    return frozenset(_data()["types"]) | frozenset(_awscc_types())


@lru_cache(maxsize=4096)
def embedded_receivers_of(resource_type: str) -> tuple[EmbeddedReceiver, ...]:
    """The places inside JSON, templates and generic settings of a resource type in which a role can stand."""
    return tuple(
        EmbeddedReceiver(
            type=resource_type,
            path=tuple(row["path"].split("/")) if row["path"] else (),
            form=row["form"],
            where=tuple(sorted(row.get("where", {}).items())),
            inside=tuple(row["inside"].split("/")) if row.get("inside") else (),
            kind=row.get("kind", "role"),
            services=principals(row.get("services", "")),
            trusted=principals(row.get("trusted", row.get("services", ""))),
            confidence=row.get("confidence", "corroborated"),
            by=row.get("by", "deployer"),
        )
        for row in _data().get("embedded", {}).get(resource_type, ())
    )


def _receiver(resource_type: str, path: tuple[str, ...], row: list[str]) -> Receiver:
    """A row of the data: path, letters, services, and the trusted principals where those are others. The letters are
    kind (``r``, ``i``), how (``p``, ``a``), confidence (``d``, ``c``, ``h``) and when (``c``, ``u``)."""
    kind, how, confidence, when = tuple(row[1])
    return Receiver(
        type=resource_type,
        path=path,
        kind="instance_profile" if kind == "i" else "role",
        how="assumed" if how == "a" else "passed",
        services=principals(row[2]),
        trusted=principals(row[3] if len(row) > 3 else row[2]),
        confidence=CONFIDENCE[confidence],
        when="use" if when == "u" else "create",
    )


@lru_cache(maxsize=4096)
def _awscc_types() -> Mapping[str, str]:
    """CloudFormation types by the name of their resource in the Terraform provider ``awscc``."""
    types = (name.split("::") for name in _data()["types"] if name.startswith("AWS::"))
    return {
        f"awscc_{service.lower()}_{snake_case(name)}": f"AWS::{service}::{name}"
        for _, service, name in types
        if service != "Serverless"
    }


def snake_case(name: str) -> str:
    """A name of CloudFormation as the Terraform provider ``awscc`` spells it: ``IAMServiceRole`` is
    ``iam_service_role``."""
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", words).lower()
