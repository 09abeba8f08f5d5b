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
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.passed_roles import PassedRoles
from passrole_checks.suggest.published_modules import services_of_missing_module

_ATTACHED_TO = ", attached to "  # in the note on a missing managed policy, which passes no roles
_VARIABLE = lazy_regex(r"\bvar\.[\w-]+")
_FEW = 2
_LONG = 90


def unknown_principals(over: PassedRoles) -> str:
    """Return a caveat if the principals of the policy are unknown; else ""."""
    resource = over.located.resource
    if any(one.handed_to is not None and one.resource == resource for one in over.analyzed.configuration.policies):
        return f"the principals that get the policy handed to {shortened(resource.address)}, and the roles they pass"
    return ""


def missing_parts(over: PassedRoles, services: Collection[str] = ()) -> tuple[str, ...]:
    """Return caveats for parts of the configuration that are not available and may pass roles too, to one of these
    services (none: to any)."""
    found = [one.reason for one in over.analyzed.configuration.notes.not_evaluated if _may_belong(over, one.file)]
    parts = list(dict.fromkeys(reason for reason in found if _ATTACHED_TO not in reason))
    known = {reason: services_of_missing_module(reason) for reason in parts}
    parts = [one for one in parts if (own := known[one]) is None or set(own) & set(services or own)]
    shown = [f"whether more roles are passed ({_shortened_reason(reason)})" for reason in parts[:_FEW]]
    more = len(parts) - len(shown)
    return (*shown, *([f"and {more} similar parts"] if more else []))


def conditional_resources(over: PassedRoles, services: Collection[str]) -> tuple[str, ...]:
    """Return caveats for resources that exist only if variables differ from their defaults, and receive roles for these
    services (none: for any).
    """
    folders = {os.path.dirname(file) for file in over.analyzed.configuration.files if _may_belong(over, file)}
    names = [name for folder in sorted(folders) for name in over.referable.conditional_consumers(folder, services)]
    shown = [f"the role of {name}, which does not exist by default" for name in names[:_FEW]]
    more = len(names) - len(shown)
    return (*shown, *([f"and {more} similar resources"] if more else []))


def variable_choice(over: PassedRoles, at: Position) -> str:
    """Return a caveat if a variable selects the role of a resource; else ""."""
    if over.analyzed.configuration.framework is not Framework.TERRAFORM:
        return ""
    words = over.referable.attribute_at(at)
    found = _VARIABLE.search(words) if "?" in words else None
    return f"which role is passed for other values of {found[0]} (its default was used)" if found is not None else ""


def _may_belong(over: PassedRoles, file: str) -> bool:
    """True if a file belongs to the module of the statement or may belong to one that it calls."""
    is_root = not module_of(over.located.resource.address)
    if is_root or over.analyzed.configuration.framework is not Framework.TERRAFORM:
        return True
    return os.path.dirname(file) == os.path.dirname(over.located.grant.at.file)


def _shortened_reason(reason: str) -> str:
    """Return the reason for a missing part on one line; a long module source is shortened, the reason kept."""
    found = re.fullmatch(r"(module \S+ \()(.*)(\) .*)", reason, re.DOTALL)
    if found is None or len(reason) <= _LONG:
        return shortened(reason)
    return f"{found[1]}{shortened(found[2], 40)}{shortened(found[3])}"
