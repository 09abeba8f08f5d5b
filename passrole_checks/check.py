"""The shape of a check: one class, one question, asked of one grant at a time.

The docstring of a check is its documentation (what is wrong; what an attacker does with it; how to mend it), its
examples are its tests and its page.
"""

from __future__ import annotations

import inspect
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from passrole_checks.assuming import acts_for_callers, passed_as
from passrole_checks.comparison import Gainer
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.conditions.condition import Constraint
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.documents.trust import KnownRole, linked_service
from passrole_checks.iam.passing.passrole import PassRoleGrant
from passrole_checks.iam.roles.arn import Scope, account_of
from passrole_checks.iam.values import Text
from passrole_checks.reach import Reach, named_role

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.principal import Principal


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check looks at: one grant (or denial) and what is known around it.

    ``statements`` are all statements of the same document. ``roles`` holds the roles of this configuration by address
    or logical id, ``roles_by_name`` by path and name (``app/worker``). ``account`` is the account deployed to, if
    known; ``many_accounts`` where the policy is made for several (permission sets, SCPs, StackSets). ``gainers`` are
    those to whom the grant gives what they did not have before the change that is looked at, if it is one; ``flagged``
    the checks of :attr:`Check.weighs` that flag the grant at medium or more. ``module`` is where the resource of the
    policy stands, as :func:`module_of` gives it. ``holders`` are the principals that hold the policy, or the policy
    itself where nobody here does; ``reach`` says what they reach with it. ``managed`` is the name of the AWS managed
    policy that the grant stands in, if it does.
    """

    grant: PassRoleGrant
    statements: tuple[Statement, ...] = ()
    roles: Mapping[str, KnownRole] = field(default_factory=dict)
    roles_by_name: Mapping[str, KnownRole] = field(default_factory=dict)
    account: str | None = None
    many_accounts: bool = False
    gainers: tuple[Gainer, ...] = ()
    flagged: frozenset[str] = frozenset()
    module: str = ""
    holders: tuple[Principal, ...] = ()
    reach: Reach | None = None
    managed: str = ""

    def is_foreign(self, pattern: Text) -> bool:
        """Whether a Resource names an account that is surely not the one deployed to."""
        named = account_of(pattern)
        return None not in (named, self.account) and named != self.account and not self.many_accounts

    def known_role(self, pattern: Text) -> KnownRole | None:
        """The role of this configuration that a Resource names, if it names one exactly."""
        return named_role(pattern, self.roles, self.roles_by_name)

    def role_of(self, holder: Principal) -> KnownRole | None:
        """The role of this configuration that a principal is."""
        return self.roles.get(holder.name) or self.roles_by_name.get(holder.name)

    def only_for(self, holder: Principal) -> tuple[str, ...]:
        """The services that alone can act as a principal, where it is such a role and they run nothing of their
        callers with it: nobody has its permissions in hand."""
        own = self.role_of(holder)
        if own is None or not own.only_services or not own.trusted or any(map(acts_for_callers, own.trusted)):
            return ()
        return tuple(sorted(own.trusted))

    def services_of(self, role: KnownRole) -> tuple[str, ...]:
        """The services that resources of this configuration hand a role to."""
        return self.reach.services_of(role) if self.reach is not None else ()

    def services_to_name(self) -> tuple[str, ...]:
        """The services that the condition should name: those that the roles in scope are handed to here, or else those
        that their trust policies name; of a service-linked role the one in its path. None where a role in scope is not
        known here, or says neither."""
        if self.grant.complement or not self.grant.roles:
            return ()
        found: dict[str, None] = {}
        for item in self.grant.roles:
            role = self.known_role(item.pattern)
            if role is not None:
                services = self.services_of(role) or passed_as(role.trusted or ())
            else:
                linked = linked_service(item.pattern)
                services = passed_as((linked,)) if linked else ()
            if not services:
                return ()
            found.update(dict.fromkeys(services))
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class ExampleRole:
    """A role beside the policy of an example: its name in account 111122223333, the services that it trusts, and the
    statements of its own policy. ``holds``: it is the role that the policy of the example is attached to."""

    name: str
    trusts: tuple[str, ...] = ()
    statements: tuple[dict[str, Any], ...] = ()
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """Statements that a check flags or leaves alone, as in a policy document of Version 2012-10-17.

    ``unknown`` names the texts that stand for a value that is not known before deployment. ``before`` are the
    statements that stood there before the change, where the example is one. ``beside`` are those of another policy of
    the same principal, ``roles`` roles of the same configuration; ``managed`` is the name of the AWS managed policy
    that is attached, and that the statements are from.
    """

    title: str
    statements: tuple[dict[str, Any], ...]
    account: str | None = None
    unknown: tuple[str, ...] = ()
    before: tuple[dict[str, Any], ...] | None = None
    beside: tuple[dict[str, Any], ...] = ()
    roles: tuple[ExampleRole, ...] = ()
    managed: str = ""


class Element(Enum):
    """The elements of a statement that an unresolved value can leave open; ``STATEMENT`` is the grant as a whole."""

    STATEMENT = "statement"
    ROLES = "roles"
    SERVICES = "services"


class Check(ABC):
    """One check. ``severity`` is the one that its table row promises; a verdict carries its own.

    ``compares``: it looks at a change, and has nothing to say where only one version is shown. ``weighs``: the ids of
    other checks whose verdicts on the same grant decide how severe this one is. ``judges_managed``: it is also asked
    about statements of AWS managed policies that are attached. ``joint``: it looks at all policies of a principal
    together, so that a change of one of them is a reason to ask it about the others. ``yields_to``: the ids of other
    checks that say the same and more: what one of them says of the same principal, as severely and as surely, is not
    said again. ``independent_of``: the elements of a statement whose unresolved values cannot make this check flag it.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    title: ClassVar[str]  # one sentence, shown where a host shows only a name
    severity: ClassVar[Severity]
    compares: ClassVar[bool] = False
    weighs: ClassVar[tuple[str, ...]] = ()
    judges_managed: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    yields_to: ClassVar[tuple[str, ...]] = ()
    independent_of: ClassVar[frozenset[Element]] = frozenset()
    flagged: ClassVar[tuple[Example, ...]]
    clean: ClassVar[tuple[Example, ...]]

    @abstractmethod
    def evaluate(self, subject: Subject) -> Iterator[Verdict]:
        """What is wrong with the grant, if anything. A check never raises for what it is shown."""

    @classmethod
    def documentation(cls) -> str:
        """The docstring, which is the page of the check."""
        return inspect.cleandoc(cls.__doc__ or "")


def allow(
    action: str | list[str], resource: str | list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An Allow statement for an example."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition is not None:
        statement["Condition"] = condition
    return statement


def is_live(grant: PassRoleGrant) -> bool:
    """Whether the grant can let anything through: an Allow that no Deny takes away whole and no condition kills."""
    return grant.effect == "Allow" and not grant.denied and not grant.condition.dead


def is_scoped(grant: PassRoleGrant) -> bool:
    """Whether the roles are limited, and surely roles."""
    return grant.scope in (Scope.PREFIX, Scope.EXACT, Scope.ROLE_IN_TEMPLATE)


def narrows_services(grant: PassRoleGrant) -> bool:
    """Whether a condition on iam:PassedToService leaves services out in a way that one can rely on."""
    constraint = grant.services.constraint
    if constraint is Constraint.PATTERN:
        return not grant.open_to_other_services
    return constraint in (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)


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


_MODULES = re.compile(r"""(?:module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?\.)*""")


def module_of(address: str) -> str:
    """What stands before the resource in its Terraform address (``module.a.module.b.``); nothing in a root module."""
    found = _MODULES.match(address)
    return found[0] if found is not None else ""


def seen_from(module: str, words: str) -> str:
    """Words of a Terraform configuration as they read inside of a module: without its own address."""
    if not module:
        return words
    own = re.escape(module[:-1])
    words = re.sub(rf" \({own}\)|(?<=\(){own}, ", "", words)
    return re.sub(rf"(?<![\w.-]){re.escape(module)}", "", words)
