"""Reasons to doubt that the visible roles and services are those that a statement is for.

Terraform is evaluated with the defaults of variables, under which a resource may not exist, and with the modules that
are available; and the principals of a policy passed to a module or a custom resource are unknown. Sources: Terraform
language documentation, "The count Meta-Argument" and "Input Variables"; AWS CloudFormation Template Reference,
AWS::CloudFormation::CustomResource.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.published_modules import services_of_missing_module
from passrole_checks.suggest.referable_roles import ReferableRoles

_ATTACHED_TO = ", attached to "  # in the note on a missing managed policy, which passes no roles
_VARIABLE = lazy_regex(r"\bvar\.[\w-]+")
_FEW = 2
_LONG = 90


class Caveats:
    """The caveats about one statement. Each is a phrase that says what a person must find out."""

    def __init__(self, analyzed: AnalyzedConfiguration, referable: ReferableRoles, located: LocatedGrant) -> None:
        self._analyzed, self._referable, self._located = analyzed, referable, located

    def unknown_principals(self) -> str:
        """Return a caveat if the principals of the policy are unknown; else ""."""
        resource = self._located.resource
        policies = self._analyzed.configuration.policies
        if any(one.handed_to is not None and one.resource == resource for one in policies):
            return (
                f"the principals that get the policy handed to {shortened(resource.address)}, and the roles they pass"
            )
        return ""

    def missing_parts(self, services: Collection[str] = ()) -> tuple[str, ...]:
        """Return caveats for parts of the configuration that are not available and may pass roles too, to one of these
        services (none: to any)."""
        found = [one.reason for one in self._analyzed.configuration.not_evaluated if self._may_belong(one.file)]
        parts = list(dict.fromkeys(reason for reason in found if _ATTACHED_TO not in reason))
        parts = [reason for reason in parts if _may_pass_role(reason, services)]
        shown = [f"whether more roles are passed ({_shortened_reason(reason)})" for reason in parts[:_FEW]]
        more = len(parts) - len(shown)
        return (*shown, *([f"and {more} similar parts"] if more else []))

    def conditional_resources(self, services: Collection[str]) -> tuple[str, ...]:
        """Return caveats for resources that exist only if variables differ from their defaults, and receive roles for
        these services (none: for any).
        """
        folders = {os.path.dirname(file) for file in self._analyzed.configuration.files if self._may_belong(file)}
        conditional = [
            name for folder in sorted(folders) for name in self._referable.conditional_consumers(folder, services)
        ]
        shown = [f"the role of {name}, which does not exist by default" for name in conditional[:_FEW]]
        more = len(conditional) - len(shown)
        return (*shown, *([f"and {more} similar resources"] if more else []))

    def variable_choice(self, at: Position) -> str:
        """Return a caveat if a variable selects the role of a resource; else ""."""
        if self._analyzed.configuration.framework is not Framework.TERRAFORM:
            return ""
        words = self._referable.attribute_at(at)
        found = _VARIABLE.search(words) if "?" in words else None
        if found is None:
            return ""
        return f"which role is passed for other values of {found[0]} (its default was used)"

    def _may_belong(self, file: str) -> bool:
        """True if a file belongs to the module of the statement or may belong to one that it calls."""
        if self._analyzed.configuration.framework is not Framework.TERRAFORM:
            return True
        if not module_of(self._located.resource.address):
            return True
        return os.path.dirname(file) == os.path.dirname(self._located.grant.at.file)


def _may_pass_role(reason: str, services: Collection[str]) -> bool:
    """True if a missing part may pass a role to one of these services (none: to any)."""
    known = services_of_missing_module(reason)
    return known is None or bool(set(known) & set(services) if services else known)


def _shortened_reason(reason: str) -> str:
    """Return the reason for a missing part on one line; a long module source is shortened, the reason kept."""
    found = re.fullmatch(r"(module \S+ \()(.*)(\) .*)", reason, re.DOTALL)
    if found is None or len(reason) <= _LONG:
        return shortened(reason)
    return f"{found[1]}{shortened(found[2], 40)}{shortened(found[3])}"
