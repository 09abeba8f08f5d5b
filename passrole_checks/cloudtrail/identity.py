"""Who made a request, from the ``userIdentity`` of its event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from passrole_checks.cloudtrail.model import Who

_SESSION = re.compile(r"(arn:[^:]+:sts::\d{12}:assumed-role/[^/]+)/")


def who(identity: Any) -> Who:
    """Whom an event tells. What is no ``userIdentity`` gives a `Who` whose principal is empty."""
    if not isinstance(identity, Mapping):
        return Who("")
    context = _mapping(identity, "sessionContext")
    issuer = _text(_mapping(context, "sessionIssuer"), "arn")
    arn, invoked_by = _text(identity, "arn"), _text(identity, "invokedBy")
    kind = _text(identity, "type")
    session = _SESSION.match(arn)
    # A session of a role acts with the role's policies; that of a federated user with those of the user who made it.
    principal = issuer or (session[1] if session else arn)
    if not principal:
        on_behalf = _text(_mapping(identity, "onBehalfOf"), "userId")
        principal = on_behalf or invoked_by or _text(identity, "userName") or _text(identity, "principalId")
    return Who(
        principal=principal,
        type=kind,
        arn=arn,
        session_issuer=issuer,
        source_identity=_text(context, "sourceIdentity"),
        invoked_by=invoked_by,
    )


def account_of(identity: Any) -> str:
    """The account of who made the request; empty where it is not told."""
    return _text(identity, "accountId") if isinstance(identity, Mapping) else ""


def _mapping(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = _member(node, name)
    return inner if isinstance(inner, Mapping) else {}


def _text(node: Mapping[str, Any], name: str) -> str:
    inner = _member(node, name)
    return inner if isinstance(inner, str) and inner.lower() != "null" else ""


def _member(node: Mapping[str, Any], name: str) -> Any:
    """A member, whose name an export may have in small letters."""
    return node[name] if name in node else node.get(name.lower())
