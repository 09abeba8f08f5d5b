"""What speaks against that the roles and the services that a configuration shows are those that a statement is for.

Terraform's values are judged with the defaults of variables, under which a resource may not be there, and with the
modules that are here; a policy that is handed to a module or a custom resource is held by nobody knows whom; and what a
principal may do beside passing roles says which services it passes them to. Sources: Terraform language documentation,
"The count Meta-Argument" and "Input Variables"; AWS CloudFormation Template Reference,
AWS::CloudFormation::CustomResource; Service Authorization Reference (``iam:PassRole`` as a dependent action).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from passrole_checks.aws.passrole_actions import passing_actions
from passrole_checks.checks.base.wording import shortened
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import MODULE, Framework
from passrole_checks.suggest.referable_roles import ReferableRoles

_CUSTOM = re.compile(r"Custom::|AWS::CloudFormation::CustomResource\Z")
_ATTACHED = ", attached to "  # of a managed policy that is not here, which passes nothing to anybody
_VARIABLE = re.compile(r"\bvar\.[\w-]+")
_SURE = ("documented", "corroborated")
_FEW = 2
_LONG = 90


class Doubts:
    """The doubts about one statement. Each is a phrase for people: what they have to find out."""

    def __init__(self, analyzed: AnalyzedConfiguration, surroundings: ReferableRoles, located: LocatedGrant) -> None:
        self._analyzed, self._surroundings, self._located = analyzed, surroundings, located

    def of_holder(self) -> str:
        """Where nobody knows who gets the policy."""
        resource = self._located.resource
        if resource.type == MODULE or _CUSTOM.match(resource.type):
            return f"who holds the policy that {shortened(resource.address)} is given, and which roles they pass"
        return ""

    def of_parts(self) -> tuple[str, ...]:
        """What belongs to the configuration and is not here, and may pass roles as well."""
        found = [one.reason for one in self._analyzed.configuration.not_evaluated if self._is_below(one.file)]
        parts = list(dict.fromkeys(reason for reason in found if _ATTACHED not in reason))
        told = [f"whether more roles are passed, since {_without_source(reason)}" for reason in parts[:_FEW]]
        more = len(parts) - len(told)
        return (*told, *([f"and {more} more parts like this"] if more else []))

    def of_defaults(self, services: Collection[str]) -> tuple[str, ...]:
        """Resources that are there only where variables have other values than their defaults, and take roles to these
        services; none for all."""
        folders = {os.path.dirname(file) for file in self._analyzed.configuration.files if self._is_below(file)}
        idle = [name for folder in sorted(folders) for name in self._surroundings.idle(folder, services)]
        told = [f"the role of {name}, which is not there by default" for name in idle[:_FEW]]
        more = len(idle) - len(told)
        return (*told, *([f"and {more} more like this"] if more else []))

    def of_choice(self, at: Position) -> str:
        """Where a variable decides which role a resource is given."""
        if self._analyzed.configuration.framework is not Framework.TERRAFORM:
            return ""
        words = self._surroundings.attribute_at(at)
        found = _VARIABLE.search(words)
        if found is None or "?" not in words:
            return ""
        return f"which role is passed for {found[0]}, whose default decides it here"

    def of_actions(self, services: Collection[str]) -> str:
        """Where what the principal may do beside passing roles hands them to other services only."""
        found = self._reached
        if not found or set(found) & set(services):
            return ""
        service, action = next(iter(found.items()))
        return f"the roles that are passed to {service} ({action})"

    def reached(self) -> tuple[str, ...]:
        """The services that the other actions of the statement hand roles to, or else those that the rest of what its
        holders may do does; none where that says nothing."""
        own = (passed for _, passed in _passing([self._located.grant.statement]))
        return tuple(sorted({service for passed in own for service in passed} or self._reached))

    @cached_property
    def _reached(self) -> dict[str, str]:
        """The services that what the principal may do beside passing roles hands them to, with the actions."""
        own = {self._located.resource.address}
        holders = set(self._located.principals)
        found: dict[str, str] = {}
        for policy in self._analyzed.configuration.policies:
            if policy.resource.address in own or holders & set(policy.principals):
                for action, passed in _passing(parse_document(policy.document).statements):
                    found.update(dict.fromkeys(passed, action))
        return found

    def _is_below(self, file: str) -> bool:
        """Whether a file is of the module that the statement stands in, or of those that it may call."""
        if self._analyzed.configuration.framework is not Framework.TERRAFORM:
            return True
        if not module_of(self._located.resource.address):
            return True
        return os.path.dirname(file) == os.path.dirname(self._located.grant.at.file)


def _without_source(reason: str) -> str:
    """Why a part is not here, on one line: a long source of a module is cut, and not that it is not here."""
    found = re.fullmatch(r"(module \S+ \()(.*)(\) .*)", reason, re.DOTALL)
    if found is None or len(reason) <= _LONG:
        return shortened(reason)
    return f"{found[1]}{shortened(found[2], 40)}{shortened(found[3])}"


def _passing(statements: Iterable[Statement]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The actions that statements allow and that pass roles, each with the services; of wildcards the actions are those
    of one service: one that allows every action says nothing."""
    for statement in statements:
        if statement.effect != "Allow":
            continue
        for text in statement.actions or ():
            name = (text.literal or "").lower()
            service, colon, action = name.partition(":")
            if not colon or not action or "*" in service or "?" in service:
                continue
            pattern = re.compile("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in name))
            for key, known in passing_actions().items():
                if known.services and known.confidence in _SURE and pattern.fullmatch(key):
                    yield str(text), known.services
