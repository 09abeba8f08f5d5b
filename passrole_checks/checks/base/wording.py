"""Phrases that the messages and remedies of several checks share."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles.arn import Scope


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names, the first few of them, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def equals(grant: PassRoleGrant, services: Sequence[str]) -> str:
    """The condition operator on iam:PassedToService that names these services: as JSON, which objects of HCL and YAML
    take as well, or in the words of a ``condition`` block where the statement is written as a ``statement`` block."""
    if grant.statement.block:
        return f'test = "StringEquals", variable = "iam:PassedToService", values = {json.dumps(list(services))}'
    value = json.dumps(services[0] if len(services) == 1 else list(services))
    return f'"StringEquals": {{"iam:PassedToService": {value}}}'


def condition_on(grant: PassRoleGrant, services: Sequence[str]) -> str:
    """The whole condition, in the words of the statement."""
    operator = equals(grant, services)
    return f"a condition ({operator})" if grant.statement.block else f'"Condition": {{{operator}}}'


def resource_of(grant: PassRoleGrant) -> str:
    """The element that names the roles, in the words of the statement."""
    return "resources = […]" if grant.statement.block else "Resource"


def roles_in_words(grant: PassRoleGrant) -> str:
    """The role patterns of a grant, shortened to three, without what can be no role if others are there."""
    roles = [role for role in grant.roles if role.scope is not Scope.NOT_A_ROLE] or grant.roles
    names = list(dict.fromkeys(shortened(str(role.pattern), 140) for role in roles))
    shown = ("every role but " if grant.complement else "") + ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def how_granted(grant: PassRoleGrant) -> str:
    """``through iam:*`` where PassRole is not granted by its name, else nothing."""
    return "" if grant.explicit else f" through {grant.granted_by}"


def beside(grant: PassRoleGrant) -> str:
    """A sentence that names the conditions that do not decide who gets which role, else nothing."""
    if not grant.other_conditions:
        return ""
    names = ", ".join(dict.fromkeys(grant.other_conditions))
    return f" The condition on {names} limits neither the role nor the service."


def only_by(services: Sequence[str]) -> str:
    """A sentence that says that only these services hold what a principal may do, else nothing."""
    return f" Only {listed(services)} can make use of this, and no code of callers runs there." if services else ""


def shortened(words: str, most: int = 90) -> str:
    """An expression of the scanned file on one line, cut where it is long: first within what is filled in, so that the
    name of a role behind a long expression for its account is still told."""
    words = " ".join(words.split())
    if len(words) > most:
        words = _FILLED_IN.sub(r"\1…\2", words)
    return words if len(words) <= most else words[: most - 1] + "…"


def condition_in_short(words: str, most: int = 90) -> str:
    """A condition of the scanned file on one line, cut in the middle where it is long: what it is compared with stands
    at its end."""
    words = " ".join(words.split())
    end = most // 3
    return words if len(words) <= most else f"{words[: most - end - 1]}…{words[-end:]}"


_FILLED_IN = re.compile(r"(\$\{[^{}]{18})[^{}]{4,}([^{}]{21}\})")
