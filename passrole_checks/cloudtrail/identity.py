"""Read the principal of a request from the ``userIdentity`` of its event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from passrole_checks.cloudtrail.model import Who
from passrole_checks.iam.lazy_regex import lazy_regex

_SESSION = lazy_regex(r"(arn:[^:]+:sts::\d{12}:assumed-role/[^/]+)/")
_ROLE = lazy_regex(r"(arn:[^:]+:)iam::(\d{12}):role/(?:.*/)?([^/]+)")


def read_identity(identity: Any) -> Who:
    """Return the identity that an event states. If it is not a ``userIdentity``, the `principal` is empty."""
    if not isinstance(identity, Mapping):
        return Who("")
    context = _mapping(identity, "sessionContext")
    issuer = _text(_mapping(context, "sessionIssuer"), "arn")
    arn, invoked_by = _text(identity, "arn"), _text(identity, "invokedBy")
    kind = _text(identity, "type")
    session = _SESSION.match(arn)
    # A role session has the policies of the role; a federated user session those of the user who created it.
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


def issuers_by_session(roles: Iterable[str]) -> dict[str, str]:
    """Return ARNs of roles that issued sessions, by the `principal` of a session whose event states no issuer.

    Names of roles are unique in an account (IAM User Guide, "IAM and AWS STS quotas"), and the ARN of a session has
    no path (IAM User Guide, "IAM identifiers"). Of several roles with one name, the last counts.
    """
    found = ((_ROLE.fullmatch(role), role) for role in roles)
    return {f"{match[1]}sts::{match[2]}:assumed-role/{match[3]}": role for match, role in found if match}


def with_issuer(who: Who, issuers: Mapping[str, str]) -> Who:
    """Return an identity with the ARN of its role as `principal`, if its event states no issuer and others do."""
    return who if who.session_issuer else replace(who, principal=issuers.get(who.principal, who.principal))


def account_of(identity: Any) -> str:
    """Return the account of the requester; empty if not stated."""
    return _text(identity, "accountId") if isinstance(identity, Mapping) else ""


def _mapping(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = _member(node, name)
    return inner if isinstance(inner, Mapping) else {}


def _text(node: Mapping[str, Any], name: str) -> str:
    inner = _member(node, name)
    return inner if isinstance(inner, str) and inner.lower() != "null" else ""


def _member(node: Mapping[str, Any], name: str) -> Any:
    """Return a member; exports may write its name in lower case."""
    return node[name] if name in node else node.get(name.lower())
