"""Check: the base class of all checks, one class for one question about one grant.

The docstring of a check is its documentation (what is wrong, what an attacker does with it, how to fix it); its
examples are its tests and part of its page.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import Enum
from typing import Any, ClassVar

from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ExampleRole:
    """A role beside the policy of an example: its name in account 111122223333, the services that it trusts, and the
    statements of its own policy. ``is_holder``: it is the role that the policy of the example is attached to."""

    name: str
    trusts: tuple[str, ...] = ()
    statements: tuple[dict[str, Any], ...] = ()
    is_holder: bool = False


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
    """One check. ``severity`` is the highest that it reports; each verdict has its own.

    ``accepts``: the special grants that it also gets, beside live and certain ones of this account.
    ``compares_versions``: it is about a change, and reports nothing if only one version is known.
    ``depends_on_verdicts_of``: ids of the checks whose verdicts on the same grant decide the severity of this one.
    ``checks_managed_policies``: it also gets statements of attached AWS managed policies.
    ``needs_all_policies``: it considers all policies of a principal together, so that a change of one of them is a
    reason to check the others. ``superseded_by``: ids of checks that report the same and more: a verdict is dropped if
    one of theirs is about the same principal, and is no less severe or certain. ``independent_of``: the elements of a
    statement whose unresolved values cannot make this check flag it. ``about_keys``: it reports misspelled condition
    keys, which is as certain if they make the statement grant nothing.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    title: ClassVar[str]  # one sentence, shown where a host shows only a name
    severity: ClassVar[Severity]
    accepts: ClassVar[frozenset[Special]] = frozenset()
    compares_versions: ClassVar[bool] = False
    depends_on_verdicts_of: ClassVar[tuple[str, ...]] = ()
    checks_managed_policies: ClassVar[bool] = False
    needs_all_policies: ClassVar[bool] = False
    superseded_by: ClassVar[tuple[str, ...]] = ()
    independent_of: ClassVar[frozenset[Element]] = frozenset()
    about_keys: ClassVar[bool] = False
    flagged: ClassVar[tuple[Example, ...]]
    clean: ClassVar[tuple[Example, ...]]

    @abstractmethod
    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        """Yield a verdict for each problem of the grant. Never raises."""

    @classmethod
    def documentation(cls) -> str:
        """The docstring, which is the page of the check."""
        return inspect.cleandoc(cls.__doc__ or "")


def passed_to(*services: str, operator: str = "StringEquals") -> dict[str, Any]:
    """A condition on iam:PassedToService for an example."""
    return {operator: {"iam:PassedToService": services[0] if len(services) == 1 else list(services)}}


TO_LAMBDA = passed_to("lambda.amazonaws.com")


def allow(
    action: str | list[str], resource: str | list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An Allow statement for an example."""
    conditions = {"Condition": condition} if condition is not None else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **conditions}
